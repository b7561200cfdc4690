import { performance } from 'node:perf_hooks'
import type { Clock } from '../../src/main/core/ports.ts'

/** Time set by hand on one machine: at `atMs` of the world's time its clock shows `byMs` more (or less). */
export interface Jump {
  atMs: number
  byMs: number
}

export interface WorldTime {
  /** Epoch ms (real, by the machine's clock) at which the world began. */
  realZero: number
  /** What the world's clock showed then, epoch ms. */
  worldZero: number
  /** World milliseconds per real millisecond. */
  rate: number
}

interface Sleeper {
  at: number
  timer: NodeJS.Timeout | undefined
  wake(): void
}

/**
 * The world's time: it flows `rate` times as fast as real time, and may be skipped while nothing is under way.
 * Each process of the world has one of its own; the parent tells all of them what was skipped. `jumps` are
 * what somebody does to this machine's clock: they change what it shows, not how long a sleep takes.
 */
export class WorldClock implements Clock {
  readonly #time: WorldTime
  readonly #jumps: readonly Jump[]
  readonly #sleepers = new Set<Sleeper>()
  #skippedMs: number
  /** Monotonic, tied once to the shared zero: a jump of the real machine's clock must not disturb a case. */
  readonly #offset: number

  constructor(time: WorldTime, skippedMs = 0, jumps: readonly Jump[] = []) {
    this.#time = time
    this.#skippedMs = skippedMs
    this.#jumps = jumps
    this.#offset = Date.now() - performance.now() - time.realZero
  }

  /** World milliseconds since the world began, whatever the machine's clock shows. */
  elapsed(): number {
    return (performance.now() + this.#offset) * this.#time.rate + this.#skippedMs
  }

  get skippedMs(): number {
    return this.#skippedMs
  }

  now(): number {
    const elapsed = this.elapsed()
    let shown = this.#time.worldZero + elapsed
    for (const { atMs, byMs } of this.#jumps) if (elapsed >= atMs) shown += byMs
    return Math.round(shown)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const end = () => {
        clearTimeout(sleeper.timer)
        this.#sleepers.delete(sleeper)
        signal?.removeEventListener('abort', abort)
      }
      const abort = () => {
        end()
        reject(signal?.reason)
      }
      const sleeper: Sleeper = {
        at: this.elapsed() + Math.max(0, ms),
        timer: undefined,
        wake: () => {
          end()
          resolve()
        },
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#sleepers.add(sleeper)
      this.#wind(sleeper)
    })
  }

  /** So much of the world's time passes at once. */
  skipTo(totalSkippedMs: number): void {
    this.#skippedMs = Math.max(this.#skippedMs, totalSkippedMs)
    for (const sleeper of [...this.#sleepers]) this.#wind(sleeper)
  }

  #wind(sleeper: Sleeper): void {
    clearTimeout(sleeper.timer)
    const realMs = (sleeper.at - this.elapsed()) / this.#time.rate
    sleeper.timer = setTimeout(
      () => (this.elapsed() >= sleeper.at ? sleeper.wake() : this.#wind(sleeper)),
      Math.min(Math.max(0, realMs), 2 ** 31 - 1),
    )
  }
}
