import type { SheetCheck } from '../../../shared/check.ts'
import { show } from '../../../shared/models/cells.ts'
import { headersOf } from '../../../shared/models/own-columns.ts'
import type { Fix, Problem } from '../../../shared/problem.ts'
import { clean, count, formatTable, shorten } from './words.ts'

/** One thing that is wrong, as a script and a person are told of it. */
export interface Finding {
  /** Data row from 1; null for what concerns the whole sheet. */
  row: number | null
  /** The sheet's own header, or the field that no column fills. */
  column: string | null
  value: string | null
  code: Problem['code']
  level: Problem['level']
  /** The page of the rule, or its short name where it is Reelsheet's own. */
  rule: string
  what: string
  next: string
  /** The best first. */
  fixes: readonly Fix[]
  place: Problem['place']
}

/** So many problems of one kind are shown one by one. */
export const SHOWN_OF_A_KIND = 20
const MOST_RANGES = 6
const WIDEST = { column: 20, value: 24, fix: 40 } as const

/** Everything that is wrong with a sheet: rows first, in their order; a row that makes several jobs says it once. */
export function listFindings(found: Pick<SheetCheck, 'columns' | 'rows' | 'problems'>): Finding[] {
  const own = new Set(found.columns.map(({ header }) => header))
  const headers = headersOf(found.columns)
  const toFinding = (one: Problem, row: number | null): Finding => {
    const { code, level, what, next, place, fixes = [] } = one
    const { column, value, source } = place
    return {
      row,
      column: column === undefined ? null : own.has(column) ? column : (headers.get(column) ?? column),
      value: value === undefined ? null : show(value),
      code,
      level,
      rule: source ?? code,
      what,
      next,
      fixes,
      place: row === null ? place : { ...place, row },
    }
  }
  const findings: Finding[] = []
  let before = { row: 0, said: new Set<string>() }
  for (const { row, problems } of found.rows) {
    if (row !== before.row) before = { row, said: new Set() }
    // Where cells may stand in wrong columns, what else is wrong with them only follows from it.
    const torn = problems.filter(({ code }) => code === 'sheet-unreadable')
    for (const one of torn.length > 0 ? torn : problems) {
      const key = `${one.code}\u0000${one.place.column}\u0000${one.what}`
      if (before.said.has(key)) continue
      before.said.add(key)
      findings.push(toFinding(one, row))
    }
  }
  for (const one of found.problems) findings.push(toFinding(one, one.place.row ?? null))
  return findings
}

export interface ProblemTable {
  /** A heading and one line for each shown problem, columns aligned. */
  heading: string
  entries: { line: string; sentence: string }[]
  /** What was left out, by kind. */
  more: string[]
  /** Pages of the rules: `[1] https://…`. */
  sources: string[]
}

/** The problems of rows for a person; with `isAll` each one. */
export function layOut(findings: readonly Finding[], isAll: boolean): ProblemTable {
  const { shown, more } = isAll ? { shown: findings, more: [] } : limit(findings)
  const numbers = new Map<string, number>()
  const rows = shown.map((one) => [
    one.row === null ? '' : String(one.row),
    shorten(clean(one.column ?? ''), WIDEST.column),
    shorten(clean(one.value ?? ''), WIDEST.value),
    nameRule(one, numbers),
    nameFixes(one.fixes),
  ])
  const [heading = '', ...lines] = formatTable(['>row', 'column', 'value', 'rule', 'fix'], rows).split('\n')
  return {
    heading,
    entries: shown.map((one, index) => ({
      line: lines[index] ?? '',
      sentence: clean(`${LEVELS[one.level]}${one.what} ${one.next}`).trim(),
    })),
    more,
    sources: [...numbers].map(([source, number]) => `[${number}] ${clean(source)}`),
  }
}

const LEVELS = { error: '', warning: 'warning: ', info: 'note: ' } as const

function nameRule({ code, place: { source } }: Finding, numbers: Map<string, number>): string {
  if (source === undefined) return code
  const number = numbers.get(source) ?? numbers.size + 1
  numbers.set(source, number)
  return `${code} [${number}]`
}

/** The best fix, and whether there are others. */
function nameFixes(fixes: readonly Fix[]): string {
  const [best] = fixes
  if (best === undefined) return 'by hand'
  const others = fixes.length === 1 ? '' : ` (or ${fixes.length - 1} more)`
  return `${shorten(clean(best.label), WIDEST.fix)}${others}`
}

/** The first of each kind, and a line for each kind that goes on. */
function limit(findings: readonly Finding[]): { shown: Finding[]; more: string[] } {
  const kinds = new Map<string, { first: Finding; shown: number; rows: number[] }>()
  const shown: Finding[] = []
  for (const one of findings) {
    const key = `${one.level}\u0000${one.code}\u0000${one.column}\u0000${one.rule}`
    const kind = kinds.get(key) ?? { first: one, shown: 0, rows: [] }
    kinds.set(key, kind)
    if (kind.shown < SHOWN_OF_A_KIND) {
      kind.shown += 1
      shown.push(one)
    } else if (one.row !== null && kind.rows.at(-1) !== one.row) kind.rows.push(one.row)
  }
  const more = [...kinds.values()]
    .filter(({ rows }) => rows.length > 0)
    .map(({ first, rows }) => {
      const where = first.column === null ? '' : ` in ${shorten(clean(first.column), WIDEST.column)}`
      return `and ${count(rows.length, 'more row').replace(/^\d+/, (digits) => Number(digits).toLocaleString('en'))} with ${first.code}${where}: ${nameRows(rows)}`
    })
  return { shown, more }
}

/** `21–40, 42, 50–100000`: ascending numbers in ranges, at most so many of them. */
export function nameRows(rows: readonly number[]): string {
  const ranges: { from: number; to: number }[] = []
  for (const row of rows) {
    const last = ranges.at(-1)
    if (last !== undefined && row <= last.to + 1) last.to = row
    else ranges.push({ from: row, to: row })
  }
  const named = ranges
    .slice(0, MOST_RANGES)
    .map(({ from, to }) => (from === to ? `${from}` : to === from + 1 ? `${from}, ${to}` : `${from}–${to}`))
  return ranges.length > MOST_RANGES ? `${named.join(', ')}, …` : named.join(', ')
}
