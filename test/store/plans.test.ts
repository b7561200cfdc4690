import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  NEXT_WAKE,
  SEARCH,
  TAKE_DOWNLOADS,
  TAKE_QUEUED,
  TAKE_WORKING,
} from '../../src/main/core/store/jobs.ts'
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

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'reelsheet-plans-'))
  store = openStore(join(folder, 'reelsheet.db'))
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
  rmSync(folder, { recursive: true, force: true })
})

/** The plan with values as they are at work: the planner looks at them. */
const planOf = (sql: string): string =>
  store.explain(
    sql,
    Object.fromEntries(
      [...sql.matchAll(/@(\w+)/g)].map(([, name]) => [name, VALUES[name as keyof typeof VALUES]]),
    ),
  )
const VALUES = {
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
/** Reading every row of the table or of an index: `SCAN jobs` without the index that gives the order. */
const SCANS = /\bSCAN jobs\b(?!_| USING)/

describe('taking what is due', () => {
  test.each([
    { what: 'rows to buy', sql: TAKE_QUEUED, index: 'jobs_queue' },
    { what: 'work under way', sql: TAKE_WORKING, index: 'jobs_working' },
    { what: 'downloads', sql: TAKE_DOWNLOADS, index: 'jobs_links' },
  ])('$what: walks $index in order and stops at the limit', ({ sql, index }) => {
    const plan = planOf(sql)
    expect(plan).toMatch(new RegExp(`SEARCH jobs USING INDEX ${index} \\(account_id=\\?`))
    expect(plan).not.toContain(SORTS)
    expect(plan).not.toMatch(SCANS)
  })

  test('the next time to wake is one step into jobs_wake', () => {
    const plan = planOf(NEXT_WAKE)
    expect(plan).toMatch(/SEARCH jobs USING INDEX jobs_wake \(run_at>\?\)/)
    expect(plan).not.toContain(SORTS)
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
  const page = (where: string) => `SELECT * FROM jobs WHERE ${where} ORDER BY row, take, id LIMIT @limit`

  test.each([
    { what: 'the first page of a run', where: '1 AND run_id = @runId' },
    {
      what: 'a later page of a run',
      where: '1 AND run_id = @runId AND (row, take, id) > (@row, @take, @id)',
    },
  ])('$what: walks jobs_run in order', ({ where }) => {
    const plan = planOf(page(where))
    expect(plan).toMatch(/SEARCH jobs USING INDEX jobs_run \(run_id=\?/)
    expect(plan).not.toContain(SORTS)
  })

  test('counts of a run come from an index alone', () => {
    const plan = planOf('SELECT state, count(*) AS n FROM jobs WHERE run_id = @runId GROUP BY state')
    expect(plan).toContain('USING COVERING INDEX jobs_run_state')
    expect(plan).not.toContain(SORTS)
  })

  test('counts of everything come from an index alone', () => {
    const plan = planOf('SELECT state, count(*) AS n FROM jobs GROUP BY state')
    expect(plan).toContain('USING COVERING INDEX jobs_state')
    expect(plan).not.toContain(SORTS)
  })

  test('the pages together are the run, each row once', () => {
    const seen: number[] = []
    let after: { row: number; take: number; id: number } | null = null
    for (;;) {
      const rows = store.jobs.page({ runId: 1, states: ['generating', 'failed'] }, after, 200)
      seen.push(...rows.map(({ id }) => id))
      const last = rows.at(-1)
      if (!last) break
      after = { row: last.row, take: last.take, id: last.id }
    }
    expect(seen).toEqual(store.jobs.ids({ runId: 1, states: ['generating', 'failed'] }))
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.length).toBeGreaterThan(50)
  })
})

describe('searching', () => {
  test('asks the text index and reads only the rows it names', () => {
    const plan = planOf(
      `SELECT * FROM jobs WHERE 1 AND id IN (${SEARCH}) ORDER BY row, take, id LIMIT @limit`,
    )
    expect(plan).toMatch(/jobs_text VIRTUAL TABLE INDEX/)
    expect(plan).toMatch(/SEARCH jobs USING INTEGER PRIMARY KEY/)
    expect(plan).not.toMatch(SCANS)
  })

  test('finds the few among the many', () => {
    expect(store.jobs.ids({ search: 'harbour' })).toHaveLength(JOBS / 5000)
    expect(store.jobs.ids({ search: 'harbour 95000' })).toHaveLength(1)
  })
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
    {
      what: 'a repeated row',
      sql: 'SELECT id FROM jobs WHERE run_id = @runId AND fingerprint = @fingerprint',
      index: 'jobs_fingerprint',
    },
    {
      what: 'jobs of a state',
      sql: 'SELECT * FROM jobs WHERE state = @state ORDER BY id',
      index: 'jobs_state',
    },
  ])('$what: $index', ({ sql, index }) => {
    const plan = planOf(sql)
    expect(plan).toContain(index)
    expect(plan).toContain('SEARCH')
    expect(plan).not.toContain(SORTS)
  })

  test('tasks in flight of an account are counted without reading the table', () => {
    const plan = planOf(
      `SELECT count(*) AS n FROM jobs WHERE account_id = @accountId AND state IN ('uploading', 'submitting', 'generating')`,
    )
    expect(plan).toMatch(/SEARCH jobs USING (COVERING )?INDEX jobs_(state|working)/)
  })
})
