import { stat } from 'node:fs/promises'
import path from 'node:path'
import { type Problem, ProblemError } from '../../../shared/problem.ts'
import type { Reference, ReferencesAdded } from '../../../shared/reference.ts'
import { createGate } from './errand.ts'
import { getReference, type Keeper, recordReference } from './keep.ts'
import { isPattern, listMedia } from './list-media.ts'
import { Unfit } from './media.ts'
import { probe, toProblemError } from './probe.ts'

/**
 * Stores one file, or every file that a folder or a pattern names. Of several, those that cannot be taken are told
 * and the others are stored; of a file named whole the problem is thrown. What was stored before by content is only
 * found again, and knows its original's new place if the old one is gone. Safe to stop and to repeat at any point.
 */
export async function addReferences(
  keeper: Keeper,
  text: string,
  signal?: AbortSignal,
): Promise<ReferencesAdded> {
  const named = path.resolve(text)
  const isOne =
    (await stat(named).catch(() => undefined))?.isDirectory() !== true && !(await isManyNamed(text))
  const result: ReferencesAdded = { added: [], known: [], problems: [] }
  if (isOne) {
    tell(result, await addOne(keeper, named))
    return result
  }
  const passedOver = (problem: Problem) => void result.problems.push(problem)
  const files = await listMedia(text, process.cwd(), { passedOver, signal })
  await addEach(keeper, files, result, signal)
  return result
}

/** A file whose name holds a `*` is itself. */
async function isManyNamed(text: string): Promise<boolean> {
  return isPattern(text) && (await stat(path.resolve(text)).catch(() => undefined)) === undefined
}

/** Reading, hashing and copying wait for the disk: a few at a time keep it busy. */
const AT_ONCE = 4

async function addEach(
  keeper: Keeper,
  files: readonly string[],
  result: ReferencesAdded,
  signal: AbortSignal | undefined,
): Promise<void> {
  const gate = createGate(AT_ONCE)
  const outcomes = await Promise.all(
    files.map((file) =>
      gate(async () => {
        signal?.throwIfAborted()
        return await tryOne(keeper, file)
      }),
    ),
  )
  const told = new Set<number>()
  for (const outcome of outcomes) {
    if ('code' in outcome) result.problems.push(outcome)
    else if (!told.has(outcome.reference.id)) {
      told.add(outcome.reference.id)
      tell(result, outcome)
    } else result.known.push(outcome.reference)
  }
}

interface Added {
  reference: Reference
  isNew: boolean
}

function tell(result: ReferencesAdded, { reference, isNew }: Added): void {
  if (isNew) result.added.push(reference)
  else result.known.push(reference)
}

/** A full disk stops everything: each further file would only say it again. */
async function tryOne(keeper: Keeper, file: string): Promise<Added | Problem> {
  try {
    return await addOne(keeper, file)
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code !== 'disk-full') return error.problem
    throw error
  }
}

async function addOne(keeper: Keeper, file: string): Promise<Added> {
  const before = await stat(file).catch(() => undefined)
  const probed = await probe(file)
  const stored = await keeper.references.add(file)
  const after = await stat(file).catch(() => undefined)
  // What was looked at is what was kept, or nothing is recorded of it.
  if (before?.mtimeMs !== after?.mtimeMs || stored.sizeBytes !== probed.sizeBytes) throw changed(file)
  const known = keeper.store.references.byHash(stored.sha256)
  if (known) return { reference: await adopt(keeper, known, file), isNew: false }
  const origin = { name: path.basename(file), originalPath: file }
  const id = recordReference(keeper, stored.sha256, probed, origin)
  return { reference: getReference(keeper.store, id), isNew: true }
}

/** The same content at another place, while the place that was known is empty. */
async function adopt({ store }: Keeper, known: Reference, file: string): Promise<Reference> {
  if (known.originalPath === file || known.sourceId !== null) return known
  const isThere = known.originalPath !== null && (await stat(known.originalPath).catch(() => undefined))
  if (isThere) return known
  store.references.setOriginal(known.id, file)
  return getReference(store, known.id)
}

function changed(file: string): ProblemError {
  const next = 'Wait until the program that writes it has finished, then try again.'
  return toProblemError(file, new Unfit('reference-unreadable', 'changed while it was being read.', next))
}
