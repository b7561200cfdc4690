import type { Reference } from '../../../shared/reference.ts'
import type { Sqlite } from './open.ts'
import { fromRow, toSql } from './rows.ts'

export interface UploadRecord {
  id: number
  referenceId: number
  accountId: number
  url: string
  fileId: string | null
  expiresAt: number | null
  createdAt: number
}

/** An original has no source and no change. */
export type NewReference = Omit<Reference, 'id' | 'sourceId' | 'change'> &
  Partial<Pick<Reference, 'sourceId' | 'change'>>

/** Every statement over `references` and `uploads`. */
export function createReferences(db: Sqlite) {
  const insert = db.prepare(
    `INSERT INTO "references" (sha256, kind, format, media_type, size_bytes, width, height, duration_ms,
       frames_per_second, has_sound, has_transparency, name, original_path, source_id, change, created_at)
     VALUES (@sha256, @kind, @format, @mediaType, @sizeBytes, @width, @height, @durationMs, @framesPerSecond,
       @hasSound, @hasTransparency, @name, @originalPath, @sourceId, @change, @createdAt)
     ON CONFLICT (sha256) DO UPDATE SET name = name RETURNING id`,
  )
  const get = db.prepare('SELECT * FROM "references" WHERE id = ?')
  const byHash = db.prepare('SELECT * FROM "references" WHERE sha256 = ?')
  const byName = db.prepare('SELECT * FROM "references" WHERE name = ? ORDER BY id DESC LIMIT 1')
  const list = db.prepare(
    `SELECT * FROM "references" WHERE (@kind IS NULL OR kind = @kind)
       AND (@search IS NULL OR instr(lower(name), lower(@search)) > 0)
     ORDER BY id DESC LIMIT @limit OFFSET @offset`,
  )
  const withOriginals = db.prepare(
    'SELECT * FROM "references" WHERE id > @after AND original_path IS NOT NULL ORDER BY id LIMIT @limit',
  )
  const setOriginal = db.prepare('UPDATE "references" SET original_path = @path WHERE id = @id')
  const copyOf = db.prepare(
    'SELECT * FROM "references" WHERE source_id = @sourceId AND change = @change ORDER BY id LIMIT 1',
  )
  const usedBy = db.prepare(
    `SELECT runs.id, runs.name, count(DISTINCT jobs.id) AS jobs FROM job_references AS used
       JOIN jobs ON jobs.id = used.job_id JOIN runs ON runs.id = jobs.run_id
     WHERE used.reference_id = ? GROUP BY runs.id ORDER BY runs.id DESC`,
  )
  const liveUploads = db.prepare(
    `SELECT accounts.name AS account, uploads.expires_at FROM uploads
       JOIN accounts ON accounts.id = uploads.account_id
     WHERE uploads.reference_id = @referenceId AND (uploads.expires_at IS NULL OR uploads.expires_at > @now)
     ORDER BY accounts.name, uploads.expires_at`,
  )
  const insertUpload = db.prepare(
    `INSERT INTO uploads (reference_id, account_id, url, file_id, expires_at, created_at)
     VALUES (@referenceId, @accountId, @url, @fileId, @expiresAt, @createdAt)`,
  )
  const freshUpload = db.prepare(
    `SELECT * FROM uploads WHERE reference_id = @referenceId AND account_id = @accountId
       AND (expires_at IS NULL OR expires_at > @now + max(0, min(@marginMs, (expires_at - created_at) / 2)))
     ORDER BY expires_at IS NULL DESC, expires_at DESC LIMIT 1`,
  )
  const shiftUploads = db.prepare(
    'UPDATE uploads SET expires_at = expires_at - @byMs, created_at = created_at - @byMs',
  )
  const forgetUpload = db.prepare('DELETE FROM uploads WHERE id = ?')
  const unusedUploads = db.prepare(
    `SELECT * FROM uploads WHERE account_id = @accountId AND file_id IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM job_references AS used JOIN jobs ON jobs.id = used.job_id
       WHERE used.reference_id = uploads.reference_id AND (
         jobs.state IN ('submitting', 'unconfirmed', 'generating')
         OR jobs.state IN ('queued', 'uploading') AND jobs.account_id IN (
           SELECT accounts.id FROM accounts WHERE accounts.id = @accountId OR json_extract(accounts.options_json,
             '$.fileHost') = (SELECT holder.name FROM accounts AS holder WHERE holder.id = @accountId))))
     ORDER BY id`,
  )
  const read = (row: unknown): Reference | undefined => (row ? fromRow<Reference>(row) : undefined)
  return {
    /** Adds a reference, or finds the one with the same content. Returns its id. */
    add(reference: NewReference): number {
      const all = { sourceId: null, change: null, ...reference }
      const values = Object.fromEntries(Object.entries(all).map(([key, value]) => [key, toSql(value)]))
      return (insert.get(values) as { id: number }).id
    },
    get: (id: number) => read(get.get(id)),
    byHash: (sha256: string) => read(byHash.get(sha256)),
    byName: (name: string) => read(byName.get(name)),
    /** The newest first; of one kind, or whose name holds a text, if said. */
    list: (
      limit: number,
      offset: number,
      wanted: { kind?: string | undefined; search?: string | undefined } = {},
    ) =>
      list
        .all({ limit, offset, kind: wanted.kind ?? null, search: wanted.search ?? null })
        .map((row) => fromRow<Reference>(row)),
    /** Those that came from a file whose place is known, in order, after an id. */
    withOriginals: (after: number, limit: number) =>
      withOriginals.all({ after, limit }).map((row) => fromRow<Reference>(row)),
    setOriginal: (id: number, path: string) => void setOriginal.run({ id, path }),
    /** The copy of a reference to which the same was done before. */
    copyOf: (sourceId: number, change: string) => read(copyOf.get({ sourceId, change })),
    /** The runs whose rows use it, the newest first, with how many rows of each. */
    usedBy: (id: number) =>
      usedBy.all(id).map((row) => fromRow<{ id: number; name: string; jobs: number }>(row)),
    /** Where it lies at providers now. */
    liveUploads: (referenceId: number, now: number) =>
      liveUploads
        .all({ referenceId, now })
        .map((row) => fromRow<{ account: string; expiresAt: number | null }>(row)),
    addUpload: (upload: Omit<UploadRecord, 'id'>) => void insertUpload.run(upload),
    /**
     * An address that lives for `marginMs` more, the longest-lived first. Where a service gives addresses
     * that live shorter than twice that, half of their life is enough.
     */
    freshUpload(
      referenceId: number,
      accountId: number,
      now: number,
      marginMs: number,
    ): UploadRecord | undefined {
      const row = freshUpload.get({ referenceId, accountId, now, marginMs })
      return row ? fromRow<UploadRecord>(row) : undefined
    },
    /** Addresses die so much earlier on the clock. */
    shiftUploads: (byMs: number) => void shiftUploads.run({ byMs }),
    forgetUpload: (id: number) => void forgetUpload.run(id),
    /** Uploads that no unfinished row of the account needs, and none whose account lets it hold its files. */
    unusedUploads: (accountId: number) =>
      unusedUploads.all({ accountId }).map((row) => fromRow<UploadRecord>(row)),
  }
}
export type References = ReturnType<typeof createReferences>
