import type { Engine } from '../jobs/engine.ts'
import type { Store } from '../store/store.ts'
import { turnOfLoop } from '../system.ts'

/** The last row whose words can be found. */
const INDEXED_TO = 'words-indexed-to'
/** Some ten milliseconds of work. */
const ROWS_AT_ONCE = 1_000

/** Makes the next rows findable by their words; belongs into a transaction. False: there were no more. */
export function indexSomeWords({ jobs, settings }: Store): boolean {
  const before = Number(settings.get(INDEXED_TO) ?? 0)
  const last = jobs.indexText(before, ROWS_AT_ONCE)
  if (last === before) return false
  settings.set(INDEXED_TO, last)
  return true
}

/**
 * Makes all rows findable, a slice in each turn of the event loop: a large import does not wait for it. Whatever
 * is missing when the app stops is made up for at the next start.
 */
export async function indexWords({ store, log }: Pick<Engine, 'store' | 'log'>): Promise<void> {
  try {
    while (store.isOpen() && store.write(() => indexSomeWords(store))) await turnOfLoop()
  } catch (error) {
    log.warn('the words of some rows cannot be found yet', { error: (error as Error).name })
  }
}
