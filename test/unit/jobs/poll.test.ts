import { describe, expect, test } from 'vitest'
import { FORGOTTEN_AFTER, LINK_LIFE_MS, NO_OUTPUT_AFTER } from '../../../src/main/core/jobs/policy.ts'
import {
  Busy,
  type Provider,
  Refused,
  type TaskReading,
  Unreachable,
} from '../../../src/main/core/provider/provider.ts'
import { poll } from '../../../src/main/core/steps/poll.ts'
import type { JobRecord } from '../../../src/main/core/store/jobs.ts'
import { type ProblemCode, problem } from '../../../src/shared/problem.ts'
import { NOW, TROUBLE } from '../../support/rows.ts'
import { scriptedProvider, stepBench } from '../../support/step-bench.ts'

const never = new AbortController().signal

/** A job that met the same so often in a row. */
const metBefore = (code: ProblemCode, setbacks: number): Partial<JobRecord> => ({
  setbacks,
  problem: setbacks === 0 ? null : problem(code, 'As before.', 'Wait.'),
})

async function read(
  reading: TaskReading | Error | null,
  more: Partial<JobRecord> & { can?: Partial<Provider['can']> } = {},
) {
  const { can, ...facts } = more
  const provider = scriptedProvider({
    ...(can && { can }),
    read: async (ids) => {
      if (reading instanceof Error) throw reading
      return new Map(reading ? ids.map((id) => [id, reading]) : [])
    },
  })
  const { engine, job, attempt } = stepBench('generating', provider, facts)
  const report = (await poll([{ job, attempt }], provider, engine, never)).get(job.id)
  if (!report) throw new Error('no report')
  return { ...report, attemptId: attempt.id }
}

const failed = (more: Partial<Extract<TaskReading, { state: 'failed' }>>): TaskReading => ({
  state: 'failed',
  code: 'oops',
  message: 'it broke',
  isTransient: false,
  chargedMicros: null,
  isRefunded: null,
  ...more,
})

describe('what a reading means', () => {
  test('a running task is read again later and spends nothing', async () => {
    const report = await read({ state: 'running', progress: 0.4, estimatedMs: null })
    expect(report.event).toMatchObject({ type: 'still-running', progress: 0.4 })
    expect(report).not.toHaveProperty('ledger')
    expect(report).not.toHaveProperty('attempt')
  })

  test('a finished task is charged and its first output fetched within the link’s life', async () => {
    const report = await read({
      state: 'succeeded',
      urls: ['https://x.example/1', 'https://x.example/2'],
      chargedMicros: 7,
    })
    expect(report.event).toEqual({
      type: 'rendered',
      link: 'https://x.example/1',
      linkExpiresAt: NOW + LINK_LIFE_MS,
    })
    expect(report.ledger?.entry).toEqual({ standing: 'charged', chargedMicros: 7 })
  })

  test.each([
    { setbacks: 0, type: 'set-back' },
    { setbacks: NO_OUTPUT_AFTER - 2, type: 'set-back' },
    { setbacks: NO_OUTPUT_AFTER - 1, type: 'refused' },
  ])('a finished task without a file, after $setbacks odd reads: $type', async ({ setbacks, type }) => {
    const { event } = await read(
      { state: 'succeeded', urls: [], chargedMicros: null },
      metBefore('task-without-output', setbacks),
    )
    expect(event).toMatchObject({ type, problem: { code: 'task-without-output' } })
  })

  test.each([
    { setbacks: 0, type: 'set-back' },
    { setbacks: FORGOTTEN_AFTER - 2, type: 'set-back' },
    { setbacks: FORGOTTEN_AFTER - 1, type: 'refused' },
  ])('a task the provider does not know, after $setbacks odd reads: $type', async ({ setbacks, type }) => {
    const report = await read({ state: 'forgotten' }, metBefore('task-forgotten', setbacks))
    expect(report.event).toMatchObject({ type, problem: { code: 'task-forgotten' } })
    // Its money may be gone: the line in the ledger stays as it is.
    expect(report).not.toHaveProperty('ledger')
  })

  test('a task that could not be read this time is no forgotten task, however often', async () => {
    const { event } = await read(null, { setbacks: FORGOTTEN_AFTER + 10 })
    expect(event).toMatchObject({ type: 'set-back', counts: false })
  })

  test.each([
    {
      what: 'refunded',
      reading: failed({ isRefunded: true, chargedMicros: 5 }),
      can: {},
      entry: { standing: 'released', chargedMicros: 0 },
    },
    {
      what: 'free by rule',
      reading: failed({}),
      can: { failedIsFree: true },
      entry: { standing: 'released', chargedMicros: 0 },
    },
    {
      what: 'charged',
      reading: failed({ chargedMicros: 5 }),
      can: {},
      entry: { standing: 'charged', chargedMicros: 5 },
    },
    {
      what: 'charged although failures are free',
      reading: failed({ chargedMicros: 5 }),
      can: { failedIsFree: true },
      entry: { standing: 'charged', chargedMicros: 5 },
    },
    { what: 'not told', reading: failed({}), can: {}, entry: { standing: 'unknown' } },
    {
      what: 'told that there is no refund, not whether it was charged',
      reading: failed({ isRefunded: false }),
      can: {},
      entry: { standing: 'unknown' },
    },
  ])('a failed task, $what', async ({ reading, can, entry }) => {
    const report = await read(reading, { can })
    expect(report.event).toMatchObject({ type: 'refused', problem: { code: 'task-failed' } })
    expect(report.ledger).toEqual({ attemptId: report.attemptId, entry })
  })
})

describe('when nothing can be read', () => {
  const busy = (isRateLimit: boolean, retryAfterMs: number | null) =>
    new Busy({ problem: TROUBLE, retryAfterMs, isRateLimit })

  test('a rate limit is waited out as told and slows the account', async () => {
    const report = await read(busy(true, 7000))
    expect(report.event).toEqual({ type: 'set-back', problem: TROUBLE, retryAt: NOW + 7000, counts: false })
    expect(report.pace).toEqual({ type: 'slow', retryAfterMs: 7000 })
  })

  test('a busy provider is waited for without slowing', async () => {
    const report = await read(busy(false, null))
    expect(report.event).toMatchObject({ type: 'set-back', counts: false })
    expect(report).not.toHaveProperty('pace')
  })

  test.each([true, false])('no answer (offline: %s) is nobody’s failure', async (isOffline) => {
    const report = await read(new Unreachable({ problem: TROUBLE, isOffline }))
    expect(report.event).toMatchObject({ type: 'set-back', counts: false })
    expect(report.pace).toEqual(isOffline ? { type: 'offline' } : undefined)
  })

  test.each([
    { kind: 'auth' as const, stops: 'everything' },
    { kind: 'balance' as const, stops: 'spending' },
  ])('a refusal of the account ($kind) stops $stops and no job', async ({ kind, stops }) => {
    const report = await read(new Refused({ kind, scope: 'account', problem: TROUBLE, until: NOW + 5 }))
    expect(report.event).toMatchObject({ type: 'set-back', counts: false })
    expect(report.account).toEqual({ stops, problem: TROUBLE, until: NOW + 5 })
  })

  test('a refused read fails no job: the task is paid for', async () => {
    const report = await read(new Refused({ kind: 'invalid_request', scope: 'job', problem: TROUBLE }))
    expect(report.event).toMatchObject({ type: 'set-back', counts: 'anew' })
    expect(report).not.toHaveProperty('account')
  })

  test('a task that is unknown once is not forgotten because other reads were refused before', async () => {
    const report = await read({ state: 'forgotten' }, metBefore('request-refused', 10))
    expect(report.event).toMatchObject({ type: 'set-back', counts: 'anew' })
  })

  test('a read is told to wait for a day: the output dies in one, so it is asked again in minutes', async () => {
    const busy = new Busy({ problem: TROUBLE, retryAfterMs: 86_400_000, isRateLimit: true })
    const { event } = await read(busy)
    expect(event).toMatchObject({ type: 'set-back', retryAt: NOW + 5 * 60_000 })
  })

  test('a refused key is tried again by itself', async () => {
    const report = await read(new Refused({ kind: 'auth', scope: 'account', problem: TROUBLE }))
    expect(report.account).toEqual({ stops: 'everything', problem: TROUBLE, until: NOW + 10 * 60_000 })
  })
})
