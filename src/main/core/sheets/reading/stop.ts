import { type Problem, ProblemError, problem } from '../../../../shared/problem.ts'
import { SHEET_LIMITS } from './limits.ts'

export type StopCode = Extract<
  Problem['code'],
  'sheet-missing' | 'sheet-unreadable' | 'sheet-empty' | 'column-missing'
>

/** What ends the reading of the whole sheet. `what` goes on after the file's name, or after `name`. */
export function stop(
  code: StopCode,
  file: string,
  what: string,
  next: string,
  more: { cause?: unknown; column?: string; name?: string } = {},
): ProblemError {
  const place = more.column === undefined ? { file } : { file, column: more.column }
  const given = problem(
    code,
    `${more.name ?? file} ${what} Nothing was started and nothing was spent.`,
    next,
    place,
  )
  return new ProblemError(given, { cause: more.cause })
}

export function tooLarge(file: string, sizeBytes: number, limitBytes: number = SHEET_LIMITS.fileBytes) {
  const size = `is ${Math.ceil(sizeBytes / 1e6)} MB; a sheet of this kind may have ${limitBytes / 1e6} MB.`
  return stop('sheet-unreadable', file, size, 'Split it, or check that it is a sheet at all.')
}

/** Something that a person should know of the sheet as a whole; its rows are good. */
export function notice(
  file: string,
  what: string,
  next: string,
  level: 'warning' | 'info' = 'warning',
): Problem {
  return problem('sheet-unreadable', `${file}: ${what}`, next, { file }, level)
}
