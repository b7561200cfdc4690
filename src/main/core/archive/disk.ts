import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from './errors.ts'

/**
 * The handful of file calls that the archive rests on. A port, so that a full disk, a pulled drive
 * or lost unsynced writes can be acted out where the real thing cannot be had.
 * Failures are Node's own errors with their `code`.
 */
export interface Disk {
  /** `read`: must exist. `edit`: must exist, keeps what is there. `create`: must not exist. */
  open(path: string, how: 'read' | 'edit' | 'create'): Promise<DiskFile>
  /** Follows links; undefined when nothing is there. */
  stat(path: string): Promise<DiskEntry | undefined>
  list(folder: string): Promise<{ name: string; kind: 'file' | 'folder' | 'other' }[]>
  makeFolder(path: string): Promise<void>
  /** Makes a second name for a file; fails with EEXIST rather than replace anything. */
  link(from: string, to: string): Promise<void>
  /** Replaces what is at `to`: only ever used on names that are ours alone. */
  rename(from: string, to: string): Promise<void>
  /** Fine when nothing is there. */
  remove(path: string): Promise<void>
  /** Makes names in a folder survive a power loss, where the system can promise that. */
  syncFolder(path: string): Promise<void>
  freeBytes(path: string): Promise<number>
}

export interface DiskFile {
  /** Bytes read at `position`; 0 = end of file. */
  read(into: Uint8Array, position: number): Promise<number>
  /** Writes all of the chunks, one after the other, from `position` on. */
  write(chunks: readonly Uint8Array[], position: number): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  /** Returns when the bytes (and the size) would survive a power loss. */
  sync(): Promise<void>
  sizeBytes(): Promise<number>
  close(): Promise<void>
}

export interface DiskEntry {
  kind: 'file' | 'folder' | 'other'
  sizeBytes: number
  /** Same on two names of one file; null where the system does not tell. */
  identity: string | null
}

const OPEN_FLAGS = {
  read: constants.O_RDONLY,
  edit: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
} as const

export const realDisk: Disk = {
  async open(path, how) {
    return toDiskFile(await fs.open(path, OPEN_FLAGS[how]))
  },
  async stat(path) {
    try {
      const found = await fs.stat(path, { bigint: true })
      const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other'
      const identity = found.ino === 0n ? null : `${found.dev}:${found.ino}`
      return { kind, sizeBytes: Number(found.size), identity }
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    }
  },
  async list(folder) {
    const entries = await fs.readdir(folder, { withFileTypes: true })
    return entries.map((entry) => ({
      name: entry.name,
      kind: entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : 'other',
    }))
  },
  makeFolder,
  link: (from, to) => fs.link(from, to),
  rename: (from, to) => fs.rename(from, to),
  async remove(path) {
    try {
      // Not `rm`: that looks with a call which the whole app would wait for on a slow drive.
      await fs.unlink(path)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
  },
  syncFolder: shareSyncs(syncFolder),
  async freeBytes(path) {
    const { bavail, bsize } = await fs.statfs(path)
    return bavail * bsize
  },
}

/**
 * Level by level: Node's own recursive call never returns where a file system says "no such folder" under a
 * parent that exists (as /proc does).
 */
async function makeFolder(path: string): Promise<void> {
  try {
    await fs.mkdir(path)
  } catch (error) {
    const code = systemCode(error)
    const isThere = await fs.stat(path).catch(() => undefined)
    if (isThere?.isDirectory()) return
    const above = dirname(path)
    if (code !== 'ENOENT' || above === path || (await isFolder(above))) throw error
    await makeFolder(above)
    await fs.mkdir(path)
  }
}

const isFolder = async (path: string): Promise<boolean> =>
  (await fs.stat(path).catch(() => undefined))?.isDirectory() ?? false

function toDiskFile(handle: fs.FileHandle): DiskFile {
  return {
    read: async (into, position) => (await handle.read(into, 0, into.byteLength, position)).bytesRead,
    write: (chunks, position) => writeAll(handle, chunks, position),
    truncate: (sizeBytes) => handle.truncate(sizeBytes),
    sync: () => handle.datasync(),
    sizeBytes: async () => (await handle.stat()).size,
    close: () => handle.close(),
  }
}

/** The system may write less than it was given (a disk that is nearly full does): go on with the rest. */
async function writeAll(
  handle: fs.FileHandle,
  chunks: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let rest = chunks.filter((chunk) => chunk.byteLength > 0)
  let at = position
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest, at)
    if (bytesWritten === 0) throw Object.assign(new Error('The disk took no bytes.'), { code: 'ENOSPC' })
    at += bytesWritten
    rest = dropBytes(rest, bytesWritten)
  }
}

function dropBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count
  const rest: Uint8Array[] = []
  for (const chunk of chunks) {
    if (left >= chunk.byteLength) left -= chunk.byteLength
    else {
      rest.push(left > 0 ? chunk.subarray(left) : chunk)
      left = 0
    }
  }
  return rest
}

/** Windows cannot open a folder and some network drives cannot sync one: the rename stands all the same. */
const NO_FOLDER_SYNC = new Set(['EPERM', 'EISDIR', 'EINVAL', 'ENOTSUP', 'EACCES'])

async function syncFolder(path: string): Promise<void> {
  let handle: fs.FileHandle | undefined
  try {
    handle = await fs.open(path, constants.O_RDONLY)
    await handle.sync()
  } catch (error) {
    if (!NO_FOLDER_SYNC.has(systemCode(error) ?? '')) throw error
  } finally {
    await handle?.close()
  }
}

/**
 * Many clips of one folder get their names at the same time. A sync that has not begun yet covers every name made
 * before it begins, so all who ask meanwhile share the next one; none may share the one under way.
 */
function shareSyncs(sync: (path: string) => Promise<void>): (path: string) => Promise<void> {
  const running = new Map<string, Promise<void>>()
  const next = new Map<string, Promise<void>>()
  const begin = (path: string): Promise<void> => {
    next.delete(path)
    const one = sync(path).finally(() => {
      if (running.get(path) === one) running.delete(path)
    })
    running.set(path, one)
    return one
  }
  return (path) => {
    const present = running.get(path)
    if (!present) return begin(path)
    const shared =
      next.get(path) ??
      present.then(
        () => begin(path),
        () => begin(path),
      )
    next.set(path, shared)
    return shared
  }
}

/**
 * Replaces a small file of our own in one step: readers see the old text or the new one.
 * `sync` also makes the new text survive a power loss.
 */
export async function replaceText(disk: Disk, path: string, text: string, sync: boolean): Promise<void> {
  const draft = `${path}.tmp`
  await createDraft(disk, draft, text, sync)
  await disk.rename(draft, path)
  if (sync) await disk.syncFolder(dirname(path))
}

/** Writes a file under a name that is ours alone, in the place of what a crash left there. */
export async function createDraft(disk: Disk, path: string, text: string, sync: boolean): Promise<void> {
  try {
    await createText(disk, path, text, sync)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    await disk.remove(path)
    await createText(disk, path, text, sync)
  }
}

/** Writes a new file; fails with EEXIST when something is there. */
export async function createText(disk: Disk, path: string, text: string, sync: boolean): Promise<void> {
  const file = await disk.open(path, 'create')
  try {
    await file.write([Buffer.from(text)], 0)
    if (sync) await file.sync()
  } finally {
    await file.close()
  }
}

/** The text of a file up to `maxBytes`; undefined when it is not there, not a file, or larger. */
export async function readText(disk: Disk, path: string, maxBytes: number): Promise<string | undefined> {
  const entry = await disk.stat(path)
  if (entry?.kind !== 'file' || entry.sizeBytes > maxBytes) return undefined
  const file = await disk.open(path, 'read')
  try {
    // One byte more than allowed, so that a file that grows meanwhile is noticed.
    const bytes = Buffer.allocUnsafe(maxBytes < entry.sizeBytes + 1 ? maxBytes + 1 : entry.sizeBytes + 1)
    const length = await file.read(bytes, 0)
    return length > entry.sizeBytes ? undefined : bytes.toString('utf8', 0, length)
  } finally {
    await file.close()
  }
}
