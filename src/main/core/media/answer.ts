import { constants } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'
import type { Problem } from '../../../shared/problem.ts'
import { chooseRange, type RangeChoice } from './range.ts'

/** What a player's or a browser's request says about the bytes it wants. */
export interface MediaRequest {
  method: string
  range?: string | undefined
  ifNoneMatch?: string | undefined
  ifRange?: string | undefined
}

/** A file that may be shown: its place and what its record promises. */
export interface MediaFile {
  folder: string
  /** Relative to the folder. */
  path: string
  sha256: string
  sizeBytes: number
  mediaType: string
}

const CHUNK_BYTES = 256 * 1024

/** Sent with every answer of the media doors. */
const SAFE_HEADERS = {
  // SECURITY: a browser may not guess another type: bytes that look like a page stay a film.
  'x-content-type-options': 'nosniff',
  // SECURITY: opened by itself, nothing in the file may run or load anything.
  'content-security-policy': "default-src 'none'; sandbox",
  // SECURITY: pages of other origins may not embed what is on this disk.
  'cross-origin-resource-policy': 'same-origin',
  // Ids name contents by hash, so asking again is cheap; a changed disk is noticed.
  'cache-control': 'private, no-cache',
}

/** A refusal that a program can read: the Problem as JSON. */
export function refuse(status: number, problem: Problem, headers: Record<string, string> = {}): Response {
  return Response.json(problem, { status, headers: { ...SAFE_HEADERS, ...headers } })
}

export const isReading = (method: string): boolean => method === 'GET' || method === 'HEAD'

/**
 * Opens a file for an answer. `outside`: its path leads out of its folder. `missing`: it cannot be read.
 * `changed`: its size is not the recorded one, so its hash cannot be either.
 */
export async function openMedia(file: MediaFile): Promise<FileHandle | 'missing' | 'outside' | 'changed'> {
  let handle: FileHandle | undefined
  try {
    const real = await resolveInside(file.folder, file.path)
    if (real === undefined) return 'outside'
    // SECURITY: the path was resolved, so a link found now was put there meanwhile; and without
    // O_NONBLOCK, opening a named pipe would wait for ever.
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
    handle = await open(real, flags)
    const facts = await handle.stat()
    if (facts.isFile() && facts.size === file.sizeBytes) return handle
    await handle.close()
    return facts.isFile() ? 'changed' : 'missing'
  } catch {
    await handle?.close()
    return 'missing'
  }
}

/** SECURITY: a record may come from a sidecar that somebody else wrote; its path must not reach out of the archive. */
async function resolveInside(folder: string, path: string): Promise<string | undefined> {
  const root = await realpath(folder)
  const real = await realpath(join(root, path))
  const inside = relative(root, real)
  const isOutside = inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)
  return isOutside ? undefined : real
}

/** The answer over an open file, which belongs to the answer from here on. */
export async function answerWith(
  handle: FileHandle,
  file: MediaFile,
  request: MediaRequest,
): Promise<Response> {
  const etag = `"${file.sha256}"`
  const headers = { ...SAFE_HEADERS, etag, 'accept-ranges': 'bytes' }
  if (isKnown(request.ifNoneMatch, etag)) {
    await handle.close()
    return new Response(null, { status: 304, headers })
  }
  const range = rangeOf(request, etag, file.sizeBytes)
  if (range.type === 'unsatisfiable') {
    await handle.close()
    return new Response(null, {
      status: 416,
      headers: { ...headers, 'content-range': `bytes */${file.sizeBytes}` },
    })
  }
  const [start, end] = range.type === 'part' ? [range.start, range.end] : [0, file.sizeBytes - 1]
  const isHead = request.method === 'HEAD'
  if (isHead) await handle.close()
  return new Response(isHead ? null : read(handle, start, end), {
    status: range.type === 'part' ? 206 : 200,
    headers: {
      ...headers,
      'content-type': file.mediaType,
      'content-length': `${end - start + 1}`,
      ...(range.type === 'part' && { 'content-range': `bytes ${start}-${end}/${file.sizeBytes}` }),
    },
  })
}

function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//u, ''))
  return tags.includes('*') || tags.includes(etag)
}

/** Ranges are for GET alone, and only over the very content that the asker knows (RFC 9110, If-Range). */
function rangeOf(request: MediaRequest, etag: string, sizeBytes: number): RangeChoice {
  const isOther = request.ifRange !== undefined && request.ifRange !== etag
  return chooseRange(request.method === 'GET' && !isOther ? request.range : undefined, sizeBytes)
}

/** Reads only as fast as it is taken; a file that shrinks meanwhile ends the answer as broken, not as whole. */
function read(handle: FileHandle, start: number, end: number): ReadableStream<Uint8Array> {
  let at = start
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { buffer, bytesRead } = await handle.read(
          new Uint8Array(Math.min(CHUNK_BYTES, end + 1 - at)),
          0,
          undefined,
          at,
        )
        if (bytesRead > 0) controller.enqueue(buffer.subarray(0, bytesRead))
        at += bytesRead
        if (at <= end && bytesRead > 0) return
        await handle.close()
        if (at > end) controller.close()
        else controller.error(new Error('the file became shorter while it was read'))
      },
      cancel: () => handle.close(),
    },
    { highWaterMark: 0 },
  )
}
