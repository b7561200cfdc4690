import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import type { SheetRow } from '../../../shared/sheet.ts'
import { Expander, type RowExpansion } from './expand.ts'
import { columnsOfFiles, FileLists } from './file-lists.ts'
import type { Frame } from './frame.ts'
import { type DataRecord, RowMaker } from './rows.ts'
import { isTurn, type Steps } from './steps.ts'

/** More jobs than that nobody means. */
export const MOST_JOBS = 1_000_000
/** Letters of all cells that are made of others, together: what a sheet itself may hold. */
const MOST_CHARACTERS = 120_000_000

/** The jobs of a sheet, row by row. */
export interface Spread {
  rows: SheetRow[]
  /** How many jobs the rows make; a row that cannot be made into jobs is a row with a problem all the same. */
  jobCount: number
  rowCount: number
  /** What is wrong with single jobs. */
  problems: Map<SheetRow, Problem[]>
}

export interface SpreadInput {
  frame: Frame
  /** Let go of as soon as they are rows. */
  records: DataRecord[]
  limits: { cellCharacters: number }
  /** Where folders and patterns in cells start. */
  folder: string
  /** What sentences call the sheet. */
  file: string
}

/** Makes jobs of records, step by step. Throws a `ProblemError` for more than can be meant, before any is made. */
export function* spread(input: SpreadInput): Steps<Spread> {
  const { frame, file } = input
  const lists = new FileLists(input.folder)
  const expander = new Expander(frame.headers, fieldsOf(frame), frame.expansion, (text) => lists.of(text))
  refuseUnknownColumns(expander, file)
  const making = new Making(input)
  yield* making.readCells(input.records)
  if (making.isPlain) yield* making.makePlain()
  else {
    const missing = yield* listFiles(frame, expander, lists, making.cellsOf)
    yield* making.makeAll(yield* expandRows(expander, making.cellsOf, missing), file)
  }
  return making
}

class Making implements Spread {
  readonly rows: SheetRow[] = []
  readonly problems = new Map<SheetRow, Problem[]>()
  /** The cells of each row as they are meant, before any of their choices is taken. */
  readonly cellsOf: string[][] = []
  /** Each row is one job: there is nothing to choose, to list or to repeat. */
  isPlain: boolean
  jobCount = 0
  rowCount = 0
  readonly #maker: RowMaker
  readonly #isLiteral: boolean
  readonly #ofRecords = new Map<number, Problem[]>()

  constructor({ frame, limits }: SpreadInput) {
    const { choices, takes, pairing } = frame.expansion
    this.#maker = new RowMaker(frame, limits)
    this.#isLiteral = choices === 'literal'
    this.isPlain = takes === 1 && pairing === null
  }

  *readCells(records: DataRecord[]): Steps<void> {
    let found: Problem[] = []
    for (const [at, record] of records.entries()) {
      if (isTurn(at)) yield
      const cells = this.#maker.cells(record, at + 1, found)
      this.cellsOf.push(cells)
      this.isPlain &&= this.#isLiteral || !cells.some(hasBrace)
      if (found.length === 0) continue
      this.#ofRecords.set(at + 1, found)
      found = []
    }
    records.length = 0
    this.rowCount = this.cellsOf.length
  }

  *makePlain(): Steps<void> {
    this.jobCount = this.rowCount
    for (let at = 0; at < this.rowCount; at += 1) {
      if (isTurn(at)) yield
      this.#add(this.cellsOf[at] as string[], at + 1, 1)
      this.cellsOf[at] = GONE
    }
  }

  *makeAll(expansions: readonly RowExpansion[], file: string): Steps<void> {
    this.jobCount = expansions.reduce((sum, { count }) => sum + count, 0)
    if (this.jobCount > MOST_JOBS) throw tooManyJobs(this, file)
    let left = MOST_CHARACTERS
    for (const [at, { problem: found, variants }] of expansions.entries()) {
      const own = this.cellsOf[at] as string[]
      if (found) this.#add(own, at + 1, 1, found)
      for (const each of variants()) {
        if (isTurn(this.rows.length)) yield
        left -= lettersMade(each.cells, own)
        if (left < 0) throw tooMuchText(at + 1, file)
        this.#add(each.cells, at + 1, each.variant, each.problem)
      }
      this.cellsOf[at] = GONE
    }
  }

  /** What is wrong with a whole record is wrong with each of its jobs. */
  #add(cells: readonly string[], row: number, variant: number, more: Problem | null = null): void {
    const found: Problem[] = []
    const sheetRow = this.#maker.row(cells, row, variant, found)
    this.rows.push(sheetRow)
    const ofRecord = this.#ofRecords.get(row)
    if (!ofRecord && !more && found.length === 0) return
    this.problems.set(sheetRow, [...(ofRecord ?? []), ...(more ? [more] : []), ...found])
  }
}

const GONE: string[] = []

function lettersMade(cells: readonly string[], own: readonly string[]): number {
  let letters = 0
  for (const [column, cell] of cells.entries()) if (cell !== own[column]) letters += cell.length
  return letters
}

const hasBrace = (cell: string): boolean => cell.includes('{')

const fieldsOf = ({ headers, mapping }: Frame): (string | null)[] =>
  headers.map((header) => mapping[header] ?? null)

/** The files of folders and patterns in paired columns. Returns what is wrong with rows, by their place from 0. */
function* listFiles(
  frame: Frame,
  expander: Expander,
  lists: FileLists,
  cellsOf: readonly string[][],
): Steps<Map<number, Problem>> {
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
): Steps<RowExpansion[]> {
  for (const [at, cells] of cellsOf.entries()) {
    if (isTurn(at)) yield
    expander.notice(cells)
  }
  const expansions: RowExpansion[] = []
  for (const [at, cells] of cellsOf.entries()) {
    if (isTurn(at)) yield
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

function tooMuchText(row: number, file: string): ProblemError {
  const letters = MOST_CHARACTERS.toLocaleString('en')
  return new ProblemError(
    problem(
      'too-many-jobs',
      `${file}: its choices, lists and {{…}} make more than ${letters} letters of text (row ${row} was reached). Nothing was started and nothing was spent.`,
      'Take some out, shorten the cells that hold them, or divide the sheet.',
      { file, row },
    ),
  )
}
