import type { Sqlite } from './open.ts'
import { fromRow } from './rows.ts'

/** Which price of a run: `name` is `model:quality`, with `:silent` where that costs less. */
export interface RunPriceKey {
  runId: number
  accountId: number
  name: string
  /** What is compared with: the row's estimate, or (where there is none) the milliseconds it ordered. */
  isEstimated: boolean
}

/** What was agreed to, and the dearest that was told so far, each as micros for a basis. */
export interface RunPrice {
  agreedMicros: number
  agreedBasis: number
  dearestMicros: number
  dearestBasis: number
}

/** Every statement over `run_prices`. */
export function createRunPrices(db: Sqlite) {
  const get = db.prepare(
    `SELECT agreed_micros, agreed_basis, dearest_micros, dearest_basis FROM run_prices
     WHERE run_id = @runId AND account_id = @accountId AND name = @name AND is_estimated = @isEstimated`,
  )
  const set = db.prepare(
    `INSERT OR REPLACE INTO run_prices (run_id, account_id, name, is_estimated, agreed_micros, agreed_basis,
       dearest_micros, dearest_basis)
     VALUES (@runId, @accountId, @name, @isEstimated, @agreedMicros, @agreedBasis, @dearestMicros, @dearestBasis)`,
  )
  const write = (key: RunPriceKey) => ({ ...key, isEstimated: key.isEstimated ? 1 : 0 })
  return {
    get(key: RunPriceKey): RunPrice | undefined {
      const row = get.get(write(key))
      return row ? fromRow<RunPrice>(row) : undefined
    },
    set: (key: RunPriceKey, price: RunPrice) => void set.run({ ...write(key), ...price }),
  }
}
export type RunPrices = ReturnType<typeof createRunPrices>
