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

/**
 * So many rows go into one statement: what a statement costs of its own (the sets that its checks look into are
 * built anew each time) is a third of a row that is put in alone.
 */
const ROWS_A_STATEMENT = 50

/** A job to be put in with what its row refers to, in order. */
export interface NewJobRow {
  job: NewJob
  references: readonly Omit<NewJobReference, 'jobId'>[]
}

const JOB_COLUMNS = [
  ...['id', 'run_id', 'account_id', 'parent_id', 'row', 'row_key', 'take', 'fingerprint', 'name', 'state'],
  ...['pauses', 'run_at', 'model', 'prompt', 'estimate_micros', 'created_at', 'order_json', 'cells_json'],
  'problem_json',
]
const REFERENCE_COLUMNS = ['job_id', 'role', 'position', 'reference_id', 'address', 'name', 'kind']

/** Puts rows into a table, many in one statement and what is left over one by one. */
function createInsert(db: Sqlite, table: string, columns: readonly string[]) {
  // Values by their places: looking names up costs more than all the rest of a row that is put in.
  const row = `(${columns.map(() => '?').join(', ')})`
  const start = `INSERT INTO ${table} (${columns.join(', ')}) VALUES`
  const one = db.prepare(`${start} ${row}`)
  const many = db.prepare(`${start} ${Array.from({ length: ROWS_A_STATEMENT }, () => row).join(', ')}`)
  const full = columns.length * ROWS_A_STATEMENT
  /** `values` are those of whole rows, one after the other. */
  return (values: readonly unknown[]): void => {
    let at = 0
    for (; at + full <= values.length; at += full) many.run(values.slice(at, at + full))
    for (; at < values.length; at += columns.length) one.run(values.slice(at, at + columns.length))
  }
}

function pushJob(values: unknown[], id: number, job: NewJob): void {
  values.push(
    id,
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
  )
}

function pushReference(values: unknown[], reference: NewJobReference): void {
  const { jobId, role, position, referenceId, address, name, kind } = reference
  values.push(jobId, role, position, referenceId, address, name, kind)
}

/** The statements that put rows into `jobs` and `job_references`: an import puts in a hundred thousand. */
export function createJobInserts(db: Sqlite) {
  const insertJobs = createInsert(db, 'jobs', JOB_COLUMNS)
  const insertReferences = createInsert(db, 'job_references', REFERENCE_COLUMNS)
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
  function insert(job: NewJob): number {
    const id = (lastId.get() as number) + 1
    const values: unknown[] = []
    pushJob(values, id, job)
    insertJobs(values)
    return id
  }
  function insertReference(reference: NewJobReference): void {
    const values: unknown[] = []
    pushReference(values, reference)
    insertReferences(values)
  }
  /** A statement's worth of jobs at a time, each before its references. */
  function insertAll<T>(items: readonly T[], toRow: (item: T) => NewJobRow): void {
    let id = lastId.get() as number
    for (let at = 0; at < items.length; at += ROWS_A_STATEMENT) {
      const jobs: unknown[] = []
      const links: unknown[] = []
      for (const item of items.slice(at, at + ROWS_A_STATEMENT)) {
        const { job, references } = toRow(item)
        id += 1
        pushJob(jobs, id, job)
        for (const reference of references) pushReference(links, { ...reference, jobId: id })
      }
      insertJobs(jobs)
      insertReferences(links)
    }
  }
  return {
    insert,
    insertReference,
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
     * Puts a row in for each item, in order; belongs into a transaction. Where they are at least as many as were
     * there before, they are counted and put into the indexes all at once afterwards: that costs a third of
     * doing it row by row.
     */
    insertMany<T>(items: readonly T[], toRow: (item: T) => NewJobRow): void {
      const before = lastId.get() as number
      if (items.length < Math.max(FEWEST_IN_BULK, before)) {
        insertAll(items, toRow)
        return
      }
      const apart = growing.all() as { type: string; name: string; sql: string }[]
      for (const { type, name } of apart) db.exec(`DROP ${type} ${name}`)
      insertAll(items, toRow)
      countIn.run(before)
      for (const { sql } of apart) db.exec(sql)
    },
  }
}
