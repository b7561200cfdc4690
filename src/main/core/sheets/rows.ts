import { type Problem, problem } from '../../../shared/problem.ts'
import type { SheetRow } from '../../../shared/sheet.ts'
import { unescapeCell } from './escape.ts'
import { describeFaults } from './reading/index.ts'

/** A file after parsing, before anybody asks what the cells mean. */
export interface Table {
  headers: string[]
  /** Data records in order. `fault` is the parser's word for a quote that went wrong. */
  records: { cells: string[]; fault?: string }[]
  limits: { cellCharacters: number }
}

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

/**
 * Rows from a table and its mapping. Row numbers are places in `records`, from 1. A row with a problem is still
 * a row: it keeps its number and its cells, and whoever runs the sheet leaves it out.
 */
export function toRows(
  table: Table,
  mapping: Readonly<Record<string, string>>,
): { rows: SheetRow[]; problems: Problem[] } {
  const plan = planColumns(table.headers, mapping)
  const pools = table.headers.map(() => new Pool())
  const problems: Problem[] = []
  const rows = table.records.map((record, index) => {
    const row = index + 1
    checkRecord(record, row, table, mapping, problems)
    return toRow(record.cells, row, plan, pools, problems)
  })
  return { rows, problems }
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
  record: { cells: string[]; fault?: string },
  row: number,
  table: Table,
  mapping: Readonly<Record<string, string>>,
  problems: Problem[],
): void {
  const { cells, fault } = record
  if (fault !== undefined) problems.push(...describeFaults(fault, row, table.headers, mapping))
  const width = table.headers.length
  if (cells.length > width && cells.slice(width).some((cell) => cell.trim() !== '')) {
    problems.push(describeRagged(cells, row, width))
  }
  for (let index = 0; index < cells.length; index += 1) {
    const cell = cells[index] as string
    if (cell.length <= table.limits.cellCharacters) continue
    problems.push(describeLong(cell.length, row, table.headers[index], table.limits.cellCharacters))
    cells[index] = cell.slice(0, table.limits.cellCharacters)
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
  row: number,
  plan: Plan,
  pools: readonly Pool[],
  problems: Problem[],
): SheetRow {
  const values = new Bare()
  let extra = NOTHING
  const all = new Bare()
  for (let index = 0; index < plan.headers.length; index += 1) {
    const header = plan.headers[index] as string
    const cell = (pools[index] as Pool).one(unescapeCell(readCell(cells, index)))
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
function readCell(cells: readonly string[], index: number): string {
  const cell = cells[index] ?? ''
  return index === cells.length - 1 && cell.endsWith('\r') ? cell.slice(0, -1) : cell
}

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

/**
 * Rows that order the same clip twice (`row-repeated`, a warning: it may be wanted) and ids that stand twice
 * (an error on the later row: an id names one intent, and a repeated import goes by it).
 * `idHeader` is the sheet's own name for its ids.
 */
export function findRepeats(rows: readonly SheetRow[], idHeader = 'id'): Problem[] {
  const problems: Problem[] = []
  const ids = new Map<string, number>()
  const free = new FreeIds(rows)
  const orders = new Map<string, number>()
  const firstByPrompt = new Map<string, SheetRow>()
  for (const row of rows) {
    const id = row.values.id
    if (id !== undefined) {
      const first = ids.get(id)
      if (first === undefined) ids.set(id, row.row)
      else problems.push(repeatedId({ row: row.row, first, id, free: free.like(id), column: idHeader }))
      // The id is part of what a row says: one with an id of its own repeats no other row.
      continue
    }
    // Most prompts stand once, and such a row repeats nothing: only rows that share one are compared in full.
    const prompt = row.values.prompt?.trim() ?? ''
    const twin = firstByPrompt.get(prompt)
    if (twin === undefined) {
      firstByPrompt.set(prompt, row)
      continue
    }
    if (!orders.has(describeOrder(twin))) orders.set(describeOrder(twin), twin.row)
    const key = describeOrder(row)
    const first = orders.get(key)
    if (first === undefined) orders.set(key, row.row)
    else problems.push(repeatedRow(row.row, first))
  }
  return problems
}

function describeOrder(row: SheetRow): string {
  let key = ''
  for (const field in row.values) key += `${field}\u0000${row.values[field]?.trim()}\u0001`
  for (const reference of row.references) key += `\u0002${reference.text}`
  return row.audio ? `${key}\u0003${row.audio.text}` : key
}

function repeatedRow(row: number, first: number): Problem {
  const what = `Row ${row} orders exactly what row ${first} orders; both would be made and paid for.`
  return problem(
    'row-repeated',
    what,
    'Remove one, or give them different ids if two takes are wanted.',
    { row },
    'warning',
  )
}

/** Ids that no row has, none of them offered twice. */
class FreeIds {
  private readonly rows: readonly SheetRow[]
  private taken: ReadonlySet<string> | undefined
  private readonly next = new Map<string, number>()

  constructor(rows: readonly SheetRow[]) {
    this.rows = rows
  }

  /** `lake` → `lake-2`. */
  like(id: string): string {
    this.taken ??= new Set(this.rows.flatMap(({ values }) => values.id ?? []))
    let number = this.next.get(id) ?? 2
    while (this.taken.has(`${id}-${number}`)) number += 1
    this.next.set(id, number + 1)
    return `${id}-${number}`
  }
}

interface RepeatedId {
  row: number
  first: number
  id: string
  free: string
  column: string
}

function repeatedId({ row, first, id, free, column }: RepeatedId): Problem {
  const shown = id.slice(0, 80)
  const what = `Row ${row} has the id "${shown}" that row ${first} has; an id may stand once. The row will not run.`
  const next = 'Give the row an id of its own.'
  const found = problem('row-repeated', what, next, { row, column, value: shown })
  return { ...found, fixes: [{ type: 'set', label: `Use ${free}`.slice(0, 80), column, value: free }] }
}
