import { stat } from 'node:fs/promises'
import path from 'node:path'
import { type Problem, problem } from '../../../shared/problem.ts'
import type { Reference } from '../../../shared/reference.ts'
import { createGate } from './errand.ts'
import { getReference, type Keeper } from './keep.ts'
import { hashFile } from './original.ts'
import { type Walk, walk } from './walk.ts'

export interface Relinked {
  /** With their new place. */
  found: Reference[]
  /** Whose original is still nowhere. */
  missing: Reference[]
  problems: Problem[]
}

/**
 * Looks for the originals that are gone in a folder and all below: only files of a wanted size are read, and taken
 * when their content is the same, whatever their name. A file of the same name and size with other content is told
 * (`reference-changed`) and never taken. The references themselves, their copies and their uses stay as they are.
 */
export async function relinkOriginals(
  keeper: Pick<Keeper, 'store'>,
  folder: string,
  how: Pick<Walk, 'signal' | 'except'> = {},
): Promise<Relinked> {
  const wanted = await listMissing(keeper, how.signal)
  const bySize = Map.groupBy(wanted, ({ sizeBytes }) => sizeBytes)
  const result: Relinked = { found: [], missing: [], problems: [] }
  const places = new Map<number, string>()
  const changed = new Map<number, string>()
  const passedOver = (problem: Problem) => void result.problems.push(problem)
  const files = wanted.length === 0 ? [] : walk(path.resolve(folder), { ...how, passedOver })
  for await (const { file, candidates } of withCandidates(files, bySize)) {
    const open = candidates.filter(({ id }) => !places.has(id))
    if (open.length === 0) continue
    const sha256 = await hashFile(file).catch(() => undefined)
    for (const reference of open) {
      if (reference.sha256 === sha256) places.set(reference.id, file)
      else if (sha256 !== undefined && isSameName(reference, file)) changed.set(reference.id, file)
    }
  }
  keeper.store.write(() => {
    for (const [id, place] of places) keeper.store.references.setOriginal(id, place)
  })
  for (const reference of wanted) {
    const isFound = places.has(reference.id)
    if (isFound) result.found.push(getReference(keeper.store, reference.id))
    else result.missing.push(reference)
    const other = changed.get(reference.id)
    if (!isFound && other !== undefined) result.problems.push(isOther(reference, other))
  }
  return result
}

const AT_ONCE = 32

/** References whose original was known and is not there; a drive that is not plugged in counts as gone. */
async function listMissing(
  { store }: Pick<Keeper, 'store'>,
  signal: AbortSignal | undefined,
): Promise<Reference[]> {
  const gate = createGate(AT_ONCE)
  const missing: Reference[] = []
  for (let after = 0; ; ) {
    signal?.throwIfAborted()
    const page = store.references.withOriginals(after, 500)
    const states = await Promise.all(page.map((each) => gate(() => isGone(each))))
    missing.push(...page.filter((_, index) => states[index]))
    const last = page.at(-1)
    if (!last) return missing
    after = last.id
  }
}

async function isGone({ originalPath }: Reference): Promise<boolean> {
  return !(await stat(originalPath ?? '').catch(() => undefined))?.isFile()
}

/** The files whose size some wanted reference has; many are asked for their size at one time. */
async function* withCandidates(
  files: AsyncIterable<string> | Iterable<string>,
  bySize: ReadonlyMap<number, Reference[]>,
): AsyncGenerator<{ file: string; candidates: Reference[] }> {
  let batch: string[] = []
  const look = async (): Promise<{ file: string; candidates: Reference[] }[]> => {
    const sizes = await Promise.all(
      batch.map(async (file) => (await stat(file).catch(() => undefined))?.size),
    )
    const found = batch.map((file, index) => ({ file, candidates: bySize.get(sizes[index] ?? -1) ?? [] }))
    batch = []
    return found.filter(({ candidates }) => candidates.length > 0)
  }
  for await (const file of files) {
    if (isStoredCopy(file)) continue
    batch.push(file)
    if (batch.length === AT_ONCE) yield* await look()
  }
  yield* await look()
}

/** `ab/abcd….mp4`: a copy of some Reelsheet's, this one's or a backup of it, which may be cleared away. */
const isStoredCopy = (file: string): boolean =>
  /[\\/]([0-9a-f]{2})[\\/]\1[0-9a-f]{62}\.[a-z0-9]+$/u.test(file)

const isSameName = ({ originalPath }: Reference, file: string): boolean =>
  path.basename(originalPath ?? '').toLowerCase() === path.basename(file).toLowerCase()

const isOther = (reference: Reference, file: string): Problem =>
  problem(
    'reference-changed',
    `${file} has the name and the size of ${reference.name}, but its content is another. It was not taken; rows go on with the stored copy.`,
    'If the new content is meant, add that file as a reference of its own and name it in the sheet.',
    { file },
  )
