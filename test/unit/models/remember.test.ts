import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rememberChecks } from '../../../src/shared/models/remember.ts'
import { checkOrder, type OrderInput } from '../../../src/shared/models/validate.ts'
import { MODEL_IDS, picture, song, video } from './orders.ts'

const file = fc.constantFrom(
  picture(),
  picture({ name: 'other.png' }),
  picture({ hasTransparency: true }),
  picture({ width: 10 }),
  video(),
  video({ durationMs: 1000 }),
  { name: 'https://example.com/a.jpg', kind: 'image' as const, isAddress: true },
  { name: 'ftp://example.com/a.jpg', kind: 'image' as const, isAddress: true },
)

/** Few values of each kind, so that many orders of a list are alike and many are nearly so. */
const order: fc.Arbitrary<OrderInput> = fc.record(
  {
    values: fc.record(
      {
        model: fc.constantFrom(...MODEL_IDS, 'none'),
        prompt: fc.constantFrom(
          'one',
          'character1 and character2',
          '',
          '  ',
          'x'.repeat(1500),
          'y'.repeat(6000),
          7,
        ),
        name: fc.constantFrom('a', 'b'),
        id: fc.constantFrom('a', 'b'),
        duration: fc.constantFrom('5', '10', 5, '99', null),
        quality: fc.constantFrom('720p', '1080p', ''),
        size: fc.constantFrom('1280*720', {}),
        watermark: fc.constantFrom('no', true, 'perhaps'),
        colour: fc.constantFrom('', 'red'),
      },
      { requiredKeys: ['model'] },
    ),
    references: fc.array(file, { maxLength: 3 }),
    audio: fc.constantFrom(song(), song({ sizeBytes: 0 })),
  },
  { requiredKeys: ['values', 'references'] },
)

const evolink = { family: 'evolink', needsAddressKinds: ['video'] } as const
const vtrix = { family: 'vtrix', requestLimitBytes: 1_000_000 } as const

describe('checks that are remembered', () => {
  it('say of every order what a full check says', () => {
    fc.assert(
      fc.property(fc.constantFrom(evolink, vtrix), fc.array(order, { maxLength: 60 }), (account, orders) => {
        const check = rememberChecks(account)
        for (const one of [...orders, ...orders.toReversed()]) {
          const { alike: _alike, ...checked } = check(one)
          expect(checked).toEqual(checkOrder(one, account))
        }
      }),
    )
  })

  const good = (prompt: string, more: Record<string, unknown> = {}): OrderInput => ({
    values: { model: 'wan2.6-image-to-video-flash', duration: '5', quality: '720p', prompt, ...more },
    references: [picture()],
  })

  it('name what orders with other prompts have in common, and nothing for other orders', () => {
    const check = rememberChecks({ family: 'evolink' })
    const first = check(good('one'))
    expect(first.order?.prompt).toBe('one')
    const second = check(good('two', { name: 'second', id: '2' }))
    expect(second.order?.prompt).toBe('two')
    expect(second.alike).toBe(first.alike)
    const longer = check(good('one', { duration: '10' }))
    expect(longer.alike).toBeDefined()
    expect(longer.alike).not.toBe(first.alike)
    expect(check(good('')).alike).toBeUndefined()
  })
  it('stay right, and remember what they knew, where every order has a seed of its own', () => {
    const check = rememberChecks({ family: 'evolink' })
    const seeded = (seed: number): OrderInput => ({
      values: { model: 'wan2.7-image-to-video', prompt: 'one', duration: '5', seed: String(seed) },
      references: [picture()],
    })
    const first = check(seeded(1)).alike
    expect(first).toBeDefined()
    for (let seed = 2; seed <= 25_000; seed += 1) check(seeded(seed))
    expect(check(seeded(1)).alike).toBe(first)
    const late = check(seeded(30_000))
    expect(late.order).toEqual(checkOrder(seeded(30_000), { family: 'evolink' }).order)
    expect(late.order?.seed).toBe(30_000)
    expect(late.alike).toBeUndefined()
  })
})
