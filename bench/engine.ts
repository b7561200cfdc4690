import { join } from 'node:path'
import { alternate, type Bench, type BenchRow, type Spread, show } from './harness.ts'
import type { BareRan, BareRun } from './parts/bare.ts'
import type { CoreRan, CoreRun } from './parts/core.ts'
import { ORDERS } from './parts/orders.ts'
import { inFolder, runPart, startPart } from './parts/process.ts'

const ROUNDS = 3
const JOBS = 2000
/** Creates and downloads at once, for both: enough to keep the provider's process busy. */
const AT_ONCE = 32
const BAR = 0.6

type Family = CoreRun['family']
interface Door {
  url: string
  key: string
}

/** Jobs from released to archived against a loop that only makes the requests and writes the files. */
export const bench: Bench = {
  name: 'engine',
  run: (say) =>
    inFolder(async (folder) => {
      const provider = await startPart<Door>('provider.ts', [join(folder, 'provider'), '{}'])
      try {
        const rows: BenchRow[] = []
        rows.push(...(await compare('evolink', provider.told, `at least ${BAR} x a bare undici loop`, say)))
        rows.push(...(await compare('vtrix', provider.told, 'none', say)))
        rows.push(await growth(provider.told, say))
        return rows
      } finally {
        await provider.stop()
      }
    }),
}

async function compare(
  family: Family,
  door: Door,
  bar: string,
  say: (line: string) => void,
): Promise<BenchRow[]> {
  let cpu = { engine: 0, bare: 0 }
  const figures = await alternate(ROUNDS, {
    engine: async () => {
      const { ms, cpuMs } = await runCore(family, JOBS, door)
      cpu = { ...cpu, engine: cpuMs }
      say(`${family}: engine ${perSecond(JOBS, ms)}`)
      return ms
    },
    bare: async () => {
      const { ms, cpuMs } = await runBare(family, JOBS, door, true)
      cpu = { ...cpu, bare: cpuMs }
      say(`${family}: bare loop ${perSecond(JOBS, ms)}`)
      return ms
    },
    unsynced: async () => (await runBare(family, JOBS, door, false)).ms,
  })
  const ratio = figures.bare.median / figures.engine.median
  return [
    {
      what: `engine, ${family}, ${JOBS} jobs, against the bare loop with its files synced`,
      bar,
      measured: `${ratio.toFixed(2)} x: ${rateOf(figures.engine)} against ${rateOf(figures.bare)}`,
      isMet: bar === 'none' ? null : ratio >= BAR,
    },
    {
      what: `engine, ${family}: processor time a job, its own and the bare loop's`,
      bar: 'none',
      measured: `${(cpu.engine / JOBS).toFixed(2)} ms, ${(cpu.bare / JOBS).toFixed(2)} ms`,
      isMet: null,
    },
    {
      what: `engine, ${family}, against a bare loop that syncs nothing`,
      bar: 'none',
      measured: `${(figures.unsynced.median / figures.engine.median).toFixed(2)} x`,
      isMet: null,
    },
  ]
}

/** The same work a job at any size is what matters: a run of ten thousand rows must not slow down. */
async function growth(door: Door, say: (line: string) => void): Promise<BenchRow> {
  const sizes: [number, number][] = []
  for (const jobs of [200, JOBS, 6000]) {
    const { ms } = await runCore('evolink', jobs, door)
    say(`evolink: ${jobs} jobs in ${(ms / 1000).toFixed(1)} s`)
    sizes.push([jobs, ms])
  }
  return {
    what: 'engine, evolink: milliseconds a job as a run grows (the first read of a task comes after a second)',
    bar: 'none',
    measured: sizes.map(([jobs, ms]) => `${jobs}: ${(ms / jobs).toFixed(2)}`).join(', '),
    isMet: null,
  }
}

function runCore(family: Family, jobs: number, door: Door): Promise<CoreRan> {
  return inFolder((folder) => {
    const limits = { inFlight: 4000, perSecond: 100_000, downloadsAtOnce: AT_ONCE }
    const given: CoreRun = { ...door, folder, family, jobs, cells: ORDERS[family].cells, limits }
    return runPart<CoreRan>('core.ts', [JSON.stringify(given)])
  })
}

function runBare(family: Family, jobs: number, door: Door, isSynced: boolean): Promise<BareRan> {
  return inFolder((folder) => {
    const { body } = ORDERS[family]
    const atOnce = { createsAtOnce: AT_ONCE, downloadsAtOnce: AT_ONCE }
    const given: BareRun = { ...door, ...atOnce, folder, family, jobs, body, isSynced, sidecarBytes: 1500 }
    return runPart<BareRan>('bare.ts', [JSON.stringify(given)])
  })
}

const perSecond = (jobs: number, ms: number): string => `${((jobs / ms) * 1000).toFixed(0)} jobs/s`

const rateOf = ({ median, least, most }: Spread): string =>
  show(
    { median: (JOBS / median) * 1000, least: (JOBS / most) * 1000, most: (JOBS / least) * 1000 },
    'jobs/s',
    0,
  )
