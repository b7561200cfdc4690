import { Worker } from 'node:worker_threads'
import type { Clock } from '../ports.ts'

export interface ErrandLimits {
  /** Real time. */
  mostMs: number
  memoryMb: number
}

/**
 * Sends one thing to a thread of its own and gives its one answer; `undefined` when it took too long, too much
 * memory or died. The thread is ended either way, so that a file made to trap a parser traps nothing else.
 */
export async function runErrand<Answer>(
  thread: URL,
  asked: unknown,
  limits: ErrandLimits,
  clock: Clock,
): Promise<Answer | undefined> {
  const worker = new Worker(thread, { resourceLimits: { maxOldGenerationSizeMb: limits.memoryMb } })
  const isOver = new AbortController()
  try {
    const answer = new Promise<Answer | undefined>((resolve) => {
      worker.on('message', resolve)
      worker.on('error', () => resolve(undefined))
      worker.on('exit', () => resolve(undefined))
    })
    const expired = clock.sleep(limits.mostMs, isOver.signal).then(
      () => undefined,
      () => undefined,
    )
    worker.postMessage(asked)
    return await Promise.race([answer, expired])
  } finally {
    isOver.abort()
    await worker.terminate()
  }
}

/** Lets `most` run at one time; the others wait in the order in which they came. */
export function createGate(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
  }
}
