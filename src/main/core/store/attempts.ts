import type { Attempt } from '../../../shared/job.ts'
import type { Problem } from '../../../shared/problem.ts'
import type { Sqlite } from './open.ts'
import { fromRow, toJson } from './rows.ts'

export interface AttemptRecord extends Attempt {
  accountId: number
  /** As sent, with `data:<type>;sha256=<hex>` for inline references. */
  body: Record<string, unknown>
  answeredAt: number | null
  problem: Problem | null
}

/** Every statement over `attempts`: one create request each, written down before it leaves. */
export function createAttempts(db: Sqlite) {
  const insert = db.prepare(
    `INSERT INTO attempts (job_id, account_id, number, idempotency_key, body_json, body_sha256, created_at)
     VALUES (@jobId, @accountId, 1 + coalesce((SELECT max(number) FROM attempts WHERE job_id = @jobId), 0),
       @idempotencyKey, @bodyJson, @bodySha256, @now)`,
  )
  const undecided = db.prepare(`SELECT * FROM attempts WHERE job_id = ? AND outcome IN ('open', 'unknown')`)
  const ofJob = db.prepare('SELECT * FROM attempts WHERE job_id = ? ORDER BY number')
  const markSent = db.prepare(
    `UPDATE attempts SET sent_at = @now WHERE id = @id AND outcome = 'open' AND sent_at IS NULL`,
  )
  const markResent = db.prepare(
    `UPDATE attempts SET resent_at = @now WHERE id = @id AND outcome = 'open' AND resent_at IS NULL`,
  )
  const markUnsent = db.prepare(
    `UPDATE attempts SET sent_at = NULL, resent_at = NULL WHERE id = @id AND outcome = 'open'`,
  )
  const takeBack = db.prepare(
    `UPDATE attempts SET outcome = 'not-sent', answered_at = @now
     WHERE id = @id AND outcome = 'open' AND sent_at IS NULL`,
  )
  const takeBackQueued = db
    .prepare(
      `UPDATE attempts INDEXED BY attempts_one_undecided SET outcome = 'not-sent', answered_at = @now
       WHERE outcome IN ('open', 'unknown') AND outcome = 'open' AND sent_at IS NULL
         AND (SELECT run_id = @runId AND state = 'queued' FROM jobs WHERE jobs.id = job_id)
       RETURNING id`,
    )
    .pluck()
  const markUnrepeated = db.prepare(
    `UPDATE attempts SET resent_at = NULL WHERE id = @id AND outcome = 'open'`,
  )
  const decide = db.prepare(
    `UPDATE attempts SET outcome = @outcome, remote_id = @remoteId, answered_at = @now, problem_json = @problemJson
     WHERE id = @id`,
  )
  const rival = db.prepare(
    `SELECT 1 FROM attempts JOIN jobs ON jobs.id = attempts.job_id
     WHERE attempts.account_id = @accountId AND attempts.sent_at BETWEEN @from AND @to
       AND attempts.outcome IN ('open', 'unknown', 'left', 'absent') AND attempts.id <> @id
       AND jobs.model = @model LIMIT 1`,
  )
  const byTask = db.prepare('SELECT * FROM attempts WHERE account_id = ? AND remote_id = ?')
  const claimed = db.prepare('SELECT 1 FROM attempts WHERE account_id = ? AND remote_id = ?')
  const read = (row: unknown): AttemptRecord => fromRow<AttemptRecord>(row)
  return {
    insert(
      attempt: Pick<AttemptRecord, 'jobId' | 'accountId' | 'idempotencyKey' | 'bodySha256'> & {
        bodyJson: string
        now: number
      },
    ): number {
      return Number(insert.run(attempt).lastInsertRowid)
    },
    /** The job's attempt whose outcome is open or unknown: at most one, the schema sees to it. */
    undecided(jobId: number): AttemptRecord | undefined {
      const row = undecided.get(jobId)
      return row ? read(row) : undefined
    },
    ofJob: (jobId: number) => ofJob.all(jobId).map(read),
    /** True when this call set the mark: the request may leave, once. */
    markSent: (id: number, now: number) => markSent.run({ id, now }).changes === 1,
    markResent: (id: number, now: number) => markResent.run({ id, now }).changes === 1,
    /** Surely not received, or surely refused for now: the same attempt may be sent again. */
    markUnsent: (id: number) => void markUnsent.run({ id }),
    /** True when this call ended it: it was not marked as sent before, and never can be after. */
    takeBack: (id: number, now: number) => takeBack.run({ id, now }).changes === 1,
    /** The same for rows of a run that wait with a request written down; returns the attempts. */
    takeBackQueued: (runId: number, now: number) => takeBackQueued.all({ runId, now }) as number[],
    /** The repeat surely did not arrive: it is still to come. The first request stays sent. */
    markUnrepeated: (id: number) => void markUnrepeated.run({ id }),
    decide(
      id: number,
      outcome: AttemptRecord['outcome'],
      now: number,
      more: { remoteId?: string; problem?: Problem | null } = {},
    ): void {
      decide.run({
        id,
        outcome,
        now,
        remoteId: more.remoteId ?? null,
        problemJson: toJson(more.problem),
      })
    },
    /**
     * Whether another attempt of the account and model, sent in the window, may have made a task that no job
     * has: on its way, unknown, left, or said not to exist by a person, who may be wrong.
     */
    hasRival: (given: { id: number; accountId: number; model: string; from: number; to: number }) =>
      rival.get(given) !== undefined,
    byTask(accountId: number, remoteId: string): AttemptRecord | undefined {
      const row = byTask.get(accountId, remoteId)
      return row ? read(row) : undefined
    },
    /** Whether a task already belongs to one of our attempts. */
    isClaimed: (accountId: number, remoteId: string) => claimed.get(accountId, remoteId) !== undefined,
  }
}
export type Attempts = ReturnType<typeof createAttempts>
