const LONGEST_MS = 24 * 3_600_000

/**
 * A `Retry-After` header as milliseconds from `now`: seconds or an HTTP date (RFC 9110, 10.2.3), at
 * most a day. Null when absent or unreadable.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | null {
  if (header === undefined) return null
  const text = header.trim()
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Math.min(Math.ceil(Number(text) * 1000), LONGEST_MS)
  if (!/[a-z]/i.test(text)) return null
  const at = Date.parse(text)
  return Number.isNaN(at) ? null : Math.min(Math.max(0, at - now), LONGEST_MS)
}

/** The wait named in a sentence such as "retry after 60 seconds", ms; null when it names none. */
export function namedWait(suggestion: string | null): number | null {
  const match = /(\d{1,5})\s*(s|secs?|seconds?|m|mins?|minutes?)\b/i.exec(suggestion ?? '')
  if (!match) return null
  const unitMs = (match[2] ?? '').toLowerCase().startsWith('m') ? 60_000 : 1_000
  return Math.min(Number(match[1]) * unitMs, LONGEST_MS)
}

/** The next midnight in a named time zone, epoch ms; null when the zone is not known. */
export function nextMidnight(timeZone: string | null, now: number): number | null {
  if (timeZone === null) return null
  let clockOf: Intl.DateTimeFormat
  try {
    clockOf = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      hourCycle: 'h23',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
  } catch {
    return null
  }
  const second = Math.floor(now / 1000) * 1000
  const left = 86_400_000 - sinceMidnight(clockOf, second)
  // A change to or from summer time on the way moves the wall clock: correct once.
  const guess = second + left
  const off = sinceMidnight(clockOf, guess)
  return guess - (off > 43_200_000 ? off - 86_400_000 : off)
}

function sinceMidnight(clockOf: Intl.DateTimeFormat, at: number): number {
  const parts = clockOf.formatToParts(new Date(at))
  const read = (type: string): number => Number(parts.find((part) => part.type === type)?.value ?? 0)
  return ((read('hour') * 60 + read('minute')) * 60 + read('second')) * 1000
}
