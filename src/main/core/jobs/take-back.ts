import { apply } from './apply.ts'
import type { Engine } from './engine.ts'

const BY_PERSON = { by: 'a person', why: 'taken back' }

/**
 * Holds every row of a run whose request has not left, in one transaction. Whether a written request has left is
 * asked of the database, which can mark it as sent or as not sent and never both. Returns how many are held and
 * how many were with the provider already.
 */
export function takeBack(engine: Engine, runId: number): { held: number; sent: number } {
  const { store, clock, changed } = engine
  return store.write(() => {
    const now = clock.now()
    let held = 0
    for (const id of store.jobs.takenOf(runId)) if (holdTaken(engine, id, now)) held += 1
    for (const attemptId of store.attempts.takeBackQueued(runId, now)) {
      store.ledger.settle(attemptId, { standing: 'released' }, now)
    }
    const queued = store.jobs.holdQueued(runId, now, BY_PERSON)
    for (const id of queued) changed(id)
    if (!store.runs.isBought(runId)) store.runs.unstart(runId)
    const counts = store.jobs.countsOfRun(runId)
    const { submitting = 0, unconfirmed = 0, generating = 0, downloading = 0 } = counts
    return { held: held + queued.length, sent: submitting + unconfirmed + generating + downloading }
  })
}

/** A row that was taken: brings up its references, or has its request written down. False: it has left. */
function holdTaken(engine: Engine, jobId: number, now: number): boolean {
  const { store } = engine
  const attempt = store.attempts.undecided(jobId)
  if (attempt && !store.attempts.takeBack(attempt.id, now)) return false
  if (!attempt && store.jobs.get(jobId)?.state === 'submitting') return false
  apply(engine, jobId, {
    event: { type: 'held', problem: null },
    ...(attempt && { ledger: { attemptId: attempt.id, entry: { standing: 'released' } } }),
    facts: BY_PERSON,
  })
  return true
}

/**
 * Rows of a run that are taken and whose request has not left go back into the queue, due at a time; belongs into
 * a transaction.
 */
export function putBackTaken(engine: Engine, runId: number, runAt: number): void {
  const { store, clock } = engine
  for (const id of store.jobs.takenOf(runId)) {
    if (!holdTaken(engine, id, clock.now())) continue
    apply(engine, id, {
      event: { type: 'released' },
      facts: { by: 'a person', why: 'another time to start' },
    })
  }
  for (const id of store.jobs.postpone(runId, runAt)) engine.changed(id)
}
