import Database from 'better-sqlite3'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { JobRecord } from '../../src/main/core/store/jobs.ts'
import type { Store } from '../../src/main/core/store/store.ts'
import { JobState } from '../../src/shared/job.ts'
import {
  freshStore,
  NOW,
  newAccount,
  newClip,
  newJob,
  newReference,
  newRun,
  type Plant,
  plantIn,
  TROUBLE,
} from '../support/rows.ts'

/**
 * Rows that cannot be are refused by the schema itself, whatever the code above it does. Each case begins
 * with a row that is taken and changes one thing.
 */

let store: Store & { path: string }
let plant: Plant
let accountId: number
let runId: number
/** The tables themselves, for what no statement of the store would even try. */
let sql: Database.Database

beforeEach(() => {
  store = freshStore()
  plant = plantIn(store)
  accountId = plant.account()
  runId = plant.run()
  sql = new Database(store.path)
  sql.pragma('foreign_keys = ON')
  onTestFinished(() => void sql.close())
})

const job = (more: Partial<JobRecord> = {}): JobRecord => plant.job(runId, accountId, more)
const change = (table: string, set: string, id: number) =>
  sql.prepare(`UPDATE "${table}" SET ${set} WHERE ${table === 'ledger' ? 'attempt_id' : 'id'} = ?`).run(id)

describe('a job', () => {
  test.each(JobState.options)('can be %s with the facts that belong to it', (state) => {
    expect(store.jobs.get(job({ state }).id)?.state).toBe(state)
  })

  test.each([
    {
      what: 'an end without its time',
      state: 'done',
      set: 'finished_at = NULL',
      rule: 'jobs_finished_iff_final',
    },
    {
      what: 'a time of the end before the end',
      state: 'queued',
      set: 'finished_at = 1',
      rule: 'jobs_finished_iff_final',
    },
    {
      what: 'a watched task without an id',
      state: 'generating',
      set: 'remote_id = NULL',
      rule: 'jobs_task_known',
    },
    {
      what: 'a download without an id',
      state: 'downloading',
      set: 'remote_id = NULL',
      rule: 'jobs_task_known',
    },
    { what: 'a download without a link', state: 'downloading', set: 'link = NULL', rule: 'jobs_link_known' },
    {
      what: 'a failure without a reason',
      state: 'failed',
      set: 'problem_json = NULL',
      rule: 'jobs_failed_has_reason',
    },
    { what: 'a state that does not exist', state: 'queued', set: `state = 'retrying'`, rule: 'state IN' },
    { what: 'row 0', state: 'queued', set: 'row = 0', rule: 'row > 0' },
    { what: 'take 0', state: 'queued', set: 'take = 0', rule: 'take > 0' },
    { what: 'an unknown pause', state: 'queued', set: 'pauses = 4', rule: 'pauses BETWEEN' },
    { what: 'attempts below zero', state: 'queued', set: 'attempt = -1', rule: 'attempt >= 0' },
    { what: 'set-backs below zero', state: 'queued', set: 'setbacks = -1', rule: 'setbacks >= 0' },
    {
      what: 'more than all of the progress',
      state: 'generating',
      set: 'progress = 1.01',
      rule: 'progress BETWEEN',
    },
    {
      what: 'a negative estimate',
      state: 'queued',
      set: 'estimate_micros = -1',
      rule: 'estimate_micros >= 0',
    },
    {
      what: 'an order that is no JSON',
      state: 'queued',
      set: `order_json = '{'`,
      rule: 'json_valid(order_json)',
    },
    {
      what: 'cells that are no JSON',
      state: 'queued',
      set: `cells_json = 'x'`,
      rule: 'json_valid(cells_json)',
    },
    {
      what: 'a problem that is no JSON',
      state: 'failed',
      set: `problem_json = 'x'`,
      rule: 'json_valid(problem_json)',
    },
    { what: 'a time that is a text', state: 'queued', set: `run_at = 'soon'`, rule: 'cannot store TEXT' },
    { what: 'an account that is not there', state: 'queued', set: 'account_id = 99', rule: 'FOREIGN KEY' },
    { what: 'a run that is not there', state: 'queued', set: 'run_id = 99', rule: 'FOREIGN KEY' },
  ] as const)('cannot have $what', ({ state, set, rule }) => {
    const { id } = job({ state })
    expect(() => change('jobs', set, id)).toThrow(rule)
  })

  test('cannot have the task of another job of the account', () => {
    job({ state: 'generating', remoteId: 'same' })
    expect(() => job({ state: 'generating', remoteId: 'same' })).toThrow('jobs.account_id, jobs.remote_id')
    const other = plant.account({ name: 'other' })
    expect(plant.job(runId, other, { state: 'generating', remoteId: 'same' }).remoteId).toBe('same')
  })

  test('cannot have the clip name of another job of the run, in any case of letters', () => {
    job({ clipName: 'harbour/001.mp4' })
    expect(() => job({ clipName: 'harbour/001.MP4' })).toThrow('UNIQUE')
  })
})

describe('an attempt', () => {
  test('is the only undecided one of its job: no second paid request can be written down', () => {
    const one = job({ state: 'submitting' })
    const attempt = plant.attempt(one)
    expect(() => plant.attempt(one)).toThrow('attempts.job_id')
    store.attempts.markSent(attempt.id, NOW)
    store.attempts.decide(attempt.id, 'unknown', NOW)
    expect(() => plant.attempt(one)).toThrow('attempts.job_id')
    store.attempts.decide(attempt.id, 'absent', NOW)
    expect(plant.attempt(one).number).toBe(2)
  })

  test('cannot have the task of another attempt of the account', () => {
    const [one, two] = [plant.attempt(job(), { sentAt: NOW }), plant.attempt(job(), { sentAt: NOW })]
    store.attempts.decide(one.id, 'accepted', NOW, { remoteId: 'same' })
    expect(() => store.attempts.decide(two.id, 'accepted', NOW, { remoteId: 'same' })).toThrow(
      'attempts.account_id, attempts.remote_id',
    )
  })

  test.each([
    { what: 'taken without a task', set: `outcome = 'accepted'`, rule: 'attempts_task_when_taken' },
    { what: 'found without a task', set: `outcome = 'found'`, rule: 'attempts_task_when_taken' },
    {
      what: 'refused with a task',
      set: `outcome = 'refused', remote_id = 't'`,
      rule: 'attempts_task_when_taken',
    },
    {
      what: 'taken though it was never sent',
      set: `outcome = 'accepted', remote_id = 't', sent_at = NULL`,
      rule: 'attempts_taken_was_sent',
    },
    {
      what: 'in doubt though it was never sent',
      set: `outcome = 'unknown', sent_at = NULL`,
      rule: 'attempts_taken_was_sent',
    },
    {
      what: 'left in doubt though it was never sent',
      set: `outcome = 'left', sent_at = NULL`,
      rule: 'attempts_taken_was_sent',
    },
    {
      what: 'repeated before it was sent',
      set: 'sent_at = NULL, resent_at = 5',
      rule: 'attempts_resent_after_sent',
    },
    { what: 'of an outcome that does not exist', set: `outcome = 'perhaps'`, rule: 'outcome IN' },
    { what: 'without a number', set: 'number = 0', rule: 'number > 0' },
    { what: 'with half a hash', set: `body_sha256 = 'abc'`, rule: 'length(body_sha256)' },
    { what: 'with a body that is no JSON', set: `body_json = '{'`, rule: 'json_valid(body_json)' },
    { what: 'of a job that is not there', set: 'job_id = 99', rule: 'FOREIGN KEY' },
  ])('cannot be $what', ({ set, rule }) => {
    const attempt = plant.attempt(job(), { sentAt: NOW })
    expect(() => change('attempts', set, attempt.id)).toThrow(rule)
  })

  test('has a key that no other has', () => {
    const [one, two] = [plant.attempt(job()), plant.attempt(job())]
    expect(() => change('attempts', `idempotency_key = '${one.idempotencyKey}'`, two.id)).toThrow(
      'attempts.idempotency_key',
    )
  })

  test('has a number that no other of its job has', () => {
    const one = job()
    const first = plant.attempt(one)
    store.attempts.decide(first.id, 'not-sent', NOW)
    const second = plant.attempt(one)
    expect(() => change('attempts', `number = ${first.number}`, second.id)).toThrow('attempts.number')
  })

  test('is marked as sent once, and as repeated once', () => {
    const attempt = plant.attempt(job())
    expect(store.attempts.markSent(attempt.id, NOW)).toBe(true)
    expect(store.attempts.markSent(attempt.id, NOW)).toBe(false)
    expect(store.attempts.markResent(attempt.id, NOW)).toBe(true)
    expect(store.attempts.markResent(attempt.id, NOW)).toBe(false)
    store.attempts.markUnsent(attempt.id)
    expect(store.attempts.markSent(attempt.id, NOW + 1)).toBe(true)
  })

  test('that is decided cannot be sent again', () => {
    const attempt = plant.attempt(job(), { sentAt: NOW })
    store.attempts.decide(attempt.id, 'refused', NOW)
    store.attempts.markUnsent(attempt.id)
    expect(store.attempts.markSent(attempt.id, NOW)).toBe(false)
    expect(store.attempts.ofJob(attempt.jobId)[0]?.sentAt).toBe(NOW)
  })
})

describe('other rows', () => {
  test.each([
    {
      what: 'an account of an unknown family',
      table: 'accounts',
      set: `family = 'other'`,
      rule: 'family IN',
    },
    {
      what: 'an account of a real family without an address',
      table: 'accounts',
      set: `family = 'evolink'`,
      rule: 'accounts_base_unless_practice',
    },
    {
      what: 'an account that stops without a reason',
      table: 'accounts',
      set: `stops = 'spending'`,
      rule: 'accounts_stop_has_reason',
    },
    {
      what: 'an account with a reason that does not stop',
      table: 'accounts',
      set: `problem_json = '{}'`,
      rule: 'accounts_stop_has_reason',
    },
    {
      what: 'a negative cap of an account',
      table: 'accounts',
      set: 'cap_micros = -1',
      rule: 'cap_micros >= 0',
    },
    {
      what: 'an account in an unknown currency',
      table: 'accounts',
      set: `currency = 'eur'`,
      rule: 'currency IN',
    },
    {
      what: 'limits that are no JSON',
      table: 'accounts',
      set: `limits_json = ''`,
      rule: 'json_valid(limits_json)',
    },
    { what: 'a negative cap of a run', table: 'runs', set: 'cap_micros = -1', rule: 'cap_micros >= 0' },
    { what: 'a run that is half paused', table: 'runs', set: 'is_paused = 2', rule: 'is_paused IN' },
    { what: 'a reference of nothing', table: 'references', set: 'size_bytes = 0', rule: 'size_bytes > 0' },
    {
      what: 'a reference with half a hash',
      table: 'references',
      set: `sha256 = 'ab'`,
      rule: 'length(sha256)',
    },
    { what: 'a reference of an unknown kind', table: 'references', set: `kind = 'text'`, rule: 'kind IN' },
    { what: 'a clip of nothing', table: 'clips', set: 'size_bytes = 0', rule: 'size_bytes > 0' },
    { what: 'a clip with half a hash', table: 'clips', set: `sha256 = 'ab'`, rule: 'length(sha256)' },
    {
      what: 'a clip in an unknown condition',
      table: 'clips',
      set: `condition = 'fine'`,
      rule: 'condition IN',
    },
    {
      what: 'a released line that counts',
      table: 'ledger',
      set: `standing = 'released'`,
      rule: 'ledger_released_counts_nothing',
    },
    {
      what: 'a line that counts less than nothing',
      table: 'ledger',
      set: 'counted_micros = -1',
      rule: 'counted_micros >= 0',
    },
    {
      what: 'a line that counts fewer credits than none',
      table: 'ledger',
      set: 'counted_credit_micros = -1',
      rule: 'counted_credit_micros >= 0',
    },
    { what: 'a line of an unknown standing', table: 'ledger', set: `standing = 'lost'`, rule: 'standing IN' },
  ])('$what is refused', ({ table, set, rule }) => {
    store.references.add(newReference())
    store.clips.insert(newClip())
    plant.attempt(job())
    expect(() => change(table, set, 1)).toThrow(rule)
  })

  test('two accounts cannot have one name', () => {
    expect(() => store.accounts.insert(newAccount())).toThrow('accounts.name')
  })

  test('two clips cannot have one path, and a job cannot have two clips', () => {
    const one = job()
    store.clips.insert(newClip({ jobId: one.id, path: 'a.mp4' }))
    expect(() => store.clips.insert(newClip({ path: 'a.mp4' }))).toThrow('clips.path')
    expect(() => store.clips.insert(newClip({ jobId: one.id, path: 'b.mp4' }))).toThrow('clips.job_id')
  })

  test('a job’s reference is a stored one or an address, not both and not neither', () => {
    const referenceId = store.references.add(newReference())
    const base = { jobId: job().id, role: 'reference', name: 'boat.png', kind: 'image' } as const
    const add = (position: number, more: { referenceId: number | null; address: string | null }) =>
      store.jobs.insertReference({ ...base, position, ...more })
    add(1, { referenceId, address: null })
    add(2, { referenceId: null, address: 'https://x.example/a.png' })
    expect(() => add(3, { referenceId, address: 'https://x.example/a.png' })).toThrow('one_source')
    expect(() => add(3, { referenceId: null, address: null })).toThrow('one_source')
    expect(() => add(0, { referenceId, address: null })).toThrow('position > 0')
    expect(() => add(1, { referenceId, address: null })).toThrow('UNIQUE')
  })

  test('the same content is one reference', () => {
    const id = store.references.add(newReference())
    expect(store.references.add(newReference({ name: 'again.png' }))).toBe(id)
    expect(store.references.get(id)?.name).toBe('boat.png')
  })

  test('a job with money spent on it cannot be deleted', () => {
    const one = job()
    plant.attempt(one)
    expect(() => sql.prepare('DELETE FROM jobs WHERE id = ?').run(one.id)).toThrow('FOREIGN KEY')
  })
})

describe('a refused change', () => {
  test('undoes all of its transaction', () => {
    const before = store.jobs.count({})
    expect(() =>
      store.write(() => {
        store.jobs.insert(newJob(runId, accountId))
        store.jobs.insert(newJob(runId, 99))
      }),
    ).toThrow('FOREIGN KEY')
    expect(store.jobs.count({})).toBe(before)
  })
})

describe('saving a job', () => {
  test('names the version it saw: the second of two writers changes nothing', () => {
    const seen = job()
    expect(store.jobs.save({ ...seen, version: seen.version + 1, priority: 1 })).toBe(true)
    expect(store.jobs.save({ ...seen, version: seen.version + 1, priority: 2 })).toBe(false)
    expect(store.jobs.get(seen.id)).toMatchObject({ priority: 1, version: seen.version + 1 })
  })

  test('pausing a run counts the versions up, so that a writer who had not seen it reads again', () => {
    const seen = job()
    store.jobs.setRunPause(runId, true)
    expect(store.jobs.save({ ...seen, version: seen.version + 1 })).toBe(false)
    expect(store.jobs.get(seen.id)).toMatchObject({ pauses: 2, version: seen.version + 1 })
    store.jobs.setRunPause(runId, false)
    expect(store.jobs.get(seen.id)?.pauses).toBe(0)
  })

  test('gives back what was saved, whole', () => {
    const runAway = { ...newRun(), name: 'other' }
    store.runs.insert(runAway)
    const saved = job({
      state: 'failed',
      clipName: 'a.mp4',
      problem: TROUBLE,
      setbacks: 3,
      priority: -5,
      estimatedMs: 9,
    })
    expect(store.jobs.get(saved.id)).toEqual(saved)
  })
})
