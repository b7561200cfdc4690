import { ProblemError, problem } from '../../../shared/problem.ts'
import { clean, formatStretch, shorten } from './words.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** Further ahead is a typing error, and no price of today holds so long. */
const LONGEST_MS = 366 * 24 * HOUR_MS

/**
 * A start as typed, epoch ms: `22:00` is the next such time on this computer's clock, `2026-11-21 06:30` that
 * moment on it, `+2h`, `+90m` or `+1h30m` from now. Throws `wrong-use`.
 */
export function parseStart(text: string, now: number): number {
  const said = text.trim()
  const at = fromNow(said, now) ?? timeOfDay(said, now) ?? moment(said)
  if (at === null) {
    throw wrong(
      `--at cannot be "${shorten(clean(said), 60)}".`,
      'Give a time like 22:00, a day and time like "2026-11-21 06:30", or a wait like +2h or +90m.',
    )
  }
  if (at <= now) {
    throw wrong(`--at is ${formatStart(at, now)}, which has passed.`, 'Give a time that is still to come.')
  }
  if (at - now > LONGEST_MS) {
    throw wrong(`--at is ${formatStart(at, now)}, more than a year from now.`, 'Give an earlier time.')
  }
  return at
}

/** Null for a text of another form. */
function fromNow(text: string, now: number): number | null {
  const found = /^\+(?=\d)(?:(\d{1,5})h)?(?:(\d{1,6})m(?:in)?)?$/i.exec(text)
  if (!found) return null
  return now + Number(found[1] ?? 0) * HOUR_MS + Number(found[2] ?? 0) * MINUTE_MS
}

function timeOfDay(text: string, now: number): number | null {
  const found = /^(\d{1,2}):(\d{2})$/.exec(text)
  if (!found) return null
  const [hours, minutes] = [Number(found[1]), Number(found[2])]
  if (hours > 23 || minutes > 59) return null
  const at = new Date(now)
  at.setHours(hours, minutes, 0, 0)
  // By the calendar: the day a clock is changed has no 24 hours.
  if (at.getTime() <= now) at.setDate(at.getDate() + 1)
  return at.getTime()
}

function moment(text: string): number | null {
  const found = /^(\d{4})-(\d{2})-(\d{2})[ T](\d{1,2}):(\d{2})$/.exec(text)
  if (!found) return null
  const [year, month, day, hours, minutes] = found.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ]
  const at = new Date(year, month - 1, day, hours, minutes)
  // 31 April becomes 1 May without a word.
  const isReal = at.getMonth() === month - 1 && at.getDate() === day && hours < 24 && minutes < 60
  return isReal ? at.getTime() : null
}

const two = (number: number): string => `${number}`.padStart(2, '0')

/** A moment on this computer's clock: `22:00` today, else `2026-11-21 06:30`. */
export function formatLocal(at: number, now: number): string {
  const moment = new Date(at)
  const time = `${two(moment.getHours())}:${two(moment.getMinutes())}`
  if (moment.toDateString() === new Date(now).toDateString()) return time
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())} ${time}`
}

/** With the wait, so that a day that was mistaken is seen: `22:00 (in 2 h 10 min)`. */
export const formatStart = (at: number, now: number): string =>
  at <= now ? formatLocal(at, now) : `${formatLocal(at, now)} (in ${formatWait(at - now)})`

/** To the nearest minute: a second after "+2h" was typed it is still two hours for everybody. */
export const formatWait = (ms: number): string =>
  formatStretch(ms < MINUTE_MS ? ms : Math.round(ms / MINUTE_MS) * MINUTE_MS)

const wrong = (what: string, next: string): ProblemError =>
  new ProblemError(problem('wrong-use', `${what} Nothing was ordered.`, next))
