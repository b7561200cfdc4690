import { join } from 'node:path'
import { type Bench, type BenchRow, show, spreadOf } from './harness.ts'
import type { CoreRan, CoreRun } from './parts/core.ts'
import { ORDERS } from './parts/orders.ts'
import { inFolder, runPart, startPart } from './parts/process.ts'

const ROUNDS = 3
const JOBS = 500
const BAR_MS = 20
/** The most that a person can set. */
const LIMITS = { inFlight: 100, perSecond: 100, downloadsAtOnce: 32 }
const CLIPS = { tiny: 0, 'of 4 MB': 4_000_000 }

/** How long the core's event loop keeps others waiting while it works through a run. */
export const bench: Bench = {
  name: 'loop-delay',
  run: async (say) => {
    const rows: BenchRow[] = []
    for (const [clips, padBytes] of Object.entries(CLIPS)) rows.push(await measure(clips, padBytes, say))
    return rows
  },
}

function measure(clips: string, padBytes: number, say: (line: string) => void): Promise<BenchRow> {
  return inFolder(async (folder) => {
    const args = [join(folder, 'provider'), JSON.stringify({ padBytes })]
    const provider = await startPart<{ url: string; key: string }>('provider.ts', args)
    try {
      const delays: CoreRan['loopDelay'][] = []
      const idle: number[] = []
      for (let round = 0; round < ROUNDS; round++) {
        // A process that does nothing, at the same time: what it is kept waiting is the machine's doing.
        const still = await startPart<number>('still.ts', [])
        const { loopDelay, ms } = await inFolder((place) => {
          const given: CoreRun = {
            ...provider.told,
            folder: place,
            family: 'evolink',
            jobs: JOBS,
            cells: ORDERS.evolink.cells,
            limits: LIMITS,
          }
          return runPart<CoreRan>('core.ts', [JSON.stringify(given)])
        })
        idle.push(await still.ask())
        say(`${clips}: p99 ${loopDelay.p99.toFixed(1)} ms in ${(ms / 1000).toFixed(1)} s`)
        delays.push(loopDelay)
      }
      const p99 = spreadOf(delays.map((delay) => delay.p99))
      const most = Math.max(...delays.map((delay) => delay.most))
      return {
        what: `event-loop delay of the core, p99, ${JOBS} jobs, clips ${clips}`,
        bar: `under ${BAR_MS} ms`,
        measured: `${show(p99, 'ms', 1)}, longest ${most.toFixed(0)} ms; a process that does nothing ${show(spreadOf(idle), 'ms', 1)}`,
        isMet: p99.median < BAR_MS,
      }
    } finally {
      await provider.stop()
    }
  })
}
