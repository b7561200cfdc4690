import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import type { Column, Expansion, SheetOptions } from '../../../shared/sheet.ts'
import {
  type ColumnMap,
  fieldNamed,
  fold,
  mapColumns,
  nearestField,
  SHEET_FIELDS,
  type Wishes,
} from './columns.ts'
import { type OurColumns, ourColumns } from './own-columns.ts'
import { stop } from './reading/index.ts'
import type { RowFrame } from './rows.ts'

/** What the columns of a sheet mean, before any of its rows is looked at. */
export interface Frame extends RowFrame {
  /** The file's own headers, then those of columns that were added for defaults and seeds. */
  headers: string[]
  columns: Column[]
  mapping: Record<string, string>
  expansion: Expansion
  /** Of a manifest, the columns that Reelsheet wrote into it; null for any other sheet. */
  ours: OurColumns | null
  problems: Problem[]
}

export type FrameOptions = Pick<SheetOptions, 'mapping' | 'defaults' | 'expansion'>

/**
 * Maps the columns and adds those that the options need. Throws a `ProblemError` where guessing could order the
 * wrong clips: two columns for one field, a column or field that is not there, no prompt.
 */
export function frameOf(
  headers: readonly string[],
  options: FrameOptions,
  remembered: Wishes,
  file: string,
): Frame {
  const ours = ourColumns(headers)
  const expansion = ours === null ? options.expansion : LITERAL
  const chosen = { ...options.mapping, ...fillNothing(ours) }
  const own = mapColumns(headers, chosen, remembered)
  requireClear(own, file)
  const added = addColumns(headers, own.mapping, options.defaults, expansion, file)
  const all = [...headers, ...added.keys()]
  const whole =
    added.size === 0 ? own : mapColumns(all, { ...chosen, ...Object.fromEntries(added) }, remembered)
  requireClear(whole, file)
  requirePrompt(headers, whole.mapping, file)
  return {
    headers: all,
    columns: whole.columns,
    mapping: whole.mapping,
    width: headers.length,
    defaults: placeDefaults(all, whole.mapping, options.defaults),
    expansion,
    ours,
    problems: [
      ...whole.problems.filter(({ place }) => !isOurs(ours, place.column)),
      ...explainManifest(ours, options),
    ],
  }
}

/** The cells of a manifest are what was ordered, braces and bars and all. */
const LITERAL: Expansion = { choices: 'literal', seed: 1, takes: 1, pairing: null }

const fillNothing = (ours: OurColumns | null): Record<string, string> =>
  Object.fromEntries([...(ours?.values() ?? [])].map((header) => [header, '']))

const isOurs = (ours: OurColumns | null, column: string | undefined): boolean =>
  ours !== null && column !== undefined && [...ours.values()].includes(column)

/** Header → field of columns that the file does not have and that something is to be written into. */
function addColumns(
  headers: readonly string[],
  mapping: Readonly<Record<string, string>>,
  defaults: Readonly<Record<string, string>>,
  { takes }: Expansion,
  file: string,
): Map<string, string> {
  const filled = new Set(Object.values(mapping))
  const wanted = Object.keys(defaults).map((name) => fieldOfDefault(name, file))
  if (takes > 1) wanted.push('seed')
  const taken = new Set(headers.map(fold))
  const added = new Map<string, string>()
  for (const field of wanted) {
    if (filled.has(field)) continue
    filled.add(field)
    let header = field
    // A column of that name may be left out by a person's word.
    for (let number = 1; taken.has(fold(header)); number += 1) header = `default ${field} ${number}`
    taken.add(fold(header))
    added.set(header, field)
  }
  return added
}

function fieldOfDefault(name: string, file: string): string {
  const field = fieldNamed(name)
  if (field !== undefined) return field
  throw new ProblemError(
    problem(
      'column-unknown',
      `"${name}" is no field, so it can have no default. Nothing was started and nothing was spent.`,
      `Fields are ${SHEET_FIELDS.join(', ')} and ref 1, ref 2, …`,
      { file },
    ),
  )
}

function placeDefaults(
  headers: readonly string[],
  mapping: Readonly<Record<string, string>>,
  defaults: Readonly<Record<string, string>>,
): Frame['defaults'] {
  const columns = new Map(headers.map((header, column) => [mapping[header], column]))
  return Object.entries(defaults).flatMap(([name, value]) => {
    const column = columns.get(fieldNamed(name) ?? '')
    return column === undefined || value.trim() === '' ? [] : [{ column, value }]
  })
}

function explainManifest(ours: OurColumns | null, { expansion }: FrameOptions): Problem[] {
  if (ours === null || (expansion.takes === 1 && expansion.pairing === null)) return []
  const what =
    'This is a manifest: its rows are read as they were ordered, so lists and takes make no more of them.'
  const next = 'Use the sheet that it came from if you want more takes.'
  return [problem('value-unused', what, next, {}, 'warning')]
}

function requireClear({ problems }: ColumnMap, file: string): void {
  const first = problems.find((found) => found.level === 'error')
  if (first) throw new ProblemError({ ...first, place: { ...first.place, file } })
}

function requirePrompt(
  headers: readonly string[],
  mapping: Readonly<Record<string, string>>,
  file: string,
): void {
  if (Object.values(mapping).includes('prompt')) return
  const near = headers.find((header) => nearestField(header) === 'prompt')
  const next =
    near === undefined
      ? 'The first line must hold the column names, one of them "prompt".'
      : `Rename the column "${near}" to "prompt".`
  const named = headers.slice(0, 8).map((header) => `"${header.slice(0, 40)}"`)
  throw stop('column-missing', file, `has no column "prompt"; found: ${named.join(', ')}.`, next)
}
