import type { Clip } from '../../../shared/clip.ts'
import type { Sqlite } from './open.ts'
import { fromRow, type Row, toJson, toSql } from './rows.ts'

export type NewClip = Omit<Clip, 'id' | 'condition' | 'checkedAt'>

export const PATH_TAKEN = `SELECT 1 FROM clips
  WHERE archive_folder = @folder AND path = @path COLLATE NOCASE AND job_id IS NOT @jobId`
export const PAGE_OF_CLIPS = 'SELECT * FROM clips WHERE id > @after ORDER BY id LIMIT @limit'
export const PAGE_OF_RUN =
  'SELECT * FROM clips WHERE run_id = @runId AND id > @after ORDER BY id LIMIT @limit'

/** Every statement over `clips`. */
export function createClips(db: Sqlite) {
  const insert = db.prepare(
    `INSERT INTO clips (job_id, run_id, archive_folder, path, sidecar_path, sha256, size_bytes, width, height,
       duration_ms, has_sound, model, prompt, remote_id, problem_json, created_at)
     VALUES (@jobId, @runId, @archiveFolder, @path, @sidecarPath, @sha256, @sizeBytes, @width, @height, @durationMs,
       @hasSound, @model, @prompt, @remoteId, @problemJson, @createdAt)`,
  )
  const get = db.prepare('SELECT * FROM clips WHERE id = ?')
  const ofJob = db.prepare('SELECT * FROM clips WHERE job_id = ?')
  const byPath = db.prepare('SELECT * FROM clips WHERE archive_folder = ? AND path = ?')
  const pathTaken = db.prepare(PATH_TAKEN)
  // Two statements each: one for both would read every clip to find those of a run.
  const page = db.prepare(PAGE_OF_CLIPS)
  const pageOfRun = db.prepare(PAGE_OF_RUN)
  const count = db.prepare('SELECT count(*) FROM clips').pluck()
  const countOfRun = db.prepare('SELECT count(*) FROM clips WHERE run_id = ?').pluck()
  const setCondition = db.prepare('UPDATE clips SET condition = @condition, checked_at = @now WHERE id = @id')
  const read = (row: unknown): Clip | undefined => (row ? fromRow<Clip>(row) : undefined)
  return {
    insert({ problem, ...clip }: NewClip): number {
      const values: Row = Object.fromEntries(Object.entries(clip).map(([key, value]) => [key, toSql(value)]))
      return Number(insert.run({ ...values, problemJson: toJson(problem) }).lastInsertRowid)
    },
    get: (id: number) => read(get.get(id)),
    ofJob: (jobId: number) => read(ofJob.get(jobId)),
    byPath: (folder: string, path: string) => read(byPath.get(folder, path)),
    /** Whether a clip of another job has this path in this folder. */
    isPathTaken: (folder: string, path: string, jobId: number) =>
      pathTaken.get({ folder, path, jobId }) !== undefined,
    page: (runId: number | null, after: number, limit: number) =>
      (runId === null ? page.all({ after, limit }) : pageOfRun.all({ runId, after, limit })).map((row) =>
        fromRow<Clip>(row),
      ),
    count: (runId: number | null) => (runId === null ? count.get() : countOfRun.get(runId)) as number,
    setCondition: (id: number, condition: Clip['condition'], now: number) =>
      void setCondition.run({ id, condition, now }),
  }
}
export type Clips = ReturnType<typeof createClips>
