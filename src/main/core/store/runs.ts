import type { Problem } from '../../../shared/problem.ts'
import type { CapMode } from '../../../shared/run.ts'
import type { Sqlite } from './open.ts'
import { fromRow, toJson } from './rows.ts'

export interface RunRecord {
  id: number
  name: string
  sheetPath: string | null
  sheetSha256: string | null
  headers: string[]
  archiveFolder: string
  nameTemplate: string
  capMicros: number | null
  capMode: CapMode
  approvedMicros: number | null
  startAt: number | null
  countedMicros: number
  isPaused: boolean
  problem: Problem | null
  createdAt: number
  startedAt: number | null
}
export type NewRun = Omit<RunRecord, 'id' | 'countedMicros' | 'isPaused' | 'problem' | 'startedAt'>

/** A run that is paused waits for its person anyway; one of which nothing is queued has nothing to begin. */
export const DUE_TO_START = `SELECT * FROM runs INDEXED BY runs_start
  WHERE start_at IS NOT NULL AND start_at <= @now AND is_paused = 0 AND EXISTS (SELECT 1 FROM job_counts
    WHERE run_id = runs.id AND state = 'queued' AND jobs > 0) ORDER BY start_at`
export const IS_BOUGHT = `SELECT 1 FROM ledger INDEXED BY ledger_run JOIN attempts ON attempts.id = ledger.attempt_id
  WHERE ledger.run_id = @id AND (attempts.sent_at IS NOT NULL OR attempts.outcome NOT IN ('open', 'not-sent')) LIMIT 1`

/** Every statement over `runs`. */
export function createRuns(db: Sqlite) {
  const insert = db.prepare(
    `INSERT INTO runs (name, sheet_path, sheet_sha256, headers_json, archive_folder, name_template, cap_micros,
       cap_mode, approved_micros, start_at, created_at)
     VALUES (@name, @sheetPath, @sheetSha256, @headersJson, @archiveFolder, @nameTemplate, @capMicros,
       @capMode, @approvedMicros, @startAt, @createdAt)`,
  )
  const get = db.prepare('SELECT * FROM runs WHERE id = ?')
  const list = db.prepare('SELECT * FROM runs ORDER BY id DESC')
  const bySheet = db.prepare('SELECT * FROM runs WHERE sheet_path = ? ORDER BY id DESC LIMIT 1')
  const byName = db.prepare('SELECT * FROM runs WHERE name = ? ORDER BY id DESC LIMIT 1')
  const nameTaken = db.prepare('SELECT 1 FROM runs WHERE name = ? COLLATE NOCASE')
  const setPause = db.prepare(
    'UPDATE runs SET is_paused = @isPaused, problem_json = @problemJson WHERE id = @id',
  )
  const setCap = db.prepare('UPDATE runs SET cap_micros = @capMicros WHERE id = @id')
  const setCapMode = db.prepare('UPDATE runs SET cap_mode = @capMode WHERE id = @id')
  const setApproved = db.prepare('UPDATE runs SET approved_micros = @approvedMicros WHERE id = @id')
  const setSheet = db.prepare(
    'UPDATE runs SET sheet_sha256 = @sheetSha256, headers_json = @headersJson WHERE id = @id',
  )
  const start = db.prepare('UPDATE runs SET started_at = @now WHERE id = @id AND started_at IS NULL')
  const due = db.prepare(DUE_TO_START)
  const begin = db.prepare(
    'UPDATE runs SET start_at = NULL, started_at = coalesce(started_at, @now) WHERE id = @id',
  )
  const schedule = db.prepare('UPDATE runs SET start_at = @startAt, started_at = NULL WHERE id = @id')
  const unstart = db.prepare('UPDATE runs SET started_at = NULL WHERE id = @id')
  const isBought = db.prepare(IS_BOUGHT).pluck()
  const read = (row: unknown): RunRecord | undefined => (row ? fromRow<RunRecord>(row) : undefined)
  return {
    insert: ({ headers, ...run }: NewRun) =>
      Number(insert.run({ ...run, headersJson: JSON.stringify(headers) }).lastInsertRowid),
    get: (id: number) => read(get.get(id)),
    list: () => list.all().map((row) => fromRow<RunRecord>(row)),
    /** The newest run of a sheet file. */
    bySheet: (sheetPath: string) => read(bySheet.get(sheetPath)),
    byName: (name: string) => read(byName.get(name)),
    isNameTaken: (name: string) => nameTaken.get(name) !== undefined,
    setPause: (id: number, isPaused: boolean, problem: Problem | null) =>
      void setPause.run({ id, isPaused: isPaused ? 1 : 0, problemJson: toJson(problem) }),
    setCap: (id: number, capMicros: number | null) => void setCap.run({ id, capMicros }),
    setCapMode: (id: number, capMode: CapMode) => void setCapMode.run({ id, capMode }),
    setApproved: (id: number, approvedMicros: number | null) => void setApproved.run({ id, approvedMicros }),
    setSheet: (id: number, sheetSha256: string, headers: string[]) =>
      void setSheet.run({ id, sheetSha256, headersJson: JSON.stringify(headers) }),
    start: (id: number, now: number) => void start.run({ id, now }),
    /** Runs whose time to start has come, and that have something to order. */
    dueToStart: (now: number) => due.all({ now }).map((row) => fromRow<RunRecord>(row)),
    /** From here on nothing waits for the run's time any more. */
    begin: (id: number, now: number) => void begin.run({ id, now }),
    schedule: (id: number, startAt: number) => void schedule.run({ id, startAt }),
    /** As if it had not been started yet: nothing of it was bought. */
    unstart: (id: number) => void unstart.run({ id }),
    /** Whether a request of the run ever left that may have bought something. */
    isBought: (id: number) => isBought.get({ id }) !== undefined,
  }
}
export type Runs = ReturnType<typeof createRuns>
