import { basename, dirname, join, resolve } from 'node:path'
import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import { createText, type Disk, realDisk } from './disk.ts'
import { onDisk, systemCode, toDiskTrouble } from './errors.ts'
import { checkPathLength } from './names.ts'
import { isWhole } from './place.ts'

/**
 * Compares an archived clip with its record by reading all of it. `path` is relative to the folder.
 * Throws DiskTrouble when the folder itself is not there or the file cannot be read: a drive that was
 * unplugged has not lost its clips.
 */
export async function checkClip(
  folder: string,
  record: { path: string; sha256: string; sizeBytes: number },
  disk: Disk = realDisk,
): Promise<'whole' | 'missing' | 'changed'> {
  const path = join(folder, record.path)
  return await onDisk(path, async () => {
    if (!(await findFile(disk, path))) {
      if (!(await disk.stat(folder)))
        throw Object.assign(new Error('The folder is gone.'), { code: 'ENOENT' })
      return 'missing'
    }
    return (await isWhole(disk, path, record)) ? 'whole' : 'changed'
  })
}

/** A file where a folder of the path should be means that the clip is gone, as well. */
async function findFile(disk: Disk, path: string) {
  try {
    return await disk.stat(path)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOTDIR') return undefined
    throw error
  }
}

/**
 * Looks before a run starts whether its clips can be archived: the folder exists or can be made, takes files, has
 * room, and names fit. Really writes and removes a small file. null = all well.
 */
export async function preflight(
  folder: string,
  needs: { bytesNeeded: number; longestName: string },
  host: { disk?: Disk; platform?: string } = {},
): Promise<Problem | null> {
  const { disk = realDisk, platform = process.platform } = host
  const tooLong = checkPathLength(folder, needs.longestName, platform)
  if (tooLong) return tooLong
  try {
    const there = await disk.stat(folder)
    if (there && there.kind !== 'folder') return notAFolder(folder)
    await makeLasting(disk, folder)
    await probe(disk, folder)
    const freeBytes = await disk.freeBytes(folder)
    return freeBytes < needs.bytesNeeded ? noRoom(folder, freeBytes, needs.bytesNeeded) : null
  } catch (error) {
    const trouble = toDiskTrouble(error, folder)
    if (trouble instanceof ProblemError) return notUsable(folder, trouble.problem)
    throw error
  }
}

/** Also the names that lead to a new folder must survive a power loss, or everything in it goes with them. */
async function makeLasting(disk: Disk, folder: string): Promise<void> {
  const above: string[] = []
  for (let path = resolve(folder); ; path = dirname(path)) {
    above.push(dirname(path))
    if (dirname(path) === path || (await disk.stat(dirname(path)))) break
  }
  await disk.makeFolder(folder)
  // A folder that we may use can lie in one that we may not open.
  for (const path of above) await disk.syncFolder(path).catch(() => undefined)
}

/** One name for all processes, so that the next look removes what a killed one left. */
async function probe(disk: Disk, folder: string): Promise<void> {
  const path = join(folder, '.reelsheet-probe.tmp')
  await disk.remove(path)
  try {
    await createText(disk, path, 'Reelsheet looks whether it may write here.\n', false)
  } catch (error) {
    // Another process is trying it out at this very moment: the folder takes files.
    if (systemCode(error) !== 'EEXIST') throw error
  } finally {
    await disk.remove(path)
  }
}

const NOT_USABLE: Partial<Record<Problem['code'], [what: string, next: string]>> = {
  'disk-full': ['is on a full disk', 'Free some space or choose an archive folder on another disk.'],
  'folder-unwritable': ['cannot be written in', 'Allow writing there or choose another archive folder.'],
  'folder-missing': ['is not there and cannot be made', 'Check its path, or plug its drive in.'],
  'path-too-long': ['has a path that is too long', 'Choose a folder nearer to the top of the disk.'],
}

/** Before a run starts nothing is paid for yet, so the sentences of a download would say too much. */
function notUsable(folder: string, found: Problem): Problem {
  const [what, next] = NOT_USABLE[found.code] ?? ['cannot be used', 'Choose another archive folder.']
  return problem(found.code, `The archive folder ${folder} ${what}. Nothing was ordered.`, next, {
    file: folder,
  })
}

function notAFolder(folder: string): Problem {
  return problem(
    'folder-unwritable',
    `${basename(folder)} is a file, so no clips can be archived in it. Nothing was ordered.`,
    'Choose a folder.',
    { file: folder },
  )
}

function noRoom(folder: string, freeBytes: number, bytesNeeded: number): Problem {
  const [free, needed] = [freeBytes, bytesNeeded].map((bytes) => `${Math.ceil(bytes / 1_000_000)} MB`)
  return problem(
    'disk-full',
    `The run needs about ${needed} and only ${free} are free in ${basename(folder)}. Nothing was ordered.`,
    'Free some space or choose an archive folder on another disk.',
    { file: folder },
  )
}
