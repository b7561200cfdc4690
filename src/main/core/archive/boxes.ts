import type { Disk, DiskFile } from './disk.ts'
import { ContentInvalid } from './errors.ts'

/**
 * Walks the outermost boxes of an MP4 or MOV (ISO/IEC 14496-12 section 4.2): a clip that was cut off by a server
 * which announced no length still has a readable index, but its last box reaches over the end of the file.
 */
export async function checkBoxes(disk: Disk, path: string, clip: string): Promise<void> {
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
