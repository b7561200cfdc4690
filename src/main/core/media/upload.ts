import { type Problem, ProblemError } from '../../../shared/problem.ts'
import type { Reference } from '../../../shared/reference.ts'
import { type Core, notFound } from '../handlers/context.ts'
import { probe } from '../references/probe.ts'

/**
 * Keeps a file that came without a path of its own (sent by a browser) as a reference under the name the
 * person knows. `file` is a passing copy: it is neither recorded nor removed here. Throws `ProblemError` as
 * `references.add` does, in words that name `name`.
 */
export async function addUpload(core: Core, file: string, name: string): Promise<Reference> {
  const { store, references, clock } = core.engine
  try {
    const facts = await probe(file)
    const stored = await references.add(file)
    const id = store.references.add({
      sha256: stored.sha256,
      kind: facts.kind,
      format: facts.format,
      mediaType: facts.mediaType,
      sizeBytes: facts.sizeBytes,
      width: facts.width,
      height: facts.height,
      durationMs: facts.durationMs,
      framesPerSecond: facts.framesPerSecond,
      hasSound: facts.hasSound,
      hasTransparency: facts.hasTransparency,
      name,
      originalPath: null,
      createdAt: clock.now(),
    })
    const reference = store.references.get(id)
    if (!reference) throw notFound('The stored reference')
    return reference
  } catch (error) {
    if (error instanceof ProblemError)
      throw new ProblemError(rename(error.problem, file, name), { cause: error })
    throw error
  }
}

const rename = ({ what, next, place, ...rest }: Problem, file: string, name: string): Problem => ({
  ...rest,
  what: what.replaceAll(file, name),
  next: next.replaceAll(file, name),
  place: { ...place, ...(place.file !== undefined && { file: name }) },
})
