import * as z from 'zod'

/** The closed list of what can be wrong. One word per decision a person or the engine takes. */
export const ProblemCode = z.enum([
  // sheet
  'sheet-missing',
  'sheet-unreadable',
  'sheet-empty',
  'column-missing',
  'column-unknown',
  'value-required',
  'value-invalid',
  'value-unused',
  'rule-broken',
  'row-repeated',
  'too-many-jobs',
  // models and accounts
  'model-unknown',
  'model-retired',
  'account-unknown',
  'account-missing',
  'account-paused',
  'key-missing',
  // references
  'reference-missing',
  'reference-unreadable',
  'reference-kind',
  'reference-limit',
  'reference-needs-address',
  'reference-changed',
  'upload-refused',
  // what a provider answered
  'key-refused',
  'balance-low',
  'key-limit',
  'not-permitted',
  'request-refused',
  'content-refused',
  'model-unavailable',
  'rate-limited',
  'unreachable',
  'provider-fault',
  'outcome-unknown',
  'task-failed',
  'task-forgotten',
  'task-without-output',
  // money
  'cap-reached',
  'price-unknown',
  'price-changed',
  // time
  'start-missed',
  'starts-later',
  'quiet-hours',
  // archive
  'link-expired',
  'content-invalid',
  'address-refused',
  'clip-differs',
  'clip-missing',
  'clip-changed',
  'disk-full',
  'folder-unwritable',
  'folder-missing',
  'path-too-long',
  // the app itself
  'folder-in-use',
  'database-newer',
  'database-damaged',
  'not-found',
  'not-possible',
  'wrong-use',
  'internal',
])
export type ProblemCode = z.infer<typeof ProblemCode>

/** `error` stops the row, `warning` asks for a look, `info` is a hint. */
export const ProblemLevel = z.enum(['error', 'warning', 'info'])
export type ProblemLevel = z.infer<typeof ProblemLevel>

/** Where a problem is. Row numbers count the sheet's data rows from 1. */
export const ProblemPlace = z.object({
  row: z.int().optional(),
  column: z.string().optional(),
  value: z.string().optional(),
  file: z.string().optional(),
  account: z.string().optional(),
  model: z.string().optional(),
  runId: z.int().optional(),
  jobId: z.int().optional(),
  clipId: z.int().optional(),
  remoteId: z.string().optional(),
  /** The provider's own code for what it refused. */
  providerCode: z.string().optional(),
  /** The page or rule the statement rests on. */
  source: z.string().optional(),
  /** Names a row of the app's log where more is written down. */
  logRef: z.string().optional(),
})
export type ProblemPlace = z.infer<typeof ProblemPlace>

/**
 * Something a person can choose to mend a cell with one press. `label` is the words on the button, such as
 * `Use 10 s`. `set` writes `value` into the column; `fit` and `trim` make a copy of the reference that meets the
 * limits; `file-host` lets the named account hold the file.
 */
export const Fix = z.discriminatedUnion('type', [
  z.object({ type: z.literal('set'), label: z.string(), column: z.string(), value: z.string() }),
  z.object({ type: z.literal('fit'), label: z.string(), column: z.string() }),
  z.object({ type: z.literal('trim'), label: z.string(), column: z.string(), maximumMs: z.int() }),
  z.object({ type: z.literal('file-host'), label: z.string(), account: z.string() }),
])
export type Fix = z.infer<typeof Fix>

/**
 * The only error that crosses a boundary.
 * `what` says what happened, to which row or file, and what it means for money and data;
 * `next` says what to do. Neither ever holds a key or a signed address.
 */
export const Problem = z.object({
  code: ProblemCode,
  level: ProblemLevel.default('error'),
  what: z.string(),
  next: z.string(),
  place: ProblemPlace.default({}),
  /** What would mend it, the best first. */
  fixes: z.array(Fix).optional(),
})
export type Problem = z.infer<typeof Problem>

/** Builds a problem; `level` is `error` unless said. */
export function problem(
  code: ProblemCode,
  what: string,
  next: string,
  place: ProblemPlace = {},
  level: ProblemLevel = 'error',
): Problem {
  return { code, level, what, next, place }
}

/** A problem on its way up the stack. Keeps the cause for the log; only `problem` crosses a boundary. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly problem: Problem
  constructor(given: Problem, options?: ErrorOptions) {
    super(`${given.what} ${given.next}`, options)
    this.problem = given
  }
}
