import { type Problem, problem } from '../../../shared/problem.ts'
import type { SheetRow } from '../../../shared/sheet.ts'
import { isTurn, type Steps } from './steps.ts'

export interface Repeat {
  /** The later one. */
  row: SheetRow
  problem: Problem
}

/**
 * Rows that order the same clip twice (`row-repeated`, a warning: it may be wanted) and ids that stand twice
 * (an error on the later row: an id names one intent, and a repeated import goes by it). The jobs of one row
 * repeat nothing: they were asked for. `idHeader` is the sheet's own name for its ids.
 */
export function* findRepeats(rows: readonly SheetRow[], idHeader = 'id'): Steps<Repeat[]> {
  const repeats: Repeat[] = []
  const ids = new Map<string, number>()
  const free = new FreeIds(rows)
  const orders = new Map<string, number>()
  /** The first row of a prompt; null once it is among the orders. */
  const firstByPrompt = new Map<string, SheetRow | null>()
  for (const [at, row] of rows.entries()) {
    if (isTurn(at)) yield
    const id = row.values.id
    if (id !== undefined) {
      const first = ids.get(id)
      if (first === undefined) ids.set(id, row.row)
      else
        repeats.push({
          row,
          problem: repeatedId({ row: row.row, first, id, free: free.like(id), column: idHeader }),
        })
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
    if (twin !== null) {
      orders.set(describeOrder(twin), twin.row)
      firstByPrompt.set(prompt, null)
    }
    const key = describeOrder(row)
    const first = orders.get(key)
    if (first === undefined) orders.set(key, row.row)
    else if (first !== row.row) repeats.push({ row, problem: repeatedRow(row.row, first) })
  }
  return repeats
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
