/**
 * Bar: importing 100,000 rows (parse, check, price and store) takes at most three times as long as papaparse and
 * one better-sqlite3 transaction of the same rows. Ours goes through the public door on a new data folder; the
 * floor inserts the rows of `jobs` as our import left them into a plain table (integer primary key, WAL,
 * synchronous=FULL). It has no checks, no indexes, no references, no search, no prices and no file to look at.
 */
import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { alternate, type Bench, type BenchRow, type Spread, show, spreadOf } from './harness.ts'
import type { Measured } from './import/measure.ts'
import { writeSheet } from './import/sheet.ts'

const ROUNDS = 3
const ROWS = 100_000
const MOST = 3
const MEASURE = join(import.meta.dirname, 'import/measure.ts')

export const bench: Bench = { name: 'import', run }

async function run(say: (line: string) => void): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'reelsheet-bench-import-'))
  try {
    const growth = await measureGrowth(folder, say)
    return [...(await measureBar(folder, say)), ...growth]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measureBar(folder: string, say: (line: string) => void): Promise<BenchRow[]> {
  const sheet = writeSheet(folder, ROWS)
  const rowsFrom = await importOnce(folder, sheet)
  const all: Record<string, Measured[]> = {}
  const variant = (kind: string) => async () => {
    const measured = await measure(kind, sheet, folder, rowsFrom)
    say(`${kind}: ${seconds(measured.ms)} s, ${seconds(measured.cpuMs)} s of processor time`)
    all[kind] = [...(all[kind] ?? []), measured]
    return measured.ms / 1000
  }
  const took = await alternate(ROUNDS, {
    floor: variant('floor'),
    ours: variant('ours'),
    made: variant('made'),
    indexed: variant('indexed'),
  })
  // On the data folder that the last import left: every row is compared, none is written.
  const again = await measure('again', sheet, folder, rowsFrom)
  const ratio = took.ours.median / took.floor.median
  const spreadFor = (kind: string, pick: (one: Measured) => number): Spread =>
    spreadOf((all[kind] ?? []).map(pick))
  const megabytes = spreadFor('ours', (one) => one.peakMegabytes)
  const blocked = spreadFor('ours', (one) => (one.blockedMs ?? 0) / 1000)
  const cpu = spreadFor('ours', (one) => one.cpuMs).median / spreadFor('floor', (one) => one.cpuMs).median
  const rows = ROWS.toLocaleString('en')
  return [
    {
      what: `import of ${rows} rows`,
      bar: `at most ${MOST} x papaparse and one transaction`,
      measured: `${ratio.toFixed(2)} x: ${show(took.ours, 's')} to ${show(took.floor, 's')}`,
      isMet: ratio <= MOST,
    },
    inform('… in processor time of all threads', `${cpu.toFixed(2)} x`),
    inform('… to a floor that makes its rows’ JSON', against(took.ours, took.made)),
    inform('… to the same rows into our own tables, row by row', against(took.ours, took.indexed)),
    inform('… event loop kept from turning, at most', show(blocked, 's')),
    inform('… memory at its highest', show(megabytes, 'MB', 0)),
    inform(
      `the same ${rows} rows again, nothing new`,
      `${seconds(again.ms)} s, ${again.peakMegabytes.toFixed(0)} MB, event loop at most ${seconds(again.blockedMs ?? 0)} s`,
    ),
  ]
}

/** By tenfold, once each: a figure that grows faster than the rows shows at once. */
async function measureGrowth(folder: string, say: (line: string) => void): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  for (const count of [1_000, 10_000, 300_000]) {
    const sheet = writeSheet(folder, count)
    const { ms, peakMegabytes } = await measure('ours', sheet, folder, '')
    say(`${count.toLocaleString('en')} rows: ${seconds(ms)} s`)
    const each = ((ms * 1000) / count).toFixed(0)
    rows.push(
      inform(
        `import of ${count.toLocaleString('en')} rows`,
        `${seconds(ms)} s, ${each} µs a row, ${peakMegabytes.toFixed(0)} MB`,
      ),
    )
  }
  return rows
}

const inform = (what: string, measured: string): BenchRow => ({ what, bar: 'none', measured, isMet: null })

const against = (ours: Spread, floor: Spread): string =>
  `${(ours.median / floor.median).toFixed(2)} x of ${show(floor, 's')}`

const seconds = (ms: number): string => (ms / 1000).toFixed(2)

/** The database of an import, whose rows the floors store too. */
async function importOnce(folder: string, sheet: string): Promise<string> {
  await measure('ours', sheet, folder, '')
  const rowsFrom = join(folder, 'rows.db')
  copyFileSync(join(folder, 'home/reelsheet.db'), rowsFrom)
  return rowsFrom
}

async function measure(kind: string, ...more: string[]): Promise<Measured> {
  const { stdout } = await promisify(execFile)(process.execPath, [MEASURE, kind, ...more])
  return JSON.parse(stdout) as Measured
}
