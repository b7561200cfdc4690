import Papa from 'papaparse'
import { type DelimitedOptions, detectStyle, readDelimited } from './delimited.ts'
import type { TableBuilder } from './table-builder.ts'

/**
 * Cells as spreadsheets put them onto the clipboard: tabs between them, and quotes only round those with a tab, a
 * line break or, in some programs, a quote. A cell that merely begins with a quote stands there bare, so where
 * reading with quotes goes wrong and reading without them gives rows of one length, quotes are letters.
 */
export function readPasted(text: string, given: DelimitedOptions, builder: TableBuilder): void {
  const options = { ...given, prefersTabs: true }
  const bare = readBare(text, options)
  if (bare) for (const cells of bare) builder.add(cells)
  else readDelimited([text], options, builder)
}

/** The rows without quotes, where that is how they were meant. */
function readBare(text: string, options: DelimitedOptions): string[][] | undefined {
  const { delimiter, newline } = detectStyle(text, options)
  if (delimiter !== '\t') return undefined
  const { errors } = Papa.parse<string[]>(text, { delimiter, newline, quoteChar: '"' })
  if (errors.length === 0) return undefined
  const rows = text
    .split(newline)
    .map((line) => line.split('\t'))
    .filter((cells) => cells.some((cell) => cell.trim() !== ''))
  const width = rows[0]?.length
  return rows.every((cells) => cells.length === width) ? rows : undefined
}
