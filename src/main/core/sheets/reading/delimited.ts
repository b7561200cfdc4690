import Papa from 'papaparse'
import { mapColumns } from '../columns.ts'
import { READING_LIMITS, SHEET_LIMITS } from './limits.ts'
import { stop } from './stop.ts'
import type { TableBuilder } from './table-builder.ts'

export interface DelimitedOptions {
  /** Used in sentences; a name ending in `.tsv` or `.tab` prefers tabs. */
  file: string
  /** `tsv` means tabs; `csv` means anything but tabs; absent = whichever fits the header. */
  format?: 'csv' | 'tsv' | undefined
  /** Where nothing speaks for another delimiter: a comma is a comma then. */
  prefersTabs?: boolean | undefined
}

/** So much of the beginning decides on delimiter, quote and line end. */
const START_CHARACTERS = 300_000
/** More within one step, and in fewer rows than that, are no slips of a person, and cost the memory of as many notes. */
const MOST_WRONG_QUOTES = 10_000
/** Read at once, which takes some milliseconds. */
const STEP_CHARACTERS = 300_000

export function readDelimited(
  pieces: Iterable<string>,
  options: DelimitedOptions,
  builder: TableBuilder,
): void {
  for (const _ of delimitedSteps(pieces, options, builder));
}

/**
 * Reads text with delimiters step by step, so that only the table and one piece of the text are in memory. A
 * record that a piece cuts in two is read again with the next piece; each time, at least twice as much is taken.
 * Yields how much of the text the last step could not finish.
 */
export function* delimitedSteps(
  pieces: Iterable<string>,
  options: DelimitedOptions,
  builder: TableBuilder,
): Generator<number, void> {
  const source = pieces[Symbol.iterator]()
  let text = ''
  let isLast = false
  const more = (characters: number): void => {
    while (!isLast && text.length < characters) {
      const { value, done } = source.next()
      if (done) isLast = true
      else text += value
    }
  }
  more(START_CHARACTERS)
  const body = stripSeparatorLine(text)
  const style = detectStyle(body.text, options, body.delimiter)
  const parser = new Papa.Parser({
    delimiter: style.delimiter,
    quoteChar: style.quote,
    newline: style.newline,
  })
  text = body.text
  for (;;) {
    const read = parser.parse(text, 0, !isLast) as Papa.ParseResult<string[]>
    if (read.errors.length > MOST_WRONG_QUOTES && read.errors.length > read.data.length)
      throw fullOfQuotes(options.file, builder.count)
    addAll(read, builder)
    if (isLast) return
    text = text.slice(read.meta.cursor)
    if (text.length > READING_LIMITS.recordCharacters) throw endless(options.file, builder.count)
    yield text.length
    more(Math.max(STEP_CHARACTERS, text.length * 2))
  }
}

function addAll({ data, errors }: Papa.ParseResult<string[]>, builder: TableBuilder): void {
  const faults = new Map<number, string>()
  for (const { row, code } of errors) {
    if (row !== undefined && !faults.has(row)) faults.set(row, code)
  }
  for (const [index, cells] of data.entries()) builder.add(cells, faultOf(faults, index, cells))
}

/** A blank line is blank whatever the parser says of it. */
function faultOf(faults: ReadonlyMap<number, string>, index: number, cells: string[]): string | undefined {
  if (faults.size === 0) return undefined
  return cells.every((cell) => cell.trim() === '') ? undefined : faults.get(index)
}

function fullOfQuotes(file: string, count: number) {
  const what = `has thousands of quotes in wrong places (from row ${count + 1} on).`
  return stop('sheet-unreadable', file, what, 'Save it as "CSV UTF-8" or XLSX, and use that file.')
}

function endless(file: string, count: number) {
  const limit = READING_LIMITS.recordCharacters / 1e6
  const what = `has a row of more than ${limit} million characters (row ${count + 1}).`
  return stop('sheet-unreadable', file, what, 'Look for a quote that opens in that row and never closes.')
}

type Delimiter = ',' | ';' | '\t' | '|'

/** `sep=;` in the first line is Excel's own way to name the delimiter. */
function stripSeparatorLine(text: string): { text: string; delimiter?: Delimiter } {
  const match = /^sep=([,;\t|])(?:\r\n|\r|\n)/iu.exec(text)
  if (!match) return { text }
  return { text: text.slice(match[0].length), delimiter: match[1] as Delimiter }
}

export interface Style {
  delimiter: string
  quote: string
  newline: '\n' | '\r'
}

/** The header decides: it is the one record whose words we know. */
export function detectStyle(text: string, options: DelimitedOptions, named?: string): Style {
  const start = text.slice(0, START_CHARACTERS)
  const quote = /^\s*'(?:[^'\r\n]|'')*'\s*(?:[,;\t|\r\n]|$)/u.test(start) ? "'" : '"'
  const newline = detectNewline(start, quote)
  const delimiter = named ?? detectDelimiter(start, quote, newline, options)
  return { delimiter, quote, newline }
}

/** CRLF is read as LF: the carriage return that then ends each record is removed with its last cell. */
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

function detectDelimiter(
  text: string,
  quote: string,
  newline: '\n' | '\r',
  options: DelimitedOptions,
): string {
  if (options.format === 'tsv') return '\t'
  let best = { delimiter: ',' as Delimiter, known: -1, columns: 0 }
  for (const delimiter of candidatesFor(options)) {
    const header = firstRecord(text, { delimiter, quote, newline })
    const known = Object.keys(mapColumns(header.slice(0, SHEET_LIMITS.columns)).mapping).length
    const isBetter = known > best.known || (known === best.known && header.length > best.columns)
    if (isBetter) best = { delimiter, known, columns: header.length }
  }
  return best.delimiter
}

function candidatesFor({ file, format, prefersTabs }: DelimitedOptions): Delimiter[] {
  if (format === 'csv') return [',', ';', '|']
  return prefersTabs || /\.(?:tsv|tab)$/iu.test(file) ? ['\t', ',', ';', '|'] : [',', ';', '\t', '|']
}

/** Blank lines before the header say nothing. */
function firstRecord(text: string, { delimiter, quote, newline }: Style): string[] {
  const start = text.slice(/^(?:[^\S\r\n]*[\r\n]+)*/u.exec(text)?.[0].length ?? 0)
  return Papa.parse<string[]>(start, { delimiter, quoteChar: quote, newline, preview: 1 }).data[0] ?? []
}
