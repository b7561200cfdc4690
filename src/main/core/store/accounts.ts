import {
  type AccountFamily,
  type AccountLimits,
  AccountOptions,
  type PriceTable,
} from '../../../shared/account.ts'
import type { Problem } from '../../../shared/problem.ts'
import type { Sqlite } from './open.ts'
import { fromRow, toJson } from './rows.ts'

/** What an account's own trouble stops. Downloads need no key and never stop. */
export type Stops = 'nothing' | 'spending' | 'everything'

export interface AccountRecord {
  id: number
  name: string
  family: AccountFamily
  baseUrl: string | null
  filesUrl: string | null
  proxyUrl: string | null
  currency: 'credits' | 'usd'
  prices: PriceTable
  limits: AccountLimits
  options: AccountOptions
  capMicros: number | null
  countedMicros: number
  isPaused: boolean
  stops: Stops
  stopsUntilAt: number | null
  problem: Problem | null
  keyKept: string | null
  createdAt: number
  removedAt: number | null
}
export type NewAccount = Pick<
  AccountRecord,
  | 'name'
  | 'family'
  | 'baseUrl'
  | 'filesUrl'
  | 'proxyUrl'
  | 'currency'
  | 'prices'
  | 'limits'
  | 'options'
  | 'capMicros'
  | 'keyKept'
  | 'createdAt'
>

const DEFAULT_OPTIONS = AccountOptions.parse({})

/** An account that an earlier version wrote has not every option yet. */
function read(row: unknown): AccountRecord {
  const account = fromRow<AccountRecord>(row)
  return { ...account, options: { ...DEFAULT_OPTIONS, ...account.options } }
}

/** Every statement over `accounts`. */
export function createAccounts(db: Sqlite) {
  const insert = db.prepare(
    `INSERT INTO accounts (name, family, base_url, files_url, proxy_url, currency, prices_json, limits_json,
       options_json, cap_micros, key_kept, created_at)
     VALUES (@name, @family, @baseUrl, @filesUrl, @proxyUrl, @currency, @pricesJson, @limitsJson, @optionsJson,
       @capMicros, @keyKept, @createdAt)`,
  )
  const update = db.prepare(
    `UPDATE accounts SET base_url = @baseUrl, files_url = @filesUrl, proxy_url = @proxyUrl, prices_json = @pricesJson,
       limits_json = @limitsJson, options_json = @optionsJson, cap_micros = @capMicros, is_paused = @isPaused,
       stops = @stops, stops_until_at = @stopsUntilAt, problem_json = @problemJson, key_kept = @keyKept,
       removed_at = @removedAt, name = @name WHERE id = @id`,
  )
  const get = db.prepare('SELECT * FROM accounts WHERE id = ?')
  const byName = db.prepare('SELECT * FROM accounts WHERE name = ? AND removed_at IS NULL')
  const list = db.prepare('SELECT * FROM accounts WHERE removed_at IS NULL ORDER BY id')
  const busy = db.prepare(
    `SELECT coalesce(sum(jobs), 0) AS n FROM job_counts
     WHERE account_id = ? AND state NOT IN ('done', 'failed', 'cancelled')`,
  )
  const bought = db.prepare(
    `SELECT coalesce(sum(jobs), 0) AS n FROM job_counts
     WHERE account_id = ? AND state IN ('submitting', 'unconfirmed', 'generating', 'downloading')`,
  )
  const write = ({ prices, limits, options, ...account }: NewAccount) => ({
    ...account,
    pricesJson: JSON.stringify(prices),
    limitsJson: JSON.stringify(limits),
    optionsJson: JSON.stringify(options),
  })
  return {
    insert: (account: NewAccount) => Number(insert.run(write(account)).lastInsertRowid),
    update({
      problem,
      isPaused,
      createdAt: _createdAt,
      countedMicros: _counted,
      family: _family,
      currency: _currency,
      ...account
    }: AccountRecord): void {
      const { prices, limits, options, ...rest } = account
      update.run({
        ...rest,
        pricesJson: JSON.stringify(prices),
        limitsJson: JSON.stringify(limits),
        optionsJson: JSON.stringify(options),
        isPaused: isPaused ? 1 : 0,
        problemJson: toJson(problem),
      })
    },
    get(id: number): AccountRecord | undefined {
      const row = get.get(id)
      return row ? read(row) : undefined
    },
    byName(name: string): AccountRecord | undefined {
      const row = byName.get(name)
      return row ? read(row) : undefined
    },
    list: () => list.all().map(read),
    /** Jobs that still need this account. */
    countUnfinished: (id: number) => (busy.get(id) as { n: number }).n,
    /** Jobs whose task is, or may be, at this account's provider. */
    countBought: (id: number) => (bought.get(id) as { n: number }).n,
  }
}
export type Accounts = ReturnType<typeof createAccounts>
