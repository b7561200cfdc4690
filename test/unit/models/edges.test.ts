import { describe, expect, it } from 'vitest'
import { MODELS } from '../../../src/shared/models/catalogue.ts'
import type { Model } from '../../../src/shared/models/types.ts'
import { EDGE_ACCOUNT, edgesOf } from './edges.ts'
import { check } from './orders.ts'
import { catalogueFacts, type Facts, STATED, stated, statedFacts } from './stated.ts'

/**
 * Facts of the catalogue that `models.json` has no number for, each with what it rests on. They are tested at the
 * catalogue's own value; all others at the value of `models.json`, which the catalogue must agree with.
 */
const NOT_STATED: Readonly<Record<string, string>> = {
  'wan26_r2v parameters.prompt_extend doubtful': 'A note in words: the maker does not list the switch.',
  'wan26_r2v parameters.audio doubtful':
    'A note in words: the maker has the switch on its flash variant only.',
  'wan2.7-image-to-video references minimum': 'Follows from the modes: each needs one file at least.',
  'wan2.7-image-to-video references maximum':
    'Follows from the modes: two frames, or a film and a last frame.',
  'wan2.7-reference-video image_urls maximum': 'Only the sum of pictures and films is stated (e27r-1).',
  'wan2.7-reference-video video_urls maximum': 'Only the sum of pictures and films is stated (e27r-1).',
  'wan2.5-text-to-video duration default': 'The page names no default; the one of its newer models is sent.',
  'wan2.5-image-to-video duration default': 'The page names no default; the one of its newer models is sent.',
}

/** What the two readings say differently, as one line each. */
function differences(model: Model, ours: Facts = catalogueFacts(model)): string[] {
  const theirs = statedFacts(stated(model.id))
  const notOffered = model.notOffered.map(({ path }) => path)
  const found: string[] = []
  for (const [fact, value] of ours)
    if (!(`${model.id} ${fact}` in NOT_STATED) && theirs.get(fact) !== value)
      found.push(`${fact}: ${String(value)} here, ${String(theirs.get(fact))} there`)
  for (const [fact, value] of theirs)
    if (!ours.has(fact) && !notOffered.some((path) => fact.startsWith(`${path} `)))
      found.push(`${fact}: nothing here, ${String(value)} there`)
  return found
}

const byId = MODELS.map((model) => [model.id, model] as const)

describe('the catalogue and the independent table', () => {
  it('speak of the same models', () => {
    expect(MODELS.map(({ id }) => id).toSorted()).toEqual(STATED.map(({ id }) => id).toSorted())
  })

  it.each(byId)('%s: agree on every limit', (_id, model) => {
    expect(differences(model)).toEqual([])
  })

  it('have no exception that is not needed', () => {
    for (const key of Object.keys(NOT_STATED)) {
      const [id = '', ...fact] = key.split(' ')
      const model = MODELS.find((each) => each.id === id)
      if (model === undefined) throw new Error(`no model ${id}`)
      const ours = catalogueFacts(model).get(fact.join(' '))
      expect(ours, key).toBeDefined()
      expect(statedFacts(stated(id)).get(fact.join(' ')), key).not.toBe(ours)
    }
  })

  it.each(byId)('%s: disagree when any number or value of the catalogue is changed', (_id, model) => {
    let planted = 0
    for (const { path, plant } of leavesOf(model)) {
      const changed = structuredClone(model) as Model
      plant(changed)
      const facts = catalogueFacts(changed)
      const changedFacts = [...facts].filter(([fact, value]) => catalogueFacts(model).get(fact) !== value)
      if (changedFacts.every(([fact]) => `${model.id} ${fact}` in NOT_STATED) && changedFacts.length > 0)
        continue
      planted += 1
      expect(differences(changed, facts), path).not.toEqual([])
    }
    expect(planted).toBeGreaterThan(8)
  })

  it('has a rule against what the pages say is not taken', () => {
    for (const model of MODELS)
      for (const field of stated(model.id).not_accepted ?? []) {
        if (/urls?$/.test(field) && field !== 'callback_url') continue
        // wan26_r2v takes ratio and quality as another way to say its size.
        if (model.id === 'wan26_r2v' && /^(aspect_ratio|quality)$/.test(field)) continue
        const fields = model.parameters.map((each) => each.field as string)
        expect(fields, `${model.id} ${field}`).not.toContain(field)
      }
  })
})

/** Keys that are limits, wherever they stand in a model. */
const LIMITS = new Set([
  'minimum',
  'maximum',
  'maximumLength',
  'minimumMs',
  'maximumMs',
  'warnBelowMs',
  'maximumBytes',
  'minimumSide',
  'maximumSide',
  'minimumAspect',
  'maximumAspect',
  'noTransparency',
  'values',
  'formats',
  'required',
  'image',
  'video',
  'maximumSecondsWithVideo',
  'multiNeedsExtend',
  'value',
  'default',
])

/** Every limit of a model with a way to plant a wrong one in a copy. */
function leavesOf(model: Model): { path: string; plant: (copy: Model) => void }[] {
  const found: { path: string; plant: (copy: Model) => void }[] = []
  const walk = (value: unknown, keys: readonly (string | number)[]): void => {
    const key = keys.at(-1)
    const wrong = typeof key === 'string' && LIMITS.has(key) ? wrongOf(value) : undefined
    if (wrong !== undefined) {
      const plant = (copy: Model): void => {
        let at = copy as unknown as Record<string | number, unknown>
        for (const each of keys.slice(0, -1)) at = at[each] as Record<string | number, unknown>
        at[key as string] = wrong
      }
      found.push({ path: keys.join('.'), plant })
    } else if (typeof value === 'object' && value !== null)
      for (const [name, each] of Object.entries(value))
        if (name !== 'output' && name !== 'sources')
          walk(each, [...keys, Array.isArray(value) ? Number(name) : name])
  }
  walk(model, [])
  return found
}

function wrongOf(value: unknown): unknown {
  if (typeof value === 'number') return value + 1
  if (typeof value === 'boolean') return !value
  if (typeof value === 'string') return `${value}x`
  return Array.isArray(value) ? value.slice(1) : undefined
}

/** Problems of an edge's place, as `level code`. */
function reported(
  given: Parameters<typeof check>[0],
  codes: readonly string[],
  column: string,
  extended = false,
) {
  const { problems } = check(given, { ...EDGE_ACCOUNT, extendedDurations: extended })
  return problems.filter((each) => codes.includes(each.code) && each.place.column === column)
}

describe.each(byId)('%s', (id, model) => {
  const ours = catalogueFacts(model)
  const theirs = statedFacts(stated(id))
  const facts = [...ours].map(([fact, value]) => [fact, theirs.get(fact) ?? value] as const)
  const isOwn = (fact: string): boolean => `${id} ${fact}` in NOT_STATED
  const edges = facts.flatMap(([fact, value]) =>
    edgesOf(model, fact, isOwn(fact) ? ours.get(fact) : value).map((edge) => [edge.title, edge] as const),
  )

  it('has edges for every fact but the types of texts and the one sound of a row', () => {
    const without = facts.filter(([fact, value]) => edgesOf(model, fact, value).length === 0)
    for (const [fact, value] of without)
      expect(`${fact} ${String(value)}`).toMatch(/ type text$|^\S*audio_urls? maximum 1$/)
    expect(edges.length).toBeGreaterThan(facts.length - without.length - 1)
  })

  it.each(edges)('%s', (_title, { inside, outside, codes, column, level, extended }) => {
    expect(reported(inside, codes, column, extended).filter((each) => each.level === level)).toEqual([])
    if (outside === undefined) return
    const found = reported(outside, codes, column, extended)
    expect(found.map((each) => each.level)).toContain(level)
    for (const each of found) {
      expect(each.place.source, each.what).toMatch(/^https:\/\//)
      expect(each.next).not.toBe('')
    }
    // Outside of what is stated nothing is bought.
    if (level === 'error')
      expect(check(outside, { ...EDGE_ACCOUNT, extendedDurations: extended === true }).order).toBeUndefined()
  })
})
