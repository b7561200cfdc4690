import { createHash } from 'node:crypto'
import { open, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Problem } from '../../../../shared/problem.ts'
import type { Clock } from '../../ports.ts'
import { turnOfLoop } from '../../system.ts'
import { SHEET_LIMITS } from './limits.ts'
import { readPlain } from './read-bytes.ts'
import { readEasyText, readPastedText } from './read-text.ts'
import { recognise, recogniseText } from './recognise.ts'
import { stop, tooLarge } from './stop.ts'
import type { Fill, TableEnd, TableRecord } from './table.ts'
import { askThread } from './thread.ts'

export { describeFaults } from './faults.ts'
export { SHEET_LIMITS } from './limits.ts'
export { stop } from './stop.ts'

export type TableSource = { path: string } | { text: string }

export interface TableOptions {
  /** A workbook's worksheet by name; absent = the first that is shown. */
  worksheet?: string | undefined
  /** Of a workbook: rows that it hides. */
  hiddenRows: 'skip' | 'read'
}

/** A sheet after reading, before anybody asks what its cells mean. Row numbers elsewhere are places in `records`, from 1. */
export interface ReadTable {
  headers: string[]
  /** `fault` is for `describeFaults`. */
  records: TableRecord[]
  limits: { cellCharacters: number }
  /** Of the file's bytes, or of the pasted text in UTF-8. */
  sha256: string
  /** Of a workbook, in its order, hidden ones too; else empty. */
  worksheets: string[]
  /** What a person should know of the sheet as a whole: nothing here stops it. */
  problems: Problem[]
}

/** Smaller texts are read here: that takes a few milliseconds at worst, and a thread takes longer to start. */
const SMALL_BYTES = 100_000
/** Text with delimiters of up to this size is read in steps, and stays far below the limits of memory. */
const EASY_BYTES = 32_000_000
const HASHED_AT_ONCE = 2_000_000
const PASTED = 'The pasted table'

/**
 * Reads a sheet: CSV, TSV and their kin, XLSX, JSON, JSON Lines or HTML, judged by its content and not by its name.
 * Text with delimiters is read in small steps; what is larger or more complicated is read
 * on a thread that is ended when it works too long or takes too much memory.
 * Throws `ProblemError` (`sheet-missing`, `sheet-unreadable`, `sheet-empty`) for what stops the whole sheet; what is
 * wrong with one row is its `fault`.
 */
export async function readTable(
  source: TableSource,
  options: TableOptions,
  ports: { clock: Clock },
): Promise<ReadTable> {
  if ('text' in source) return await readPasted(source.text, options, ports.clock)
  const file = source.path
  const before = await look(file)
  const read = await readFileTable(file, before.size, options, ports.clock)
  const after = await look(file)
  const isSame = after.size === before.size && after.mtimeMs === before.mtimeMs && after.ino === before.ino
  if (!isSame || read.sizeBytes !== before.size) throw changed(file)
  return read.table
}

interface Facts {
  size: number
  mtimeMs: number
  ino: number
}

async function look(file: string): Promise<Facts> {
  const facts = await stat(file).catch((cause: unknown) => {
    throw missing(file, cause)
  })
  if (facts.isDirectory())
    throw stop('sheet-unreadable', file, 'is a folder, not a sheet.', 'Name a file in it.')
  if (!facts.isFile())
    throw stop('sheet-unreadable', file, 'is not a plain file.', 'Save the sheet as a CSV file.')
  if (facts.size > SHEET_LIMITS.fileBytes) throw tooLarge(file, facts.size)
  return facts
}

function missing(file: string, cause: unknown) {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const next = `Check the name; the full path tried is ${path.resolve(file)}.`
    return stop('sheet-missing', file, 'does not exist.', next, { cause })
  }
  return stop('sheet-unreadable', file, 'cannot be opened.', MAY_YOU, { cause })
}

const MAY_YOU = 'Check that you may open this file.'

function changed(file: string) {
  const what = 'changed while it was being read, so what was read may be half old and half new.'
  return stop('sheet-unreadable', file, what, 'Wait until it has been saved, then read it again.')
}

async function readFileTable(file: string, sizeBytes: number, options: TableOptions, clock: Clock) {
  if (sizeBytes <= EASY_BYTES && (await isSimple(file))) {
    const bytes = await readFile(file).catch((cause: unknown) => {
      throw stop('sheet-unreadable', file, 'cannot be read.', MAY_YOU, { cause })
    })
    if (bytes.length <= SMALL_BYTES) {
      return { table: parseTable(bytes, { ...options, file }), sizeBytes: bytes.length }
    }
    const read = await readInTurns(bytes, file, options)
    if (read) return read
  }
  return await readOnThread({ path: file }, file, options, clock)
}

/** Where text with delimiters can be read here in small steps, that is cheaper than to send it from a thread. */
async function readInTurns(bytes: Buffer, file: string, options: TableOptions) {
  if (bytes.length > EASY_BYTES || options.worksheet !== undefined) return undefined
  recognise(bytes, file)
  const hash = createHash('sha256')
  for (let at = 0; at < bytes.length; at += HASHED_AT_ONCE) {
    hash.update(bytes.subarray(at, at + HASHED_AT_ONCE))
    await turnOfLoop()
  }
  const read = await readEasyText(bytes, file, turnOfLoop)
  if (!read) return undefined
  return { table: finish(read.records, read.end, hash.digest('hex')), sizeBytes: bytes.length }
}

/** Text that is read in time proportional to its length: anything but a workbook or HTML. */
async function isSimple(file: string): Promise<boolean> {
  const start = Buffer.alloc(4_000)
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw stop('sheet-unreadable', file, 'cannot be opened.', MAY_YOU, { cause })
  })
  try {
    const { bytesRead } = await handle.read(start, 0, start.length, 0)
    const found = start.subarray(0, bytesRead)
    // An angle bracket is one in every encoding that is read.
    const isMarkup = /^[^a-z]*</iu.test(found.subarray(0, 100).toString('latin1'))
    return !isMarkup && found.toString('latin1', 0, 2) !== 'PK'
  } finally {
    await handle.close()
  }
}

/** A table from the bytes of a small text file, at once. */
export function parseTable(
  bytes: Uint8Array,
  options: { file: string; format?: 'csv' | 'tsv' | undefined; worksheet?: string | undefined },
): ReadTable {
  const records: TableRecord[] = []
  const end = readPlain(bytes, options, (slice) => append(records, slice))
  return finish(records, end, createHash('sha256').update(bytes).digest('hex'))
}

async function readPasted(text: string, options: TableOptions, clock: Clock): Promise<ReadTable> {
  if (text.trim() === '') throw stop('sheet-empty', PASTED, 'is empty.', 'Copy the cells again, then paste.')
  if (options.worksheet !== undefined) {
    const what = `is no workbook, so it has no worksheet "${options.worksheet}".`
    throw stop('sheet-unreadable', PASTED, what, 'Leave the worksheet out.')
  }
  if (text.length > SMALL_BYTES || recogniseText(text) === 'html')
    return (await readOnThread({ text }, PASTED, options, clock)).table
  const records: TableRecord[] = []
  const end = readPastedText(text, { file: PASTED }, (slice) => append(records, slice))
  return finish(records, end, createHash('sha256').update(text).digest('hex'))
}

async function readOnThread(source: TableSource, file: string, options: TableOptions, clock: Clock) {
  const records: TableRecord[] = []
  const told = await askThread({ ...options, source, file }, (slice) => append(records, slice), clock)
  return { table: finish(records, told.end, told.sha256), sizeBytes: told.sizeBytes }
}

function append(records: TableRecord[], slice: readonly TableRecord[]): void {
  for (const record of slice) records.push(record)
}

function finish(records: TableRecord[], end: TableEnd, sha256: string): ReadTable {
  for (const fill of end.fills) spread(records, fill)
  const { headers, worksheets, problems } = end
  return { headers, records, limits: SHEET_LIMITS, sha256, worksheets, problems }
}

/** What was merged over several rows holds for each of them. */
function spread(records: readonly TableRecord[], { column, firstRecord, lastRecord, from }: Fill): void {
  const value = typeof from === 'string' ? from : (records[from]?.cells[column] ?? '')
  for (let at = firstRecord; at <= lastRecord; at += 1) {
    const cells = records[at]?.cells
    if (!cells) continue
    while (cells.length <= column) cells.push('')
    cells[column] = value
  }
}
