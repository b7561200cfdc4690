import type { Fix } from '../problem.ts'
import { FIELDS, MODELS, parameterOf } from './catalogue.ts'
import { isAbsent, normalise, readBoolean, readInteger, readText, show } from './cells.ts'
import { anyOf, type Findings, levelOf, withArticle } from './findings.ts'
import { empty, numberIn, shortenTo, use, useNearest } from './fixes.ts'
import { editDistance } from './spelling.ts'
import type { AccountRules, FieldName, Model, Order, Parameter } from './types.ts'

export type Chosen = Partial<Record<FieldName, string | number | boolean>>

/** The keys of a row or of a resolved order that are no provider field: carried by others, or worked out. */
const CARRIED = new Set([
  'model',
  'name',
  'id',
  'account',
  'references',
  'audio',
  'width',
  'height',
  'expectsSound',
])

const known: ReadonlySet<string> = new Set(FIELDS)

/** Reads every field that the model takes, but those of `skip`; what it does not take is reported. */
export function readFields(
  model: Model,
  values: Record<string, unknown>,
  skip: ReadonlySet<FieldName>,
  account: AccountRules,
  findings: Findings,
): Chosen {
  const chosen: Chosen = {}
  for (const field of FIELDS) {
    const cell = Object.hasOwn(values, field) ? values[field] : undefined
    if (skip.has(field) || isAbsent(cell)) continue
    const parameter = parameterOf(model, field)
    if (parameter === undefined) reportUnusedField(model, field, cell, findings)
    else {
      const value = readField(parameter, cell, account, findings)
      if (value !== undefined) chosen[field] = value
    }
  }
  for (const key of Object.keys(values)) {
    const isCarried = CARRIED.has(key) || /^ref \d+$/.test(key)
    if (known.has(key) || isCarried || isAbsent(values[key])) continue
    findings.add({
      code: 'value-unused',
      level: 'warning',
      column: key.slice(0, 60),
      value: values[key],
      sources: model.sources,
      what: `“${show(key)}” is not a field that Reelsheet knows; it is not sent.`,
      next: 'Empty it, or map the column to a field.',
      fixes: [empty(key.slice(0, 60))],
    })
  }
  return chosen
}

/** One cell by the rules of its parameter; undefined when it is refused (and reported). */
export function readField(
  parameter: Parameter,
  cell: unknown,
  account: AccountRules,
  findings: Findings,
): string | number | boolean | undefined {
  const { field, type, sources } = parameter
  const value =
    type === 'boolean'
      ? readBoolean(cell)
      : type === 'integer'
        ? readInteger(cell, field === 'duration')
        : readText(cell)
  if (value.is !== 'value') {
    const wanted = type === 'boolean' ? 'yes or no' : type === 'integer' ? 'a whole number' : 'text'
    findings.add({
      code: 'value-invalid',
      column: field,
      value: cell,
      sources,
      what: `“${show(cell)}” is not ${wanted}, and ${field} is ${wanted}.`,
      next: `Write ${type === 'boolean' ? 'true or false' : type === 'integer' ? allowedNumbers(parameter, account) : 'text'}, or empty the cell.`,
      fixes: fixesOfType(parameter, cell, account),
    })
    return undefined
  }
  if (typeof value.value === 'number') return checkNumber(parameter, value.value, account, findings)
  if (typeof value.value === 'string')
    return checkText(parameter, normalise(field, value.value), account, findings)
  warnIfDoubtful(parameter, value.value, findings)
  return value.value
}

function checkNumber(
  parameter: Parameter,
  value: number,
  account: AccountRules,
  findings: Findings,
): number | undefined {
  const { field, sources, basis, warnAbove } = parameter
  const { values, minimum, maximum } = rangeOf(parameter, account)
  const isAllowed =
    values !== undefined ? values.includes(value) : value >= (minimum ?? value) && value <= (maximum ?? value)
  if (!isAllowed) {
    const level = levelOf(basis)
    const unit = unitOf(field)
    const couldExtend =
      values !== undefined &&
      parameter.extended !== undefined &&
      value >= parameter.extended.minimum &&
      value <= parameter.extended.maximum
    findings.add({
      code: 'value-invalid',
      level,
      column: field,
      value,
      sources,
      what: `${field} is ${value}${unit}, and ${findings.model.id} takes ${allowedNumbers(parameter, account)}${unit}.`,
      next: `Use ${nearest(value, values, minimum, maximum)}${unit}.${couldExtend ? ' Newer pages take this value: turn on the account option for extended durations if your base address does.' : ''}`,
      fixes: [
        ...useNearestNumbers(parameter, value, account),
        ...(parameter.required || parameter.alwaysSent !== undefined ? [] : [empty(field)]),
      ],
    })
    if (level === 'error') return undefined
  }
  if (warnAbove !== undefined && value > warnAbove.value)
    findings.add({
      code: 'rule-broken',
      level: 'warning',
      column: field,
      value,
      sources: warnAbove.sources,
      what: `${field} is ${value}. ${warnAbove.why} The task may fail or give a shorter clip.`,
      next: `Use ${warnAbove.value} or less to be safe.`,
      fixes: [use(field, warnAbove.value, unitOf(field))],
    })
  return value
}

function checkText(
  parameter: Parameter,
  value: string,
  _account: AccountRules,
  findings: Findings,
): string | undefined {
  const { field, sources, values, maximumLength, basis } = parameter
  if (values !== undefined && !values.includes(value)) {
    findings.add({
      code: 'value-invalid',
      level: levelOf(basis),
      column: field,
      value,
      sources,
      what: `“${show(value)}” is not ${withArticle(field)} of ${findings.model.id}, which takes ${anyOf(values)}.`,
      next: `Choose ${anyOf(values)}.`,
      fixes: useNearest(field, value, values),
    })
    return basis === 'assumed' ? value : undefined
  }
  if (maximumLength !== undefined && value.length > maximumLength) {
    const over = value.length - maximumLength
    findings.add({
      code: 'value-invalid',
      level: levelOf(basis),
      column: field,
      value,
      sources,
      what: `${field} has ${value.length} characters; ${findings.model.id} takes ${maximumLength}. The rest may be cut off without notice, and the clip would still be paid.`,
      next: `Shorten it by ${over}.`,
      fixes: [...shortenTo(field, value, maximumLength), ...(parameter.required ? [] : [empty(field)])],
    })
    if (basis === 'documented') return undefined
  }
  warnIfDoubtful(parameter, value, findings)
  return value
}

function warnIfDoubtful(parameter: Parameter, value: string | boolean, findings: Findings): void {
  const { doubtful, field } = parameter
  if (doubtful === undefined || doubtful.value !== value) return
  findings.add({
    code: 'rule-broken',
    level: 'warning',
    column: field,
    value,
    sources: doubtful.sources,
    what: doubtful.why,
    next: 'Empty the cell if you do not depend on it.',
    fixes: [empty(field)],
  })
}

/** A field that the model does not take is never dropped in silence; it stops the row if it changes what is bought. */
export function reportUnusedField(model: Model, field: FieldName, cell: unknown, findings: Findings): void {
  const takers = MODELS.filter((each) => parameterOf(each, field) !== undefined).map((each) => each.id)
  const level = changesNothing(field, cell) ? 'warning' : 'error'
  const why =
    field === 'aspect_ratio' || field === 'size'
      ? model.kind === 'image_to_video'
        ? 'The picture decides the shape of the clip.'
        : 'No page prints the frame sizes of this model.'
      : level === 'warning'
        ? 'It is left out; the clip is the same without it.'
        : 'Without it the clip would not be what the row asks for, and it would be paid.'
  const instead =
    field === 'size'
      ? parameterOf(model, 'aspect_ratio') === undefined
        ? ' To choose the tier, set quality.'
        : ' Set aspect_ratio and quality.'
      : ''
  findings.add({
    code: 'value-unused',
    level,
    column: field,
    value: cell,
    sources: model.sources,
    what: `${model.id} takes no ${field}. ${why}`,
    next: `Empty the cell${takers.length > 0 ? `, or use a model that takes it: ${anyOf(takers)}` : ''}.${instead}`,
    fixes: [empty(field)],
  })
}

/** Left out, these buy the same clip: a wish that only repeats what a model without the switch does. */
function changesNothing(field: FieldName, cell: unknown): boolean {
  if (field === 'callback_url') return true
  if (field === 'watermark') {
    const read = readBoolean(cell)
    return read.is === 'value' && !read.value
  }
  return field === 'shot_type' && typeof cell === 'string' && cell.trim().toLowerCase() === 'single'
}

/** What the account may choose of a number. */
export function rangeOf(
  parameter: Parameter,
  account: AccountRules,
): { values?: readonly (string | number)[]; minimum?: number; maximum?: number } {
  const { extended, values, minimum, maximum } = parameter
  if (account.extendedDurations === true && extended !== undefined) return extended
  return {
    ...(values === undefined ? {} : { values }),
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
  }
}

function allowedNumbers(parameter: Parameter, account: AccountRules): string {
  const { values, minimum, maximum } = rangeOf(parameter, account)
  return values !== undefined ? anyOf(values) : `${minimum} to ${maximum}`
}

const unitOf = (field: FieldName): string => (field === 'duration' ? ' s' : '')

/** For a cell that is not of its parameter's type. */
function fixesOfType(parameter: Parameter, cell: unknown, account: AccountRules): Fix[] {
  const { field, type, required, alwaysSent } = parameter
  const text = show(cell)
  const last = required ? [] : [empty(field)]
  if (type === 'boolean') return [...likelyBooleans(text).map((value) => use(field, value)), ...last]
  if (type !== 'integer') return last
  const number = numberIn(text)
  if (number !== undefined) return [...useNearestNumbers(parameter, number, account), ...last]
  return [...(typeof alwaysSent === 'number' ? [use(field, alwaysSent, unitOf(field))] : []), ...last]
}

const MEANS_NO =
  /mute|silent|without|none|nein|nope|\bno|off|never|aus|disable|deactivate|不|无|否|关|没|静/iu
const MEANS_YES = /with|yes|yep|sure|ok|enable|activate|\bon\b|ja|oui|si\b|sí|check|有|是|开|要|对|[✓✔☑x]/iu

/** `true` and `false`, what was likely meant first. */
function likelyBooleans(text: string): string[] {
  const plain = text.trim().toLowerCase()
  if (MEANS_NO.test(plain)) return ['false', 'true']
  if (MEANS_YES.test(plain)) return ['true', 'false']
  return editDistance(plain, 'false') < editDistance(plain, 'true') ? ['false', 'true'] : ['true', 'false']
}

/** Of a range the nearest end, of a closed list the nearest values on both sides. */
function useNearestNumbers(parameter: Parameter, value: number, account: AccountRules): Fix[] {
  const { values, minimum, maximum } = rangeOf(parameter, account)
  const first = nearest(Math.round(value), values, minimum, maximum)
  const numbers = values?.filter((each) => typeof each === 'number') ?? []
  const other = numbers
    .filter((each) => Math.sign(each - value) === -Math.sign(first - value))
    .toSorted((a, b) => Math.abs(a - value) - Math.abs(b - value))[0]
  const found = other === undefined ? [first] : [first, other]
  return found.map((each) => use(parameter.field, each, unitOf(parameter.field)))
}

function nearest(
  value: number,
  values: readonly (string | number)[] | undefined,
  minimum: number | undefined,
  maximum: number | undefined,
): number {
  if (values === undefined) return Math.min(Math.max(value, minimum ?? value), maximum ?? value)
  const numbers = values.filter((each) => typeof each === 'number')
  return numbers.toSorted((a, b) => Math.abs(a - value) - Math.abs(b - value))[0] ?? value
}

/** The chosen fields as an order's; their types were checked by the catalogue. */
export const asOrder = (chosen: Chosen): Partial<Order> => chosen as Partial<Order>
