import path from 'node:path'
import type { Problem } from '../../../shared/problem.ts'
import { type Sheet, SheetOptions, type SheetRow } from '../../../shared/sheet.ts'
import type { Clock } from '../ports.ts'
import type { Wishes } from './columns.ts'
import { frameOf } from './frame.ts'
import type { OurColumns } from './own-columns.ts'
import { parseTable, type ReadTable, readTable, SHEET_LIMITS, type TableSource } from './reading/index.ts'
import { findRepeats } from './repeats.ts'
import { type Spread, spread } from './spread.ts'
import { atOnce, inTurns, type Steps } from './steps.ts'

export { SHEET_LIMITS }

export interface ParseOptions {
  /** Used in sentences and kept in the sheet; a name ending in `.tsv` or `.tab` prefers tabs. */
  path?: string
  /** `tsv` means tabs; `csv` means anything else; absent = whichever fits the header. */
  format?: 'csv' | 'tsv'
}

/** A sheet whose rows are its jobs: one for each choice, pair and take. */
export interface OpenSheet extends Sheet {
  /** What is wrong with single jobs, all that `problems` says of rows. */
  ofRows: ReadonlyMap<SheetRow, readonly Problem[]>
  jobCount: number
  /** Data rows of the file. */
  rowCount: number
  /** Columns of the file; the headers after them were added. */
  width: number
  /** Where a manifest says what became of a row; null for any other sheet. */
  ours: OurColumns | null
}

export interface ReadPorts {
  clock: Clock
  /** What a person said of these columns before. */
  remembered?: (headers: readonly string[]) => Wishes
  /** Where folders and patterns in the cells of pasted text start; a file's start beside it. */
  folder?: string | undefined
}

const PASTED = 'The pasted table'

/**
 * Reads a sheet from a file or from what was pasted: every form that `readTable` knows; and makes its jobs.
 * Throws `ProblemError` (`sheet-missing`, `sheet-unreadable`, `sheet-empty`, `column-missing`, `column-unknown`,
 * `too-many-jobs`) for what stops the whole sheet; what concerns one row is in `problems` and the other rows stay
 * good.
 */
export async function readSheet(
  source: TableSource,
  given: Partial<SheetOptions>,
  ports: ReadPorts,
): Promise<OpenSheet> {
  const options = { ...DEFAULTS, ...given }
  const table = await readTable(source, options, ports)
  const from = 'path' in source ? { path: source.path, file: source.path } : { path: null, file: PASTED }
  const folder = ports.folder ?? (from.path === null ? '.' : path.dirname(from.path))
  return await inTurns(toSheet(table, { ...from, folder }, options, ports.remembered?.(table.headers) ?? {}))
}

const DEFAULTS: SheetOptions = SheetOptions.parse({})

/**
 * A sheet from the bytes of a small text file, at once. `row` counts data records from 1: the header and fully blank
 * lines are not counted, and a quoted cell with line breaks is part of one record, so a blank line never changes a
 * row's number. Cells are the text that stood there, less the formula escape that a manifest adds (`escape.ts`);
 * formulas stay text.
 */
export function parseSheet(bytes: Uint8Array, options: ParseOptions = {}): OpenSheet {
  const file = options.path ?? 'The sheet'
  const from = { file, path: options.path ?? null, folder: path.dirname(file) }
  return atOnce(toSheet(parseTable(bytes, { file, format: options.format }), from, DEFAULTS, {}))
}

interface From {
  /** Null for what was pasted. */
  path: string | null
  /** What sentences call it. */
  file: string
  folder: string
}

function* toSheet(
  table: ReadTable,
  { path: sheetPath, file, folder }: From,
  options: SheetOptions,
  remembered: Wishes,
): Steps<OpenSheet> {
  const frame = frameOf(table.headers, options, remembered, file)
  const { records, limits } = table
  const made = yield* spread({ frame, records, limits, folder, file })
  const idHeader = frame.columns.find(({ field }) => field === 'id')?.header
  for (const repeat of yield* findRepeats(made.rows, idHeader)) tell(made, repeat.row, repeat.problem)
  const all = [...table.problems, ...frame.problems, ...problemsOfRows(made)]
  return {
    path: sheetPath,
    sha256: table.sha256,
    headers: frame.headers,
    columns: frame.columns,
    mapping: frame.mapping,
    worksheets: table.worksheets,
    isManifest: frame.ours !== null,
    rows: made.rows,
    problems: all.map((found) => ({ ...found, place: { ...found.place, file } })),
    ofRows: made.problems,
    jobCount: made.jobCount,
    rowCount: made.rowCount,
    width: frame.width,
    ours: frame.ours,
  }
}

function tell({ problems }: Spread, row: SheetRow, found: Problem): void {
  const before = problems.get(row)
  if (before) before.push(found)
  else problems.set(row, [found])
}

/** In the order of the rows; what is the same for several jobs of one row is said once. */
function problemsOfRows({ problems }: Spread): Problem[] {
  const inOrder = [...problems].sort(([one], [other]) => one.row - other.row || one.variant - other.variant)
  const once = new Once()
  return inOrder.flatMap(([{ row }, found]) => once.of(row, found))
}

/** Leaves out what was said of an earlier job of the same row; rows come in their order. */
export class Once {
  private row = 0
  private readonly said = new Set<string>()

  of(row: number, problems: readonly Problem[]): Problem[] {
    if (row !== this.row) this.said.clear()
    this.row = row
    return problems.filter(({ code, level, what, place }) => {
      const key = JSON.stringify([code, level, what, place.column])
      if (this.said.has(key)) return false
      this.said.add(key)
      return true
    })
  }
}
