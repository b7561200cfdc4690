import { escapeCell } from '../sheets/escape.ts'
import { type Cell, cleanWords, type Draft, type Table } from './table.ts'

/** A UTF-8 byte order mark, without which Excel takes UTF-8 for the machine's old code page. */
const BYTE_ORDER_MARK = '\uFEFF'

/**
 * CSV: a byte order mark, CRLF line ends and quotes as in RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180), every
 * text escaped against formula injection (`sheets/escape.ts`).
 */
export async function writeCsv({ columns, pages }: Table, draft: Draft): Promise<void> {
  await draft.write(`${BYTE_ORDER_MARK}${formatRecord(columns)}`)
  for await (const page of pages) {
    await draft.write(page.map((row) => formatRecord(row.cells)).join(''))
  }
}

const formatRecord = (cells: readonly Cell[]): string => `${cells.map(formatCell).join(',')}\r\n`

/** Semicolons and tabs are quoted too: whatever delimiter a program guesses, it finds the same cells. */
const NEEDS_QUOTES = /[",;|\t\r\n']|^\s|\s$/u

function formatCell(cell: Cell): string {
  if (cell === null) return ''
  // A number of ours may begin with a minus and is no formula.
  if (typeof cell === 'object' && 'decimal' in cell) return cell.decimal
  const escaped = escapeCell(typeof cell === 'string' ? cell : cleanWords(cell.words))
  return NEEDS_QUOTES.test(escaped) ? `"${escaped.replaceAll('"', '""')}"` : escaped
}
