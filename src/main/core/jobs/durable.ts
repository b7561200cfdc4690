import { type Problem, problem } from '../../../shared/problem.ts'
import { firstLookAt, lost, NEVER } from '../steps/submit.ts'
import type { JobRecord } from '../store/jobs.ts'
import { apply } from './apply.ts'
import type { Engine, Report } from './engine.ts'
import { backOffMs } from './policy.ts'

export const RETRY_WRITE_MS = 5_000

type Waiting = [jobId: number, report: Report]

/**
 * Makes what came back durable. It must not be lost because the disk is full: it is kept here and written
 * again until it stays or `stop` is aborted. One row that cannot be written does not hold up the others.
 */
export async function makeDurable(
  engine: Engine,
  reports: ReadonlyMap<number, Report>,
  stop: AbortSignal,
): Promise<void> {
  let waiting: Waiting[] = [...reports]
  for (;;) {
    if (tryApply(engine, waiting) === null) return
    waiting = waiting.filter((one) => !applyOrExplain(engine, one))
    if (waiting.length === 0) return
    if (stop.aborted) break
    await engine.clock.sleep(RETRY_WRITE_MS, stop).catch(() => undefined)
  }
  for (const [jobId, { facts }] of waiting) {
    engine.log.error('stopped before this was stored', { jobId, facts: JSON.stringify(facts ?? {}) })
  }
}

/** Null when all of it is stored, else why none of it is. */
function tryApply(engine: Engine, reports: Waiting[]): { fault: unknown } | null {
  try {
    engine.store.write(() => {
      for (const [jobId, report] of reports) apply(engine, jobId, report)
    })
    return null
  } catch (fault) {
    tellFault(engine, fault)
    return { fault }
  }
}

/**
 * A report that the schema refuses (a task id that another row has) or that our own code stumbles over will
 * be refused every time: the row waits with a named problem instead, unconfirmed where it may have been bought.
 */
function applyOrExplain(engine: Engine, [jobId, report]: Waiting): boolean {
  const failed = tryApply(engine, [[jobId, report]])
  if (failed === null) return true
  const job = engine.store.jobs.get(jobId)
  if (!job || isOfDisk(failed.fault)) return false
  engine.log.error('a report was refused', { jobId, facts: JSON.stringify(report.facts ?? {}) })
  return tryApply(engine, [[jobId, reportFault(engine, job)]]) === null
}

/** A fault of our own is a set-back with its reason in the log, never a lost row. */
export function reportFault({ clock, random, store, providerFor }: Engine, job: JobRecord): Report {
  const found = problem(
    'internal',
    'Reelsheet made a mistake while working on this row. Nothing was sent again because of it.',
    'It is tried again by itself; if it stays, send us the log.',
    { jobId: job.id },
  )
  const retryAt = clock.now() + backOffMs(job.setbacks + 3, random.next())
  const attempt = store.attempts.undecided(job.id)
  if (job.state === 'submitting' && attempt) {
    const account = store.accounts.get(job.accountId)
    const provider = account && providerFor(account, job.model)
    return lost(attempt, provider ? firstLookAt(provider, clock.now()) : NEVER, found)
  }
  return job.state === 'unconfirmed'
    ? { event: { type: 'looked', problem: found, lookAt: retryAt } }
    : { event: { type: 'set-back', problem: found, retryAt, counts: true } }
}

/** Into the log, and before the person's eyes. */
export function tellFault(engine: Engine, error: unknown): void {
  engine.log.error('a change could not be stored', { error: String((error as Error).stack) })
  engine.noticed(cannotStore(error))
}

/** Trouble of the machine, which ends: the same write will do later. All else is a fault of the row or of ours. */
export function isOfDisk(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && code.startsWith('SQLITE_') && !code.startsWith('SQLITE_CONSTRAINT')
}

function cannotStore(error: unknown): Problem {
  const isFull = (error as { code?: string }).code === 'SQLITE_FULL'
  return problem(
    isFull ? 'disk-full' : 'internal',
    isFull
      ? 'The disk of the data folder is full, so nothing new is bought and what came back waits in memory.'
      : 'A change could not be stored. What came back waits in memory and is stored as soon as it can be.',
    isFull ? 'Free some space and leave Reelsheet running.' : 'Leave Reelsheet running; the log says more.',
  )
}
