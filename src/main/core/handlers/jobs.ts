import { type Job, staysHeld } from '../../../shared/job.ts'
import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import { apply } from '../jobs/apply.ts'
import type { Report } from '../jobs/engine.ts'
import { canMove } from '../jobs/machine.ts'
import type { JobKey, JobLine } from '../store/job-pages.ts'
import { type JobRecord, PAUSED_BY_ITSELF } from '../store/jobs.ts'
import { type Core, calls, notFound } from './context.ts'
import { moveToModel } from './move.ts'
import { impossible, mustFind, touch } from './touch.ts'

/** A job as a client sees it. */
function lineOf({ engine: { store } }: Core, id: number): Job {
  const line = store.jobs.line(id)
  if (!line) throw notFound(`The row ${id}`)
  return line
}

/** Frees a row that was not bought; after that it can only be watched no longer. */
export function cancelReport(core: Core, job: JobRecord): Report | Problem | null {
  if (job.state === 'submitting') {
    return impossible(
      job,
      'is being sent at this moment and cannot be cancelled.',
      'Try again in a minute: it is then either free, or can be left unwatched.',
    )
  }
  if (!canMove(job.state, 'cancelled')) return null
  const isBought = job.remoteId !== null || job.state === 'unconfirmed'
  const attempt = core.engine.store.attempts.undecided(job.id)
  return {
    event: { type: 'cancelled', problem: isBought ? unwatched(job) : null },
    ...(attempt && job.state === 'unconfirmed' && { attempt: { id: attempt.id, outcome: 'left' } }),
    ...(attempt &&
      job.state !== 'unconfirmed' && {
        attempt: { id: attempt.id, outcome: 'not-sent' },
        ledger: { attemptId: attempt.id, entry: { standing: 'released' } },
      }),
  }
}

const unwatched = (job: JobRecord): Problem =>
  problem(
    'not-possible',
    `Nobody watches this task any more${job.remoteId ? ` (${job.remoteId})` : ''}. The provider has no cancel call: it may still be charged, and counts against the cap.`,
    'Fetch its clip within a day if you want it after all.',
    { jobId: job.id, ...(job.remoteId && { remoteId: job.remoteId }) },
    'warning',
  )

/** Back into the queue, to be bought (again). The run's own pause holds for it too. */
export function releaseReport(core: Core, job: JobRecord): Report | Problem | null {
  if (job.state === 'unconfirmed') {
    return impossible(
      job,
      'is unconfirmed: it may have been bought already, so it is not sent again on a guess.',
      'Answer what became of it first ("reelsheet reconcile").',
    )
  }
  if (!canMove(job.state, 'released')) return null
  if (core.scheduler.isWorkingOn(job.id)) {
    return impossible(
      job,
      'was let go while it was being worked on, and what that brings is still to come.',
      'Try again in a minute.',
    )
  }
  if (isOrphan(core, job)) return orphan(job)
  return { event: { type: 'released' }, facts: { by: 'a person' } }
}

/** Whether nobody would work on the row: its account was removed. */
const isOrphan = ({ engine }: Core, job: JobRecord): boolean =>
  engine.store.accounts.get(job.accountId)?.removedAt !== null

const orphan = (job: JobRecord): Problem =>
  impossible(job, 'belongs to an account that was removed.', 'Import its sheet as a new run to buy it.')

/** Only known by its task: whatever became of the clip, it was paid for or may have been. */
const isPaidFor = ({ remoteId, problem: found }: JobRecord): boolean =>
  remoteId !== null && found?.code !== 'task-failed'

function refetchReport(core: Core, job: JobRecord): Report | Problem {
  if (!canMove(job.state, 'refetched') || job.remoteId === null) {
    return impossible(job, 'has no task at the provider to fetch.', 'Release it to buy it.')
  }
  if (isOrphan(core, job)) return orphan(job)
  return { event: { type: 'refetched' }, facts: { by: 'a person' } }
}

function setPause(core: Core, ids: readonly number[], isPaused: boolean) {
  const { store } = core.engine
  let touched = 0
  store.write(() => {
    for (const id of ids) {
      const job = mustFind(core, id)
      const pauses = isPaused ? job.pauses | PAUSED_BY_ITSELF : job.pauses & ~PAUSED_BY_ITSELF
      if (pauses === job.pauses) continue
      if (store.jobs.save({ ...job, pauses, version: job.version + 1 })) touched += 1
      core.engine.changed(id)
    }
  })
  core.scheduler.wake()
  return { touched, refused: [] }
}

const keyOf = ({ runId, row, take, id }: JobLine): JobKey => ({ runId, row, take, id })

export const jobs = {
  page: calls.jobs.page.handler(({ context, input }) => {
    const { store } = context.engine
    const selection = store.jobs.select({ runId: input.runId, states: input.states, search: input.search })
    const found = selection.page(input.after, input.limit)
    const last = found.at(-1)
    return {
      jobs: found,
      next: last && found.length === input.limit ? keyOf(last) : null,
      total: selection.count(),
    }
  }),
  counts: calls.jobs.counts.handler(({ context, input }) => {
    const { store } = context.engine
    return input.runId === undefined ? store.jobs.countsOfAll() : store.jobs.countsOfRun(input.runId)
  }),
  get: calls.jobs.get.handler(({ context, input }) => {
    const { store } = context.engine
    const job = mustFind(context, input.id)
    const attempts = store.attempts.ofJob(job.id)
    return {
      job: lineOf(context, job.id),
      references: store.jobs.references(job.id),
      attempts: attempts.map(({ body: _body, problem: _problem, answeredAt: _at, ...attempt }) => attempt),
      ledger: store.ledger.ofJob(job.id),
      events: store.events.ofJob(job.id),
      clip: store.clips.ofJob(job.id) ?? null,
      request: attempts.at(-1)?.body ?? null,
    }
  }),
  pause: calls.jobs.pause.handler(({ context, input }) => setPause(context, input.ids, true)),
  resume: calls.jobs.resume.handler(({ context, input }) => setPause(context, input.ids, false)),
  cancel: calls.jobs.cancel.handler(({ context, input }) =>
    touch(context, input.ids, (job) => cancelReport(context, job)),
  ),
  release: calls.jobs.release.handler(({ context, input }) =>
    touch(context, input.ids, (job) => releaseReport(context, job)),
  ),
  refetch: calls.jobs.refetch.handler(({ context, input }) =>
    touch(context, input.ids, (job) => refetchReport(context, job)),
  ),
  moveToModel: calls.jobs.moveToModel.handler(({ context, input }) =>
    moveToModel(context, input.ids, input.model),
  ),
  prioritise: calls.jobs.prioritise.handler(({ context, input }) => {
    const { store } = context.engine
    store.write(() => {
      for (const id of input.ids) {
        const job = mustFind(context, id)
        store.jobs.save({ ...job, priority: input.priority, version: job.version + 1 })
        context.engine.changed(id)
      }
    })
    context.scheduler.wake()
    return { touched: input.ids.length, refused: [] }
  }),
  reconcile: calls.jobs.reconcile.handler(({ context, input }) => {
    const job = mustFind(context, input.id)
    const report = reconcileReport(context, job, input.answer)
    const after = context.engine.store.write(() => apply(context.engine, job.id, report))
    context.scheduler.wake()
    return lineOf(context, after.id)
  }),
}

type Answer = { type: 'exists'; remoteId: string } | { type: 'not-created' } | { type: 'leave' }

/** A person's answer to "what became of it?". */
function reconcileReport(core: Core, job: JobRecord, answer: Answer): Report {
  const { store, clock } = core.engine
  const attempt = store.attempts.undecided(job.id)
  if (job.state !== 'unconfirmed' || !attempt) {
    throw new ProblemError(
      problem(
        'not-possible',
        `Row ${job.row} (job ${job.id}) is ${job.state}, so there is nothing to resolve. Nothing was changed.`,
        'See "reelsheet jobs --state unconfirmed".',
        { jobId: job.id, row: job.row },
      ),
    )
  }
  const facts = { by: 'a person', answer: answer.type }
  if (answer.type === 'leave') {
    return { ...(cancelReport(core, job) as Report), facts }
  }
  if (answer.type === 'not-created') {
    return {
      event: { type: 'released' },
      attempt: { id: attempt.id, outcome: 'absent' },
      ledger: { attemptId: attempt.id, entry: { standing: 'released' } },
      facts,
    }
  }
  const owner = store.jobs.byTask(job.accountId, answer.remoteId)
  if (owner || store.attempts.isClaimed(job.accountId, answer.remoteId)) {
    throw new ProblemError(
      problem(
        'not-possible',
        `The task ${answer.remoteId} already belongs to ${owner ? `row ${owner.row} (job ${owner.id})` : 'another attempt'}. Nothing was changed.`,
        'Give the id of another task, or say that it was not created.',
        { jobId: job.id, remoteId: answer.remoteId },
      ),
    )
  }
  return {
    event: { type: 'found', remoteId: answer.remoteId, pollAt: clock.now() },
    attempt: { id: attempt.id, outcome: 'found', remoteId: answer.remoteId },
    ledger: { attemptId: attempt.id, entry: { standing: 'reserved' } },
    facts,
  }
}

/** Retrying pays again; what is unsure is never part of it. */
export function retryFailed(core: Core, runId: number) {
  const ids = core.engine.store.jobs.ids({ runId, states: ['failed'] })
  return touch(core, ids, (job) =>
    isPaidFor(job)
      ? impossible(
          job,
          'was paid for or may have been, so it is not bought again together with the others.',
          'Fetch its clip again; release the row itself if you accept to pay again.',
        )
      : releaseReport(core, job),
  )
}

/** Held rows of a run: from here on they are bought. */
export function startHeld(core: Core, runId: number) {
  const { store, clock, changed } = core.engine
  const now = clock.now()
  const released = store.write(() => {
    const { startAt = null, isPaused = false } = store.runs.get(runId) ?? {}
    const isLater = startAt !== null && startAt > now
    if (startAt !== null && !isLater) store.runs.begin(runId, now)
    else if (!isLater) store.runs.start(runId, now)
    // All at once: a run may have a hundred thousand.
    const ids = store.jobs.releaseHeld(runId, isLater ? startAt : now, now, isPaused, core.scheduler.working)
    return ids
  })
  for (const id of released) changed(id)
  // What is left cannot be released, and says why.
  const left = store.jobs.getAll(store.jobs.ids({ runId, states: ['held'] }))
  const others = left.filter((job) => !staysHeld(job.problem)).map(({ id }) => id)
  const tried = touch(core, others, (job) => releaseReport(core, job))
  const kept = left.length - others.length
  return {
    touched: released.length + tried.touched,
    refused: kept === 0 ? tried.refused : [...tried.refused, stayHeld(kept)],
  }
}

const stayHeld = (rows: number): Problem =>
  problem(
    'not-possible',
    `${rows} held row(s) were not started: they may have been bought already, or have a price that nobody has seen.`,
    'Look at each ("reelsheet jobs --state held") and release or cancel it.',
    {},
    'warning',
  )
