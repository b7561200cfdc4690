import { dirname } from 'node:path'
import type { Checkpoint } from '../ports.ts'
import { createText, type Disk, readText, realDisk } from './disk.ts'
import { onDisk, systemCode } from './errors.ts'
import { sha256OfFile } from './hash.ts'

/**
 * What file systems without hard links (exFAT, FAT, some network drives) answer when asked for one.
 * A protected folder says EPERM too; there the second way fails with the true reason.
 */
const NO_LINKS = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
  'EINVAL',
  'EISDIR',
  'UNKNOWN',
])
const MAX_PLACEHOLDER_BYTES = 200

export interface PlaceRequest {
  /** Verified and synced. It may still exist after placing: the caller removes it when nothing asks for it any more. */
  partPath: string
  finalPath: string
  sha256: string
  checkpoint: Checkpoint
  disk?: Disk
}

/**
 * Gives a verified part its final name without ever replacing a file, and syncs the folder. `taken`: another file
 * has the name (pick the next one). Doing it again after a crash is harmless.
 *
 * Node has no rename that refuses to replace, so the name is made by a hard link, which does refuse. The part keeps
 * its name for the time being: two names of one file prove after a crash that the final one is ours.
 * Where links do not exist, a placeholder that names the hash is created exclusively and then replaced by the part;
 * only there a reader may, for an instant or after a crash until the next try, see a small file that is no clip.
 */
export async function placeClip(request: PlaceRequest): Promise<'placed' | 'taken'> {
  const { partPath, finalPath, sha256, checkpoint, disk = realDisk } = request
  const outcome = await onDisk(finalPath, () => nameExclusively(disk, partPath, finalPath, sha256))
  if (outcome === 'placed') checkpoint('download.named')
  return outcome
}

/** The primitive under `placeClip`, for any file of ours. `mark` tells our placeholder from a stranger's file. */
export async function nameExclusively(
  disk: Disk,
  from: string,
  to: string,
  mark: string,
): Promise<'placed' | 'taken'> {
  const outcome = (await nameByLink(disk, from, to)) ?? (await nameByPlaceholder(disk, from, to, mark))
  if (outcome === 'placed') await disk.syncFolder(dirname(to))
  return outcome
}

async function nameByLink(disk: Disk, from: string, to: string): Promise<'placed' | 'taken' | undefined> {
  try {
    await disk.link(from, to)
    return 'placed'
  } catch (error) {
    const code = systemCode(error) ?? ''
    if (code === 'EEXIST') return (await isSameFile(disk, from, to)) ? 'placed' : undefined
    if (NO_LINKS.has(code)) return undefined
    throw error
  }
}

async function nameByPlaceholder(
  disk: Disk,
  from: string,
  to: string,
  mark: string,
): Promise<'placed' | 'taken'> {
  if (!(await isPlaceholder(disk, from, to, mark))) {
    try {
      await createText(disk, to, placeholderOf(mark), true)
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return 'taken'
      throw error
    }
  }
  await disk.rename(from, to)
  return 'placed'
}

const placeholderOf = (mark: string): string => `Reelsheet keeps this name for ${mark}\n`

/**
 * Whether the file is a placeholder of ours, perhaps one that a crash left half-written. A half-written or empty
 * file only counts where links do not work: elsewhere no placeholder was ever made.
 */
async function isPlaceholder(disk: Disk, from: string, path: string, mark: string): Promise<boolean> {
  const text = await readText(disk, path, MAX_PLACEHOLDER_BYTES)
  if (text === undefined || !placeholderOf(mark).startsWith(text)) return false
  return text === placeholderOf(mark) || !(await canLink(disk, from))
}

async function canLink(disk: Disk, file: string): Promise<boolean> {
  const trial = `${file}.tmp`
  await disk.remove(trial)
  try {
    await disk.link(file, trial)
  } catch (error) {
    if (NO_LINKS.has(systemCode(error) ?? '')) return false
    throw error
  }
  await disk.remove(trial)
  return true
}

async function isSameFile(disk: Disk, one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([disk.stat(one), disk.stat(other)])
  return first?.identity != null && first.identity === second?.identity
}

/**
 * After a crash: what is under the final name that the notes speak of?
 * `placed`: our clip, whole. `free`: nothing of anybody's (or our own placeholder), `placeClip` may go on.
 * `foreign`: somebody else's file, pick another name.
 */
export async function recoverPlaced(request: {
  partPath: string
  finalPath: string
  notes: { sha256: string; sizeBytes: number }
  disk?: Disk
}): Promise<'placed' | 'free' | 'foreign'> {
  const { partPath, finalPath, notes, disk = realDisk } = request
  return await onDisk(finalPath, async () => {
    const found = await disk.stat(finalPath)
    if (!found) return 'free'
    if (await disk.stat(partPath)) {
      // While the part exists, only being the same file proves anything: equal clips of two jobs are no rarity.
      if (await isSameFile(disk, partPath, finalPath)) return 'placed'
      return (await isPlaceholder(disk, partPath, finalPath, notes.sha256)) ? 'free' : 'foreign'
    }
    return (await isWhole(disk, finalPath, notes)) ? 'placed' : 'foreign'
  })
}

/** Whether a file is there with this size and SHA-256. */
export async function isWhole(
  disk: Disk,
  path: string,
  record: { sha256: string; sizeBytes: number },
): Promise<boolean> {
  const entry = await disk.stat(path)
  if (entry?.kind !== 'file' || entry.sizeBytes !== record.sizeBytes) return false
  return (await sha256OfFile(disk, path)).sha256 === record.sha256
}
