import { Worker } from 'node:worker_threads'
import { ProblemError } from '../../../../shared/problem.ts'
import type { Clock } from '../../ports.ts'
import { READING_LIMITS } from './limits.ts'
import type { Asked, Told } from './read-thread.ts'
import { stop } from './stop.ts'
import type { Deliver } from './table.ts'

/** How often a thread that has not answered yet is looked at. */
const LOOK_MS = 250
const MEMORY = { maxOldGenerationSizeMb: 224, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 }

export type Answer = Extract<Told, { type: 'end' }>

let lastTurn: Promise<unknown> = Promise.resolve()

/**
 * Reads a sheet on a thread of its own, which is gone when the sheet has been read. One at a time: two large ones
 * together would take twice the memory. Work is counted, not time: a computer that slept or reads from a slow drive
 * makes a good sheet look slow.
 */
export function askThread(asked: Omit<Asked, 'taken'>, deliver: Deliver, clock: Clock): Promise<Answer> {
  const turn = lastTurn.then(() => ask(asked, deliver, clock))
  lastTurn = turn.catch(() => undefined)
  return turn
}

async function ask(asked: Omit<Asked, 'taken'>, deliver: Deliver, clock: Clock): Promise<Answer> {
  const taken = new Int32Array(new SharedArrayBuffer(4))
  const thread = new Worker(new URL('./read-thread.ts', import.meta.url), {
    workerData: { ...asked, taken } satisfies Asked,
    resourceLimits: MEMORY,
  })
  const isOver = new AbortController()
  const allowance = { workMs: READING_LIMITS.workMs }
  try {
    const answer = follow(thread, asked.file, taken, deliver, allowance)
    return await Promise.race([answer, watch(thread, asked.file, allowance, clock, isOver.signal)])
  } finally {
    isOver.abort()
    // It may end with an error of its own; nobody is interested any more.
    thread.removeAllListeners().on('error', () => undefined)
    await thread.terminate()
  }
}

function follow(
  thread: Worker,
  file: string,
  taken: Int32Array,
  deliver: Deliver,
  allowance: { workMs: number },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    thread.on('message', (told: Told) => {
      if (told.type === 'records') {
        deliver(told.records)
        Atomics.add(taken, 0, 1)
        Atomics.notify(taken, 0)
      } else if (told.type === 'allowed') allowance.workMs = told.workMs
      else if (told.type === 'end') resolve(told)
      else if (told.type === 'problem') reject(new ProblemError(told.problem))
      else reject(unreadable(file, told.code))
    })
    thread.on('error', (error) => reject(isOutOfMemory(error) ? tooMuch(file, 'memory', error) : error))
    thread.on('exit', () => reject(tooMuch(file, 'memory')))
  })
}

/** Rejects when the thread has worked too long. One that waits for its drive is waited for. */
async function watch(
  thread: Worker,
  file: string,
  allowance: { workMs: number },
  clock: Clock,
  signal: AbortSignal,
): Promise<never> {
  for (;;) {
    await clock.sleep(LOOK_MS, signal).catch(() => undefined)
    if (signal.aborted) return await new Promise<never>(() => undefined)
    if ((await workOf(thread)) >= allowance.workMs) throw tooMuch(file, 'time')
  }
}

/** Milliseconds for which the thread has worked so far; 0 when it is not there (any more). */
async function workOf(thread: Worker): Promise<number> {
  const used = await thread.cpuUsage().catch(() => ({ user: 0, system: 0 }))
  return (used.user + used.system) / 1000
}

const isOutOfMemory = (error: Error): boolean =>
  ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') ||
  /invalid (?:string|array) length/iu.test(error.message)

function tooMuch(file: string, what: 'time' | 'memory', cause?: unknown) {
  const words = `takes too much ${what} to read: it is damaged, or not made to be a sheet.`
  return stop('sheet-unreadable', file, words, 'Open it, save it as "CSV UTF-8", and use that file.', {
    cause,
  })
}

function unreadable(file: string, code: string | undefined) {
  if (code === 'ENOENT') {
    return stop(
      'sheet-missing',
      file,
      'went away while it was being read.',
      'Put it back, then read it again.',
    )
  }
  return stop('sheet-unreadable', file, 'cannot be read.', 'Check that you may open this file.')
}
