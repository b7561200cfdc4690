import { isDeepStrictEqual } from 'node:util'
import { type Problem, problem } from '../../../shared/problem.ts'
import type { Engine, Report, StepInput } from '../jobs/engine.ts'
import { LOOK_FOR_MS, lookDelayMs, pollDelayMs } from '../jobs/policy.ts'
import type { ListedTask } from '../provider/provider.ts'
import type { AttemptRecord } from '../store/attempts.ts'
import { isWithin, NEVER } from './submit.ts'

/** The provider's clock may be off by this much, and a queue may take this long to note a task. */
const EARLIER_MS = 2 * 60_000
const LATER_MS = 5 * 60_000

/**
 * Looks for the task of an unconfirmed job in the provider's list. It is found only when nothing else can
 * be meant: one task of this model in the attempt's time window that no job has, and no second attempt that
 * could have made it. An empty list proves nothing, unless the provider's list is
 * complete (the practice provider's ledger on this machine).
 */
export async function look(
  input: StepInput & { attempt: AttemptRecord },
  engine: Engine,
  signal: AbortSignal,
): Promise<Report> {
  const { attempt, account, provider, job } = input
  const sentAt = attempt.sentAt ?? attempt.createdAt
  const listed = (await provider.list?.(sentAt - EARLIER_MS, signal)) ?? []
  const candidates = listed.filter(
    (task) =>
      task.model === job.model &&
      task.createdAt >= sentAt - EARLIER_MS &&
      task.createdAt <= (attempt.resentAt ?? sentAt) + LATER_MS &&
      !engine.store.attempts.isClaimed(account.id, task.remoteId),
  )
  const exact = candidates.filter((task) => task.body && isDeepStrictEqual(task.body, attempt.body))
  const sure = provider.can.listIsComplete ? exact[0] : hasRival(input, engine) ? undefined : only(candidates)
  if (sure) return found(attempt, sure, engine)
  if (provider.can.listIsComplete) return absent(attempt)
  return keepWaiting(input, candidates, engine.clock.now())
}

/** Asked once the list is there: a row may have been sent while the list was on its way. */
function hasRival(
  { attempt, account, job }: StepInput & { attempt: AttemptRecord },
  engine: Engine,
): boolean {
  const sentAt = attempt.sentAt ?? attempt.createdAt
  return engine.store.attempts.hasRival({
    id: attempt.id,
    accountId: account.id,
    model: job.model,
    from: sentAt - EARLIER_MS - LATER_MS,
    to: (attempt.resentAt ?? sentAt) + EARLIER_MS + LATER_MS,
  })
}

const only = (tasks: ListedTask[]): ListedTask | undefined => (tasks.length === 1 ? tasks[0] : undefined)

function found(attempt: AttemptRecord, task: ListedTask, engine: Engine): Report {
  const wait = pollDelayMs({ elapsedMs: 0, estimatedMs: 0, progress: 0 }, engine.random.next())
  return {
    event: { type: 'found', remoteId: task.remoteId, pollAt: engine.clock.now() + wait },
    attempt: { id: attempt.id, outcome: 'found', remoteId: task.remoteId },
    ledger: { attemptId: attempt.id, entry: { standing: 'reserved' } },
    facts: { remoteId: task.remoteId, by: 'the provider’s list' },
  }
}

function absent(attempt: AttemptRecord): Report {
  return {
    event: { type: 'released' },
    attempt: { id: attempt.id, outcome: 'absent' },
    ledger: { attemptId: attempt.id, entry: { standing: 'released' } },
    facts: { by: 'the provider’s complete ledger' },
  }
}

function keepWaiting(
  { attempt, job }: StepInput & { attempt: AttemptRecord },
  candidates: ListedTask[],
  now: number,
): Report {
  const passedMs = now - (attempt.sentAt ?? now)
  const lookAt = isWithin(passedMs, LOOK_FOR_MS) ? now + lookDelayMs(passedMs) : NEVER
  return { event: { type: 'looked', problem: describe(job.id, candidates), lookAt } }
}

function describe(jobId: number, candidates: ListedTask[]): Problem {
  const seen =
    candidates.length === 0
      ? 'The provider’s list shows no such task yet, which proves nothing.'
      : `The provider’s list shows ${candidates.length} task(s) that could be it: ${candidates
          .slice(0, 5)
          .map((task) => task.remoteId)
          .join(', ')}.`
  return problem(
    'outcome-unknown',
    `The request left, but what became of it is not known: the clip may have been ordered and charged. ${seen}`,
    'If the task exists, give its id; if it surely does not, send the row again; or leave it.',
    { jobId },
  )
}
