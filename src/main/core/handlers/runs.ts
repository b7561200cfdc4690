import { type Problem, problem } from '../../../shared/problem.ts'
import type { Run } from '../../../shared/run.ts'
import { exportRun } from '../sheets/export.ts'
import { importSheet } from '../sheets/import.ts'
import { NEVER } from '../steps/submit.ts'
import type { JobRecord } from '../store/jobs.ts'
import type { RunRecord } from '../store/runs.ts'
import { type Core, calls, notFound } from './context.ts'
import { retryFailed, startHeld } from './jobs.ts'

function toRun(run: RunRecord, core: Core): Run {
  const { headers: _headers, ...rest } = run
  return { ...rest, counts: core.engine.store.jobs.countsOfRun(run.id) }
}

function mustFind(core: Core, id: number): RunRecord {
  const run = core.engine.store.runs.get(id)
  if (!run) throw notFound(`The run ${id}`)
  return run
}

/** Pausing keeps rows from being bought; what was bought is still watched and archived. */
function setPause(core: Core, id: number, isPaused: boolean, reason: Problem | null = null): Run {
  const { store } = core.engine
  mustFind(core, id)
  store.write(() => {
    store.runs.setPause(id, isPaused, reason)
    store.jobs.setRunPause(id, isPaused)
  })
  core.scheduler.wake()
  return toRun(mustFind(core, id), core)
}

/** What a run waits for. Only a state that no work of ours can change counts as waiting for a person. */
function attention(core: Core, run: RunRecord) {
  core.changes.flush()
  const { store } = core.engine
  const needs = new Map<string, Problem>()
  const counts = store.jobs.countsOfRun(run.id)
  let moving = 0
  let waiting = 0
  let isOffline = false
  const count = (job: JobRecord | undefined, jobs: number) => {
    if (!job) return
    const reason = waitsFor(job, run, core)
    if (!reason) moving += jobs
    else {
      waiting += jobs
      needs.set(nameOf(reason, job), reason)
    }
    isOffline ||= core.scheduler.isOffline(job.accountId)
  }
  // Rows that wait alike are looked at once: a run may have a hundred thousand.
  for (const { firstId, jobs, state } of store.jobs.groupsOfRun(run.id))
    if (state !== 'generating') count(store.jobs.get(firstId), jobs)
  for (const id of store.jobs.ids({ runId: run.id, states: ['unconfirmed', 'generating', 'downloading'] })) {
    count(store.jobs.get(id), 1)
  }
  const finished = (counts.done ?? 0) + (counts.failed ?? 0) + (counts.cancelled ?? 0)
  return { moving, waiting, finished, isOffline, needs: [...needs.values()] }
}

/** One line a reason; each unconfirmed row is a question of its own. */
const nameOf = (reason: Problem, job: JobRecord): string =>
  `${reason.code} ${reason.place.account ?? ''} ${reason.code === 'outcome-unknown' ? job.id : ''}`

/** A read that was refused so often in a row is not refused by mistake. */
const REFUSED_OFTEN = 5
const DISK_CODES: readonly Problem['code'][] = [
  'disk-full',
  'folder-unwritable',
  'folder-missing',
  'path-too-long',
]

function waitsFor(job: JobRecord, run: RunRecord, core: Core): Problem | null {
  const account = core.engine.store.accounts.get(job.accountId)
  if (job.state === 'held') return job.problem ?? heldProblem(job)
  if (job.state === 'unconfirmed' && job.runAt >= NEVER) return job.problem
  if (job.state === 'downloading') {
    return job.problem && DISK_CODES.includes(job.problem.code) ? job.problem : null
  }
  const isUnsent = job.state === 'queued' || job.state === 'uploading'
  // A task that cannot be read is asked for on and on; when nothing else moves, a person should know.
  if (job.state === 'generating' && job.problem?.level === 'error' && job.setbacks >= REFUSED_OFTEN)
    return job.problem
  // A refused key is tried again now and then, and all the same it waits for a person.
  const needsPerson = account?.stopsUntilAt === null || account?.problem?.code === 'key-refused'
  if (account?.problem && needsPerson && (isUnsent || account.stops === 'everything')) {
    return account.problem
  }
  if (!isUnsent) return null
  if (account?.isPaused) return pausedProblem(`The account "${account.name}" is paused.`)
  if (run.isPaused) return run.problem ?? pausedProblem(`The run "${run.name}" is paused.`)
  return job.pauses === 0 ? null : pausedProblem(`Row ${job.row} is paused.`)
}

const pausedProblem = (what: string): Problem =>
  problem('account-paused', `${what} Nothing is bought meanwhile.`, 'Resume it with "reelsheet resume".')

const heldProblem = (job: JobRecord): Problem =>
  problem(
    'not-possible',
    `Row ${job.row} is held: it was not released to be bought.`,
    'Start the run to release it.',
    {
      jobId: job.id,
      row: job.row,
    },
  )

export const runs = {
  create: calls.runs.create.handler(async ({ context, input }) => {
    const created = await importSheet(context.engine, input)
    context.scheduler.wake()
    return created
  }),
  start: calls.runs.start.handler(({ context, input }) => {
    mustFind(context, input.id)
    return startHeld(context, input.id)
  }),
  list: calls.runs.list.handler(({ context }) =>
    context.engine.store.runs.list().map((run) => toRun(run, context)),
  ),
  get: calls.runs.get.handler(({ context, input }) => toRun(mustFind(context, input.id), context)),
  pause: calls.runs.pause.handler(({ context, input }) => setPause(context, input.id, true)),
  resume: calls.runs.resume.handler(({ context, input }) => {
    if (input.capMicros !== undefined) context.engine.store.runs.setCap(input.id, input.capMicros)
    return setPause(context, input.id, false)
  }),
  attention: calls.runs.attention.handler(({ context, input }) =>
    attention(context, mustFind(context, input.id)),
  ),
  retryFailed: calls.runs.retryFailed.handler(({ context, input }) => {
    mustFind(context, input.id)
    return retryFailed(context, input.id)
  }),
  export: calls.runs.export.handler(async ({ context, input: { id, file, format } }) => ({
    rows: await exportRun(context.engine, mustFind(context, id), { file, format }),
  })),
}
