import { EVOLINK_WAN26 } from './catalogue-evolink.ts'
import { EVOLINK_WAN25, EVOLINK_WAN27 } from './catalogue-evolink-more.ts'
import { VTRIX_WAN26 } from './catalogue-vtrix.ts'
import { editDistance } from './spelling.ts'
import type { Family, FieldName, Model, Parameter } from './types.ts'

/** Raised with every change of a fact. */
export const CATALOGUE_VERSION = '2026-10-10.1'

/** Every model Reelsheet knows, the first release's first. `wan2.7-text-to-video` has a price but no page of facts. */
export const MODELS: readonly Model[] = [
  ...EVOLINK_WAN26,
  ...VTRIX_WAN26,
  ...EVOLINK_WAN27,
  ...EVOLINK_WAN25,
].sort((a, b) => Number(b.inFirstRelease) - Number(a.inFirstRelease))

const byId = new Map(MODELS.map((model) => [model.id, model]))
const parametersOf = new Map(
  MODELS.map((model) => [model.id, new Map(model.parameters.map((each) => [each.field, each]))]),
)

export function findModel(id: string): Model | undefined {
  return byId.get(id)
}

/** The model's parameter for a canonical field; undefined when the model does not take it. */
export function parameterOf(model: Model, field: FieldName): Parameter | undefined {
  return parametersOf.get(model.id)?.get(field) ?? model.parameters.find((each) => each.field === field)
}

/** All canonical fields, in the order in which they are checked and shown. */
export const FIELDS = [
  'prompt',
  'negative_prompt',
  'duration',
  'size',
  'aspect_ratio',
  'quality',
  'generate_audio',
  'prompt_extend',
  'shot_type',
  'watermark',
  'seed',
  'generation_mode',
  'callback_url',
] as const satisfies readonly FieldName[]

/** Names most like `text`, best first, at most three; of one family if given. */
export function nearestModels(text: string, family?: Family): string[] {
  return nearTo(text)
    .filter(({ id }) => family === undefined || byId.get(id)?.family === family)
    .slice(0, 3)
    .map(({ id }) => id)
}

/** Names that a misspelt one can plainly stand for, best first: at most a third of its letters differ. */
export function modelsLike(text: string): string[] {
  return nearTo(text)
    .slice(0, 3)
    .filter(({ distance }) => distance * 3 <= plain(text).length)
    .map(({ id }) => id)
}

interface Near {
  id: string
  distance: number
}

/** A sheet hardly holds more wrong names; one that does begins anew. */
const MOST_REMEMBERED = 200
const remembered = new Map<string, readonly Near[]>()

/** All models by likeness. Remembered: one wrong name may stand in 100,000 rows. */
function nearTo(text: string): readonly Near[] {
  const wanted = plain(text)
  const known = remembered.get(wanted)
  if (known !== undefined) return known
  const found = MODELS.map(({ id }) => ({ id, distance: editDistance(wanted, plain(id)) })).sort(
    (a, b) => a.distance - b.distance || a.id.length - b.id.length,
  )
  if (remembered.size >= MOST_REMEMBERED) remembered.clear()
  remembered.set(wanted, found)
  return found
}

const plain = (text: string): string =>
  text
    .slice(0, 60)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')
