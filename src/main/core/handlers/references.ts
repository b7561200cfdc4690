import { resolve } from 'node:path'
import type { ReferenceFacts } from '../../../shared/models/types.ts'
import type { Reference, ReferenceDetail } from '../../../shared/reference.ts'
import { addReferences } from '../references/add.ts'
import { fitReference, trimReference } from '../references/copies.ts'
import { getReference } from '../references/keep.ts'
import { limitsOf } from '../references/limits.ts'
import { lookAtOriginal } from '../references/original.ts'
import { probeAddress } from '../references/probe-address.ts'
import { relinkOriginals } from '../references/relink.ts'
import { calls } from './context.ts'

export const references = {
  list: calls.references.list.handler(({ context, input: { limit, offset, ...wanted } }) =>
    context.engine.store.references.list(limit, offset, wanted),
  ),
  add: calls.references.add.handler(({ context, input, signal }) =>
    addReferences(context.engine, input.path, { signal, except: resolve(context.home) }),
  ),
  get: calls.references.get.handler(async ({ context, input }): Promise<ReferenceDetail> => {
    const { store, clock } = context.engine
    const reference = getReference(store, input.id)
    const runs = store.references.usedBy(reference.id)
    return {
      reference,
      original: await lookAtOriginal(reference),
      jobs: runs.reduce((sum, { jobs }) => sum + jobs, 0),
      runs,
      uploads: store.references.liveUploads(reference.id, clock.now()),
      limits: limitsOf(toFacts(reference)),
    }
  }),
  fit: calls.references.fit.handler(({ context, input: { id, model, background } }) =>
    fitReference(context.engine, id, model, background),
  ),
  trim: calls.references.trim.handler(({ context, input }) =>
    trimReference(context.engine, input.id, input.maximumMs),
  ),
  relink: calls.references.relink.handler(({ context, input, signal }) =>
    relinkOriginals(context.engine, input.folder, { signal, except: resolve(context.home) }),
  ),
  probe: calls.references.probe.handler(({ context, input }) => probeAddress(input.address, context.engine)),
}

/** What the rules of a model look at. */
function toFacts(stored: Reference): ReferenceFacts {
  const { name, kind, format, sizeBytes, width, height, durationMs, hasTransparency } = stored
  return {
    name,
    kind,
    format,
    sizeBytes,
    ...(width !== null && { width }),
    ...(height !== null && { height }),
    ...(durationMs !== null && { durationMs }),
    ...(hasTransparency !== null && { hasTransparency }),
  }
}
