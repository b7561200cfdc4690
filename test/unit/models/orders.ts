import { findModel } from '../../../src/shared/models/catalogue.ts'
import type {
  AccountRules,
  Checked,
  ReferenceFacts,
  ResolvedOrder,
} from '../../../src/shared/models/types.ts'
import { checkOrder } from '../../../src/shared/models/validate.ts'

/** A good order and good files for each model, to change one thing at a time. */

export const video = (more: Partial<ReferenceFacts> = {}): ReferenceFacts => ({
  name: 'dance.mp4',
  kind: 'video',
  format: 'mp4',
  sizeBytes: 4_000_000,
  width: 1280,
  height: 720,
  durationMs: 6000,
  ...more,
})

export const picture = (more: Partial<ReferenceFacts> = {}): ReferenceFacts => ({
  name: 'cat.png',
  kind: 'image',
  format: 'png',
  sizeBytes: 900_000,
  width: 1024,
  height: 1024,
  hasTransparency: false,
  ...more,
})

export const song = (more: Partial<ReferenceFacts> = {}): ReferenceFacts => ({
  name: 'song.mp3',
  kind: 'audio',
  format: 'mp3',
  sizeBytes: 300_000,
  durationMs: 4000,
  ...more,
})

export const addressed = (facts: ReferenceFacts): ReferenceFacts => ({
  name: `https://media.example.com/${facts.name}`,
  kind: facts.kind,
  isAddress: true,
})

export interface Case {
  values: Record<string, unknown>
  references: ReferenceFacts[]
  audio?: ReferenceFacts
}

const GOOD: Record<string, () => Case> = {
  'wan2.6-reference-video': () => ({ values: { prompt: 'A dancer on a roof' }, references: [video()] }),
  'wan2.6-reference-video-flash': () => ({ values: { prompt: 'A dancer' }, references: [video()] }),
  'wan2.6-image-to-video-flash': () => ({ values: { prompt: 'The cat plays' }, references: [picture()] }),
  'wan2.6-image-to-video': () => ({ values: { prompt: 'The cat plays' }, references: [picture()] }),
  'wan2.6-text-to-video': () => ({ values: { prompt: 'Rain over a city' }, references: [] }),
  'wan2.5-text-to-video': () => ({ values: { prompt: 'Rain over a city' }, references: [] }),
  'wan2.5-image-to-video': () => ({ values: { prompt: 'The cat plays' }, references: [picture()] }),
  'wan2.7-image-to-video': () => ({ values: { prompt: 'The cat plays' }, references: [picture()] }),
  'wan2.7-reference-video': () => ({ values: { prompt: 'The cat plays' }, references: [picture()] }),
  wan26_r2v: () => ({ values: { prompt: 'character1 waves' }, references: [picture()] }),
}

export const MODEL_IDS = Object.keys(GOOD)

export function good(model: string, change: (given: Case) => void = () => {}): Case {
  const make = GOOD[model]
  if (make === undefined) throw new Error(`no good order for ${model}`)
  const given = make()
  given.values.model = model
  change(given)
  return given
}

export function check(given: Case, account: Partial<AccountRules> = {}): Checked {
  const family = findModel(String(given.values.model))?.family ?? 'evolink'
  return checkOrder(given, { family, ...account })
}

/** `error value-invalid duration`, one line a problem. */
export const lines = (checked: Checked): string[] =>
  checked.problems.map((each) => `${each.level} ${each.code} ${each.place.column}`)

export function resolved(given: Case, account: Partial<AccountRules> = {}): ResolvedOrder {
  const checked = check(given, account)
  if (checked.order === undefined) throw new Error(JSON.stringify(checked.problems))
  return checked.order
}
