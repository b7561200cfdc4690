import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { problem } from '../../../shared/problem.ts'
import { assertReadable, DATABASE_FILES, listBackups } from './open.ts'

/** Where a damaged database went, and which backup took its place; null = none. */
export interface Restored {
  keptAside: string | null
  restored: string | null
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

const draftOf = (path: string): string => `${path}.restoring`
/** Under this name the restored database is whole and decided upon; whoever comes next puts it in its place. */
const decidedOf = (path: string): string => `${path}.restored`
export const isRestoreDecided = (path: string): boolean => existsSync(decidedOf(path))

/**
 * Keeps a damaged database aside and puts the newest readable backup in its place (or nothing, when there
 * is none: the next start makes an empty one). Returns where both went. However it is cut off, either the damaged
 * database still lies there or `completeRestore` ends the work: never is a backup used whose rows are not held.
 */
export function restoreBackup(path: string, now: number): Restored {
  const draft = draftOf(path)
  for (const suffix of DATABASE_FILES) rmSync(draft + suffix, { force: true })
  const backup = newestReadable(path)
  if (backup) {
    copyFileSync(backup, draft)
    holdEverything(draft)
  } else {
    // Even an empty library is only begun once everything of the damaged one is aside.
    writeFileSync(draft, '')
  }
  sync(draft)
  renameSync(draft, decidedOf(path))
  sync(dirname(path))
  return { keptAside: completeRestore(path, now)?.keptAside ?? null, restored: backup }
}

/**
 * Ends a restore that was decided upon and cut off. Only for the owner of the folder, before the database is
 * opened. Null: there was none.
 */
export function completeRestore(path: string, now: number): Restored | null {
  if (!isRestoreDecided(path)) return null
  const decided = decidedOf(path)
  const aside = asideName(path, now)
  let keptAside: string | null = null
  for (const suffix of DATABASE_FILES) {
    if (!existsSync(path + suffix)) continue
    renameSync(path + suffix, aside + suffix)
    keptAside = aside
  }
  const isEmpty = statSync(decided).size === 0
  if (isEmpty) rmSync(decided)
  else renameSync(decided, path)
  sync(dirname(path))
  return { keptAside, restored: isEmpty ? null : newestReadable(path) }
}

function newestReadable(path: string): string | null {
  for (const backup of listBackups(path).reverse()) {
    try {
      assertReadable(backup)
      return backup
    } catch {
      // An older one may be whole.
    }
  }
  return null
}

/** Of a file its bytes, of a folder its names; Windows has no call for the latter and needs none. */
function sync(path: string): void {
  const isFolder = statSync(path).isDirectory()
  if (isFolder && process.platform === 'win32') return
  const handle = openSync(path, isFolder ? 'r' : 'r+')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
