import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { amount, capProblem } from '../../../src/main/core/jobs/claim.ts'
import { countedMicros, toCreditMicros } from '../../../src/main/core/store/ledger.ts'
import { CREDITS_PER_USD } from '../../../src/shared/run.ts'

const MICROS = 1_000_000

interface Caps {
  estimate?: number | null
  currency?: 'credits' | 'usd'
  accountCap?: number | null
  accountCounted?: number
  runCap?: number | null
  runCounted?: number
  accountMode?: 'hard' | 'soft'
  runMode?: 'hard' | 'soft'
}

/** All amounts in whole units. */
function ask({
  estimate = 10,
  currency = 'credits',
  accountCap = null,
  accountCounted = 0,
  runCap = null,
  runCounted = 0,
  accountMode = 'hard',
  runMode = 'hard',
}: Caps) {
  const micros = (units: number | null) => (units === null ? null : Math.round(units * MICROS))
  return capProblem(
    { id: 7, estimateMicros: micros(estimate), model: 'wan2.6-text-to-video' },
    {
      name: 'evolink-1',
      currency,
      capMicros: micros(accountCap),
      countedMicros: accountCounted * MICROS,
      options: { capMode: accountMode },
    },
    {
      id: 1,
      name: 'harbour',
      capMicros: micros(runCap),
      capMode: runMode,
      countedMicros: runCounted * MICROS,
    },
  )
}

describe('the hard cap', () => {
  test.each<{ what: string; given: Caps; stops: 'run' | 'account' | null; code?: string }>([
    { what: 'no cap, no limit', given: { runCounted: 1e6 }, stops: null },
    { what: 'no cap and no price', given: { estimate: null }, stops: null },
    { what: 'exactly at the run’s cap', given: { runCap: 100, runCounted: 90 }, stops: null },
    {
      what: 'a millionth above it',
      given: { runCap: 99.999999, runCounted: 90 },
      stops: 'run',
      code: 'cap-reached',
    },
    { what: 'a cap of nothing', given: { runCap: 0 }, stops: 'run', code: 'cap-reached' },
    { what: 'a free clip under a cap of nothing', given: { runCap: 0, estimate: 0 }, stops: null },
    { what: 'exactly at the account’s cap', given: { accountCap: 50, accountCounted: 40 }, stops: null },
    {
      what: 'above the account’s cap',
      given: { accountCap: 50, accountCounted: 41 },
      stops: 'account',
      code: 'cap-reached',
    },
    {
      what: 'above both: the run is told',
      given: { runCap: 5, accountCap: 5 },
      stops: 'run',
      code: 'cap-reached',
    },
    { what: 'above a soft cap', given: { runCap: 5, runMode: 'soft' }, stops: null },
    { what: 'above an account’s soft cap', given: { accountCap: 5, accountMode: 'soft' }, stops: null },
    {
      what: 'a soft cap without a price',
      given: { runCap: 5, runMode: 'soft', estimate: null },
      stops: null,
    },
    {
      what: 'above a soft cap and a hard one',
      given: { runCap: 5, runMode: 'soft', accountCap: 5 },
      stops: 'account',
      code: 'cap-reached',
    },
    {
      what: 'a cap without a price',
      given: { runCap: 100, estimate: null },
      stops: 'run',
      code: 'price-unknown',
    },
    {
      what: 'an account’s cap without a price',
      given: { accountCap: 100, estimate: null },
      stops: 'run',
      code: 'price-unknown',
    },
    {
      what: 'dollars under a cap in credits',
      given: { currency: 'usd', estimate: 1, runCap: 68 },
      stops: null,
    },
    {
      what: 'dollars above a cap in credits',
      given: { currency: 'usd', estimate: 1.01, runCap: 68 },
      stops: 'run',
      code: 'cap-reached',
    },
    {
      what: 'an account’s cap in its own dollars',
      given: { currency: 'usd', estimate: 2, accountCap: 2 },
      stops: null,
    },
    {
      what: 'dollars above the account’s own cap',
      given: { currency: 'usd', estimate: 2, accountCap: 1.99 },
      stops: 'account',
      code: 'cap-reached',
    },
  ])('$what', ({ given, stops, code }) => {
    const found = ask(given)
    expect(Object.keys(found)).toEqual(stops ? [stops] : [])
    if (stops) expect(found[stops]).toMatchObject({ code, level: 'error', place: { jobId: 7 } })
  })

  test('the sentence names the amounts and what to do', () => {
    const { run } = ask({ runCap: 100, runCounted: 92.5 })
    expect(run?.what).toContain('"harbour": 92.5 of 100 credits')
    expect(run?.next).toContain('reelsheet resume --cap')
  })

  test('is never passed, whatever the order of the clips', () => {
    const price = fc.integer({ min: 0, max: 40 })
    fc.assert(
      fc.property(
        fc.array(price, { maxLength: 40 }),
        fc.nat(200),
        fc.nat(200),
        (prices, runCap, accountCap) => {
          let counted = 0
          for (const estimate of prices) {
            const found = ask({ estimate, runCap, accountCap, runCounted: counted, accountCounted: counted })
            if (!found.run && !found.account) counted += estimate
            else expect(counted + estimate).toBeGreaterThan(Math.min(runCap, accountCap))
          }
          expect(counted).toBeLessThanOrEqual(Math.min(runCap, accountCap))
        },
      ),
    )
  })
})

describe('what a line counts against the caps', () => {
  const line = (standing: Parameters<typeof countedMicros>[0]['standing'], amounts: (number | null)[]) => {
    const [estimateMicros = null, reservedMicros = null, chargedMicros = null] = amounts
    return countedMicros({ standing, estimateMicros, reservedMicros, chargedMicros })
  }

  test.each([
    { standing: 'open', amounts: [5], counted: 5 },
    { standing: 'open', amounts: [null], counted: 0 },
    { standing: 'reserved', amounts: [5, 7], counted: 7 },
    { standing: 'reserved', amounts: [5, 3], counted: 3 },
    { standing: 'reserved', amounts: [5, 0], counted: 0 },
    { standing: 'reserved', amounts: [5, null], counted: 5 },
    { standing: 'unknown', amounts: [5, null], counted: 5 },
    { standing: 'unknown', amounts: [5, 7], counted: 7 },
    { standing: 'charged', amounts: [5, 7, 6], counted: 6 },
    { standing: 'charged', amounts: [5, 7, 0], counted: 0 },
    { standing: 'charged', amounts: [5, 7, null], counted: 7 },
    { standing: 'charged', amounts: [5, null, null], counted: 5 },
    { standing: 'charged', amounts: [null, null, null], counted: 0 },
    { standing: 'released', amounts: [5, 7, 6], counted: 0 },
  ] as const)(
    '$standing with estimate, reserve, charge of $amounts counts $counted',
    ({ standing, amounts, counted }) => {
      expect(line(standing, [...amounts])).toBe(counted)
    },
  )

  test('is never negative, and nothing only for a release or a known nothing', () => {
    const some = fc.option(fc.nat(1e9), { nil: null })
    const standing = fc.constantFrom('open', 'reserved', 'charged', 'released', 'unknown')
    fc.assert(
      fc.property(standing, fc.tuple(fc.integer({ min: 1, max: 1e9 }), some, some), (word, amounts) => {
        const counted = line(word, amounts)
        expect(counted).toBeGreaterThanOrEqual(0)
        if (counted === 0 && word !== 'released') expect(amounts.slice(1)).toContain(0)
      }),
    )
  })
})

describe('amounts', () => {
  test('dollars count as credits at the shown rate, in whole micros', () => {
    expect(toCreditMicros('usd', 3)).toBe(3 * CREDITS_PER_USD)
    expect(toCreditMicros('credits', 3)).toBe(3)
  })

  test.each([
    [0, '0'],
    [1_500_000, '1.5'],
    [10_000_000, '10'],
    [1_234_567, '1.2346'],
    [123_456_000_000, '123456'],
  ])('%i micros read "%s"', (micros, text) => {
    expect(amount(micros)).toBe(text)
  })
})
