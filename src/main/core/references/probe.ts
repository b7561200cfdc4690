import { constants } from 'node:fs'
import { type FileHandle, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type ProblemCode, ProblemError, problem } from '../../../shared/problem.ts'
import type { Clock } from '../ports.ts'
import { systemClock } from '../system.ts'
import { isCutShort } from './containers.ts'
import { probeImage } from './image.ts'
import { cutShort, type MediaFacts, type ProbedMedia, Unfit } from './media.ts'
import { HEAD_BYTES, type MediaFormat, recognise } from './recognise.ts'
import { probeTracks } from './tracks.ts'

/**
 * Looks at a picture, film or sound file without decoding films or sounds, so that its length hardly matters.
 * Throws `ProblemError`: `reference-missing`, `reference-unreadable` (empty, a folder, cut short, damaged, not
 * permitted, a trap for parsers) or `reference-kind` (something else than its name says, or a format that no model
 * takes). `clock` measures how long a parser may take: real time, whatever time the rest of the app keeps.
 */
export async function probe(file: string, clock: Clock = systemClock): Promise<ProbedMedia> {
  try {
    return await probeFile(file, clock)
  } catch (cause) {
    throw toProblemError(file, cause)
  }
}

/**
 * The same for bytes that have no file (a data address in a cell). They are laid into a temporary file, because
 * one way of looking is better than two. `name` stands in sentences.
 */
export async function probeBytes(
  bytes: Uint8Array,
  name: string,
  clock: Clock = systemClock,
): Promise<ProbedMedia> {
  const folder = await mkdtemp(path.join(tmpdir(), 'reelsheet-probe-'))
  try {
    const file = path.join(folder, 'media')
    await writeFile(file, bytes)
    return await probeFile(file, clock)
  } catch (cause) {
    throw toProblemError(name, cause)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function probeFile(file: string, clock: Clock): Promise<ProbedMedia> {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const facts = await handle.stat()
    if (facts.isDirectory())
      throw new Unfit('reference-unreadable', 'is a folder, not a file.', 'Name a file in it.')
    if (!facts.isFile()) throw new Unfit('reference-unreadable', 'is not a plain file.', 'Name a plain file.')
    if (facts.size === 0)
      throw new Unfit('reference-unreadable', 'is empty (0 bytes).', 'Save or copy it again.')
    const format = recognise(await readHead(handle))
    if ('foreign' in format) {
      const what = `is ${format.foreign}${format.next ? '' : ', whatever its name says'}.`
      throw new Unfit(
        'reference-kind',
        what,
        format.next ?? 'Use a JPEG, PNG or WebP picture, an MP4 or MOV film, or an MP3.',
      )
    }
    if (await isCutShort(handle, format.format, facts.size)) throw cutShort()
    return {
      ...pick(format),
      sizeBytes: facts.size,
      ...(await probeContent(file, format, handle, facts.size, clock)),
    }
  } finally {
    await handle.close()
  }
}

function pick({ kind, format, mediaType }: MediaFormat): Pick<ProbedMedia, 'kind' | 'format' | 'mediaType'> {
  return { kind, format, mediaType }
}

/** The first bytes of an open file. */
export async function readHead(handle: FileHandle): Promise<Uint8Array> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
  return buffer.subarray(0, bytesRead)
}

function probeContent(
  file: string,
  format: MediaFormat,
  handle: FileHandle,
  size: number,
  clock: Clock,
): Promise<MediaFacts> {
  return format.kind === 'image'
    ? probeImage(file, format.format, handle, size)
    : probeTracks(file, format, clock)
}

export type { ProbedMedia } from './media.ts'

/** A fault of the file system or of a parser as a sentence about this file. */
export function toProblemError(file: string, cause: unknown): ProblemError {
  if (cause instanceof ProblemError) return cause
  const { code, what, next } = explain(file, cause)
  return new ProblemError(problem(code, `${file} ${what} Nothing was spent.`, next, { file }), { cause })
}

function explain(file: string, cause: unknown): { code: ProblemCode; what: string; next: string } {
  if (cause instanceof Unfit) return { code: cause.code, what: cause.message, next: cause.next }
  switch (cause instanceof Error && 'code' in cause ? cause.code : undefined) {
    case 'ENOENT':
    case 'ENOTDIR':
      return {
        code: 'reference-missing',
        what: 'does not exist.',
        next: `Check the name; the full path tried is ${path.resolve(file)}.`,
      }
    case 'EISDIR':
      return { code: 'reference-unreadable', what: 'is a folder, not a file.', next: 'Name a file in it.' }
    case 'EACCES':
    case 'EPERM':
      return {
        code: 'reference-unreadable',
        what: 'may not be read by you.',
        next: 'Change its permissions.',
      }
    case undefined:
      return { code: 'reference-unreadable', what: 'is damaged.', next: 'Copy or export it again.' }
    default:
      return { code: 'reference-unreadable', what: 'cannot be read.', next: 'Check the disk and the name.' }
  }
}
