import { randomInt } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { Clock, Random } from './ports.ts'

/** The real clock and the real chance: the only place in the core that asks the machine for either. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  // Not the timer that Node makes of a promise: it makes an error, with its stack, of every sleep that ends early.
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const onAbort = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const onTime = () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      // Timers hold at most 2^31 - 1 ms; a longer sleep wakes early and its caller looks again.
      const timer = setTimeout(onTime, Math.min(Math.max(0, ms), 2_147_483_647))
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'

export const systemRandom: Random = {
  next: () => randomInt(2 ** 32) / 2 ** 32,
  id: (length) => Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join(''),
}

const TURNS = 8

/**
 * Lets the event loop turn a few times, so that what comes close together is dealt with together. On an idle
 * machine that is over at once, on a busy one each turn brings more: no time is waited for.
 */
export async function gather(): Promise<void> {
  for (let count = 0; count < TURNS; count++) await turn()
}

/** One turn of the event loop in the middle of long work, so that what waits for it is dealt with. */
export const turnOfLoop = async (): Promise<void> => await turn()
