import type { JobState, StateCounts } from '../../../shared/job.ts'
import type { Problem } from '../../../shared/problem.ts'
import type { Sqlite } from './open.ts'
import { fromRow, type Row, toJson, toSql } from './rows.ts'

/** A job as the engine holds it: the row, whole. Addresses of outputs never leave the core. */
export interface JobRecord {
  id: number
  runId: number
  accountId: number
  parentId: number | null
  row: number
  rowKey: string | null
  take: number
  fingerprint: string
  name: string | null
  state: JobState
  pauses: number
  priority: number
  runAt: number
  model: string
  prompt: string
  order: Record<string, unknown>
  cells: Record<string, string>
  attempt: number
  setbacks: number
  progress: number | null
  remoteId: string | null
  acceptedAt: number | null
  estimatedMs: number | null
  link: string | null
  linkExpiresAt: number | null
  estimateMicros: number | null
  clipName: string | null
  problem: Problem | null
  createdAt: number
  finishedAt: number | null
  version: number
}

export const PAUSED_BY_ITSELF = 1
export const PAUSED_BY_RUN = 2

export type NewJob = Pick<
  JobRecord,
  | 'runId'
  | 'accountId'
  | 'parentId'
  | 'row'
  | 'rowKey'
  | 'take'
  | 'fingerprint'
  | 'name'
  | 'state'
  | 'pauses'
  | 'runAt'
  | 'model'
  | 'prompt'
  | 'order'
  | 'cells'
  | 'estimateMicros'
  | 'problem'
  | 'createdAt'
>

/** What a sheet's row is compared with when the sheet is imported again. */
export type EarlierJob = Pick<JobRecord, 'id' | 'rowKey' | 'take' | 'fingerprint' | 'state' | 'problem'>

export interface NewJobReference {
  jobId: number
  role: 'reference' | 'audio'
  position: number
  referenceId: number | null
  address: string | null
  name: string
  kind: 'image' | 'video' | 'audio'
}

export interface JobGroup {
  state: JobState
  accountId: number
  pauses: number
  jobs: number
  firstId: number
}

export interface JobFilter {
  runId?: number | undefined
  states?: readonly JobState[] | undefined
  search?: string | undefined
}

/**
 * Taking the next jobs to buy: the plan test holds it to the `jobs_queue` index. The `+` keeps the planner,
 * which knows after ANALYZE that accounts and priorities are few, from jumping over them and sorting all
 * that is due.
 */
export const TAKE_QUEUED = `SELECT * FROM jobs
  WHERE account_id = @accountId AND state = 'queued' AND pauses = 0 AND +run_at <= @now
  ORDER BY priority DESC, run_at, id LIMIT @limit`
export const TAKE_WORKING = `SELECT * FROM jobs
  WHERE account_id = @accountId AND state = @state AND state IN ('uploading', 'submitting', 'unconfirmed', 'generating')
    AND run_at <= @now ORDER BY run_at, id LIMIT @limit`
/** The link that dies soonest goes first. */
export const TAKE_DOWNLOADS = `SELECT * FROM jobs
  WHERE account_id = @accountId AND state = 'downloading' AND run_at <= @now
  ORDER BY link_expires_at, id LIMIT @limit`
export const NEXT_WAKE = `SELECT min(run_at) AS at FROM jobs
  WHERE state IN ('queued', 'uploading', 'submitting', 'unconfirmed', 'generating', 'downloading')
    AND run_at > @now`
export const SEARCH = `SELECT rowid FROM jobs_text WHERE jobs_text MATCH @search`

/** The index alone answers it. */
const onlyIds = (query: string): string => query.replace('SELECT *', 'SELECT id')

const COLUMNS = [
  'runId',
  'accountId',
  'parentId',
  'row',
  'rowKey',
  'take',
  'fingerprint',
  'name',
  'state',
  'pauses',
  'runAt',
  'model',
  'prompt',
  'estimateMicros',
  'createdAt',
] as const

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Every statement over `jobs` and `job_references`. */
export function createJobs(db: Sqlite) {
  const insert = db.prepare(
    `INSERT INTO jobs (${COLUMNS.map(snake).join(', ')}, order_json, cells_json, problem_json)
     VALUES (${COLUMNS.map((name) => `@${name}`).join(', ')}, @orderJson, @cellsJson, @problemJson)`,
  )
  const indexText = db.prepare(
    `INSERT OR REPLACE INTO jobs_text (rowid, prompt, name, problem)
     SELECT id, prompt, coalesce(name, ''), coalesce(problem_json ->> '$.what', '') FROM jobs WHERE id > ?`,
  )
  const lastId = db.prepare('SELECT coalesce(max(id), 0) AS id FROM jobs')
  const insertReference = db.prepare(
    `INSERT INTO job_references (job_id, role, position, reference_id, address, name, kind)
     VALUES (@jobId, @role, @position, @referenceId, @address, @name, @kind)`,
  )
  const get = db.prepare('SELECT * FROM jobs WHERE id = ?')
  const save = db.prepare(
    `UPDATE jobs SET state = @state, pauses = @pauses, priority = @priority, run_at = @runAt,
       attempt = @attempt, setbacks = @setbacks, progress = @progress, remote_id = @remoteId,
       accepted_at = @acceptedAt, estimated_ms = @estimatedMs, link = @link,
       link_expires_at = @linkExpiresAt, estimate_micros = @estimateMicros, clip_name = @clipName,
       problem_json = @problemJson, finished_at = @finishedAt, model = @model, order_json = @orderJson,
       version = @version
     WHERE id = @id AND version = @version - 1`,
  )
  const dueQueued = db.prepare(onlyIds(TAKE_QUEUED)).pluck()
  const dueWorking = db.prepare(onlyIds(TAKE_WORKING)).pluck()
  const dueDownloads = db.prepare(onlyIds(TAKE_DOWNLOADS)).pluck()
  const ids = (found: unknown[]): number[] => found as number[]
  const takeQueued = db.prepare(TAKE_QUEUED)
  const takeWorking = db.prepare(TAKE_WORKING)
  const takeDownloads = db.prepare(TAKE_DOWNLOADS)
  const nextWake = db.prepare(NEXT_WAKE)
  const inState = db.prepare('SELECT * FROM jobs WHERE state = ? ORDER BY id')
  const countInFlight = db.prepare(
    `SELECT count(*) AS n FROM jobs WHERE account_id = ? AND state IN ('uploading', 'submitting', 'generating')`,
  )
  const references = db.prepare('SELECT * FROM job_references WHERE job_id = ? ORDER BY role DESC, position')
  const countsOfRun = db.prepare('SELECT state, count(*) AS n FROM jobs WHERE run_id = ? GROUP BY state')
  const countsOfAll = db.prepare('SELECT state, count(*) AS n FROM jobs GROUP BY state')
  const ofRun = db.prepare('SELECT * FROM jobs WHERE run_id = ? ORDER BY row, take, id')
  const earlierOf = db.prepare(
    'SELECT id, row_key, take, fingerprint, state, problem_json FROM jobs WHERE run_id = ? ORDER BY id',
  )
  const pauseRun = db.prepare(
    `UPDATE jobs SET pauses = (pauses & ~@bit) | CASE WHEN @isPaused THEN @bit ELSE 0 END, version = version + 1
     WHERE run_id = @runId AND (state IN ('held', 'queued', 'uploading', 'unconfirmed')
       OR (state = 'submitting' AND @alsoBegun))`,
  )
  const nameTaken = db.prepare(
    `SELECT 1 FROM jobs JOIN runs ON runs.id = jobs.run_id
     WHERE runs.archive_folder = ? AND jobs.clip_name = ? COLLATE NOCASE AND jobs.id <> ?`,
  )
  const groups = db.prepare(
    `SELECT state, account_id, pauses, count(*) AS jobs, min(id) AS first_id FROM jobs
     WHERE run_id = ? AND state IN ('held', 'queued', 'uploading', 'submitting', 'generating')
     GROUP BY state, account_id, pauses`,
  )
  const byTask = db.prepare('SELECT * FROM jobs WHERE account_id = ? AND remote_id = ?')

  const read = (row: unknown): JobRecord => fromRow<JobRecord>(row)
  const readAll = (rows: unknown[]): JobRecord[] => rows.map(read)
  const countRows = (rows: unknown[]): Partial<StateCounts> =>
    Object.fromEntries((rows as { state: JobState; n: number }[]).map(({ state, n }) => [state, n]))

  return {
    insert(job: NewJob): number {
      const values = Object.fromEntries(COLUMNS.map((name) => [name, toSql(job[name])]))
      return Number(
        insert.run({
          ...values,
          orderJson: JSON.stringify(job.order),
          cellsJson: JSON.stringify(job.cells),
          problemJson: toJson(job.problem),
        }).lastInsertRowid,
      )
    },
    /** The newest row's id, to be given to `indexText` once more rows are in. */
    lastId: () => (lastId.get() as { id: number }).id,
    /** Makes rows after an id findable by their words; belongs into the transaction that inserted them. */
    indexText: (afterId: number) => void indexText.run(afterId),
    insertReference: (reference: NewJobReference) => void insertReference.run(reference),
    get(id: number): JobRecord | undefined {
      const row = get.get(id)
      return row ? read(row) : undefined
    },
    /** Writes a job whose version was counted up by one. False: somebody else wrote first, read again. */
    save(job: JobRecord): boolean {
      const { order, cells: _cells, problem, ...rest } = job
      return save.run({ ...rest, orderJson: toJson(order), problemJson: toJson(problem) }).changes === 1
    },
    /** Ids of what is due, for whoever passes over some: a row is read only when it is needed. */
    dueQueued: (accountId: number, now: number, limit: number) =>
      ids(dueQueued.all({ accountId, now, limit })),
    dueWorking: (
      accountId: number,
      state: 'uploading' | 'submitting' | 'unconfirmed' | 'generating',
      now: number,
      limit: number,
    ) => ids(dueWorking.all({ accountId, state, now, limit })),
    dueDownloads: (accountId: number, now: number, limit: number) =>
      ids(dueDownloads.all({ accountId, now, limit })),
    /** Jobs in the order of their ids' list. */
    getAll: (all: readonly number[]) => readAll(all.map((id) => get.get(id)).filter(Boolean)),
    takeQueued: (accountId: number, now: number, limit: number) =>
      readAll(takeQueued.all({ accountId, now, limit })),
    takeWorking: (
      accountId: number,
      state: 'uploading' | 'submitting' | 'unconfirmed' | 'generating',
      now: number,
      limit: number,
    ) => readAll(takeWorking.all({ accountId, state, now, limit })),
    takeDownloads: (accountId: number, now: number, limit: number) =>
      readAll(takeDownloads.all({ accountId, now, limit })),
    /** When the next waiting job becomes due; null = nothing waits for a time. */
    nextWakeAt: (now: number) => (nextWake.get({ now }) as { at: number | null }).at,
    inState: (state: JobState) => readAll(inState.all(state)),
    countInFlight: (accountId: number) => (countInFlight.get(accountId) as { n: number }).n,
    references: (jobId: number) => references.all(jobId).map((row) => fromRow<NewJobReference>(row)),
    countsOfRun: (runId: number) => countRows(countsOfRun.all(runId)),
    countsOfAll: () => countRows(countsOfAll.all()),
    /** Rows that wait or work alike, counted together, with one of them to look at. */
    groupsOfRun: (runId: number) => groups.all(runId).map((row) => fromRow<JobGroup>(row)),
    ofRun: (runId: number) => readAll(ofRun.all(runId)),
    /** The rows of a run as an import compares them, oldest first. */
    earlierOf: (runId: number) => earlierOf.all(runId).map((row) => fromRow<EarlierJob>(row)),
    /** `alsoBegun`: rows that are reserved and about to be sent wait too. */
    setRunPause: (runId: number, isPaused: boolean, alsoBegun = true) =>
      void pauseRun.run({
        runId,
        isPaused: isPaused ? 1 : 0,
        bit: PAUSED_BY_RUN,
        alsoBegun: alsoBegun ? 1 : 0,
      }),
    /** Whether another job of any run has this clip name in this folder. */
    isNameTaken: (folder: string, name: string, jobId: number) =>
      nameTaken.get(folder, name, jobId) !== undefined,
    byTask(accountId: number, remoteId: string): JobRecord | undefined {
      const row = byTask.get(accountId, remoteId)
      return row ? read(row) : undefined
    },
    /** A page after a key, in sheet order; `total` counts the whole filter. */
    page(filter: JobFilter, after: { row: number; take: number; id: number } | null, limit: number) {
      const { where, values } = conditions(filter)
      const key = after ? 'AND (row, take, id) > (@afterRow, @afterTake, @afterId)' : ''
      const rows = db
        .prepare(`SELECT * FROM jobs WHERE ${where} ${key} ORDER BY row, take, id LIMIT @limit`)
        .all({
          ...values,
          limit,
          ...(after && { afterRow: after.row, afterTake: after.take, afterId: after.id }),
        })
      return readAll(rows)
    },
    count(filter: JobFilter): number {
      const { where, values } = conditions(filter)
      return (db.prepare(`SELECT count(*) AS n FROM jobs WHERE ${where}`).get(values) as { n: number }).n
    },
    ids(filter: JobFilter): number[] {
      const { where, values } = conditions(filter)
      return (
        db.prepare(`SELECT id FROM jobs WHERE ${where} ORDER BY row, take, id`).all(values) as Row[]
      ).map((row) => Number(row.id))
    },
  }
}
export type Jobs = ReturnType<typeof createJobs>

function conditions(filter: JobFilter): { where: string; values: Row } {
  const parts = ['1']
  const values: Row = {}
  if (filter.runId !== undefined) {
    parts.push('run_id = @runId')
    values.runId = filter.runId
  }
  if (filter.states?.length) {
    parts.push(`state IN (${filter.states.map((_, index) => `@state${index}`).join(', ')})`)
    for (const [index, state] of filter.states.entries()) values[`state${index}`] = state
  }
  const search = toMatch(filter.search ?? '')
  if (search) {
    parts.push(`id IN (${SEARCH})`)
    values.search = search
  }
  return { where: parts.join(' AND '), values }
}

/** Every word as a prefix, quoted: what a person types is never read as search syntax. '' = no words. */
export function toMatch(search: string): string {
  return search
    .replaceAll('\0', ' ')
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => `"${word.replaceAll('"', '""')}"*`)
    .join(' ')
}
