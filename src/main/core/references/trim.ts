import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ProblemError, problem } from '../../../shared/problem.ts'
import type { Clock } from '../ports.ts'
import { systemClock } from '../system.ts'
import { createGate, runErrand } from './errand.ts'
import { type ProbedMedia, Unfit } from './media.ts'
import { probe, toProblemError } from './probe.ts'
import type { TrimAnswer, TrimAsked, TrimFormat } from './trim-thread.ts'

/** A cut copy in a temporary folder; `remove` it when it is stored. */
export interface Trimmed {
  file: string
  probed: ProbedMedia
  /** What was done, in words: `cut from 42.5 s to 29.967 s`. */
  change: string
  remove(): Promise<void>
}

const FORMATS: readonly string[] = ['mp4', 'mov', 'mp3', 'wav'] satisfies TrimFormat[]
/** A gigabyte is copied in seconds; a slow network drive may take minutes. */
const LIMITS = { mostMs: 300_000, memoryMb: 512 }
/** Copies are bounded by the disk, not the processor. */
const oneAtATime = createGate(1)

/**
 * A copy of a film or sound from its start to the last whole frame or packet at or below `maximumMs`, without
 * encoding anything again; null when it is not longer. MP4, MOV, MP3 and WAV. The file is only read, the copy is
 * looked at before it is given out. Metadata (places, names, chapters, subtitles) is left behind. `name` stands in
 * sentences. Throws `ProblemError`: `not-possible` with the reason, `disk-full`, or as `probe` does.
 */
export async function trimMedia(
  file: string,
  maximumMs: number,
  name = file,
  clock: Clock = systemClock,
): Promise<Trimmed | null> {
  const before = await probe(file, clock)
  if (before.kind === 'image')
    throw cannot(name, 'is a picture, which has no length.', 'Only films and sounds are cut.')
  if ((before.durationMs ?? 0) <= maximumMs) return null
  if (!isTrimFormat(before.format)) {
    const what = `is ${before.format.toUpperCase()}, which no model takes.`
    throw cannot(
      name,
      what,
      `Export it as ${before.kind === 'video' ? 'MP4 or MOV' : 'MP3 or WAV'}; it can be cut then.`,
    )
  }
  const { format } = before
  return await oneAtATime(() => cut({ file, format, maximumMs }, before, name, clock))
}

const isTrimFormat = (format: string): format is TrimFormat => FORMATS.includes(format)

async function cut(
  asked: Omit<TrimAsked, 'target'>,
  before: ProbedMedia,
  name: string,
  clock: Clock,
): Promise<Trimmed> {
  const folder = await mkdtemp(path.join(tmpdir(), 'reelsheet-trim-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const target = path.join(folder, `cut.${asked.format}`)
    const thread = new URL('./trim-thread.ts', import.meta.url)
    const answer = await runErrand<TrimAnswer>(thread, { ...asked, target }, LIMITS, clock)
    refuse(answer, name)
    const probed = await probe(target, clock)
    if (!isAsAsked(probed, before, asked.maximumMs))
      throw cannot(name, 'did not come out as it should when it was cut.', WITH_A_PROGRAM)
    return { file: target, probed, change: describe(before, probed), remove }
  } catch (cause) {
    await remove()
    throw cause instanceof ProblemError ? cause : toProblemError(name, cause)
  }
}

function refuse(answer: TrimAnswer | undefined, name: string): void {
  if (answer === undefined) throw cannot(name, 'takes too long or too much memory to be cut.', WITH_A_PROGRAM)
  if ('what' in answer) throw cannot(name, answer.what, WITH_A_PROGRAM)
  if (!('code' in answer)) return
  if (answer.code !== 'ENOSPC')
    throw toProblemError(name, new Unfit('reference-unreadable', 'cannot be read.', 'Check the disk.'))
  const what = `The disk is full, so ${name} was not cut. Nothing was sent and nothing was spent.`
  throw new ProblemError(problem('disk-full', what, 'Make room, then try again.', { file: name }))
}

const WITH_A_PROGRAM = 'Cut it with any film or sound program, and export it as MP4 with H.264, or as MP3.'

/** A copy that lost its sound or most of its length must not take the place of the file. */
function isAsAsked(after: ProbedMedia, before: ProbedMedia, maximumMs: number): boolean {
  const length = after.durationMs ?? 0
  const isSameKind = after.kind === before.kind && after.hasSound === before.hasSound
  const isSameSize = after.width === before.width && after.height === before.height
  return isSameKind && isSameSize && length <= maximumMs && length >= maximumMs / 2
}

function describe(before: ProbedMedia, after: ProbedMedia): string {
  const seconds = (ms: number | null): string => `${(ms ?? 0) / 1000} s`
  return `cut from ${seconds(before.durationMs)} to ${seconds(after.durationMs)}`
}

function cannot(name: string, what: string, next: string): ProblemError {
  return new ProblemError(
    problem('not-possible', `${name} ${what} Nothing was changed and nothing was spent.`, next, {
      file: name,
    }),
  )
}
