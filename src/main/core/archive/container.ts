import { ALL_FORMATS, FilePathSource, Input, type InputVideoTrack } from 'mediabunny'

/** What a clip is, read from its container. */
export interface ClipFacts {
  /** `mp4`, `mov`, `webm`, `mkv` … as the bytes say. */
  container: string
  codec: string | null
  width: number
  height: number
  durationMs: number
  framesPerSecond: number | null
  hasSound: boolean
  trackCount: number
}

/** Why a file is no readable video, in words that fit after a colon. */
export class Unreadable extends Error {}

/** Enough packets to know the frame rate. */
const RATE_PACKETS = 120

/**
 * Reads a container. Throws Unreadable, or what reading the file threw. A hostile file can keep this busy for minutes,
 * so it runs on the inspecting thread only: see `inspectClip`.
 */
export async function readContainer(path: string): Promise<ClipFacts> {
  // Faults of reads ahead are met again by the read that needs them.
  const source = new FilePathSource(path, { handleUnhandledError: () => undefined })
  const input = new Input({ formats: ALL_FORMATS, source })
  try {
    return await readFacts(input)
  } finally {
    input.dispose()
  }
}

async function readFacts(input: Input): Promise<ClipFacts> {
  if (!(await input.canRead())) throw new Unreadable('it is no kind of video that is known')
  const [format, tracks, video] = await Promise.all([
    input.getFormat(),
    input.getTracks(),
    input.getPrimaryVideoTrack(),
  ])
  if (!video) throw new Unreadable('it holds no picture')
  const [width, height, seconds] = await Promise.all([
    video.getDisplayWidth(),
    video.getDisplayHeight(),
    input.computeDuration(),
  ])
  if (!(width > 0 && height > 0 && seconds > 0)) throw new Unreadable('it holds no pictures')
  return {
    container: format.name.toLowerCase(),
    codec: video.codec,
    width,
    height,
    durationMs: Math.round(seconds * 1000),
    framesPerSecond: await readRate(video),
    hasSound: tracks.some((track) => track.isAudioTrack()),
    trackCount: tracks.length,
  }
}

async function readRate(video: InputVideoTrack): Promise<number | null> {
  const { averagePacketRate } = await video.computePacketStats(RATE_PACKETS)
  return averagePacketRate > 0 ? Math.round(averagePacketRate * 1000) / 1000 : null
}
