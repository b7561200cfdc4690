import { join } from 'node:path'
import {
  ALL_FORMATS,
  BufferTarget,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  FilePathSource,
  Input,
  MovOutputFormat,
  Mp4OutputFormat,
  Output,
} from 'mediabunny'
import { SAMPLE_MEDIA } from './world.ts'

/**
 * A real film of any length: the pictures of a sample, each shown as long as it takes. `format` is the container's.
 */
export async function makeFilm(lengthMs: number, format: 'mp4' | 'mov' = 'mp4'): Promise<Buffer> {
  const source = new FilePathSource(join(SAMPLE_MEDIA, 'aurora.mp4'))
  const input = new Input({ source, formats: ALL_FORMATS })
  try {
    const track = await input.getPrimaryVideoTrack()
    if (!track) throw new Error('the sample has no pictures')
    const target = new BufferTarget()
    const output = new Output({
      format: format === 'mp4' ? new Mp4OutputFormat() : new MovOutputFormat(),
      target,
    })
    const pictures = new EncodedVideoPacketSource('avc')
    output.addVideoTrack(pictures)
    await output.start()
    const decoderConfig = await track.getDecoderConfig()
    const duration = lengthMs / 1000 / FRAMES
    let count = 0
    for await (const packet of new EncodedPacketSink(track).packets()) {
      if (count === FRAMES) break
      const shown = packet.clone({ timestamp: count * duration, duration })
      await pictures.add(shown, decoderConfig ? { decoderConfig } : undefined)
      count += 1
    }
    await output.finalize()
    if (!target.buffer) throw new Error('the film could not be made')
    return Buffer.from(target.buffer)
  } finally {
    input.dispose()
  }
}

const FRAMES = 4
