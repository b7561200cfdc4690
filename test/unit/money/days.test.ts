import { describe, expect, it } from 'vitest'
import { dayOf, localTime } from '../../../src/main/core/money/days.ts'

const at = (text: string): number => Date.parse(text)

describe('a day', () => {
  it.each([
    ['2026-11-20T23:59:59Z', 'UTC', '2026-11-20'],
    ['2026-11-20T23:30:00Z', 'Europe/Berlin', '2026-11-21'],
    ['2026-11-20T15:59:59Z', 'Asia/Shanghai', '2026-11-20'],
    ['2026-11-20T16:00:00Z', 'Asia/Shanghai', '2026-11-21'],
    ['2026-11-20T18:14:59Z', 'Asia/Kathmandu', '2026-11-20'],
    ['2026-11-20T18:15:00Z', 'Asia/Kathmandu', '2026-11-21'],
    ['2026-11-21T04:59:59Z', 'America/New_York', '2026-11-20'],
    // The clocks go back an hour that night: midnight is another distance from UTC than noon.
    ['2026-10-24T22:00:00Z', 'Europe/Berlin', '2026-10-25'],
    ['2026-10-25T22:59:59Z', 'Europe/Berlin', '2026-10-25'],
    ['2026-10-25T23:00:00Z', 'Europe/Berlin', '2026-10-26'],
  ])('of %s in %s is %s', (moment, zone, day) => {
    expect(dayOf(at(moment), zone)).toBe(day)
  })

  it('without a zone is the computer’s own', () => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
    for (let moment = at('2026-01-01T00:00:00Z'); moment < at('2027-01-01T00:00:00Z'); moment += 7_777_777) {
      expect(localTime(moment)).toBe(localTime(moment, zone))
    }
  })
})

describe('a time', () => {
  it.each([
    ['2026-11-20T08:00:00.999Z', 'UTC', '2026-11-20T08:00:00+00:00'],
    ['2026-11-20T08:00:00Z', 'Asia/Kathmandu', '2026-11-20T13:45:00+05:45'],
    ['2026-11-20T02:00:00Z', 'America/St_Johns', '2026-11-19T22:30:00-03:30'],
    ['2026-07-20T08:00:00Z', 'Europe/Berlin', '2026-07-20T10:00:00+02:00'],
  ])('%s in %s is shown as %s', (moment, zone, shown) => {
    expect(localTime(at(moment), zone)).toBe(shown)
    expect(Math.floor(at(shown) / 1000)).toBe(Math.floor(at(moment) / 1000))
  })
})
