import { unescapeCell } from '../escape.ts'
import { faultOf } from './faults.ts'
import { READING_LIMITS, SHEET_LIMITS } from './limits.ts'
import { stop } from './stop.ts'
import type { Deliver, TableRecord } from './table.ts'

/** Small enough that nobody waits for one slice, large enough that sending it costs little. */
const SLICE_RECORDS = 500
const SLICE_CHARACTERS = 1_000_000

const NUMBER_SIGN = 35
/** What spreadsheet programs show instead of a result. */
const ERROR_TEXT =
  /^#(?:REF!|N\/A|VALUE!|DIV\/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!|FIELD!|BLOCKED!|ERROR!)\s*$/iu

/** Header names that would reach into an object's own machinery instead of being data. */
const FORBIDDEN_HEADERS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Makes a table of rows as they are found: the first that is not blank holds the column names, blank ones are
 * left out, the others are delivered in slices. Throws for a table that is too large to be one.
 */
export class TableBuilder {
  headers: string[] | undefined
  /** Records so far. */
  count = 0
  readonly #file: string
  readonly #name: string
  readonly #deliver: Deliver
  #slice: TableRecord[] = []
  #sliceCharacters = 0
  #cells = 0
  #characters = 0

  /** `name` says more than the file: which of its tables this is. */
  constructor(file: string, deliver: Deliver, name = file) {
    this.#file = file
    this.#name = name
    this.#deliver = deliver
  }

  /** Says what the row was; a record's number is `count - 1` then. */
  add(cells: string[], fault?: string): 'header' | 'blank' | 'record' {
    if (fault === undefined && isBlank(cells)) return 'blank'
    if (!this.headers) {
      this.headers = nameHeaders(trimEnd(cells), this.#file)
      return 'header'
    }
    this.addRecord(cells, fault)
    return 'record'
  }

  /** A record of a table whose column names come from elsewhere. */
  addRecord(cells: string[], fault?: string): void {
    this.count += 1
    if (this.count > SHEET_LIMITS.rows) throw this.#tooMany(`${show(SHEET_LIMITS.rows)} rows`)
    this.#cells += cells.length
    if (this.#cells > READING_LIMITS.cells) throw this.#tooMany(`${show(READING_LIMITS.cells)} cells`)
    let characters = 0
    let found = fault
    for (let column = 0; column < cells.length; column += 1) {
      const cell = cells[column] as string
      characters += cell.length
      // A formula that failed leaves its error as text, and such a prompt would be bought like any other.
      if (cell.charCodeAt(0) === NUMBER_SIGN && fault === undefined && ERROR_TEXT.test(cell)) {
        const error = faultOf.errorCell(column, cell.trim())
        found = found === undefined ? error : `${found}\n${error}`
      }
    }
    this.#characters += characters
    const { bytesPerCell, bytesPerRecord, tableBytes } = READING_LIMITS
    const bytes = this.#characters + this.#cells * bytesPerCell + this.count * bytesPerRecord
    if (bytes > tableBytes) throw this.#tooMany(`can be held in memory (row ${show(this.count)} was reached)`)
    if (this.#characters > READING_LIMITS.characters)
      throw this.#tooMany(`${show(READING_LIMITS.characters)} characters`)
    this.#slice.push(found === undefined ? { cells } : { cells, fault: found })
    this.#sliceCharacters += characters
    if (this.#slice.length >= SLICE_RECORDS || this.#sliceCharacters >= SLICE_CHARACTERS) this.#flush()
  }

  setHeaders(names: readonly string[]): void {
    this.headers = nameHeaders(names, this.#file)
  }

  /** Delivers the rest. Throws when there is nothing to run. */
  end(): string[] {
    if (!this.headers) {
      throw this.#empty('holds nothing but blank lines.', 'Check that it was saved.')
    }
    if (this.count === 0) {
      throw this.#empty('has column names but no rows.', 'Add a row for each clip.')
    }
    this.#flush()
    return this.headers
  }

  #flush(): void {
    if (this.#slice.length > 0) this.#deliver(this.#slice)
    this.#slice = []
    this.#sliceCharacters = 0
  }

  #empty(what: string, next: string) {
    return stop('sheet-empty', this.#file, what, next, { name: this.#name })
  }

  #tooMany(what: string) {
    return stop('sheet-unreadable', this.#file, `has more than ${what}.`, 'Split it into several sheets.')
  }
}

const show = (count: number): string => count.toLocaleString('en')

export function isBlank(record: readonly string[]): boolean {
  for (const cell of record) if (cell !== '' && cell.trim() !== '') return false
  return true
}

/** Spreadsheets often write separators after the last named column. */
function trimEnd(header: readonly string[]): string[] {
  let length = header.length
  while (length > 0 && header[length - 1]?.trim() === '') length -= 1
  return header.slice(0, length)
}

function nameHeaders(header: readonly string[], file: string): string[] {
  if (header.length > SHEET_LIMITS.columns) {
    const count = `has ${header.length} columns; ${SHEET_LIMITS.columns} are allowed.`
    throw stop('sheet-unreadable', file, count, 'Remove the ones that no clip needs.')
  }
  const places = new Map<string, number>()
  return header.map((cell, index) => {
    const name = unescapeCell(cell).trim() || `column ${index + 1}`
    refuseHeader(name, file)
    const first = places.get(name)
    if (first !== undefined) {
      const what = `has the column "${name}" twice (columns ${first} and ${index + 1}).`
      throw stop('sheet-unreadable', file, what, 'Rename or remove one of them.', { column: name })
    }
    places.set(name, index + 1)
    return name
  })
}

function refuseHeader(name: string, file: string): void {
  if (FORBIDDEN_HEADERS.has(name.toLowerCase())) {
    const what = `has a column named "${name}".`
    throw stop('sheet-unreadable', file, what, 'Rename that column.', { column: name })
  }
  if (name.length > SHEET_LIMITS.cellCharacters) {
    const what = `has a column name of ${name.length} characters.`
    throw stop('sheet-unreadable', file, what, 'Shorten it.')
  }
}
