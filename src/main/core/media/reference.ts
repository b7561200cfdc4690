import { basename, dirname } from 'node:path'
import { problem } from '../../../shared/problem.ts'
import type { Reference } from '../../../shared/reference.ts'
import type { Core } from '../handlers/context.ts'
import { answerWith, isReading, type MediaRequest, openMedia, refuse } from './answer.ts'
import { parseId, unknownMedia, wrongMethod } from './refusals.ts'

/**
 * SECURITY: types that a browser only ever shows or plays. SVG and HTML can hold scripts and are not among
 * them, whatever a record says.
 */
const SHOWN: ReadonlySet<string> = new Set([
  'image/jpeg',
  'image/png',
  'image/webp',
  'image/gif',
  'image/bmp',
  'image/avif',
  'video/mp4',
  'video/quicktime',
  'video/3gpp',
  'video/webm',
  'video/x-matroska',
  'audio/mpeg',
  'audio/wav',
  'audio/flac',
  'audio/ogg',
  'audio/aac',
  'audio/mp4',
])

/** The stored copy of a reference by its id; answers as `serveClip` does. */
export async function serveReference(core: Core, id: string, request: MediaRequest): Promise<Response> {
  if (!isReading(request.method)) return wrongMethod()
  const number = parseId(id)
  const reference = number === undefined ? undefined : core.engine.store.references.get(number)
  if (!reference || !SHOWN.has(reference.mediaType)) return unknownMedia('reference')
  const copy = core.engine.references.path(reference.sha256)
  if (copy === undefined) return refuse(404, gone(reference))
  const file = { ...reference, folder: dirname(copy), path: basename(copy) }
  const found = await openMedia(file)
  return typeof found === 'string' ? refuse(404, gone(reference)) : await answerWith(found, file, request)
}

const gone = (reference: Reference) =>
  problem(
    'reference-missing',
    `The stored copy of ${reference.name} is gone or damaged. Nothing was sent because of it.`,
    'Add the file again, so that it is copied once more.',
    { file: reference.name },
  )
