import type { LedgerLine } from '../../../shared/job.ts'
import type { Problem } from '../../../shared/problem.ts'
import type { Sqlite } from './open.ts'
import { fromRow } from './rows.ts'

/** A job with what became of it, as a manifest needs it. */
export interface OutcomeRow {
  id: number
  row: number
  take: number
  state: string
  cells: Record<string, string>
  remoteId: string | null
  estimateMicros: number | null
  accountId: number
  problem: Problem | null
  archiveFolder: string | null
  path: string | null
  sha256: string | null
  durationMs: number | null
  clipProblem: Problem | null
  /** Over all of its attempts; null = nothing was charged, or it is not known. */
  chargedMicros: number | null
}

/** An attempt's line with what it paid for. */
export interface LedgerDetail extends Omit<LedgerLine, 'jobId'> {
  row: number
  take: number
  model: string
  remoteId: string | null
}

type Place = Pick<OutcomeRow, 'row' | 'take' | 'id'>

/** A run's rows as in the sheet, a page at a time. */
export const OUTCOMES = `SELECT jobs.id, jobs.row, jobs.take, jobs.state, jobs.cells_json, jobs.remote_id,
    jobs.estimate_micros, jobs.account_id, jobs.problem_json, clips.archive_folder, clips.path, clips.sha256,
    clips.duration_ms, clips.problem_json AS clip_problem_json,
    (SELECT sum(charged_micros) FROM ledger INDEXED BY ledger_job WHERE job_id = jobs.id) AS charged_micros
  FROM jobs INDEXED BY jobs_run LEFT JOIN clips INDEXED BY clips_job ON clips.job_id = jobs.id
  WHERE jobs.run_id = @runId AND (jobs.row, jobs.take, jobs.id) > (@row, @take, @id)
  ORDER BY jobs.row, jobs.take, jobs.id LIMIT @limit`

const linesOf = (
  from: string,
): string => `SELECT ledger.attempt_id, ledger.at, ledger.run_id, ledger.account_id,
    ledger.model, ledger.currency, ledger.standing, ledger.estimate_micros, ledger.reserved_micros,
    ledger.charged_micros, ledger.counted_micros, jobs.row, jobs.take, attempts.remote_id
  FROM ${from} CROSS JOIN jobs ON jobs.id = ledger.job_id
    CROSS JOIN attempts ON attempts.id = ledger.attempt_id
  WHERE ledger.attempt_id > @after`
/** The oldest attempt first. */
export const LINES = `${linesOf('ledger')} ORDER BY ledger.attempt_id LIMIT @limit`
export const LINES_OF_RUN = `${linesOf('ledger INDEXED BY ledger_run')} AND ledger.run_id = @runId
  ORDER BY ledger.attempt_id LIMIT @limit`

/** What is read in pages to be written to a file. A page is read at once: between two, others may use the database. */
export function createExports(db: Sqlite) {
  const outcomes = db.prepare(OUTCOMES)
  const lines = db.prepare(LINES)
  const linesOfRun = db.prepare(LINES_OF_RUN)
  return {
    /** Rows of a run after a place in it; null = from its start. */
    outcomes: (runId: number, after: Place | null, limit: number) =>
      outcomes
        .all({ runId, row: after?.row ?? 0, take: after?.take ?? 0, id: after?.id ?? 0, limit })
        .map((row) => fromRow<OutcomeRow>(row)),
    /** Lines of the ledger after an attempt; 0 = from the first. */
    lines: (runId: number | null, after: number, limit: number) =>
      (runId === null ? lines.all({ after, limit }) : linesOfRun.all({ runId, after, limit })).map((row) =>
        fromRow<LedgerDetail>(row),
      ),
  }
}
export type Exports = ReturnType<typeof createExports>
