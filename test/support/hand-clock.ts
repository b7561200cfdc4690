import type { Clock } from '../../src/main/core/ports.ts'

interface Sleeper {
  at: number
  wake(): void
}

/** Time that only passes when a test says so. Sleepers wake one by one, in order of their time. */
export class HandClock implements Clock {
  private time: number
  private sleepers: Sleeper[] = []

  constructor(start = Date.UTC(2026, 10, 20, 8, 0, 0)) {
    this.time = start
  }

  now(): number {
    return this.time
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const sleeper: Sleeper = { at: this.time + Math.max(0, ms), wake: resolve }
      const abort = () => {
        this.sleepers = this.sleepers.filter((one) => one !== sleeper)
        reject(signal?.reason)
      }
      sleeper.wake = () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.sleepers.push(sleeper)
    })
  }

  /** How many wait for a time. */
  get waiting(): number {
    return this.sleepers.length
  }

  /** Somebody sets the clock, or the computer sleeps: what it shows is another time, and nobody is woken by it. */
  jump(byMs: number): void {
    this.time += byMs
  }

  async advance(ms: number): Promise<void> {
    await this.advanceTo(this.time + ms)
  }

  async advanceTo(target: number): Promise<void> {
    for (;;) {
      const due = this.sleepers.filter((one) => one.at <= target).sort((a, b) => a.at - b.at)[0]
      if (!due) break
      this.sleepers = this.sleepers.filter((one) => one !== due)
      this.time = Math.max(this.time, due.at)
      due.wake()
      await turn()
    }
    this.time = Math.max(this.time, target)
    await turn()
  }
}

/** One turn of the event loop, so that whoever was woken can act. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Repeats turns until `isSo`; throws after `most` turns, so that a missing signal is a failure and not a hang. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string,
  most = 200_000,
): Promise<void> {
  for (let turns = 0; turns < most; turns++) {
    if (await isSo()) return
    await turn()
  }
  throw new Error(`never happened: ${what}`)
}
