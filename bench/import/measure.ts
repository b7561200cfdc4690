/**
 * One measurement in a process of its own, so that nobody's heap and caches are another's:
 * `node measure.ts ours|floor|indexed|check|again <sheet> <folder> <rows.db>`. Prints one line of JSON.
 */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import Database from 'better-sqlite3'
import Papa from 'papaparse'
import { createApp } from '../../src/main/core/app.ts'
import { realDisk } from '../../src/main/core/archive/disk.ts'
import { MIGRATIONS } from '../../src/main/core/store/migrations/index.ts'
import { systemClock, systemRandom } from '../../src/main/core/system.ts'

export interface Measured {
  ms: number
  /** Of processor time, all threads. */
  cpuMs: number
  /** Of the whole process, at its highest. */
  peakMegabytes: number
  /** How long the event loop was kept from turning at most; null where nothing waits for it. */
  blockedMs: number | null
}

const [kind = '', sheet = '', folder = '', rowsFrom = ''] = process.argv.slice(2)
const resources = join(import.meta.dirname, '../../resources/practice')

/** What an import writes of a row of `jobs`; the other columns have their defaults. */
const WRITTEN = `run_id, account_id, parent_id, row, row_key, take, fingerprint, name, state, pauses, run_at, model,
  prompt, estimate_micros, created_at, order_json, cells_json, problem_json`

function openPlain(path: string): Database.Database {
  rmSync(path, { force: true })
  const db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.pragma('cache_size = -65536')
  return db
}

/** The columns of our own table with the integer primary key, and no index, trigger, check or foreign key. */
function makePlainTable(db: Database.Database, from: Database.Database): void {
  const columns = from.pragma('table_info(jobs)') as { name: string; type: string }[]
  const defined = columns.map(({ name, type }) => `${name} ${type}${name === 'id' ? ' PRIMARY KEY' : ''}`)
  db.exec(`CREATE TABLE jobs (${defined.join(', ')})`)
}

/** papaparse of the sheet, and one transaction that inserts the rows that our import left in `rowsFrom`. */
function measureFloor(hasOurIndexes: boolean): number {
  const from = new Database(rowsFrom, { readonly: true })
  const rows = from.prepare(`SELECT ${WRITTEN} FROM jobs ORDER BY id`).raw().all() as unknown[][]
  const db = openPlain(join(folder, 'floor.db'))
  if (hasOurIndexes) for (const sql of MIGRATIONS) db.exec(sql)
  else makePlainTable(db, from)
  const places = WRITTEN.split(',').map(() => '?')
  const insert = db.prepare(`INSERT INTO jobs (${WRITTEN}) VALUES (${places.join(', ')})`)
  if (hasOurIndexes) db.pragma('foreign_keys = OFF')
  from.close()

  const start = performance.now()
  const parsed = Papa.parse<string[]>(readFileSync(sheet, 'utf8'), { delimiter: ',', newline: '\r\n' })
  db.transaction(() => {
    for (const row of rows) insert.run(row)
  })()
  const ms = performance.now() - start
  const stored = (db.prepare('SELECT count(*) AS n FROM jobs').get() as { n: number }).n
  if (parsed.data.length < stored) throw new Error('the floor parsed another sheet than it stored')
  db.close()
  return ms
}

/** Through the public door, on a new data folder, with the practice account. */
async function measureOurs(what: 'ours' | 'check' | 'again'): Promise<Measured> {
  const quiet = () => {}
  const home = join(folder, 'home')
  if (what === 'ours') rmSync(home, { recursive: true, force: true })
  const app = createApp(
    {
      clock: systemClock,
      random: systemRandom,
      log: { debug: quiet, info: quiet, warn: console.error, error: console.error },
      secrets: { read: () => undefined, write: () => '', remove: quiet },
      checkpoint: quiet,
      // Clips for this sheet would need more room than a machine for measuring has.
      disk: { ...realDisk, freeBytes: async () => Number.MAX_SAFE_INTEGER },
    },
    { home, version: '0.0.0-bench', who: 'bench', practice: { resources } },
  )
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const start = performance.now()
  if (what === 'check') await app.client.sheets.check({ path: sheet })
  else {
    const made = await app.client.runs.create({ path: sheet, archiveFolder: join(folder, 'archive') })
    if (what === 'ours' ? made.created === 0 : made.same === 0) throw new Error(JSON.stringify(made))
  }
  const ms = performance.now() - start
  // One more turn, so that the last stretch is counted too.
  await systemClock.sleep(20)
  delay.disable()
  await app.stop()
  return { ms, peakMegabytes: peak(), blockedMs: delay.max / 1e6 }
}

const peak = (): number => process.resourceUsage().maxRSS / 1024

const measured: Measured =
  kind === 'floor' || kind === 'indexed'
    ? { ms: measureFloor(kind === 'indexed'), peakMegabytes: peak(), blockedMs: null }
    : await measureOurs(kind as 'ours' | 'check' | 'again')
console.log(JSON.stringify(measured))
