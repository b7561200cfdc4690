import type { LedgerLine } from '../../../shared/job.ts'
import { CREDITS_PER_USD } from '../../../shared/run.ts'
import type { Sqlite } from './open.ts'
import { fromRow } from './rows.ts'

export interface LedgerEntry {
  standing: LedgerLine['standing']
  reservedMicros?: number | null
  chargedMicros?: number | null
}

/** Micros of a currency as micro-credits, at the shown rate: one cap holds over both currencies. */
export const toCreditMicros = (currency: 'credits' | 'usd', micros: number): number =>
  currency === 'usd' ? micros * CREDITS_PER_USD : micros

/**
 * What a line counts against the caps. Money that may have been spent counts like money that was: only a
 * sure refusal or a sure release counts nothing.
 */
export function countedMicros(line: {
  standing: LedgerLine['standing']
  estimateMicros: number | null
  reservedMicros: number | null
  chargedMicros: number | null
}): number {
  switch (line.standing) {
    case 'released':
      return 0
    case 'charged':
      return line.chargedMicros ?? line.reservedMicros ?? line.estimateMicros ?? 0
    case 'open':
    case 'reserved':
    case 'unknown':
      return Math.max(line.reservedMicros ?? 0, line.reservedMicros === null ? (line.estimateMicros ?? 0) : 0)
    default:
      return line.standing satisfies never
  }
}

/** Newest charges that prices are learned from: enough for a median, and prices change. */
const LEARN_FROM = 500

/** What a sum is made of; the attempt's time goes by quarters of an hour, which no calendar day cuts. */
export interface LedgerPart {
  runId: number
  accountId: number
  model: string
  currency: 'credits' | 'usd'
  standing: LedgerLine['standing']
  quarter: number
  /** One for each attempt: a row that was charged twice counts twice. */
  jobs: number
  estimateMicros: number | null
  reservedMicros: number | null
  chargedMicros: number | null
  countedMicros: number
  /** The last attempt of the page that is in this part. */
  lastAttemptId: number
}

/** Every time zone is whole quarters of an hour away from UTC. */
export const QUARTER_MS = 900_000

/** Columns that sums can be taken by; what is not asked for is the same for all. */
export interface LedgerBy {
  byRun: boolean
  byAccount: boolean
  byModel: boolean
  byDay: boolean
}

const sumsOf = (which: string): string => `SELECT CASE WHEN @byRun THEN run_id ELSE 0 END AS run_id,
    CASE WHEN @byAccount THEN account_id ELSE 0 END AS account_id,
    CASE WHEN @byModel THEN model ELSE '' END AS model, currency, standing,
    CASE WHEN @byDay THEN at / ${QUARTER_MS} ELSE 0 END AS quarter, count(*) AS jobs,
    sum(estimate_micros) AS estimate_micros, sum(reserved_micros) AS reserved_micros,
    sum(charged_micros) AS charged_micros, sum(counted_micros) AS counted_micros,
    max(attempt_id) AS last_attempt_id
  FROM (SELECT * FROM ledger ${which} attempt_id > @after ORDER BY attempt_id LIMIT @limit)
  GROUP BY 1, 2, 3, 4, 5, 6`
export const SUMS = sumsOf('WHERE')
export const SUMS_OF_RUN = sumsOf('INDEXED BY ledger_run WHERE run_id = @runId AND')
/** A row that was moved since has another order than the one that was charged. */
export const CHARGED = `SELECT ledger.model, ledger.charged_micros, jobs.order_json
  FROM ledger CROSS JOIN jobs ON jobs.id = ledger.job_id
  WHERE ledger.account_id = @accountId AND ledger.standing = 'charged' AND ledger.charged_micros > 0
    AND jobs.model = ledger.model ORDER BY ledger.attempt_id DESC LIMIT ${LEARN_FROM}`

/** Every statement over `ledger`: one line an attempt. Triggers keep the sums of runs and accounts. */
export function createLedger(db: Sqlite) {
  const insert = db.prepare(
    `INSERT INTO ledger (attempt_id, job_id, run_id, account_id, model, currency, standing, estimate_micros,
       counted_micros, counted_credit_micros, at)
     VALUES (@attemptId, @jobId, @runId, @accountId, @model, @currency, 'open', @estimateMicros,
       @counted, @countedCredits, @now)`,
  )
  const get = db.prepare('SELECT * FROM ledger WHERE attempt_id = ?')
  const update = db.prepare(
    `UPDATE ledger SET standing = @standing, reserved_micros = @reservedMicros, charged_micros = @chargedMicros,
       counted_micros = @counted, counted_credit_micros = @countedCredits, at = @now
     WHERE attempt_id = @attemptId`,
  )
  const ofJob = db.prepare('SELECT * FROM ledger WHERE job_id = ? ORDER BY attempt_id')
  const sums = db.prepare(SUMS)
  const sumsOfRun = db.prepare(SUMS_OF_RUN)
  const charged = db.prepare(CHARGED)
  return {
    open(line: {
      attemptId: number
      jobId: number
      runId: number
      accountId: number
      model: string
      currency: 'credits' | 'usd'
      estimateMicros: number | null
      now: number
    }): void {
      const counted = line.estimateMicros ?? 0
      insert.run({ ...line, counted, countedCredits: toCreditMicros(line.currency, counted) })
    },
    /** Moves a line on. Amounts that are not given stay as they are. */
    settle(attemptId: number, entry: LedgerEntry, now: number): void {
      const line = fromRow<LedgerLine>(get.get(attemptId))
      const next = {
        ...line,
        standing: entry.standing,
        reservedMicros: entry.reservedMicros ?? line.reservedMicros,
        chargedMicros: entry.chargedMicros ?? line.chargedMicros,
      }
      const counted = countedMicros(next)
      update.run({
        attemptId,
        standing: next.standing,
        reservedMicros: next.reservedMicros,
        chargedMicros: next.chargedMicros,
        counted,
        countedCredits: toCreditMicros(line.currency, counted),
        now,
      })
    },
    /** The newest charges of an account, with the orders they were for. */
    charged: (accountId: number) =>
      charged
        .all({ accountId })
        .map((row) => fromRow<{ model: string; chargedMicros: number; order: Record<string, unknown> }>(row)),
    ofJob: (jobId: number) => ofJob.all(jobId).map((row) => fromRow<LedgerLine>(row)),
    /** Sums over the next `limit` lines after an attempt: summing up all at once would keep others waiting. */
    sums(runId: number | null, by: LedgerBy, after: number, limit: number): LedgerPart[] {
      const flags = Object.fromEntries(Object.entries(by).map(([name, is]) => [name, is ? 1 : 0]))
      const values = { ...flags, after, limit }
      const rows = runId === null ? sums.all(values) : sumsOfRun.all({ ...values, runId })
      return rows.map((row) => fromRow<LedgerPart>(row))
    },
  }
}
export type Ledger = ReturnType<typeof createLedger>
