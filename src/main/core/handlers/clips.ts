import { resolve } from 'node:path'
import { type Problem, problem } from '../../../shared/problem.ts'
import { checkClip } from '../archive/check.ts'
import { type LibraryEntry, readLibrary } from '../archive/rebuild.ts'
import { type Core, calls } from './context.ts'

const BATCH = 200

/** Every clip of a run, or all, a batch at a time. */
function* everyClip({ engine: { store } }: Core, runId: number | null) {
  let after = 0
  for (;;) {
    const batch = store.clips.page(runId, after, BATCH)
    yield* batch
    const last = batch.at(-1)
    if (!last || batch.length < BATCH) return
    after = last.id
  }
}

async function checkAll(core: Core, runId: number | null) {
  const { store, clock } = core.engine
  const counts = { whole: 0, missing: 0, changed: 0 }
  const problems: Problem[] = []
  for (const clip of everyClip(core, runId)) {
    const condition = await checkClip(clip.archiveFolder, clip)
    counts[condition] += 1
    store.clips.setCondition(clip.id, condition, clock.now())
    if (condition !== 'whole') problems.push(conditionProblem(clip, condition))
  }
  return { ...counts, problems }
}

function conditionProblem(
  clip: { id: number; archiveFolder: string; path: string },
  condition: 'missing' | 'changed',
): Problem {
  const file = `${clip.archiveFolder}/${clip.path}`
  return condition === 'missing'
    ? problem(
        'clip-missing',
        `${file} is no longer there. It was archived and paid for; its record is kept.`,
        'Put it back from a backup; within a day it can also be fetched again from the provider.',
        { clipId: clip.id, file },
      )
    : problem(
        'clip-changed',
        `${file} is not the file that was archived: its hash differs.`,
        'Put the original back from a backup; its hash stands in the sidecar.',
        { clipId: clip.id, file },
      )
}

/** Adds the clips of an archive that the database does not know, each checked against its sidecar's hash. */
async function rebuild(core: Core, folder: string) {
  const { store, clock } = core.engine
  const root = resolve(folder)
  let added = 0
  let known = 0
  const problems: Problem[] = []
  for await (const entry of readLibrary(root)) {
    if (entry.problem) problems.push(entry.problem)
    if (!entry.sidecar || !entry.clipPath || !entry.sidecarPath) continue
    if (store.clips.byPath(root, entry.clipPath)) {
      known += 1
      continue
    }
    const condition = await checkClip(root, { ...entry.sidecar.clip, path: entry.clipPath })
    const id = store.clips.insert(toClip(entry as WholeEntry, root, clock.now()))
    store.clips.setCondition(id, condition, clock.now())
    if (condition !== 'whole') {
      problems.push(conditionProblem({ id, archiveFolder: root, path: entry.clipPath }, condition))
    }
    added += 1
  }
  return { added, known, problems }
}

type WholeEntry = LibraryEntry & {
  sidecar: NonNullable<LibraryEntry['sidecar']>
  clipPath: string
  sidecarPath: string
}

function toClip({ sidecar, clipPath, sidecarPath }: WholeEntry, archiveFolder: string, now: number) {
  const { clip } = sidecar
  return {
    jobId: null,
    runId: null,
    archiveFolder,
    path: clipPath,
    sidecarPath,
    sha256: clip.sha256,
    sizeBytes: clip.sizeBytes,
    width: clip.width,
    height: clip.height,
    durationMs: clip.durationMs,
    hasSound: clip.hasSound,
    model: sidecar.model,
    prompt: sidecar.prompt,
    remoteId: sidecar.task.id,
    problem: sidecar.problem,
    createdAt: Date.parse(sidecar.times.archivedAt) || now,
  }
}

export const clips = {
  page: calls.clips.page.handler(({ context, input }) => {
    const { store } = context.engine
    const found = store.clips.page(input.runId, input.after, input.limit)
    const last = found.at(-1)
    return {
      clips: found,
      next: last && found.length === input.limit ? last.id : null,
      total: store.clips.count(input.runId),
    }
  }),
  check: calls.clips.check.handler(({ context, input }) => checkAll(context, input.runId)),
  rebuild: calls.clips.rebuild.handler(({ context, input }) => rebuild(context, input.folder)),
}
