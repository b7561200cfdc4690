import { type Problem, ProblemError } from '../../../shared/problem.ts'
import type { Sheet } from '../../../shared/sheet.ts'
import type { Clock } from '../ports.ts'
import { mapColumns, nearestField } from './columns.ts'
import {
  parseTable,
  type ReadTable,
  readTable,
  SHEET_LIMITS,
  stop,
  type TableOptions,
  type TableSource,
} from './reading/index.ts'
import { findRepeats, toRows } from './rows.ts'

export { SHEET_LIMITS }

export interface ParseOptions {
  /** Used in sentences and kept in the sheet; a name ending in `.tsv` or `.tab` prefers tabs. */
  path?: string
  /** `tsv` means tabs; `csv` means anything else; absent = whichever fits the header. */
  format?: 'csv' | 'tsv'
}

/**
 * Reads a sheet from a file or from what was pasted: every form that `readTable` knows.
 * Throws `ProblemError` (`sheet-missing`, `sheet-unreadable`, `sheet-empty`, `column-missing`) for what stops the
 * whole sheet; what concerns one row is in `problems` and the other rows stay good.
 */
export async function readSheet(
  source: TableSource,
  options: TableOptions,
  ports: { clock: Clock },
): Promise<Sheet> {
  const isFile = 'path' in source
  const table = await readTable(source, options, ports)
  return toSheet(table, isFile ? source.path : 'The pasted table', isFile ? source.path : null)
}

/**
 * A sheet from the bytes of a small text file. `row` counts data records from 1: the header and fully blank lines
 * are not counted, and a quoted cell with line breaks is part of one record, so a blank line never changes a row's
 * number. Cells are the text that stood there, less the formula escape that a manifest adds (`escape.ts`); formulas
 * stay text.
 */
export function parseSheet(bytes: Uint8Array, options: ParseOptions = {}): Sheet {
  const file = options.path ?? 'The sheet'
  return toSheet(parseTable(bytes, { file, format: options.format }), file, options.path ?? null)
}

function toSheet(table: ReadTable, file: string, path: string | null): Sheet {
  const { columns, mapping, problems } = mapColumns(table.headers)
  requireClearColumns(table.headers, mapping, problems, file)
  const read = toRows(table, mapping)
  const idHeader = columns.find(({ field }) => field === 'id')?.header
  const all = [...table.problems, ...problems, ...read.problems, ...findRepeats(read.rows, idHeader)]
  return {
    path,
    sha256: table.sha256,
    headers: table.headers,
    columns,
    mapping,
    worksheets: table.worksheets,
    isManifest: false,
    rows: read.rows,
    problems: all.map((found) => ({ ...found, place: { ...found.place, file } })).sort(byRow),
  }
}

function byRow(left: Problem, right: Problem): number {
  return (left.place.row ?? 0) - (right.place.row ?? 0)
}

function requireClearColumns(
  headers: readonly string[],
  mapping: Record<string, string>,
  problems: readonly Problem[],
  file: string,
): void {
  const first = problems.find((found) => found.level === 'error')
  if (first) throw new ProblemError({ ...first, place: { ...first.place, file } })
  if (Object.values(mapping).includes('prompt')) return
  const near = headers.find((header) => nearestField(header) === 'prompt')
  const next =
    near === undefined
      ? 'The first line must hold the column names, one of them "prompt".'
      : `Rename the column "${near}" to "prompt".`
  const named = headers.slice(0, 8).map((header) => `"${header.slice(0, 40)}"`)
  throw stop('column-missing', file, `has no column "prompt"; found: ${named.join(', ')}.`, next)
}
