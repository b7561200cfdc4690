import { findModel } from '../../../shared/models/catalogue.ts'
import { retiredProblem } from '../../../shared/models/validate.ts'
import { type Problem, type ProblemPlace, problem } from '../../../shared/problem.ts'
import type { Provider } from '../provider/provider.ts'
import { firstLookAt, lost, mayRepeat, submit, unknownOutcome } from '../steps/submit.ts'
import { missingUploads, upload } from '../steps/upload.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { AttemptRecord } from '../store/attempts.ts'
import type { JobRecord } from '../store/jobs.ts'
import { apply } from './apply.ts'
import { buildBody, fitsCaps, isStale, writeAttempt } from './claim.ts'
import { isOfDisk, reportFault } from './durable.ts'
import type { Engine } from './engine.ts'
import type { Pace } from './limits.ts'
import { quietHours, startsLater } from './waits.ts'
import type { Work } from './work.ts'

/** Requests marked as sent in one look, and rows claimed in one: the event loop has other work as well. */
const MOST_SENT = 12
const MOST_CLAIMED = 12

/** What an account may do at this look. */
export interface Leave {
  maySpend: boolean
  /** When its quiet hours end, epoch ms; null = there are none now. */
  quietUntil: number | null
}

interface Leaving {
  job: JobRecord
  provider: Provider
  /** As it was marked: with the time at which it leaves. */
  attempt: AttemptRecord
}

/** What leads to a purchase: rows taken from the queue, references brought up, create requests sent. */
export class Spend {
  readonly #engine: Engine
  readonly #work: Work
  readonly #lookAgain: () => void

  constructor(engine: Engine, work: Work, lookAgain: () => void) {
    this.#engine = engine
    this.#work = work
    this.#lookAgain = lookAgain
  }

  /**
   * Sends what is written down, and takes the next rows from the queue. One transaction marks the ones and takes the
   * others, with one sync of the disk; the first byte leaves after it. False when a create is due that the pace holds back.
   */
  startSubmits(account: AccountRecord, pace: Pace, now: number, leave: Leave): boolean {
    const { store, checkpoint } = this.#engine
    const due = store.jobs.dueWorking(account.id, 'submitting', now, this.#work.size + MOST_SENT)
    const marked = this.#work.free(due, MOST_SENT)
    const taken = leave.maySpend ? this.#next(account, pace, now) : []
    if (marked.length + taken.length === 0) return true
    const { leaving, isAll, claimed } = store.write(() => ({
      ...this.#markAll(marked, account, pace, now, leave),
      claimed: this.#claimAll(taken, now),
    }))
    for (const one of leaving) this.#send(one, account)
    for (let count = 0; count < claimed; count++) checkpoint('submit.claimed')
    // Either way the next look comes at once: what was claimed is sent, or another run's rows have room.
    if (taken.length > 0) this.#lookAgain()
    return isAll
  }

  #markAll(
    ids: readonly number[],
    account: AccountRecord,
    pace: Pace,
    now: number,
    leave: Leave,
  ): { leaving: Leaving[]; isAll: boolean } {
    const leaving: Leaving[] = []
    for (const job of this.#engine.store.jobs.getAll(ids)) {
      const one = this.#mark(job, account, pace, now, leave)
      if (one === 'not-yet') return { leaving, isAll: false }
      if (one) leaving.push(one)
    }
    return { leaving, isAll: true }
  }

  /** Marks a request as sent, once; null when it must not leave. */
  #mark(
    job: JobRecord,
    account: AccountRecord,
    pace: Pace,
    now: number,
    leave: Leave,
  ): Leaving | null | 'not-yet' {
    const { store } = this.#engine
    const provider = this.#engine.providerFor(account, job.model)
    const attempt = store.attempts.undecided(job.id)
    if (!provider || !attempt) return null
    const isRepeat = attempt.sentAt !== null
    if (isRepeat && !mayRepeat(attempt, provider, now)) {
      apply(this.#engine, job.id, lost(attempt, firstLookAt(provider, now), job.problem ?? unknownOutcome()))
      // It may be due at once, and the unconfirmed were looked at before.
      this.#lookAgain()
      return null
    }
    if (isRepeat && account.stops === 'everything') return null
    // A repeat finds out about a request that left already; only a first send is new spending.
    const run = isRepeat ? undefined : store.runs.get(job.runId)
    const early = run && (run.startAt ?? 0) > now ? startsLater(run, run.startAt as number) : null
    const mayNot = !mayFinish(account, leave) || early !== null || job.pauses !== 0 || isRetired(account, job)
    if (!isRepeat && (mayNot || isStale(attempt, job, account, provider, this.#engine))) {
      this.#putBack(job, attempt, mayNot ? (early ?? whyNot(account, leave)) : expired(job))
      return null
    }
    if (!pace.takeSubmit(now)) return 'not-yet'
    const isMarked = isRepeat
      ? store.attempts.markResent(attempt.id, now)
      : store.attempts.markSent(attempt.id, now)
    if (!isMarked) return null
    const sent = { ...attempt, sentAt: attempt.sentAt ?? now, resentAt: isRepeat ? now : null }
    return { job, provider, attempt: sent }
  }

  /** Not cut off by a stop: a create in flight is let settle, so that its answer is not lost. */
  #send({ job, provider, attempt }: Leaving, account: AccountRecord): void {
    this.#engine.checkpoint('submit.marked-sent')
    const { signal } = new AbortController()
    this.#work.begin([job], async () => {
      const report = await submit({ job, account, provider, attempt }, this.#engine, signal)
      return new Map([[job.id, report]])
    })
  }

  /** A row that was about to be sent when its account stopped or its run was paused waits in the queue. */
  #putBack(job: JobRecord, attempt: AttemptRecord, reason: Problem | null): void {
    apply(this.#engine, job.id, {
      event: {
        type: 'set-back',
        problem: reason ?? waits(job),
        retryAt: this.#engine.clock.now(),
        counts: false,
      },
      attempt: { id: attempt.id, unsent: true },
      ledger: { attemptId: attempt.id, entry: { standing: 'released' } },
    })
    // It may be due at once, and the queue was looked at before.
    this.#lookAgain()
  }

  startUploads(account: AccountRecord, now: number): void {
    const { store } = this.#engine
    const due = store.jobs.dueWorking(account.id, 'uploading', now, 200)
    const running = due.filter((id) => this.#work.has(id)).length
    for (const job of store.jobs.getAll(this.#work.free(due, account.limits.uploadsAtOnce - running))) {
      const provider = this.#engine.providerFor(account, job.model)
      if (!provider) continue
      this.#work.begin([job], async () => {
        const keep = (one: Parameters<typeof store.references.addUpload>[0]) =>
          store.write(() => store.references.addUpload(one))
        return new Map([
          [job.id, await upload({ job, account, provider }, this.#engine, keep, this.#work.signal)],
        ])
      })
    }
  }

  /** Rows of the queue that there is room for in flight. */
  #next(account: AccountRecord, pace: Pace, now: number): number[] {
    const { jobs } = this.#engine.store
    const room = Math.min(MOST_CLAIMED, pace.inFlight(now) - jobs.countInFlight(account.id))
    if (room <= 0) return []
    // A row that was let go and released may still be worked on: what that brings is not the new purchase's.
    return this.#work.free(jobs.dueQueued(account.id, now, room + this.#work.size), room)
  }

  /** Takes rows while they fit under the caps; returns how many were taken. */
  #claimAll(ids: readonly number[], now: number): number {
    let count = 0
    for (const job of this.#engine.store.jobs.getAll(ids)) {
      const outcome = this.#tryClaim(job, now)
      if (outcome === 'full') break
      if (outcome === 'claimed') count += 1
    }
    return count
  }

  /** A row that a fault of our own keeps from being taken waits; the ones behind it go on. */
  #tryClaim(job: JobRecord, now: number): 'claimed' | 'waits' | 'full' {
    try {
      // A transaction within the look's: what a fault leaves of this row is undone alone.
      return this.#engine.store.write(() => this.#claimOne(job, now))
    } catch (error) {
      if (isOfDisk(error)) throw error
      this.#engine.log.error('a row could not be taken', {
        jobId: job.id,
        error: String((error as Error).stack),
      })
      apply(this.#engine, job.id, reportFault(this.#engine, job))
      return 'waits'
    }
  }

  /** `full`: no more may be taken from this account now. */
  #claimOne(job: JobRecord, now: number): 'claimed' | 'waits' | 'full' {
    const { store } = this.#engine
    const account = store.accounts.get(job.accountId)
    const provider = account && this.#engine.providerFor(account, job.model)
    if (!account || !provider) return this.#hold(job, noAccountFor(job, account ?? null))
    const startAt = store.runs.get(job.runId)?.startAt ?? null
    if (startAt !== null && startAt > now) {
      for (const id of store.jobs.postpone(job.runId, startAt)) this.#engine.changed(id)
      return 'waits'
    }
    const model = isRetired(account, job) && findModel(job.model)
    if (model) return this.#hold(job, retiredProblem(model, true, { ...placeOf(job), account: account.name }))
    if (!fitsCaps(this.#engine, job)) {
      this.#engine.changed(job.id)
      return 'full'
    }
    const needsUpload = missingUploads(job.id, account, provider, store, now).length > 0
    const body = needsUpload ? null : buildBody(job, account, provider, store, now)
    if (body) writeAttempt(job, account, body, this.#engine)
    apply(this.#engine, job.id, { event: { type: 'claimed', to: body ? 'submitting' : 'uploading' } })
    return 'claimed'
  }

  /** A row that cannot be bought as it is waits for a person; the ones behind it go on. */
  #hold(job: JobRecord, reason: Problem): 'waits' {
    apply(this.#engine, job.id, { event: { type: 'held', problem: reason } })
    return 'waits'
  }
}

const waits = (job: JobRecord): Problem =>
  problem('account-paused', 'This row waits: its account or its run is paused.', 'Resume it.', {
    jobId: job.id,
  })

const expired = (job: JobRecord): Problem =>
  problem(
    'provider-fault',
    'The address of a reference has expired while this row waited to be sent. Nothing was bought.',
    'It is uploaded again by itself.',
    { jobId: job.id },
    'info',
  )

/** Whether what is reserved may be sent. */
const mayFinish = (account: AccountRecord, { maySpend, quietUntil }: Leave): boolean =>
  maySpend || (isAtCap(account) && quietUntil === null)

const whyNot = (account: AccountRecord, { quietUntil }: Leave): Problem | null =>
  account.problem ?? (quietUntil === null ? null : quietHours(account, quietUntil))

/** A cap that is reached keeps out what is new; what was reserved under it is still sent. */
const isAtCap = ({ isPaused, stops, problem: reason }: AccountRecord): boolean =>
  !isPaused && stops === 'spending' && reason?.code === 'cap-reached'

const isRetired = ({ options }: AccountRecord, { model }: JobRecord): boolean =>
  options.retiredModels.includes(model)

const placeOf = ({ id, row, model }: JobRecord): ProblemPlace => ({ jobId: id, row, model })

const noAccountFor = (job: JobRecord, account: AccountRecord | null): Problem =>
  problem(
    'account-missing',
    `No account can run ${job.model} for this row${account ? ` (its account "${account.name}" sells other models)` : ''}. Nothing was bought.`,
    'Choose an account of the right provider for the row.',
    { jobId: job.id, model: job.model },
  )
