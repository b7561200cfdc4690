import type { QuietHours } from '../../../shared/account.ts'
import { NEVER } from '../steps/submit.ts'

/**
 * Until when nothing may be ordered (epoch ms), or null when orders may leave now. Hours are of this computer's
 * own clock, so on the day of a time change a quiet night is an hour shorter or longer. Hours that follow each
 * other are one.
 */
export function quietUntil(hours: readonly QuietHours[], now: number): number | null {
  let until: number | null = null
  for (;;) {
    const ends = hours.map((each) => endOf(each, until ?? now)).filter((end) => end !== null)
    if (ends.length === 0) return until
    until = Math.max(...ends)
    if (until - now > LONGEST_DAY_MS) return NEVER
  }
}

/** With the hour that is set back, and one to spare: hours that reach further never end. */
const LONGEST_DAY_MS = 26 * 3_600_000

/** When this stretch ends, if it is under way at a moment; `NEVER` for the whole day. */
function endOf({ from, to }: QuietHours, at: number): number | null {
  if (from === to) return NEVER
  const day = new Date(at)
  const time = day.getHours() * 60 + day.getMinutes()
  const [start, end] = [minutesOf(from), minutesOf(to)]
  const isOverMidnight = end < start
  const isQuiet = isOverMidnight ? time >= start || time < end : time >= start && time < end
  if (!isQuiet) return null
  const isTomorrow = isOverMidnight && time >= start
  day.setHours(0, end, 0, 0)
  if (isTomorrow) day.setDate(day.getDate() + 1)
  // In the hour that a clock set back shows twice, the end may lie behind: it is asked again in a minute.
  return day.getTime() > at ? day.getTime() : at + 60_000
}

const minutesOf = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3))
