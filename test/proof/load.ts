/**
 * Preloaded into a child process: serves the core's sources as the harness prepared them (every site marked,
 * perhaps with a mistake put in on purpose). Inherited by its worker threads.
 */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

const path = process.env.REELSHEET_PROOF_SOURCES
const sources = path ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>) : {}

registerHooks({
  load(url, context, next) {
    const source = sources[url]
    // The file's own source is read all the same, so that Node decides its format as it always does.
    const loaded = next(url, context)
    return source === undefined ? loaded : { ...loaded, source }
  },
})

// Until the core's process says what to do at a site (and in a worker thread, where nothing is counted).
Object.assign(globalThis, { __passed: (_site: string, value: unknown) => value })
