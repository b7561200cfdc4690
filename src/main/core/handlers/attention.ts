import type { Attention } from '../../../shared/contract.ts'
import { type Problem, problem } from '../../../shared/problem.ts'
import { quietUntil } from '../jobs/quiet-hours.ts'
import { passedCap, quietHours, startsLater } from '../jobs/waits.ts'
import { NEVER } from '../steps/submit.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { JobGroup, JobRecord } from '../store/jobs.ts'
import type { RunRecord } from '../store/runs.ts'
import type { Core } from './context.ts'

/** What a run waits for. Only a state that no work of ours can change counts as waiting for a person. */
export function attention(core: Core, run: RunRecord): Attention {
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
  const groups = store.jobs.groupsOfRun(run.id)
  for (const { firstId, jobs, state } of groups)
    if (state !== 'generating') count(store.jobs.get(firstId), jobs)
  for (const id of store.jobs.ids({ runId: run.id, states: ['unconfirmed', 'generating', 'downloading'] })) {
    count(store.jobs.get(id), 1)
  }
  const finished = (counts.done ?? 0) + (counts.failed ?? 0) + (counts.cancelled ?? 0)
  return {
    moving,
    waiting,
    finished,
    isOffline,
    needs: [...needs.values()],
    waits: listWaits(core, run, groups),
  }
}

/** What nobody has to do anything about, and a person may want to know. */
function listWaits(
  { engine: { store, clock } }: Core,
  run: RunRecord,
  groups: readonly JobGroup[],
): Problem[] {
  const now = clock.now()
  const queued = groups.filter(({ state, pauses }) => isUnsent(state) && pauses === 0)
  const starts = run.startAt !== null && run.startAt > now && queued.length > 0 && !run.isPaused
  const waits = starts ? [startsLater(run, run.startAt as number)] : []
  for (const id of new Set(queued.map(({ accountId }) => accountId))) {
    const account = store.accounts.get(id)
    const until = account ? quietUntil(account.options.quietHours, now) : null
    if (account && until !== null && until < NEVER) waits.push(quietHours(account, until))
  }
  const accounts = store.jobs.accountsOf(run.id).flatMap((id) => store.accounts.get(id) ?? [])
  return [...waits, ...softCaps(run, accounts)]
}

const isUnsent = (state: JobRecord['state']): boolean => state === 'queued' || state === 'uploading'

function softCaps(run: RunRecord, accounts: readonly AccountRecord[]): Problem[] {
  const ofRun =
    run.capMode === 'soft' ? passedCap(`run "${run.name}"`, run, 'credits', { runId: run.id }) : null
  const ofAccounts = accounts
    .filter(({ options }) => options.capMode === 'soft')
    .map((one) => passedCap(`account "${one.name}"`, one, one.currency, { account: one.name }))
  return [ofRun, ...ofAccounts].filter((one) => one !== null)
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
  const isToBuy = isUnsent(job.state)
  // A task that cannot be read is asked for on and on; when nothing else moves, a person should know.
  if (job.state === 'generating' && job.problem?.level === 'error' && job.setbacks >= REFUSED_OFTEN)
    return job.problem
  // A refused key is tried again now and then, and all the same it waits for a person.
  const needsPerson = account?.stopsUntilAt === null || account?.problem?.code === 'key-refused'
  if (account?.problem && needsPerson && (isToBuy || account.stops === 'everything')) {
    return account.problem
  }
  if (!isToBuy) return null
  if (account?.isPaused) return pausedProblem(`The account "${account.name}" is paused.`)
  if (run.isPaused) return run.problem ?? pausedProblem(`The run "${run.name}" is paused.`)
  if (job.pauses !== 0) return pausedProblem(`Row ${job.row} is paused.`)
  const isNever = account && (quietUntil(account.options.quietHours, core.engine.clock.now()) ?? 0) >= NEVER
  return isNever ? quietHours(account, NEVER) : null
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
