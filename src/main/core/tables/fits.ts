import type { ExportFormat } from '../../../shared/contract.ts'
import { ProblemError, problem } from '../../../shared/problem.ts'
import { keepQuotes } from '../sheets/escape.ts'
import type { Page, Table } from './table.ts'
import { XLSX_LIMITS } from './xlsx.ts'

/** So many cells are named; of the others only their number is told. */
const MOST_NAMED = 5

/**
 * The table, with every page looked at on its way: a text that the format cannot hold exactly stops the writing,
 * because a prompt that is cut or changed would be another prompt. The rest is then only looked through, so that
 * the sentence names the cells and their number. Throws `ProblemError` (`not-possible`) at the end of the pages.
 */
export function checkFit(table: Table, format: ExportFormat, file: string): Table {
  return format === 'json' ? table : { ...table, pages: checkPages(table, format, file) }
}

async function* checkPages(table: Table, format: 'csv' | 'xlsx', file: string): AsyncGenerator<Page> {
  const found = new Findings()
  let rows = 1
  if (format === 'xlsx' && table.columns.length > XLSX_LIMITS.columns) throw tooMany(file, 'columns')
  for (const column of table.columns) found.look(column, format, `the name of the column "${start(column)}"`)
  for await (const page of table.pages) {
    rows += page.length
    if (format === 'xlsx' && rows > XLSX_LIMITS.rows) throw tooMany(file, 'rows')
    for (const { name, cells } of page) {
      for (const [index, cell] of cells.entries()) {
        if (typeof cell !== 'string') continue
        found.look(cell, format, () => `${name}, column "${start(table.columns[index] ?? '')}"`)
      }
    }
    if (found.count === 0) yield page
  }
  if (found.count > 0) throw found.toProblem(file, format)
}

class Findings {
  count = 0
  private readonly named: string[] = []
  private isLength = true

  look(text: string, format: 'csv' | 'xlsx', where: string | (() => string)): void {
    const isLong = format === 'xlsx' && keepQuotes(text).length > XLSX_LIMITS.cellCharacters
    const isOdd = text.includes('\0') || !text.isWellFormed()
    if (!isLong && !isOdd) return
    this.count += 1
    this.isLength &&= isLong && !isOdd
    if (this.named.length >= MOST_NAMED) return
    const size = isLong ? ` (${text.length.toLocaleString('en')} characters)` : ''
    this.named.push(`${typeof where === 'string' ? where : where()}${size}`)
  }

  toProblem(file: string, format: 'csv' | 'xlsx'): ProblemError {
    const rest = this.count - this.named.length
    const list = `${this.named.join('; ')}${rest > 0 ? `; and ${rest.toLocaleString('en')} more` : ''}`
    const kind = format === 'xlsx' ? 'a workbook' : 'CSV'
    const what = this.isLength
      ? `a cell of a workbook holds ${XLSX_LIMITS.cellCharacters.toLocaleString('en')} characters at most, and these have more: ${list}.`
      : `${kind} cannot hold some text exactly (half of a character, a NUL, or too long): ${list}.`
    const next = this.isLength
      ? 'Choose CSV or JSON, which hold any length (--format csv).'
      : 'Choose JSON, which holds every text (--format json).'
    return refusal(file, what, next)
  }
}

const tooMany = (file: string, what: 'rows' | 'columns'): ProblemError =>
  refusal(
    file,
    `a worksheet holds ${XLSX_LIMITS[what].toLocaleString('en')} ${what} at most, its header among them, and there are more.`,
    'Choose CSV or JSON (--format csv).',
  )

export const tooLarge = (file: string): ProblemError =>
  refusal(file, 'it would pass the 4 GB that a workbook can have.', 'Choose CSV or JSON (--format csv).')

const refusal = (file: string, why: string, next: string): ProblemError =>
  new ProblemError(
    problem(
      'not-possible',
      `${file} was not written: ${why} Nothing was cut, and nothing else is touched.`,
      next,
      {
        file,
      },
    ),
  )

const start = (text: string): string => text.slice(0, 60).toWellFormed().replaceAll('\0', ' ')
