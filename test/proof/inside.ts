/**
 * Preloaded into a life whose names or database are to fail: what it does comes as messages of the case.
 * `names`: what `localhost` leads to at each lookup, the last for all that follow. `isFull`: the database's disk.
 */
import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import Database from 'better-sqlite3'

type Found = string | string[]
type Lookup = (host: string, options: dns.LookupAllOptions, callback: (...result: unknown[]) => void) => void

const known = dns.lookup as unknown as Lookup
let answers: Found[] = []

const lookup: Lookup = (host, options, callback) => {
  const next = answers.length > 1 ? answers.shift() : answers[0]
  if (host !== 'localhost' || next === undefined) return known(host, options, callback)
  if (typeof next === 'string' && /^E/.test(next))
    return process.nextTick(callback, Object.assign(new Error(`${next} by the script`), { code: next }))
  const found = [next].flat().map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  if (options.all) process.nextTick(callback, null, found)
  else process.nextTick(callback, null, found[0]?.address, found[0]?.family)
}
Object.assign(dns, { lookup })
syncBuiltinESMExports()

const opened = new Set<Database.Database>()
const pragma = Database.prototype.pragma
Database.prototype.pragma = function (this: Database.Database, ...given) {
  if (!this.readonly && this.name.endsWith('reelsheet.db')) opened.add(this)
  return pragma.apply(this, given)
}

process.on('message', (message: { names?: Found[]; isFull?: boolean }) => {
  if (message.names) answers = message.names
  if (message.isFull === undefined) return
  for (const db of opened) {
    if (!db.open) continue
    const pages = Number(db.pragma('page_count', { simple: true }))
    db.pragma(`max_page_count = ${message.isFull ? pages : 1_000_000_000}`)
  }
})
