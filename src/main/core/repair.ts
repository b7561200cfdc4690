import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ProblemError, problem } from '../../shared/problem.ts'
import { openDatabase } from './store/open.ts'
import { takeFolder } from './store/owner.ts'
import { completeRestore, isRestoreDecided, type Restored, restoreBackup } from './store/restore.ts'

/**
 * Keeps the damaged database of a data folder aside and puts its newest readable backup in its place.
 * Throws `not-possible` for a database that is whole, so that nothing newer than a backup is given up
 * without need, and `folder-in-use` while another Reelsheet has the folder.
 */
export function repairFolder(home: string, who: string, now: number): Restored {
  const database = join(home, 'reelsheet.db')
  if (!existsSync(database) && !isRestoreDecided(database)) throw notThere(home)
  const owner = takeFolder(home, who, now)
  try {
    // A repair that was cut off is ended, and is what was asked for.
    const completed = completeRestore(database, now)
    if (completed) return completed
    if (isWhole(database)) {
      throw new ProblemError(
        problem(
          'not-possible',
          `The database in ${home} can be read, so there is nothing to repair. Nothing was changed.`,
          'Use it as it is.',
          { file: database },
        ),
      )
    }
    return restoreBackup(database, now)
  } finally {
    owner.release()
  }
}

const notThere = (home: string): ProblemError =>
  new ProblemError(
    problem('not-found', `There is no database in ${home}.`, 'Name the right data folder with --home.', {
      file: home,
    }),
  )

function isWhole(database: string): boolean {
  try {
    const db = openDatabase(database)
    try {
      return db.pragma('quick_check(1)', { simple: true }) === 'ok'
    } finally {
      db.close()
    }
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code !== 'database-damaged') throw error
    return false
  }
}
