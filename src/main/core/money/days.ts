/**
 * Days and times of this computer's calendar. `timeZone` is for tests; without it the computer's own is meant.
 */

/** The day a moment (epoch ms) belongs to: `2026-11-20`. */
export function dayOf(at: number, timeZone?: string): string {
  return wallClock(at, timeZone).slice(0, 10)
}

/** A moment as this computer's clock shows it, with its distance from UTC: `2026-11-20T09:00:00+01:00`. */
export function localTime(at: number, timeZone?: string): string {
  const shown = wallClock(at, timeZone)
  const minutes = Math.round((Date.parse(`${shown}Z`) - Math.floor(at / 1000) * 1000) / 60_000)
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  return `${shown}${minutes < 0 ? '-' : '+'}${two(hours)}:${two(rest)}`
}

function wallClock(at: number, timeZone?: string): string {
  if (timeZone !== undefined) {
    const parts = formatterOf(timeZone).formatToParts(at)
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((one) => one.type === type)?.value ?? ''
    const date = `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`
    return `${date}T${part('hour')}:${part('minute')}:${part('second')}`
  }
  const shown = new Date(at)
  const date = [String(shown.getFullYear()).padStart(4, '0'), two(shown.getMonth() + 1), two(shown.getDate())]
  return `${date.join('-')}T${[shown.getHours(), shown.getMinutes(), shown.getSeconds()].map(two).join(':')}`
}

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const short = '2-digit' as const
  const fields = {
    year: 'numeric',
    month: short,
    day: short,
    hour: short,
    minute: short,
    second: short,
  } as const
  return new Intl.DateTimeFormat('en-CA', { ...fields, timeZone, hourCycle: 'h23' })
}

const two = (number: number): string => String(number).padStart(2, '0')
