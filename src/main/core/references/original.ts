import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Reference, ReferenceDetail } from '../../../shared/reference.ts'

export type OriginalState = ReferenceDetail['original']

/**
 * Whether a reference's original still lies where it was, as it was. By size and times where they say enough; it is
 * read only when it was touched after it was stored. `none` for a copy, an upload or pasted data.
 */
export async function lookAtOriginal(
  reference: Pick<Reference, 'originalPath' | 'sha256' | 'sizeBytes' | 'createdAt'>,
): Promise<OriginalState> {
  const { originalPath, sha256, sizeBytes, createdAt } = reference
  if (originalPath === null) return 'none'
  const found = await stat(originalPath).catch(() => undefined)
  if (!found?.isFile()) return 'missing'
  if (found.size !== sizeBytes) return 'changed'
  // A copy may keep the time of its content; the time of its own last change cannot be set.
  if (Math.max(found.mtimeMs, found.ctimeMs) <= createdAt) return 'whole'
  const now = await hashFile(originalPath).catch(() => undefined)
  if (now === undefined) return 'missing'
  return now === sha256 ? 'whole' : 'changed'
}

export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}
