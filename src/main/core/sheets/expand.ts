import { hash } from 'node:crypto'
import { findModel, parameterOf } from '../../../shared/models/catalogue.ts'
import { type Problem, problem } from '../../../shared/problem.ts'
import type { Expansion } from '../../../shared/sheet.ts'
import { columnsOf, countOf, type Pattern, readPattern, textAt } from './pattern.ts'

/** One job's cells, by column. `variant` counts the jobs of a row from 1. */
export interface Variant {
  variant: number
  cells: readonly string[]
  /** Why this job cannot be made. */
  problem: Problem | null
}

/** What a sheet's rows make, before any is made. */
export interface RowExpansion {
  /** Jobs that the row makes; above `Number.MAX_SAFE_INTEGER` it is only known to be absurd. */
  count: number
  /** Why the row makes no job. */
  problem: Problem | null
  variants(): Generator<Variant>
}

/** The greatest seed that every model with seeds takes. */
const GREATEST_SEED = 2_147_483_647

/**
 * Turns rows of cells into jobs: choices, cells that name other cells, paired lists, takes. Pure; made once a
 * sheet. `fields` are the columns' fields in the order of the headers, null for a column that fills none.
 * `listOf` gives the files of a folder or pattern that stands in a paired column, where there are any.
 */
export class Expander {
  readonly #headers: readonly string[]
  readonly #fields: readonly (string | null)[]
  readonly #expansion: Expansion
  readonly #paired: readonly number[]
  readonly #columnByName: ReadonlyMap<string, number>
  readonly #listOf: (text: string) => readonly string[] | undefined
  /** Columns whose choices count though they fill no field: cells of others name them. */
  readonly #named = new Set<number>()
  /** How often a row of the same words came by, for picks. */
  readonly #equals = new Map<string, number>()

  constructor(
    headers: readonly string[],
    fields: readonly (string | null)[],
    expansion: Expansion,
    listOf: (text: string) => readonly string[] | undefined = () => undefined,
  ) {
    this.#headers = headers
    this.#fields = fields
    this.#expansion = expansion
    this.#listOf = listOf
    this.#columnByName = nameColumns(headers, fields)
    this.#paired = (expansion.pairing?.columns ?? [])
      .map((name) => this.columnOf(name))
      .filter((column) => column !== undefined)
  }

  /** The column of a header or a field, however it is spelled. */
  columnOf(name: string): number | undefined {
    return this.#columnByName.get(plain(name))
  }

  /** Columns of a pairing that the sheet does not have. */
  unknownColumns(): string[] {
    const { pairing } = this.#expansion
    return (pairing?.columns ?? []).filter((name) => this.columnOf(name) === undefined)
  }

  /** Tells of the columns that are named between double braces anywhere: call once for each row, before `row`. */
  notice(cells: readonly string[]): void {
    if (this.#isLiteral) return
    for (const cell of cells) {
      if (!cell.includes('{{')) continue
      for (const column of columnsOf(this.#read(cell))) this.#named.add(column)
    }
  }

  /** One row of the sheet, from 1, with a cell for every header. */
  row(cells: readonly string[], row: number): RowExpansion {
    const { takes } = this.#expansion
    const isPlain = this.#isLiteral || !cells.some((cell) => cell.includes('{'))
    if (takes === 1 && this.#paired.length === 0 && isPlain)
      return { count: 1, problem: null, variants: () => only(cells) }
    const lists = this.#paired.map((column) => this.#splitList(cells[column] ?? ''))
    const pairs = countPairs(lists, this.#expansion.pairing?.mode ?? 'every')
    if (pairs === null) return { count: 0, problem: this.#unequal(lists, row), variants: nothing }
    const patterns = this.#patternsOf(cells)
    const circle = findCircle(patterns)
    if (circle !== undefined) return { count: 0, problem: this.#inCircle(circle, row), variants: nothing }
    return this.#combine({ cells, row, lists, pairs, patterns, takes, key: this.#keyOf(cells) })
  }

  /** What decides the picks of a row: its own words, so that rows that come or go change no other row's. */
  #keyOf(cells: readonly string[]): string {
    if (this.#expansion.choices !== 'pick') return ''
    const content = this.#contentOf(cells)
    const nth = (this.#equals.get(content) ?? 0) + 1
    this.#equals.set(content, nth)
    return `${nth} ${content}`
  }

  /** The cells that decide what is ordered. */
  #contentOf(cells: readonly string[]): string {
    const ordered = cells.filter((_cell, column) => {
      const field = this.#fields[column] ?? null
      return field !== null && !NOT_ORDERED.has(field)
    })
    return ordered.join('\u0000')
  }

  #read(text: string): Pattern {
    return readPattern(text, (name) => this.columnOf(name))
  }

  get #isLiteral(): boolean {
    return this.#expansion.choices === 'literal'
  }

  #patternsOf(cells: readonly string[]): Map<number, Pattern> {
    const patterns = new Map<number, Pattern>()
    if (this.#isLiteral) return patterns
    for (const [column, cell] of cells.entries()) {
      if (!cell.includes('{') || this.#paired.includes(column) || !this.#expands(column)) continue
      patterns.set(column, this.#read(cell))
    }
    return patterns
  }

  /** A column that fills nothing keeps its braces, and an id names one row. */
  #expands(column: number): boolean {
    const field = this.#fields[column] ?? null
    return field !== 'id' && (field !== null || this.#named.has(column))
  }

  #combine(given: Combination): RowExpansion {
    const { takes, pairs, lists } = given
    const { choices } = this.#expansion
    // Lists of which every value may hold choices: the count is taken pair by pair.
    const counts = Array.from({ length: Math.min(pairs, MOST_COUNTED) }, (_, pair) => {
      const patterns = this.#withPair(given, pair)
      return choices === 'every' ? product(patterns.values()) : 1
    })
    const perPair = counts.reduce((sum, count) => sum + count, 0)
    const count = (pairs > MOST_COUNTED ? pairs : perPair) * takes
    return {
      count,
      problem: null,
      variants: () => (lists.length === 0 && count === 1 ? this.#one(given) : this.#all(given, counts)),
    }
  }

  *#one(given: Combination): Generator<Variant> {
    yield { variant: 1, ...this.#cellsOf(given, this.#withPair(given, 0), 0, 1) }
  }

  *#all(given: Combination, counts: readonly number[]): Generator<Variant> {
    const { takes } = given
    let variant = 0
    for (const [pair, count] of counts.entries()) {
      const patterns = this.#withPair(given, pair)
      for (let choice = 0; choice < count; choice += 1) {
        for (let take = 1; take <= takes; take += 1) {
          variant += 1
          const { cells, problem } = this.#cellsOf(given, patterns, choice, take)
          this.#seedTake(cells, take)
          this.#nameVariant(cells, variant)
          yield { variant, cells, problem }
        }
      }
    }
  }

  /** The patterns of a row with the values of its `pair`-th pair. */
  #withPair({ patterns, lists }: Combination, pair: number): Map<number, Pattern> {
    if (lists.length === 0) return patterns
    const chosen = new Map(patterns)
    for (const [index, column] of this.#paired.entries()) {
      const text = valueOfPair(lists, index, pair, this.#expansion.pairing?.mode ?? 'every')
      chosen.set(column, this.#isLiteral ? [text] : this.#read(text))
    }
    return chosen
  }

  #cellsOf(
    { cells, row, key }: Combination,
    patterns: ReadonlyMap<number, Pattern>,
    choice: number,
    take: number,
  ): { cells: string[]; problem: Problem | null } {
    const chosen = [...cells]
    const done = new Set<number>()
    const indexes = this.#choiceOf(patterns, choice, `${key} ${take}`)
    let tooLong: number | undefined
    const textOf = (column: number): string => {
      const pattern = patterns.get(column)
      if (!pattern || done.has(column)) return chosen[column] ?? ''
      done.add(column)
      const taken = columnsOf(pattern).reduce((sum, other) => sum + textOf(other).length, 0)
      const isTooLong = taken > LONGEST_CELL
      if (isTooLong) tooLong ??= column
      chosen[column] = isTooLong ? '' : textAt(pattern, indexes.get(column) ?? 0, textOf)
      return chosen[column] ?? ''
    }
    for (const column of patterns.keys()) textOf(column)
    return { cells: chosen, problem: tooLong === undefined ? null : this.#tooLong(tooLong, row) }
  }

  /** Which choice each cell takes; the last column varies fastest. */
  #choiceOf(patterns: ReadonlyMap<number, Pattern>, choice: number, key: string): Map<number, number> {
    const { choices, seed } = this.#expansion
    const indexes = new Map<number, number>()
    let rest = choice
    for (const [column, pattern] of [...patterns].reverse()) {
      const count = countOf(pattern)
      if (choices === 'pick') indexes.set(column, draw(`${seed} ${this.#headers[column]} ${key}`) % count)
      else {
        indexes.set(column, rest % count)
        rest = Math.floor(rest / count)
      }
    }
    return indexes
  }

  /** The first take is the row as it stands, so that asking for more takes later buys it no second time. */
  #seedTake(cells: string[], take: number): void {
    const column = this.#fields.indexOf('seed')
    if (take === 1 || column < 0) return
    const model = findModel((cells[this.#fields.indexOf('model')] ?? '').trim())
    if (!model || parameterOf(model, 'seed') === undefined) return
    const own = /^\d{1,10}$/u.exec((cells[column] ?? '').trim())
    const first = own ? Number(own[0]) : draw(this.#contentOf(cells))
    cells[column] = String((first + take - 1) % (GREATEST_SEED + 1))
  }

  /** An id names one job: the first keeps the row's own. */
  #nameVariant(cells: string[], variant: number): void {
    const column = this.#fields.indexOf('id')
    const id = cells[column]?.trim() ?? ''
    if (variant > 1 && id !== '') cells[column] = `${id}#${variant}`
  }

  #splitList(cell: string): string[] {
    const values = splitOutside(cell).flatMap((value) => this.#listOf(value) ?? [value])
    return values.length === 0 ? [''] : values
  }

  #unequal(lists: readonly string[][], row: number): Problem {
    const told = this.#paired.map((column, index) => `"${this.#headers[column]}" has ${lists[index]?.length}`)
    return problem(
      'value-invalid',
      `Row ${row}: the lists that go together one to one have different lengths: ${told.join(', ')}. The row makes no job.`,
      'Give each as many values (or one for all), or pair them as every combination or in a cycle.',
      { row, column: this.#headers[this.#paired[0] ?? 0] ?? '' },
    )
  }

  #tooLong(column: number, row: number): Problem {
    const header = this.#headers[column] ?? ''
    return problem(
      'value-invalid',
      `Row ${row}: the column "${header}" takes more than ${LONGEST_CELL.toLocaleString('en')} characters from other cells. The row will not run.`,
      'Take some of its {{…}} out.',
      { row, column: header },
    )
  }

  #inCircle(column: number, row: number): Problem {
    const header = this.#headers[column] ?? ''
    return problem(
      'value-invalid',
      `Row ${row}: the column "${header}" takes its text from a cell that takes it from this one. The row makes no job.`,
      'Break the circle of {{…}}.',
      { row, column: header },
    )
  }
}

interface Combination {
  cells: readonly string[]
  row: number
  lists: readonly string[][]
  pairs: number
  patterns: Map<number, Pattern>
  takes: number
  /** For picks. */
  key: string
}

/** Fields that name a row or say where it goes, and change no clip. */
const NOT_ORDERED: ReadonlySet<string> = new Set(['id', 'name', 'account', 'callback_url', 'seed'])
/** A cell made of others may hold as much as any cell. */
const LONGEST_CELL = 100_000

/** Beyond this many pairs of one row nobody looks at the choices inside: the sheet is refused anyway. */
const MOST_COUNTED = 1_000_001

function* only(cells: readonly string[]): Generator<Variant> {
  yield { variant: 1, cells, problem: null }
}

function* nothing(): Generator<Variant> {}

const product = (patterns: Iterable<Pattern>): number => {
  let all = 1
  for (const pattern of patterns) all *= countOf(pattern)
  return all
}

/** Pairs that lists make; null = they do not go together. */
function countPairs(lists: readonly string[][], mode: 'one-to-one' | 'every' | 'cycle'): number | null {
  const lengths = lists.map((list) => list.length)
  if (mode === 'every') return lengths.reduce((all, length) => all * length, 1)
  const longest = Math.max(1, ...lengths)
  if (mode === 'one-to-one' && lengths.some((length) => length !== 1 && length !== longest)) return null
  return longest
}

function valueOfPair(
  lists: readonly string[][],
  index: number,
  pair: number,
  mode: 'one-to-one' | 'every' | 'cycle',
): string {
  const list = lists[index] ?? []
  if (mode !== 'every') return list[pair % list.length] ?? ''
  // The last list varies fastest.
  const faster = lists.slice(index + 1).reduce((all, other) => all * other.length, 1)
  return list[Math.floor(pair / faster) % list.length] ?? ''
}

/** Values between bars or line breaks that stand outside braces. */
export function splitOutside(cell: string): string[] {
  const values: string[] = []
  let depth = 0
  let from = 0
  for (let at = 0; at <= cell.length; at += 1) {
    const character = cell[at]
    if (character === '{') depth += 1
    else if (character === '}') depth = Math.max(0, depth - 1)
    const isEnd = at === cell.length || (depth === 0 && (character === '|' || character === '\n'))
    if (!isEnd) continue
    const value = cell.slice(from, at).trim()
    if (value !== '') values.push(value)
    from = at + 1
  }
  return values
}

/** A column whose cell needs itself; undefined = there is none. */
function findCircle(patterns: ReadonlyMap<number, Pattern>): number | undefined {
  const safe = new Set<number>()
  const isCircle = (column: number, above: readonly number[]): boolean => {
    if (above.includes(column)) return true
    const pattern = patterns.get(column)
    if (!pattern || safe.has(column)) return false
    if (columnsOf(pattern).some((other) => isCircle(other, [...above, column]))) return true
    safe.add(column)
    return false
  }
  return [...patterns.keys()].find((column) => isCircle(column, []))
}

/** Headers go before fields of the same name, the first of equal ones wins. */
function nameColumns(headers: readonly string[], fields: readonly (string | null)[]): Map<string, number> {
  const columns = new Map<string, number>()
  for (const [column, header] of headers.entries())
    if (!columns.has(plain(header))) columns.set(plain(header), column)
  for (const [column, field] of fields.entries())
    if (field !== null && !columns.has(plain(field))) columns.set(plain(field), column)
  return columns
}

const plain = (name: string): string => name.trim().toLowerCase()

/** A number from 0 to the greatest seed that the text alone decides. */
const draw = (text: string): number =>
  Number.parseInt(hash('sha256', text).slice(0, 8), 16) % (GREATEST_SEED + 1)
