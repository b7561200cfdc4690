import { createHash } from 'node:crypto'
import { constants, createReadStream, readdirSync, statSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ProblemError, problem } from '../../../shared/problem.ts'
import { Unfit } from './media.ts'
import { toProblemError } from './probe.ts'
import { HEAD_BYTES, recognise } from './recognise.ts'

export interface StoredReference {
  sha256: string
  sizeBytes: number
  /** Where the copy lies. */
  path: string
  /** False when a whole copy was already there. */
  isNew: boolean
}

export interface OpenReference {
  sizeBytes: number
  /** A new stream from the first byte, each time it is called. */
  stream(): Readable
}

/**
 * Copies of input media by content: `<folder>/ab/abcd….mp4`, so that a run does not depend on originals that
 * move, and equal files are kept once. A copy appears under its name only when it is whole and on the disk.
 */
export interface ReferenceStore {
  /** Copies a file in. The original is only read. Throws `ProblemError` as `probe`, or `disk-full`. */
  add(file: string): Promise<StoredReference>
  addBytes(bytes: Uint8Array): Promise<StoredReference>
  /** Where the copy lies, or undefined when there is none. */
  path(sha256: string): string | undefined
  /** Throws `ProblemError` (`reference-missing`) when there is no copy. */
  open(sha256: string): OpenReference
  /** Reads the copy and compares. */
  verify(sha256: string): Promise<'whole' | 'missing' | 'changed'>
}

const SHA256 = /^[0-9a-f]{64}$/u
const CHUNK_BYTES = 1 << 20

let drafts = 0

/** Opens (or starts) the store in a folder of the app's own; nobody else writes there. */
export function createReferenceStore(folder: string): ReferenceStore {
  const find = (sha256: string): string | undefined => findCopy(folder, sha256)
  const verify = async (sha256: string): Promise<'whole' | 'missing' | 'changed'> => {
    const copy = find(sha256)
    if (copy === undefined) return 'missing'
    return (await hashFile(copy)) === sha256 ? 'whole' : 'changed'
  }
  const keep = async (source: Source): Promise<StoredReference> => {
    const sha256 = await source.hash()
    const copy = find(sha256)
    const sizeBytes = source.sizeBytes
    if (copy !== undefined && (await verify(sha256)) === 'whole')
      return { sha256, sizeBytes, path: copy, isNew: false }
    const target = copy ?? path.join(folder, sha256.slice(0, 2), `${sha256}.${source.extension}`)
    await place(folder, target, sha256, source)
    return { sha256, sizeBytes, path: target, isNew: true }
  }
  return {
    add: (file) => addFile(file, keep),
    addBytes: (bytes) => keep(bytesSource(bytes)),
    path: find,
    open: (sha256) => openCopy(find(sha256), sha256),
    verify,
  }
}

/** Something that can be read twice: once for its name, once for its copy. */
interface Source {
  sizeBytes: number
  extension: string
  hash(): Promise<string>
  copyTo(target: FileHandle): Promise<string>
}

function bytesSource(bytes: Uint8Array): Source {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return {
    sizeBytes: bytes.length,
    extension: extensionOf(bytes),
    hash: async () => sha256,
    copyTo: async (target) => {
      await target.writeFile(bytes)
      return sha256
    },
  }
}

async function addFile(
  file: string,
  keep: (source: Source) => Promise<StoredReference>,
): Promise<StoredReference> {
  let handle: FileHandle | undefined
  try {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
    handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const before = await handle.stat()
    if (!before.isFile())
      throw new Unfit('reference-unreadable', 'is not a plain file.', 'Name a plain file.')
    const stored = await keep(await fileSource(handle, before.size))
    const after = await stat(file)
    const isSame = after.size === before.size && after.mtimeMs === before.mtimeMs && after.ino === before.ino
    if (!isSame) throw changed()
    return stored
  } catch (cause) {
    throw explainAdd(file, cause)
  } finally {
    await handle?.close()
  }
}

async function fileSource(handle: FileHandle, sizeBytes: number): Promise<Source> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
  return {
    sizeBytes,
    extension: extensionOf(buffer.subarray(0, bytesRead)),
    hash: () => hashChunks(handle, sizeBytes),
    copyTo: (target) => hashChunks(handle, sizeBytes, target),
  }
}

function extensionOf(head: Uint8Array): string {
  const found = recognise(head.subarray(0, HEAD_BYTES))
  return 'foreign' in found ? 'bin' : found.extension
}

/** Hashes what the handle holds, writing the same bytes to `target` if there is one: one pass for both. */
async function hashChunks(handle: FileHandle, sizeBytes: number, target?: FileHandle): Promise<string> {
  const hash = createHash('sha256')
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  let at = 0
  for (;;) {
    const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, at)
    if (bytesRead === 0) break
    const part = chunk.subarray(0, bytesRead)
    hash.update(part)
    if (target) await writeAll(target, part)
    at += bytesRead
    if (at > sizeBytes) throw changed()
  }
  if (at !== sizeBytes) throw changed()
  return hash.digest('hex')
}

async function writeAll(target: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0
  while (done < bytes.length) done += (await target.write(bytes, done)).bytesWritten
}

/** A draft beside the final name, synced, then renamed over it: also how a damaged copy is replaced. */
async function place(folder: string, target: string, sha256: string, source: Source): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true })
  drafts += 1
  const draft = path.join(folder, `draft-${process.pid}-${drafts}.part`)
  try {
    const handle = await open(draft, 'w')
    try {
      const copied = await source.copyTo(handle)
      if (copied !== sha256) throw changed()
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, target)
    // The shelf may be new, and the store itself: the names that lead to the copy are synced with it.
    for (const above of [path.dirname(target), folder, path.dirname(folder)]) await syncFolder(above)
  } finally {
    await rm(draft, { force: true })
    await removeOldDrafts(folder)
  }
}

/** The rename is durable when its folder is; systems that cannot sync a folder keep it by themselves. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}

/** What an earlier process left when it was killed. The data folder has one owner, so nobody else writes now. */
async function removeOldDrafts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const owner = /^draft-(\d+)-\d+\.part$/u.exec(name)?.[1]
    if (owner !== undefined && Number(owner) !== process.pid)
      await rm(path.join(folder, name), { force: true })
  }
}

function findCopy(folder: string, sha256: string): string | undefined {
  // The hash becomes part of a path: nothing else may come in here.
  if (!SHA256.test(sha256)) return undefined
  const shelf = path.join(folder, sha256.slice(0, 2))
  try {
    const name = readdirSync(shelf).find((found) => found.startsWith(`${sha256}.`))
    return name === undefined ? undefined : path.join(shelf, name)
  } catch {
    return undefined
  }
}

function openCopy(copy: string | undefined, sha256: string): OpenReference {
  const facts = copy === undefined ? undefined : statSync(copy, { throwIfNoEntry: false })
  if (copy === undefined || facts === undefined) {
    const what = `The stored copy of a reference (${sha256.slice(0, 12)}…) is gone. Nothing was sent and nothing was spent.`
    const next = 'Import the sheet again, so that the file is copied once more.'
    throw new ProblemError(problem('reference-missing', what, next))
  }
  return { sizeBytes: facts.size, stream: () => createReadStream(copy, { highWaterMark: 192 * 1024 }) }
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: CHUNK_BYTES }), hash)
  return hash.digest('hex')
}

function changed(): Unfit {
  const next = 'Wait until the program that writes it has finished, then try again.'
  return new Unfit('reference-unreadable', 'changed while it was being copied.', next)
}

function explainAdd(file: string, cause: unknown): ProblemError {
  if (cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC') {
    const what = `The disk is full, so ${file} was not copied. Nothing was sent and nothing was spent.`
    return new ProblemError(problem('disk-full', what, 'Make room, then try again.', { file }), { cause })
  }
  return toProblemError(file, cause)
}
