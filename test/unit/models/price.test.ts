import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type EstimateAccount, estimate, priceOf } from '../../../src/shared/models/price.ts'
import { PUBLISHED } from '../../../src/shared/models/price-tables.ts'
import type { ReferenceFacts, ResolvedOrder } from '../../../src/shared/models/types.ts'
import { addressed, good, picture, resolved, video } from './orders.ts'

const order = (model: string, more: Partial<ResolvedOrder> = {}): ResolvedOrder => ({
  model,
  prompt: 'x',
  duration: 5,
  quality: '720p',
  ...more,
})

const videos = (...seconds: number[]): ReferenceFacts[] =>
  seconds.map((each) => video({ durationMs: Math.round(each * 1000) }))

const account = (more: Partial<EstimateAccount> = {}): EstimateAccount => ({
  family: 'evolink',
  isPractice: false,
  currency: 'credits',
  prices: {},
  ...more,
})

/** Credits × 1_000_000. */
const micros = (credits: string): number => {
  const [whole = '0', part = ''] = credits.split('.')
  return Number(`${whole}${part.padEnd(6, '0')}`)
}

interface Published {
  models: Record<
    string,
    {
      rate_credits_per_second: number
      quality: Record<string, number>
      sound?: { false: number }
      minimum_credits: number
    }
  >
  worked_examples: {
    model: string
    reference_seconds?: number[]
    duration: number
    quality: string
    generate_audio?: boolean
    credits: number
  }[]
}
/** What the provider published, as it was recorded: the tables of the source are held to it. */
const published: Published = JSON.parse(
  readFileSync(new URL('../../fixtures/prices.json', import.meta.url), 'utf8'),
)

describe('published prices', () => {
  it.each(published.worked_examples)(
    'worked example: $model $reference_seconds, $duration s $quality = $credits credits',
    ({ model, reference_seconds: seconds = [], duration, quality, generate_audio, credits }) => {
      const sound = generate_audio === undefined ? {} : { generate_audio }
      expect(priceOf(order(model, { duration, quality, ...sound }), videos(...seconds))).toEqual({
        lowMicros: micros(String(credits)),
        highMicros: micros(String(credits)),
      })
    },
  )

  it('are five worked examples and ten models', () => {
    expect(published.worked_examples).toHaveLength(5)
    expect(Object.keys(PUBLISHED).sort()).toEqual(Object.keys(published.models).sort())
  })

  it.each(Object.entries(published.models))(
    'of %s are rate, factors and minimum as recorded',
    (model, rule) => {
      for (const [quality, factor] of Object.entries(rule.quality)) {
        for (const [generate_audio, sound] of [
          [true, 1],
          [false, rule.sound?.false ?? 1],
        ] as const) {
          const price = priceOf(order(model, { duration: 100, quality, generate_audio }), [])
          expect(price?.highMicros).toBe(
            Math.round(100 * rule.rate_credits_per_second * factor * sound * 1e6),
          )
          const least = priceOf(order(model, { duration: 0.001, quality, generate_audio }), [])
          expect(least?.highMicros).toBe(Math.round(rule.minimum_credits * 1e6))
        }
      }
      expect(Object.keys(PUBLISHED[model]?.quality ?? {})).toEqual(Object.keys(rule.quality))
    },
  )

  it.each([
    ['wan2.6-image-to-video', 5, '720p', '23.8'],
    ['wan2.6-text-to-video', 5, '1080p', '39.746'],
    ['wan2.5-text-to-video', 5, '480p', '12.75'],
    ['wan2.5-image-to-video', 10, '1080p', '85.17'],
    ['wan2.7-image-to-video', 2, '720p', '10.88'],
    ['wan2.7-image-to-video', 5, '1080p', '45.424'],
  ] as const)('%s, %i s at %s = %s credits', (model, duration, quality, credits) => {
    expect(priceOf(order(model, { duration, quality }), [])?.lowMicros).toBe(micros(credits))
  })

  it('counts three videos at 1.65 s each: 4.95 + 5 s', () => {
    expect(priceOf(order('wan2.6-reference-video'), videos(9, 9, 9))?.lowMicros).toBe(micros('47.362'))
  })

  it('counts five seconds of input at most on wan2.7-reference-video, whatever the number of videos', () => {
    const five = priceOf(order('wan2.7-reference-video'), videos(4, 4))
    expect(five?.lowMicros).toBe(micros('54.4'))
    expect(priceOf(order('wan2.7-reference-video'), videos(4, 0.5))?.lowMicros).toBe(micros('51.68'))
    expect(priceOf(order('wan2.7-reference-video'), [picture()])?.lowMicros).toBe(micros('27.2'))
  })

  it('rounds halves of a uc up', () => {
    // 47,600 uc x 1.67 x 6.125 s = 486,888.5 uc.
    const given = order('wan2.6-reference-video', { quality: '1080p' })
    expect(priceOf(given, videos(1.125))?.lowMicros).toBe(micros('48.6889'))
    // 23,800 uc x 0.5 x 1.67 x 9.001 s = 178,876.873 uc.
    const silent = order('wan2.6-reference-video-flash', {
      duration: 8,
      quality: '1080p',
      generate_audio: false,
    })
    expect(priceOf(silent, videos(1.001))?.lowMicros).toBe(micros('17.8877'))
  })

  it('gives a range for addresses: nothing to the cap', () => {
    const price = priceOf(order('wan2.6-reference-video'), [addressed(video()), ...videos(1)])
    expect(price).toEqual({ lowMicros: micros('28.56'), highMicros: micros('40.46') })
  })

  it('knows no price for other models and tiers', () => {
    expect(priceOf(order('wan26_r2v'), [])).toBeUndefined()
    expect(priceOf(order('wan2.6-image-to-video', { quality: '480p' }), [])).toBeUndefined()
    expect(priceOf(order('constructor', { quality: 'toString' }), [])).toBeUndefined()
  })
})

describe('estimate', () => {
  it('shows the date of the shipped table', () => {
    const found = estimate(resolved(good('wan2.6-image-to-video-flash')), [picture()], account())
    expect(found).toMatchObject({
      basis: 'published',
      currency: 'credits',
      billableMs: 5000,
      lowMicros: micros('11.9'),
    })
    expect(found.note).toContain('2026-10-10')
  })

  it('takes the account’s own table first, the most exact key, and no minimum', () => {
    const prices = {
      'wan2.6-reference-video-flash': 3_000_000,
      'wan2.6-reference-video-flash:720p': 2_000_000,
      'wan2.6-reference-video-flash:720p:silent': 100_001,
    }
    const of = (more: Partial<ResolvedOrder>) =>
      estimate(order('wan2.6-reference-video-flash', more), videos(2.5), account({ prices }))
    expect(of({ generate_audio: true })).toMatchObject({
      basis: 'account',
      billableMs: 7500,
      lowMicros: 15_000_000,
    })
    expect(of({ generate_audio: false }).lowMicros).toBe(750_008)
    expect(of({ quality: '1080p' }).highMicros).toBe(22_500_000)
  })

  it('has seconds only for Vtrix without a price', () => {
    const found = estimate(
      resolved(good('wan26_r2v')),
      [picture()],
      account({ family: 'vtrix', currency: 'usd' }),
    )
    expect(found).toMatchObject({ basis: 'none', billableMs: 5000, currency: 'usd' })
    expect(found).not.toHaveProperty('lowMicros')
  })

  it('gives Vtrix a range when a video might be billed, and says why', () => {
    const prices = { 'wan26_r2v:720p': 100_000 }
    const of = (references: ReferenceFacts[]) =>
      estimate(resolved(good('wan26_r2v')), references, account({ family: 'vtrix', currency: 'usd', prices }))
    expect(of([picture()])).toMatchObject({ lowMicros: 500_000, highMicros: 500_000 })
    // One video of three references: 1.65 s at most.
    const mixed = of([picture(), video(), picture()])
    expect(mixed).toMatchObject({ lowMicros: 500_000, highMicros: 665_000, billableMs: 5000 })
    expect(mixed.note).toContain('Vtrix')
  })

  it('has a full table for practice, which is invented for Vtrix', () => {
    const practice = account({ family: 'vtrix', isPractice: true, currency: 'usd' })
    const vtrix = estimate(resolved(good('wan26_r2v')), [video()], practice)
    expect(vtrix).toMatchObject({ basis: 'practice', lowMicros: 500_000, highMicros: 500_000 })
    const dear = resolved(good('wan26_r2v', ({ values }) => Object.assign(values, { quality: '1080p' })))
    expect(estimate(dear, [picture()], practice).lowMicros).toBe(750_000)
    expect(estimate(dear, [picture()], { ...practice, currency: 'credits' }).lowMicros).toBe(51_000_000)
    const evolink = estimate(order('wan2.6-reference-video'), videos(12), account({ isPractice: true }))
    expect(evolink).toMatchObject({ basis: 'practice', lowMicros: micros('47.6') })
  })

  it('turns credits into dollars for an account in dollars, rounded up', () => {
    const found = estimate(order('wan2.6-reference-video'), videos(12), account({ currency: 'usd' }))
    expect(found.lowMicros).toBe(700_000)
    const odd = estimate(
      order('wan2.6-image-to-video-flash', { duration: 15, quality: '1080p' }),
      [],
      account({ currency: 'usd' }),
    )
    expect(odd.lowMicros).toBe(876_750)
  })

  it('falls back to learned prices and says how many answers they rest on', () => {
    const learned = { prices: { 'wan26_r2v:720p': 90_000 }, counts: { 'wan26_r2v:720p': 12 } }
    const found = estimate(
      resolved(good('wan26_r2v')),
      [],
      account({ family: 'vtrix', currency: 'usd', learned }),
    )
    expect(found).toMatchObject({ basis: 'learned', lowMicros: 450_000 })
    expect(found.note).toContain('12')
  })

  it('counts the clips of the very price that it used', () => {
    const learned = {
      prices: { 'wan26_r2v:720p': 90_000, 'wan26_r2v:720p:silent': 40_000 },
      counts: { 'wan26_r2v:720p': 12, 'wan26_r2v:720p:silent': 1 },
    }
    const order = { ...resolved(good('wan26_r2v')), expectsSound: false }
    const found = estimate(order, [], account({ family: 'vtrix', currency: 'usd', learned }))
    expect(found).toMatchObject({ lowMicros: 200_000 })
    expect(found.note).toContain('one charged clip')
  })
})
