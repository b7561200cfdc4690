import { link, open, rename, rm } from 'node:fs/promises'
import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import { MANIFEST_COLUMNS } from './columns.ts'
import { escapeCell } from './escape.ts'

/** One row of a run with what became of it. */
export interface ManifestRow {
  /** The row as it stood in the sheet, by header (`SheetRow.cells`). */
  cells: Readonly<Record<string, string>>
  state: string
  /** Where the clip lies, as a person should see it; null = no clip. */
  clipFile: string | null
  clipSha256: string | null
  /** The provider's id of the task; null = none was given. */
  taskId: string | null
  clipDurationMs: number | null
  /** What was charged, micros of `currency`; null = not known or nothing. */
  priceMicros: number | null
  currency: string | null
  problem: Problem | null
}

export interface ManifestOptions {
  /** The sheet's own columns in their order (`Sheet.headers`). */
  headers: readonly string[]
  path: string
  /** Replace a file that is already there. Without it, one that exists is left alone and said. */
  overwrite?: boolean
}

/** A UTF-8 byte order mark, without which Excel takes UTF-8 for the machine's old code page. */
const BYTE_ORDER_MARK = '\uFEFF'

/**
 * Writes a run as CSV: the sheet's columns, then what became of each row. Appears whole or not at all.
 * Throws `ProblemError` (`folder-missing`, `folder-unwritable`, `disk-full`, `not-possible`).
 */
export async function writeManifest(rows: Iterable<ManifestRow>, options: ManifestOptions): Promise<void> {
  const draft = `${options.path}.${process.pid}.part`
  try {
    await writeDraft(draft, formatManifest(rows, options.headers))
    if (options.overwrite) await rename(draft, options.path)
    else await link(draft, options.path)
  } catch (cause) {
    throw explainWrite(options.path, cause)
  } finally {
    await rm(draft, { force: true }).catch(() => undefined)
  }
}

async function writeDraft(file: string, pieces: Iterable<string>): Promise<void> {
  const handle = await open(file, 'w')
  try {
    for (const piece of pieces) await handle.write(piece)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function explainWrite(file: string, cause: unknown): ProblemError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const place = { file }
  const safe = 'The clips and the run are not touched.'
  const given =
    code === 'EEXIST'
      ? problem(
          'not-possible',
          `${file} already exists and was left alone. ${safe}`,
          'Give another name.',
          place,
        )
      : code === 'ENOENT' || code === 'ENOTDIR'
        ? problem(
            'folder-missing',
            `The folder of ${file} does not exist. ${safe}`,
            'Make the folder first.',
            place,
          )
        : code === 'ENOSPC'
          ? problem('disk-full', `The disk is full, so ${file} was not written. ${safe}`, 'Make room.', place)
          : problem(
              'folder-unwritable',
              `${file} cannot be written. ${safe}`,
              'Choose another folder.',
              place,
            )
  return new ProblemError(given, { cause })
}

/** Text is handed over in pieces of about this many characters, so that 100,000 rows need no giant string. */
const PIECE_CHARACTERS = 65_536

/**
 * The manifest as pieces of text: a byte order mark, CRLF line ends and quotes as in RFC 4180
 * (https://www.rfc-editor.org/rfc/rfc4180), every cell escaped against formula injection (`escape.ts`).
 * `parseSheet` reads the sheet's own cells back exactly. A column of ours whose name the sheet already uses
 * (an exported manifest that was imported again) gets a number, so that neither is lost.
 */
export function* formatManifest(rows: Iterable<ManifestRow>, headers: readonly string[]): Generator<string> {
  let piece = `${BYTE_ORDER_MARK}${formatRecord([...headers, ...nameOwnColumns(headers)])}`
  for (const row of rows) {
    piece += formatRecord([...headers.map((header) => row.cells[header] ?? ''), ...resultCells(row)])
    if (piece.length < PIECE_CHARACTERS) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

function nameOwnColumns(headers: readonly string[]): string[] {
  const taken = new Set(headers)
  return MANIFEST_COLUMNS.map((name) => {
    let free: string = name
    for (let number = 2; taken.has(free); number += 1) free = `${name} ${number}`
    return free
  })
}

function resultCells(row: ManifestRow): string[] {
  return [
    row.state,
    row.clipFile ?? '',
    row.clipSha256 ?? '',
    row.taskId ?? '',
    row.clipDurationMs === null ? '' : toDecimal(row.clipDurationMs, 3),
    row.priceMicros === null ? '' : toDecimal(row.priceMicros, 6),
    row.priceMicros === null ? '' : (row.currency ?? ''),
    row.problem === null ? '' : `${row.problem.what} ${row.problem.next}`,
  ]
}

/** An integer of 10^-digits as an exact decimal: 5040 with 3 digits is `5.04`. */
function toDecimal(amount: number, digits: number): string {
  const sign = amount < 0 ? '-' : ''
  const text = String(Math.abs(amount)).padStart(digits + 1, '0')
  const fraction = text.slice(-digits).replace(/0+$/u, '')
  const whole = `${sign}${text.slice(0, -digits)}`
  return fraction === '' ? whole : `${whole}.${fraction}`
}

function formatRecord(cells: readonly string[]): string {
  return `${cells.map(formatCell).join(',')}\r\n`
}

/** Semicolons and tabs are quoted too: whatever delimiter a program guesses, it finds the same cells. */
const NEEDS_QUOTES = /[",;\t\r\n']|^\s|\s$/u

function formatCell(cell: string): string {
  const escaped = escapeCell(cell)
  return NEEDS_QUOTES.test(escaped) ? `"${escaped.replaceAll('"', '""')}"` : escaped
}
