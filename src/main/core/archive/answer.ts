/** What an answer's head means for the transfer. Pure: values in, decision out. */
export type Answer =
  | {
      do: 'receive'
      /** Where in the file the body starts; 0 = from the start, whatever was asked. */
      from: number
      /** Size of the whole file; null = the server does not say. */
      totalBytes: number | null
      /** Where the body of this answer must end; null = unknown. */
      endBytes: number | null
      etag: string | null
      lastModified: string | null
      contentType: string | null
      contentEncoding: string | null
    }
  | { do: 'redirect'; location: string | null }
  /** The bytes on disk are of another file: ask again for all of it. */
  | { do: 'restart' }
  /** Everything is there already. */
  | { do: 'complete' }
  /** The link does not work; the body's first bytes say whether it was a robot check. */
  | { do: 'refuse'; status: number }
  | { do: 'retry'; status: number; retryAfterMs: number | null }

export type Headers = Record<string, string | string[] | undefined>

/** What was asked: the first byte wanted, with what is known of the file. */
export interface Asked {
  from: number
  etag: string | null
  lastModified: string | null
  totalBytes: number | null
}

const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Refusals that pass by themselves. */
const PASSING = new Set([408, 421, 425, 429])

/** Decides by status and headers (RFC 9110 sections 14 and 15; links: https://docs.evolink.ai). `now` in epoch ms. */
export function readAnswer(status: number, headers: Headers, asked: Asked, now: number): Answer {
  if (status === 200) return receiveWhole(headers)
  if (status === 206) return receiveRange(headers, asked)
  if (REDIRECTS.has(status)) return { do: 'redirect', location: one(headers, 'location') }
  if (status === 416) return readUnsatisfied(headers, asked)
  if (status >= 400 && status < 500 && !PASSING.has(status)) return { do: 'refuse', status }
  return { do: 'retry', status, retryAfterMs: readRetryAfter(one(headers, 'retry-after'), now) }
}

function receiveWhole(headers: Headers): Answer {
  const totalBytes = readCount(one(headers, 'content-length'))
  return { do: 'receive', from: 0, totalBytes, endBytes: totalBytes, ...describe(headers) }
}

function receiveRange(headers: Headers, asked: Asked): Answer {
  const range = readContentRange(one(headers, 'content-range'))
  const about = describe(headers)
  const restart: Answer =
    asked.from > 0 ? { do: 'restart' } : { do: 'retry', status: 206, retryAfterMs: null }
  if (range?.start === undefined || range.start !== asked.from || range.end < range.start) return restart
  if (range.total !== null && (range.end >= range.total || differs(range.total, asked.totalBytes)))
    return restart
  if (asked.from > 0 && (differs(about.etag, asked.etag) || differs(about.lastModified, asked.lastModified)))
    return restart
  const length = readCount(one(headers, 'content-length'))
  if (length !== null && length !== range.end - range.start + 1) return restart
  return { do: 'receive', from: range.start, totalBytes: range.total, endBytes: range.end + 1, ...about }
}

/** Both known and not the same; what one side does not say proves nothing. */
const differs = <T>(now: T | null, before: T | null): boolean =>
  now !== null && before !== null && now !== before

function readUnsatisfied(headers: Headers, asked: Asked): Answer {
  if (asked.from === 0) return { do: 'refuse', status: 416 }
  const total = /^bytes \*\/(\d+)$/.exec(one(headers, 'content-range') ?? '')?.[1]
  const isWhole = total !== undefined && Number(total) === asked.from
  return isWhole && !differs(describe(headers).etag, asked.etag) ? { do: 'complete' } : { do: 'restart' }
}

function describe(headers: Headers) {
  return {
    etag: one(headers, 'etag'),
    lastModified: one(headers, 'last-modified'),
    contentType: one(headers, 'content-type'),
    contentEncoding: one(headers, 'content-encoding'),
  }
}

interface ContentRange {
  start: number
  end: number
  total: number | null
}

function readContentRange(text: string | null): ContentRange | undefined {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(text?.trim() ?? '')
  if (!match) return undefined
  return {
    start: Number(match[1]),
    end: Number(match[2]),
    total: match[3] === '*' ? null : Number(match[3]),
  }
}

function readCount(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text.trim()) ? Number(text) : null
}

/** Seconds or an HTTP date, as milliseconds from now, at most an hour (links die meanwhile). */
function readRetryAfter(text: string | null, now: number): number | null {
  if (text === null) return null
  const seconds = readCount(text)
  const waitMs = seconds === null ? Date.parse(text) - now : seconds * 1000
  return Number.isNaN(waitMs) ? null : Math.min(Math.max(0, waitMs), 3_600_000)
}

function one(headers: Headers, name: string): string | null {
  const value = headers[name]
  return (Array.isArray(value) ? value[0] : value) ?? null
}

/**
 * The validator to send as If-Range, or null when none is strong enough to glue two halves together:
 * a weak ETag may stay the same while bytes change (RFC 9110 section 13.1.5).
 */
export function strongValidator(known: { etag: string | null; lastModified: string | null }): string | null {
  if (known.etag?.startsWith('"')) return known.etag
  return known.etag === null ? known.lastModified : null
}
