import path from 'node:path'
import { ProblemError, problem } from '../../../shared/problem.ts'
import type { Reference } from '../../../shared/reference.ts'
import { type FittedPicture, fitPicture } from './fit.ts'
import { copyOf, getReference, type Keeper, recordReference } from './keep.ts'
import { type PictureLimits, pictureLimits } from './limits.ts'
import { probe, probeBytes } from './probe.ts'
import { trimMedia } from './trim.ts'

/**
 * A stored copy of a picture that meets the limits of every model, or of one; the picture itself where it meets
 * them. Throws `ProblemError` as `fitPicture` and `pictureLimits` do.
 */
export async function fitReference(
  keeper: Keeper,
  id: number,
  model: string | undefined,
  background: string,
): Promise<Reference> {
  const limits = pictureLimits(model)
  const source = getReference(keeper.store, id)
  const fitted = await fitStored(keeper, source, limits, background)
  return fitted ? await keepFitted(keeper, source, fitted) : source
}

/** The same for given limits, without storing anything: null where it meets them as it is. */
export async function fitStored(
  keeper: Pick<Keeper, 'references'>,
  source: Reference,
  limits: PictureLimits,
  background: string,
): Promise<FittedPicture | null> {
  if (source.kind !== 'image') throw noPicture(source)
  return await fitPicture(copyOf(keeper, source), limits, background, source.name)
}

/** Stores a fitted copy of a stored picture, linked to it. The same copy is stored once. */
export async function keepFitted(
  keeper: Keeper,
  source: Reference,
  { bytes, format, change }: FittedPicture,
): Promise<Reference> {
  const name = copyName(source.name, 'fitted', format === 'jpeg' ? 'jpg' : format)
  const probed = await probeBytes(bytes, name)
  const { sha256 } = await keeper.references.addBytes(bytes)
  const id = recordReference(keeper, sha256, probed, { name, sourceId: source.id, change })
  return getReference(keeper.store, id)
}

/**
 * A stored copy of a film or sound from its start to `maximumMs`, not encoded again; the original itself where it is
 * not longer. Throws `ProblemError` as `trimMedia` does.
 */
export async function trimReference(keeper: Keeper, id: number, maximumMs: number): Promise<Reference> {
  const source = getReference(keeper.store, id)
  const trimmed = await trimMedia(copyOf(keeper, source), maximumMs, source.name)
  if (!trimmed) return source
  try {
    // The moment of writing stands in a film: the same cut has other bytes the next time.
    const before = keeper.store.references.copyOf(source.id, trimmed.change)
    if (before && keeper.references.path(before.sha256) !== undefined) return before
    const { sha256 } = await keeper.references.add(trimmed.file)
    const name = copyName(source.name, 'cut', trimmed.probed.format)
    const origin = { name, sourceId: source.id, change: trimmed.change }
    // Looked at once more as it is stored: what is recorded is what was kept.
    const probed = await probe(copyOf(keeper, { ...source, sha256, name }))
    return getReference(keeper.store, recordReference(keeper, sha256, probed, origin))
  } finally {
    await trimmed.remove()
  }
}

/** `lake.png` → `lake-fitted.jpg`; a copy of a copy does not say it twice. */
function copyName(name: string, what: 'fitted' | 'cut', extension: string): string {
  const stem = path.parse(name).name.replace(/-(?:fitted|cut)$/u, '')
  return `${stem || 'reference'}-${what}.${extension}`
}

function noPicture(source: Reference): ProblemError {
  const what = `${source.name} is no picture, so it cannot be fitted. Nothing was changed and nothing was spent.`
  const next =
    source.durationMs === null
      ? 'Choose a picture.'
      : `If it is too long, cut it: reelsheet references trim ${source.id} --seconds 30`
  return new ProblemError(problem('reference-kind', what, next, { file: source.name }))
}
