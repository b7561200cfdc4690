import { ProblemError, problem } from '../../../shared/problem.ts'
import type { Reference } from '../../../shared/reference.ts'
import type { Clock } from '../ports.ts'
import type { Store } from '../store/store.ts'
import type { ProbedMedia } from './media.ts'
import type { ReferenceStore } from './store.ts'

/** What keeping a reference needs; the engine has it all. */
export interface Keeper {
  store: Store
  references: ReferenceStore
  clock: Clock
}

/** Where stored content is from. A copy has a source and says what was done to it. */
export interface Origin {
  name: string
  originalPath?: string | null
  sourceId?: number | null
  change?: string | null
}

/**
 * The database's row of stored content, made or found: content is kept once, under the name and origin under which
 * it came first. Returns its id. Any number of them may be written in one `store.write`.
 */
export function recordReference(
  { store, clock }: Pick<Keeper, 'store' | 'clock'>,
  sha256: string,
  probed: ProbedMedia,
  { name, originalPath = null, sourceId = null, change = null }: Origin,
): number {
  return store.references.add({
    sha256,
    kind: probed.kind,
    format: probed.format,
    mediaType: probed.mediaType,
    sizeBytes: probed.sizeBytes,
    width: probed.width,
    height: probed.height,
    durationMs: probed.durationMs,
    framesPerSecond: probed.framesPerSecond,
    hasSound: probed.hasSound,
    hasTransparency: probed.hasTransparency,
    name,
    originalPath,
    sourceId,
    change,
    createdAt: clock.now(),
  })
}

/** A reference by its id. Throws `not-found`. */
export function getReference(store: Store, id: number): Reference {
  const found = store.references.get(id)
  if (found) return found
  const what = `There is no reference ${id}. Nothing was changed.`
  throw new ProblemError(problem('not-found', what, 'See "reelsheet references list" for those there are.'))
}

/** The path of a reference's stored copy, which does not depend on the original. Throws `reference-missing`. */
export function copyOf({ references }: Pick<Keeper, 'references'>, reference: Reference): string {
  const copy = references.path(reference.sha256)
  if (copy !== undefined) return copy
  const what = `The stored copy of ${reference.name} is gone. Nothing was changed and nothing was spent.`
  const next = 'Add the file again, so that it is copied once more.'
  throw new ProblemError(problem('reference-missing', what, next, { file: reference.name }))
}
