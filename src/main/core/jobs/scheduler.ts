import { findModel } from '../../../shared/models/catalogue.ts'
import { retiredProblem } from '../../../shared/models/validate.ts'
import { type Problem, type ProblemPlace, problem } from '../../../shared/problem.ts'
import type { Provider } from '../provider/provider.ts'
import { download } from '../steps/download.ts'
import { look } from '../steps/look.ts'
import { type Polled, poll } from '../steps/poll.ts'
import { firstLookAt, lost, mayRepeat, NEVER, submit, unknownOutcome } from '../steps/submit.ts'
import { missingUploads, upload } from '../steps/upload.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { JobRecord } from '../store/jobs.ts'
import { apply } from './apply.ts'
import { buildBody, fitsCaps, isStale, writeAttempt } from './claim.ts'
import { isOfDisk, makeDurable, RETRY_WRITE_MS, reportFault, tellFault } from './durable.ts'
import type { Engine, Report } from './engine.ts'
import { Pace } from './limits.ts'
import { LOOK_FOR_MS } from './policy.ts'

/** Ids that one batch read takes (source: https://github.com/deeplearning-goethe/evolink-cli). */
const BATCH = 50
/** Longest sleep without looking again: a missed signal then costs seconds, not the night. */
const LONGEST_SLEEP_MS = 60_000

/**
 * The one place that moves jobs. It looks at the rows, starts what is due within the limits, and applies
 * what the steps report. Downloads go first of all work, then reads, then what was begun, then what is new.
 */
export class Scheduler {
  private readonly engine: Engine
  private readonly working = new Map<number, Promise<void>>()
  private readonly paces = new Map<number, Pace>()
  private readonly stopSteps = new AbortController()
  private stopSleep = new AbortController()
  private isAwake = false
  private isStopping = false
  private loop: Promise<void> | null = null
  private readonly restWaiters: ((nextAt: number) => void)[] = []

  constructor(engine: Engine) {
    this.engine = engine
  }

  start(): void {
    this.loop ??= this.run()
  }

  /** Stops taking work. Creates in flight settle; reads and transfers are cut off and go on at the next start. */
  async stop(): Promise<void> {
    this.isStopping = true
    this.stopSteps.abort(new Error('stopping'))
    this.wake()
    await this.loop
    await Promise.allSettled(this.working.values())
  }

  /** Something changed: look again now. */
  wake(): void {
    this.isAwake = true
    this.stopSleep.abort()
  }

  /** Whether a step works on the job at this moment; what it reports is still to come. */
  isWorkingOn(jobId: number): boolean {
    return this.working.has(jobId)
  }

  /** Jobs that a step works on at this moment. */
  get busy(): number {
    return this.working.size
  }

  /** Resolves once nothing is under way, with the time at which the next job is due. */
  rest(): Promise<number> {
    return new Promise((resolve) => {
      this.restWaiters.push(resolve)
      this.wake()
    })
  }

  /** Whether the last call to an account's provider could not connect. */
  isOffline(accountId: number): boolean {
    return this.paces.get(accountId)?.wasOffline ?? false
  }

  private async run(): Promise<void> {
    while (!this.isStopping) {
      this.isAwake = false
      this.stopSleep = new AbortController()
      const nextAt = this.look()
      if (this.isAwake) continue
      if (this.working.size === 0) for (const tell of this.restWaiters.splice(0)) tell(nextAt)
      const wait = Math.min(LONGEST_SLEEP_MS, Math.max(0, nextAt - this.engine.clock.now()))
      await this.engine.clock.sleep(wait, this.stopSleep.signal).catch(() => undefined)
    }
  }

  /** A look that fails (a full disk under the database) is told and tried again; the loop never ends by it. */
  private look(): number {
    try {
      return this.dispatch()
    } catch (error) {
      tellFault(this.engine, error)
      return this.engine.clock.now() + RETRY_WRITE_MS
    }
  }

  /** Starts what may start now; returns when to look again (epoch ms). */
  private dispatch(): number {
    const { store, clock } = this.engine
    const now = clock.now()
    let nextAt = store.jobs.nextWakeAt(now) ?? NEVER
    for (const account of store.accounts.list()) {
      nextAt = Math.min(nextAt, this.lookAt(account, now))
    }
    return nextAt
  }

  /** One account's fault is told and tried again; the clips of the others do not wait for it. */
  private lookAt(account: AccountRecord, now: number): number {
    try {
      return this.dispatchAccount(this.refresh(account, now), now)
    } catch (error) {
      tellFault(this.engine, error)
      return now + RETRY_WRITE_MS
    }
  }

  /** An account whose trouble was said to end by now works again. */
  private refresh(account: AccountRecord, now: number): AccountRecord {
    if (account.stopsUntilAt === null || account.stopsUntilAt > now) return account
    const free = { ...account, stops: 'nothing' as const, stopsUntilAt: null, problem: null }
    this.engine.store.accounts.update(free)
    return free
  }

  private dispatchAccount(account: AccountRecord, now: number): number {
    const pace = this.paceOf(account, now)
    let nextAt = account.stopsUntilAt ?? NEVER
    this.startDownloads(account, now)
    if (pace.isOffline(now)) return Math.min(nextAt, pace.nextPollAt(now))
    if (account.stops !== 'everything') {
      if (!this.startPolls(account, pace, now)) nextAt = Math.min(nextAt, pace.nextPollAt(now))
      this.startLooks(account, now)
    }
    const maySpend = account.stops === 'nothing' && !account.isPaused
    if (!this.startSubmits(account, pace, now, maySpend)) nextAt = Math.min(nextAt, pace.nextSubmitAt(now))
    if (maySpend) {
      this.startUploads(account, now)
      this.claim(account, pace, now)
    }
    return nextAt
  }

  private paceOf(account: AccountRecord, now: number): Pace {
    const pace = this.paces.get(account.id) ?? new Pace(account.limits, now)
    pace.set(account.limits)
    this.paces.set(account.id, pace)
    return pace
  }

  private free(jobs: JobRecord[], most: number): JobRecord[] {
    return jobs.filter((job) => !this.working.has(job.id)).slice(0, Math.max(0, most))
  }

  // Downloads

  private downloading = new Map<number, number>()

  private startDownloads(account: AccountRecord, now: number): void {
    const running = this.downloading.get(account.id) ?? 0
    const slots = account.limits.downloadsAtOnce - running
    if (slots <= 0) return
    const due = this.engine.store.jobs.takeDownloads(account.id, now, slots + running)
    for (const job of this.free(due, slots)) {
      this.downloading.set(account.id, (this.downloading.get(account.id) ?? 0) + 1)
      const provider = this.engine.providerFor(account, job.model)
      this.work([job], async () => {
        try {
          return new Map([
            [job.id, await download({ job, account, provider }, this.engine, this.stopSteps.signal)],
          ])
        } finally {
          this.downloading.set(account.id, (this.downloading.get(account.id) ?? 1) - 1)
        }
      })
    }
  }

  // Reads

  /** False when reads are due that the pace holds back. */
  private startPolls(account: AccountRecord, pace: Pace, now: number): boolean {
    const due = this.free(
      this.engine.store.jobs.takeWorking(account.id, 'generating', now, BATCH * 4 + this.working.size),
      BATCH * 4,
    )
    for (const batch of this.batches(account, due)) {
      if (!pace.takePoll(now)) return false
      this.work(
        batch.polled.map(({ job }) => job),
        () => poll(batch.polled, batch.provider, this.engine, this.stopSteps.signal),
      )
    }
    return true
  }

  private batches(account: AccountRecord, due: JobRecord[]): { provider: Provider; polled: Polled[] }[] {
    const groups = new Map<Provider, Polled[]>()
    for (const job of due) {
      const provider = this.engine.providerFor(account, job.model)
      const attempt = this.engine.store.attempts.byTask(account.id, job.remoteId as string)
      if (!provider || !attempt) continue
      groups.set(provider, [...(groups.get(provider) ?? []), { job, attempt }])
    }
    return [...groups].flatMap(([provider, polled]) => {
      const size = provider.can.batchRead ? BATCH : 1
      return Array.from({ length: Math.ceil(polled.length / size) }, (_, index) => ({
        provider,
        polled: polled.slice(index * size, (index + 1) * size),
      }))
    })
  }

  // Unconfirmed

  private startLooks(account: AccountRecord, now: number): void {
    const { store } = this.engine
    const due = store.jobs.takeWorking(account.id, 'unconfirmed', now, 20)
    // One at a time: two rows that were ordered alike must not both find the same task.
    if (due.some((job) => this.working.has(job.id))) return
    for (const job of due.slice(0, 1)) {
      const provider = this.engine.providerFor(account, job.model)
      const attempt = store.attempts.undecided(job.id)
      if (!provider?.list || !attempt) continue
      this.work([job], async () => {
        const report = await look(
          { job, account, provider, attempt },
          this.engine,
          this.stopSteps.signal,
        ).catch((error: unknown) => this.lookLater(job, error))
        return new Map([[job.id, report]])
      })
    }
  }

  private lookLater(job: JobRecord, error: unknown): Report {
    this.engine.log.warn('could not look for a task', { jobId: job.id, error: (error as Error).name })
    const now = this.engine.clock.now()
    const sentAt = this.engine.store.attempts.undecided(job.id)?.sentAt ?? now
    const lookAt = now - sentAt >= LOOK_FOR_MS ? NEVER : now + 30_000
    return { event: { type: 'looked', problem: job.problem as Problem, lookAt } }
  }

  // Creates

  /** False when a create is due that the pace holds back. */
  private startSubmits(account: AccountRecord, pace: Pace, now: number, maySpend: boolean): boolean {
    const { store } = this.engine
    const due = store.jobs.takeWorking(account.id, 'submitting', now, this.working.size + 20)
    for (const job of this.free(due, 20)) {
      const provider = this.engine.providerFor(account, job.model)
      const attempt = store.attempts.undecided(job.id)
      if (!provider || !attempt) continue
      const isRepeat = attempt.sentAt !== null
      if (isRepeat && !mayRepeat(attempt, provider, now)) {
        apply(this.engine, job.id, lost(attempt, firstLookAt(provider, now), job.problem ?? unknownOutcome()))
        // It may be due at once, and the unconfirmed were looked at before.
        this.isAwake = true
        continue
      }
      if (isRepeat && account.stops === 'everything') continue
      // A repeat finds out about a request that left already; only a first send is new spending.
      const mayNot = !maySpend || job.pauses !== 0 || isRetired(account, job)
      if (!isRepeat && (mayNot || isStale(attempt, job, account, provider, this.engine))) {
        this.putBack(job, mayNot ? account.problem : expired(job))
        continue
      }
      if (!pace.takeSubmit(now)) return false
      const isMarked = isRepeat
        ? store.attempts.markResent(attempt.id, now)
        : store.attempts.markSent(attempt.id, now)
      if (!isMarked) continue
      this.engine.checkpoint('submit.marked-sent')
      const sent = { ...attempt, sentAt: attempt.sentAt ?? now, resentAt: isRepeat ? now : null }
      // Not cut off by a stop: a create in flight is let settle, so that its answer is not lost.
      this.work([job], async () => {
        const report = await submit(
          { job, account, provider, attempt: sent },
          this.engine,
          new AbortController().signal,
        )
        return new Map([[job.id, report]])
      })
    }
    return true
  }

  /** A row that was about to be sent when its account stopped or its run was paused waits in the queue. */
  private putBack(job: JobRecord, reason: Problem | null): void {
    const attempt = this.engine.store.attempts.undecided(job.id)
    apply(this.engine, job.id, {
      event: {
        type: 'set-back',
        problem: reason ?? waits(job),
        retryAt: this.engine.clock.now(),
        counts: false,
      },
      ...(attempt && {
        attempt: { id: attempt.id, unsent: true },
        ledger: { attemptId: attempt.id, entry: { standing: 'released' } },
      }),
    })
  }

  // Uploads and claims

  private startUploads(account: AccountRecord, now: number): void {
    const { store } = this.engine
    const due = store.jobs.takeWorking(account.id, 'uploading', now, 200)
    const running = due.filter((job) => this.working.has(job.id)).length
    for (const job of this.free(due, account.limits.uploadsAtOnce - running)) {
      const provider = this.engine.providerFor(account, job.model)
      if (!provider) continue
      this.work([job], async () => {
        const keep = (one: Parameters<typeof store.references.addUpload>[0]) =>
          store.write(() => store.references.addUpload(one))
        return new Map([
          [job.id, await upload({ job, account, provider }, this.engine, keep, this.stopSteps.signal)],
        ])
      })
    }
  }

  /** Takes rows from the queue while there is room in flight and under the caps. */
  private claim(account: AccountRecord, pace: Pace, now: number): void {
    const { store } = this.engine
    const room = pace.inFlight(now) - store.jobs.countInFlight(account.id)
    if (room <= 0) return
    // A row that was let go and released may still be worked on: what that brings is not the new purchase's.
    const due = store.jobs.takeQueued(account.id, now, room + this.working.size)
    for (const job of this.free(due, room)) {
      // Either way the next look comes at once: what was claimed is sent, or another run's rows have room.
      const isClaimed = this.tryClaim(job, now)
      this.isAwake = true
      if (!isClaimed) return
    }
  }

  /** A row that a fault of our own keeps from being taken waits; the ones behind it go on. */
  private tryClaim(job: JobRecord, now: number): boolean {
    try {
      return this.claimOne(job, now)
    } catch (error) {
      if (isOfDisk(error)) throw error
      this.engine.log.error('a row could not be taken', {
        jobId: job.id,
        error: String((error as Error).stack),
      })
      apply(this.engine, job.id, reportFault(this.engine, job))
      return true
    }
  }

  /** False when no more may be taken from this account now. */
  private claimOne(job: JobRecord, now: number): boolean {
    const { store } = this.engine
    const account = store.accounts.get(job.accountId)
    const provider = account && this.engine.providerFor(account, job.model)
    if (!account || !provider) return this.hold(job, noAccountFor(job, account ?? null))
    const model = isRetired(account, job) && findModel(job.model)
    if (model) return this.hold(job, retiredProblem(model, true, { ...placeOf(job), account: account.name }))
    const isClaimed = store.write(() => {
      if (!fitsCaps(this.engine, job)) return false
      const needsUpload = missingUploads(job.id, account, provider, store, now).length > 0
      const body = needsUpload ? null : buildBody(job, account, provider, store, now)
      if (body) writeAttempt(job, account, body, this.engine)
      apply(this.engine, job.id, { event: { type: 'claimed', to: body ? 'submitting' : 'uploading' } })
      return true
    })
    this.engine.changed(job.id)
    if (!isClaimed) return false
    this.engine.checkpoint('submit.claimed')
    return true
  }

  /** A row that cannot be bought as it is waits for a person; the ones behind it go on. */
  private hold(job: JobRecord, reason: Problem): boolean {
    apply(this.engine, job.id, { event: { type: 'held', problem: reason } })
    return true
  }

  // Applying

  private work(jobs: JobRecord[], step: () => Promise<Map<number, Report>>): void {
    const one = this.applyAll(jobs, step)
      .catch((error: unknown) => tellFault(this.engine, error))
      .finally(() => {
        for (const job of jobs) this.working.delete(job.id)
        this.wake()
      })
    for (const job of jobs) this.working.set(job.id, one)
  }

  private async applyAll(jobs: JobRecord[], step: () => Promise<Map<number, Report>>): Promise<void> {
    let reports: Map<number, Report>
    try {
      reports = await step()
    } catch (error) {
      if (this.isStopping) return
      this.engine.log.error('step failed', { jobId: jobs[0]?.id, error: String((error as Error).stack) })
      reports = new Map(jobs.map((job) => [job.id, reportFault(this.engine, job)]))
    }
    if (this.isStopping) reports = new Map([...reports].filter(([, report]) => !isCutOff(report)))
    await makeDurable(this.engine, reports, this.stopSteps.signal)
    for (const [jobId, report] of reports) this.follow(jobs, jobId, report)
    if ([...reports.values()].some((report) => report.attempt)) this.engine.checkpoint('submit.stored')
    if ([...reports.values()].some((report) => report.clip)) this.engine.checkpoint('download.stored')
  }

  private follow(jobs: JobRecord[], jobId: number, report: Report): void {
    const job = jobs.find((one) => one.id === jobId)
    const pace = job && this.paces.get(job.accountId)
    if (!pace || !report.pace) return
    const now = this.engine.clock.now()
    if (report.pace.type === 'slow') pace.slowDown(report.pace.retryAfterMs, now)
    else if (report.pace.type === 'offline') pace.wentOffline(now)
    else pace.cameOnline()
  }
}

/** A wait that only our own stop has caused is not written down: the row goes on where it was. */
function isCutOff(report: Report): boolean {
  return report.event.type === 'set-back' && !report.attempt && !report.account
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
