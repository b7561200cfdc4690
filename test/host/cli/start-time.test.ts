import { describe, expect, it } from 'vitest'
import { formatLocal, formatStart, parseStart } from '../../../src/main/hosts/cli/start-time.ts'

const HOUR = 3_600_000
const local = (...parts: [number, number, number, number, number]): number => {
  const [year, month, day, hours, minutes] = parts
  return new Date(year, month - 1, day, hours, minutes).getTime()
}
const now = local(2026, 11, 20, 21, 30) + 12_345

describe('a time to start at', () => {
  it('is the next such time on this computer’s clock', () => {
    expect(parseStart('22:00', now)).toBe(local(2026, 11, 20, 22, 0))
    expect(parseStart('6:05', now)).toBe(local(2026, 11, 21, 6, 5))
    // This very minute has begun, so tomorrow's is the next.
    expect(parseStart('21:30', now)).toBe(local(2026, 11, 21, 21, 30))
    expect(parseStart('00:00', local(2026, 12, 31, 0, 0))).toBe(local(2027, 1, 1, 0, 0))
  })

  it('is a moment, or a wait from now', () => {
    expect(parseStart(' 2026-11-21 06:30 ', now)).toBe(local(2026, 11, 21, 6, 30))
    expect(parseStart('2026-11-21T06:30', now)).toBe(local(2026, 11, 21, 6, 30))
    expect(parseStart('+2h', now)).toBe(now + 2 * HOUR)
    expect(parseStart('+90m', now)).toBe(now + 1.5 * HOUR)
    expect(parseStart('+1H30min', now)).toBe(now + 1.5 * HOUR)
  })

  it.each([
    '',
    'soon',
    '24:00',
    '12:60',
    '1200',
    '12.00',
    '+',
    '+h',
    '+2',
    '2h',
    '-2h',
    '2026-02-30 10:00',
    '2026-13-01 10:00',
    '2026-11-21',
    '2026-11-21 24:30',
    '2026-11-21 10:99',
    '1e9',
    '+1h-1m',
  ])('refuses %j', (text) => {
    expect(() => parseStart(text, now)).toThrow(/--at cannot be .*like 22:00/)
  })

  it('refuses what has passed, and what is surely mistyped', () => {
    expect(() => parseStart('2026-11-20 21:30', now)).toThrow(/has passed/)
    expect(() => parseStart('+0h', now)).toThrow(/has passed/)
    expect(() => parseStart('2062-11-21 06:30', now)).toThrow(/more than a year/)
  })

  it('is shown on this computer’s clock, with the wait', () => {
    expect(formatLocal(local(2026, 11, 20, 22, 5), now)).toBe('22:05')
    expect(formatLocal(local(2026, 11, 21, 6, 5), now)).toBe('2026-11-21 06:05')
    expect(formatStart(now + 2 * HOUR, now)).toBe('23:30 (in 2 h 0 min)')
    expect(formatStart(now - HOUR, now)).toBe('20:30')
  })
})
