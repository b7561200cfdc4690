import { ProblemError } from '../../../shared/problem.ts'
import { parseTemplate } from '../archive/names.ts'
import { type Core, calls } from './context.ts'

const NAMES = ['archiveFolder', 'nameTemplate', 'proxyUrl'] as const

const read = ({ engine: { store } }: Core): Record<string, unknown> =>
  Object.fromEntries(NAMES.map((name) => [name, store.settings.get(name) ?? null]))

export const settings = {
  get: calls.settings.get.handler(({ context }) => read(context)),
  set: calls.settings.set.handler(({ context, input }) => {
    const wrong = input.nameTemplate === undefined ? [] : parseTemplate(input.nameTemplate).problems
    if (wrong[0]) throw new ProblemError(wrong[0])
    for (const name of NAMES) {
      if (input[name] !== undefined) context.engine.store.settings.set(name, input[name])
    }
    return read(context)
  }),
}
