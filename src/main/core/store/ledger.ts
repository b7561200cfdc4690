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

const summaryOf = (
  which: string,
): string => `SELECT run_id, account_id, model, currency, standing, count(*) AS jobs,
    sum(estimate_micros) AS estimate_micros, sum(reserved_micros) AS reserved_micros,
    sum(charged_micros) AS charged_micros, sum(counted_micros) AS counted_micros
  FROM ledger ${which}
  GROUP BY run_id, account_id, model, currency, standing ORDER BY run_id, account_id, model, standing`
const SUMMARY = summaryOf('')
export const SUMMARY_OF_RUN = summaryOf('WHERE run_id = @runId')
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
  const summary = db.prepare(SUMMARY)
  const summaryOfRun = db.prepare(SUMMARY_OF_RUN)
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
    summary: (runId: number | null) =>
      (runId === null ? summary.all() : summaryOfRun.all({ runId })).map((row) =>
        fromRow<{
          runId: number
          accountId: number
          model: string
          currency: 'credits' | 'usd'
          standing: LedgerLine['standing']
          jobs: number
          estimateMicros: number | null
          reservedMicros: number | null
          chargedMicros: number | null
          countedMicros: number
        }>(row),
      ),
  }
}
export type Ledger = ReturnType<typeof createLedger>
