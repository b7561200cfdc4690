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

/**
 * What one account may do at this moment. Kept in memory only: after a restart the set limits apply
 * again and a provider that is still short of breath says so with the first 429.
 */
export class Pace {
  private share = 1
  private changedAt = 0
  private busyUntil = 0
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
    return now >= this.busyUntil && this.take(this.submits, this.limits.submitsPerSecond * this.share, now)
  }

  takePoll(now: number): boolean {
    this.grow(now)
    return now >= this.busyUntil && this.take(this.polls, this.limits.pollsPerSecond * this.share, now)
  }

  /** When a create that was just refused may be tried again; always later than `now`. */
  nextSubmitAt(now: number): number {
    return this.nextAt(this.submits, this.limits.submitsPerSecond, now)
  }

  /** When a read that was just refused may be tried again; always later than `now`. */
  nextPollAt(now: number): number {
    return this.nextAt(this.polls, this.limits.pollsPerSecond, now)
  }

  /** The provider said "too fast": half the pace, and silence for as long as it asked. */
  slowDown(retryAfterMs: number, now: number): void {
    // The answers to one burst are one piece of news.
    if (now >= this.busyUntil) {
      this.share = Math.max(1 / 16, this.share / 2)
      this.changedAt = now
    }
    this.busyUntil = Math.max(this.busyUntil, now + retryAfterMs)
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

  private nextAt(bucket: Bucket, perSecond: number, now: number): number {
    const waitMs = (Math.max(0, 1 - bucket.tokens) * 1000) / (perSecond * this.share)
    // A whole millisecond ahead: a time that does not move on would be looked at again at once, for ever.
    return Math.ceil(Math.max(now + 1, now + waitMs, this.busyUntil, this.offlineUntil))
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
    else pace?.cameOnline()
  }

  wasOffline(accountId: number): boolean {
    return this.known.get(accountId)?.wasOffline ?? false
  }
}
