import { describe, expect, test } from 'vitest'
import { advance } from '../../src/main/core/jobs/machine.ts'
import type { JobRecord } from '../../src/main/core/store/jobs.ts'
import type { Store } from '../../src/main/core/store/store.ts'
import { problem } from '../../src/shared/problem.ts'
import { freshStore, NOW, plantIn } from '../support/rows.ts'

const LATER = NOW + 60_000
const TROUBLE = problem('internal', 'It did not work.', 'Look.')

/** Rows as set-backs, moves and backups leave them. */
const LEFT: Partial<JobRecord>[] = [
  {},
  { problem: TROUBLE, setbacks: 3 },
  { pauses: 1, priority: 5 },
  { pauses: 2 },
  { remoteId: 'task-old', acceptedAt: NOW, estimatedMs: 5, progress: 0.5, attempt: 1 },
  { link: 'https://files.example/a.mp4', linkExpiresAt: NOW, clipName: 'a.mp4' },
]

const get = (store: Store, id: number) => store.jobs.get(id) as JobRecord
const eventsOf = (store: Store, id: number) =>
  store.events.ofJob(id).map(({ type, from, to, at, facts }) => ({ type, from, to, at, facts }))
const counted = (store: Store) =>
  Object.fromEntries(Object.entries(store.jobs.countsOfAll()).filter(([, count]) => count > 0))

describe('all rows of a run at once', () => {
  test.each([false, true])('released, as the machine releases one (its run paused: %s)', (isPaused) => {
    const store = freshStore()
    const plant = plantIn(store)
    const [account, run] = [plant.account(), plant.run()]
    const held = LEFT.map((left, at) => plant.job(run, account, { ...left, row: at + 1, state: 'held' }))
    const ids = store.write(() => store.jobs.releaseHeld(run, LATER, NOW, isPaused, []))
    expect(ids.toSorted((one, other) => one - other)).toEqual(held.map(({ id }) => id))
    for (const before of held) {
      const next = advance(before, { type: 'released' }, LATER)
      const pauses = (before.pauses & ~2) | (isPaused ? 2 : 0)
      expect(get(store, before.id)).toEqual({ ...next, pauses })
      expect(eventsOf(store, before.id)).toEqual([
        { type: 'released', from: 'held', to: 'queued', at: NOW, facts: { by: 'a person' } },
      ])
    }
    expect(counted(store)).toEqual({ queued: LEFT.length })
  })

  test('held, as the machine holds one; a row that is under way or finished stays', () => {
    const store = freshStore()
    const plant = plantIn(store)
    const [account, run] = [plant.account(), plant.run()]
    const rows = LEFT.slice(0, 4).map((left, at) => plant.job(run, account, { ...left, row: at + 1 }))
    const others = (['generating', 'done', 'cancelled'] as const).map((state, at) =>
      plant.job(run, account, { row: at + 10, state }),
    )
    const elsewhere = plant.job(plant.run({ name: 'other' }), account)
    store.write(() => store.jobs.holdQueued(run, NOW, { by: 'a person' }))
    for (const before of rows) {
      expect(get(store, before.id)).toEqual(advance(before, { type: 'held', problem: null }, NOW))
      expect(eventsOf(store, before.id)).toMatchObject([{ type: 'held', from: 'queued', to: 'held' }])
    }
    for (const before of [...others, elsewhere]) expect(get(store, before.id)).toEqual(before)
  })

  test('released: rows that are worked on and those of a removed account stay', () => {
    const store = freshStore()
    const plant = plantIn(store)
    const [account, gone, run] = [plant.account(), plant.account({ name: 'gone' }), plant.run()]
    const free = plant.job(run, account, { state: 'held' })
    const busy = plant.job(run, account, { row: 2, state: 'held' })
    const orphan = plant.job(run, gone, { row: 3, state: 'held' })
    const record = store.accounts.get(gone)
    if (record) store.accounts.update({ ...record, removedAt: NOW })
    expect(store.write(() => store.jobs.releaseHeld(run, NOW, NOW, false, [busy.id]))).toEqual([free.id])
    expect(get(store, orphan.id)).toEqual(orphan)
  })

  test('due at another time: only those of the queue that are not due then already', () => {
    const store = freshStore()
    const plant = plantIn(store)
    const [account, run] = [plant.account(), plant.run()]
    const early = plant.job(run, account)
    const there = plant.job(run, account, { row: 2, runAt: LATER })
    plant.job(run, account, { row: 3, state: 'generating' })
    expect(store.jobs.postpone(run, LATER)).toEqual([early.id])
    expect(get(store, early.id)).toMatchObject({ runAt: LATER, version: early.version + 1 })
    expect(get(store, there.id)).toEqual(there)
  })
})

describe('a written request', () => {
  test('is either sent or taken back, whoever comes first', () => {
    const store = freshStore()
    const plant = plantIn(store)
    const [account, run] = [plant.account(), plant.run()]
    const one = plant.attempt(plant.job(run, account))
    expect(store.attempts.takeBack(one.id, NOW)).toBe(true)
    expect(store.attempts.markSent(one.id, NOW)).toBe(false)
    expect(store.attempts.takeBack(one.id, NOW)).toBe(false)
    const other = plant.attempt(plant.job(run, account, { row: 2 }))
    expect(store.attempts.markSent(other.id, NOW)).toBe(true)
    expect(store.attempts.takeBack(other.id, NOW)).toBe(false)
    expect(store.attempts.ofJob(other.jobId)[0]).toMatchObject({ outcome: 'open', sentAt: NOW })
  })
})
