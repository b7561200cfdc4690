import type { Problem } from '../../../../shared/problem.ts'
import { decodeText, refuse } from './decode.ts'
import { readDelimited } from './delimited.ts'
import { readHtml } from './html.ts'
import { readJson } from './json.ts'
import { READING_LIMITS } from './limits.ts'
import { readPasted } from './pasted.ts'
import { recogniseText, type TextKind } from './recognise.ts'
import { tooLarge } from './stop.ts'
import type { Deliver, Fill, TableEnd } from './table.ts'
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
