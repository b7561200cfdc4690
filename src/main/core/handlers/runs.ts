import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import type { Run } from '../../../shared/run.ts'
import { agreeToPrice } from '../jobs/price-moves.ts'
import { localTime } from '../jobs/starts.ts'
import { putBackTaken, takeBack } from '../jobs/take-back.ts'
import { exportRun } from '../sheets/export.ts'
import { importSheet } from '../sheets/import.ts'
import type { RunRecord } from '../store/runs.ts'
import { attention } from './attention.ts'
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
function pause(core: Core, id: number): Run {
  const { store } = core.engine
  mustFind(core, id)
  store.write(() => {
    store.runs.setPause(id, true, null)
    store.jobs.setRunPause(id, true)
  })
  core.scheduler.wake()
  return toRun(mustFind(core, id), core)
}

/** Going on answers what the run waited for: a price that moved is agreed to, a start that was missed is made up for. */
function resume(core: Core, id: number, capMicros: number | null | undefined): Run {
  const { store, clock } = core.engine
  store.write(() => {
    const run = mustFind(core, id)
    if (capMicros !== undefined) store.runs.setCap(id, capMicros)
    agreeToPrice(store, run)
    if (run.startAt !== null && run.startAt <= clock.now()) store.runs.begin(id, clock.now())
    unpause(core, id)
  })
  core.scheduler.wake()
  return toRun(mustFind(core, id), core)
}

function unpause({ engine: { store } }: Core, id: number): void {
  store.runs.setPause(id, false, null)
  store.jobs.setRunPause(id, false)
}

/** Clocks of two processes, and the time that typing takes. */
const PAST_SLACK_MS = 60_000
/** Later than that is a mistake, and no date can be written for it. */
const LATEST_MS = 400 * 86_400_000

/** Another time to start. A run that missed its start goes on with that; another pause stays. */
function schedule(core: Core, id: number, startAt: number | null): Run {
  const { store, clock } = core.engine
  const now = clock.now()
  const run = mustFind(core, id)
  if (startAt !== null) refuseBadTime(startAt, now)
  store.write(() => {
    if (store.runs.isBought(id)) throw begun(run)
    const isNow = startAt === null || startAt <= now
    if (isNow) store.runs.begin(id, now)
    else store.runs.schedule(id, startAt)
    putBackTaken(core.engine, id, isNow ? now : startAt)
    if (run.isPaused && run.problem?.code === 'start-missed') unpause(core, id)
  })
  core.scheduler.wake()
  return toRun(mustFind(core, id), core)
}

function refuseBadTime(startAt: number, now: number): void {
  if (startAt >= now - PAST_SLACK_MS && startAt <= now + LATEST_MS) return
  const what =
    startAt < now
      ? `The time ${startAt > 0 ? localTime(startAt) : String(startAt)} has passed.`
      : 'That time is more than a year ahead.'
  throw new ProblemError(
    problem('wrong-use', `${what} Nothing was changed.`, 'Give a time to come, or start the run now.'),
  )
}

const begun = ({ id, name }: RunRecord): ProblemError =>
  new ProblemError(
    problem(
      'not-possible',
      `The run "${name}" has ordered clips already, so it cannot start at another time. Nothing was changed.`,
      'Pause it with "reelsheet pause", and go on later with "reelsheet resume".',
      { runId: id },
    ),
  )

function takeBackRun(core: Core, id: number): { touched: number; refused: Problem[] } {
  const run = mustFind(core, id)
  const { held, sent } = takeBack(core.engine, id)
  core.scheduler.wake()
  return { touched: held, refused: sent === 0 ? [] : [alreadySent(run, sent)] }
}

const alreadySent = ({ id, name }: RunRecord, sent: number): Problem =>
  problem(
    'not-possible',
    sent === 1
      ? `One row of "${name}" was sent already and cannot be taken back: it may be charged, and its clip is archived.`
      : `${sent} rows of "${name}" were sent already and cannot be taken back: they may be charged, and their clips are archived.`,
    'Nothing to do. The other rows are held.',
    { runId: id },
    'warning',
  )

export const runs = {
  create: calls.runs.create.handler(async ({ context, input }) => {
    const now = context.engine.clock.now()
    if (input.startAt !== null) refuseBadTime(input.startAt, now)
    const isNow = input.startAt !== null && input.startAt <= now
    const created = await importSheet(context.engine, isNow ? { ...input, startAt: null } : input)
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
  takeBack: calls.runs.takeBack.handler(({ context, input }) => takeBackRun(context, input.id)),
  schedule: calls.runs.schedule.handler(({ context, input }) => schedule(context, input.id, input.startAt)),
  pause: calls.runs.pause.handler(({ context, input }) => pause(context, input.id)),
  resume: calls.runs.resume.handler(({ context, input }) => resume(context, input.id, input.capMicros)),
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
