import type { Clip } from '../../../shared/clip.ts'
import { type Problem, problem } from '../../../shared/problem.ts'
import type { Core } from '../handlers/context.ts'
import { answerWith, isReading, type MediaRequest, openMedia, refuse } from './answer.ts'
import { parseId, unknownMedia, wrongMethod } from './refusals.ts'

/**
 * A clip's film by its id, for every host: 200, 206 for one range, 304, 416, or a refusal that carries a
 * Problem (404 unknown or gone, 405, 409 no longer the archived file). Never a path, never another type than
 * `video/mp4`. The caller reads the body to its end or cancels it.
 */
export async function serveClip(core: Core, id: string, request: MediaRequest): Promise<Response> {
  if (!isReading(request.method)) return wrongMethod()
  const number = parseId(id)
  const clip = number === undefined ? undefined : core.engine.store.clips.get(number)
  if (!clip) return unknownMedia('clip')
  const file = { ...clip, folder: clip.archiveFolder, mediaType: 'video/mp4' }
  const found = await openMedia(file)
  if (found === 'changed') return refuse(409, changed(clip))
  if (found === 'missing' || found === 'outside') return refuse(404, missing(clip, found))
  return await answerWith(found, file, request)
}

function missing(clip: Clip, how: 'missing' | 'outside'): Problem {
  const file = `${clip.archiveFolder}/${clip.path}`
  return how === 'missing'
    ? problem(
        'clip-missing',
        `${file} cannot be read. It was archived and paid for; its record is kept.`,
        'Connect its drive or put it back from a backup, then check the clips.',
        { clipId: clip.id, file },
      )
    : problem(
        'clip-missing',
        `${file} leads out of its archive folder, so it is not shown. Nothing was changed.`,
        'Replace the link with the file itself, then check the clips.',
        { clipId: clip.id, file },
      )
}

function changed(clip: Clip): Problem {
  const file = `${clip.archiveFolder}/${clip.path}`
  return problem(
    'clip-changed',
    `${file} is not the file that was archived: its size differs.`,
    'Put the original back from a backup; its hash stands in the sidecar.',
    { clipId: clip.id, file },
  )
}
