import { MODELS } from '../../../shared/models/catalogue.ts'
import { Findings } from '../../../shared/models/findings.ts'
import { checkLimits } from '../../../shared/models/media-rules.ts'
import type { MediaLimits, Model, ReferenceFacts, ReferenceKind } from '../../../shared/models/types.ts'
import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'

/**
 * What each model that takes this kind of file would say of it, from the catalogue's rules as they stand. Models
 * with the same complaint share one problem, whose `place.model` names them all. Empty where it fits everywhere.
 */
export function limitsOf(facts: ReferenceFacts, models: readonly Model[] = MODELS): Problem[] {
  const told = new Map<string, Problem>()
  for (const model of models.filter(({ lifecycle }) => lifecycle === 'active')) {
    for (const each of complaintsOf(model, facts)) {
      const key = `${each.level} ${each.what}`
      const before = told.get(key)
      const names = before ? `${before.place.model}, ${model.id}` : model.id
      told.set(key, { ...(before ?? each), place: { ...each.place, model: names } })
    }
  }
  return [...told.values()]
}

function complaintsOf(model: Model, facts: ReferenceFacts): Problem[] {
  const findings = new Findings(model)
  for (const limits of limitsFor(model, facts.kind)) checkLimits(facts, 'reference', limits, findings)
  const seen = new Set<string>()
  return findings.problems.filter(({ what }) => !seen.has(what) && seen.add(what))
}

/** Every set of limits that a model has for files of a kind; several where its modes differ. */
function limitsFor(model: Model, kind: ReferenceKind): MediaLimits[] {
  const slots = kind === 'audio' && model.audio ? [...model.slots, model.audio] : model.slots
  return [...new Set(slots.flatMap((slot) => slot.limits[kind] ?? []))]
}

/** Limits that hold for several models at once. Pixels, bytes, width by height. */
export interface PictureLimits {
  minimumSide: number
  maximumSide: number
  minimumAspect: number
  maximumAspect: number
  maximumBytes: number
}

/** Where no page states a limit. */
const UNSTATED: PictureLimits = {
  minimumSide: 1,
  maximumSide: 8000,
  minimumAspect: 1 / 8,
  maximumAspect: 8,
  maximumBytes: 10_000_000,
}

/**
 * What a picture must meet for one model, or for every one that takes pictures.
 * Throws `ProblemError`: `model-unknown`, or `reference-kind` for a model that takes no picture.
 */
export function pictureLimits(modelId?: string, models: readonly Model[] = MODELS): PictureLimits {
  const model = modelId === undefined ? undefined : models.find(({ id }) => id === modelId)
  if (modelId !== undefined && !model) throw unknownModel(modelId)
  const wanted = (model ? [model] : models).filter(({ lifecycle }) => model || lifecycle === 'active')
  const all = wanted.flatMap((each) => limitsFor(each, 'image'))
  if (model && all.length === 0) throw takesNone(model.id)
  const most = (pick: (one: MediaLimits) => number | undefined, otherwise: number): number =>
    Math.max(...stated(all, pick, otherwise))
  const least = (pick: (one: MediaLimits) => number | undefined, otherwise: number): number =>
    Math.min(...stated(all, pick, otherwise))
  return {
    minimumSide: most((one) => one.minimumSide, UNSTATED.minimumSide),
    maximumSide: least((one) => one.maximumSide, UNSTATED.maximumSide),
    minimumAspect: most((one) => one.minimumAspect, UNSTATED.minimumAspect),
    maximumAspect: least((one) => one.maximumAspect, UNSTATED.maximumAspect),
    maximumBytes: least((one) => one.maximumBytes, UNSTATED.maximumBytes),
  }
}

function stated(
  all: readonly MediaLimits[],
  pick: (one: MediaLimits) => number | undefined,
  otherwise: number,
): number[] {
  const found = all.map(pick).filter((each) => each !== undefined)
  return found.length > 0 ? found : [otherwise]
}

const unknownModel = (id: string): ProblemError =>
  new ProblemError(
    problem(
      'model-unknown',
      `There is no model "${id.slice(0, 100)}". Nothing was changed.`,
      'See "reelsheet models" for those there are.',
    ),
  )

const takesNone = (id: string): ProblemError =>
  new ProblemError(
    problem(
      'reference-kind',
      `${id} takes no pictures, so none can be made to fit it. Nothing was changed.`,
      'Choose a model that takes pictures, or none: the copy then fits all of them.',
      { model: id },
    ),
  )
