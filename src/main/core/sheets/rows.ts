import { type Problem, problem } from '../../../shared/problem.ts'
import type { SheetRow } from '../../../shared/sheet.ts'
import { unescapeCell } from './escape.ts'
import { describeFaults } from './reading/index.ts'

/** Where the cells of a column go, decided once a sheet and not once a row. */
interface Plan {
  headers: readonly string[]
  /** By column: the canonical field, or undefined for one that is only kept. Media columns are not here. */
  fields: (string | undefined)[]
  isMedia: boolean[]
  /** `ref n` columns by their number, then the columns that hold lists. */
  references: { index: number; header: string; isList: boolean }[]
  audio: { index: number; header: string } | undefined
}

/** A data record as it was read. `fault` is for `describeFaults`. */
export interface DataRecord {
  cells: string[]
  fault?: string
}

export interface RowFrame {
  headers: readonly string[]
  /** Header → field. */
  mapping: Readonly<Record<string, string>>
  /** Of the columns that the file itself has; those after them were added. */
  width: number
  /** What stands in empty cells, by column. */
  defaults: readonly { column: number; value: string }[]
}

/**
 * Makes rows of the records of one sheet. A row with a problem is still a row: it keeps its number and its cells,
 * and whoever runs the sheet leaves it out.
 */
export class RowMaker {
  private readonly frame: RowFrame
  private readonly plan: Plan
  private readonly cellCharacters: number
  private readonly pools: Pool[]

  constructor(frame: RowFrame, limits: { cellCharacters: number }) {
    this.frame = frame
    this.plan = planColumns(frame.headers, frame.mapping)
    this.cellCharacters = limits.cellCharacters
    this.pools = frame.headers.map(() => new Pool())
  }

  /**
   * The cells of a record as they are meant, in its own array: one for each column, formula escapes taken off,
   * empty ones filled by their defaults. Rows are numbered from 1.
   */
  cells(record: DataRecord, row: number, problems: Problem[]): string[] {
    const { headers, width, defaults } = this.frame
    const { cells } = record
    checkRecord(record, row, this.frame, this.cellCharacters, problems)
    const last = cells.length - 1
    // What stands beyond the file's own columns is none of the added ones.
    if (cells.length > width) cells.length = width
    for (let index = 0; index < headers.length; index += 1) {
      const cell = cells[index] ?? ''
      cells[index] = unescapeCell(index === last ? withoutReturn(cell) : cell)
    }
    cells.length = headers.length
    for (const { column, value } of defaults) if (cells[column]?.trim() === '') cells[column] = value
    return cells
  }

  row(cells: readonly string[], row: number, variant: number, problems: Problem[]): SheetRow {
    return toRow(cells, { row, variant }, this.plan, this.pools, problems)
  }
}

/** Columns with more different cells than that hold what hardly ever comes twice. */
const MOST_IN_POOL = 256

/** The cells of one column: equal ones become the same text, so that a large sheet keeps each of them once. */
class Pool {
  private known: Map<string, string> | undefined = new Map()

  one(cell: string): string {
    if (!this.known) return cell
    const known = this.known.get(cell)
    if (known !== undefined) return known
    if (this.known.size < MOST_IN_POOL) this.known.set(cell, cell)
    else this.known = undefined
    return cell
  }
}

function planColumns(headers: readonly string[], mapping: Readonly<Record<string, string>>): Plan {
  const plan: Plan = { headers, fields: [], isMedia: [], references: [], audio: undefined }
  const orders = new Map<number, number>()
  for (const [index, header] of headers.entries()) {
    const field = mapping[header]
    const number = /^ref (\d+)$/u.exec(field ?? '')?.[1]
    const isReference = number !== undefined || field === 'references'
    if (isReference) plan.references.push({ index, header, isList: number === undefined })
    if (isReference) orders.set(index, number === undefined ? Number.POSITIVE_INFINITY : Number(number))
    if (field === 'audio') plan.audio = { index, header }
    plan.isMedia.push(isReference || field === 'audio')
    plan.fields.push(field)
  }
  plan.references.sort((left, right) => (orders.get(left.index) ?? 0) - (orders.get(right.index) ?? 0))
  return plan
}

/**
 * An object that inherits nothing, so that a column called `toString` is only data. Made by a constructor and
 * not by `Object.create(null)`, which V8 keeps as a hash table: 100,000 rows read several times faster so.
 */
const Bare = function Bare() {} as unknown as new () => Record<string, string>
Bare.prototype = Object.freeze(Object.create(null))
/** Shared by all rows that have no unknown columns. */
const NOTHING: Record<string, string> = Object.freeze(new Bare())

function checkRecord(
  { cells, fault }: DataRecord,
  row: number,
  { headers, mapping, width }: RowFrame,
  cellCharacters: number,
  problems: Problem[],
): void {
  if (fault !== undefined) problems.push(...describeFaults(fault, row, headers, mapping))
  if (cells.length > width && cells.slice(width).some((cell) => cell.trim() !== '')) {
    problems.push(describeRagged(cells, row, width))
  }
  for (let index = 0; index < cells.length; index += 1) {
    const cell = cells[index] as string
    if (cell.length <= cellCharacters) continue
    problems.push(describeLong(cell.length, row, headers[index], cellCharacters))
    cells[index] = cell.slice(0, cellCharacters)
  }
}

function describeRagged(cells: readonly string[], row: number, width: number): Problem {
  const what = `Row ${row} has ${cells.length} cells, the header has ${width}; the cells may stand in wrong columns.`
  const next = 'Put text that contains the separator into quotes.'
  return problem('sheet-unreadable', what, next, { row, value: (cells[width] ?? '').slice(0, 80) })
}

function describeLong(length: number, row: number, column: string | undefined, limit: number): Problem {
  const what = `Row ${row}: a cell has ${length} characters; ${limit} are allowed. The row will not run.`
  const place = column === undefined ? { row } : { row, column }
  return problem('value-invalid', what, 'Shorten the cell, or look for a quote that is not closed.', place)
}

function toRow(
  cells: readonly string[],
  { row, variant }: Pick<SheetRow, 'row' | 'variant'>,
  plan: Plan,
  pools: readonly Pool[],
  problems: Problem[],
): SheetRow {
  const values = new Bare()
  let extra = NOTHING
  const all = new Bare()
  for (let index = 0; index < plan.headers.length; index += 1) {
    const header = plan.headers[index] as string
    const cell = (pools[index] as Pool).one(cells[index] as string)
    all[header] = cell
    if (plan.isMedia[index] || cell === '') continue
    const text = cell.trim()
    if (text === '') continue
    const field = plan.fields[index]
    if (field === undefined) {
      if (extra === NOTHING) extra = new Bare()
      extra[header] = cell
    } else values[field] = field === 'prompt' ? cell : text
  }
  return {
    row,
    variant,
    values,
    references: readReferences(all, plan),
    audio: readAudio(all, row, plan, problems),
    extra,
    cells: all,
  }
}

function readReferences(all: Readonly<Record<string, string>>, plan: Plan): SheetRow['references'] {
  const references: SheetRow['references'] = []
  for (const { header, isList } of plan.references) {
    const text = (all[header] as string).trim()
    if (text === '') continue
    if (isList) references.push(...splitList(text, header))
    else references.push({ column: header, text })
  }
  return references
}

function readAudio(
  all: Readonly<Record<string, string>>,
  row: number,
  plan: Plan,
  problems: Problem[],
): SheetRow['audio'] {
  if (!plan.audio) return null
  const { header } = plan.audio
  const text = (all[header] as string).trim()
  if (text === '') return null
  if (!isSwitch(text)) return { column: header, text }
  problems.push(describeSwitch(row, header, text))
  return null
}

/** The last cell keeps the carriage return of a CRLF file, which is part of the line end and not of the cell. */
const withoutReturn = (cell: string): string => (cell.endsWith('\r') ? cell.slice(0, -1) : cell)

/** A `|` inside a data address cannot occur: base64 has no such letter. */
function splitList(text: string, column: string): SheetRow['references'] {
  const parts = text.split('|').map((part) => part.trim())
  return parts.filter((part) => part !== '').map((part) => ({ column, text: part }))
}

function isSwitch(text: string): boolean {
  return /^(?:true|false|yes|no|on|off|0|1|是|否)$/iu.test(text)
}

function describeSwitch(row: number, column: string, value: string): Problem {
  const what = `Row ${row}: the column "${column}" holds "${value}", but it names a sound file.`
  const next = 'Use the column "generate_audio" to switch sound on or off, or write the path of a sound file.'
  const found = problem('value-invalid', what, next, { row, column, value })
  return { ...found, fixes: [{ type: 'set', label: 'Empty the cell', column, value: '' }] }
}
