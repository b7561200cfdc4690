import path from 'node:path'
import { ProblemError, problem } from '../../../shared/problem.ts'
import type { Engine } from '../jobs/engine.ts'
import { fitStored, keepFitted } from '../references/copies.ts'
import { getReference, recordReference } from '../references/keep.ts'
import { pictureLimits } from '../references/limits.ts'
import type { ProbedMedia } from '../references/media.ts'
import { FIT_BACKGROUND, type Media } from './media-desk.ts'
import type { ReadyRow } from './row-desk.ts'

/** Stores every local file of the rows once; returns its row's id by content hash. */
export async function storeMedia(engine: Engine, rows: ReadyRow[]): Promise<Map<string, number>> {
  const ids = new Map<string, number>()
  for (const row of rows) {
    for (const media of row.audio ? [...row.references, row.audio] : row.references) {
      await storeOne(engine, media, ids)
    }
  }
  return ids
}

async function storeOne(engine: Engine, media: Media, ids: Map<string, number>): Promise<void> {
  if (media.sha256 === null || ids.has(media.sha256)) return
  if (media.fitted) await storeFitted(engine, media, media.fitted, ids)
  else if (media.referenceId !== null) ids.set(media.sha256, media.referenceId)
  if (!media.probed || media.fitted) return
  const stored = media.bytes
    ? await engine.references.addBytes(media.bytes)
    : await engine.references.add(media.file as string)
  if (stored.sha256 !== media.sha256) throw changedMeanwhile(media)
  ids.set(stored.sha256, recordMedia(engine, media, stored.sha256, media.probed))
}

/** The picture itself is stored first; its copy is made again from that, and is the same. */
async function storeFitted(
  engine: Engine,
  media: Media,
  { source, model }: NonNullable<Media['fitted']>,
  ids: Map<string, number>,
): Promise<void> {
  await storeOne(engine, source, ids)
  const original = getReference(engine.store, ids.get(source.sha256 ?? '') ?? 0)
  const copy = await fitStored(engine, original, pictureLimits(model), FIT_BACKGROUND)
  const kept = copy && (await keepFitted(engine, original, copy))
  if (!kept || kept.sha256 !== media.sha256) throw changedMeanwhile(source)
  ids.set(kept.sha256, kept.id)
}

/** The database's row of one stored file. */
const recordMedia = (engine: Engine, media: Media, sha256: string, probed: ProbedMedia): number =>
  recordReference(engine, sha256, probed, {
    name: media.file ? path.basename(media.file) : `${sha256.slice(0, 12)}.${probed.format}`,
    originalPath: media.file,
  })

const changedMeanwhile = (media: Media): ProblemError =>
  new ProblemError(
    problem(
      'reference-unreadable',
      `${media.text} changed while it was being read. Nothing was started and nothing was spent.`,
      'Wait until whatever writes it has finished, then run the sheet again.',
      { file: media.file ?? media.text },
    ),
  )
