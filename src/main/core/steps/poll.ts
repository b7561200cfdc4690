import { type Problem, problem } from '../../../shared/problem.ts'
import type { Engine, Report } from '../jobs/engine.ts'
import { backOffMs, FORGOTTEN_AFTER, LINK_LIFE_MS, NO_OUTPUT_AFTER, pollDelayMs } from '../jobs/policy.ts'
import { Busy, type Provider, Refused, type TaskReading, Unreachable } from '../provider/provider.ts'
import type { AttemptRecord } from '../store/attempts.ts'
import type { JobRecord } from '../store/jobs.ts'
import { accountTrouble, paceOf } from './trouble.ts'

/** However long a provider asks a read to wait. */
const LONGEST_WAIT_MS = 5 * 60_000

export interface Polled {
  job: JobRecord
  /** The attempt whose task this is, for its line in the ledger. */
  attempt: AttemptRecord
}

/** Reads a batch of tasks. Reading spends no attempt, and no number of reads makes a job fail by itself. */
export async function poll(
  batch: readonly Polled[],
  provider: Provider,
  engine: Engine,
  signal: AbortSignal,
): Promise<Map<number, Report>> {
  try {
    const readings = await provider.read(
      batch.map(({ job }) => job.remoteId as string),
      signal,
    )
    return new Map(
      batch.map((polled) => {
        const reading = readings.get(polled.job.remoteId as string)
        const report = reading
          ? reportReading(polled, reading, provider, engine)
          : reportUnread(polled.job, engine)
        return [polled.job.id, { ...report, pace: { type: 'online' } }]
      }),
    )
  } catch (error) {
    return new Map(batch.map(({ job }) => [job.id, reportTrouble(job, error, engine)]))
  }
}

function waitFor(
  job: JobRecord,
  engine: Engine,
  estimatedMs: number | null,
  progress: number | null,
): number {
  const now = engine.clock.now()
  const facts = {
    elapsedMs: now - (job.acceptedAt ?? now),
    estimatedMs: estimatedMs ?? job.estimatedMs,
    progress: progress ?? job.progress,
  }
  return now + pollDelayMs(facts, engine.random.next())
}

/** What one reading means for its job. */
export function reportReading(
  { job, attempt }: Polled,
  reading: TaskReading,
  provider: Provider,
  engine: Engine,
): Report {
  const now = engine.clock.now()
  switch (reading.state) {
    case 'running':
      return {
        event: {
          type: 'still-running',
          progress: reading.progress,
          pollAt: waitFor(job, engine, reading.estimatedMs, reading.progress),
        },
      }
    case 'succeeded': {
      const link = reading.urls[0]
      if (link === undefined) return patience(job, engine, withoutOutput(job), NO_OUTPUT_AFTER)
      return {
        event: { type: 'rendered', link, linkExpiresAt: now + LINK_LIFE_MS },
        ledger: {
          attemptId: attempt.id,
          entry: { standing: 'charged', chargedMicros: reading.chargedMicros },
        },
        facts: { outputs: reading.urls.length, chargedMicros: reading.chargedMicros },
      }
    }
    case 'failed':
      return reportFailed({ job, attempt }, reading, provider)
    case 'forgotten':
      return patience(job, engine, forgotten(job), FORGOTTEN_AFTER)
    default:
      return reading satisfies never
  }
}

/** Others of the batch could be read and this one could not: nothing is known about it, so it counts as nothing. */
const reportUnread = (job: JobRecord, engine: Engine): Report => ({
  event: { type: 'set-back', problem: unread(job), retryAt: waitFor(job, engine, null, null), counts: false },
})

/** The same odd answer several times in a row becomes a named problem; before that it is only asked again. */
function patience(job: JobRecord, engine: Engine, found: Problem, times: number): Report {
  const before = inARow(job, found)
  if (before + 1 >= times) return { event: { type: 'refused', problem: found } }
  // Half a minute and more between looks: a list that lags behind must not cost a clip.
  const retryAt = engine.clock.now() + backOffMs(before + 4, engine.random.next())
  return { event: { type: 'set-back', problem: found, retryAt, counts: countOf(job, found) } }
}

/** How often the same was found in a row before: what another trouble counted says nothing of this one. */
const inARow = (job: JobRecord, found: Problem): number =>
  job.problem?.code === found.code ? job.setbacks : 0
const countOf = (job: JobRecord, found: Problem): true | 'anew' =>
  job.problem?.code === found.code ? true : 'anew'

function reportFailed(
  { job, attempt }: Polled,
  reading: Extract<TaskReading, { state: 'failed' }>,
  provider: Provider,
): Report {
  const isFree = reading.isRefunded === true || (provider.can.failedIsFree && !reading.chargedMicros)
  const money = isFree
    ? 'A failed task costs nothing here.'
    : reading.chargedMicros
      ? 'The provider charged for it.'
      : 'Whether it was charged is not known, so it still counts against the cap.'
  const found = problem(
    'task-failed',
    `The provider could not make this clip (${reading.code}: ${reading.message}). ${money}`,
    reading.isTransient
      ? 'The reason lies with the provider: retry the row later (a new paid task).'
      : 'Change the prompt or the references, then retry the row (a new paid task).',
    { jobId: job.id, remoteId: job.remoteId ?? '', providerCode: reading.code },
  )
  const entry = isFree
    ? ({ standing: 'released', chargedMicros: 0 } as const)
    : reading.chargedMicros
      ? ({ standing: 'charged', chargedMicros: reading.chargedMicros } as const)
      : ({ standing: 'unknown' } as const)
  return { event: { type: 'refused', problem: found }, ledger: { attemptId: attempt.id, entry } }
}

function reportTrouble(job: JobRecord, error: unknown, engine: Engine): Report {
  const now = engine.clock.now()
  if (error instanceof Busy) {
    // A day of silence would cost the output: reads are free, and asked again sooner.
    const wait = Math.min(error.retryAfterMs ?? 30_000, LONGEST_WAIT_MS)
    return {
      event: { type: 'set-back', problem: error.problem, retryAt: now + wait, counts: false },
      ...paceOf(error, wait),
    }
  }
  if (error instanceof Unreachable) {
    return {
      event: {
        type: 'set-back',
        problem: error.problem,
        retryAt: waitFor(job, engine, null, null),
        counts: false,
      },
      ...paceOf(error, 0),
    }
  }
  if (error instanceof Refused) {
    return {
      event: {
        type: 'set-back',
        problem: error.problem,
        retryAt:
          now +
          (error.scope === 'account'
            ? 60_000
            : backOffMs(inARow(job, error.problem) + 4, engine.random.next())),
        counts: error.scope === 'account' ? false : countOf(job, error.problem),
      },
      ...(error.scope === 'account' && { account: accountTrouble(error, now) }),
    }
  }
  throw error
}

const unread = (job: JobRecord): Problem =>
  problem(
    'provider-fault',
    'This task could not be read just now, though others could. Nothing is lost: it is read again.',
    'It goes on by itself.',
    { jobId: job.id, remoteId: job.remoteId ?? '' },
    'info',
  )

const withoutOutput = (job: JobRecord): Problem =>
  problem(
    'task-without-output',
    'The provider says that this clip is finished but names no file. It was paid for and is not bought again.',
    'Fetch it again later, or ask the provider with the task id.',
    { jobId: job.id, remoteId: job.remoteId ?? '' },
  )

const forgotten = (job: JobRecord): Problem =>
  problem(
    'task-forgotten',
    'The provider no longer knows this task; tasks are kept for about a day. Whether it was charged is not known, so it still counts against the cap.',
    'Look in the provider’s own history with the task id; retry the row only if you accept to pay again.',
    { jobId: job.id, remoteId: job.remoteId ?? '' },
  )
