import { basename } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Clock } from '../ports.ts'
import { checkBoxes } from './boxes.ts'
import type { ClipFacts } from './container.ts'
import { type Disk, realDisk } from './disk.ts'
import { ContentInvalid, onDisk } from './errors.ts'
import type { Inspected } from './inspect-thread.ts'

/** An honest clip takes milliseconds; a slow network drive may take seconds. */
const LIMIT_MS = 15_000
const MEMORY_MB = 512

/**
 * Reads a finished download's container. Throws ContentInvalid when it is not a whole, readable video, and
 * DiskTrouble when the file cannot be read.
 *
 * Containers come from strangers, and a few wrong bytes in an index are enough to keep a parser busy for minutes or
 * to fill the memory. So it runs on a thread of its own, one file at a time, that is ended when it takes too long.
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

/** A computer that slept makes a good clip look slow, and a verdict costs a download: look twice before it. */
async function askTwice(path: string, clock: Clock): Promise<Inspected> {
  return (
    (await askThread(path, clock)) ??
    (await askThread(path, clock)) ?? { finding: 'reading its container takes too long or too much memory' }
  )
}

/** Resolves with nothing when the thread had to be ended over the file. */
async function askThread(path: string, clock: Clock): Promise<Inspected | undefined> {
  thread ??= startThread()
  const asked = thread
  const isOver = new AbortController()
  asked.ref()
  try {
    const inspected = await Promise.race([replyOf(asked, path), expire(clock, isOver.signal)])
    if (!inspected) await endThread(asked)
    return inspected
  } finally {
    isOver.abort()
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

const expire = (clock: Clock, signal: AbortSignal): Promise<undefined> =>
  clock.sleep(LIMIT_MS, signal).then(
    () => undefined,
    () => undefined,
  )

async function endThread(ended: Worker): Promise<void> {
  if (thread === ended) thread = undefined
  // The thread may end with an error of its own; nobody is interested any more.
  ended.on('error', () => undefined)
  await ended.terminate()
}
