import type * as z from 'zod'
import type { LedgerGroup, LedgerSum } from '../../../shared/contract.ts'
import { type LedgerPart, QUARTER_MS } from '../store/ledger.ts'
import type { Store } from '../store/store.ts'
import { turnOfLoop } from '../system.ts'
import { dayOf } from './days.ts'
import { namesIn, remembering } from './names.ts'

type Group = z.infer<typeof LedgerGroup>
type Sum = z.infer<typeof LedgerSum>

/** As many lines as are summed up in a few milliseconds. */
const LINES_A_TURN = 2_000

/**
 * Sums of the ledger by any of run, day, model and account. Amounts of different currencies, and of different
 * standings, are never added together. The lines are read in parts with a turn of the loop between them, so a
 * line that changes meanwhile counts once, as it was or as it became.
 */
export async function sumLedger(store: Store, runId: number | null, by: readonly Group[]): Promise<Sum[]> {
  const flags = {
    byRun: by.includes('run'),
    byAccount: by.includes('account'),
    byModel: by.includes('model'),
    byDay: by.includes('day'),
  }
  const names = createNames(store, by)
  const sums = new Map<string, Sum>()
  for (let after = 0; ; await turnOfLoop()) {
    const parts = store.ledger.sums(runId, flags, after, LINES_A_TURN)
    if (parts.length === 0) break
    for (const part of parts) {
      add(sums, names(part), part)
      after = Math.max(after, part.lastAttemptId)
    }
  }
  return [...sums].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, sum]) => sum)
}

type Names = Pick<Sum, 'run' | 'day' | 'account' | 'model'> & { key: string }

/** What each part is called, and a key that puts the sums in order: runs and accounts as they were made. */
function createNames(store: Store, by: readonly Group[]): (part: LedgerPart) => Names {
  const { runs, accounts } = namesIn(store)
  const days = remembering((quarter) => dayOf(quarter * QUARTER_MS))
  return ({ runId, accountId, model, quarter, currency, standing }) => {
    const day = by.includes('day') ? days(quarter) : null
    const order = [day ?? '', place(runId), place(accountId), model, currency, standing]
    return {
      key: order.join('\n'),
      day,
      run: by.includes('run') ? runs(runId) : null,
      account: by.includes('account') ? accounts(accountId) : null,
      model: by.includes('model') ? model : null,
    }
  }
}

const place = (id: number): string => String(id).padStart(16, '0')

function add(sums: Map<string, Sum>, { key, ...names }: Names, part: LedgerPart): void {
  const { currency, standing } = part
  const sum = sums.get(key) ?? { ...names, currency, standing, ...NOTHING }
  sum.jobs += part.jobs
  sum.estimateMicros = plus(sum.estimateMicros, part.estimateMicros)
  sum.reservedMicros = plus(sum.reservedMicros, part.reservedMicros)
  sum.chargedMicros = plus(sum.chargedMicros, part.chargedMicros)
  sum.countedMicros += part.countedMicros
  sums.set(key, sum)
}

const NOTHING = { jobs: 0, estimateMicros: null, reservedMicros: null, chargedMicros: null, countedMicros: 0 }

/** Nothing known and nothing known is nothing known, not zero. */
const plus = (one: number | null, other: number | null): number | null =>
  one === null ? other : other === null ? one : one + other
