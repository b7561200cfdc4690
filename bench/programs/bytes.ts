import { createHash } from 'node:crypto'

const BLOCK_BYTES = 8 * 1024 * 1024

/** What files are made of here: the head of an MP4 file and bytes without a short period. */
export function fillBlock(): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES)
  for (let at = 0; at < BLOCK_BYTES; at++) block[at] = (at * 31 + (at >> 8) * 7 + (at >> 16) * 13) & 0xff
  block.writeUInt32BE(24, 0)
  block.write('ftypisom', 4, 'latin1')
  return block
}

/** SHA-256 of a file of `sizeBytes` made of that block. */
export function expectedHash(sizeBytes: number): string {
  const block = fillBlock()
  const hash = createHash('sha256')
  for (let at = 0; at < sizeBytes; at += BLOCK_BYTES)
    hash.update(block.subarray(0, Math.min(BLOCK_BYTES, sizeBytes - at)))
  return hash.digest('hex')
}
