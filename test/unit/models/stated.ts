import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type {
  MediaLimits,
  MediaSlot,
  Model,
  Parameter,
  ReferenceKind,
} from '../../../src/shared/models/types.ts'

/**
 * The limits of each model as flat facts, read twice: from the catalogue, and from `test/fixtures/models.json`, a
 * capability table made independently of the catalogue from the providers' public pages (the same ones that
 * `src/shared/models/sources.ts` lists). Nothing of one reading helps the other.
 */
export type Facts = Map<string, unknown>

interface StatedParameter {
  path: string
  type: string
  required: boolean
  enum?: unknown[]
  allowed_values?: unknown[]
  minimum?: number
  maximum?: number
  extended?: { minimum: number; maximum: number }
  warn_above?: number
  max_length?: number
  default?: unknown
  min_items?: number
  max_items?: number
  max_images?: number
  max_videos?: number
  media?: string
  note?: string
  effective_when?: unknown
}

interface StatedMedia {
  formats?: string[]
  min_seconds?: number
  max_seconds?: number
  max_bytes?: number
  min_side_px?: number
  max_side_px?: number
  aspect_min?: number
  aspect_max?: number
  png_alpha?: string
}

export interface StatedModel {
  id: string
  provider: string
  parameters: StatedParameter[]
  media: Record<string, StatedMedia>
  constraints: { id: string; rule: string; level: string; relax?: string }[]
  not_accepted?: string[]
}

export const STATED = (
  JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/models.json'), 'utf8')) as {
    models: StatedModel[]
  }
).models

export function stated(id: string): StatedModel {
  const found = STATED.find((each) => each.id === id)
  if (found === undefined) throw new Error(`models.json does not speak of ${id}`)
  return found
}

function put(facts: Facts, key: string, value: unknown): void {
  if (value !== undefined && value !== null) facts.set(key, value)
}

const sorted = (values: readonly unknown[] | undefined): string | undefined =>
  values === undefined ? undefined : values.map(String).toSorted().join(' ')

/** What the independent table says of a model. */
export function statedFacts(model: StatedModel): Facts {
  const facts: Facts = new Map()
  for (const each of model.parameters) {
    const { path } = each
    if (path === 'model') continue
    if (each.media === undefined && !each.type.startsWith('array')) putScalar(facts, each)
    else {
      put(facts, `${path} minimum`, each.required ? (each.min_items ?? 1) : 0)
      put(facts, `${path} maximum`, each.max_items ?? (each.type === 'string' ? 1 : undefined))
      put(facts, `${path} maximum image`, each.max_images)
      put(facts, `${path} maximum video`, each.max_videos)
      for (const [name, media] of Object.entries(model.media))
        if (
          each.media === undefined ? /reference/.test(path) && /^reference_/.test(name) : each.media === name
        )
          putMedia(facts, `${path} ${kindOf(name)}`, media)
    }
    if (each.effective_when !== undefined) facts.set('multiNeedsExtend', true)
    if (/Image 1, Video 1/.test(each.note ?? '')) facts.set('naming', 'Image N / Video N')
  }
  putCount(facts, model)
  for (const { rule, relax } of model.constraints) readConstraint(facts, rule, relax)
  return facts
}

/** Without a word on the count of all references, they are what the places for pictures and films take. */
function putCount(facts: Facts, model: StatedModel): void {
  const places = model.parameters.filter(
    ({ path, type, media }) =>
      /image|video|reference/.test(path) && (media !== undefined || type.startsWith('array')),
  )
  const most = places.map((each) => each.max_items ?? (each.type === 'string' ? 1 : undefined))
  if (most.includes(undefined) || places.length > 1) return
  put(facts, 'references minimum', places.filter((each) => each.required).length)
  put(
    facts,
    'references maximum',
    most.reduce((sum = 0, each = 0) => sum + each, 0),
  )
}

/** Rules across fields are sentences there; these are read, the others are tested one by one. */
function readConstraint(facts: Facts, rule: string, relax = ''): void {
  const count =
    /^(\d+) <= count\(\w+\)(?:\+count\(\w+\))* <= (\d+)/.exec(rule) ?? /^count\(\w+\) == ((\d+))$/.exec(rule)
  if (count !== null) {
    facts.set('references minimum', Number(count[1]))
    facts.set('references maximum', Number(count[2]))
  }
  const needed = /^(first_frame|first_last_frame|video_continuation): ([\w ]+) required;/.exec(rule)
  for (const path of needed?.[2]?.split(' and ') ?? []) facts.set(`${path} minimum ${needed?.[1]}`, 1)
  const short = /^reference video shorter than (\d+) s$/.exec(rule)
  if (short !== null) facts.set('video_urls video warnBelowMs', Number(short[1]) * 1000)
  if (/lacks character1\.\.characterN$/.test(rule)) facts.set('naming', 'characterN')
  if (/shot_type == multi requires .*prompt_extend == true/.test(rule)) facts.set('multiNeedsExtend', true)
  const withVideo = /^video_urls present implies duration <= (\d+)$/.exec(rule)
  if (withVideo !== null) facts.set('maximumSecondsWithVideo', Number(withVideo[1]))
  const ratios = /^quality == (\w+) implies aspect_ratio in \{(.+)\}$/.exec(rule)
  if (ratios !== null) facts.set(`ratios of ${ratios[1]}`, sorted(ratios[2]?.split(', ')))
  const extended = /^(\d+)\.\.(\d+) when extended durations/.exec(relax)
  if (extended === null) return
  facts.set('duration extended minimum', Number(extended[1]))
  facts.set('duration extended maximum', Number(extended[2]))
}

function putScalar(facts: Facts, each: StatedParameter): void {
  const { path } = each
  put(facts, `${path} type`, each.type === 'string' ? 'text' : each.type)
  put(facts, `${path} required`, each.required)
  put(facts, `${path} values`, sorted(each.enum ?? each.allowed_values))
  put(facts, `${path} minimum`, each.minimum)
  put(facts, `${path} maximum`, each.maximum)
  put(facts, `${path} extended minimum`, each.extended?.minimum)
  put(facts, `${path} extended maximum`, each.extended?.maximum)
  put(facts, `${path} warnAbove`, each.warn_above)
  put(facts, `${path} maximumLength`, each.max_length)
  put(facts, `${path} default`, each.default)
}

const kindOf = (name: string): ReferenceKind =>
  name.includes('audio') ? 'audio' : name.includes('video') ? 'video' : 'image'

function putMedia(facts: Facts, key: string, media: StatedMedia): void {
  const formats = media.formats?.map((each) => (each === 'jpg' ? 'jpeg' : each))
  put(facts, `${key} formats`, sorted([...new Set(formats)]))
  put(facts, `${key} minimumMs`, media.min_seconds && media.min_seconds * 1000)
  put(facts, `${key} maximumMs`, media.max_seconds && media.max_seconds * 1000)
  put(facts, `${key} maximumBytes`, media.max_bytes)
  put(facts, `${key} minimumSide`, media.min_side_px)
  put(facts, `${key} maximumSide`, media.max_side_px)
  put(facts, `${key} minimumAspect`, media.aspect_min)
  put(facts, `${key} maximumAspect`, media.aspect_max)
  put(facts, `${key} noTransparency`, media.png_alpha === 'forbidden' ? true : undefined)
}

/** What the catalogue says of a model. Throws for a kind of limit that this reading does not know. */
export function catalogueFacts(model: Model): Facts {
  const facts: Facts = new Map()
  for (const each of model.parameters) putParameter(facts, each)
  for (const slot of [...model.slots, ...(model.audio === undefined ? [] : [model.audio])])
    putSlot(facts, slot)
  put(facts, 'references minimum', model.references.minimum)
  put(facts, 'references maximum', model.references.maximum)
  put(facts, 'maximumSecondsWithVideo', model.maximumSecondsWithVideo)
  for (const [quality, ratios] of Object.entries(model.ratiosOfQuality ?? {}))
    put(facts, `ratios of ${quality}`, sorted(ratios))
  if (model.multiNeedsExtend) facts.set('multiNeedsExtend', true)
  put(facts, 'naming', model.naming?.style)
  for (const key of Object.keys(model))
    if (!MODEL_KEYS.has(key)) throw new Error(`${model.id}: ${key} has no edges`)
  return facts
}

const MODEL_KEYS = new Set([
  'id',
  'family',
  'kind',
  'title',
  'inFirstRelease',
  'lifecycle',
  'successor',
  'parameters',
  'references',
  'slots',
  'audio',
  'naming',
  'multiNeedsExtend',
  'ratiosOfQuality',
  'maximumSecondsWithVideo',
  'sound',
  'notOffered',
  'output',
  'billing',
  'sources',
])
/** Of a parameter, what is no limit: words, places, and what is only sent or shown. */
const NO_LIMITS = new Set([
  'field',
  'path',
  'help',
  'basis',
  'sources',
  'alwaysSent',
  'omittedWhen',
  'offered',
])

function putParameter(facts: Facts, each: Parameter): void {
  for (const [key, value] of Object.entries(each)) {
    if (NO_LIMITS.has(key) || value === undefined) continue
    const name = `${each.path} ${key}`
    switch (key) {
      case 'type':
      case 'required':
      case 'minimum':
      case 'maximum':
      case 'maximumLength':
      case 'default':
        facts.set(name, value)
        break
      case 'values':
        put(facts, name, sorted(each.values))
        break
      case 'extended':
        put(facts, `${name} minimum`, each.extended?.minimum)
        put(facts, `${name} maximum`, each.extended?.maximum)
        break
      case 'warnAbove':
        put(facts, name, each.warnAbove?.value)
        break
      case 'doubtful':
        put(facts, name, each.doubtful?.value)
        break
      default:
        throw new Error(`${name} has no edges`)
    }
  }
}

const SLOT_WORDS = new Set(['path', 'kinds', 'isList', 'modes', 'help', 'sources'])
const LIMIT_KEYS: ReadonlySet<string> = new Set<keyof MediaLimits>([
  'formats',
  'noTransparency',
  'minimumSide',
  'maximumSide',
  'minimumAspect',
  'maximumAspect',
  'minimumMs',
  'maximumMs',
  'warnBelowMs',
  'maximumBytes',
])

/** Two places of one path that differ are told as both, so that no reading of the other table agrees with them. */
function merge(facts: Facts, key: string, value: unknown): void {
  const before = facts.get(key)
  facts.set(key, before === undefined || before === value ? value : `${String(before)} / ${String(value)}`)
}

function putSlot(facts: Facts, slot: MediaSlot): void {
  for (const key of Object.keys(slot))
    if (!SLOT_WORDS.has(key) && !['minimum', 'maximum', 'maximumOfKind', 'limits'].includes(key))
      throw new Error(`${slot.path} ${key} has no edges`)
  // What a mode needs, no order needs as such.
  merge(facts, `${slot.path} minimum`, slot.modes === undefined ? slot.minimum : 0)
  for (const mode of slot.minimum === 0 ? [] : (slot.modes ?? []))
    merge(facts, `${slot.path} minimum ${mode}`, slot.minimum)
  merge(facts, `${slot.path} maximum`, slot.maximum)
  for (const [kind, most] of Object.entries(slot.maximumOfKind ?? {}))
    merge(facts, `${slot.path} maximum ${kind}`, most)
  for (const [kind, limits] of Object.entries(slot.limits))
    for (const [key, value] of Object.entries(limits)) {
      if (key === 'sources' || value === undefined) continue
      if (!LIMIT_KEYS.has(key)) throw new Error(`${slot.path} ${kind} ${key} has no edges`)
      merge(facts, `${slot.path} ${kind} ${key}`, key === 'formats' ? sorted(limits.formats) : value)
    }
}
