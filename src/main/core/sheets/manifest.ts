import type { Problem } from '../../../shared/problem.ts'
import { type Cell, moneyCell, type Page, type Table, toDecimal } from '../tables/table.ts'
import { MANIFEST_COLUMNS } from './columns.ts'

/** One row of a run with what became of it. */
export interface ManifestRow {
  /** Of the sheet, from 1. */
  row: number
  take: number
  /** The row as it stood in the sheet, by header, with its choices taken (`SheetRow.cells`). */
  cells: Readonly<Record<string, string>>
  state: string
  /** Where the clip lies, as a person should see it; null = no clip. */
  clipFile: string | null
  clipSha256: string | null
  /** The provider's id of the task; null = none was given. */
  taskId: string | null
  clipDurationMs: number | null
  /** What it was expected to cost, micros of `currency`; null = not known. */
  estimateMicros: number | null
  /** What was charged, micros of `currency`; null = not known or nothing. */
  chargedMicros: number | null
  currency: string
  problem: Problem | null
}

/**
 * A run as a table: the sheet's own columns in their order with their cells exactly as they are, then what became
 * of each row. A column of ours whose name the sheet already uses (an exported manifest that was imported again)
 * gets a number, so that neither is lost.
 */
export function manifestTable(
  headers: readonly string[],
  pages: AsyncIterable<readonly ManifestRow[]>,
): Table {
  return { columns: [...headers, ...nameOwnColumns(headers)], pages: toPages(headers, pages) }
}

async function* toPages(
  headers: readonly string[],
  pages: AsyncIterable<readonly ManifestRow[]>,
): AsyncGenerator<Page> {
  for await (const page of pages) {
    yield page.map((row) => ({
      name: row.take === 1 ? `row ${row.row}` : `row ${row.row} (take ${row.take})`,
      cells: [...headers.map((header) => ownCell(row.cells, header)), ...resultCells(row)],
    }))
  }
}

/** A column may have any name, `constructor` too. */
const ownCell = (cells: Readonly<Record<string, string>>, header: string): string =>
  Object.hasOwn(cells, header) ? (cells[header] ?? '') : ''

function nameOwnColumns(headers: readonly string[]): string[] {
  const taken = new Set(headers)
  return MANIFEST_COLUMNS.map((name) => {
    let free: string = name
    for (let number = 2; taken.has(free); number += 1) free = `${name} ${number}`
    return free
  })
}

/** In the order of `MANIFEST_COLUMNS`. */
function resultCells(row: ManifestRow): Cell[] {
  const isPriced = row.estimateMicros !== null || row.chargedMicros !== null
  return [
    row.state,
    words(row.clipFile),
    row.clipSha256,
    words(row.taskId),
    row.clipDurationMs === null ? null : { decimal: toDecimal(row.clipDurationMs, 3) },
    moneyCell(row.estimateMicros),
    moneyCell(row.chargedMicros),
    isPriced ? row.currency : null,
    row.problem === null ? null : { words: `${row.problem.what} ${row.problem.next}` },
  ]
}

/** A provider's id or a path is told as it is; only what no format holds is taken out of it. */
const words = (text: string | null): Cell => (text === null ? null : { words: text })
