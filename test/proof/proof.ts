import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { listBought } from './bought.ts'
import type { Violation } from './judge.ts'
import type { ProofWorld } from './world.ts'

/** One of the proofs: a list of cases made from one number. */
export interface Proof {
  cases(how: { isLong: boolean; seed: string }): Promise<ProofCase[]> | ProofCase[]
  /** What is to be said at the end, such as a table; and tidying up. */
  close?(): Promise<string[]> | string[]
}

export interface ProofCase {
  /** Unique within its proof; says what is tried. */
  name: string
  run(): Promise<Outcome>
}

export interface Outcome {
  /** In words; empty = everything held. */
  violations: string[]
  /** What was gone through, by name: `kills`, `jobs`, `tasks`, `clips`, … Added up over all cases. */
  counts: Record<string, number>
  lines?: string[]
}

/** A violation in words. */
export const tell = ({ invariant, what }: Violation): string => `invariant ${invariant}: ${what}`

/** What a world went through. */
export function countWorld(world: ProofWorld): Record<string, number> {
  return {
    lives: world.lives.length,
    kills: world.lives.filter((life) => life.signal === 'SIGKILL').length,
    jobs: countRows(world, 'jobs'),
    tasks: listBought(world).length,
    clips: countRows(world, 'clips'),
  }
}

function countRows(world: ProofWorld, table: 'jobs' | 'clips'): number {
  const path = join(world.home, 'reelsheet.db')
  if (!existsSync(path)) return 0
  const db = new Database(path)
  try {
    return db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number
  } catch {
    // Killed before the schema was there.
    return 0
  } finally {
    db.close()
  }
}
