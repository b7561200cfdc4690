import { describe, expect, test } from 'vitest'
import { REPEAT_AFTER_MS } from '../../../src/main/core/jobs/policy.ts'
import {
  Busy,
  type Provider,
  type RefusalKind,
  Refused,
  Unconfirmed,
  Unreachable,
} from '../../../src/main/core/provider/provider.ts'
import { NEVER, submit } from '../../../src/main/core/steps/submit.ts'
import { NOW, TROUBLE } from '../../support/rows.ts'
import { scriptedProvider, stepBench } from '../../support/step-bench.ts'

const never = new AbortController().signal
const KEYED = { idempotencyMs: 60_000 }

interface Given {
  can?: Partial<Provider['can']>
  sentAt?: number
  isRepeat?: boolean
}

async function send(answer: () => Promise<never> | ReturnType<Provider['create']>, given: Given = {}) {
  const provider = scriptedProvider({ create: answer, ...(given.can && { can: given.can }) })
  const { engine, input } = stepBench('submitting', provider, { sentAt: given.sentAt ?? NOW })
  const attempt = { ...input.attempt, resentAt: given.isRepeat ? NOW : null }
  return { ...(await submit({ ...input, attempt }, engine, never)), attemptId: attempt.id }
}

const throwing = (error: unknown) => () => Promise.reject(error)

describe('accepted', () => {
  test('keeps the id, the reserve and how it was found, in one report', async () => {
    const report = await send(async () => ({
      remoteId: 'task-9',
      isReplayed: true,
      reservedMicros: 12,
      estimatedMs: 8000,
      vtrixForm: 'wrapped',
    }))
    expect(report.event).toMatchObject({ type: 'accepted', remoteId: 'task-9', estimatedMs: 8000 })
    expect(report.attempt).toEqual({ id: report.attemptId, outcome: 'accepted', remoteId: 'task-9' })
    expect(report.ledger?.entry).toEqual({ standing: 'reserved', reservedMicros: 12 })
    expect(report.learned).toEqual({ vtrixForm: 'wrapped' })
    expect(report.facts).toMatchObject({ isReplayed: true })
  })
})

describe('surely not bought', () => {
  const refused = (kind: RefusalKind, scope: 'job' | 'account', status: number | null = null) =>
    new Refused({ kind, scope, problem: TROUBLE, status, until: NOW + 9 })

  test.each([
    {
      what: 'a rate limit',
      error: new Busy({ problem: TROUBLE, retryAfterMs: 4000, isRateLimit: true }),
      counts: false,
      pace: 'slow',
    },
    {
      what: 'a busy provider',
      error: new Busy({ problem: TROUBLE, retryAfterMs: 4000, isRateLimit: false }),
      counts: true,
      pace: undefined,
    },
    {
      what: 'no connection',
      error: new Unreachable({ problem: TROUBLE, isOffline: true }),
      counts: true,
      pace: 'offline',
    },
    {
      what: 'a connection that broke before the request',
      error: new Unreachable({ problem: TROUBLE, isOffline: false }),
      counts: true,
      pace: undefined,
    },
  ])('$what: the same attempt waits to be sent again', async ({ error, counts, pace }) => {
    const report = await send(throwing(error), { can: KEYED })
    expect(report.event).toMatchObject({ type: 'set-back', problem: TROUBLE, counts })
    expect(report.attempt).toEqual({ id: report.attemptId, unsent: true })
    expect(report.ledger?.entry).toEqual({ standing: 'released' })
    expect(report.pace?.type).toBe(pace)
    if (report.event.type === 'set-back') expect(report.event.retryAt).toBeGreaterThan(NOW)
  })

  test.each([
    { kind: 'auth' as const, stops: 'everything' },
    { kind: 'balance' as const, stops: 'spending' },
    { kind: 'key_limit' as const, stops: 'spending' },
    { kind: 'forbidden' as const, stops: 'spending' },
  ])('the account’s reason ($kind) stops $stops and fails no job', async ({ kind, stops }) => {
    const report = await send(throwing(refused(kind, 'account')))
    expect(report.event).toMatchObject({ type: 'set-back', counts: false })
    expect(report.account).toEqual({ stops, problem: TROUBLE, until: NOW + 9 })
    expect(report.attempt).toEqual({ id: report.attemptId, unsent: true })
    expect(report.ledger?.entry).toEqual({ standing: 'released' })
  })

  test('the job’s own reason ends it, decided and free', async () => {
    const report = await send(throwing(refused('content', 'job', 400)))
    expect(report.event).toEqual({ type: 'refused', problem: TROUBLE })
    expect(report.attempt).toMatchObject({ outcome: 'refused' })
    expect(report.ledger?.entry).toEqual({ standing: 'released' })
    expect(report).not.toHaveProperty('learned')
  })

  test('a request that was too large teaches the account a smaller limit, where references travel inside', async () => {
    const tooLarge = refused('too_large', 'job', 413)
    const inline = await send(throwing(tooLarge), { can: { inlineReferences: true } })
    expect(inline.learned?.requestLimitBytes).toBeLessThan(20_000_000)
    const byAddress = await send(throwing(tooLarge))
    expect(byAddress).not.toHaveProperty('learned')
  })
})

describe('perhaps bought', () => {
  const unclear = (more: Partial<ConstructorParameters<typeof Unconfirmed>[0]> = {}) =>
    new Unconfirmed({ problem: TROUBLE, ...more })

  test('is repeated once under its own key where the provider takes keys', async () => {
    const report = await send(throwing(unclear()), { can: KEYED })
    expect(report.event).toEqual({ type: 'unclear', problem: TROUBLE, repeatAt: NOW + REPEAT_AFTER_MS })
    expect(report).not.toHaveProperty('attempt')
    expect(report).not.toHaveProperty('ledger')
  })

  test('is repeated when the provider said so', async () => {
    const report = await send(throwing(unclear({ retryAfterMs: 3000 })), { can: KEYED })
    expect(report.event).toMatchObject({ type: 'unclear', repeatAt: NOW + 3000 })
  })

  test.each([
    { what: 'the provider takes no keys', given: {} },
    { what: 'it was repeated already', given: { can: KEYED, isRepeat: true } },
    { what: 'the key is too old to be honoured', given: { can: KEYED, sentAt: NOW - KEYED.idempotencyMs } },
    { what: 'a repeat cannot help', given: { can: KEYED }, more: { mayRepeat: false } },
  ])('waits unconfirmed when $what, and its money counts', async ({ given, more }) => {
    const report = await send(throwing(unclear(more)), given)
    expect(report.event).toMatchObject({ type: 'lost', lookAt: NEVER })
    expect(report.attempt).toMatchObject({ outcome: 'unknown' })
    expect(report.ledger?.entry).toEqual({ standing: 'unknown' })
  })

  test('is looked for soon where there is a list of tasks', async () => {
    const report = await send(throwing(unclear()), { can: { listTasks: true } })
    if (report.event.type !== 'lost') throw new Error('expected a lost answer')
    expect(report.event.lookAt).toBeGreaterThan(NOW)
    expect(report.event.lookAt).toBeLessThan(NOW + 60_000)
  })

  test.each([new TypeError('a fault of our own'), 'not even an error'])(
    'any fault after the request left counts as perhaps bought (%s)',
    async (fault) => {
      const report = await send(throwing(fault))
      expect(report.event).toMatchObject({ type: 'lost', problem: { code: 'outcome-unknown' } })
      expect(report.ledger?.entry).toEqual({ standing: 'unknown' })
    },
  )
})

describe('a repeat that does not get through says nothing of the first request', () => {
  const given = { can: KEYED, isRepeat: true }

  test.each([
    ['no connection', new Unreachable({ problem: TROUBLE, isOffline: true })],
    ['a rate limit', new Busy({ problem: TROUBLE, retryAfterMs: 4000, isRateLimit: true })],
    ['a busy provider', new Busy({ problem: TROUBLE, retryAfterMs: null, isRateLimit: false })],
  ])(
    '%s: the row stays in doubt, its money counts, and the one repeat is still to come',
    async (_, error) => {
      const report = await send(throwing(error), given)
      expect(report.event).toMatchObject({ type: 'unclear' })
      expect((report.event as { repeatAt: number }).repeatAt).toBeGreaterThan(NOW)
      expect(report.attempt).toEqual({ id: report.attemptId, unrepeated: true })
      expect(report).not.toHaveProperty('ledger')
    },
  )

  test.each(['invalid_request', 'content', 'not_found'] as const)(
    'refused (%s): unconfirmed, never failed and free',
    async (kind) => {
      const error = new Refused({ kind, scope: 'job', problem: TROUBLE, status: 400 })
      const report = await send(throwing(error), given)
      expect(report.event.type).toBe('lost')
      expect(report.attempt).toMatchObject({ outcome: 'unknown' })
      expect(report.ledger?.entry).toEqual({ standing: 'unknown' })
    },
  )

  test('refused for the account’s reason: the account stops, and the row stays in doubt', async () => {
    const error = new Refused({ kind: 'auth', scope: 'account', problem: TROUBLE, status: 401 })
    const report = await send(throwing(error), given)
    expect(report.event.type).toBe('unclear')
    expect(report.attempt).toEqual({ id: report.attemptId, unrepeated: true })
    expect(report.account).toMatchObject({ stops: 'everything' })
    expect(report).not.toHaveProperty('ledger')
  })

  test('after the provider’s window the repeat would be a new order: unconfirmed', async () => {
    const error = new Unreachable({ problem: TROUBLE, isOffline: true })
    const report = await send(throwing(error), { ...given, sentAt: NOW - 60_000 })
    expect(report.event.type).toBe('lost')
  })
})
