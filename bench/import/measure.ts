/**
 * One measurement in a process of its own, so that nobody's heap and caches are another's:
 * `node measure.ts ours|again|check|floor|made|indexed <sheet> <folder> <rows.db>`. Prints one line of JSON.
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

type FloorKind = 'floor' | 'made' | 'indexed'

/**
 * papaparse of the sheet, and one transaction that inserts the rows of `jobs` that our import left in
 * `rowsFrom`: the same columns with the same bytes, ready in memory before the clock starts, so that no program
 * that really reads a sheet can be faster. `made`: the two JSON texts of a row are made from its cells, as such
 * a program would have to. `indexed`: into our own tables with their checks, keys, triggers and indexes, and
 * with each row's reference, row by row.
 */
function measureFloor(kind: FloorKind): Measured {
  const from = new Database(rowsFrom, { readonly: true })
  const rows = from.prepare(`SELECT ${WRITTEN} FROM jobs ORDER BY id`).raw().all() as unknown[][]
  const links = from.prepare('SELECT * FROM job_references ORDER BY job_id').raw().all() as unknown[][]
  const db = openPlain(join(folder, 'floor.db'))
  if (kind === 'indexed') for (const sql of MIGRATIONS) db.exec(sql)
  else makePlainTable(db, from)
  db.pragma('foreign_keys = OFF')
  const insert = db.prepare(`INSERT INTO jobs (${WRITTEN}) VALUES (${places(WRITTEN.split(',').length)})`)
  const link = kind === 'indexed' ? db.prepare(`INSERT INTO job_references VALUES (${places(7)})`) : undefined
  from.close()

  const clock = start()
  const { data } = Papa.parse<string[]>(readFileSync(sheet, 'utf8'), { delimiter: ',', newline: '\r\n' })
  const headers = data[0] ?? []
  db.transaction(() => {
    for (const [index, row] of rows.entries()) {
      if (kind === 'made') makeJson(headers, data[index + 1] ?? [], row)
      insert.run(row)
    }
    if (link) for (const row of links) link.run(row)
  })()
  const taken = clock()
  const stored = db.prepare('SELECT count(*) FROM jobs').pluck().get() as number
  if (stored === 0 || data.length < stored) throw new Error('the floor parsed another sheet than it stored')
  db.close()
  return { ...taken, peakMegabytes: peak(), blockedMs: null }
}

const places = (count: number): string => Array.from({ length: count }, () => '?').join(', ')

/** Of about the bytes of our own: every cell by its header, and what is ordered. */
function makeJson(headers: string[], record: string[], row: unknown[]): void {
  const cells: Record<string, string> = {}
  for (const [index, header] of headers.entries()) cells[header] = record[index] ?? ''
  const { prompt, model, duration, quality } = cells
  const order = {
    prompt,
    duration: Number(duration),
    quality,
    generate_audio: true,
    model,
    expectsSound: true,
  }
  row[15] = JSON.stringify(order)
  row[16] = JSON.stringify(cells)
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
  const clock = start()
  if (what === 'check') await app.client.sheets.check({ path: sheet })
  else {
    const archiveFolder = join(folder, 'archive')
    const made = await app.client.runs.create({ path: sheet, archiveFolder, confirmedJobs: 1_000_000 })
    if (what === 'ours' ? made.created === 0 : made.same === 0) throw new Error(JSON.stringify(made))
  }
  const taken = clock()
  // One more turn, so that the last stretch is counted too.
  await systemClock.sleep(20)
  delay.disable()
  await app.stop()
  return { ...taken, peakMegabytes: peak(), blockedMs: delay.max / 1e6 }
}

function start(): () => { ms: number; cpuMs: number } {
  const [at, used] = [performance.now(), process.cpuUsage()]
  return () => {
    const { user, system } = process.cpuUsage(used)
    return { ms: performance.now() - at, cpuMs: (user + system) / 1000 }
  }
}

const peak = (): number => process.resourceUsage().maxRSS / 1024

const measured: Measured =
  kind === 'ours' || kind === 'check' || kind === 'again'
    ? await measureOurs(kind)
    : measureFloor(kind as FloorKind)
console.log(JSON.stringify(measured))
