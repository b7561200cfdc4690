import { faultOf } from './faults.ts'
import { JsonScanner, NotJson } from './json-scanner.ts'
import { READING_LIMITS, SHEET_LIMITS } from './limits.ts'
import { stop } from './stop.ts'
import type { TableRecord } from './table.ts'
import { isBlank, type TableBuilder } from './table-builder.ts'

/**
 * Reads rows from JSON: an array of objects, an array of arrays whose first one holds the column names, or one
 * object (or array) after the other, as in JSON Lines. Columns are in the order in which their names are first seen.
 */
export function readJson(text: string, file: string, builder: TableBuilder): void {
  const scanner = new JsonScanner(text, READING_LIMITS.depth)
  const columns = new Columns(file, builder)
  try {
    if (isLines(text)) readLines(text, columns)
    else if (scanner.peek() === '[') readArray(scanner, columns)
    else while (scanner.peek() !== '') columns.read(scanner)
  } catch (error) {
    if (!(error instanceof NotJson)) throw error
    const line = text.slice(0, error.at).split('\n').length
    const what = `is not whole JSON: in line ${line}, ${error.message}.`
    throw stop('sheet-unreadable', file, what, 'Mend it there, or export the file again.')
  }
  columns.end()
}

/** JSON Lines: the first line that holds anything is a whole value by itself, and it is not all there is. */
function isLines(text: string): boolean {
  const [first = ''] = /[^\s][^\n]*/u.exec(text) ?? []
  if (first.length + 1 >= text.trim().length && first.trimStart().startsWith('[')) return false
  try {
    const scanner = new JsonScanner(first, READING_LIMITS.depth)
    scanner.skip()
    return scanner.peek() === ''
  } catch {
    return false
  }
}

/** A line that is broken is a row with a problem; the others go on. */
function readLines(text: string, columns: Columns): void {
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf('\n', start)
    const end = found < 0 ? text.length : found
    columns.readLine(text.slice(start, end))
    start = end + 1
  }
}

function readArray(scanner: JsonScanner, columns: Columns): void {
  scanner.expect('[')
  if (!scanner.take(']')) {
    do columns.read(scanner)
    while (scanner.take(','))
    scanner.expect(']')
  }
  if (scanner.peek() !== '') scanner.fail('something stands after the end of the list')
}

/** Counted at most. */
const MOST_NAMES = 100_000

class Columns {
  readonly #file: string
  readonly #builder: TableBuilder
  /** Column name → its place; a map, because a name may be that of an object's own machinery. */
  readonly #places = new Map<string, number>()
  #form: 'objects' | 'arrays' | undefined

  constructor(file: string, builder: TableBuilder) {
    this.#file = file
    this.#builder = builder
  }

  end(): void {
    if (this.#form === 'objects') this.#builder.setHeaders([...this.#places.keys()])
  }

  /** One row. */
  read(scanner: JsonScanner): void {
    this.#add(this.#readRow(scanner))
  }

  #readRow(scanner: JsonScanner): TableRecord {
    const first = scanner.peek()
    if (first === '{') return this.#readObject(scanner)
    return first === '[' ? this.#readCells(scanner) : this.#refuseForm(scanner)
  }

  #add({ cells, fault }: TableRecord): void {
    if (this.#form === 'arrays') this.#builder.add(cells)
    else if (fault !== undefined || !isBlank(cells)) this.#builder.addRecord(cells, fault)
  }

  readLine(line: string): void {
    if (line.trim() === '') return
    const scanner = new JsonScanner(line, READING_LIMITS.depth)
    try {
      const row = this.#readRow(scanner)
      if (scanner.peek() !== '') scanner.fail('something stands after its end')
      this.#add(row)
    } catch (error) {
      if (!(error instanceof NotJson) || this.#form === undefined) throw error
      this.#builder.addRecord([], faultOf.brokenLine(`at character ${error.at + 1}, ${error.message}.`))
    }
  }

  #readObject(scanner: JsonScanner): TableRecord {
    this.#setForm('objects', scanner)
    const cells: string[] = []
    const seen = new Set<string>()
    let fault: string | undefined
    scanner.expect('{')
    if (!scanner.take('}')) {
      do {
        const key = scanner.string()
        scanner.expect(':')
        const cell = scanner.cell()
        if (seen.has(key)) fault = faultOf.keyTwice(key.replaceAll('\n', ' '))
        seen.add(key)
        this.#put(cells, key, cell)
      } while (scanner.take(','))
      scanner.expect('}')
    }
    return fault === undefined ? { cells } : { cells, fault }
  }

  #put(cells: string[], key: string, cell: string): void {
    let place = this.#places.get(key)
    if (place === undefined) {
      place = this.#places.size
      if (place >= MOST_NAMES) {
        const what = `has rows with more than ${place.toLocaleString('en')} different names.`
        throw stop('sheet-unreadable', this.#file, what, 'Check that it is a list of rows at all.')
      }
      this.#places.set(key, place)
    }
    // Too many are refused at the end, when they have been counted.
    if (place >= SHEET_LIMITS.columns) return
    while (cells.length < place) cells.push('')
    cells[place] = cell
  }

  #readCells(scanner: JsonScanner): TableRecord {
    this.#setForm('arrays', scanner)
    const cells: string[] = []
    scanner.expect('[')
    if (!scanner.take(']')) {
      do cells.push(scanner.cell())
      while (scanner.take(','))
      scanner.expect(']')
    }
    return { cells }
  }

  #setForm(form: 'objects' | 'arrays', scanner: JsonScanner): void {
    if (this.#form === undefined || this.#form === form) this.#form = form
    else scanner.fail(`a row is an ${form === 'objects' ? 'object' : 'array'}, the rows before it are not`)
  }

  #refuseForm(scanner: JsonScanner): never {
    if (this.#form !== undefined || scanner.peek() === '')
      scanner.fail('a row is neither an object nor an array')
    const what = 'holds JSON, but no rows: neither objects nor arrays.'
    throw stop('sheet-unreadable', this.#file, what, 'Use a list of objects, one for each clip.')
  }
}
