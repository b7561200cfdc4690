import { implement, ORPCError } from '@orpc/server'
import { contract } from '../../../shared/contract.ts'
import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import type { Changes } from '../changes.ts'
import type { Engine } from '../jobs/engine.ts'
import type { Scheduler } from '../jobs/scheduler.ts'
import type { AccountRecord } from '../store/accounts.ts'

/** What the handlers work with. */
export interface Core {
  engine: Engine
  scheduler: Scheduler
  changes: Changes
  home: string
  /** False: only looking is allowed; another process may have the folder. */
  isOwner: boolean
  gestures: ('reveal' | 'dialogs' | 'drop-paths')[]
  mediaBase: string | null
  /** Forgets the adapter of an account whose address, key or options changed. */
  forgetProvider(accountId: number): void
  hasKey(account: AccountRecord): boolean
}

/** The contract with what every handler has in common: a thrown Problem travels, nothing else does. */
export const calls = implement(contract)
  .$context<Core>()
  .use(async ({ next, context, path }) => {
    try {
      return await next()
    } catch (error) {
      throw toProblemError(error, context.engine, path.join('.'))
    }
  })

const PASSES = ['BAD_REQUEST', 'PROBLEM', 'NOT_FOUND']

function toProblemError(error: unknown, engine: Engine, call: string): unknown {
  if (error instanceof ProblemError) return carry(error.problem)
  // Refused input: made by the contract itself, with nothing of ours inside.
  if (error instanceof ORPCError && PASSES.includes(error.code)) return plainRefusal(error)
  const logRef = engine.random.id(8)
  engine.log.error('call failed', { call, logRef, error: String((error as Error)?.stack ?? error) })
  return carry(
    problem(
      'internal',
      'Reelsheet made a mistake; nothing was sent or deleted because of it.',
      `Try again; if it stays, look for ${logRef} in the log.`,
      { logRef },
    ),
  )
}

const carry = (data: Problem): ORPCError<'PROBLEM', Problem> =>
  new ORPCError('PROBLEM', { defined: true, data, message: data.what })

/** The Problem inside whatever a call threw, for every client. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem
  if (error instanceof ORPCError && error.code === 'PROBLEM') return error.data as Problem
  if (error instanceof ORPCError && error.code === 'BAD_REQUEST') {
    return problem(
      'wrong-use',
      `The call was refused: ${describeIssues(error)}.`,
      'Correct it and try again.',
    )
  }
  return problem('internal', 'Reelsheet made a mistake.', 'Try again; the log says more.')
}

/** A list of a hundred thousand wrong ids would come back as as many sentences. */
const MOST_ISSUES = 10

/** SECURITY: the cause of a refused input holds all of it, a new account's key as well: it goes no further. */
function plainRefusal(error: ORPCError<string, unknown>): ORPCError<string, unknown> {
  const { issues } = (error.data ?? {}) as { issues?: unknown[] }
  if (error.code !== 'BAD_REQUEST') return error
  const data = Array.isArray(issues) ? { issues: issues.slice(0, MOST_ISSUES) } : undefined
  return new ORPCError(error.code, { message: error.message, data })
}

function describeIssues(error: ORPCError<string, unknown>): string {
  const issues =
    (error.data as { issues?: { path?: unknown[]; message?: string }[] } | undefined)?.issues ?? []
  const told = issues
    .slice(0, MOST_ISSUES)
    .map((issue) => `${(issue.path ?? []).join('.')}: ${issue.message ?? 'not allowed'}`.slice(0, 300))
  return told.join('; ') || 'its input has the wrong shape'
}

export const notFound = (what: string): ProblemError =>
  new ProblemError(problem('not-found', `${what} does not exist.`, 'Look at the list for what there is.'))
