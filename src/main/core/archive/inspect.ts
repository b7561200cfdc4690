import { basename } from 'node:path'
import { ALL_FORMATS, FilePathSource, Input, type InputVideoTrack } from 'mediabunny'
import { type Problem, problem } from '../../../shared/problem.ts'
import { type Disk, type DiskFile, realDisk } from './disk.ts'
import { ContentInvalid, DiskTrouble, onDisk, toDiskTrouble } from './errors.ts'

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

/** Enough packets to know the frame rate. */
const RATE_PACKETS = 120

/**
 * Reads a finished download's container. Throws ContentInvalid when it is not a whole, readable video, and
 * DiskTrouble when the file cannot be read.
 */
export async function inspectClip(path: string, disk: Disk = realDisk): Promise<ClipFacts> {
  const clip = basename(path).replace(/\.part$/, '')
  await onDisk(path, () => checkBoxes(disk, path, clip))
  // Faults of reads ahead are met again by the read that needs them.
  const source = new FilePathSource(path, { handleUnhandledError: () => undefined })
  const input = new Input({ formats: ALL_FORMATS, source })
  try {
    return await readFacts(input, clip)
  } catch (error) {
    if (error instanceof ContentInvalid) throw error
    const trouble = toDiskTrouble(error, path)
    if (trouble instanceof DiskTrouble) throw trouble
    throw new ContentInvalid(clip, 'its container cannot be read', { cause: error })
  } finally {
    input.dispose()
  }
}

async function readFacts(input: Input, clip: string): Promise<ClipFacts> {
  if (!(await input.canRead())) throw new ContentInvalid(clip, 'it is no kind of video that is known')
  const [format, tracks, video] = await Promise.all([
    input.getFormat(),
    input.getTracks(),
    input.getPrimaryVideoTrack(),
  ])
  if (!video) throw new ContentInvalid(clip, 'it holds no picture')
  const [width, height, seconds] = await Promise.all([
    video.getDisplayWidth(),
    video.getDisplayHeight(),
    input.computeDuration(),
  ])
  if (!(width > 0 && height > 0 && seconds > 0)) throw new ContentInvalid(clip, 'it holds no pictures')
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

/**
 * Walks the outermost boxes of an MP4 or MOV (ISO/IEC 14496-12 section 4.2): a clip that was cut off by a server
 * which announced no length still has a readable index, but its last box reaches over the end of the file.
 */
async function checkBoxes(disk: Disk, path: string, clip: string): Promise<void> {
  const file = await disk.open(path, 'read')
  try {
    const sizeBytes = await file.sizeBytes()
    let position = 0
    for (let count = 0; position < sizeBytes && count < MAX_BOXES; count++) {
      const box = await readBox(file, position, sizeBytes)
      if (!box) return
      if (count === 0 && box.type !== 'ftyp' && box.type !== 'moov' && box.type !== 'mdat') return
      position += box.sizeBytes
      if (position > sizeBytes)
        throw new ContentInvalid(clip, `${position - sizeBytes} bytes are missing at its end`)
    }
  } finally {
    await file.close()
  }
}

const MAX_BOXES = 10_000

/** The box at a place; undefined where the bytes are no box (padding behind the last one). */
async function readBox(
  file: DiskFile,
  position: number,
  endBytes: number,
): Promise<{ type: string; sizeBytes: number } | undefined> {
  const head = Buffer.alloc(16)
  const length = await file.read(head, position)
  if (length < 8) return undefined
  const type = head.toString('latin1', 4, 8)
  const size = head.readUInt32BE(0)
  if (!/^[\x20-\x7e©]{4}$/.test(type)) return undefined
  if (size === 0) return { type, sizeBytes: endBytes - position }
  if (size === 1) return length < 16 ? undefined : { type, sizeBytes: Number(head.readBigUInt64BE(8)) }
  return size < 8 ? undefined : { type, sizeBytes: size }
}

export interface OrderedClip {
  /** Undefined = the order leaves it to the provider. */
  width?: number | undefined
  height?: number | undefined
  durationSeconds: number | null
  expectsSound?: boolean | undefined
}

/** Sound is cut into frames of its own, so a whole clip may be a little longer or shorter than ordered. */
const DURATION_TOLERANCE_MS = 150

/** Where a clip differs from what was ordered, as a warning (the clip is kept all the same); null = it agrees. */
export function compareWithOrder(facts: ClipFacts, order: OrderedClip, file?: string): Problem | null {
  const differences = [
    ...compareSize(facts, order),
    ...compareDuration(facts, order),
    ...compareSound(facts, order),
  ]
  if (differences.length === 0) return null
  return problem(
    'clip-differs',
    `The clip is not quite what was ordered: ${differences.join('; ')}. It is archived whole, and charged as the provider says.`,
    'Look at it. If it will not do, ask the provider with the task id, or run the row again (that is paid again).',
    file === undefined ? {} : { file },
    'warning',
  )
}

function compareSize(facts: ClipFacts, order: OrderedClip): string[] {
  const isWrong =
    (order.width !== undefined && order.width !== facts.width) ||
    (order.height !== undefined && order.height !== facts.height)
  const ordered = `${order.width ?? facts.width} x ${order.height ?? facts.height}`
  return isWrong ? [`${ordered} pixels were ordered, ${facts.width} x ${facts.height} came`] : []
}

function compareDuration(facts: ClipFacts, { durationSeconds }: OrderedClip): string[] {
  if (durationSeconds === null) return []
  const isWrong = Math.abs(facts.durationMs - durationSeconds * 1000) > DURATION_TOLERANCE_MS
  return isWrong ? [`${durationSeconds} s were ordered, ${(facts.durationMs / 1000).toFixed(2)} s came`] : []
}

function compareSound(facts: ClipFacts, { expectsSound }: OrderedClip): string[] {
  if (expectsSound === undefined || expectsSound === facts.hasSound) return []
  return [expectsSound ? 'sound was ordered, none came' : 'no sound was ordered, some came']
}
