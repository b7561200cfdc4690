import { first } from './0001-first.ts'
import { counts } from './0002-counts.ts'
import { sheets } from './0003-sheets.ts'

/** In order; the position is the schema's version. A migration that was released is never changed. */
export const MIGRATIONS: readonly string[] = [first, counts, sheets]
