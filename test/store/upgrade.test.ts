import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { MIGRATIONS } from '../../src/main/core/store/migrations/index.ts'
import { openDatabase, type Sqlite } from '../../src/main/core/store/open.ts'
import { openStore, type Store } from '../../src/main/core/store/store.ts'
import { type JobState, JobState as States } from '../../src/shared/job.ts'
import { NOW, plantIn, TROUBLE, temporaryFolder } from '../support/rows.ts'

const FINAL: readonly JobState[] = ['done', 'failed', 'cancelled']

/** Two runs on two accounts with a job in every state, as the first schema had them. */
function schemaOne(): string {
  const path = join(temporaryFolder(), 'reelsheet.db')
  const db = openDatabase(path, MIGRATIONS.slice(0, 1))
  for (const id of [1, 2]) {
    db.prepare(
      `INSERT INTO accounts (id, name, family, currency, prices_json, limits_json, options_json, created_at)
       VALUES (?, ?, 'practice', 'credits', '{}', '{}', '{}', ?)`,
    ).run(id, `account-${id}`, NOW)
    db.prepare(
      `INSERT INTO runs (id, name, headers_json, archive_folder, name_template, created_at)
       VALUES (?, ?, '[]', '/archive', '{row}.mp4', ?)`,
    ).run(id, `run ${id}`, NOW)
  }
  for (const [index, state] of States.options.entries()) {
    for (const runId of [1, 1, 2]) insertJob(db, runId, index + 1, state)
  }
  db.exec(`INSERT INTO jobs_text (rowid, prompt, name, problem) SELECT id, prompt, '', '' FROM jobs`)
  db.prepare(
    `INSERT INTO clips (job_id, run_id, archive_folder, path, sidecar_path, sha256, size_bytes, model, prompt, created_at)
     SELECT id, run_id, '/archive', 'Clip-' || id || '.mp4', 'x.json', ?, 1, model, prompt, ? FROM jobs WHERE state = 'done'`,
  ).run('c'.repeat(64), NOW)
  db.close()
  return path
}

function insertJob(db: Sqlite, runId: number, row: number, state: JobState): void {
  const hasTask = ['generating', 'downloading', 'done'].includes(state)
  db.prepare(
    `INSERT INTO jobs (run_id, account_id, row, fingerprint, state, pauses, run_at, model, prompt, order_json, cells_json,
       remote_id, link, problem_json, created_at, finished_at)
     VALUES (@runId, @runId, @row, 'f', @state, @pauses, @now, 'wan2.6-text-to-video', 'a paper boat', '{}', '{}',
       CASE WHEN @hasTask THEN 'task-' || (SELECT count(*) FROM jobs) END, @link, @problem, @now, @finishedAt)`,
  ).run({
    runId,
    row,
    state,
    pauses: row % 2,
    now: NOW,
    hasTask: hasTask ? 1 : 0,
    link: state === 'downloading' ? 'https://files.example/a.mp4' : null,
    problem: state === 'failed' ? JSON.stringify(TROUBLE) : null,
    finishedAt: FINAL.includes(state) ? NOW : null,
  })
}

function upgraded(): Store {
  const path = schemaOne()
  const store = openStore(path)
  onTestFinished(() => store.close())
  expect(existsSync(`${path}.before-2`)).toBe(true)
  return store
}

/** What is kept against what is there: every row is read, none is counted by the database. */
function expectKept(store: Store): void {
  for (const runId of [1, 2]) {
    const counts: Record<string, number> = {}
    for (const { state } of store.jobs.ofRun(runId)) counts[state] = (counts[state] ?? 0) + 1
    expect(store.jobs.countsOfRun(runId)).toEqual(counts)
    for (const group of store.jobs.groupsOfRun(runId)) {
      const alike = store.jobs
        .ofRun(runId)
        .filter(
          ({ state, accountId, pauses }) =>
            state === group.state && accountId === group.accountId && pauses === group.pauses,
        )
      expect(group.jobs).toBe(alike.length)
      expect(alike.map(({ id }) => id)).toContain(group.firstId)
    }
  }
}

describe('a database of the first schema', () => {
  test('is opened with every row, found and counted as before', () => {
    const store = upgraded()
    expect(store.jobs.count({})).toBe(3 * States.options.length)
    expect(store.jobs.countsOfAll()).toEqual(Object.fromEntries(States.options.map((state) => [state, 3])))
    expect(store.jobs.ids({ search: 'paper', runId: 1, states: ['queued'] })).toHaveLength(2)
    expect(store.clips.count(1)).toBe(2)
    expectKept(store)
  })

  test('keeps its counts through every kind of change', () => {
    const store = upgraded()
    const move = (state: JobState, more: object) => {
      const job = store.jobs.inState(state)[0]
      if (!job) throw new Error(`no job is ${state}`)
      expect(store.jobs.save({ ...job, ...more, version: job.version + 1 })).toBe(true)
    }
    move('queued', { state: 'uploading' })
    move('generating', { state: 'failed', problem: TROUBLE, finishedAt: NOW })
    move('held', { pauses: 3 })
    expectKept(store)
    store.write(() => store.jobs.setRunPause(1, true))
    expectKept(store)
    store.write(() => store.jobs.setRunPause(1, false))
    plantIn(store).job(2, 1, { state: 'downloading' })
    expectKept(store)
    expect(store.accounts.countBought(1)).toBe(2 * 4)
    expect(store.accounts.countUnfinished(2)).toBe(7)
  })

  test('a change that is taken back is not counted', () => {
    const store = upgraded()
    const before = store.jobs.countsOfAll()
    expect(() =>
      store.write(() => {
        plantIn(store).job(1, 1)
        throw new Error('taken back')
      }),
    ).toThrow('taken back')
    expect(store.jobs.countsOfAll()).toEqual(before)
  })

  test('finds a name that differs only in case', () => {
    const store = upgraded()
    const { id } = store.jobs.inState('done')[0] as { id: number }
    expect(store.clips.isPathTaken('/archive', `cLIP-${id}.MP4`, 0)).toBe(true)
    expect(store.clips.isPathTaken('/archive', `cLIP-${id}.MP4`, id)).toBe(false)
    expect(store.clips.isPathTaken('/elsewhere', `Clip-${id}.mp4`, 0)).toBe(false)
  })
})
