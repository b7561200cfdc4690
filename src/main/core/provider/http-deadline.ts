import type { Clock } from '../ports.ts'

export interface Deadline {
  /** The due time may now be another: look at it again. */
  moved(): void
  stop(): void
}

interface Watched {
  dueAt(): number
  onExpired(): void
}

/**
 * The deadlines of all requests under way, kept by one sleeper. It sleeps until the earliest of them; progress that
 * moves a due time later costs nothing, because it looks again when it wakes. Nothing sleeps while nothing is watched.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #watched = new Set<Watched>()
  #waker: AbortController | null = null
  #sleepsUntil = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `onExpired` once when `dueAt()` (epoch ms) has come. */
  start(dueAt: () => number, onExpired: () => void): Deadline {
    const one = { dueAt, onExpired }
    this.#watched.add(one)
    this.#heed(one)
    return {
      moved: () => this.#heed(one),
      stop: () => {
        this.#watched.delete(one)
        if (this.#watched.size === 0) this.#waker?.abort('nothing to watch')
      },
    }
  }

  #heed(one: Watched): void {
    if (!this.#watched.has(one)) return
    if (this.#waker === null) void this.#watch()
    else if (one.dueAt() < this.#sleepsUntil) this.#waker.abort('due earlier')
  }

  async #watch(): Promise<void> {
    while (this.#watched.size > 0) {
      this.#waker = new AbortController()
      const now = this.#clock.now()
      this.#sleepsUntil = Number.POSITIVE_INFINITY
      for (const one of [...this.#watched]) {
        const dueAt = one.dueAt()
        if (dueAt > now) this.#sleepsUntil = Math.min(this.#sleepsUntil, dueAt)
        else if (this.#watched.delete(one)) one.onExpired()
      }
      if (this.#watched.size === 0) break
      // Woken early by an earlier due time or by the last one's end: the loop looks again.
      await this.#clock.sleep(this.#sleepsUntil - now, this.#waker.signal).catch(() => undefined)
    }
    this.#waker = null
  }
}
