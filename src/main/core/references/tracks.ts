import { Worker } from 'node:worker_threads'
import type { Clock } from '../ports.ts'
import { cutShort, type MediaFacts, Unfit } from './media.ts'
import type { MediaFormat } from './recognise.ts'
import type { Tracks } from './tracks-thread.ts'

/** An honest file takes milliseconds; a slow network drive may take seconds. */
const LIMIT_MS = 15_000
const MEMORY_MB = 512

/**
 * Length, frame and tracks of a film or sound file from its index alone. Throws `Unfit`.
 *
 * A few wrong bytes are enough to keep a parser busy for minutes or to fill the memory, and people bring files
 * from anywhere. So it runs on a thread of its own, one file at a time, that is ended when it takes too long.
 */
export async function probeTracks(file: string, format: MediaFormat, clock: Clock): Promise<MediaFacts> {
  const tracks = await inTurn(() => askThread(file, clock))
  if (tracks === 'too-long') {
    const what = 'cannot be looked through: reading its index takes too long or too much memory.'
    throw new Unfit('reference-unreadable', what, 'Export it again, or use another file.')
  }
  if (tracks === null || !isPlain(tracks)) throw cutShort()
  if (format.kind === 'video' && tracks.width === null) {
    const next = 'Use a film for a reference; for sound, use an MP3 in the audio column.'
    throw new Unfit('reference-kind', 'holds no picture, only sound.', next)
  }
  if (format.kind === 'audio' && !tracks.hasSound) throw cutShort()
  return { ...tracks, hasTransparency: null, isAnimated: null }
}

/** Numbers that can be stored and counted with; a damaged index may hold any. */
function isPlain({ durationMs, width, height }: NonNullable<Tracks>): boolean {
  const isCount = (value: number | null): boolean =>
    value === null || (Number.isSafeInteger(value) && value >= 0)
  return durationMs !== null && durationMs > 0 && [durationMs, width, height].every(isCount)
}

let thread: Worker | undefined
let lastTurn: Promise<unknown> = Promise.resolve()

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const turn = lastTurn.then(work)
  lastTurn = turn.catch(() => undefined)
  return turn
}

async function askThread(file: string, clock: Clock): Promise<Tracks | 'too-long'> {
  thread ??= startThread()
  const asked = thread
  const isOver = new AbortController()
  asked.ref()
  try {
    const expired = clock.sleep(LIMIT_MS, isOver.signal).then(
      () => 'too-long' as const,
      () => 'too-long' as const,
    )
    const tracks = await Promise.race([replyOf(asked, file), expired])
    if (tracks === 'too-long') await endThread(asked)
    return tracks
  } finally {
    isOver.abort()
    // An idle thread must not keep the process alive.
    asked.unref()
  }
}

function startThread(): Worker {
  return new Worker(new URL('./tracks-thread.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  })
}

/** `too-long` as well when the thread died over the file. */
function replyOf(asked: Worker, file: string): Promise<Tracks | 'too-long'> {
  return new Promise((resolve) => {
    const settle = (tracks: Tracks | 'too-long') => {
      asked.off('message', settle).off('error', died).off('exit', died)
      resolve(tracks)
    }
    const died = () => settle('too-long')
    asked.on('message', settle).on('error', died).on('exit', died)
    asked.postMessage(file)
  })
}

async function endThread(ended: Worker): Promise<void> {
  if (thread === ended) thread = undefined
  // The thread may end with an error of its own; nobody is interested any more.
  ended.on('error', () => undefined)
  await ended.terminate()
}
