import { first } from './0001-first.ts'

/** In order; the position is the schema's version. A migration that was released is never changed. */
export const MIGRATIONS: readonly string[] = [first]
