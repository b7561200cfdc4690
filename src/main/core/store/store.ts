import { createAccounts } from './accounts.ts'
import { createAttempts } from './attempts.ts'
import { createClips } from './clips.ts'
import { createEvents } from './events.ts'
import { createExports } from './exports.ts'
import { createJobInserts } from './job-inserts.ts'
import { createJobs } from './jobs.ts'
import { createLedger } from './ledger.ts'
import { backUpDaily, openDatabase } from './open.ts'
import { createReferences } from './references.ts'
import { createRunPrices } from './run-prices.ts'
import { createRuns } from './runs.ts'
import { createSettings } from './settings.ts'

/** The database of one data folder: every table's statements, and the transaction they run in. */
export function openStore(path: string) {
  const db = openDatabase(path)
  return {
    accounts: createAccounts(db),
    runs: createRuns(db),
    runPrices: createRunPrices(db),
    jobs: { ...createJobs(db), ...createJobInserts(db) },
    attempts: createAttempts(db),
    references: createReferences(db),
    clips: createClips(db),
    ledger: createLedger(db),
    events: createEvents(db),
    exports: createExports(db),
    settings: createSettings(db),
    /** Runs `change` in one transaction: all of it is durable when this returns, or none. */
    write: <T>(change: () => T): T => db.transaction(change).immediate(),
    /** The same, as a part of the transaction that its caller has begun, if there is one: a fault undoes all of that. */
    join: <T>(change: () => T): T => (db.inTransaction ? change() : db.transaction(change).immediate()),
    backUp: (now: number) => backUpDaily(db, path, now),
    /** How SQLite would run a query with these values (what it knows of them decides too); for the plan tests. */
    explain: (sql: string, values: Record<string, unknown>): string =>
      (db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(values) as { detail: string }[])
        .map((row) => row.detail)
        .join('\n'),
    analyze: () => void db.exec('ANALYZE'),
    isOpen: () => db.open,
    close: () => {
      if (db.open) db.close()
    },
  }
}
export type Store = ReturnType<typeof openStore>
