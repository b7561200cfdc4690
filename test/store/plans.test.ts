import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PAGE_OF_CLIPS, PAGE_OF_RUN, PATH_TAKEN } from '../../src/main/core/store/clips.ts'
import { LINES, LINES_OF_RUN, OUTCOMES } from '../../src/main/core/store/exports.ts'
import { type JobKey, keysQuery } from '../../src/main/core/store/job-pages.ts'
import {
  COUNT_IN_FLIGHT,
  IN_STATE,
  NEXT_PRIORITY,
  NEXT_WAKE,
  TAKE_DOWNLOADS,
  TAKE_QUEUED,
  TAKE_WORKING,
} from '../../src/main/core/store/jobs.ts'
import { CHARGED, SUMS, SUMS_OF_RUN } from '../../src/main/core/store/ledger.ts'
import { DUE_TO_START, IS_BOUGHT } from '../../src/main/core/store/runs.ts'
import { openStore, type Store } from '../../src/main/core/store/store.ts'
import { JobState } from '../../src/shared/job.ts'
import { NOW, newJob, plantIn } from '../support/rows.ts'

/**
 * What SQLite means to do with a hot query over 100,000 jobs, asked after ANALYZE. Plans and not times: a
 * time says how busy the machine is, a plan says whether the query grows with the table.
 */

const JOBS = 100_000
const UNDER_WAY = JobState.options.filter((state) => state !== 'done' && state !== 'queued')

let folder: string
let store: Store
/** The same tables, empty and never analysed. */
let unknown: Store

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'reelsheet-plans-'))
  store = openStore(join(folder, 'reelsheet.db'))
  unknown = openStore(join(folder, 'unknown.db'))
  const plant = plantIn(store)
  const accounts = [plant.account({ name: 'practice' }), plant.account({ name: 'other' })]
  const runs = [plant.run({ name: 'one' }), plant.run({ name: 'two' })]
  store.write(() => {
    for (let row = 1; row <= JOBS; row += 1) {
      const [run, account] = [runs[row % 2] as number, accounts[row % 2] as number]
      const facts = {
        row,
        runAt: NOW + (row % 1000) * 1000,
        fingerprint: createHash('sha256').update(String(row)).digest('hex'),
        name: row % 5000 === 0 ? `harbour ${row}` : null,
      }
      // Most wait, many are done, and some are in each of the other states, as on a long night.
      const state = row % 100 === 0 ? UNDER_WAY[(row / 100) % UNDER_WAY.length] : row % 10 ? 'queued' : 'done'
      if (state === 'queued') store.jobs.insert(newJob(run, account, facts))
      else plant.job(run, account, { ...facts, state: state ?? 'done' })
    }
    store.jobs.indexText(0)
  })
  store.analyze()
}, 120_000)

afterAll(() => {
  store.close()
  unknown.close()
  rmSync(folder, { recursive: true, force: true })
})

/**
 * The plans with values as they are at work, for the planner looks at them: with what ANALYZE found, and
 * knowing nothing of the rows, as in a library that was never analysed.
 */
function plansOf(sql: string): string[] {
  const values = Object.fromEntries(
    [...sql.matchAll(/@(\w+)/g)].map(([, name]) => [name, VALUES[name as keyof typeof VALUES]]),
  )
  return [store.explain(sql, values), unknown.explain(sql, values)]
}
const VALUES = {
  priority: 0,
  state0: 'done',
  state1: 'failed',
  afterRunId: 1,
  afterRow: 5000,
  afterTake: 1,
  afterId: 5000,
  after: 5000,
  folder: '/archive',
  path: 'a.mp4',
  accountId: 1,
  runId: 1,
  jobId: 300,
  now: NOW + 5000,
  limit: 200,
  state: 'generating',
  row: 5000,
  take: 1,
  id: 5000,
  search: '"harbour"*',
  remoteId: 'task-300',
  referenceId: 1,
  fingerprint: 'f',
}

const SORTS = 'USE TEMP B-TREE'
/** Reading a whole table: `SCAN jobs` without the index that gives the order. */
const SCANS = /\bSCAN (jobs|clips|attempts|ledger|events|job_references)\b(?! USING)/

describe('taking what is due', () => {
  test.each([
    { what: 'rows to buy', sql: TAKE_QUEUED, index: 'jobs_queue' },
    { what: 'work under way', sql: TAKE_WORKING, index: 'jobs_working' },
    { what: 'downloads', sql: TAKE_DOWNLOADS, index: 'jobs_links' },
  ])('$what: walks $index in order and stops at the limit', ({ sql, index }) => {
    for (const plan of plansOf(sql)) {
      expect(plan).toMatch(new RegExp(`SEARCH jobs USING INDEX ${index} \\(account_id=\\?`))
      expect(plan).not.toContain(SORTS)
      expect(plan).not.toMatch(SCANS)
    }
  })

  test('the next time to wake is one step into jobs_wake', () => {
    for (const plan of plansOf(NEXT_WAKE)) {
      expect(plan).toMatch(/SEARCH jobs USING INDEX jobs_wake \(run_at>\?\)/)
      expect(plan).not.toContain(SORTS)
    }
  })

  test('runs that start are looked up by their time, at each look', () => {
    for (const plan of plansOf(DUE_TO_START)) {
      expect(plan).toMatch(/SEARCH runs USING INDEX runs_start \(start_at>\? AND start_at<\?\)/)
      expect(plan).toMatch(/SEARCH job_counts (EXISTS )?USING PRIMARY KEY \(run_id=\? AND state=\?\)/)
      expect(plan).not.toContain(SORTS)
    }
  })

  test('whether a run has ordered anything stops at its first order', () => {
    for (const plan of plansOf(IS_BOUGHT)) {
      expect(plan).toMatch(/SEARCH ledger USING (COVERING )?INDEX ledger_run \(run_id=\?\)/)
      expect(plan).toMatch(/SEARCH attempts USING INTEGER PRIMARY KEY/)
      expect(plan).not.toMatch(SCANS)
    }
  })

  test('gives what it should: the due, of the account, in order, no more than asked for', () => {
    const due = store.jobs.takeQueued(1, NOW + 5000, 7)
    expect(due).toHaveLength(7)
    for (const job of due) {
      expect(job).toMatchObject({ accountId: 1, state: 'queued', pauses: 0 })
      expect(job.runAt).toBeLessThanOrEqual(NOW + 5000)
    }
    expect(due.map((job) => job.runAt)).toEqual(due.map((job) => job.runAt).sort((a, b) => a - b))
    expect(store.jobs.nextWakeAt(NOW + 500)).toBe(NOW + 1000)
  })
})

describe('showing rows', () => {
  const key: JobKey = { runId: 1, row: 5000, take: 1, id: 5000 }
  const run = { runId: 1 }
  const states = ['done', 'failed'] as const

  test.each([
    { what: 'the first page of a run', filter: run, after: null, index: /jobs_run \(run_id=\?\)/ },
    {
      what: 'a later page of a run',
      filter: run,
      after: key,
      index: /jobs_run \(run_id=\? AND \(row,take\)>/,
    },
    { what: 'the first page of all', filter: {}, after: null, index: /SCAN jobs USING .*jobs_run/ },
    {
      what: 'a later page of all',
      filter: {},
      after: key,
      index: /jobs_run \(\(run_id,row,take\)>/,
    },
    {
      what: 'one state of a run',
      filter: { ...run, states: ['done'] as const },
      after: null,
      index: /jobs_view \(state=\? AND run_id=\?\)/,
    },
    {
      what: 'a later page of several states of a run',
      filter: { ...run, states },
      after: key,
      index: /jobs_view \(state=\? AND run_id=\? AND \(row,take/,
    },
    { what: 'several states', filter: { states }, after: null, index: /jobs_view \(state=\?\)/ },
    {
      what: 'a later page of several states',
      filter: { states },
      after: key,
      index: /jobs_view \(state=\? AND \(run_id,row,take/,
    },
  ])('$what: in order from an index, whatever is known of the rows', ({ filter, after, index }) => {
    for (const plan of plansOf(keysQuery(filter, after))) {
      expect(plan).toMatch(index)
      expect(plan).not.toContain(SORTS)
      expect(plan).not.toMatch(SCANS)
    }
  })

  test('counts are kept, and equal to what there is', () => {
    const counted = (runId?: number) => {
      const all = store.jobs.select({ runId }).ids()
      const counts: Record<string, number> = {}
      for (const state of JobState.options) {
        const found = store.jobs.select({ runId, states: [state] })
        expect(found.count()).toBe(found.ids().length)
        if (found.count() > 0) counts[state] = found.count()
      }
      expect(store.jobs.select({ runId }).count()).toBe(all.length)
      return counts
    }
    expect(store.jobs.countsOfRun(1)).toEqual(counted(1))
    expect(store.jobs.countsOfAll()).toEqual(counted())
  })

  test('the pages together are the run, each row once', () => {
    const seen: number[] = []
    let after: JobKey | null = null
    for (;;) {
      const rows = store.jobs.page({ runId: 1, states: ['generating', 'failed'] }, after, 200)
      seen.push(...rows.map(({ id }) => id))
      const last = rows.at(-1)
      if (!last) break
      after = last
    }
    expect(seen).toEqual(store.jobs.ids({ runId: 1, states: ['generating', 'failed'] }))
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.length).toBeGreaterThan(50)
  })
})

describe('searching', () => {
  test('finds the few among the many', () => {
    expect(store.jobs.ids({ search: 'harbour' })).toHaveLength(JOBS / 5000)
    expect(store.jobs.ids({ search: 'harbour 95000' })).toHaveLength(1)
  })

  // Few hits are looked up and sorted, many are met on the way through the rows: both must find the same.
  test.each([
    { what: 'a word in few rows', search: 'harbour' },
    { what: 'a word in every row', search: 'boat' },
    { what: 'the beginning of one', search: 'b' },
    { what: 'words together', search: 'boat harbour' },
    { what: 'a word in no row', search: 'nowhere' },
  ])('$what: pages, total and ids agree, under every filter', ({ search }) => {
    for (const filter of [
      { search },
      { search, runId: 2 },
      { search, states: ['failed', 'done'] as const },
      { search, runId: 2, states: ['failed', 'cancelled'] as const },
    ]) {
      const plain = new Set(
        store.jobs
          .select({ ...filter, search: '' })
          .ids()
          .filter((id) => isFound(id, search)),
      )
      const { ids, count, page } = store.jobs.select(filter)
      expect(count()).toBe(plain.size)
      expect(ids()).toEqual([...plain])
      const first = page(null, 7)
      expect(first.map(({ id }) => id)).toEqual(ids().slice(0, 7))
      const last = first.at(-1)
      if (last) expect(page(last, 7).map(({ id }) => id)).toEqual(ids().slice(7, 14))
    }
  })

  /** By the rule of the rows that were planted, not by the index. */
  function isFound(id: number, search: string): boolean {
    const hasHarbour = id % 5000 === 0
    if (search.includes('harbour')) return hasHarbour
    return search !== 'nowhere'
  }
})

describe('looking one thing up', () => {
  test.each([
    {
      what: 'a task',
      sql: 'SELECT * FROM jobs WHERE account_id = @accountId AND remote_id = @remoteId',
      index: 'jobs_task',
    },
    {
      what: 'an attempt by its task',
      sql: 'SELECT * FROM attempts WHERE account_id = @accountId AND remote_id = @remoteId',
      index: 'attempts_task',
    },
    {
      what: 'a job’s undecided attempt',
      sql: `SELECT * FROM attempts WHERE job_id = @jobId AND outcome IN ('open', 'unknown')`,
      index: 'attempts_one_undecided',
    },
    {
      what: 'a job’s history',
      sql: 'SELECT * FROM events WHERE job_id = @jobId ORDER BY id',
      index: 'events_job',
    },
    {
      what: 'a job’s money',
      sql: 'SELECT * FROM ledger WHERE job_id = @jobId ORDER BY attempt_id',
      index: 'ledger_job',
    },
    { what: 'a job’s clip', sql: 'SELECT * FROM clips WHERE job_id = @jobId', index: 'clips_job' },
    {
      what: 'a fresh upload',
      sql: 'SELECT * FROM uploads WHERE reference_id = @referenceId AND account_id = @accountId AND (expires_at IS NULL OR expires_at > @now)',
      index: 'uploads_fresh',
    },
    { what: 'the clips of a run', sql: PAGE_OF_RUN, index: 'clips_run' },
    { what: 'a page of clips', sql: PAGE_OF_CLIPS, index: 'INTEGER PRIMARY KEY' },
    { what: 'a clip of that name', sql: PATH_TAKEN, index: 'clips_path (archive_folder=? AND path=?)' },
    { what: 'the newest charges of an account', sql: CHARGED, index: 'ledger_charged (account_id=?)' },
    { what: 'the next priority', sql: NEXT_PRIORITY, index: 'jobs_queue (account_id=? AND priority<?)' },
  ])('$what: $index', ({ sql, index }) => {
    for (const plan of plansOf(sql)) {
      expect(plan).toContain(index)
      expect(plan).toContain('SEARCH')
      expect(plan).not.toContain(SORTS)
    }
  })

  test('tasks in flight of an account are counted from an index alone', () => {
    for (const plan of plansOf(COUNT_IN_FLIGHT))
      expect(plan).toMatch(/SEARCH jobs USING COVERING INDEX jobs_working \(account_id=\? AND/)
  })

  test('a part of the sums reads its own lines, from where the last one ended', () => {
    for (const plan of plansOf(SUMS_OF_RUN)) {
      expect(plan).toContain('SEARCH ledger USING INDEX ledger_run (run_id=? AND rowid>?)')
      expect(plan).not.toMatch(SCANS)
    }
    for (const plan of plansOf(SUMS))
      expect(plan).toContain('SEARCH ledger USING INTEGER PRIMARY KEY (rowid>?)')
  })

  test.each([
    {
      what: 'rows of a run',
      sql: OUTCOMES,
      index: 'SEARCH jobs USING INDEX jobs_run (run_id=? AND (row,take)>',
    },
    { what: 'lines', sql: LINES, index: 'SEARCH ledger USING INTEGER PRIMARY KEY (rowid>?)' },
    {
      what: 'lines of a run',
      sql: LINES_OF_RUN,
      index: 'SEARCH ledger USING INDEX ledger_run (run_id=? AND rowid>?)',
    },
  ])('a page of an export goes on where the last one ended: $what', ({ sql, index }) => {
    for (const plan of plansOf(sql)) {
      expect(plan).toContain(index)
      expect(plan).not.toContain(SORTS)
      expect(plan).not.toMatch(/SCAN/)
    }
  })

  test('what a start asks for, by state, is looked up', () => {
    for (const plan of plansOf(IN_STATE)) {
      expect(plan).toContain('SEARCH jobs USING INDEX jobs_view (state=?)')
    }
  })
})
