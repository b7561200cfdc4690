import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
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
    // Room for the pages that an import of 100,000 rows comes back to; with the default it takes twice as long.
    db.pragma('cache_size = -65536')
    migrate(db, path, migrations)
    db.prepare('SELECT count(*) FROM sqlite_schema').get()
    syncFoldersAbove(path)
    return db
  } catch (error) {
    db.close()
    throw explain(error, path)
  }
}

/**
 * SQLite syncs the database and the names beside it, but not the names of the folders that lead there: on a new
 * data folder a power loss could take everything with it. At every start, because one that was killed did not get here.
 */
function syncFoldersAbove(path: string): void {
  const folder = dirname(resolve(path))
  syncFolder(folder)
  if (dirname(folder) !== folder) syncFoldersAbove(folder)
}

/** Windows cannot open a folder, and folders further up may be closed to us: then the system's own order counts. */
function syncFolder(folder: string): void {
  let opened: number | undefined
  try {
    opened = openSync(folder, 'r')
    fsyncSync(opened)
  } catch {
    // Nothing more can be done, and nothing is broken by it.
  } finally {
    if (opened !== undefined) closeSync(opened)
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
/** What SQLite keeps beside a database. */
const DATABASE_FILES = ['', '-wal', '-shm']
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
  // What a crash left of an earlier one is no database that could be written over.
  for (const suffix of DATABASE_FILES) rmSync(unfinished + suffix, { force: true })
  await db.backup(unfinished)
  makeOneFile(unfinished)
  assertReadable(unfinished)
  renameSync(unfinished, target)
  for (const old of listBackups(path).slice(0, -BACKUPS_KEPT)) rmSync(old)
  return target
}

/** A copy begins as its original, with a write-ahead log beside it; a backup is one file that can be moved. */
function makeOneFile(path: string): void {
  const copy = new Database(path)
  try {
    copy.pragma('journal_mode = DELETE')
  } finally {
    copy.close()
  }
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
    db.transaction(() => {
      // Also a request that had not left when the backup was made may have left right after.
      db.prepare(
        `UPDATE attempts SET outcome = 'unknown', sent_at = coalesce(sent_at, created_at)
         WHERE outcome = 'open' AND job_id IN (SELECT id FROM jobs WHERE state = 'submitting')`,
      ).run()
      db.prepare(
        `UPDATE jobs SET problem_json = ?, version = version + 1, run_at = 0,
           state = CASE state WHEN 'submitting' THEN 'unconfirmed' ELSE 'held' END
         WHERE state IN ('queued', 'uploading', 'submitting')`,
      ).run(JSON.stringify(reason))
    })()
  } finally {
    db.close()
  }
}

/** A name that no file has yet: what was kept aside before stays. */
function asideName(path: string, now: number): string {
  const first = `${path}.damaged-${new Date(now).toISOString().replace(/[:.]/g, '-')}`
  let name = first
  for (let count = 2; existsSync(name); count += 1) name = `${first}-${count}`
  return name
}

/**
 * Keeps a damaged database aside and puts the newest readable backup in its place (or nothing, when there
 * is none: the next start makes an empty one). Returns where both went.
 */
export function restoreBackup(
  path: string,
  now: number,
): { keptAside: string | null; restored: string | null } {
  const aside = asideName(path, now)
  let keptAside: string | null = null
  for (const suffix of DATABASE_FILES) {
    if (!existsSync(path + suffix)) continue
    renameSync(path + suffix, aside + suffix)
    keptAside = aside
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
