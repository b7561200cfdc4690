/**
 * One large file over loopback into a file. Ours is the core's own door: SHA-256 in the same pass, the bytes synced
 * while they come and before it returns. curl and aria2c do neither; curl's time is the one it measures itself.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { alternate, type Bench, type BenchRow, type Spread, show, spreadOf } from './harness.ts'
import { expectedHash } from './programs/bytes.ts'
import type { FetchedFile } from './programs/fetch-file.ts'
import { hasTool, MIB, runProgram, runTool, startByteServer } from './programs/other-tools.ts'

const LARGE_BYTES = 1024 * MIB
const ROUNDS = 5
/** Of curl's speed. */
const SPEED_BAR = 0.95
/** Times what aria2c holds at its peak. */
const MEMORY_BAR = 1.5

export const bench: Bench = { name: 'download', run }

async function run(say: (line: string) => void): Promise<BenchRow[]> {
  const hasCurl = hasTool('curl')
  const hasAria = hasTool('aria2c')
  if (!hasCurl) say('curl is not here: nothing to compare the speed with')
  if (!hasAria) say('aria2c is not here: nothing to compare the memory with')
  const folder = mkdtempSync(join(tmpdir(), 'reelsheet-bench-'))
  const server = await startByteServer()
  try {
    const large = await measure(folder, server.base, LARGE_BYTES, { hasCurl, hasAria }, say)
    const rows = [speedRow(large), memoryRow(large), ...plainRows(large)]
    for (const sizeBytes of [100 * MIB, 10 * MIB]) {
      const smaller = await measure(folder, server.base, sizeBytes, { hasCurl, hasAria: false }, say)
      rows.push({ ...speedRow(smaller), bar: 'none', isMet: null })
    }
    return rows
  } finally {
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Measured {
  sizeBytes: number
  times: Partial<Record<Variant, Spread>>
  /** Ours against curl in each round: what disturbs the machine for a while disturbs both. */
  ratio: Spread | null
  ours: FetchedFile[]
  ariaPeakBytes: number[]
  bareNodeBytes: number
}
type Variant = 'curl' | 'curl then sync' | 'aria2c' | 'ours' | 'ours without sync'

async function measure(
  folder: string,
  base: string,
  sizeBytes: number,
  tools: { hasCurl: boolean; hasAria: boolean },
  say: (line: string) => void,
): Promise<Measured> {
  const url = `${base}/${sizeBytes}`
  const sha256 = expectedHash(sizeBytes)
  const isLarge = sizeBytes === LARGE_BYTES
  const ours: FetchedFile[] = []
  const ariaPeakBytes: number[] = []
  const pairs: { curl: number[]; ours: number[] } = { curl: [], ours: [] }
  const file = join(folder, 'clip.mp4')
  const fetch = async (...how: string[]) => {
    const fetched = await runProgram<FetchedFile>('fetch-file', [url, `${file}.part`, ...how])
    if (fetched.sha256 !== sha256) throw new Error('The hash is wrong.')
    return fetched
  }
  const curl = async () =>
    Number((await runTool('curl', ['-sf', '-o', file, '-w', '%{time_total}', url])).output) * 1000
  const variants: Partial<Record<Variant, () => Promise<number>>> = {
    ours: async () => {
      const fetched = await fetch()
      ours.push(fetched)
      pairs.ours.push(fetched.elapsedMs)
      return fetched.elapsedMs
    },
  }
  if (tools.hasCurl)
    variants.curl = async () => {
      const elapsedMs = await curl()
      pairs.curl.push(elapsedMs)
      return elapsedMs
    }
  if (isLarge) variants['ours without sync'] = async () => (await fetch('unsynced')).elapsedMs
  if (isLarge && tools.hasCurl)
    variants['curl then sync'] = async () => {
      const elapsedMs = await curl()
      return elapsedMs + (await runTool('sync', [file])).elapsedMs
    }
  if (isLarge && tools.hasAria)
    variants.aria2c = async () => {
      const args = ['-q', '--file-allocation=none', '-d', folder, '-o', 'clip.mp4', url]
      const { elapsedMs, peakBytes } = await runTool('aria2c', args)
      if (peakBytes !== null) ariaPeakBytes.push(peakBytes)
      return elapsedMs
    }
  const clean = variantsWithCleanDisk(variants, folder)
  const times = await alternate(ROUNDS, clean)
  for (const [name, spread] of Object.entries(times))
    say(`${sizeOf(sizeBytes)}, ${name}: ${show(spread, 'ms', 0)}`)
  const ratios = pairs.curl.map((curlMs, round) => curlMs / (pairs.ours[round] ?? Number.NaN))
  return {
    sizeBytes,
    times,
    ratio: ratios.length > 0 ? spreadOf(ratios) : null,
    ours,
    ariaPeakBytes,
    bareNodeBytes: bareNode(),
  }
}

/** Each run finds an empty folder, and nothing of an earlier one that the system has still to write. */
function variantsWithCleanDisk(
  variants: Partial<Record<Variant, () => Promise<number>>>,
  folder: string,
): Record<string, () => Promise<number>> {
  const clean = (): void => {
    for (const name of ['clip.mp4', 'clip.mp4.part', 'clip.mp4.part.json'])
      rmSync(join(folder, name), { force: true })
    spawnSync('sync')
  }
  return Object.fromEntries(
    Object.entries(variants).map(([name, variant]) => [
      name,
      async () => {
        clean()
        const elapsedMs = await variant()
        clean()
        return elapsedMs
      },
    ]),
  )
}

function speedRow({ sizeBytes, times, ratio }: Measured): BenchRow {
  const { ours, curl } = times
  const against =
    curl && ratio
      ? `${show(ratio, 'x curl')}; ours ${show(ours as Spread, 'ms', 0)}, curl ${show(curl, 'ms', 0)}`
      : `${show(ours as Spread, 'ms', 0)}; skipped: curl is not here`
  return {
    what: `download of ${sizeOf(sizeBytes)} with SHA-256 and fsync (curl does neither)`,
    bar: `at least ${SPEED_BAR} x curl`,
    measured: against,
    isMet: ratio ? ratio.median >= SPEED_BAR : null,
  }
}

function memoryRow({ sizeBytes, ours, ariaPeakBytes, bareNodeBytes }: Measured): BenchRow {
  const peak = spreadOf(ours.map((fetched) => fetched.peakBytes / MIB))
  const growth = spreadOf(ours.map((fetched) => (fetched.peakBytes - fetched.idleBytes) / MIB))
  const idle = spreadOf(ours.map((fetched) => fetched.idleBytes / MIB))
  const aria = ariaPeakBytes.length > 0 ? spreadOf(ariaPeakBytes).median / MIB : null
  const bar = `below ${MEMORY_BAR} x aria2c`
  return {
    what: `download of ${sizeOf(sizeBytes)}: memory above the idle process`,
    bar: aria === null ? bar : `${bar} (${aria.toFixed(1)} MiB) = ${(MEMORY_BAR * aria).toFixed(1)} MiB`,
    measured:
      `${show(growth, 'MiB', 1)}; peak ${peak.median.toFixed(0)}, idle with the core loaded ${idle.median.toFixed(0)}, ` +
      `bare Node ${(bareNodeBytes / MIB).toFixed(0)}${aria === null ? '; skipped: aria2c or GNU time is not here' : ''}`,
    isMet: aria === null ? null : growth.median < MEMORY_BAR * aria,
  }
}

function plainRows({ sizeBytes, times }: Measured): BenchRow[] {
  const names = ['ours without sync', 'curl then sync', 'aria2c'] as const
  return names.flatMap((name) => {
    const spread = times[name]
    const what = `download of ${sizeOf(sizeBytes)}: ${name}`
    return spread ? [{ what, bar: 'none', measured: show(spread, 'ms', 0), isMet: null }] : []
  })
}

/** What a Node process holds that has loaded nothing. */
function bareNode(): number {
  const { stdout } = spawnSync(process.execPath, ['-p', 'process.memoryUsage.rss()'], { encoding: 'utf8' })
  return Number(stdout)
}

const sizeOf = (bytes: number): string =>
  bytes >= 1024 * MIB ? `${bytes / MIB / 1024} GiB` : `${bytes / MIB} MiB`
