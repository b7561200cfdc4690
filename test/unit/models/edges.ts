import { findModel } from '../../../src/shared/models/catalogue.ts'
import type { Model, Parameter, ReferenceFacts, ReferenceKind } from '../../../src/shared/models/types.ts'
import { type Case, good, picture, song, video } from './orders.ts'

/** One step to both sides of one limit. */
export interface Edge {
  title: string
  /** Must not be reported at the limit's place. */
  inside: Case
  /** Must be; absent where a rule has no outside, such as a field that may be left out. */
  outside?: Case
  codes: readonly string[]
  column: string
  level: 'error' | 'warning'
  extended?: boolean
}

const MORE_BYTES = 4_000_000_000
/** A request may be as large as it likes here: its limit is another rule. */
export const EDGE_ACCOUNT = { requestLimitBytes: MORE_BYTES }

/**
 * The edges of one fact, named as in `stated.ts`, at the value that `models.json` states (or, where it is silent,
 * the catalogue). Throws for a fact that it cannot put to the test, so that none is forgotten.
 */
export function edgesOf(model: Model, fact: string, value: unknown): Edge[] {
  const [path = '', ...words] = fact.split(' ')
  const parameter = model.parameters.find((each) => each.path === path)
  if (parameter !== undefined) return parameterEdges(model, parameter, words.join(' '), value)
  const found =
    path === 'references'
      ? countEdges(model, words.join(' '), Number(value))
      : model.slots.some((each) => each.path === path) || model.audio?.path === path
        ? slotEdges(model, path, words, value)
        : ruleEdges(model, fact, value)
  if (found === undefined) throw new Error(`${model.id}: nothing puts “${fact}” to the test`)
  return found
}

const levelOf = ({ basis }: Parameter): Edge['level'] => (basis === 'assumed' ? 'warning' : 'error')

/** A good order with one cell changed; `undefined` takes the cell away. */
function withCell(model: Model, field: string, value: unknown): Case {
  return good(model.id, (given) => {
    if (value === undefined) delete given.values[field]
    else given.values[field] = value
  })
}

function parameterEdges(model: Model, parameter: Parameter, word: string, value: unknown): Edge[] {
  const { field } = parameter
  const base = { codes: ['value-invalid'], column: field, level: levelOf(parameter) }
  const pair = (title: string, inside: unknown, outside: unknown, more: Partial<Edge> = {}): Edge => ({
    ...base,
    ...more,
    title: `${field}: ${title}`,
    inside: withCell(model, field, inside),
    outside: withCell(model, field, outside),
  })
  const number = Number(value)
  switch (word) {
    case 'minimum':
      return [pair(`least ${number}`, number, number - 1)]
    case 'maximum':
      return [pair(`most ${number}`, number, number + 1)]
    case 'extended minimum':
      return [pair(`least ${number} when extended`, number, number - 1, { extended: true })]
    case 'extended maximum':
      return [
        pair(`most ${number} when extended`, number, number + 1, { extended: true }),
        pair('not without the option', 5, 5 + 1),
      ]
    case 'warnAbove':
      return [pair(`above ${number}`, number, number + 1, { codes: ['rule-broken'], level: 'warning' })]
    case 'maximumLength':
      return field === 'callback_url'
        ? [pair(`${number} characters`, addressOf(number), addressOf(number + 1))]
        : [
            pair(`${number} letters`, 'x'.repeat(number), 'x'.repeat(number + 1)),
            pair(`${number} Chinese characters`, '舞'.repeat(number), '舞'.repeat(number + 1)),
            // An emoji counts 2: the stricter reading.
            pair(`${number} units of emoji`, '💃'.repeat(number / 2), `${'💃'.repeat(number / 2)}!`),
          ]
    case 'values':
      return valueEdges(parameter, String(value).split(' '), pair)
    case 'type':
      return typeEdges(String(value), pair)
    case 'required':
      return [
        {
          ...base,
          title: `${field}: ${value === true ? 'needed' : 'may be left out'}`,
          codes: ['value-required'],
          level: 'error',
          inside: value === true ? good(model.id) : withCell(model, field, undefined),
          ...(value === true && { outside: withCell(model, field, ' ') }),
        },
      ]
    case 'default':
      return [
        { ...base, title: `${field}: ${String(value)} by default`, inside: withCell(model, field, value) },
      ]
    case 'doubtful':
      return [
        pair(`${String(value)} is doubtful`, value !== true, value, {
          codes: ['rule-broken'],
          level: 'warning',
        }),
      ]
    default:
      throw new Error(`${model.id}: nothing puts “${field} ${word}” to the test`)
  }
}

const addressOf = (length: number): string => 'https://example.com/'.padEnd(length, 'x')

type Pair = (title: string, inside: unknown, outside: unknown, more?: Partial<Edge>) => Edge

/** Every allowed value, with the ones beside it and those that other models take. */
function valueEdges({ field, values, type }: Parameter, allowed: readonly string[], pair: Pair): Edge[] {
  const near = allowed.flatMap((each): (string | number)[] =>
    type === 'integer' ? [Number(each) - 1, Number(each) + 1] : [`${each}x`, each.slice(0, -1)],
  )
  const foreign = FOREIGN[field] ?? []
  const outside = [...near, ...foreign].filter(
    (each) => !allowed.includes(String(each)) && !allowed.includes(`${each}p`) && each !== '',
  )
  if (outside.length === 0 || values === undefined) throw new Error(`${field} has no value outside`)
  return outside
    .map((each, index) => pair(`not ${each}`, allowed[index % allowed.length], each))
    .concat(allowed.map((each) => pair(`takes ${each}`, each, outside[0])))
}

const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  quality: ['480p', '540p', '2160p'],
  aspect_ratio: ['21:9', '3:2', '2:3'],
  size: ['832*480', '1104*832', '720p', '16:9'],
  generation_mode: ['text', 'reference'],
  shot_type: ['double'],
}

function typeEdges(type: string, pair: Pair): Edge[] {
  // Any cell is a text.
  if (type === 'text') return []
  // What cannot be read is never sent, however sure the page is of the limits.
  const error = { level: 'error' } as const
  return type === 'boolean'
    ? [pair('yes or no', 'yes', 'perhaps', error), pair('no or yes', 'FALSE', '2', error)]
    : [pair('whole', '5', '5.5', error), pair('a number', '5.0', 'five', error)]
}

const MAKERS = { image: picture, video, audio: song } as const

/** Where a file must stand to fill a place. `generation_mode` follows from the files but for a last frame. */
function placed(model: Model, path: string, ...files: ReferenceFacts[]): { given: Case; column: string } {
  const [first] = files
  if (model.audio?.path === path)
    return {
      column: 'audio',
      given: good(model.id, (each) => {
        if (first !== undefined) each.audio = first
      }),
    }
  const isSecond = path === 'image_end'
  const given = good(model.id, (each) => {
    each.references = isSecond ? [picture(), ...files] : files
    each.values.prompt = 'Image 1 Video 1 character1'
    if (isSecond) each.values.generation_mode = 'first_last_frame'
    // Two pictures would otherwise be two frames.
    if (path === 'image_start') each.values.generation_mode = 'first_frame'
    // A continued film is part of the clip's length.
    if (path === 'video_urls' && model.kind === 'image_to_video') each.values.duration = 15
  })
  return { given, column: isSecond ? 'ref 2' : 'ref 1' }
}

function slotEdges(model: Model, path: string, words: readonly string[], value: unknown): Edge[] | undefined {
  const [first = '', second] = words
  const slots = [...model.slots, ...(model.audio === undefined ? [] : [model.audio])]
  const slot = slots.find((each) => each.path === path)
  if (slot === undefined) return undefined
  const number = Number(value)
  const codes = ['reference-limit', 'reference-kind', 'reference-missing']
  if (first === 'minimum') return minimumEdges(model, path, number, codes, second)
  if (first === 'maximum') {
    // A row has one sound by its shape.
    if (slot === model.audio) return []
    const kind = (second ?? slot.kinds[0] ?? 'image') as ReferenceKind
    const files = (count: number) => Array.from({ length: count }, () => MAKERS[kind]())
    const inside = placed(model, path, ...files(number))
    const before = path === 'image_end' ? 1 : 0
    return [
      {
        title: `${path}: at most ${number} ${second ?? ''}`,
        inside: inside.given,
        outside: placed(model, path, ...files(number + 1)).given,
        codes: ['reference-limit'],
        column: `ref ${before + number + 1}`,
        level: 'error',
      },
    ]
  }
  return limitEdges(model, path, first as ReferenceKind, second ?? '', value)
}

function minimumEdges(
  model: Model,
  path: string,
  number: number,
  codes: readonly string[],
  mode: string | undefined,
): Edge[] {
  if (number === 0)
    return [
      { title: `${path}: may be left out`, inside: good(model.id), codes, column: 'audio', level: 'error' },
    ]
  const kind = model.slots.find((each) => each.path === path)?.kinds.at(-1) ?? 'image'
  const inside = placed(model, path, ...Array.from({ length: number }, () => MAKERS[kind]())).given
  const outside = placed(model, path).given
  if (mode !== undefined) {
    const frames = mode === 'first_last_frame' ? [picture(), picture()] : inside.references
    inside.references = frames
    inside.values.generation_mode = mode
    outside.values.generation_mode = mode
    // Another file is there, so that only this place is empty.
    outside.references = path === 'image_start' ? [] : [picture()]
  }
  return [
    {
      title: `${path}: at least ${number} ${mode ?? ''}`,
      inside,
      outside,
      codes: ['reference-missing'],
      column: `ref ${outside.references.length + 1}`,
      level: 'error',
    },
  ]
}

const FORMATS: Readonly<Record<ReferenceKind, readonly string[]>> = {
  image: ['jpeg', 'png', 'bmp', 'webp', 'gif', 'tiff', 'heic', 'avif', 'svg'],
  video: ['mp4', 'mov', 'webm', 'mkv', '3gp', 'avi'],
  audio: ['mp3', 'wav', 'flac', 'ogg', 'aac', 'm4a'],
}

function limitEdges(
  model: Model,
  path: string,
  kind: ReferenceKind,
  word: string,
  value: unknown,
): Edge[] | undefined {
  const make = MAKERS[kind]
  const number = Number(value)
  const pair = (
    title: string,
    inside: Partial<ReferenceFacts>,
    outside: Partial<ReferenceFacts>,
    level: Edge['level'] = 'error',
  ): Edge => {
    const { given, column } = placed(model, path, make(inside))
    return {
      title: `${path} ${kind}: ${title}`,
      inside: given,
      outside: placed(model, path, make(outside)).given,
      codes: ['reference-limit', 'reference-kind'],
      column,
      level,
    }
  }
  switch (word) {
    case 'minimumMs':
      // Below the least there may be a length that is only warned of.
      return [
        pair(`least ${number} ms`, { durationMs: Math.max(number, 3000) }, { durationMs: number - 1 }),
        {
          ...pair(`${number} ms are no error`, { durationMs: number }, { durationMs: number - 1 }),
          level: 'error',
        },
      ]
    case 'maximumMs':
      return [pair(`most ${number} ms`, { durationMs: number }, { durationMs: number + 1 })]
    case 'warnBelowMs':
      return [pair(`below ${number} ms`, { durationMs: number }, { durationMs: number - 1 }, 'warning')]
    case 'maximumBytes':
      return [
        pair(`most ${number} bytes`, { sizeBytes: number }, { sizeBytes: number + 1 }),
        pair('not empty', { sizeBytes: 1 }, { sizeBytes: 0 }),
      ]
    case 'minimumSide':
      return [
        pair(
          `width least ${number}`,
          { width: number, height: number },
          { width: number - 1, height: number },
        ),
        pair(
          `height least ${number}`,
          { width: number, height: number },
          { width: number, height: number - 1 },
        ),
      ]
    case 'maximumSide':
      return [
        pair(
          `width most ${number}`,
          { width: number, height: number },
          { width: number + 1, height: number },
        ),
        pair(
          `height most ${number}`,
          { width: number, height: number },
          { width: number, height: number + 1 },
        ),
      ]
    case 'minimumAspect':
      return [
        pair(
          `shape least ${number}`,
          { width: 500, height: 500 / number },
          { width: 500, height: 500 / number + 1 },
        ),
      ]
    case 'maximumAspect':
      return [
        pair(
          `shape most ${number}`,
          { width: 500 * number, height: 500 },
          { width: 500 * number + 1, height: 500 },
        ),
      ]
    case 'noTransparency':
      return [
        pair('no transparent PNG', { hasTransparency: false }, { hasTransparency: true }),
        pair(
          'transparency elsewhere',
          { format: 'webp' },
          { format: 'webp', hasTransparency: true },
          'warning',
        ),
      ]
    case 'formats': {
      const taken = String(value).split(' ')
      return FORMATS[kind]
        .filter((each) => !taken.includes(each))
        .map((each, index) =>
          pair(`no ${each}`, { format: taken[index % taken.length] ?? '' }, { format: each }),
        )
        .concat(taken.map((each) => pair(`takes ${each}`, { format: each }, { format: 'exe' })))
    }
    default:
      return undefined
  }
}

/** As many files as there may be, of the kinds that there are places for. */
function filesOf(model: Model, count: number): ReferenceFacts[] {
  const room = model.slots.flatMap((slot) => {
    const kind = slot.kinds[0] ?? 'image'
    return Array.from({ length: slot.maximumOfKind?.[kind] ?? slot.maximum }, () => MAKERS[kind]())
  })
  return Array.from({ length: count }, (_, index) => room[index] ?? room[0] ?? picture())
}

function countEdges(model: Model, word: string, number: number): Edge[] {
  const withFiles = (count: number): Case =>
    good(model.id, (given) => {
      given.references = filesOf(model, count)
      if (model.parameters.some((each) => each.field === 'generation_mode') && count > 1)
        given.values.generation_mode = 'first_last_frame'
    })
  const base = { title: `references: ${word} ${number}`, level: 'error' as const }
  if (word === 'minimum')
    return [
      {
        ...base,
        codes: ['reference-missing'],
        column: 'ref 1',
        inside: withFiles(number),
        ...(number > 0 && { outside: withFiles(number - 1) }),
      },
    ]
  return [
    {
      ...base,
      // Where no file is taken at all, its kind is what is wrong.
      codes: ['reference-limit', 'reference-kind'],
      column: `ref ${number + 1}`,
      inside: withFiles(number),
      outside: withFiles(number + 1),
    },
  ]
}

function ruleEdges(model: Model, fact: string, value: unknown): Edge[] | undefined {
  const base = { codes: ['rule-broken'], level: 'error' as const }
  const cells = (more: Record<string, unknown>): Case =>
    good(model.id, (given) => Object.assign(given.values, more))
  if (fact === 'multiNeedsExtend')
    return [
      {
        ...base,
        title: 'several shots need prompt_extend',
        column: 'shot_type',
        inside: cells({ shot_type: 'multi', prompt_extend: true }),
        outside: cells({ shot_type: 'multi', prompt_extend: false }),
      },
    ]
  if (fact === 'maximumSecondsWithVideo') {
    const long = (duration: number): Case =>
      good(model.id, (given) => {
        given.references = [video()]
        given.values.duration = duration
      })
    const title = `at most ${Number(value)} s with a video`
    return [
      { ...base, title, column: 'duration', inside: long(Number(value)), outside: long(Number(value) + 1) },
    ]
  }
  const quality = /^ratios of (\w+)$/.exec(fact)?.[1]
  if (quality !== undefined) {
    const taken = String(value).split(' ')
    const all = model.parameters.find((each) => each.field === 'aspect_ratio')?.values ?? []
    return all
      .filter((each) => !taken.includes(String(each)))
      .flatMap((each) =>
        taken.map((inside) => ({
          ...base,
          title: `${quality} takes ${inside} and not ${each}`,
          column: 'aspect_ratio',
          inside: cells({ quality, aspect_ratio: inside }),
          outside: cells({ quality, aspect_ratio: each }),
        })),
      )
  }
  return fact === 'naming' ? nameEdges(model, String(value)) : undefined
}

/** Two references of one kind: the names of two, one name, and the name of a third. */
function nameEdges(model: Model, style: string): Edge[] {
  const kind = model.slots[0]?.kinds[0] ?? 'image'
  const word = style === 'characterN' ? 'character' : kind === 'image' ? 'Image ' : 'Video '
  const named = (...numbers: number[]): Case =>
    good(model.id, (given) => {
      given.references = [MAKERS[kind](), MAKERS[kind]()]
      given.values.prompt = `${numbers.map((each) => `${word}${each}`).join(' and ')} dance`
    })
  const base = { codes: ['rule-broken'], column: 'prompt', inside: named(1, 2) }
  return [
    { ...base, title: `names the second as ${word}2`, outside: named(1), level: 'warning' },
    {
      ...base,
      title: `names no ${word}3 of two`,
      outside: named(1, 2, 3),
      level: findModel(model.id)?.naming?.basis === 'assumed' ? 'warning' : 'error',
    },
  ]
}
