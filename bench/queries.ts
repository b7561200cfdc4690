/**
 * What the scheduler and the screens ask of a big library, through the doors that they use: everything that
 * one look of the scheduler asks, and pages and searches over the contract.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { App } from '../src/main/core/app.ts'
import { type Bench, type BenchRow, percentile, timed } from './harness.ts'
import { openCore } from './library/core.ts'
import { fillLibrary, WORDS } from './library/fill.ts'

const NOW = Date.UTC(2026, 2, 1)
const HOUR_MS = 3_600_000
/** Calls of each kind; the kinds take turns, so that what is noisy for one is noisy for all. */
const CALLS: Record<Kind, number> = { due: 1000, page: 400, search: 200 }
const WARM_UP = 10
const SIZES = [10_000, 100_000, 1_000_000]
const BARRED = 100_000

type Kind = 'due' | 'page' | 'search'
const BARS_MS: Record<Kind, number> = { due: 1, page: 10, search: 50 }

interface Question {
  kind: Kind
  name: string
  ask(app: App, jobs: number, call: number): unknown
}

type Query = Parameters<App['client']['jobs']['page']>[0]
const page = (name: string, query: (jobs: number, call: number) => Query): Question => ({
  kind: 'page',
  name: `page of 200, ${name}`,
  ask: (app, jobs, call) => app.client.jobs.page(query(jobs, call)),
})
const search = (name: string, text: string | ((call: number) => string), more: Query = {}): Question => ({
  kind: 'search',
  name: `search, ${name}`,
  ask: (app, _jobs, call) =>
    app.client.jobs.page({ ...more, search: typeof text === 'string' ? text : text(call) }),
})

/** A place in the first run, which has half of the rows, another at each call. */
function within(jobs: number, call: number) {
  const row = 1 + ((call * 7919) % Math.floor(jobs / 2))
  return { runId: 1, row, take: 1, id: row }
}

const QUESTIONS: Question[] = [
  { kind: 'due', name: 'one look at three accounts, some work due', ask: (app) => lookAt(app, NOW) },
  {
    kind: 'due',
    name: 'one look at three accounts, all work due later',
    ask: (app) => lookAt(app, NOW - HOUR_MS),
  },
  page('the first', () => ({})),
  page('in the middle', (jobs, call) => ({ after: within(jobs, call) })),
  page('first of a run', () => ({ runId: 1 })),
  page('in the middle of a run', (jobs, call) => ({ runId: 1, after: within(jobs, call) })),
  page('first of the failed', () => ({ states: ['failed'] })),
  page('of the failed of a run, in the middle', (jobs, call) => ({
    runId: 1,
    states: ['failed'],
    after: within(jobs, call),
  })),
  page('of five states, in the middle', (jobs, call) => ({
    states: ['queued', 'uploading', 'submitting', 'generating', 'done'],
    after: within(jobs, call),
  })),
  page('first of a small run', () => ({ runId: 8 })),
  search('a common word', WORDS.common),
  search('a common word, a later page', WORDS.common, { after: { runId: 2, row: 500, take: 1, id: 0 } }),
  search('a common word in a run', WORDS.common, { runId: 1 }),
  search('a common word among the failed', WORDS.common, { states: ['failed'] }),
  search('a word in one row of a hundred', WORDS.some),
  search('a rare word', WORDS.rare),
  search('two words', `${WORDS.common} harbour`),
  search('a word as it is typed', (call) => WORDS.some.slice(0, 1 + (call % WORDS.some.length))),
  search('one letter', 't'),
  search('Chinese', WORDS.chinese),
  search('nothing found', 'nowhere-at-all'),
]

/** What one look of the scheduler asks of the store, with the rows that a look would start. */
function lookAt(app: App, now: number): void {
  const { accounts, jobs } = app.core.engine.store
  jobs.nextWakeAt(now)
  for (const account of accounts.list()) {
    const due = [
      jobs.dueDownloads(account.id, now, 8),
      jobs.dueWorking(account.id, 'generating', now, 250),
      jobs.dueWorking(account.id, 'unconfirmed', now, 20),
      jobs.dueWorking(account.id, 'submitting', now, 70),
      jobs.dueWorking(account.id, 'uploading', now, 200),
    ]
    jobs.countInFlight(account.id)
    due.push(jobs.dueQueued(account.id, now, 55))
    for (const ids of due) jobs.getAll(ids.slice(0, 2))
  }
}

interface Taken {
  p99: number
  median: number
}

async function measure(app: App, jobs: number): Promise<Map<string, Taken>> {
  const taken = new Map(QUESTIONS.map(({ name }) => [name, [] as number[]]))
  for (let call = -WARM_UP; call < Math.max(...Object.values(CALLS)); call += 1) {
    for (const { kind, name, ask } of QUESTIONS) {
      if (call >= CALLS[kind]) continue
      const ms = await timed(() => ask(app, jobs, call + WARM_UP))
      if (call >= 0) taken.get(name)?.push(ms)
    }
  }
  return new Map(
    [...taken].map(([name, values]) => [
      name,
      { p99: percentile(values, 0.99), median: percentile(values, 0.5) },
    ]),
  )
}

async function measureSize(folder: string, jobs: number, say: (line: string) => void) {
  const home = join(folder, String(jobs))
  mkdirSync(home)
  const filling = await timed(() =>
    fillLibrary(join(home, 'reelsheet.db'), { jobs, clips: Math.round(jobs * 0.8), underWay: 100, now: NOW }),
  )
  say(`${jobs.toLocaleString('en')} jobs made in ${(filling / 1000).toFixed(0)} s`)
  const app = openCore(home, false)
  try {
    return await measure(app, jobs)
  } finally {
    await app.stop()
    rmSync(home, { recursive: true, force: true })
  }
}

export const bench: Bench = {
  name: 'queries',
  async run(say) {
    const folder = mkdtempSync(join(tmpdir(), 'reelsheet-bench-queries-'))
    try {
      const found = new Map<number, Awaited<ReturnType<typeof measureSize>>>()
      for (const jobs of SIZES) found.set(jobs, await measureSize(folder, jobs, say))
      return [...QUESTIONS.map((question) => rowOf(question, found)), ...growth(found)]
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

type Found = Map<number, Map<string, Taken>>

function rowOf({ kind, name }: Question, found: Found): BenchRow {
  const at = (jobs: number) => found.get(jobs)?.get(name) as Taken
  const { p99, median } = at(BARRED)
  const others = SIZES.filter((jobs) => jobs !== BARRED)
    .map((jobs) => `${at(jobs).p99.toFixed(2)} at ${jobs.toLocaleString('en')}`)
    .join(', ')
  return {
    what: `${name}, p99 of ${CALLS[kind]}, 100,000 jobs`,
    bar: `under ${BARS_MS[kind]} ms`,
    measured: `${p99.toFixed(2)} ms (median ${median.toFixed(2)}); ${others}`,
    isMet: p99 < BARS_MS[kind],
  }
}

/** A look must not know how big the library is: ten and a hundred times the rows, the same time. */
const MOST_GROWTH = 2

function growth(found: Found): BenchRow[] {
  return QUESTIONS.filter(({ kind }) => kind === 'due').map(({ name }) => {
    const [least, most] = [SIZES[0], SIZES.at(-1)].map(
      (jobs) => found.get(jobs as number)?.get(name)?.median as number,
    ) as [number, number]
    return {
      what: `${name}: 1,000,000 jobs against 10,000, median`,
      bar: `at most ${MOST_GROWTH} x`,
      measured: `${(most / least).toFixed(2)} x (${least.toFixed(2)} and ${most.toFixed(2)} ms)`,
      isMet: most / least <= MOST_GROWTH,
    }
  })
}
