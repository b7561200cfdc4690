import type { IncomingHttpHeaders } from 'node:http'
import type { Books, RequestRow } from './books.ts'
import type { ClipShelf } from './clips.ts'
import type { Limiter } from './limits.ts'

export interface PracticeClock {
  now(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Everything a handler may need; one per running provider. */
export interface Desk {
  books: Books
  clips: ClipShelf
  clock: PracticeClock
  newId(length: number): string
  /** `http://127.0.0.1:PORT` */
  base(): string
  folder: string
  /** Makes the tokens of result links; kept in the folder so that links outlive a restart. */
  secret: string
  settings: Settings
  limiter: Limiter
  /** Aborted by `stop()`. */
  signal: AbortSignal
  /** Starts work that goes on after the answer, such as callbacks. Must never reject. */
  background(work: Promise<void>): void
}

export interface Settings {
  queueMs: number
  renderMsPerSecond: number
  speed: number
  linkLifeMs: number
  fileLifeMs: number
  taskLifeMs: number
  tasksInFlight: number
  filesQuota: number
  balanceMicros: { credits: number; usd: number }
  vtrixBodyBytes: number
  vtrixForm: 'plain' | 'wrapped' | 'both'
  takesVideoUploads: boolean
}

/** A request with its whole body. `row` gathers what the ledger should say about it. */
export interface Call {
  method: string
  path: string
  query: URLSearchParams
  headers: IncomingHttpHeaders
  body: Buffer
  isTooLarge: boolean
  keyName: string | null
  row: Partial<RequestRow>
}

/** What goes back, including the ways in which an answer can go wrong on purpose. */
export interface Answer {
  status: number
  headers?: Record<string, string>
  body?: Buffer | string
  /** A content-length that does not agree with the body. */
  declaredBytes?: number
  /** The connection is cut after so many bytes of the body. */
  cutAfterBytes?: number
  /** Nothing more is sent after so many bytes, and the connection stays open. */
  stallAfterBytes?: number
  /** No byte is sent: the connection is cut, reset, left open until the client gives up, or gone already. */
  drop?: 'cut' | 'reset' | 'hang' | 'aborted'
}

export type Handler = (desk: Desk, call: Call) => Promise<Answer> | Answer

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}

export const HTML_PAGE =
  '<!doctype html><html><head><title>Gateway</title></head><body>Please wait</body></html>'

export function html(status: number): Answer {
  return { status, headers: { 'content-type': 'text/html; charset=utf-8' }, body: HTML_PAGE }
}

/** The body as JSON, or undefined when it is none. `null` and bare values come back as they are. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A header that may be repeated, as one text. */
export function headerText(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

const ID_TRIES = 100_000

/** An id that is not in use; a source of chance that starts over after a restart repeats itself. */
export function freshId(make: () => string, isTaken: (id: string) => boolean): string {
  for (let tries = 0; tries < ID_TRIES; tries += 1) {
    const id = make()
    if (!isTaken(id)) return id
  }
  throw new Error('The source of chance gives the same id again and again.')
}
