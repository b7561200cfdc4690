import type { Dirent } from 'node:fs'
import { opendir, stat } from 'node:fs/promises'
import path from 'node:path'
import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'

export interface Walk {
  /** Levels below the folder that are looked into; 0 = the folder alone. Unbounded unless said. */
  depth?: number
  /** Called for a folder below that cannot be read; the walk goes on without it. */
  passedOver?(problem: Problem): void
  signal?: AbortSignal | undefined
  /** A folder below that is passed over: the app's own, whose copies are no originals. */
  except?: string | undefined
}

/** A whole home folder is no reference folder: whoever names one is told instead of kept waiting. */
const MOST_ENTRIES = 500_000
const MOST_LEVELS = 64

/**
 * Every plain file of a folder and below, in no order. Hidden files and folders (a dot in front) are passed over.
 * A link to a file is that file; a link to a folder is not followed, so that no loop can be walked.
 * Throws `ProblemError` when the folder itself cannot be read, or holds far too much.
 */
export async function* walk(folder: string, how: Walk = {}): AsyncGenerator<string> {
  const waiting = [{ at: folder, level: 0 }]
  const deepest = Math.min(how.depth ?? MOST_LEVELS, MOST_LEVELS)
  let seen = 0
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { at, level } = next
    try {
      for await (const entry of await opendir(at, { bufferSize: 256 })) {
        how.signal?.throwIfAborted()
        seen += 1
        if (seen > MOST_ENTRIES) throw tooMuch(folder)
        if (entry.name.startsWith('.')) continue
        const found = path.join(at, entry.name)
        if (entry.isDirectory()) {
          if (level < deepest && found !== how.except) waiting.push({ at: found, level: level + 1 })
        } else if (await isPlainFile(entry, found)) yield found
      }
    } catch (error) {
      const isOurs = error instanceof ProblemError || how.signal?.aborted
      if (isOurs || !isSystemFault(error)) throw error
      if (at === folder) throw unreadable(folder, error)
      how.passedOver?.(unreadable(at, error).problem)
    }
  }
}

const isSystemFault = (error: unknown): boolean => error instanceof Error && 'syscall' in error

async function isPlainFile(entry: Dirent, found: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile()
  return (await stat(found).catch(() => undefined))?.isFile() ?? false
}

/** What kept a folder from being read, as a sentence. */
export function unreadable(folder: string, cause: unknown): ProblemError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const what = `The folder ${folder} does not exist. Nothing was taken from it and nothing was spent.`
    return new ProblemError(problem('reference-missing', what, 'Check its name.', { file: folder }), {
      cause,
    })
  }
  const isForbidden = code === 'EACCES' || code === 'EPERM'
  const why = isForbidden ? 'may not be read by you' : 'cannot be read'
  const next = isForbidden ? 'Change its permissions.' : 'Check the disk and the name.'
  const what = `The folder ${folder} ${why}. Nothing was taken from it and nothing was spent.`
  return new ProblemError(problem('reference-unreadable', what, next, { file: folder }), { cause })
}

const tooMuch = (folder: string): ProblemError =>
  new ProblemError(
    problem(
      'reference-limit',
      `The folder ${folder} holds more than ${MOST_ENTRIES} files and folders. Nothing was taken and nothing was spent.`,
      'Name a folder below it.',
      { file: folder },
    ),
  )
