import { setTimeout as sleep } from 'node:timers/promises'

/** After a yes nothing is ordered for so long. */
export const TAKE_BACK_MS = 5_000
const SECOND_MS = 1_000

export interface Countdown {
  seconds: number
  /** Shows how many are left. */
  show: (seconds: number) => void
  signal: AbortSignal
  wait?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/** Counts down second by second; false when it was stopped, and so taken back. */
export async function countDown({ seconds, show, signal, wait = waitFor }: Countdown): Promise<boolean> {
  for (let left = seconds; left > 0; left -= 1) {
    if (signal.aborted) return false
    show(left)
    await wait(SECOND_MS, signal)
  }
  return !signal.aborted
}

const waitFor = (ms: number, signal: AbortSignal): Promise<unknown> =>
  sleep(ms, undefined, { signal }).catch(() => undefined)
