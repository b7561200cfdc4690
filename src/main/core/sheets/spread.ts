import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import type { SheetRow } from '../../../shared/sheet.ts'
import { Expander, type RowExpansion } from './expand.ts'
import { columnsOfFiles, FileLists } from './file-lists.ts'
import type { Frame } from './frame.ts'
import { type DataRecord, RowMaker } from './rows.ts'

/** More jobs than that nobody means. */
export const MOST_JOBS = 1_000_000
/** Some ten milliseconds of work. */
const ROWS_A_TURN = 1_000

/** The jobs of a sheet, row by row. */
export interface Spread {
  rows: SheetRow[]
  /** How many jobs the rows make; a row that cannot be made into jobs is a row with a problem all the same. */
  jobCount: number
  rowCount: number
  /** What is wrong with single jobs. */
  problems: Map<SheetRow, Problem[]>
}

/**
 * Makes rows of records, step by step: whoever drives it lets others have their turn, and awaits what it yields.
 * Records are let go of as soon as they are rows. Throws a `ProblemError` for more jobs than can be meant, before
 * any is made.
 */
export function* spread(
  frame: Frame,
  records: DataRecord[],
  limits: { cellCharacters: number },
  folder: string,
  file: string,
): Generator<Promise<void> | undefined, Spread> {
  const maker = new RowMaker(frame, limits)
  const lists = new FileLists(folder)
  const expander = new Expander(frame.headers, fieldsOf(frame), frame.expansion, (text) => lists.of(text))
  refuseUnknownColumns(expander, file)
  const ofRecords = new Map<number, Problem[]>()
  const isLiteral = frame.expansion.choices === 'literal'
  let isPlain = frame.expansion.takes === 1 && frame.expansion.pairing === null
  const cellsOf: string[][] = []
  for (let at = 0; at < records.length; at += 1) {
    if (at % ROWS_A_TURN === ROWS_A_TURN - 1) yield
    const found: Problem[] = []
    const cells = maker.cells(records[at] as DataRecord, at + 1, found)
    if (found.length > 0) ofRecords.set(at + 1, found)
    isPlain &&= isLiteral || !hasBraces(cells)
    cellsOf.push(cells)
  }
  records.length = 0
  const made: Spread = { rows: [], jobCount: 0, rowCount: cellsOf.length, problems: new Map() }
  const add = (
    cells: readonly string[],
    row: number,
    variant: number,
    more: readonly Problem[] = [],
  ): void => {
    const found: Problem[] = [...(ofRecords.get(row) ?? []), ...more]
    const sheetRow = maker.row(cells, row, variant, found)
    made.rows.push(sheetRow)
    if (found.length > 0) made.problems.set(sheetRow, found)
  }
  if (isPlain) {
    made.jobCount = cellsOf.length
    for (let at = 0; at < cellsOf.length; at += 1) {
      if (at % ROWS_A_TURN === ROWS_A_TURN - 1) yield
      add(cellsOf[at] as string[], at + 1, 1)
      cellsOf[at] = GONE
    }
    return made
  }
  const missing = yield* listFiles(frame, expander, lists, cellsOf)
  const expansions = yield* expandRows(expander, cellsOf, missing)
  made.jobCount = expansions.reduce((sum, { count }) => sum + count, 0)
  if (made.jobCount > MOST_JOBS) throw tooManyJobs(made, file)
  let done = 0
  for (const [at, expansion] of expansions.entries()) {
    if (expansion.problem) add(cellsOf[at] as string[], at + 1, 1, [expansion.problem])
    for (const { cells, variant, problem: found } of expansion.variants()) {
      done += 1
      if (done % ROWS_A_TURN === 0) yield
      add(cells, at + 1, variant, found ? [found] : [])
    }
    cellsOf[at] = GONE
  }
  return made
}

const GONE: string[] = []

const hasBraces = (cells: readonly string[]): boolean => {
  for (const cell of cells) if (cell.includes('{')) return true
  return false
}

const fieldsOf = ({ headers, mapping }: Frame): (string | null)[] =>
  headers.map((header) => mapping[header] ?? null)

/** The files of folders and patterns in paired columns. Returns what is wrong with rows. */
function* listFiles(
  frame: Frame,
  expander: Expander,
  lists: FileLists,
  cellsOf: readonly string[][],
): Generator<Promise<void>, Map<number, Problem>> {
  const named = frame.expansion.pairing?.columns ?? []
  const paired = named.map((name) => expander.columnOf(name)).filter((column) => column !== undefined)
  const columns = columnsOfFiles(frame, paired)
  const missing = new Map<number, Problem>()
  for (const [at, cells] of cellsOf.entries()) {
    for (const column of columns) {
      const cell = cells[column] ?? ''
      if (cell.trim() === '') continue
      yield lists.notice(cell, at + 1, frame.headers[column] ?? '').then(([first]) => {
        if (first && !missing.has(at)) missing.set(at, first)
      })
    }
  }
  return missing
}

function* expandRows(
  expander: Expander,
  cellsOf: readonly string[][],
  missing: ReadonlyMap<number, Problem>,
): Generator<undefined, RowExpansion[]> {
  for (const [at, cells] of cellsOf.entries()) {
    if (at % ROWS_A_TURN === ROWS_A_TURN - 1) yield
    expander.notice(cells)
  }
  const expansions: RowExpansion[] = []
  for (const [at, cells] of cellsOf.entries()) {
    if (at % ROWS_A_TURN === ROWS_A_TURN - 1) yield
    const found = missing.get(at)
    expansions.push(found ? { count: 0, problem: found, variants: noVariants } : expander.row(cells, at + 1))
  }
  return expansions
}

function* noVariants(): ReturnType<RowExpansion['variants']> {}

function refuseUnknownColumns(expander: Expander, file: string): void {
  const [first] = expander.unknownColumns()
  if (first === undefined) return
  throw new ProblemError(
    problem(
      'column-unknown',
      `The sheet has no column "${first.slice(0, 100)}", whose cells were to be read as lists. Nothing was started and nothing was spent.`,
      'Name a column as the sheet names it, or its field.',
      { file, column: first.slice(0, 100) },
    ),
  )
}

function tooManyJobs({ jobCount, rowCount }: Spread, file: string): ProblemError {
  const jobs =
    jobCount <= Number.MAX_SAFE_INTEGER ? jobCount.toLocaleString('en') : 'more than can be counted'
  const rows = rowCount === 1 ? 'Its row makes' : `Its ${rowCount.toLocaleString('en')} rows make`
  return new ProblemError(
    problem(
      'too-many-jobs',
      `${file}: ${rows} ${jobs} jobs; at most ${MOST_JOBS.toLocaleString('en')} are made of one sheet. Nothing was started and nothing was spent.`,
      'Take choices, lists or takes out, or divide the sheet.',
      { file },
    ),
  )
}
