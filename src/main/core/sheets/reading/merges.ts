import type { Problem } from '../../../../shared/problem.ts'
import { READING_LIMITS } from './limits.ts'
import { notice } from './stop.ts'
import type { Fill } from './table.ts'

/** Cells from one corner to the other; rows from 1 as in the worksheet, columns from 0. */
export interface Range {
  firstColumn: number
  lastColumn: number
  firstRow: number
  lastRow: number
  reference: string
}

/** `B7` stands in column 1; -1 for what is no address. */
export function columnOf(address: string): number {
  let column = 0
  for (let at = 0; at < address.length && at < 4; at += 1) {
    const letter = address.charCodeAt(at) & ~32
    if (letter < 65 || letter > 90) break
    column = column * 26 + letter - 64
  }
  return column - 1
}

export function addressOf(column: number, row: number): string {
  let letters = ''
  for (let rest = column + 1; rest > 0; rest = Math.floor((rest - 1) / 26))
    letters = String.fromCharCode(65 + ((rest - 1) % 26)) + letters
  return `${letters}${row}`
}

export function rangeOf(reference: string): Range | undefined {
  const [, from = '', top, to = '', bottom] =
    /^([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})$/iu.exec(reference) ?? []
  if (from === '') return undefined
  const range = {
    firstColumn: columnOf(from),
    lastColumn: columnOf(to),
    firstRow: Number(top),
    lastRow: Number(bottom),
    reference,
  }
  return range.firstColumn <= range.lastColumn && range.firstRow <= range.lastRow ? range : undefined
}

/**
 * What a person sees of merged cells: one value for all the rows that it spans. Only rows with cells of their own
 * are rows; across columns the value belongs to the first one. A merge of column names spreads nothing.
 */
export function mergesToFills(
  merges: readonly Range[],
  rowOfRecord: readonly number[],
  hidden: ReadonlyMap<number, readonly string[]>,
  width: number,
): { fills: Fill[]; count: number; example: string } {
  const fills: Fill[] = []
  let count = 0
  let example = ''
  let cells = 0
  for (const range of merges) {
    if (range.firstColumn >= width) continue
    const firstRecord = firstAtOrAfter(rowOfRecord, range.firstRow)
    const lastRecord = firstAtOrAfter(rowOfRecord, range.lastRow + 1) - 1
    if (lastRecord < firstRecord) continue
    count += 1
    example ||= range.reference
    cells += lastRecord - firstRecord + 1
    // Ranges that overlap are not made by any spreadsheet program, and could cost any time.
    if (cells > READING_LIMITS.cells) break
    const isTopRecord = rowOfRecord[firstRecord] === range.firstRow
    const from = isTopRecord ? firstRecord : hidden.get(range.firstRow)?.[range.firstColumn]
    if (from !== undefined && (lastRecord > firstRecord || !isTopRecord))
      fills.push({ column: range.firstColumn, firstRecord, lastRecord, from })
  }
  return { fills, count, example }
}

export function describeMerges(file: string, count: number, example?: string): Problem {
  const shown = example === undefined ? count : `${count}, such as ${example}`
  const what = `it has merged cells (${shown}): a value that spans rows was read for each of these rows, one that spans columns for the first column.`
  return notice(file, what, 'Check these rows, or unmerge the cells and read the sheet again.')
}

/** Place of the first record of this worksheet row or a later one. */
function firstAtOrAfter(rowOfRecord: readonly number[], row: number): number {
  let low = 0
  let high = rowOfRecord.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((rowOfRecord[middle] as number) < row) low = middle + 1
    else high = middle
  }
  return low
}
