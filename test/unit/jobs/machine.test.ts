import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  advance,
  canMove,
  type DomainEvent,
  type EventType,
  MOVES,
} from '../../../src/main/core/jobs/machine.ts'
import type { JobRecord } from '../../../src/main/core/store/jobs.ts'
import { isFinal, JobState } from '../../../src/shared/job.ts'
import { SAMPLE_EVENTS, sampleJob } from '../../support/samples.ts'

const NOW = 1_772_366_500_000
const STATES = JobState.options
const TYPES = Object.keys(SAMPLE_EVENTS) as EventType[]
const PROGRESS: readonly EventType[] = [
  'ready',
  'accepted',
  'found',
  'still-running',
  'rendered',
  'saved',
  'released',
  'refetched',
]
/** Events that end or may end a create request that could have cost money. */
const BUYS: readonly EventType[] = ['accepted', 'lost', 'refused']

/** The rows that the schema refuses, in words. */
function faultsOf(job: JobRecord): string[] {
  const faults: string[] = []
  if ((job.finishedAt !== null) !== isFinal(job.state))
    faults.push('finished_at does not agree with the state')
  if ((job.state === 'generating' || job.state === 'downloading') && job.remoteId === null)
    faults.push('a task is watched whose id is not known')
  if (job.state === 'downloading' && job.link === null) faults.push('a download without a link')
  if (job.state === 'failed' && job.problem === null) faults.push('failed without a reason')
  if (job.state === 'unconfirmed' && job.problem === null) faults.push('unconfirmed without a reason')
  if (job.attempt < 0 || job.setbacks < 0) faults.push('a count below zero')
  if (job.progress !== null && (job.progress < 0 || job.progress > 1)) faults.push('progress out of range')
  return faults
}

const pairs = STATES.flatMap((state) => TYPES.map((type) => ({ state, type })))

describe('every event in every state', () => {
  test.each(pairs)('$state, $type', ({ state, type }) => {
    const isAllowed = (MOVES[state] as readonly string[]).includes(type)
    expect(canMove(state, type)).toBe(isAllowed)
    for (const event of SAMPLE_EVENTS[type]) {
      const job = sampleJob(state, isFinal(state) ? { remoteId: 'task-1' } : {})
      const before = structuredClone(job)
      const next = advance(job, event, NOW)
      expect(job).toEqual(before)
      expect(next !== null).toBe(isAllowed)
      if (next === null) continue
      expect(next.version).toBe(job.version + 1)
      expect(faultsOf(next)).toEqual([])
      expect(next.attempt - job.attempt).toBeOneOf(BUYS.includes(type) ? [0, 1] : [0])
      if (PROGRESS.includes(type)) expect(next).toMatchObject({ setbacks: 0, problem: null })
    }
  })
})

describe('what each move means', () => {
  test('an accepted task is one attempt, its id kept and its first read set', () => {
    expect(advance(sampleJob('submitting'), SAMPLE_EVENTS.accepted[0] as DomainEvent, NOW)).toMatchObject({
      state: 'generating',
      remoteId: 'task-2',
      attempt: 1,
      acceptedAt: NOW,
      estimatedMs: 30_000,
      progress: 0,
      runAt: 1_772_366_460_000,
    })
  })

  test('a lost answer counts its attempt once; finding the task later does not count it again', () => {
    const lost = step(sampleJob('submitting'), SAMPLE_EVENTS.lost[0])
    expect(lost).toMatchObject({ state: 'unconfirmed', attempt: 1 })
    expect(step(lost, SAMPLE_EVENTS.found[0])).toMatchObject({
      state: 'generating',
      attempt: 1,
      remoteId: 'task-3',
    })
  })

  test('a request that surely did not arrive goes back without counting an attempt', () => {
    const next = step(sampleJob('submitting'), SAMPLE_EVENTS['set-back'][0])
    expect(next).toMatchObject({ state: 'queued', attempt: 0, setbacks: 3 })
  })

  test('a wait that is nobody’s failure is not counted as a set-back', () => {
    for (const state of ['queued', 'uploading', 'submitting', 'generating', 'downloading'] as const)
      expect(step(sampleJob(state), SAMPLE_EVENTS['set-back'][1]).setbacks).toBe(2)
  })

  test('after the task exists a set-back waits in place', () => {
    for (const state of ['generating', 'downloading'] as const)
      expect(step(sampleJob(state), SAMPLE_EVENTS['set-back'][0])).toMatchObject({
        state,
        remoteId: 'task-1',
      })
  })

  test('a refusal counts an attempt only where a request was made', () => {
    expect(step(sampleJob('submitting'), SAMPLE_EVENTS.refused[0]).attempt).toBe(1)
    expect(step(sampleJob('uploading'), SAMPLE_EVENTS.refused[0]).attempt).toBe(0)
    expect(step(sampleJob('generating'), SAMPLE_EVENTS.refused[0]).attempt).toBe(1)
  })

  test('a release forgets the old task, so that the row is bought anew', () => {
    const failed = sampleJob('failed', { remoteId: 'task-1', link: 'https://x.example/1', attempt: 1 })
    expect(step(failed, SAMPLE_EVENTS.released[0])).toMatchObject({
      state: 'queued',
      remoteId: null,
      link: null,
      linkExpiresAt: null,
      acceptedAt: null,
      finishedAt: null,
      progress: null,
      attempt: 1,
    })
  })

  test('a refetch needs a known task and takes the link where there is one', () => {
    const refetched = SAMPLE_EVENTS.refetched[0] as DomainEvent
    for (const state of ['failed', 'cancelled'] as const) {
      const link = 'https://files.example/1.mp4'
      expect(advance(sampleJob(state), refetched, NOW)).toBeNull()
      expect(step(sampleJob(state, { remoteId: 'task-1' }), refetched).state).toBe('generating')
      expect(step(sampleJob(state, { remoteId: 'task-1', link }), refetched).state).toBe('downloading')
    }
  })

  test('a cancel after submission keeps the task id', () => {
    expect(step(sampleJob('generating'), SAMPLE_EVENTS.cancelled[0])).toMatchObject({
      state: 'cancelled',
      remoteId: 'task-1',
      finishedAt: NOW,
    })
  })

  test('a reading without progress keeps the progress that was shown', () => {
    expect(step(sampleJob('generating'), SAMPLE_EVENTS['still-running'][1]).progress).toBe(0.5)
    expect(step(sampleJob('generating'), SAMPLE_EVENTS['still-running'][0]).progress).toBe(0.7)
  })

  test('nobody can cancel a create request whose answer is still out', () => {
    expect(canMove('submitting', 'cancelled')).toBe(false)
  })
})

function step(job: JobRecord, event: DomainEvent | undefined): JobRecord {
  const next = event && advance(job, event, NOW)
  if (!next) throw new Error(`${event?.type} does not apply to ${job.state}`)
  return next
}

const anyEvent: fc.Arbitrary<DomainEvent> = fc
  .constantFrom(...TYPES)
  .chain((type) => fc.constantFrom(...(SAMPLE_EVENTS[type] as DomainEvent[])))
const anyState = fc.constantFrom(...STATES)

describe('any sequence of events', () => {
  test('leaves a row that the schema takes, counts only upwards, and never moves a job that is done', () => {
    fc.assert(
      fc.property(anyState, fc.array(anyEvent, { maxLength: 40 }), (state, events) => {
        let job = sampleJob(state)
        for (const [index, event] of events.entries()) {
          const next = advance(job, event, NOW + index)
          if (job.state === 'done') expect(next).toBeNull()
          if (!next) continue
          expect(faultsOf(next)).toEqual([])
          expect(next.version).toBe(job.version + 1)
          expect(next.attempt).toBeGreaterThanOrEqual(job.attempt)
          expect(next.attempt).toBeLessThanOrEqual(job.attempt + 1)
          job = next
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('of reads alone spends no attempt and ends nothing, however many there are', () => {
    const reads = fc.constantFrom(...SAMPLE_EVENTS['still-running'], ...SAMPLE_EVENTS['set-back'])
    fc.assert(
      fc.property(fc.array(reads, { maxLength: 200 }), (events) => {
        let job = sampleJob('generating', { attempt: 1 })
        for (const event of events) job = step(job, event)
        expect(job).toMatchObject({ state: 'generating', attempt: 1, remoteId: 'task-1' })
        if (events.at(-1)?.type === 'still-running') expect(job.setbacks).toBe(0)
      }),
    )
  })

  test('counts set-backs in a row, and progress makes them zero again', () => {
    const counted = SAMPLE_EVENTS['set-back'][0] as DomainEvent
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 50 }),
        fc.constantFrom('generating', 'downloading'),
        (times, state) => {
          let job = sampleJob(state, { setbacks: 0 })
          for (let one = 0; one < times; one += 1) job = step(job, counted)
          expect(job.setbacks).toBe(times)
          const progress = state === 'generating' ? SAMPLE_EVENTS['still-running'][0] : SAMPLE_EVENTS.saved[0]
          expect(step(job, progress).setbacks).toBe(0)
        },
      ),
    )
  })

  test('that never buys again reaches an end from every state that has one', () => {
    const ends: Record<JobState, EventType[]> = {
      held: ['cancelled'],
      queued: ['cancelled'],
      uploading: ['refused'],
      submitting: ['accepted', 'rendered', 'saved'],
      unconfirmed: ['found', 'rendered', 'saved'],
      generating: ['rendered', 'saved'],
      downloading: ['saved'],
      done: [],
      failed: [],
      cancelled: [],
    }
    for (const state of STATES) {
      const last = ends[state].reduce((job, type) => step(job, SAMPLE_EVENTS[type][0]), sampleJob(state))
      expect(isFinal(last.state)).toBe(true)
    }
  })
})
