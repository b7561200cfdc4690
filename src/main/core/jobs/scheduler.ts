import { CLOCK_SLACK_MS, NEVER } from '../steps/submit.ts'
import type { AccountRecord } from '../store/accounts.ts'
import { gather } from '../system.ts'
import { RETRY_WRITE_MS, tellFault } from './durable.ts'
import type { Engine } from './engine.ts'
import { Paces } from './limits.ts'
import { quietUntil } from './quiet-hours.ts'
import { shiftWaits } from './recover.ts'
import { Spend } from './spend.ts'
import { beginDue } from './starts.ts'
import { Watch } from './watch.ts'
import { Work } from './work.ts'

/** Longest sleep without looking again: a missed signal then costs seconds, not the night. */
const LONGEST_SLEEP_MS = 60_000

/**
 * The one place that moves jobs. It looks at the rows, starts what is due within the limits, and applies
 * what the steps report. Downloads go first of all work, then reads, then what was begun, then what is new.
 */
export class Scheduler {
  readonly #engine: Engine
  readonly #paces = new Paces()
  readonly #work: Work
  readonly #watch: Watch
  readonly #spend: Spend
  #stopSleep = new AbortController()
  #isAwake = false
  #isStopping = false
  #loop: Promise<void> | null = null
  /** What the clock showed at the last look. */
  #seenAt = 0
  readonly #restWaiters: ((nextAt: number) => void)[] = []

  constructor(engine: Engine) {
    const lookAgain = () => this.wake()
    this.#engine = engine
    this.#work = new Work(engine, this.#paces, lookAgain)
    this.#watch = new Watch(engine, this.#work)
    this.#spend = new Spend(engine, this.#work, lookAgain)
  }

  start(): void {
    this.#loop ??= this.#run()
  }

  /** Stops taking work. Creates in flight settle; reads and transfers are cut off and go on at the next start. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#work.cutOff()
    this.wake()
    await this.#loop
    await this.#work.settled()
  }

  /** Something changed: look again now. */
  wake(): void {
    this.#isAwake = true
    // Every step ends with this; without a reason of its own an abort makes an error, even when it is the second.
    this.#stopSleep.abort('look again')
  }

  /** Whether a step works on the job at this moment; what it reports is still to come. */
  isWorkingOn(jobId: number): boolean {
    return this.#work.has(jobId)
  }

  /** Their ids. */
  get working(): number[] {
    return this.#work.ids
  }

  /** Jobs that a step works on at this moment. */
  get busy(): number {
    return this.#work.size
  }

  /** Resolves once nothing is under way, with the time at which the next job is due. */
  rest(): Promise<number> {
    return new Promise((resolve) => {
      this.#restWaiters.push(resolve)
      this.wake()
    })
  }

  /** Whether the last call to an account's provider could not connect. */
  isOffline(accountId: number): boolean {
    return this.#paces.wasOffline(accountId)
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      this.#isAwake = false
      this.#stopSleep = new AbortController()
      const nextAt = this.#look()
      if (!this.#isAwake) await this.#rest(nextAt)
      // What else comes meanwhile is seen by the same look, and other work has its turn.
      await gather()
    }
  }

  async #rest(nextAt: number): Promise<void> {
    if (this.#work.size === 0) for (const tell of this.#restWaiters.splice(0)) tell(nextAt)
    const wait = Math.min(LONGEST_SLEEP_MS, Math.max(0, nextAt - this.#engine.clock.now()))
    await this.#engine.clock.sleep(wait, this.#stopSleep.signal).catch(() => undefined)
  }

  /** A look that fails (a full disk under the database) is told and tried again; the loop never ends by it. */
  #look(): number {
    try {
      return this.#dispatch()
    } catch (error) {
      tellFault(this.#engine, error)
      return this.#engine.clock.now() + RETRY_WRITE_MS
    }
  }

  /** Starts what may start now; returns when to look again (epoch ms). */
  #dispatch(): number {
    const { store, clock } = this.#engine
    const now = clock.now()
    this.#noticeClock(now)
    // Before any account is looked at: of a start that was missed nothing may be bought.
    beginDue(this.#engine, now)
    let nextAt = store.jobs.nextWakeAt(now) ?? NEVER
    for (const account of store.accounts.list()) {
      nextAt = Math.min(nextAt, this.#lookAt(account, now))
    }
    return nextAt
  }

  /** Waits are times on the clock: when somebody sets it back, they go with it. */
  #noticeClock(now: number): void {
    const byMs = this.#seenAt - now
    this.#seenAt = now
    if (byMs <= CLOCK_SLACK_MS) return
    shiftWaits(this.#engine, byMs)
    this.#paces.forget()
  }

  /** One account's fault is told and tried again; the clips of the others do not wait for it. */
  #lookAt(account: AccountRecord, now: number): number {
    try {
      return this.#dispatchAccount(this.#refresh(account, now), now)
    } catch (error) {
      tellFault(this.#engine, error)
      return now + RETRY_WRITE_MS
    }
  }

  /** An account whose trouble was said to end by now works again. */
  #refresh(account: AccountRecord, now: number): AccountRecord {
    if (account.stopsUntilAt === null || account.stopsUntilAt > now) return account
    const free = { ...account, stops: 'nothing' as const, stopsUntilAt: null, problem: null }
    this.#engine.store.accounts.update(free)
    return free
  }

  #dispatchAccount(account: AccountRecord, now: number): number {
    const pace = this.#paces.of(account, now)
    const quiet = quietUntil(account.options.quietHours, now)
    let nextAt = Math.min(account.stopsUntilAt ?? NEVER, quiet ?? NEVER)
    this.#watch.startDownloads(account, now)
    if (pace.isOffline(now)) return Math.min(nextAt, pace.nextPollAt(now))
    if (account.stops !== 'everything') {
      if (!this.#watch.startPolls(account, pace, now)) nextAt = Math.min(nextAt, pace.nextPollAt(now))
      this.#watch.startLooks(account, now)
    }
    const maySpend = account.stops === 'nothing' && !account.isPaused && quiet === null
    if (!this.#spend.startSubmits(account, pace, now, { maySpend, quietUntil: quiet })) {
      nextAt = Math.min(nextAt, pace.nextSubmitAt(now))
    }
    if (maySpend) this.#spend.startUploads(account, now)
    return nextAt
  }
}
