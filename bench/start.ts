/** From the start of the process to the first page of rows: an empty library against full ones. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { alternate, type Bench, type BenchRow, type Spread, show, spreadOf } from './harness.ts'
import { openCore } from './library/core.ts'
import { fillLibrary } from './library/fill.ts'

const ROUNDS = 11
const MOST_RATIO = 1.2
const CHILD = join(import.meta.dirname, 'library/first-page.ts')
const EMPTY = 'empty'
const BARRED = '100,000 jobs, 20,000 clips'
const LIBRARIES: Record<string, number> = {
  '10,000 jobs, 2,000 clips': 10_000,
  [BARRED]: 100_000,
  '1,000,000 jobs, 200,000 clips': 1_000_000,
}
const CLIPS_A_JOB = 0.2

interface Shown {
  rows: number
  total: number
  /** From the core's first step, the program being loaded, to the page. */
  coreMs: number
  pageMs: number
}

/** Milliseconds from the start of the process to its first page, and what it told. */
function start(home: string): Promise<Shown & { ms: number }> {
  return new Promise((done, fail) => {
    const begunAt = performance.now()
    const child = spawn(process.execPath, [CHILD, home], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    let shown: (Shown & { ms: number }) | null = null
    child.on('message', (message) => {
      shown = { ...(message as Shown), ms: performance.now() - begunAt }
    })
    child.on('exit', (code) =>
      shown && code === 0 ? done(shown) : fail(new Error(`the start ended with ${code}`)),
    )
  })
}

/** The library as it is on the second start of a day: today's backup is made already. */
async function makeLibrary(home: string, jobs: number): Promise<void> {
  mkdirSync(home)
  const now = Date.now()
  if (jobs > 0) {
    const clips = Math.round(jobs * CLIPS_A_JOB)
    fillLibrary(join(home, 'reelsheet.db'), { jobs, clips, underWay: 0, now, isLater: true })
  }
  const app = openCore(home, true)
  try {
    await app.core.engine.store.backUp(now)
  } finally {
    await app.stop()
  }
}

export const bench: Bench = {
  name: 'start',
  async run(say) {
    const folder = mkdtempSync(join(tmpdir(), 'reelsheet-bench-start-'))
    try {
      const homes = new Map<string, string>()
      for (const [name, jobs] of Object.entries({ [EMPTY]: 0, ...LIBRARIES })) {
        homes.set(name, join(folder, String(jobs)))
        await makeLibrary(homes.get(name) as string, jobs)
        say(`${name}: made`)
      }
      return await measure(homes, say)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function measure(homes: Map<string, string>, say: (line: string) => void): Promise<BenchRow[]> {
  const core = new Map<string, number[]>([...homes.keys()].map((name) => [name, []]))
  const page = new Map<string, number[]>([...homes.keys()].map((name) => [name, []]))
  const variants = Object.fromEntries(
    [...homes].map(([name, home]) => [
      name,
      async () => {
        const shown = await start(home)
        const jobs = name === EMPTY ? 0 : (LIBRARIES[name] as number)
        if (shown.total !== jobs) throw new Error(`${shown.total} rows were counted, there are ${jobs}`)
        core.get(name)?.push(shown.coreMs)
        page.get(name)?.push(shown.pageMs)
        return shown.ms
      },
    ]),
  )
  // Nobody has the files in memory at first; after that everybody has.
  for (const warmUp of Object.values(variants)) await warmUp()
  const whole = await alternate(ROUNDS, variants)
  say('started in turns')
  const part = (values: Map<string, number[]>, name: string) => spreadOf(values.get(name) ?? [])
  return Object.keys(whole).map((name) => {
    const ratio = (whole[name] as Spread).median / (whole[EMPTY] as Spread).median
    return {
      what: `start to the first page, ${name}`,
      bar: name === BARRED ? `at most ${MOST_RATIO} x the start with an empty library` : 'none',
      measured: `${ratio.toFixed(3)} x, ${show(whole[name] as Spread, 'ms', 0)}; core ${show(part(core, name), 'ms', 0)}, of it the page ${part(page, name).median.toFixed(1)} ms`,
      isMet: name === BARRED ? ratio <= MOST_RATIO : null,
    }
  })
}
