import type { Problem } from '../problem.ts'
import { FIELDS, findModel, parameterOf } from './catalogue.ts'
import { isAbsent, normalise, readText } from './cells.ts'
import { readField, reportUnusedField } from './fields.ts'
import { Findings } from './findings.ts'
import { frameTable } from './frame.ts'
import { tierOfSize } from './sizes.ts'
import type { AccountRules, FieldName, Model } from './types.ts'

export interface Moved {
  /** The row's values for the new model: what fits is kept as written, what does not is left out. */
  values: Record<string, unknown>
  /** What was left out or changed, and what to look at. Check the row again before pricing it. */
  problems: Problem[]
}

/**
 * Moves a row's values to another model, for instance a retired model's successor. Pure. An unknown
 * target changes nothing. Where the old model rewrote prompts by default and the new one does not, the
 * old behaviour is written out.
 */
export function moveToModel(
  values: Record<string, unknown>,
  modelId: string,
  account: AccountRules = { family: findModel(modelId)?.family ?? 'evolink' },
): Moved {
  const to = findModel(modelId)
  if (to === undefined) return { values, problems: [] }
  const from = typeof values.model === 'string' ? findModel(values.model) : undefined
  const findings = new Findings(to)
  const moved: Record<string, unknown> = { ...translateFrame(values, from, to), model: to.id }
  for (const field of FIELDS) {
    const cell = Object.hasOwn(moved, field) ? moved[field] : undefined
    if (isAbsent(cell)) continue
    const parameter = parameterOf(to, field)
    const isFrameOfSize = frameTable(to) !== undefined && FRAME.has(field)
    if (parameter === undefined) {
      if (isFrameOfSize) continue
      reportUnusedField(to, field, cell, findings)
      delete moved[field]
    } else if (readField(parameter, cell, account, findings) === undefined) delete moved[field]
  }
  keepPromptExtend(from, to, moved, findings)
  warnOfNames(from, to, moved, findings)
  return { values: moved, problems: findings.problems }
}

const FRAME: ReadonlySet<FieldName> = new Set<FieldName>(['size', 'aspect_ratio', 'quality'])

/** A size of the old table says a ratio and a tier, which the new model may write with other pixels. */
function translateFrame(
  values: Record<string, unknown>,
  from: Model | undefined,
  to: Model,
): Record<string, unknown> {
  const size = readText(values.size)
  const oldTable = from === undefined ? undefined : frameTable(from)
  if (size.is !== 'value' || oldTable === undefined || frameTable(to) === undefined) return { ...values }
  const tier = tierOfSize(oldTable, normalise('size', size.value))
  if (tier === undefined) return { ...values }
  const { size: _size, ...rest } = values
  return { ...rest, aspect_ratio: tier.ratio, quality: tier.quality }
}

function keepPromptExtend(
  from: Model | undefined,
  to: Model,
  moved: Record<string, unknown>,
  findings: Findings,
): void {
  if (from === undefined || !isAbsent(moved.prompt_extend)) return
  const before = parameterOf(from, 'prompt_extend')?.default
  const after = parameterOf(to, 'prompt_extend')
  if (before === undefined || after === undefined || before === after.default) return
  moved.prompt_extend = before
  findings.add({
    code: 'rule-broken',
    level: 'info',
    column: 'prompt_extend',
    value: before,
    sources: after.sources,
    what: `${from.id} has prompt_extend ${before ? 'on' : 'off'} unless told, ${to.id} has it ${after.default ? 'on' : 'off'}: it is now written out as ${before}.`,
    next: 'Change it if you want the new default.',
  })
}

function warnOfNames(
  from: Model | undefined,
  to: Model,
  moved: Record<string, unknown>,
  findings: Findings,
): void {
  const naming = to.naming
  if (naming === undefined || naming.style === 'characterN' || from?.naming?.style === naming.style) return
  if (typeof moved.prompt !== 'string' || !/character\d/i.test(moved.prompt)) return
  findings.add({
    code: 'rule-broken',
    level: 'warning',
    column: 'prompt',
    value: moved.prompt,
    sources: naming.sources,
    what: `The prompt speaks of character1 and so on; ${to.id} names references Image 1 and Video 1, counted separately.`,
    next: 'Write the new names into the prompt.',
  })
}
