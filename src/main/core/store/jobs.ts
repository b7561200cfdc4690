import { type JobState, STAYS_HELD } from '../../../shared/job.ts'
import type { Problem } from '../../../shared/problem.ts'
import { createJobPages, type JobFilter, type JobKey } from './job-pages.ts'
import type { Sqlite } from './open.ts'
import { fromRow, toJson } from './rows.ts'

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
export type EarlierJob = Pick<
  JobRecord,
  'id' | 'parentId' | 'row' | 'rowKey' | 'take' | 'fingerprint' | 'state' | 'remoteId' | 'problem'
>

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

/**
 * Taking the next jobs to buy of one priority: the plan test holds it to the `jobs_queue` index. Asked
 * priority by priority, because rows that are due stand together only within one: a night's rows that all
 * wait for a later time would else be passed over one by one at each look.
 */
export const TAKE_QUEUED = `SELECT * FROM jobs INDEXED BY jobs_queue
  WHERE account_id = @accountId AND state = 'queued' AND pauses = 0 AND priority = @priority AND run_at <= @now
  ORDER BY run_at, id LIMIT @limit`
export const NEXT_PRIORITY = `SELECT max(priority) FROM jobs INDEXED BY jobs_queue
  WHERE account_id = @accountId AND state = 'queued' AND pauses = 0 AND priority < @priority`
export const TAKE_WORKING = `SELECT * FROM jobs INDEXED BY jobs_working
  WHERE account_id = @accountId AND state = @state AND state IN ('uploading', 'submitting', 'unconfirmed', 'generating')
    AND run_at <= @now ORDER BY run_at, id LIMIT @limit`
/** The link that dies soonest goes first. */
export const TAKE_DOWNLOADS = `SELECT * FROM jobs INDEXED BY jobs_links
  WHERE account_id = @accountId AND state = 'downloading' AND run_at <= @now
  ORDER BY link_expires_at, id LIMIT @limit`
export const NEXT_WAKE = `SELECT min(run_at) AS at FROM jobs INDEXED BY jobs_wake
  WHERE state IN ('queued', 'uploading', 'submitting', 'unconfirmed', 'generating', 'downloading')
    AND run_at > @now`
export const COUNT_IN_FLIGHT = `SELECT count(*) AS n FROM jobs INDEXED BY jobs_working
  WHERE account_id = @accountId AND state IN ('uploading', 'submitting', 'generating')
    AND state IN ('uploading', 'submitting', 'unconfirmed', 'generating')`
export const IN_STATE = 'SELECT * FROM jobs INDEXED BY jobs_view WHERE state = @state ORDER BY id'
/** What waits or works alike in a run, from the counts that are kept; the job to look at is any of them. */
export const GROUPS = `SELECT state, account_id, pauses, jobs,
    (SELECT id FROM jobs WHERE jobs.state = job_counts.state AND run_id = @runId
       AND jobs.account_id = job_counts.account_id AND jobs.pauses = job_counts.pauses LIMIT 1) AS first_id
  FROM job_counts
  WHERE run_id = @runId AND state IN ('held', 'queued', 'uploading', 'submitting', 'generating') AND jobs > 0`
const RELEASABLE = `run_id = @runId AND state = 'held' AND id NOT IN (SELECT value FROM json_each(@working))
  AND (SELECT removed_at IS NULL FROM accounts WHERE accounts.id = account_id)
  AND coalesce(problem_json ->> '$.code' NOT IN (${STAYS_HELD.map((code) => `'${code}'`).join(', ')}), 1)`
/** Above every priority there can be. */
const ANY_PRIORITY = Number.MAX_SAFE_INTEGER

/** The index alone answers it. */
const onlyIds = (query: string): string => query.replace('SELECT *', 'SELECT id')

/** Every statement over `jobs` and `job_references`. */
export function createJobs(db: Sqlite) {
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
  const shiftWaits = db
    .prepare(
      `UPDATE jobs SET run_at = max(@now, run_at - @byMs), link_expires_at = link_expires_at - @byMs,
         version = version + 1
       WHERE state IN ('queued', 'uploading', 'submitting', 'unconfirmed', 'generating', 'downloading')
         AND run_at > @now AND run_at < @never
         AND NOT (state = 'queued'
           AND EXISTS (SELECT 1 FROM runs WHERE runs.id = jobs.run_id AND start_at IS NOT NULL))
       RETURNING id`,
    )
    .pluck()
  const endWaitsForOthers = db
    .prepare(
      `UPDATE jobs SET run_at = @now, version = version + 1 WHERE id IN (
         SELECT jobs.id FROM jobs JOIN accounts ON accounts.id = jobs.account_id
         WHERE jobs.account_id = @accountId AND jobs.state = 'queued' AND jobs.pauses = 0 AND jobs.run_at > @now
           AND json_extract(jobs.problem_json, '$.place.account') <> accounts.name
         ORDER BY jobs.priority DESC, jobs.run_at LIMIT @limit)
       RETURNING id`,
    )
    .pluck()
  const postpone = db
    .prepare(
      `UPDATE jobs SET run_at = @runAt, version = version + 1
       WHERE run_id = @runId AND state = 'queued' AND run_at <> @runAt RETURNING id`,
    )
    .pluck()
  const holdEvents = db.prepare(
    `INSERT INTO events (job_id, at, type, from_state, to_state, facts_json)
     SELECT id, @now, 'held', 'queued', 'held', @factsJson FROM jobs WHERE run_id = @runId AND state = 'queued'`,
  )
  const hold = db
    .prepare(
      `UPDATE jobs SET state = 'held', problem_json = NULL, version = version + 1
       WHERE run_id = @runId AND state = 'queued' RETURNING id`,
    )
    .pluck()
  const releaseEvents = db.prepare(
    `INSERT INTO events (job_id, at, type, from_state, to_state, facts_json)
     SELECT id, @now, 'released', 'held', 'queued', '{"by":"a person"}' FROM jobs WHERE ${RELEASABLE}`,
  )
  const release = db
    .prepare(
      `UPDATE jobs SET state = 'queued', run_at = @runAt, remote_id = NULL, accepted_at = NULL,
         estimated_ms = NULL, link = NULL, link_expires_at = NULL, progress = NULL, setbacks = 0,
         problem_json = NULL, pauses = (pauses & ~${PAUSED_BY_RUN}) | @pauses, version = version + 1
       WHERE ${RELEASABLE} RETURNING id`,
    )
    .pluck()
  const takenOf = db
    .prepare(`SELECT id FROM jobs WHERE run_id = @runId AND state IN ('uploading', 'submitting') ORDER BY id`)
    .pluck()
  const inState = db.prepare(IN_STATE)
  const countInFlight = db.prepare(COUNT_IN_FLIGHT)
  const references = db.prepare('SELECT * FROM job_references WHERE job_id = ? ORDER BY role DESC, position')
  const ofRun = db.prepare('SELECT * FROM jobs WHERE run_id = ? ORDER BY row, take, id')
  const earlierOf = db.prepare(
    `SELECT id, parent_id, row, row_key, take, fingerprint, state, remote_id, problem_json FROM jobs
     WHERE run_id = ? ORDER BY id`,
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
  const groups = db.prepare(GROUPS)
  const accountsOf = db
    .prepare('SELECT DISTINCT account_id FROM job_counts WHERE run_id = ? AND jobs > 0 ORDER BY account_id')
    .pluck()
  const runsThatOrder = db
    .prepare('SELECT DISTINCT run_id FROM jobs WHERE run_id IN (SELECT id FROM runs) AND fingerprint = ?')
    .pluck()
  const parents = db.prepare('SELECT DISTINCT parent_id FROM jobs WHERE parent_id IS NOT NULL').pluck()
  const byTask = db.prepare('SELECT * FROM jobs WHERE account_id = ? AND remote_id = ?')

  const read = (row: unknown): JobRecord => fromRow<JobRecord>(row)
  const readAll = (rows: unknown[]): JobRecord[] => rows.map(read)
  const nextPriority = db.prepare(NEXT_PRIORITY).pluck()
  const pages = createJobPages(db)

  /** The highest priority first, and within one what has been due longest. */
  function byPriority<T>(
    take: (priority: number, left: number) => T[],
    accountId: number,
    limit: number,
  ): T[] {
    const found: T[] = []
    const below = (priority: number) => nextPriority.get({ accountId, priority }) as number | null
    for (
      let priority = below(ANY_PRIORITY);
      priority !== null && found.length < limit;
      priority = below(priority)
    ) {
      found.push(...take(priority, limit - found.length))
    }
    return found
  }

  return {
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
      byPriority(
        (priority, left) => ids(dueQueued.all({ accountId, now, priority, limit: left })),
        accountId,
        limit,
      ),
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
      byPriority(
        (priority, left) => readAll(takeQueued.all({ accountId, now, priority, limit: left })),
        accountId,
        limit,
      ),
    takeWorking: (
      accountId: number,
      state: 'uploading' | 'submitting' | 'unconfirmed' | 'generating',
      now: number,
      limit: number,
    ) => readAll(takeWorking.all({ accountId, state, now, limit })),
    takeDownloads: (accountId: number, now: number, limit: number) =>
      readAll(takeDownloads.all({ accountId, now, limit })),
    /** Waits end so much earlier, but none before `now`; `never` and starts at a time stay. Returns the ids. */
    shiftWaits: (byMs: number, now: number, never: number) => ids(shiftWaits.all({ byMs, now, never })),
    /** The first rows of an account that wait for another account become due; returns their ids. */
    endWaitsForOthers: (accountId: number, now: number, limit: number) =>
      ids(endWaitsForOthers.all({ accountId, now, limit })),
    /** Rows of a run that are not taken yet become due at one time; returns the ids of those that move. */
    postpone: (runId: number, runAt: number) => ids(postpone.all({ runId, runAt })),
    /** Holds every row of a run that is not taken yet; belongs into a transaction. Returns the ids. */
    holdQueued(runId: number, now: number, facts: Record<string, unknown>): number[] {
      holdEvents.run({ runId, now, factsJson: JSON.stringify(facts) })
      return ids(hold.all({ runId }))
    },
    /**
     * Puts the held rows of a run back into the queue, as the machine's `released` does to one; belongs into a
     * transaction. Rows that a step works on and those of removed accounts stay. Returns the ids.
     */
    releaseHeld(runId: number, runAt: number, now: number, isPaused: boolean, working: readonly number[]) {
      const which = { runId, working: JSON.stringify(working) }
      releaseEvents.run({ ...which, now })
      return ids(release.all({ ...which, runAt, pauses: isPaused ? PAUSED_BY_RUN : 0 }))
    },
    /** Rows of a run that are taken and have no answer yet; some of them may have left. */
    takenOf: (runId: number) => ids(takenOf.all({ runId })),
    /** When the next waiting job becomes due; null = nothing waits for a time. */
    nextWakeAt: (now: number) => (nextWake.get({ now }) as { at: number | null }).at,
    inState: (state: JobState) => readAll(inState.all({ state })),
    countInFlight: (accountId: number) => (countInFlight.get({ accountId }) as { n: number }).n,
    references: (jobId: number) => references.all(jobId).map((row) => fromRow<NewJobReference>(row)),
    countsOfRun: pages.countsOfRun,
    countsOfAll: pages.countsOfAll,
    /** Rows that wait or work alike, counted together, with one of them to look at. */
    groupsOfRun: (runId: number) => groups.all({ runId }).map((row) => fromRow<JobGroup>(row)),
    /** Accounts that rows of a run are or were bought on. */
    accountsOf: (runId: number) => accountsOf.all(runId) as number[],
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
    /** Runs that hold a job with just this order. */
    runsThatOrder: (fingerprint: string) => runsThatOrder.all(fingerprint) as number[],
    /** Jobs in whose place another one came. */
    parents: () => new Set(parents.all() as number[]),
    byTask(accountId: number, remoteId: string): JobRecord | undefined {
      const row = byTask.get(accountId, remoteId)
      return row ? read(row) : undefined
    },
    /** Lists: a filter's pages and total, its words looked up once for both. */
    select: pages.select,
    line: pages.line,
    page: (filter: JobFilter, after: JobKey | null, limit: number) => pages.select(filter).page(after, limit),
    count: (filter: JobFilter) => pages.select(filter).count(),
    ids: (filter: JobFilter) => pages.select(filter).ids(),
  }
}
export type Jobs = ReturnType<typeof createJobs>
