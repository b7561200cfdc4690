import { problem } from '../../../shared/problem.ts'
import type { Engine, Report, StepInput } from '../jobs/engine.ts'
import { backOffMs, pollDelayMs, REPEAT_AFTER_MS } from '../jobs/policy.ts'
import {
  type Accepted,
  Busy,
  type Provider,
  Refused,
  Unconfirmed,
  Unreachable,
} from '../provider/provider.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { AttemptRecord } from '../store/attempts.ts'
import { accountTrouble, paceOf } from './trouble.ts'

interface SubmitInput extends StepInput {
  attempt: AttemptRecord
}

/** Rows without a list of tasks are not looked for by themselves; they wait for a person. */
export const NEVER = 8_640_000_000_000_000
const FIRST_LOOK_MS = 5_000
/** Clocks are put right by so much without anybody's doing. */
export const CLOCK_SLACK_MS = 60_000
/** A balance or a key is not mended in seconds. */
const ACCOUNT_WAIT_MS = 10 * 60_000

/**
 * Sends one create request that is already marked as sent, and says what its answer means. What cannot
 * be known is never guessed: an unclear answer is repeated at most once, under the same key, and only
 * where the provider takes keys; then the job is unconfirmed.
 */
export async function submit(input: SubmitInput, engine: Engine, signal: AbortSignal): Promise<Report> {
  const { attempt, provider } = input
  try {
    const accepted = await provider.create(
      {
        body: attempt.body,
        idempotencyKey: attempt.idempotencyKey,
        openReference: (sha256) => engine.references.open(sha256),
      },
      signal,
    )
    engine.checkpoint('submit.answered')
    return reportAccepted(input, engine, accepted)
  } catch (error) {
    engine.checkpoint('submit.answered')
    return reportTrouble(input, engine, error)
  }
}

function reportAccepted({ attempt }: { attempt: AttemptRecord }, engine: Engine, accepted: Accepted): Report {
  const wait = pollDelayMs(
    { elapsedMs: 0, estimatedMs: accepted.estimatedMs, progress: 0 },
    engine.random.next(),
  )
  return {
    event: {
      type: 'accepted',
      remoteId: accepted.remoteId,
      estimatedMs: accepted.estimatedMs,
      pollAt: engine.clock.now() + wait,
    },
    attempt: { id: attempt.id, outcome: 'accepted', remoteId: accepted.remoteId },
    ledger: {
      attemptId: attempt.id,
      entry: { standing: 'reserved', reservedMicros: accepted.reservedMicros },
    },
    pace: { type: 'taken' },
    facts: { remoteId: accepted.remoteId, isReplayed: accepted.isReplayed },
    ...(accepted.vtrixForm && { learned: { vtrixForm: accepted.vtrixForm } }),
  }
}

function reportTrouble(
  { job, account, provider, attempt }: SubmitInput,
  engine: Engine,
  error: unknown,
): Report {
  const now = engine.clock.now()
  if (attempt.resentAt !== null) return reportRepeatTrouble({ job, provider, attempt }, engine, error)
  const notBought = { attemptId: attempt.id, entry: { standing: 'released' } } as const
  if (error instanceof Busy) {
    const wait = error.retryAfterMs ?? backOffMs(job.setbacks + 4, engine.random.next())
    return {
      event: { type: 'set-back', problem: error.problem, retryAt: now + wait, counts: !error.isRateLimit },
      attempt: { id: attempt.id, unsent: true },
      ledger: notBought,
      ...paceOf(error, wait),
    }
  }
  if (error instanceof Unreachable) {
    return {
      event: {
        type: 'set-back',
        problem: error.problem,
        retryAt: now + backOffMs(job.setbacks, engine.random.next()),
        counts: true,
      },
      attempt: { id: attempt.id, unsent: true },
      ledger: notBought,
      ...paceOf(error, 0),
    }
  }
  if (error instanceof Refused && error.scope === 'account') {
    return {
      event: { type: 'set-back', problem: error.problem, retryAt: now, counts: false },
      attempt: { id: attempt.id, unsent: true },
      ledger: notBought,
      account: accountTrouble(error, now),
    }
  }
  if (error instanceof Refused) {
    const limit = error.kind === 'too_large' ? { requestLimitBytes: smallerLimit(account, error) } : null
    // A practice provider refuses what a prompt tells it to refuse: that says nothing of the model.
    const isRetired = error.problem.code === 'model-retired' && account.family !== 'practice'
    return {
      event: { type: 'refused', problem: error.problem },
      attempt: { id: attempt.id, outcome: 'refused', problem: error.problem },
      ledger: notBought,
      ...(limit && error.status === 413 && provider.can.inlineReferences && { learned: limit }),
      ...(isRetired && { learned: { retiredModels: [job.model] } }),
    }
  }
  return reportUnclear({ attempt, provider }, now, error)
}

/**
 * The repeat of a doubtful request met trouble of its own. Whatever that is, it says nothing of the first
 * request: a row whose repeat surely did not arrive is repeated later, under the same key and within the
 * provider's window; a repeat that was refused leaves the doubt to be looked up or asked about.
 */
function reportRepeatTrouble(
  { job, provider, attempt }: Pick<SubmitInput, 'job' | 'provider' | 'attempt'>,
  engine: Engine,
  error: unknown,
): Report {
  const now = engine.clock.now()
  const isOfAccount = error instanceof Refused && error.scope === 'account'
  const account = isOfAccount ? { account: accountTrouble(error, now) } : {}
  if (
    isInWindow(attempt, provider, now) &&
    (isOfAccount || error instanceof Busy || error instanceof Unreachable)
  ) {
    const told = error instanceof Busy ? error.retryAfterMs : null
    return {
      event: {
        type: 'unclear',
        problem: job.problem ?? unknownOutcome(),
        repeatAt:
          now + (isOfAccount ? ACCOUNT_WAIT_MS : (told ?? backOffMs(job.setbacks + 2, engine.random.next()))),
      },
      attempt: { id: attempt.id, unrepeated: true },
      ...account,
      ...paceOf(error, told ?? 0),
    }
  }
  const found = error instanceof Unconfirmed ? error.problem : (job.problem ?? unknownOutcome())
  const doubt = error instanceof Unconfirmed ? ({ pace: { type: 'doubtful' } } as const) : {}
  return { ...lost(attempt, firstLookAt(provider, now), found), ...account, ...doubt }
}

/** Past its window a key is forgotten, and a repeat would be a second purchase. */
const isInWindow = (attempt: AttemptRecord, { can }: Provider, now: number): boolean =>
  isWithin(now - (attempt.sentAt ?? now), can.idempotencyMs ?? 0)

/** A request from the future was sent before somebody set the clock back: how long ago is not known. */
export const isWithin = (ageMs: number, windowMs: number): boolean =>
  ageMs > -CLOCK_SLACK_MS && ageMs < windowMs

/** Whether a request whose outcome is not known may be sent once more under its own key, at this moment. */
export const mayRepeat = (attempt: AttemptRecord, provider: Provider, now: number): boolean =>
  attempt.resentAt === null && isInWindow(attempt, provider, now)

/** A request of this size was refused, so the limit lies below it. */
const smallerLimit = ({ options }: AccountRecord, { sentBytes }: Refused): number =>
  Math.max(1, Math.min(options.requestLimitBytes, (sentBytes ?? options.requestLimitBytes) - 1))

/** Anything else counts as "may have been bought": also a fault of our own after the request left. */
function reportUnclear(
  { attempt, provider }: Pick<SubmitInput, 'attempt' | 'provider'>,
  now: number,
  error: unknown,
): Report {
  const unclear = error instanceof Unconfirmed ? error : null
  const found = unclear?.problem ?? unknownOutcome()
  if (mayRepeat(attempt, provider, now) && (unclear?.mayRepeat ?? true)) {
    const wait = unclear?.retryAfterMs ?? REPEAT_AFTER_MS
    return {
      event: { type: 'unclear', problem: found, repeatAt: now + wait },
      pace: { type: 'doubtful' },
      facts: { repeat: 'once, under the same key' },
    }
  }
  return { ...lost(attempt, firstLookAt(provider, now), found), pace: { type: 'doubtful' } }
}

/** A list that is complete can be asked at once; another needs a moment to show what is new. */
export function firstLookAt({ can }: Provider, now: number): number {
  if (can.listIsComplete) return now
  return can.listTasks ? now + FIRST_LOOK_MS : NEVER
}

/** The job waits unconfirmed: its money counts, and nothing is sent again until someone knows. */
export function lost(
  attempt: AttemptRecord,
  lookAt: number,
  given: ReturnType<typeof unknownOutcome>,
): Report {
  return {
    event: { type: 'lost', problem: given, lookAt },
    attempt: { id: attempt.id, outcome: 'unknown', problem: given },
    ledger: { attemptId: attempt.id, entry: { standing: 'unknown' } },
  }
}

export const unknownOutcome = () =>
  problem(
    'outcome-unknown',
    'The request left, but what became of it is not known: the clip may have been ordered and charged.',
    'Look at the provider: if the task exists, give its id; if it surely does not, send the row again; or leave it.',
  )
