import { type Clock, steady } from '../ports.ts'

/**
 * Calls `expire` once when nothing was touched for as long as the present phase allows.
 * Touching is free: one sleeper looks at the clock, no timer is moved.
 */
export class Watchdog {
  readonly #clock: Clock
  readonly #done = new AbortController()
  #limitMs: number
  #since: number

  constructor(clock: Clock, limitMs: number, expire: () => void) {
    this.#clock = steady(clock)
    this.#limitMs = limitMs
    this.#since = this.#clock.now()
    void this.#watch(expire)
  }

  /** Something moved; with `limitMs`, a new phase begins. */
  touch(limitMs: number = this.#limitMs): void {
    this.#since = this.#clock.now()
    this.#limitMs = limitMs
  }

  stop(): void {
    this.#done.abort('over')
  }

  async #watch(expire: () => void): Promise<void> {
    const { signal } = this.#done
    while (!signal.aborted) {
      const leftMs = this.#since + this.#limitMs - this.#clock.now()
      if (leftMs <= 0) return expire()
      // A sleep ends early when the watch is over; a phase with a shorter limit is seen a second later at most.
      await this.#clock.sleep(Math.min(leftMs, LOOK_AGAIN_MS), signal).catch(() => undefined)
    }
  }
}

const LOOK_AGAIN_MS = 1_000
