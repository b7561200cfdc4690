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
export const DATABASE_FILES = ['', '-wal', '-shm']
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

export function assertReadable(path: string): void {
  const copy = new Database(path, { readonly: true })
  try {
    const answer = copy.pragma('quick_check(1)', { simple: true })
    if (answer !== 'ok') throw new Error(`backup is not readable: ${String(answer)}`)
  } finally {
    copy.close()
  }
}
