import type { Hash } from 'node:crypto'
import { createHash } from 'node:crypto'
import type { Disk, DiskFile } from './disk.ts'

const BLOCK_BYTES = 1024 * 1024

/**
 * Feeds the first `sizeBytes` of a file into a hash, reading one block ahead of the hashing.
 * Returns how many bytes there really were.
 */
export async function hashFile(
  file: DiskFile,
  hash: Hash,
  sizeBytes: number,
  signal?: AbortSignal,
): Promise<number> {
  let blocks: [Uint8Array, Uint8Array] = [new Uint8Array(BLOCK_BYTES), new Uint8Array(BLOCK_BYTES)]
  const readAt = (position: number, block: Uint8Array) =>
    file.read(block.subarray(0, Math.min(BLOCK_BYTES, sizeBytes - position)), position)
  let position = 0
  let length = sizeBytes > 0 ? await readAt(0, blocks[0]) : 0
  while (length > 0) {
    signal?.throwIfAborted()
    const [current, ahead] = blocks
    const next = position + length
    const reading = next < sizeBytes ? readAt(next, ahead) : Promise.resolve(0)
    hash.update(current.subarray(0, length))
    position = next
    length = await reading
    blocks = [ahead, current]
  }
  return position
}

/** SHA-256 (hex) and size of a whole file as it is on the disk now. */
export async function sha256OfFile(
  disk: Disk,
  path: string,
  signal?: AbortSignal,
): Promise<{ sha256: string; sizeBytes: number }> {
  const file = await disk.open(path, 'read')
  try {
    const hash = createHash('sha256')
    const sizeBytes = await hashFile(file, hash, await file.sizeBytes(), signal)
    return { sha256: hash.digest('hex'), sizeBytes }
  } finally {
    await file.close()
  }
}
