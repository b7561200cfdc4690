import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { ProblemError, problem } from '../../../shared/problem.ts'
import { MIGRATIONS } from './migrations/index.ts'

export type Sqlite = Database.Database

const DAMAGE = new Set(['SQLITE_CORRUPT', 'SQLITE_NOTADB'])

/**
 * Opens the database of a data folder, migrating it forward one version at a time (each in one
 * transaction with its version mark, a copy kept before). Throws `database-newer` for a schema that this
 * version does not know and `database-damaged` for a file that SQLite cannot read; neither touches the file.
 */
export function openDatabase(path: string, migrations: readonly string[] = MIGRATIONS): Sqlite {
  mkdirSync(dirname(path), { recursive: true })
  const db = new Database(path)
  try {
    db.pragma('busy_timeout = 2000')
    db.pragma('journal_mode = WAL')
    // A commit must survive the power going: an attempt is only worth writing down if it stays.
    db.pragma('synchronous = FULL')
    db.pragma('foreign_keys = ON')
    migrate(db, path, migrations)
    db.prepare('SELECT count(*) FROM sqlite_schema').get()
    return db
  } catch (error) {
    db.close()
    throw explain(error, path)
  }
}

function migrate(db: Sqlite, path: string, migrations: readonly string[]): void {
  const version = db.pragma('user_version', { simple: true }) as number
  if (version > migrations.length) {
    throw new ProblemError(
      problem(
        'database-newer',
        `The data folder was written by a newer Reelsheet (schema ${version}; this one knows ${migrations.length}). Nothing was changed.`,
        'Update Reelsheet, or use another data folder with --home.',
        { file: path },
      ),
    )
  }
  if (version > 0 && version < migrations.length) {
    db.pragma('wal_checkpoint(TRUNCATE)')
    copyFileSync(path, `${path}.before-${version + 1}`)
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue
    db.transaction(() => {
      db.exec(sql)
      db.pragma(`user_version = ${index + 1}`)
    })()
  }
}

function explain(error: unknown, path: string): unknown {
  const code = (error as { code?: string }).code ?? ''
  if (![...DAMAGE].some((damage) => code.startsWith(damage))) return error
  return new ProblemError(
    problem(
      'database-damaged',
      `The database ${path} cannot be read (${code}). It was left as it is; your clips are untouched.`,
      'Run "reelsheet repair" to keep it aside and go back to the newest backup, then "reelsheet clips rebuild" to find clips that are newer.',
      { file: path },
    ),
    { cause: error },
  )
}

const BACKUPS_KEPT = 7
const backupFolder = (path: string): string => join(dirname(path), 'backups')

/** Backups of a database, oldest first. */
export function listBackups(path: string): string[] {
  const folder = backupFolder(path)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => /^\d{4}-\d{2}-\d{2}\.db$/.test(name))
    .sort()
    .map((name) => join(folder, name))
}

/** Today's backup by SQLite's own backup call, checked, the last seven kept. Does nothing if today has one. */
export async function backUpDaily(db: Sqlite, path: string, now: number): Promise<string | null> {
  const target = join(backupFolder(path), `${new Date(now).toISOString().slice(0, 10)}.db`)
  if (existsSync(target)) return null
  mkdirSync(dirname(target), { recursive: true })
  const unfinished = `${target}.part`
  await db.backup(unfinished)
  assertReadable(unfinished)
  renameSync(unfinished, target)
  for (const old of listBackups(path).slice(0, -BACKUPS_KEPT)) rmSync(old)
  return target
}

function assertReadable(path: string): void {
  const copy = new Database(path, { readonly: true })
  try {
    const answer = copy.pragma('quick_check(1)', { simple: true })
    if (answer !== 'ok') throw new Error(`backup is not readable: ${String(answer)}`)
  } finally {
    copy.close()
  }
}

/**
 * A backup does not know what was bought after it was made: a row that waits in it may be finished and
 * paid. So nothing of it is sent by itself; a person releases what is surely not bought yet.
 */
function holdEverything(path: string): void {
  const reason = problem(
    'not-possible',
    'This row comes from a backup. It may have been bought after the backup was made, so it is not sent by itself.',
    'Look in the archive and at the provider first; then release it, or cancel it.',
  )
  const db = new Database(path)
  try {
    db.prepare(
      `UPDATE jobs SET problem_json = ?, version = version + 1, run_at = 0,
         state = CASE state WHEN 'submitting' THEN 'unconfirmed' ELSE 'held' END
       WHERE state IN ('queued', 'uploading', 'submitting')`,
    ).run(JSON.stringify(reason))
    db.prepare(`UPDATE attempts SET outcome = 'unknown' WHERE outcome = 'open' AND sent_at IS NOT NULL`).run()
  } finally {
    db.close()
  }
}

/**
 * Keeps a damaged database aside and puts the newest readable backup in its place (or nothing, when there
 * is none: the next start makes an empty one). Returns where both went.
 */
export function restoreBackup(
  path: string,
  now: number,
): { keptAside: string | null; restored: string | null } {
  const stamp = new Date(now).toISOString().replace(/[:.]/g, '-')
  let keptAside: string | null = null
  for (const suffix of ['', '-wal', '-shm']) {
    if (!existsSync(path + suffix)) continue
    renameSync(path + suffix, `${path}.damaged-${stamp}${suffix}`)
    keptAside = `${path}.damaged-${stamp}`
  }
  for (const backup of listBackups(path).reverse()) {
    try {
      assertReadable(backup)
    } catch {
      continue
    }
    copyFileSync(backup, path)
    holdEverything(path)
    return { keptAside, restored: backup }
  }
  return { keptAside, restored: null }
}
