import { problem } from '../../../shared/problem.ts'
import { refuse } from './answer.ts'

/** Ids are the database's own numbers and nothing else; anything that could be a path is not one. */
export function parseId(text: string): number | undefined {
  return /^[1-9]\d{0,14}$/u.test(text) ? Number(text) : undefined
}

export const unknownMedia = (what: 'clip' | 'reference'): Response =>
  refuse(404, problem('not-found', `There is no such ${what}.`, 'Look at the list for what there is.'))

export const wrongMethod = (): Response =>
  refuse(405, problem('wrong-use', 'Media can only be read.', 'Ask with GET or HEAD.'), {
    allow: 'GET, HEAD',
  })
