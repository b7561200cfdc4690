import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import Papa from 'papaparse'
import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import type { Sheet, SheetRow } from '../../../shared/sheet.ts'
import { mapColumns, nearestField } from './columns.ts'
import { decodeText } from './decode.ts'
import { unescapeCell } from './escape.ts'
import { findRepeats, RowReader } from './rows.ts'

export const SHEET_LIMITS = {
  fileBytes: 256_000_000,
  cellCharacters: 100_000,
  columns: 1_000,
  rows: 1_000_000,
} as const

export interface ParseOptions {
  /** Used in sentences and kept in the sheet; a name ending in `.tsv` or `.tab` prefers tabs. */
  path?: string
  /** `tsv` means tabs; `csv` means commas or semicolons; absent = whichever fits the header. */
  format?: 'csv' | 'tsv'
}

/**
 * Reads a sheet from a CSV, semicolon or TSV file.
 * Throws `ProblemError` (`sheet-missing`, `sheet-unreadable`, `sheet-empty`, `column-missing`) for what stops the
 * whole sheet; what concerns one row is in `problems` and the other rows stay good.
 */
export async function readSheet(file: string): Promise<Sheet> {
  const facts = await stat(file).catch((cause: unknown) => {
    throw missing(file, cause)
  })
  if (facts.isDirectory())
    throw stop('sheet-unreadable', file, 'is a folder, not a sheet.', 'Name a file in it.')
  if (!facts.isFile())
    throw stop('sheet-unreadable', file, 'is not a plain file.', 'Save the sheet as a CSV file.')
  if (facts.size > SHEET_LIMITS.fileBytes) throw tooLarge(file, facts.size)
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw stop('sheet-unreadable', file, 'cannot be read.', 'Check that you may open this file.', cause)
  })
  return parseSheet(bytes, { path: file })
}

function missing(file: string, cause: unknown): ProblemError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const next = `Check the name; the full path tried is ${path.resolve(file)}.`
    return stop('sheet-missing', file, 'does not exist.', next, cause)
  }
  return stop('sheet-unreadable', file, 'cannot be opened.', 'Check that you may open this file.', cause)
}

function tooLarge(file: string, sizeBytes: number): ProblemError {
  const size = `is ${Math.ceil(sizeBytes / 1e6)} MB; a sheet may have ${SHEET_LIMITS.fileBytes / 1e6} MB.`
  return stop('sheet-unreadable', file, size, 'Split it, or check that it is a sheet at all.')
}

function stop(
  code: Problem['code'],
  file: string,
  what: string,
  next: string,
  cause?: unknown,
  column?: string,
): ProblemError {
  const place = column === undefined ? { file } : { file, column }
  const given = problem(code, `${file} ${what} Nothing was started and nothing was spent.`, next, place)
  return new ProblemError(given, { cause })
}

/**
 * A sheet from bytes. `row` counts data records from 1: the header and fully blank lines are not counted, and a
 * quoted cell with line breaks is part of one record, so a blank line never changes a row's number. Cells are the
 * text that stood there, less the formula escape that a manifest adds (`escape.ts`); formulas stay text.
 */
export function parseSheet(bytes: Uint8Array, options: ParseOptions = {}): Sheet {
  const file = options.path ?? 'The sheet'
  if (bytes.length > SHEET_LIMITS.fileBytes) throw tooLarge(file, bytes.length)
  if (bytes.length === 0) throw stop('sheet-empty', file, 'is empty (0 bytes).', 'Check that it was saved.')
  const { headers, mapping, problems, rows } = readTable(decodeText(bytes, file), options, file)
  const all = [...problems, ...findRepeats(rows)]
  return {
    path: options.path ?? null,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    headers,
    mapping,
    rows,
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

interface Table {
  headers: string[]
  mapping: Record<string, string>
  rows: SheetRow[]
  problems: Problem[]
}

/** Each record becomes its row as soon as it is read: nobody holds the cells of a large sheet twice. */
function readTable(text: string, options: ParseOptions, file: string): Table {
  const body = stripSeparatorLine(text)
  const style = detectStyle(body.text, options, body.delimiter)
  let table: Table | undefined
  let reader: RowReader | undefined
  let records = 0
  Papa.parse<string[]>(body.text, {
    delimiter: style.delimiter,
    quoteChar: style.quote,
    newline: style.newline,
    step({ data, errors }) {
      records += 1
      if (records > SHEET_LIMITS.rows + 1) throw tooMany(file)
      if (isBlank(data)) return
      if (reader) reader.read(data, errors[0]?.code)
      else {
        table = startTable(data, file)
        reader = new RowReader(table.headers, table.mapping, SHEET_LIMITS)
      }
    },
  })
  if (!table || !reader) {
    throw stop('sheet-empty', file, 'holds nothing but blank lines.', 'Check that it was saved.')
  }
  if (reader.rows.length === 0) {
    throw stop('sheet-empty', file, 'has column names but no rows.', 'Add a row for each clip.')
  }
  requireClearColumns(table.headers, table.mapping, table.problems, file)
  return { ...table, rows: reader.rows, problems: [...table.problems, ...reader.problems] }
}

function startTable(header: string[], file: string): Table {
  const headers = nameHeaders(trimEnd(header), file)
  return { headers, ...mapColumns(headers), rows: [] }
}

function tooMany(file: string): ProblemError {
  const limit = SHEET_LIMITS.rows.toLocaleString('en')
  return stop('sheet-unreadable', file, `has more than ${limit} rows.`, 'Split it into several sheets.')
}

/** `sep=;` in the first line is Excel's own way to name the delimiter. */
function stripSeparatorLine(text: string): { text: string; delimiter?: ',' | ';' | '\t' } {
  const match = /^sep=([,;\t])\r?\n/iu.exec(text)
  if (!match) return { text }
  return { text: text.slice(match[0].length), delimiter: match[1] as ',' | ';' | '\t' }
}

interface Style {
  delimiter: string
  quote: string
  newline: '\n' | '\r'
}

/** The header decides: it is the one record whose words we know. */
function detectStyle(text: string, options: ParseOptions, named?: string): Style {
  const start = text.slice(0, 1_000_000)
  const quote = /^\s*'(?:[^'\r\n]|'')*'\s*(?:[,;\t\r\n]|$)/u.test(start) ? "'" : '"'
  const newline = detectNewline(start, quote)
  const delimiter = named ?? detectDelimiter(start, quote, newline, options)
  return { delimiter, quote, newline }
}

/** CRLF is read as LF: the carriage return that then ends each record is removed in `readCell`. */
function detectNewline(text: string, quote: string): '\n' | '\r' {
  let isQuoted = false
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index]
    if (character === quote) isQuoted = !isQuoted
    else if (!isQuoted && character === '\n') return '\n'
    else if (!isQuoted && character === '\r') return text[index + 1] === '\n' ? '\n' : '\r'
  }
  return '\n'
}

function detectDelimiter(text: string, quote: string, newline: '\n' | '\r', options: ParseOptions): string {
  if (options.format === 'tsv') return '\t'
  const isTabFile = /\.(?:tsv|tab)$/iu.test(options.path ?? '')
  const candidates = options.format === 'csv' ? [',', ';'] : isTabFile ? ['\t', ',', ';'] : [',', ';', '\t']
  let best = { delimiter: candidates[0] ?? ',', known: -1, columns: 0 }
  for (const delimiter of candidates) {
    const header =
      Papa.parse<string[]>(text, { delimiter, quoteChar: quote, newline, preview: 1 }).data[0] ?? []
    const known = Object.keys(mapColumns(header.slice(0, SHEET_LIMITS.columns)).mapping).length
    const isBetter = known > best.known || (known === best.known && header.length > best.columns)
    if (isBetter) best = { delimiter, known, columns: header.length }
  }
  return best.delimiter
}

/** Header names that would reach into an object's own machinery instead of being data. */
const FORBIDDEN_HEADERS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

function isBlank(record: readonly string[]): boolean {
  for (const cell of record) if (cell !== '' && cell.trim() !== '') return false
  return true
}

/** Spreadsheets often write separators after the last named column. */
function trimEnd(header: readonly string[]): string[] {
  let length = header.length
  while (length > 0 && header[length - 1]?.trim() === '') length -= 1
  return header.slice(0, length)
}

function nameHeaders(header: readonly string[], file: string): string[] {
  if (header.length > SHEET_LIMITS.columns) {
    const count = `has ${header.length} columns; ${SHEET_LIMITS.columns} are allowed.`
    throw stop('sheet-unreadable', file, count, 'Remove the ones that no clip needs.')
  }
  const places = new Map<string, number>()
  return header.map((cell, index) => {
    const name = unescapeCell(cell).trim() || `column ${index + 1}`
    if (FORBIDDEN_HEADERS.has(name.toLowerCase())) {
      throw stop(
        'sheet-unreadable',
        file,
        `has a column named "${name}".`,
        'Rename that column.',
        undefined,
        name,
      )
    }
    if (name.length > SHEET_LIMITS.cellCharacters) {
      throw stop('sheet-unreadable', file, `has a column name of ${name.length} characters.`, 'Shorten it.')
    }
    const first = places.get(name)
    if (first !== undefined) {
      const what = `has the column "${name}" twice (columns ${first} and ${index + 1}).`
      throw stop('sheet-unreadable', file, what, 'Rename or remove one of them.', undefined, name)
    }
    places.set(name, index + 1)
    return name
  })
}
