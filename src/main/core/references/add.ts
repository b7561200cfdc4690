import { stat } from 'node:fs/promises'
import path from 'node:path'
import { type Problem, ProblemError } from '../../../shared/problem.ts'
import type { Reference, ReferencesAdded } from '../../../shared/reference.ts'
import { createGate } from './errand.ts'
import { getReference, type Keeper, recordReference } from './keep.ts'
import { isPattern, listMedia } from './list-media.ts'
import { type ProbedMedia, Unfit } from './media.ts'
import { probe, toProblemError } from './probe.ts'
import type { Walk } from './walk.ts'

/**
 * Stores one file, or every file that a folder or a pattern names. Of several, those that cannot be taken are told
 * and the others are stored; of a file named whole the problem is thrown. What was stored before by content is only
 * found again, and knows its original's new place if the old one is gone. Safe to stop and to repeat at any point.
 */
export async function addReferences(
  keeper: Keeper,
  text: string,
  how: Pick<Walk, 'signal' | 'except'> = {},
): Promise<ReferencesAdded> {
  const named = path.resolve(text)
  const isOne =
    (await stat(named).catch(() => undefined))?.isDirectory() !== true && !(await isManyNamed(text))
  const result: ReferencesAdded = { added: [], known: [], problems: [] }
  if (isOne) {
    record(keeper, await prepareOne(keeper, named), result)
    return result
  }
  const passedOver = (problem: Problem) => void result.problems.push(problem)
  const files = await listMedia(text, process.cwd(), { ...how, passedOver })
  await addEach(keeper, files, result, how.signal)
  return result
}

/** A file whose name holds a `*` is itself. */
async function isManyNamed(text: string): Promise<boolean> {
  return isPattern(text) && (await stat(path.resolve(text)).catch(() => undefined)) === undefined
}

/** Reading, hashing and copying wait for the disk: a few at a time keep it busy. */
const AT_ONCE = 4
/** Written in one transaction: what a stop loses is only looked at again. */
const A_BATCH = 100

async function addEach(
  keeper: Keeper,
  files: readonly string[],
  result: ReferencesAdded,
  signal: AbortSignal | undefined,
): Promise<void> {
  const gate = createGate(AT_ONCE)
  const prepare = async (file: string): Promise<Prepared | Problem> => {
    signal?.throwIfAborted()
    return await tryPrepare(keeper, file)
  }
  for (let at = 0; at < files.length; at += A_BATCH) {
    const batch = files.slice(at, at + A_BATCH)
    const outcomes = await settleAll(batch.map((file) => gate(() => prepare(file))))
    // In the order of the files, whichever was read first: their numbers tell it.
    keeper.store.write(() => {
      for (const outcome of outcomes) {
        if ('code' in outcome) result.problems.push(outcome)
        else record(keeper, outcome, result)
      }
    })
  }
}

/** As `Promise.all`, but nothing is still under way when it throws. */
async function settleAll<T>(works: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(works)
  return await Promise.all(works)
}

/** Stored in the folder, not yet in the database. */
interface Prepared {
  file: string
  probed: ProbedMedia
  sha256: string
  /** Known by content, and its original lies elsewhere no more. */
  isMoved: boolean
}

/** A full disk stops everything: each further file would only say it again. */
async function tryPrepare(keeper: Keeper, file: string): Promise<Prepared | Problem> {
  try {
    return await prepareOne(keeper, file)
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code !== 'disk-full') return error.problem
    throw error
  }
}

async function prepareOne(keeper: Keeper, file: string): Promise<Prepared> {
  const before = await stat(file).catch(() => undefined)
  const probed = await probe(file)
  const { sha256, sizeBytes } = await keeper.references.add(file)
  const after = await stat(file).catch(() => undefined)
  // What was looked at is what was kept, or nothing is recorded of it.
  if (before?.mtimeMs !== after?.mtimeMs || sizeBytes !== probed.sizeBytes) throw changed(file)
  return { file, probed, sha256, isMoved: await isMoved(keeper.store.references.byHash(sha256), file) }
}

/** The same content at another place, while the place that was known is empty. */
async function isMoved(known: Reference | undefined, file: string): Promise<boolean> {
  if (!known || known.originalPath === file || known.sourceId !== null) return false
  return known.originalPath === null || !(await stat(known.originalPath).catch(() => undefined))
}

function record(keeper: Keeper, { file, probed, sha256, isMoved }: Prepared, result: ReferencesAdded): void {
  const { references } = keeper.store
  const known = references.byHash(sha256)
  if (known) {
    if (isMoved) references.setOriginal(known.id, file)
    result.known.push(getReference(keeper.store, known.id))
  } else {
    const id = recordReference(keeper, sha256, probed, { name: path.basename(file), originalPath: file })
    result.added.push(getReference(keeper.store, id))
  }
}

function changed(file: string): ProblemError {
  const next = 'Wait until the program that writes it has finished, then try again.'
  return toProblemError(file, new Unfit('reference-unreadable', 'changed while it was being read.', next))
}
