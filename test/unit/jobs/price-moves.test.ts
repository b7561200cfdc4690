import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isDearer, isMoved, scaled } from '../../../src/main/core/jobs/price-moves.ts'

describe('a price that moves', () => {
  test.each([
    { what: 'the estimate itself', told: 100, estimate: 100, moved: false },
    { what: 'cheaper', told: 1, estimate: 100, moved: false },
    { what: 'free', told: 0, estimate: 100, moved: false },
    { what: 'exactly 10 % more', told: 110, estimate: 100, moved: false },
    { what: 'a micro more than that', told: 111, estimate: 100, moved: true },
    { what: 'exactly 10 % of many', told: 110_000_000_000, estimate: 100_000_000_000, moved: false },
    { what: 'a micro more of many', told: 110_000_000_001, estimate: 100_000_000_000, moved: true },
    { what: '10 % of what has no whole tenth, below', told: 200_000, estimate: 181_819, moved: false },
    { what: '10 % of what has no whole tenth, above', told: 200_000, estimate: 181_818, moved: true },
    {
      what: 'beyond what a number holds exactly',
      told: Number.MAX_SAFE_INTEGER,
      estimate: Number.MAX_SAFE_INTEGER,
      moved: false,
    },
  ])('$what', ({ told, estimate, moved }) => {
    expect(isMoved({ micros: told, basis: estimate }, { micros: 1, basis: 1 })).toBe(moved)
  })

  test('is compared with what was agreed to since', () => {
    // Agreed to: 3 for each 2 of the estimate.
    const agreed = { micros: 3, basis: 2 }
    expect(isMoved({ micros: 165, basis: 100 }, agreed)).toBe(false)
    expect(isMoved({ micros: 166, basis: 100 }, agreed)).toBe(true)
  })

  test('stays a number that is exact, whatever a provider tells', () => {
    expect(scaled(1e12, { micros: 1e12, basis: 1 })).toBe(Number.MAX_SAFE_INTEGER)
  })

  const Proportion = fc.record({ micros: fc.nat(), basis: fc.integer({ min: 1, max: 2 ** 31 }) })

  test('what has moved is dearer, and nothing is dearer than itself', () => {
    fc.assert(
      fc.property(Proportion, Proportion, (one, other) => {
        if (isMoved(one, other)) expect(isDearer(one, other)).toBe(true)
        expect(isDearer(one, one)).toBe(false)
        expect(isDearer(one, other) && isDearer(other, one)).toBe(false)
      }),
    )
  })

  test('an estimate at a price is the told amount where it is the told clip’s, and never rounded down', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 21 }), Proportion, (estimate, price) => {
        const micros = scaled(estimate, price)
        expect(BigInt(micros) * BigInt(price.basis) >= BigInt(estimate) * BigInt(price.micros)).toBe(true)
        expect(BigInt(micros - 1) * BigInt(price.basis) < BigInt(estimate) * BigInt(price.micros)).toBe(true)
        expect(scaled(price.basis, price)).toBe(price.micros)
      }),
    )
  })
})
