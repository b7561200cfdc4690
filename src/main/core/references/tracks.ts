import { ALL_FORMATS, FilePathSource, Input } from 'mediabunny'
import { cutShort, type MediaFacts, Unfit } from './media.ts'
import type { MediaFormat } from './recognise.ts'

/** Packets whose times are read for the frame rate; enough for a steady one, cheap for any length. */
const RATE_PACKETS = 60

/** Length, frame and tracks of a film or sound file from its index alone. Throws `Unfit`. */
export async function probeTracks(file: string, format: MediaFormat): Promise<MediaFacts> {
  const input = new Input({ formats: ALL_FORMATS, source: new FilePathSource(file) })
  try {
    const facts = await readTracks(input)
    if (facts.durationMs === null || facts.durationMs <= 0) throw cutShort()
    if (format.kind === 'video' && facts.width === null) {
      const next = 'Use a film for a reference; for sound, use an MP3 in the audio column.'
      throw new Unfit('reference-kind', 'holds no picture, only sound.', next)
    }
    if (format.kind === 'audio' && !facts.hasSound) throw cutShort()
    return facts
  } catch (cause) {
    throw cause instanceof Unfit ? cause : cutShort(cause)
  } finally {
    input.dispose()
  }
}

async function readTracks(input: Input): Promise<MediaFacts> {
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
    hasTransparency: null,
    isAnimated: null,
    codec: (await (video ?? audio)?.getCodec()) ?? null,
  }
}
