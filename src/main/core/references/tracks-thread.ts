import { parentPort } from 'node:worker_threads'
import { ALL_FORMATS, FilePathSource, Input, Logging, LogLevel } from 'mediabunny'
import type { MediaFacts } from './media.ts'

/** What the thread answers: facts, or nothing where the index of the file cannot be read. */
export type Tracks = Omit<MediaFacts, 'hasTransparency' | 'isAnimated'> | null

/** Packets whose times are read for the frame rate; enough for a steady one, cheap for any length. */
const RATE_PACKETS = 60

// What is wrong with a file is said by our own sentences.
Logging.level = LogLevel.Silent

parentPort?.on('message', async (file: string) => parentPort?.postMessage(await read(file)))

async function read(file: string): Promise<Tracks> {
  // Faults of reads ahead are met again by the read that needs them.
  const source = new FilePathSource(file, { handleUnhandledError: () => undefined })
  const input = new Input({ formats: ALL_FORMATS, source })
  try {
    return await readTracks(input)
  } catch {
    return null
  } finally {
    input.dispose()
  }
}

async function readTracks(input: Input): Promise<Tracks> {
  const video = await input.getPrimaryVideoTrack()
  const audio = await input.getPrimaryAudioTrack()
  const seconds = await input.computeDuration()
  const rate = video ? (await video.computePacketStats(RATE_PACKETS)).averagePacketRate : 0
  return {
    width: video ? await video.getDisplayWidth() : null,
    height: video ? await video.getDisplayHeight() : null,
    durationMs: Number.isFinite(seconds) ? Math.round(seconds * 1000) : null,
    framesPerSecond: rate > 0 ? Math.round(rate * 1000) / 1000 : null,
    hasSound: audio !== null,
    codec: (await (video ?? audio)?.getCodec()) ?? null,
  }
}
