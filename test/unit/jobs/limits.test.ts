import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Pace } from '../../../src/main/core/jobs/limits.ts'
import type { AccountLimits } from '../../../src/shared/account.ts'

const START = 1_772_366_400_000
const MINUTE = 60_000

const limits = (more: Partial<AccountLimits> = {}): AccountLimits => ({
  inFlight: 16,
  submitsPerSecond: 2,
  pollsPerSecond: 4,
  downloadsAtOnce: 4,
  uploadsAtOnce: 2,
  ...more,
})

type Take = 'takeSubmit' | 'takePoll'

/** Takes as much as there is, looking every `everyMs`; the times at which a token was given. */
function takeAll(pace: Pace, take: Take, fromMs: number, forMs: number, everyMs: number): number[] {
  const taken: number[] = []
  for (let at = fromMs; at < fromMs + forMs; at += everyMs) {
    while (pace[take](at)) taken.push(at)
  }
  return taken
}

describe('calls a second', () => {
  test.each([
    ['takeSubmit', 2],
    ['takePoll', 4],
  ] as const)('%s keeps its rate over a minute', (take, perSecond) => {
    const taken = takeAll(new Pace(limits(), START), take, START, MINUTE, 10)
    expect(taken.length).toBeGreaterThanOrEqual(perSecond * 60 - 1)
    expect(taken.length).toBeLessThanOrEqual(perSecond * 60 + perSecond)
  })

  test('no stretch of time sees more than its share and one second’s worth', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 30 })
    const rates = fc.double({ min: 0.05, max: 50, noNaN: true })
    fc.assert(
      fc.property(rates, steps, (submitsPerSecond, gaps) => {
        const pace = new Pace(limits({ submitsPerSecond }), START)
        const taken: number[] = []
        let at = START
        for (const gap of gaps) {
          at += gap
          while (pace.takeSubmit(at)) taken.push(at)
        }
        for (const [first, from] of taken.entries()) {
          for (let last = first; last < taken.length; last += 1) {
            const passedMs = (taken[last] as number) - from
            const most = Math.max(1, submitsPerSecond) + (passedMs * submitsPerSecond) / 1000
            if (last - first + 1 > most + 1e-6) throw new Error(`${last - first + 1} calls in ${passedMs} ms`)
          }
        }
      }),
    )
  })

  test('a pause does not save up more than one second’s calls', () => {
    const pace = new Pace(limits({ submitsPerSecond: 3 }), START)
    expect(takeAll(pace, 'takeSubmit', START + 60 * MINUTE, 1, 1)).toHaveLength(3)
  })

  test('submits and reads do not take each other’s calls', () => {
    const pace = new Pace(limits({ submitsPerSecond: 1, pollsPerSecond: 1 }), START)
    expect(pace.takeSubmit(START)).toBe(true)
    expect(pace.takePoll(START)).toBe(true)
    expect(pace.takeSubmit(START)).toBe(false)
    expect(pace.takePoll(START)).toBe(false)
  })

  test('new limits hold at once', () => {
    const pace = new Pace(limits({ submitsPerSecond: 1 }), START)
    pace.set(limits({ submitsPerSecond: 10, inFlight: 3 }))
    expect(takeAll(pace, 'takeSubmit', START + 1000, 1000, 10).length).toBeGreaterThanOrEqual(19)
    expect(pace.inFlight(START)).toBe(3)
  })
})

describe('when a refused call may be made', () => {
  const next = { takeSubmit: 'nextSubmitAt', takePoll: 'nextPollAt' } as const

  test.each(['takeSubmit', 'takePoll'] as const)(
    '%s is given at the time that was told, not before',
    (take) => {
      fc.assert(
        fc.property(
          fc.double({ min: 0.05, max: 90, noNaN: true }),
          fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 20 }),
          (perSecond, gaps) => {
            const pace = new Pace(limits({ submitsPerSecond: perSecond, pollsPerSecond: perSecond }), START)
            let at = START
            for (const gap of gaps) {
              at += gap
              while (pace[take](at));
              const told = pace[next[take]](at)
              expect(told).toBeGreaterThan(at)
              if (told - at > 2) expect(pace[take](told - 2)).toBe(false)
              // One more millisecond at most, for what a fraction of a call costs in rounding.
              expect(pace[take](told) || pace[take](told + 1)).toBe(true)
              at = told + 1
            }
          },
        ),
      )
    },
  )

  test('a free submit does not hide that a read has to wait', () => {
    const pace = new Pace(limits({ submitsPerSecond: 5, pollsPerSecond: 1 }), START)
    while (pace.takePoll(START));
    expect(pace.nextPollAt(START)).toBe(START + 1000)
  })

  test('silence that was asked for comes before any call', () => {
    const pace = new Pace(limits(), START)
    pace.slowDown(30_000, START)
    expect(pace.takeSubmit(START + 29_999)).toBe(false)
    expect(pace.takePoll(START + 29_999)).toBe(false)
    expect(pace.nextSubmitAt(START + 1)).toBe(START + 30_000)
    expect(pace.nextPollAt(START + 1)).toBe(START + 30_000)
    expect(pace.takeSubmit(START + 30_000)).toBe(true)
  })

  test('a shorter silence never ends a longer one', () => {
    const pace = new Pace(limits(), START)
    pace.slowDown(30_000, START)
    pace.slowDown(1_000, START + 1)
    expect(pace.takePoll(START + 20_000)).toBe(false)
  })
})

describe('after "too fast"', () => {
  test('half as much goes on, and never less than one task in flight', () => {
    const pace = new Pace(limits(), START)
    const seen = Array.from({ length: 8 }, () => {
      pace.slowDown(0, START)
      return pace.inFlight(START)
    })
    expect(seen).toEqual([8, 4, 2, 1, 1, 1, 1, 1])
  })

  test('calls go at half the rate', () => {
    const pace = new Pace(limits({ submitsPerSecond: 8 }), START)
    pace.slowDown(0, START)
    const taken = takeAll(pace, 'takeSubmit', START, 30_000, 5)
    expect(taken.length).toBeGreaterThanOrEqual(4 * 30 - 1)
    expect(taken.length).toBeLessThanOrEqual(4 * 30 + 5)
  })

  test('the set limit comes back in a few minutes, step by step, and is never passed', () => {
    const pace = new Pace(limits({ inFlight: 100 }), START)
    pace.slowDown(0, START)
    const seen = Array.from({ length: 8 }, (_, minutes) => pace.inFlight(START + minutes * MINUTE))
    expect(seen).toEqual([50, 62, 78, 97, 100, 100, 100, 100])
  })

  test('reads alone grow the pace back too: a paused account still watches its tasks', () => {
    const pace = new Pace(limits({ pollsPerSecond: 16 }), START)
    for (let times = 0; times < 6; times += 1) pace.slowDown(0, START)
    const late = START + 60 * MINUTE
    expect(takeAll(pace, 'takePoll', late, 10_000, 5).length).toBeGreaterThanOrEqual(16 * 10)
  })

  test('time that passed before the halving does not grow it back', () => {
    const pace = new Pace(limits(), START)
    pace.slowDown(0, START + 60 * MINUTE)
    expect(pace.inFlight(START + 60 * MINUTE)).toBe(8)
  })
})

describe('without a connection', () => {
  test('one try at a growing distance, at most a minute apart', () => {
    const pace = new Pace(limits(), START)
    let at = START
    const waits = Array.from({ length: 9 }, () => {
      pace.wentOffline(at)
      const until = pace.nextPollAt(at)
      expect(pace.isOffline(until - 1)).toBe(true)
      expect(pace.isOffline(until)).toBe(false)
      const wait = until - at
      at = until
      return wait / 1000
    })
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60])
  })

  test('many calls that fail together count as one', () => {
    const pace = new Pace(limits(), START)
    for (let times = 0; times < 20; times += 1) pace.wentOffline(START)
    expect(pace.isOffline(START + 1000)).toBe(false)
    expect(pace.wasOffline).toBe(true)
  })

  test('the first call that comes through ends it', () => {
    const pace = new Pace(limits(), START)
    pace.wentOffline(START)
    pace.cameOnline()
    expect(pace.isOffline(START)).toBe(false)
    expect(pace.wasOffline).toBe(false)
    pace.wentOffline(START)
    expect(pace.isOffline(START + 1000)).toBe(false)
  })
})

describe('a provider that asks for a day of silence', () => {
  test('is left alone with orders for an hour, and asked for what was ordered after five minutes: outputs die in a day', () => {
    const pace = new Pace(limits(), START)
    pace.slowDown(24 * 60 * MINUTE, START)
    expect(pace.takePoll(START + 5 * MINUTE - 1)).toBe(false)
    expect(pace.nextPollAt(START)).toBe(START + 5 * MINUTE)
    expect(pace.takePoll(START + 5 * MINUTE)).toBe(true)
    expect(pace.takeSubmit(START + 60 * MINUTE - 1)).toBe(false)
    expect(pace.takeSubmit(START + 60 * MINUTE)).toBe(true)
  })
})

describe('orders of which nobody knows what became', () => {
  test('a single one holds up nothing', () => {
    const pace = new Pace(limits(), START)
    pace.wasDoubtful(START)
    expect(pace.takeSubmit(START + 1000)).toBe(true)
    expect(pace.takeSubmit(START + 1000)).toBe(true)
  })

  test('from the second in a row on, one order at a growing distance finds out for all', () => {
    const pace = new Pace(limits({ submitsPerSecond: 50 }), START)
    let sent = 0
    let at = START
    for (const end = START + 6 * 60 * MINUTE; at < end; at += 1000) {
      let now = 0
      while (pace.takeSubmit(at) && now < 100) now += 1
      sent += now
      for (let answer = 0; answer < now; answer++) pace.wasDoubtful(at)
      if (at > START + 2000) expect(now).toBeLessThanOrEqual(1)
    }
    expect(sent).toBeLessThan(120)
    expect(pace.nextSubmitAt(at) - at).toBeLessThanOrEqual(30 * MINUTE)
  })

  test('a second order waits for the answer of the one that finds out', () => {
    const pace = new Pace(limits({ submitsPerSecond: 50 }), START)
    pace.wasDoubtful(START)
    pace.wasDoubtful(START)
    const next = pace.nextSubmitAt(START)
    expect(pace.takeSubmit(next)).toBe(true)
    expect(pace.takeSubmit(next + 30_000)).toBe(false)
    pace.tookOrder()
    expect(pace.takeSubmit(next + 30_000)).toBe(true)
    expect(pace.takeSubmit(next + 30_000)).toBe(true)
  })

  test('reads go on', () => {
    const pace = new Pace(limits(), START)
    for (let times = 0; times < 5; times++) pace.wasDoubtful(START)
    expect(pace.takePoll(START + 1)).toBe(true)
  })
})
