import { mkdir, open, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { ProblemError, problem } from '../../shared/problem.ts'
import type { App } from '../core/app.ts'
import { addUpload } from '../core/media/upload.ts'

/** Twice the largest file that a provider takes. */
export const MOST_UPLOAD_BYTES = 200 * 1024 * 1024
const MOST_NAME_LETTERS = 200

/** Where files wait while they arrive. Only the owner of the data folder uses it. */
const waitingRoom = (app: App): string => join(app.core.home, 'uploads')

/** What an earlier process left when it was killed in the middle of an upload. */
export const clearWaitingRoom = (app: App): Promise<void> =>
  rm(waitingRoom(app), { recursive: true, force: true })

/**
 * `POST /uploads?name=FILE` with the file itself as the body: kept as a reference, answered as JSON. Memory
 * stays flat, and nothing stays behind when the sender leaves. Throws `ProblemError` for what is no reference;
 * the rest of a body that is too large is left unread.
 */
export async function takeUpload(
  app: App,
  request: IncomingMessage,
  url: URL,
  mostBytes: number,
): Promise<Response> {
  const name = plainName(url.searchParams.get('name') ?? '')
  if (Number(request.headers['content-length'] ?? 0) > mostBytes) throw tooLarge(name, mostBytes)
  await mkdir(waitingRoom(app), { recursive: true, mode: 0o700 })
  // SECURITY: the sender's name never becomes part of a path.
  const file = join(waitingRoom(app), `${app.core.engine.random.id(24)}.part`)
  try {
    await writeBody(request, file, () => tooLarge(name, mostBytes), mostBytes)
    return Response.json(await addUpload(app.core, file, name), { status: 201 })
  } catch (error) {
    throw isFullDisk(error) ? diskFull(name, error) : error
  } finally {
    await rm(file, { force: true })
  }
}

async function writeBody(
  request: IncomingMessage,
  file: string,
  tooMuch: () => ProblemError,
  mostBytes: number,
): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    let sizeBytes = 0
    // The request is not destroyed here, or its sender would never hear the reason.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length
      // SECURITY: counted while it arrives; what a header claims is no limit.
      if (sizeBytes > mostBytes) throw tooMuch()
      await handle.writeFile(chunk)
    }
  } finally {
    await handle.close()
  }
}

/** The last part of whatever the sender calls the file, without letters that could fool a reader. */
function plainName(given: string): string {
  const last = given.split(/[/\\]/u).at(-1) ?? ''
  const plain = last.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '').trim()
  return [...plain].slice(0, MOST_NAME_LETTERS).join('') || 'upload'
}

const isFullDisk = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === 'ENOSPC'

const tooLarge = (name: string, mostBytes: number): ProblemError =>
  new ProblemError(
    problem(
      'reference-limit',
      `${name} is larger than ${Math.floor(mostBytes / 1024 / 1024)} MB, so it was not kept. Nothing was sent and nothing was spent.`,
      'Choose a smaller file; providers take at most 100 MB.',
      { file: name },
    ),
  )

const diskFull = (name: string, cause: unknown): ProblemError =>
  new ProblemError(
    problem(
      'disk-full',
      `The disk is full, so ${name} was not kept. Nothing was sent and nothing was spent.`,
      'Make room, then try again.',
      { file: name },
    ),
    { cause },
  )
