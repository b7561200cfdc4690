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
  const setSheet = db.prepare(
    'UPDATE runs SET sheet_sha256 = @sheetSha256, headers_json = @headersJson WHERE id = @id',
  )
  const start = db.prepare('UPDATE runs SET started_at = @now WHERE id = @id AND started_at IS NULL')
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
    setSheet: (id: number, sheetSha256: string, headers: string[]) =>
      void setSheet.run({ id, sheetSha256, headersJson: JSON.stringify(headers) }),
    start: (id: number, now: number) => void start.run({ id, now }),
  }
}
export type Runs = ReturnType<typeof createRuns>
