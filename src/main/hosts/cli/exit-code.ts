import type { JobState } from '../../../shared/job.ts'
import type { ProblemCode } from '../../../shared/problem.ts'

export const EXIT = {
  archived: 0,
  failed: 1,
  wrongUse: 2,
  personNeeded: 3,
  folderInUse: 4,
  interrupted: 130,
} as const

export interface Outcome {
  counts: Partial<Record<JobState, number>>
  /** Rows that wait for a person. */
  waiting: number
  /** Rows of the sheet that could not be ordered. */
  withProblems?: number
}

/** What a finished command tells a script. A row that needs a person outranks one that failed. */
export function exitCodeOf({ counts, waiting, withProblems = 0 }: Outcome): number {
  if (waiting > 0) return EXIT.personNeeded
  if ((counts.failed ?? 0) > 0) return EXIT.failed
  return withProblems > 0 ? EXIT.wrongUse : EXIT.archived
}

/** Only a person can change these, and the command as typed was right. */
const NEEDS_PERSON: readonly ProblemCode[] = [
  'key-missing',
  'key-refused',
  'key-limit',
  'balance-low',
  'not-permitted',
  'account-paused',
  'unreachable',
  'provider-fault',
  'rate-limited',
  'model-unavailable',
  'outcome-unknown',
  'cap-reached',
  'disk-full',
  'database-newer',
  'database-damaged',
  'internal',
]

/** The exit code of a command that ended with a problem before it did its work. */
export function exitCodeOfProblem(code: ProblemCode): number {
  if (code === 'folder-in-use') return EXIT.folderInUse
  return NEEDS_PERSON.includes(code) ? EXIT.personNeeded : EXIT.wrongUse
}
