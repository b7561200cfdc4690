import { basename, join } from 'node:path'
import { type Problem, problem } from '../../../shared/problem.ts'
import { type Disk, realDisk } from './disk.ts'
import { onDisk } from './errors.ts'
import { readSidecar, type Sidecar } from './sidecar.ts'

/** One thing found in an archive folder. Paths are relative to it, with `/`. */
export interface LibraryEntry {
  /** null: a clip without a sidecar, or a sidecar that cannot be read. */
  sidecar: Sidecar | null
  sidecarPath: string | null
  /** null: the clip is not there. */
  clipPath: string | null
  problem: Problem | null
}

const MAX_FOLDER_DEPTH = 8
const isClip = (name: string): boolean => /\.mp4$/i.test(name)

/**
 * Walks an archive folder, in the order of names, and yields every sidecar with its clip, every sidecar without one
 * and every clip without a sidecar. JSON files of others are passed over, links are not followed, hidden folders and
 * more than eight levels are left out. Whether a clip is whole is for `checkClip`; here only its size is compared.
 * Throws DiskTrouble when a folder cannot be read.
 */
export async function* readLibrary(folder: string, disk: Disk = realDisk): AsyncGenerator<LibraryEntry> {
  yield* readFolder(disk, folder, '', 0)
}

async function* readFolder(
  disk: Disk,
  root: string,
  path: string,
  depth: number,
): AsyncGenerator<LibraryEntry> {
  const entries = await onDisk(join(root, path), () => disk.list(join(root, path)))
  entries.sort((one, other) => (one.name < other.name ? -1 : 1))
  const files = new Set(entries.filter(({ kind }) => kind === 'file').map(({ name }) => name))
  const described = new Set<string>()
  for (const name of files) {
    if (!name.endsWith('.json')) continue
    const entry = await readEntry(disk, root, path, name, files)
    if (entry?.clipPath) described.add(basename(entry.clipPath))
    if (entry) yield entry
  }
  for (const name of files) if (isClip(name) && !described.has(name)) yield withoutSidecar(`${path}${name}`)
  if (depth === MAX_FOLDER_DEPTH) return
  for (const { name, kind } of entries)
    if (kind === 'folder' && !name.startsWith('.'))
      yield* readFolder(disk, root, `${path}${name}/`, depth + 1)
}

async function readEntry(
  disk: Disk,
  root: string,
  path: string,
  name: string,
  files: ReadonlySet<string>,
): Promise<LibraryEntry | undefined> {
  const sidecarPath = `${path}${name}`
  const sidecar = await readSidecar(join(root, sidecarPath), disk)
  if (sidecar === 'foreign') return undefined
  if (sidecar === 'damaged')
    return damaged(sidecarPath, files.has(clipNameOf(name)) ? `${path}${clipNameOf(name)}` : null)
  // SECURITY: `file` comes from outside: only a name that the folder's own listing shows is ever opened.
  const clipPath = files.has(sidecar.clip.file) ? `${path}${sidecar.clip.file}` : null
  if (clipPath === null) return { sidecar, sidecarPath, clipPath, problem: withoutClip(sidecarPath) }
  const there = await onDisk(clipPath, () => disk.stat(join(root, clipPath)))
  const isSameSize = there?.sizeBytes === sidecar.clip.sizeBytes
  return { sidecar, sidecarPath, clipPath, problem: isSameSize ? sidecar.problem : changed(clipPath) }
}

const clipNameOf = (sidecarName: string): string => sidecarName.replace(/(-\d+)?\.json$/, '')

function withoutSidecar(clipPath: string): LibraryEntry {
  const said = problem(
    'not-found',
    `${clipPath} has no sidecar, so its prompt and price are not known. The file is untouched.`,
    'Put its sidecar back beside it if you have it; otherwise nothing needs doing.',
    { file: clipPath },
    'info',
  )
  return { sidecar: null, sidecarPath: null, clipPath, problem: said }
}

function withoutClip(sidecarPath: string): Problem {
  return problem(
    'clip-missing',
    `The clip that ${sidecarPath} describes is not beside it. It was archived and paid for once.`,
    'Put the file back; its name and SHA-256 are in the sidecar.',
    { file: sidecarPath },
    'warning',
  )
}

function changed(clipPath: string): Problem {
  return problem(
    'clip-changed',
    `${clipPath} is not as long as when it was archived, so it was changed since or is another file.`,
    'Restore it from a copy if you did not change it yourself.',
    { file: clipPath },
    'warning',
  )
}

function damaged(sidecarPath: string, clipPath: string | null): LibraryEntry {
  const said = problem(
    'value-invalid',
    `The sidecar ${sidecarPath} cannot be read (damaged, or of a newer Reelsheet). It and its clip are untouched.`,
    'Restore it from a copy, or open the archive with the newer Reelsheet.',
    { file: sidecarPath },
    'warning',
  )
  return { sidecar: null, sidecarPath, clipPath, problem: said }
}
