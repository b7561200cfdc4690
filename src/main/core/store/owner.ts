import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { ProblemError, problem } from '../../../shared/problem.ts'

export interface Owner {
  release(): void
}

/**
 * One data folder, one owner. The lock is a write transaction held open on a file of its own: the
 * operating system gives it up when the process dies, however it dies, so no stale lock can stay behind.
 * Throws `folder-in-use` and says who has it.
 */
export function takeFolder(folder: string, who: string, now: number): Owner {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const db = new Database(join(folder, 'owner.lock'), { timeout: 0 })
  try {
    db.pragma('journal_mode = DELETE')
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    if (!(error as { code?: string }).code?.startsWith('SQLITE_BUSY')) throw error
    throw new ProblemError(
      problem(
        'folder-in-use',
        `Another Reelsheet is using the data folder ${folder}${readOwner(folder)}. Nothing was changed.`,
        'Use that one, stop it first, or choose another folder with --home.',
        { file: folder },
      ),
      { cause: error },
    )
  }
  const facts = { pid: process.pid, host: hostname(), who, since: new Date(now).toISOString() }
  writeFileSync(join(folder, 'owner.json'), `${JSON.stringify(facts)}\n`)
  return {
    release: () => {
      if (!db.open) return
      db.exec('ROLLBACK')
      db.close()
    },
  }
}

function readOwner(folder: string): string {
  const path = join(folder, 'owner.json')
  if (!existsSync(path)) return ''
  try {
    const facts = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    return ` (${String(facts.who)}, process ${String(facts.pid)}, since ${String(facts.since)})`
  } catch {
    return ''
  }
}
