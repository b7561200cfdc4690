import type { FileHandle } from 'node:fs/promises'

/**
 * Whether the container says that it is longer than the file is, which is how an interrupted copy or download
 * looks. Parsers do not notice: an MP4 with its index in front gives its full length with half its pictures.
 */
export async function isCutShort(handle: FileHandle, format: string, sizeBytes: number): Promise<boolean> {
  if (['mp4', 'mov', '3gp', 'm4a', 'avif'].includes(format)) return isBoxesCutShort(handle, format, sizeBytes)
  if (format === 'wav' || format === 'webp') return isRiffCutShort(handle, sizeBytes)
  if (format === 'webm' || format === 'mkv') return isMatroskaCutShort(handle, sizeBytes)
  return false
}

/** More top-level boxes than any sane file has; a hostile one is left to the parser. */
const MAXIMUM_BOXES = 5_000

async function isBoxesCutShort(handle: FileHandle, format: string, sizeBytes: number): Promise<boolean> {
  const header = Buffer.alloc(16)
  let hasIndex = format === 'avif'
  let at = 0
  for (let count = 0; at + 8 <= sizeBytes && count < MAXIMUM_BOXES; count += 1) {
    header.fill(0)
    await handle.read(header, 0, 16, at)
    const size = readBoxSize(header, sizeBytes - at)
    if (size < 8) break
    if (at + size > sizeBytes) return true
    if (header.toString('latin1', 4, 8) === 'moov') hasIndex = true
    at += size
  }
  return !hasIndex
}

/** Size 1 means that 64 bits follow the type, size 0 that the box goes on to the end of the file. */
function readBoxSize(header: Buffer, rest: number): number {
  const size = header.readUInt32BE(0)
  if (size === 0) return rest
  return size === 1 ? Number(header.readBigUInt64BE(8)) : size
}

/** Sizes of 0 and 0xFFFFFFFF are written by programs that stream and do not know it yet. */
async function isRiffCutShort(handle: FileHandle, sizeBytes: number): Promise<boolean> {
  const header = Buffer.alloc(8)
  await handle.read(header, 0, 8, 0)
  const size = header.readUInt32LE(4)
  return size !== 0 && size !== 0xffff_ffff && size + 8 > sizeBytes
}

const SEGMENT = 0x18538067

/** EBML: https://www.rfc-editor.org/rfc/rfc8794 — an id, then a size whose leading zeros give its own length. */
async function isMatroskaCutShort(handle: FileHandle, sizeBytes: number): Promise<boolean> {
  const head = Buffer.alloc(4096)
  await handle.read(head, 0, head.length, 0)
  const first = readElementSize(head, 4)
  if (!first) return false
  const at = first.end + first.size
  if (at + 16 > head.length || head.readUInt32BE(at) !== SEGMENT) return false
  const segment = readElementSize(head, at + 4)
  return segment !== undefined && !segment.isUnknown && segment.end + segment.size > sizeBytes
}

function readElementSize(
  bytes: Buffer,
  at: number,
): { size: number; end: number; isUnknown: boolean } | undefined {
  const first = bytes[at] ?? 0
  const length = Math.clz32(first) - 23
  if (first === 0 || length > 8) return undefined
  let size = first & (0xff >> length)
  let isUnknown = size === 0xff >> length
  for (let index = 1; index < length; index += 1) {
    const byte = bytes[at + index] ?? 0
    if (byte !== 0xff) isUnknown = false
    size = size * 256 + byte
  }
  return { size, end: at + length, isUnknown }
}
