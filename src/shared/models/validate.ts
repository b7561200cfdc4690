import { type Fix, type Problem, type ProblemPlace, problem } from '../problem.ts'
import { findModel, MODELS, modelsLike, nearestModels, parameterOf } from './catalogue.ts'
import { isAbsent, readText, show } from './cells.ts'
import { checkAcross } from './cross-rules.ts'
import { asOrder, type Chosen, readFields } from './fields.ts'
import { Findings } from './findings.ts'
import { use } from './fixes.ts'
import { applyFrame, FRAME_FIELDS, type Frame, frameTable, resolveFrame } from './frame.ts'
import { checkMedia } from './media-rules.ts'
import { modeOf } from './slots.ts'
import { addressOf } from './sources.ts'
import type { AccountRules, Checked, Model, ReferenceFacts, ResolvedOrder } from './types.ts'

export interface OrderInput {
  /** By canonical field; typed values or text as in a cell. Empty text = not chosen. */
  values: Record<string, unknown>
  /** In the row's order. */
  references: readonly ReferenceFacts[]
  audio?: ReferenceFacts
}

/**
 * Checks one order against the model's documented rules and the account's. Pure; never throws.
 * Without an error the order comes back with every always-sent field filled in. A problem's `place`
 * has the field (`duration`, `ref 2`, `audio`), the value, and the public page of the rule.
 */
export function checkOrder(input: OrderInput, account: AccountRules): Checked {
  const { references, audio } = input
  const { model, problems } = chooseModel(input.values, account)
  if (model === undefined) return { problems }
  const findings = new Findings(model)
  findings.problems.push(...problems)
  const table = frameTable(model)
  const skip = table === undefined ? new Set<never>() : FRAME_FIELDS
  const chosen = readFields(model, input.values, skip, account, findings)
  requireFields(model, input.values, findings)
  const frame = table === undefined ? undefined : resolveFrame(model, table, input.values, findings)
  if (frame !== undefined) applyFrame(frame, chosen)
  const kinds = references.map((each) => each.kind)
  fillAlwaysSent(model, chosen)
  if (parameterOf(model, 'generation_mode') !== undefined) chosen.generation_mode ??= modeOf(kinds)
  const mode = typeof chosen.generation_mode === 'string' ? chosen.generation_mode : undefined
  checkMedia(model, mode, references, audio, account, findings)
  checkAcross(model, chosen, references, audio, account, findings)
  if (findings.hasError) return { problems: findings.problems }
  return { order: resolve(model, chosen, frame, audio), problems: findings.problems }
}

function chooseModel(
  values: Record<string, unknown>,
  account: AccountRules,
): { model?: Model; problems: Problem[] } {
  const cell = Object.hasOwn(values, 'model') ? values.model : undefined
  // Only for sentences: comparing names costs more than all checks of a good row.
  const nearest = (): string => nearestModels(readable(cell), account.family)[0] ?? ''
  if (isAbsent(cell))
    return {
      problems: [
        problem('value-required', 'The row names no model.', `Write one, for instance ${nearest()}.`, {
          column: 'model',
        }),
      ],
    }
  const id = readable(cell).trim()
  const model = findModel(id) ?? findModel(id.toLowerCase())
  const place = { column: 'model', value: show(cell), model: show(id) }
  if (model === undefined)
    return {
      problems: [
        withFixes(
          problem(
            'model-unknown',
            `“${show(cell)}” is not a model that Reelsheet knows.`,
            `Nearest are ${nearestModels(id).join(', ')}.`,
            place,
          ),
          modelsLike(id).map((each) => use('model', each)),
        ),
      ],
    }
  const source = addressOf(model.sources)
  const known = { ...place, model: model.id, ...(source === undefined ? {} : { source }) }
  if (model.family !== account.family)
    return {
      problems: [
        withFixes(
          problem(
            'model-unknown',
            `${model.id} is a model of ${FAMILY_NAMES[model.family]}, and this account speaks to ${FAMILY_NAMES[account.family]}.`,
            `Give the row an account of ${FAMILY_NAMES[model.family]}, or a model of ${FAMILY_NAMES[account.family]} such as ${nearest()}.`,
            known,
          ),
          alikeIn(account, model).map((each) => use('model', each)),
        ),
      ],
    }
  const isRefused = account.retiredModels?.includes(model.id) === true
  if (model.lifecycle === 'active' && !isRefused) return { model, problems: [] }
  const next = successorOf(model, account)
  const retired = retiredProblem(model, isRefused, known)
  return { problems: [withFixes(retired, next === undefined ? [] : [use('model', next)])] }
}

const withFixes = (found: Problem, fixes: Fix[]): Problem =>
  fixes.length === 0 ? found : { ...found, fixes }

const isSold = (model: Model, account: AccountRules): boolean =>
  model.family === account.family &&
  model.lifecycle === 'active' &&
  account.retiredModels?.includes(model.id) !== true

/** Models of the account's provider that do the same work. */
function alikeIn(account: AccountRules, model: Model): string[] {
  return MODELS.filter((each) => isSold(each, account) && each.kind === model.kind)
    .slice(0, 2)
    .map((each) => each.id)
}

/** The first successor that this account still buys. */
function successorOf(model: Model, account: AccountRules): string | undefined {
  let next = model.successor === undefined ? undefined : findModel(model.successor)
  for (let steps = 0; next !== undefined && steps < MODELS.length; steps += 1) {
    if (isSold(next, account)) return next.id
    next = next.successor === undefined ? undefined : findModel(next.successor)
  }
  return undefined
}

/** Why an order of this model is not sent. `isRefused`: this account's provider said so itself. */
export function retiredProblem(model: Model, isRefused: boolean, place: ProblemPlace = {}): Problem {
  const why = isRefused
    ? `The provider refused ${model.id} on this account before, as a model that it does not have`
    : `${model.id} is retired: the provider takes no new tasks for it`
  return problem('model-retired', `${why}, so nothing was sent.`, afterRetired(model), place)
}

/** What to do with a row whose model is gone. No page says that the successor takes every such row. */
export const afterRetired = ({ successor }: Pick<Model, 'successor'>): string =>
  successor === undefined
    ? 'Choose another model, or another account.'
    : `Move the row to ${successor}, its assumed successor; it is checked and priced anew.`

const FAMILY_NAMES = { evolink: 'EvoLink', vtrix: 'Vtrix' } as const

function readable(cell: unknown): string {
  const read = readText(cell)
  return read.is === 'value' ? read.value : ''
}

function requireFields(model: Model, values: Record<string, unknown>, findings: Findings): void {
  for (const parameter of model.parameters) {
    if (!parameter.required) continue
    if (!isAbsent(Object.hasOwn(values, parameter.field) ? values[parameter.field] : undefined)) continue
    findings.add({
      code: 'value-required',
      column: parameter.field,
      sources: parameter.sources,
      what: `${model.id} needs a ${parameter.field}, and the row has none.`,
      next: parameter.help,
    })
  }
}

/** No default of a provider may decide a price. */
function fillAlwaysSent(model: Model, chosen: Chosen): void {
  for (const { field, alwaysSent } of model.parameters)
    if (alwaysSent !== undefined) chosen[field] ??= alwaysSent
}

function resolve(
  model: Model,
  chosen: Chosen,
  frame: Frame | undefined,
  audio: ReferenceFacts | undefined,
): ResolvedOrder {
  const expectsSound = soundOf(model, chosen, audio)
  return {
    ...asOrder(chosen),
    model: model.id,
    prompt: String(chosen.prompt ?? ''),
    duration: Number(chosen.duration),
    quality: String(chosen.quality),
    ...(frame === undefined ? {} : { width: frame.width, height: frame.height }),
    ...(expectsSound === undefined ? {} : { expectsSound }),
  }
}

/** Whether the clip must have sound; undefined where the provider does not say. */
function soundOf(model: Model, chosen: Chosen, audio: ReferenceFacts | undefined): boolean | undefined {
  if (model.sound === 'switch') return chosen.generate_audio !== false
  return audio === undefined ? undefined : true
}
