import type { Problem } from '../../../../shared/problem.ts'
import { faultOf } from './faults.ts'
import { READING_LIMITS } from './limits.ts'
import { addressOf, columnOf, describeMerges, mergesToFills, type Range, rangeOf } from './merges.ts'
import { type Meaning, showNumber } from './number-formats.ts'
import { RichText, unescapeText } from './shared-strings.ts'
import { notice } from './stop.ts'
import type { Fill } from './table.ts'
import type { TableBuilder } from './table-builder.ts'
import { type Attributes, readXml } from './xml.ts'
import { damaged } from './zip.ts'

export interface SheetFacts {
  file: string
  strings: readonly string[]
  meanings: readonly Meaning[]
  isFrom1904: boolean
  hiddenRows: 'skip' | 'read'
}

/** The last column that a workbook can have, `XFD`. */
const MOST_COLUMNS = 16_384
const MOST_MERGES = 100_000

/** Reads the rows of one worksheet. */
export async function readWorksheet(
  chunks: AsyncIterable<Buffer>,
  builder: TableBuilder,
  facts: SheetFacts,
): Promise<{ problems: Problem[]; fills: Fill[] }> {
  const reader = new WorksheetReader(builder, facts)
  await readXml(chunks, 'the worksheet', facts.file, reader)
  return reader.end()
}

class WorksheetReader {
  readonly #builder: TableBuilder
  readonly #facts: SheetFacts
  #isInData = false
  /** Number of the row in the worksheet, from 1. */
  #row = 0
  #isHidden = false
  #cells: string[] = []
  #faults: string[] = []
  /** Of the cell that is being read. */
  #column = -1
  #type = ''
  #style = 0
  #hasFormula = false
  #value: string | undefined
  #isInValue = false
  #isInText = false
  readonly #text = new RichText()
  /** Of the whole sheet: worksheet row of each record, and what hidden rows held. */
  readonly #rowOfRecord: number[] = []
  readonly #hidden = new Map<number, string[]>()
  #hiddenCharacters = 0
  readonly #merges: Range[] = []
  #beyond: { count: number; first: string } = { count: 0, first: '' }

  constructor(builder: TableBuilder, facts: SheetFacts) {
    this.#builder = builder
    this.#facts = facts
  }

  open(name: string, attributes: Attributes): void {
    if (!this.#isInData) {
      if (name === 'sheetData') this.#isInData = true
      else if (name === 'mergeCell') this.#addMerge(attributes('ref'))
    } else if (name === 'c') this.#openCell(attributes)
    else if (name === 'row') this.#openRow(attributes)
    else if (name === 'v') {
      this.#isInValue = true
      this.#value ??= ''
    } else if (name === 'f') this.#hasFormula = true
    else if (name === 'is') this.#isInText = true
    else if (this.#isInText) this.#text.open(name)
  }

  text(text: string): void {
    if (this.#isInValue) this.#value = (this.#value ?? '') + text
    else if (this.#isInText) this.#text.text(text)
  }

  close(name: string): void {
    if (!this.#isInData) return
    if (name === 'c') this.#closeCell()
    else if (name === 'v') this.#isInValue = false
    else if (name === 'row') this.#closeRow()
    else if (name === 'is') this.#isInText = false
    else if (name === 'sheetData') this.#isInData = false
    else if (this.#isInText) this.#text.close(name)
  }

  #openRow(attributes: Attributes): void {
    this.#row = numberOf(attributes('r')) ?? this.#row + 1
    // Spreadsheets hide a row by its height as well.
    this.#isHidden =
      isOn(attributes('hidden')) || (attributes('ht') === '0' && isOn(attributes('customHeight')))
    this.#cells = []
    this.#faults = []
    this.#column = -1
  }

  #openCell(attributes: Attributes): void {
    const place = attributes('r')
    this.#column = place === undefined ? this.#column + 1 : columnOf(place)
    if (this.#column < 0 || this.#column >= MOST_COLUMNS)
      throw damaged(this.#facts.file, 'a cell stands in a column that cannot be')
    this.#type = attributes('t') ?? 'n'
    this.#style = Number(attributes('s') ?? 0)
    this.#hasFormula = false
    this.#value = undefined
  }

  #closeCell(): void {
    const cell = this.#readCell()
    const headers = this.#builder.headers
    if (headers && this.#column >= headers.length) {
      if (cell.trim() !== '') this.#noteBeyond()
      return
    }
    if (this.#type === 'e') this.#faults.push(faultOf.errorCell(this.#column, cell))
    else if (this.#hasFormula && this.#value === undefined)
      this.#faults.push(faultOf.formulaWithoutValue(this.#column))
    else if (cell === '') return
    while (this.#cells.length < this.#column) this.#cells.push('')
    this.#cells[this.#column] = cell
  }

  #readCell(): string {
    if (this.#type === 'inlineStr') return this.#text.take()
    const value = this.#value ?? ''
    switch (this.#type) {
      case 's':
        return value === '' ? '' : this.#sharedString(value)
      case 'str':
        return unescapeText(value)
      case 'b':
        return value === '1' || value === 'true' ? 'TRUE' : value === '' ? '' : 'FALSE'
      case 'd':
        return value.replace(/T00:00:00(?:\.0+)?Z?$/u, '').replace(/(T\d\d:\d\d:\d\d)(?:\.\d+)?Z?$/u, '$1')
      case 'e':
        return value.slice(0, 40)
      default:
        if (value === '') return ''
        return showNumber(value, this.#facts.meanings[this.#style] ?? 'number', this.#facts.isFrom1904)
    }
  }

  #sharedString(value: string): string {
    const text = this.#facts.strings[Number(value)]
    if (text === undefined)
      throw damaged(
        this.#facts.file,
        `cell ${addressOf(this.#column, this.#row)} names a text that is not there`,
      )
    return text
  }

  #noteBeyond(): void {
    if (this.#beyond.count === 0) this.#beyond.first = addressOf(this.#column, this.#row)
    this.#beyond.count += 1
  }

  #closeRow(): void {
    if (this.#isHidden && this.#facts.hiddenRows === 'skip') {
      this.#keepHidden()
      return
    }
    const fault = this.#faults.length > 0 ? this.#faults.join('\n') : undefined
    if (this.#builder.add(this.#cells, fault) === 'record') this.#rowOfRecord.push(this.#row)
  }

  /** A hidden row may hold the value of cells that were merged with it. */
  #keepHidden(): void {
    if (!this.#cells.some((cell) => cell.trim() !== '')) return
    for (const cell of this.#cells) this.#hiddenCharacters += cell.length + 8
    this.#hidden.set(this.#row, this.#hiddenCharacters < READING_LIMITS.characters / 4 ? this.#cells : [])
  }

  #addMerge(reference: string | undefined): void {
    const range = rangeOf(reference ?? '')
    if (!range) return
    if (this.#merges.length >= MOST_MERGES)
      throw damaged(this.#facts.file, `it has more than ${MOST_MERGES.toLocaleString('en')} merged cells`)
    this.#merges.push(range)
  }

  end(): { problems: Problem[]; fills: Fill[] } {
    const { file } = this.#facts
    const problems: Problem[] = []
    if (this.#hidden.size > 0) {
      const rows = this.#hidden.size === 1 ? 'one hidden row was' : `${this.#hidden.size} hidden rows were`
      problems.push(
        notice(file, `${rows} left out.`, 'Show them in the workbook, or ask for hidden rows to be read.'),
      )
    }
    if (this.#beyond.count > 0) {
      const what = `cells to the right of the last column name were left out (${this.#beyond.count}, the first in ${this.#beyond.first}).`
      problems.push(notice(file, what, 'Give their columns names if they belong to the rows.'))
    }
    const width = this.#builder.headers?.length ?? 0
    const { fills, count, example } = mergesToFills(this.#merges, this.#rowOfRecord, this.#hidden, width)
    if (count > 0) problems.push(describeMerges(file, count, example))
    return { problems, fills }
  }
}

const isOn = (value: string | undefined): boolean => value === '1' || value === 'true'

function numberOf(text: string | undefined): number | undefined {
  const number = Number(text)
  return text !== undefined && Number.isInteger(number) && number > 0 ? number : undefined
}
