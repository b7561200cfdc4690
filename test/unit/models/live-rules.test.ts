import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { chargeByLiveRule, evaluate, readLiveRule } from '../../../src/shared/models/live-rules.ts'
import { estimate, priceOf } from '../../../src/shared/models/price.ts'
import { compare, type Ratio, ratio } from '../../../src/shared/models/ratio.ts'
import type { ResolvedOrder } from '../../../src/shared/models/types.ts'
import { video } from './orders.ts'

const constant = (value: unknown) => ({ op: 'constant', value })
const variable = (name: string) => ({ op: 'variable', name })
const apply = (op: string, ...args: unknown[]) => ({ op, args })

const quality = { op: 'lookup', key: variable('quality'), values: { '720p': '1', '1080p': '1.67' } }
const sound = apply('if', variable('generate_audio'), constant('1'), constant('0.5'))

const component = (more: Record<string, unknown> = {}) => ({
  id: 'video_input_output',
  pricing_status: 'available',
  rate: { uc: '23800', credits: '2.38' },
  minimum_charge: { uc: '90000', credits: '9' },
  quantity_rule: apply(
    'multiply',
    apply('add', variable('input_seconds'), variable('output_seconds')),
    quality,
    sound,
  ),
  rounding: { point: 'per_component_subtotal', mode: 'half_up' },
  tiers: [],
  ...more,
})

const FLASH = 'wan2.6-reference-video-flash'
const answer = (...components: unknown[]) => ({
  meta: { schema_version: '2' },
  models: [{ model_id: 'other' }, { model_id: FLASH, pricing_status: 'available', components }],
})

const rule = (...components: unknown[]) => {
  const found = readLiveRule(answer(...components), FLASH)
  if (found === undefined) throw new Error('the rule was not read')
  return found
}

const variables = {
  input_seconds: ratio(3),
  output_seconds: ratio(10),
  quality: '1080p',
  generate_audio: true,
}

describe('live price rules', () => {
  it('agrees with the shipped table when the rule is the same', () => {
    const order: ResolvedOrder = {
      model: FLASH,
      prompt: 'x',
      duration: 10,
      quality: '1080p',
      generate_audio: true,
    }
    const references = [video({ durationMs: 3000 })]
    const base = { family: 'evolink', isPractice: false, currency: 'credits', prices: {} } as const
    const live = estimate(order, references, { ...base, liveRule: rule(component()) })
    expect(live.note).toContain('live')
    expect(live.lowMicros).toBe(priceOf(order, references)?.lowMicros)
    expect(live.lowMicros).toBe(51_669_800)
  })

  it('reads one model out of both forms of the answer', () => {
    expect(readLiveRule({ model: { model_id: FLASH, components: [component()] } }, FLASH)).toBeDefined()
    expect(readLiveRule(answer(component()), 'wan9')).toBeUndefined()
    for (const bad of [null, 'text', [], { models: 'no' }, { models: [null, 7] }])
      expect(readLiveRule(bad, FLASH)).toBeUndefined()
  })

  it('charges the minimum at least', () => {
    expect(
      chargeByLiveRule(rule(component()), { ...variables, output_seconds: ratio(0), generate_audio: false }),
    ).toBe(90_000n)
  })

  it('rounds half up or up, as told', () => {
    const of = (mode: string) =>
      chargeByLiveRule(
        rule(
          component({
            rounding: { point: 'per_component_subtotal', mode },
            rate: { uc: '1' },
            minimum_charge: { uc: '0' },
            quantity_rule: constant('2.4'),
          }),
        ),
        variables,
      )
    expect(of('half_up')).toBe(2n)
    expect(of('ceil')).toBe(3n)
  })

  it('takes the tier whose condition holds', () => {
    const tiers = [
      {
        when: apply('gte', variable('output_seconds'), constant('10')),
        rate: { uc: '10' },
        minimum_charge: { uc: '0' },
      },
    ]
    const cheap = component({ tiers, quantity_rule: constant('7') })
    expect(chargeByLiveRule(rule(cheap), variables)).toBe(70n)
    expect(chargeByLiveRule(rule(cheap), { ...variables, output_seconds: ratio(9) })).toBe(166_600n)
  })

  it('adds the components', () => {
    const one = component({ quantity_rule: constant('1'), minimum_charge: { uc: '0' } })
    expect(chargeByLiveRule(rule(one, one), variables)).toBe(47_600n)
  })

  it.each([
    ['an unknown operation', component({ quantity_rule: apply('power', constant('2'), constant('9')) })],
    [
      'an unknown operation inside',
      component({ quantity_rule: apply('add', constant('2'), { op: 'ceil', args: [] }) }),
    ],
    ['an unknown variable', component({ quantity_rule: variable('frames') })],
    ['a name of the prototype', component({ quantity_rule: variable('constructor') })],
    [
      'a quality that is not in the lookup',
      component({ quantity_rule: { ...quality, values: { '4k': '4' } } }),
    ],
    ['a division by zero', component({ quantity_rule: apply('divide', constant('1'), constant('0')) })],
    ['a text as number', component({ quantity_rule: apply('add', constant('1'), constant('one')) })],
    [
      'a condition that does not hold',
      component({ condition: apply('eq', variable('quality'), constant('4k')) }),
    ],
    ['a condition that is not understood', component({ condition: apply('or', constant(true)) })],
    [
      'a tier that is not understood',
      component({ tiers: [{ when: apply('lte', constant('1'), constant('2')), rate: { uc: '1' } }] }),
    ],
    ['a negative quantity', component({ quantity_rule: constant('-3') })],
    ['a price that is off', component({ pricing_status: 'unavailable' })],
  ])('gives no price for %s', (_title, bad) => {
    expect(chargeByLiveRule(rule(bad), variables)).toBeUndefined()
  })

  it('falls back to the shipped table when the rule is not understood', () => {
    const order: ResolvedOrder = {
      model: FLASH,
      prompt: 'x',
      duration: 10,
      quality: '1080p',
      generate_audio: true,
    }
    const liveRule = rule(component({ quantity_rule: { op: 'eval', value: '1' } }))
    const base = { family: 'evolink', isPractice: false, currency: 'credits', prices: {} } as const
    expect(estimate(order, [], { ...base, liveRule }).note).toContain('2026-10-10')
  })

  it('knows every operation of the language', () => {
    const number = (value: unknown) => evaluate(value, variables)
    expect(number(apply('min', constant('7'), constant('2.50'), constant('3')))).toEqual(ratio(250, 100))
    expect(number(apply('divide', constant('1'), constant('4')))).toEqual(ratio(1, 4))
    expect(number(apply('eq', variable('quality'), constant('1080p')))).toBe(true)
    expect(number(apply('eq', constant('1.0'), constant('1')))).toBe(true)
    expect(number(apply('gte', constant('2'), constant('3')))).toBe(false)
    expect(number(apply('gte', variable('quality'), constant('1080p')))).toBeUndefined()
  })

  const OPERATIONS: [string, unknown, unknown][] = [
    ['constant', constant('1.25'), ratio(5, 4)],
    ['variable', variable('output_seconds'), ratio(10)],
    ['add', apply('add', constant('1'), variable('input_seconds'), constant('0.5')), ratio(9, 2)],
    ['multiply', apply('multiply', constant('0.1'), constant('0.2'), constant('3')), ratio(6, 100)],
    ['divide', apply('divide', constant('1'), constant('3')), ratio(1, 3)],
    ['min', apply('min', variable('input_seconds'), constant('5')), ratio(3)],
    ['lookup', quality, ratio(167, 100)],
    ['if', apply('if', variable('generate_audio'), constant('2'), constant('1')), ratio(2)],
    ['eq', apply('eq', variable('quality'), constant('720p')), false],
    ['gte', apply('gte', variable('output_seconds'), constant('10')), true],
  ]

  it.each(OPERATIONS)('evaluates %s exactly', (_operation, tree, value) => {
    const found = evaluate(tree, variables)
    if (typeof value !== 'object' || typeof found !== 'object') return expect(found).toBe(value)
    expect(compare(found, value as Ratio)).toBe(0)
  })

  it('has every operation that the provider’s language is said to have, and no other', () => {
    const { rule_language: said } = JSON.parse(
      readFileSync(new URL('../../fixtures/prices.json', import.meta.url), 'utf8'),
    ) as { rule_language: string }
    const named = /op: ([a-z|]+)/.exec(said)?.[1]?.split('|')
    expect(OPERATIONS.map(([operation]) => operation)).toEqual(named)
    for (const other of ['subtract', 'max', 'ceil', 'not', 'and', 'lt', 'toString', '__proto__', '']) {
      expect(evaluate(apply(other, constant('1'), constant('1')), variables)).toBeUndefined()
    }
  })

  it('stops at trees that are too deep or too large', () => {
    let deep: unknown = constant('1')
    for (let level = 0; level < 10_000; level++) deep = apply('add', deep)
    expect(evaluate(deep, variables)).toBeUndefined()
    const wide = apply(
      'add',
      ...Array.from({ length: 200 }, () => apply('add', constant('1'), constant('1'))),
    )
    expect(evaluate(wide, variables)).toBeUndefined()
  })
})
