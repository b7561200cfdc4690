import type { NewJob, NewJobReference } from './jobs.ts'
import type { Sqlite } from './open.ts'
import { toJson } from './rows.ts'

/**
 * What every new row goes into: indexes, and the counting of rows. The other indexes hold rows under way, and
 * cost a new row nothing.
 */
const GROWING = ['jobs_queue', 'jobs_wake', 'jobs_run', 'jobs_view', 'job_references_used', 'jobs_counted_in']

/** Fewer rows are put into the indexes sooner than the indexes are made. */
const FEWEST_IN_BULK = 1_000

/** The statements that put rows into `jobs` and `job_references`: an import puts in a hundred thousand. */
export function createJobInserts(db: Sqlite) {
  // Values by their places: looking names up costs more than all the rest of a row that is put in.
  const insert = db.prepare(
    `INSERT INTO jobs (run_id, account_id, parent_id, row, row_key, take, fingerprint, name, state, pauses, run_at,
       model, prompt, estimate_micros, created_at, order_json, cells_json, problem_json)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const insertReference = db.prepare(
    `INSERT INTO job_references (job_id, role, position, reference_id, address, name, kind)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  )
  const indexText = db.prepare(
    `INSERT OR REPLACE INTO jobs_text (rowid, prompt, name, problem)
     SELECT id, prompt, coalesce(name, ''), coalesce(problem_json ->> '$.what', '') FROM jobs
     WHERE id > ? AND id <= ?`,
  )
  const lastId = db.prepare('SELECT coalesce(max(id), 0) FROM jobs').pluck()
  const growing = db.prepare(
    `SELECT type, name, sql FROM sqlite_schema WHERE name IN (${GROWING.map((name) => `'${name}'`).join(', ')})`,
  )
  const countIn = db.prepare(
    `INSERT INTO job_counts SELECT run_id, state, account_id, pauses, count(*) FROM jobs WHERE id > ?
     GROUP BY run_id, state, account_id, pauses ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs`,
  )
  return {
    insert: (job: NewJob): number =>
      Number(
        insert.run(
          job.runId,
          job.accountId,
          job.parentId,
          job.row,
          job.rowKey,
          job.take,
          job.fingerprint,
          job.name,
          job.state,
          job.pauses,
          job.runAt,
          job.model,
          job.prompt,
          job.estimateMicros,
          job.createdAt,
          JSON.stringify(job.order),
          JSON.stringify(job.cells),
          toJson(job.problem),
        ).lastInsertRowid,
      ),
    insertReference: (reference: NewJobReference): void => {
      const { jobId, role, position, referenceId, address, name, kind } = reference
      insertReference.run(jobId, role, position, referenceId, address, name, kind)
    },
    lastId: () => lastId.get() as number,
    /**
     * Makes rows after an id findable by their words, at most so many; returns the last one's id. Many at once:
     * one at a time costs more than all the rest of a row.
     */
    indexText(afterId: number, most = Number.MAX_SAFE_INTEGER): number {
      const last = Math.min(lastId.get() as number, afterId + most)
      indexText.run(afterId, last)
      return last
    },
    /**
     * Runs `insertAll`, which puts in about so many rows; belongs into a transaction. Where they are at least as
     * many as were there before, they are counted and put into the indexes all at once afterwards: that costs a
     * third of doing it row by row.
     */
    inBulk(rows: number, insertAll: () => void): void {
      const before = lastId.get() as number
      if (rows < Math.max(FEWEST_IN_BULK, before)) {
        insertAll()
        return
      }
      const apart = growing.all() as { type: string; name: string; sql: string }[]
      for (const { type, name } of apart) db.exec(`DROP ${type} ${name}`)
      insertAll()
      countIn.run(before)
      for (const { sql } of apart) db.exec(sql)
    },
  }
}
