import { type Bench, show, spreadOf } from './harness.ts'
import { inFolder, runPart } from './parts/process.ts'

const ROUNDS = 1
const JOBS = 10_000
/** Longer than the longest time without a look at the rows. */
const WINDOW_MS = 70_000
/** Of one processor, above what an empty core takes. */
const BAR_PERCENT = 0.1

/** What a core costs while everything waits. Both cores run at the same time, so that both meet the same noise. */
export const bench: Bench = {
  name: 'idle',
  run: async (say) => {
    const extra: number[] = []
    const shares: { empty: number[]; waiting: number[] } = { empty: [], waiting: [] }
    for (let round = 0; round < ROUNDS; round++) {
      const [empty, waiting] = await Promise.all([idle(0), idle(JOBS)])
      say(`empty ${empty.toFixed(3)} %, with ${JOBS} jobs ${waiting.toFixed(3)} %`)
      shares.empty.push(empty)
      shares.waiting.push(waiting)
      extra.push(waiting - empty)
    }
    const more = spreadOf(extra)
    return [
      {
        what: `idle with ${JOBS} jobs waiting for a later time, above an empty core, over ${WINDOW_MS / 1000} s`,
        bar: `none measurable: under ${BAR_PERCENT} % of a processor`,
        measured: `${show(more, '%', 3)}; empty ${show(spreadOf(shares.empty), '%', 3)}`,
        isMet: more.median < BAR_PERCENT,
      },
    ]
  },
}

/** Percent of one processor. */
const idle = (jobs: number): Promise<number> =>
  inFolder(async (folder) => {
    const given = JSON.stringify({ folder, jobs, windowMs: WINDOW_MS })
    const { cpuMs } = await runPart<{ cpuMs: number }>('idle-core.ts', [given])
    return (cpuMs / WINDOW_MS) * 100
  })
