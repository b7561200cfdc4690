import { problem } from '../../../shared/problem.ts'
import { CLOCK_SLACK_MS, isWithin, lost, NEVER } from '../steps/submit.ts'
import type { JobRecord } from '../store/jobs.ts'
import { apply } from './apply.ts'
import type { Engine } from './engine.ts'

/** Reads of many tasks are spread over this long, so that a start is not a burst. */
const SPREAD_MS = 3_000

/**
 * Puts right what a crash, a power cut or a plain quit left behind, from the rows alone. A request that
 * may have left is never sent anew: it is repeated under its own key where the provider takes keys, and
 * else it is unconfirmed.
 */
export function recover(engine: Engine): void {
  const { store, clock } = engine
  const lastAt = store.events.lastAt() ?? 0
  const isSetBack = lastAt - clock.now() > CLOCK_SLACK_MS
  if (isSetBack) shiftWaits(engine, lastAt - clock.now())
  for (const job of store.jobs.inState('uploading')) sendBack(engine, job)
  for (const job of store.jobs.inState('submitting')) recoverSubmitting(engine, job, isSetBack)
  spreadReads(engine)
}

/**
 * The clock was set back by so much: whatever waits for a time waits as long as it would have. Without this a row
 * that was due in ten seconds would be due in hours.
 */
export function shiftWaits({ store, clock, log, changed }: Engine, byMs: number): void {
  const now = clock.now()
  log.warn('the clock was set back', { byMs })
  const shifted = store.write(() => {
    for (const account of store.accounts.list()) {
      if (account.stopsUntilAt === null || account.stopsUntilAt <= now) continue
      store.accounts.update({ ...account, stopsUntilAt: Math.max(now, account.stopsUntilAt - byMs) })
    }
    store.references.shiftUploads(byMs)
    return store.jobs.shiftWaits(byMs, now, NEVER)
  })
  for (const id of shifted) changed(id)
}

function sendBack(engine: Engine, job: JobRecord): void {
  const attempt = engine.store.attempts.undecided(job.id)
  apply(engine, job.id, {
    event: { type: 'set-back', problem: interrupted(job), retryAt: engine.clock.now(), counts: false },
    ...(attempt && {
      attempt: { id: attempt.id, unsent: true },
      ledger: { attemptId: attempt.id, entry: { standing: 'released' } },
    }),
    facts: { by: 'start' },
  })
}

function recoverSubmitting(engine: Engine, job: JobRecord, isSetBack: boolean): void {
  const { store, clock } = engine
  const now = clock.now()
  const attempt = store.attempts.undecided(job.id)
  if (!attempt || attempt.sentAt === null) {
    sendBack(engine, job)
    return
  }
  const account = store.accounts.get(job.accountId)
  const provider = account && engine.providerFor(account, job.model)
  const windowMs = provider?.can.idempotencyMs ?? null
  if (
    windowMs !== null &&
    attempt.resentAt === null &&
    isWithin(now - attempt.sentAt, windowMs) &&
    !isSetBack
  ) {
    apply(engine, job.id, { event: { type: 'unclear', problem: cutOff(job), repeatAt: now } })
    return
  }
  const lookAt = provider?.can.listTasks ? now : NEVER
  apply(engine, job.id, { ...lost(attempt, lookAt, cutOff(job)), facts: { by: 'start' } })
}

function spreadReads(engine: Engine): void {
  const now = engine.clock.now()
  engine.store.write(() => {
    for (const job of engine.store.jobs.inState('generating')) {
      const pollAt = now + Math.round(engine.random.next() * SPREAD_MS)
      if (job.runAt > pollAt) {
        apply(engine, job.id, { event: { type: 'still-running', progress: job.progress, pollAt } })
      }
    }
  })
}

const interrupted = (job: JobRecord) =>
  problem(
    'internal',
    'Reelsheet was closed before this row was sent. Nothing was bought.',
    'It goes on by itself.',
    { jobId: job.id },
    'info',
  )

const cutOff = (job: JobRecord) =>
  problem(
    'outcome-unknown',
    'Reelsheet was closed while this row’s request was on its way: the clip may have been ordered and charged.',
    'Look at the provider: if the task exists, give its id; if it surely does not, send the row again; or leave it.',
    { jobId: job.id },
  )
