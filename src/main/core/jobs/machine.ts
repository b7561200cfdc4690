import type { JobState } from '../../../shared/job.ts'
import type { Problem } from '../../../shared/problem.ts'
import type { JobRecord } from '../store/jobs.ts'

/**
 * What can happen to a job. A step reports one of these; only the scheduler applies it.
 * `counts: 'anew'`: the first of its kind in a row.
 * `set-back` with `counts: false` is a wait that is nobody's failure: a rate limit, a pause, a shutdown.
 */
export type DomainEvent =
  | { type: 'claimed'; to: 'uploading' | 'submitting' }
  | { type: 'ready' }
  | { type: 'accepted'; remoteId: string; estimatedMs: number | null; pollAt: number }
  | { type: 'found'; remoteId: string; pollAt: number }
  | { type: 'unclear'; problem: Problem; repeatAt: number }
  | { type: 'lost'; problem: Problem; lookAt: number }
  | { type: 'looked'; problem: Problem; lookAt: number }
  | { type: 'still-running'; progress: number | null; pollAt: number }
  | { type: 'rendered'; link: string; linkExpiresAt: number }
  | { type: 'relinked'; link: string; linkExpiresAt: number; problem: Problem; retryAt: number }
  | { type: 'saved' }
  | { type: 'set-back'; problem: Problem; retryAt: number; counts: boolean | 'anew' }
  | { type: 'refused'; problem: Problem }
  | { type: 'held'; problem: Problem | null }
  | { type: 'released' }
  | { type: 'refetched' }
  | { type: 'moved'; order: MovedOrder; isHeld: boolean; problem: Problem | null }
  | { type: 'cancelled'; problem: Problem | null }
export type EventType = DomainEvent['type']

/** What a row orders once it was moved to another model. */
export type MovedOrder = Pick<JobRecord, 'model' | 'order' | 'estimateMicros'>

/** Every move there is. Whoever wonders whether something can happen reads this. */
export const MOVES = {
  held: ['released', 'moved', 'cancelled'],
  queued: ['claimed', 'held', 'set-back', 'moved', 'cancelled'],
  uploading: ['ready', 'held', 'set-back', 'refused', 'cancelled'],
  // Held only while its request has not left: whoever takes it back asks the attempt first.
  submitting: ['accepted', 'unclear', 'lost', 'held', 'set-back', 'refused'],
  unconfirmed: ['found', 'looked', 'released', 'cancelled'],
  generating: ['still-running', 'rendered', 'set-back', 'refused', 'cancelled'],
  downloading: ['relinked', 'saved', 'set-back', 'refused', 'cancelled'],
  done: [],
  failed: ['released', 'refetched', 'moved'],
  // A clip that was on its way when its row was let go is kept.
  cancelled: ['released', 'refetched', 'moved', 'saved'],
} as const satisfies Record<JobState, readonly EventType[]>

export const canMove = (state: JobState, type: EventType): boolean =>
  (MOVES[state] as readonly EventType[]).includes(type)

/**
 * The job after an event, its version counted up by one, or null when the event does not apply (a late
 * answer for a cancelled job). Pure and total: no clock, no store, never throws.
 */
export function advance(job: JobRecord, event: DomainEvent, now: number): JobRecord | null {
  if (!canMove(job.state, event.type)) return null
  const change = changeFor(job, event, now)
  if (!change) return null
  // Whole milliseconds: waits are computed and may have fractions, which the schema refuses.
  const runAt = Math.ceil(change.runAt ?? job.runAt)
  return { ...job, ...change, runAt, version: job.version + 1 }
}

type Change = Partial<JobRecord>

const PROGRESSED = { setbacks: 0, problem: null } as const
/** What a new purchase forgets of the one before. */
const UNBOUGHT = {
  remoteId: null,
  acceptedAt: null,
  estimatedMs: null,
  link: null,
  linkExpiresAt: null,
  progress: null,
  finishedAt: null,
  ...PROGRESSED,
} as const

function changeFor(job: JobRecord, event: DomainEvent, now: number): Change | null {
  switch (event.type) {
    case 'claimed':
      return { state: event.to, runAt: now }
    case 'ready':
      return { state: 'submitting', runAt: now, ...PROGRESSED }
    case 'accepted':
      return {
        ...PROGRESSED,
        state: 'generating',
        runAt: event.pollAt,
        attempt: job.attempt + 1,
        remoteId: event.remoteId,
        acceptedAt: now,
        estimatedMs: event.estimatedMs,
        progress: 0,
      }
    case 'found':
      return {
        ...PROGRESSED,
        state: 'generating',
        runAt: event.pollAt,
        remoteId: event.remoteId,
        acceptedAt: now,
        progress: 0,
      }
    case 'unclear':
      return { runAt: event.repeatAt, problem: event.problem }
    case 'lost':
      return { state: 'unconfirmed', runAt: event.lookAt, attempt: job.attempt + 1, problem: event.problem }
    case 'looked':
      return { runAt: event.lookAt, problem: event.problem }
    case 'still-running':
      return { ...PROGRESSED, runAt: event.pollAt, progress: event.progress ?? job.progress }
    case 'rendered':
      return { ...PROGRESSED, state: 'downloading', runAt: now, ...linkOf(event), progress: 1 }
    case 'relinked':
      return { ...linkOf(event), runAt: event.retryAt, problem: event.problem, setbacks: job.setbacks + 1 }
    case 'saved':
      return { ...PROGRESSED, state: 'done', runAt: now, finishedAt: now }
    case 'set-back':
      return setBack(job, event)
    case 'refused':
      return {
        state: 'failed',
        runAt: now,
        finishedAt: now,
        problem: event.problem,
        attempt: job.state === 'submitting' ? job.attempt + 1 : job.attempt,
      }
    case 'held':
      return { state: 'held', problem: event.problem }
    case 'released':
      return { ...UNBOUGHT, state: 'queued', runAt: now }
    case 'refetched':
      return refetch(job, now)
    case 'moved':
      return { ...UNBOUGHT, ...event.order, state: afterMove(job, event), problem: event.problem }
    case 'cancelled':
      return { state: 'cancelled', runAt: now, finishedAt: now, problem: event.problem }
    default:
      return event satisfies never
  }
}

const linkOf = (event: { link: string; linkExpiresAt: number }): Change => ({
  link: event.link,
  linkExpiresAt: event.linkExpiresAt,
})

/** Before the provider has a task the job goes back into the queue; after, it stays where it is and waits. */
function setBack(job: JobRecord, event: Extract<DomainEvent, { type: 'set-back' }>): Change {
  const waitsInPlace = job.state === 'generating' || job.state === 'downloading'
  return {
    state: waitsInPlace ? job.state : 'queued',
    runAt: event.retryAt,
    problem: event.problem,
    setbacks: event.counts === 'anew' ? 1 : event.counts ? job.setbacks + 1 : job.setbacks,
  }
}

/** Only a row that was to be bought, at no higher price, still is; all others wait to be released. */
const afterMove = (job: JobRecord, { isHeld }: { isHeld: boolean }): JobState =>
  job.state === 'queued' && !isHeld ? 'queued' : 'held'

/** A known task is looked at again, free of charge: its link is fetched if there is one, else asked for. */
function refetch(job: JobRecord, now: number): Change | null {
  if (job.remoteId === null) return null
  return { ...PROGRESSED, state: job.link ? 'downloading' : 'generating', runAt: now, finishedAt: null }
}
