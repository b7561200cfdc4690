import { basename } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Clock } from '../ports.ts'
import { checkBoxes } from './boxes.ts'
import type { ClipFacts } from './container.ts'
import { type Disk, realDisk } from './disk.ts'
import { ContentInvalid, onDisk } from './errors.ts'
import type { Inspected } from './inspect-thread.ts'

/** How often a thread that has not answered yet is looked at. */
const LOOK_MS = 15_000
/** What a thread may work over one file. An honest clip takes milliseconds of it, a hostile one any amount. */
const MOST_CPU_MS = 1_500
const MEMORY_MB = 512

/**
 * Reads a finished download's container. Throws ContentInvalid when it is not a whole, readable video, and
 * DiskTrouble when the file cannot be read.
 *
 * Containers come from strangers, and a few wrong bytes in an index are enough to keep a parser busy for minutes or
 * to fill the memory. So it runs on a thread of its own, one file at a time, that is ended when it has worked too long.
 * Work is counted, not time: a computer that slept, is busy or reads from a slow drive makes a good clip look slow,
 * and a wrong verdict costs an output that was paid for.
 */
export async function inspectClip(path: string, clock: Clock, disk: Disk = realDisk): Promise<ClipFacts> {
  const clip = basename(path).replace(/\.part$/, '')
  await onDisk(path, () => checkBoxes(disk, path, clip))
  const inspected = await inTurn(() => askTwice(path, clock))
  if ('facts' in inspected) return inspected.facts
  if ('finding' in inspected) throw new ContentInvalid(clip, inspected.finding)
  return await onDisk(path, () =>
    Promise.reject(Object.assign(new Error('The file cannot be read.'), inspected)),
  )
}

let thread: Worker | undefined
let lastTurn: Promise<unknown> = Promise.resolve()

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const turn = lastTurn.then(work)
  lastTurn = turn.catch(() => undefined)
  return turn
}

const TOO_MUCH: Inspected = { finding: 'reading its container takes too long or too much memory' }

/** A thread may also have died of the file before: a verdict needs two of them. */
async function askTwice(path: string, clock: Clock): Promise<Inspected> {
  return (await askThread(path, clock)) ?? (await askThread(path, clock)) ?? TOO_MUCH
}

/** Resolves with nothing when the thread died over the file. */
async function askThread(path: string, clock: Clock): Promise<Inspected | undefined> {
  thread ??= startThread()
  const asked = thread
  const isOver = new AbortController()
  asked.ref()
  try {
    const reply = replyOf(asked, path)
    const inspected = await Promise.race([reply, watch(asked, clock, isOver.signal)])
    if (inspected === undefined || inspected === TOO_MUCH) await endThread(asked)
    return inspected
  } finally {
    isOver.abort('answered')
    // An idle thread must not keep the process alive.
    asked.unref()
  }
}

function startThread(): Worker {
  return new Worker(new URL('./inspect-thread.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  })
}

/** Resolves with nothing when the thread died over the file. */
function replyOf(asked: Worker, path: string): Promise<Inspected | undefined> {
  return new Promise((resolve) => {
    const settle = (inspected?: Inspected) => {
      asked.off('message', settle).off('error', died).off('exit', died)
      resolve(inspected)
    }
    const died = () => settle()
    asked.on('message', settle).on('error', died).on('exit', died)
    asked.postMessage(path)
  })
}

/** Resolves when the thread has worked too long over its file. One that waits for its drive is waited for. */
async function watch(asked: Worker, clock: Clock, signal: AbortSignal): Promise<Inspected> {
  const before = await workOf(asked)
  for (;;) {
    await clock.sleep(LOOK_MS, signal).catch(() => undefined)
    if (signal.aborted || (await workOf(asked)) - before >= MOST_CPU_MS) return TOO_MUCH
  }
}

/** Milliseconds for which the thread has worked so far; 0 when it is not there (any more). */
async function workOf(asked: Worker): Promise<number> {
  const used = await asked.cpuUsage().catch(() => ({ user: 0, system: 0 }))
  return (used.user + used.system) / 1000
}

async function endThread(ended: Worker): Promise<void> {
  if (thread === ended) thread = undefined
  // The thread may end with an error of its own; nobody is interested any more.
  ended.on('error', () => undefined)
  await ended.terminate()
}
