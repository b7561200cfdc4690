import { isUtf8 } from 'node:buffer'
import type { Problem } from '../../../../shared/problem.ts'
import { decodeText, refuse } from './decode.ts'
import { delimitedSteps, readDelimited } from './delimited.ts'
import { readHtml } from './html.ts'
import { readJson } from './json.ts'
import { READING_LIMITS } from './limits.ts'
import { readPasted } from './pasted.ts'
import { recogniseText, type TextKind } from './recognise.ts'
import { tooLarge } from './stop.ts'
import type { Deliver, Fill, TableEnd, TableRecord } from './table.ts'
import { TableBuilder } from './table-builder.ts'

export interface TextOptions {
  /** The file as it was given, or words for what was pasted. */
  file: string
  isPasted?: boolean | undefined
  format?: 'csv' | 'tsv' | undefined
}

/** A table from the bytes of a text file: CSV and its kin, JSON, JSON Lines, or HTML. */
export function readTextBytes(bytes: Uint8Array, options: TextOptions, deliver: Deliver): TableEnd {
  const { pieces, problems } = decodeText(bytes, options.file)
  return readPieces(pieces, bytes.length, problems, options, deliver)
}

/** A record of this length is no honest one; what comes of it may take long. */
const LONGEST_EASY_RECORD = 300_000

/**
 * A table from text with delimiters, read in steps of some milliseconds between which others have their turn.
 * Undefined when it is something else, or not easy to read: nothing was learned then, and a thread should try.
 */
export async function readEasyText(
  bytes: Uint8Array,
  file: string,
  turn: () => Promise<void>,
): Promise<{ end: TableEnd; records: TableRecord[] } | undefined> {
  if (!isUtf8(bytes)) return undefined
  const records: TableRecord[] = []
  const builder = new TableBuilder(file, (slice) => {
    for (const record of slice) records.push(record)
  })
  const { pieces } = decodeText(bytes, file)
  const [first, all] = lookAhead(pieces)
  if (recogniseText(first) !== 'delimited') return undefined
  for (const unread of delimitedSteps(all, { file }, builder)) {
    if (unread > LONGEST_EASY_RECORD) return undefined
    await turn()
  }
  return { end: { headers: builder.end(), worksheets: [], problems: [], fills: [] }, records }
}

/** A table from text that was pasted. */
export function readPastedText(text: string, options: TextOptions, deliver: Deliver): TableEnd {
  const place = text.indexOf('\0')
  if (place >= 0) {
    const line = text.slice(0, place).split('\n').length
    const what = `${options.file} holds a NUL character in line ${line}, which no prompt can contain.`
    throw refuse(options.file, what, 'Remove that character and try again.')
  }
  return readPieces([text.replace(/^\ufeff/u, '')], text.length, [], { ...options, isPasted: true }, deliver)
}

function readPieces(
  pieces: Iterable<string>,
  sizeBytes: number,
  problems: Problem[],
  options: TextOptions,
  deliver: Deliver,
): TableEnd {
  const { file } = options
  const builder = new TableBuilder(file, deliver)
  const [first, all] = lookAhead(pieces)
  const kind = options.format ? 'delimited' : recogniseText(first)
  const fills = readKind(kind, all, sizeBytes, problems, options, builder)
  return { headers: builder.end(), worksheets: [], problems, fills }
}

function readKind(
  kind: TextKind,
  pieces: Iterable<string>,
  sizeBytes: number,
  problems: Problem[],
  options: TextOptions,
  builder: TableBuilder,
): Fill[] {
  const { file } = options
  if (kind === 'spreadsheet-xml') {
    throw refuse(file, `${file} is an old Excel workbook (XML Spreadsheet 2003).`, SAVE_AS_XLSX)
  }
  if (kind === 'json') {
    if (sizeBytes > READING_LIMITS.jsonBytes) throw tooLarge(file, sizeBytes, READING_LIMITS.jsonBytes)
    readJson(join(pieces), file, builder)
  } else if (kind === 'html') {
    if (sizeBytes > READING_LIMITS.htmlBytes) throw tooLarge(file, sizeBytes, READING_LIMITS.htmlBytes)
    const read = readHtml(join(pieces), file, builder)
    problems.push(...read.problems)
    return read.fills
  } else if (options.isPasted) readPasted(join(pieces), options, builder)
  else readDelimited(pieces, options, builder)
  return []
}

const SAVE_AS_XLSX = 'Open it in Excel, save it as XLSX or "CSV UTF-8", and use that file.'

/** The first piece, and all of them. */
function lookAhead(pieces: Iterable<string>): [string, Iterable<string>] {
  const source = pieces[Symbol.iterator]()
  const first = source.next()
  const start = first.done ? '' : first.value
  const all = function* () {
    yield start
    for (let next = source.next(); !next.done; next = source.next()) yield next.value
  }
  return [start, all()]
}

const join = (pieces: Iterable<string>): string => [...pieces].join('')
