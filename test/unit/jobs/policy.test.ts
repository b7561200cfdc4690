import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { backOffMs, lookDelayMs, pollDelayMs } from '../../../src/main/core/jobs/policy.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const passed = fc.integer({ min: -MINUTE, max: 48 * 60 * MINUTE })
const told = fc.option(fc.integer({ min: 0, max: 60 * MINUTE }), { nil: null })
const progress = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: null })

describe('back-off', () => {
  test('begins at two seconds, doubles, and ends at five minutes', () => {
    const middle = [0, 1, 2, 3, 7, 8, 100].map((setbacks) => backOffMs(setbacks, 0.5) / SECOND)
    expect(middle).toEqual([2, 4, 8, 16, 256, 300, 300])
  })

  test('stays within its bounds and never shrinks with more set-backs', () => {
    fc.assert(
      fc.property(fc.nat(1000), chance, (setbacks, luck) => {
        const wait = backOffMs(setbacks, luck)
        expect(wait).toBeGreaterThanOrEqual(1.5 * SECOND)
        expect(wait).toBeLessThanOrEqual(5 * MINUTE * 1.25)
        expect(backOffMs(setbacks + 1, luck)).toBeGreaterThanOrEqual(wait)
        expect(Number.isInteger(wait)).toBe(true)
      }),
    )
  })

  test('is spread by a quarter either way', () => {
    expect(backOffMs(8, 0)).toBe(225 * SECOND)
    expect(backOffMs(8, 0.999999)).toBe(375 * SECOND)
  })
})

describe('poll rhythm', () => {
  const at = (elapsedMs: number, estimatedMs: number | null = null, shown: number | null = null) =>
    pollDelayMs({ elapsedMs, estimatedMs, progress: shown }, 0.5) / SECOND

  test.each([
    { what: 'a quarter of what was told', estimated: 40 * SECOND, wait: 10 },
    { what: 'no later than 15 s', estimated: 20 * MINUTE, wait: 15 },
    { what: 'no sooner than a second', estimated: 0, wait: 1 },
    { what: 'and without a word after a few seconds', estimated: null, wait: 3.75 },
  ])('first read: $what', ({ estimated, wait }) => {
    expect(at(0, estimated)).toBe(wait)
  })

  test.each([
    { minutes: 1, wait: 10 },
    { minutes: 2, wait: 15 },
    { minutes: 16, wait: 30 },
    { minutes: 61, wait: 120 },
  ])('after $minutes min: every $wait s', ({ minutes, wait }) => {
    expect(at(minutes * MINUTE)).toBe(wait)
  })

  test('a short task is asked for as its end comes near', () => {
    expect(at(5 * SECOND, 10 * SECOND, 0.5)).toBe(2.5)
    expect(at(5 * SECOND, 10 * SECOND, 1)).toBe(1)
  })

  test('is never hectic and never asleep', () => {
    fc.assert(
      fc.property(passed, told, progress, chance, (elapsedMs, estimatedMs, shown, luck) => {
        const wait = pollDelayMs({ elapsedMs, estimatedMs, progress: shown }, luck)
        expect(wait).toBeGreaterThanOrEqual(0.9 * SECOND)
        expect(wait).toBeLessThanOrEqual(2.2 * MINUTE)
        expect(Number.isInteger(wait)).toBe(true)
      }),
    )
  })

  test('is spread, so that many tasks are not read in the same moment', () => {
    fc.assert(
      fc.property(passed, told, progress, (elapsedMs, estimatedMs, shown) => {
        const facts = { elapsedMs, estimatedMs, progress: shown }
        const [soonest, latest] = [pollDelayMs(facts, 0), pollDelayMs(facts, 0.999999)]
        expect(latest / soonest).toBeGreaterThan(1.2)
        expect(latest / soonest).toBeLessThan(1.25)
      }),
    )
  })

  test('without an estimate it only slows down as time goes by', () => {
    const later = fc.tuple(fc.integer({ min: 1, max: 24 * 60 * MINUTE }), fc.nat(24 * 60 * MINUTE))
    fc.assert(
      fc.property(later, chance, ([elapsedMs, more], luck) => {
        const wait = (ms: number) => pollDelayMs({ elapsedMs: ms, estimatedMs: null, progress: null }, luck)
        expect(wait(elapsedMs + more)).toBeGreaterThanOrEqual(wait(elapsedMs))
      }),
    )
  })
})

describe('looking for a lost task', () => {
  test('every ten seconds at first, then slower, at most five minutes apart', () => {
    expect([0, 20, 60, 300, 600, 3600].map((passedS) => lookDelayMs(passedS * SECOND) / SECOND)).toEqual([
      10, 10, 30, 150, 300, 300,
    ])
  })
})
