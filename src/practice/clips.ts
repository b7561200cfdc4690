import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  ALL_FORMATS,
  BufferTarget,
  EncodedAudioPacketSource,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  FilePathSource,
  Input,
  type InputAudioTrack,
  type InputVideoTrack,
  Mp4OutputFormat,
  Output,
} from 'mediabunny'

/** What was ordered: the frame in pixels, the length in whole seconds, and whether there is sound. */
export interface ClipOrder {
  width: number
  height: number
  seconds: number
  sound: boolean
}

export interface ClipShelf {
  /** The bytes of a playable MP4 for this order, made different per task by `mark`; equal calls give equal bytes. */
  take(order: ClipOrder, mark: string): Promise<Buffer>
  /** The frame sizes there are masters for. */
  sizes(): readonly Frame[]
}

export interface Frame {
  width: number
  height: number
}

/** Cut clips kept in memory; thirty of the largest stay under 8 MB. */
const KEPT_CLIPS = 30

/** Opens the folder of master clips, files named `<width>-<height>.mp4`. */
export async function openClipShelf(folder: string): Promise<ClipShelf> {
  const frames = await readFrames(folder)
  const kept = new Map<string, Promise<Buffer>>()

  function cutOnce(order: ClipOrder): Promise<Buffer> {
    const frame = nearestFrame(frames, order)
    const name = `${frame.width}-${frame.height}`
    const key = `${name}/${order.seconds}/${order.sound}`
    const found = kept.get(key)
    kept.delete(key)
    const clip = found ?? cutMaster(join(folder, `${name}.mp4`), order.seconds, order.sound)
    kept.set(key, clip)
    clip.catch(() => kept.delete(key))
    const oldest = kept.keys().next().value
    if (kept.size > KEPT_CLIPS && oldest !== undefined) kept.delete(oldest)
    return clip
  }

  return {
    take: async (order, mark) => Buffer.concat([await cutOnce(order), markBox(mark)]),
    sizes: () => frames,
  }
}

async function readFrames(folder: string): Promise<Frame[]> {
  const frames: Frame[] = []
  for (const name of await readdir(folder)) {
    const match = /^(\d+)-(\d+)\.mp4$/.exec(name)
    if (match) frames.push({ width: Number(match[1]), height: Number(match[2]) })
  }
  if (frames.length === 0) throw new Error(`There are no master clips in ${folder}.`)
  return frames
}

/** The frame whose ratio and number of pixels are nearest (Wan 2.7's 1104*832 becomes 1088*832). */
export function nearestFrame(frames: readonly Frame[], wanted: Frame): Frame {
  const distance = (frame: Frame) =>
    Math.abs(Math.log((frame.width * wanted.height) / (frame.height * wanted.width))) * 4 +
    Math.abs(Math.log((frame.width * frame.height) / (wanted.width * wanted.height)))
  return frames.reduce((best, frame) => (distance(frame) < distance(best) ? frame : best))
}

/** A `free` box after the last sample: players skip it, hashes see it. */
function markBox(mark: string): Buffer {
  const text = Buffer.from(`${createHash('sha256').update(mark).digest('hex')} ${mark}`)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(8 + text.length)
  head.write('free', 4, 'latin1')
  return Buffer.concat([head, text])
}

async function cutMaster(file: string, seconds: number, hasSound: boolean): Promise<Buffer> {
  const input = new Input({ source: new FilePathSource(file), formats: ALL_FORMATS })
  try {
    const video = await input.getPrimaryVideoTrack()
    const audio = hasSound ? await input.getPrimaryAudioTrack() : null
    if (!video) throw new Error(`${file} has no picture track.`)
    const target = new BufferTarget()
    const output = new Output({ format: new Mp4OutputFormat({ fastStart: 'in-memory' }), target })
    const pictures = new EncodedVideoPacketSource('avc')
    output.addVideoTrack(pictures, { frameRate: 30 })
    const sounds = audio ? new EncodedAudioPacketSource('aac') : undefined
    if (sounds) output.addAudioTrack(sounds)
    await output.start()
    await copyVideo(video, pictures, seconds)
    if (audio && sounds) await copyAudio(audio, sounds, seconds)
    await output.finalize()
    if (!target.buffer) throw new Error(`${file} could not be cut.`)
    const bytes = Buffer.from(target.buffer)
    clearTimes(bytes, 0, bytes.length)
    return bytes
  } finally {
    input.dispose()
  }
}

async function copyVideo(track: InputVideoTrack, source: EncodedVideoPacketSource, seconds: number) {
  const decoderConfig = await track.getDecoderConfig()
  for await (const packet of new EncodedPacketSink(track).packets()) {
    if (packet.timestamp >= seconds - 0.001) break
    await source.add(packet, decoderConfig ? { decoderConfig } : undefined)
  }
}

async function copyAudio(track: InputAudioTrack, source: EncodedAudioPacketSource, seconds: number) {
  const decoderConfig = await track.getDecoderConfig()
  for await (const packet of new EncodedPacketSink(track).packets()) {
    // A packet of AAC sound is about 21 ms; the last one may end that little after the picture.
    if (packet.timestamp >= seconds - 0.001) break
    if (packet.timestamp >= 0) await source.add(packet, decoderConfig ? { decoderConfig } : undefined)
  }
}

const PARENT_BOXES = new Set(['moov', 'trak', 'mdia'])
const TIMED_BOXES = new Set(['mvhd', 'tkhd', 'mdhd'])

/**
 * Sets the times of making to zero, because the muxer writes the wall clock there and the same
 * order must give the same bytes tomorrow, or a resumed download would not fit together.
 */
function clearTimes(bytes: Buffer, from: number, to: number): void {
  for (let at = from; at + 8 <= to; ) {
    const size = bytes.readUInt32BE(at)
    const name = bytes.toString('latin1', at + 4, at + 8)
    if (size < 8) return
    if (PARENT_BOXES.has(name)) clearTimes(bytes, at + 8, at + size)
    else if (TIMED_BOXES.has(name)) bytes.fill(0, at + 12, at + 12 + (bytes[at + 8] === 1 ? 16 : 8))
    at += size
  }
}
