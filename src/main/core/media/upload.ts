import { type Problem, ProblemError } from '../../../shared/problem.ts'
import type { Reference } from '../../../shared/reference.ts'
import type { Core } from '../handlers/context.ts'
import { getReference, recordReference } from '../references/keep.ts'
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
    const id = recordReference({ store, clock }, stored.sha256, facts, { name })
    return getReference(store, id)
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
