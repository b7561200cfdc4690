import { dirname, resolve } from 'node:path'
import type { Reference } from '../../../shared/reference.ts'
import { writeReference } from '../sheets/import.ts'
import { MediaDesk } from '../sheets/media-desk.ts'
import { calls, notFound } from './context.ts'

export const references = {
  list: calls.references.list.handler(({ context, input }) =>
    context.engine.store.references.list(input.limit, input.offset),
  ),
  add: calls.references.add.handler(async ({ context, input }): Promise<Reference> => {
    const { engine } = context
    const file = resolve(input.path)
    const media = await new MediaDesk(dirname(file), engine.store).file(file)
    const stored = await engine.references.add(file)
    const reference = engine.store.references.get(writeReference(engine, media, stored.sha256))
    if (!reference) throw notFound('The stored reference')
    return reference
  }),
}
