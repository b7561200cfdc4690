import type { Clock } from '../ports.ts'

export interface Deadline {
  /** The due time may now be earlier than the sleep under way: look again. */
  moved(): void
  stop(): void
}

/**
 * Calls `onExpired` once when `dueAt()` (epoch ms) has come. Progress that moves the due time later
 * costs nothing: the sleeper wakes at the old time and looks again.
 */
export function startDeadline(clock: Clock, dueAt: () => number, onExpired: () => void): Deadline {
  let stopped = false
  let waker = new AbortController()

  const run = async (): Promise<void> => {
    while (!stopped) {
      const waitMs = dueAt() - clock.now()
      if (waitMs <= 0) {
        stopped = true
        onExpired()
        return
      }
      waker = new AbortController()
      // Woken early by moved() or stop(): the loop looks again, so the rejection carries no news.
      await clock.sleep(waitMs, waker.signal).catch(() => undefined)
    }
  }
  void run()

  return {
    moved: () => waker.abort(),
    stop: () => {
      stopped = true
      waker.abort()
    },
  }
}
