import type { AccountLimits } from '../../../shared/account.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { Report } from './engine.ts'

/** Tokens that refill with time, so that calls keep a pace over any stretch of it. */
interface Bucket {
  tokens: number
  at: number
}

const GROW_AFTER_MS = 60_000
const LONGEST_OFFLINE_MS = 60_000
/** However long a provider asks for silence: outputs die after a day, so reads ask again sooner. */
const LONGEST_SILENCE_OF_READS_MS = 5 * 60_000
/** The row that was told so waits as long as it was told; the others ask again after an hour. */
const LONGEST_SILENCE_MS = 60 * 60_000
/** Doubtful answers in a row that make orders wait, and for how long at first and at most. */
const DOUBTS = 2
const FIRST_DOUBT_MS = 15_000
const LONGEST_DOUBT_MS = 30 * 60_000
/** By then the one order that finds out has its answer, or none. */
const ANSWER_MS = 2 * 60_000

/**
 * What one account may do at this moment. Kept in memory only: after a restart the set limits apply
 * again and a provider that is still short of breath says so with the first 429.
 */
export class Pace {
  private share = 1
  private changedAt = 0
  private busyUntil = 0
  private readsBusyUntil = 0
  private doubts = 0
  private doubtUntil = 0
  private isFindingOut = false
  private offlineUntil = 0
  private offlineMs = 0
  private readonly submits: Bucket
  private readonly polls: Bucket
  private limits: AccountLimits

  constructor(limits: AccountLimits, now: number) {
    this.limits = limits
    this.submits = { tokens: 1, at: now }
    this.polls = { tokens: 1, at: now }
    this.changedAt = now
  }

  set(limits: AccountLimits): void {
    this.limits = limits
  }

  /** Unfinished tasks allowed now: the set limit, halved for each 429 and grown back slowly. */
  inFlight(now: number): number {
    this.grow(now)
    return Math.max(1, Math.floor(this.limits.inFlight * this.share))
  }

  takeSubmit(now: number): boolean {
    this.grow(now)
    if (now < Math.max(this.busyUntil, this.doubtUntil)) return false
    if (!this.take(this.submits, this.limits.submitsPerSecond * this.share, now)) return false
    if (this.doubts >= DOUBTS) {
      this.isFindingOut = true
      this.doubtUntil = now + ANSWER_MS
    }
    return true
  }

  takePoll(now: number): boolean {
    this.grow(now)
    return now >= this.readsBusyUntil && this.take(this.polls, this.limits.pollsPerSecond * this.share, now)
  }

  /** When a create that was just refused may be tried again; always later than `now`. */
  nextSubmitAt(now: number): number {
    const silentUntil = Math.max(this.busyUntil, this.doubtUntil)
    return this.nextAt(this.submits, this.limits.submitsPerSecond, now, silentUntil)
  }

  /** When a read that was just refused may be tried again; always later than `now`. */
  nextPollAt(now: number): number {
    return this.nextAt(this.polls, this.limits.pollsPerSecond, now, this.readsBusyUntil)
  }

  /** The provider said "too fast": half the pace, and silence for as long as it asked. */
  slowDown(retryAfterMs: number, now: number): void {
    // The answers to one burst are one piece of news.
    if (now >= this.readsBusyUntil) {
      this.share = Math.max(1 / 16, this.share / 2)
      this.changedAt = now
    }
    this.busyUntil = Math.max(this.busyUntil, now + Math.min(retryAfterMs, LONGEST_SILENCE_MS))
    const silenceMs = Math.min(retryAfterMs, LONGEST_SILENCE_OF_READS_MS)
    this.readsBusyUntil = Math.max(this.readsBusyUntil, now + silenceMs)
  }

  /**
   * Nobody knows what became of an order. A provider in trouble would leave every row of the night like that:
   * from the second such answer on, one order at a growing distance finds out for all.
   */
  wasDoubtful(now: number): void {
    // The answers to one burst are one piece of news.
    if (now < this.doubtUntil && !this.isFindingOut) return
    this.isFindingOut = false
    this.doubts += 1
    if (this.doubts < DOUBTS) return
    const waitMs = Math.min(LONGEST_DOUBT_MS, FIRST_DOUBT_MS * 2 ** Math.min(this.doubts - DOUBTS, 12))
    this.doubtUntil = now + waitMs
  }

  /** An order was taken: nothing is doubtful any more. */
  tookOrder(): void {
    this.doubts = 0
    this.doubtUntil = 0
    this.isFindingOut = false
  }

  /** No connection: one try at a growing distance stands for all jobs of the account. */
  wentOffline(now: number): void {
    if (now < this.offlineUntil) return
    this.offlineMs = Math.min(LONGEST_OFFLINE_MS, Math.max(1000, this.offlineMs * 2))
    this.offlineUntil = now + this.offlineMs
  }

  cameOnline(): void {
    this.offlineMs = 0
    this.offlineUntil = 0
  }

  isOffline(now: number): boolean {
    return now < this.offlineUntil
  }

  /** True since the last failed connection until one succeeds. */
  get wasOffline(): boolean {
    return this.offlineMs > 0
  }

  private grow(now: number): void {
    while (this.share < 1 && now - this.changedAt >= GROW_AFTER_MS) {
      this.share = Math.min(1, this.share * 1.25)
      this.changedAt += GROW_AFTER_MS
    }
  }

  private nextAt(bucket: Bucket, perSecond: number, now: number, silentUntil: number): number {
    const waitMs = (Math.max(0, 1 - bucket.tokens) * 1000) / (perSecond * this.share)
    // A whole millisecond ahead: a time that does not move on would be looked at again at once, for ever.
    return Math.ceil(Math.max(now + 1, now + waitMs, silentUntil, this.offlineUntil))
  }

  private take(bucket: Bucket, perSecond: number, now: number): boolean {
    const full = Math.max(1, perSecond)
    const passed = Math.max(0, now - bucket.at)
    bucket.tokens = Math.min(full, bucket.tokens + (passed * perSecond) / 1000)
    bucket.at = now
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }
}

/** The pace of each account. */
export class Paces {
  private readonly known = new Map<number, Pace>()

  /** The account's pace, under the limits that it has now. */
  of(account: Pick<AccountRecord, 'id' | 'limits'>, now: number): Pace {
    const pace = this.known.get(account.id) ?? new Pace(account.limits, now)
    pace.set(account.limits)
    this.known.set(account.id, pace)
    return pace
  }

  /** What an answer says about its account's pace counts from here on. */
  follow(accountId: number, said: NonNullable<Report['pace']>, now: number): void {
    const pace = this.known.get(accountId)
    if (said.type === 'slow') pace?.slowDown(said.retryAfterMs, now)
    else if (said.type === 'offline') pace?.wentOffline(now)
    else if (said.type === 'doubtful') pace?.wasDoubtful(now)
    else pace?.cameOnline()
    if (said.type === 'taken') pace?.tookOrder()
  }

  /** All that is known of times is wrong: somebody set the clock. As after a restart, the set limits apply. */
  forget(): void {
    this.known.clear()
  }

  wasOffline(accountId: number): boolean {
    return this.known.get(accountId)?.wasOffline ?? false
  }
}
