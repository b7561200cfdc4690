import type { LookupFunction } from 'node:net'
import type { Readable } from 'node:stream'
import { Agent, type Dispatcher, EnvHttpProxyAgent, ProxyAgent } from 'undici'
import { type Clock, type Logger, steady } from '../ports.ts'
import { type Answer, parseJson, plainHeaders } from './http-answer.ts'
import { Deadlines } from './http-deadline.ts'
import { connectReason, type FailureReason, Lost, NotSent, safeCause } from './http-failure.ts'
import { chooseRoute, environmentProxies, type Route } from './http-route.ts'

export interface Timeouts {
  /** Until a connection (through proxy and TLS) stands. */
  connectMs: number
  /** From the last byte of the request to the head of the answer. */
  headersMs: number
  /** Without a byte moving, in either direction. */
  bodyIdleMs: number
  /** The whole exchange. */
  totalMs: number
}

/** A body whose length is known before it is read. Read once. */
export interface StreamBody {
  length: number
  stream(): Readable
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'DELETE'
  url: string
  headers: Record<string, string>
  body?: string | StreamBody
  timeouts: Timeouts
  signal: AbortSignal
  maxAnswerBytes?: number
  /**
   * Uses a connection of its own. A pooled connection may have been closed by the other side at the
   * moment it is written to: nobody can tell then whether the request was read. Paid requests
   * take a fresh one, so that the only doubt left is a real one.
   */
  isFresh?: boolean
  /** Bytes of the body handed to the connection so far. */
  onProgress?(sentBytes: number): void
}

export interface Http {
  /**
   * One exchange, never repeated, redirects not followed. Resolves with any whole answer; throws
   * `NotSent` when no byte of the request left, `Lost` for everything after that.
   */
  send(request: HttpRequest): Promise<Answer>
  close(): Promise<void>
}

export interface HttpOptions {
  clock: Clock
  log: Logger
  /** `Reelsheet/<version> (+address)`: always the truth. */
  userAgent: string
  proxyUrl?: string | null
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read. */
  environment?: Record<string, string | undefined>
  /** Resolves names; the system's own unless given. */
  lookup?: LookupFunction
}

export const MAX_ANSWER_BYTES = 4_000_000
/** When a connection that nobody waits for any more is let go. Requests have their own, shorter limit. */
const FORGOTTEN_CONNECT_MS = 120_000

/** The only door to undici for API calls. Keep-alive connections per origin until `close()`. */
export function createHttp(options: HttpOptions): Http {
  const proxyUrl = options.proxyUrl ?? null
  const environment = options.environment ?? process.env
  const pools = new Map<string, Dispatcher>()
  const deadlines = new Deadlines(steady(options.clock))

  const poolFor = (route: Route, isFresh: boolean): Dispatcher => {
    // Apart from each other: a connection that free calls left open is never there for a paid one.
    const name = `${route} ${isFresh ? 'fresh' : 'shared'}`
    const known = pools.get(name) ?? openPool(route, proxyUrl, environment, options.lookup)
    pools.set(name, known)
    return known
  }

  return {
    send: async (request) => {
      if (request.signal.aborted) throw new NotSent('aborted')
      const url = new URL(request.url)
      const route = chooseRoute(url, { proxyUrl, environment })
      const pool = poolFor(route, request.isFresh ?? false)
      return await exchange(pool, url, route !== 'direct', request, options, deadlines)
    },
    close: async () => {
      const open = [...pools.values()]
      pools.clear()
      await Promise.all(open.map((pool) => pool.destroy()))
    },
  }
}

/**
 * HTTP/1.1 only and undici's own timers off: the request's deadlines are kept by the clock, and
 * an HTTP/2 stream that is refused would be sent again by the library.
 */
function openPool(
  route: Route,
  proxyUrl: string | null,
  environment: Record<string, string | undefined>,
  lookup: LookupFunction | undefined,
): Dispatcher {
  const connect = { timeout: FORGOTTEN_CONNECT_MS, ...(lookup ? { lookup } : {}) }
  const common = { allowH2: false, pipelining: 1, headersTimeout: 0, bodyTimeout: 0, connect }
  if (route === 'direct') return new Agent(common)
  // A tunnel for http too: what a proxy answers to CONNECT is then never taken for the provider's word.
  const proxied = { ...common, proxyTunnel: true, connectTimeout: FORGOTTEN_CONNECT_MS, proxyTls: connect }
  try {
    if (route === 'settings-proxy') return new ProxyAgent({ ...proxied, uri: proxyUrl ?? '' })
    return new EnvHttpProxyAgent({ ...proxied, ...environmentProxies(environment) })
  } catch (error) {
    throw new NotSent('proxy', { cause: safeCause(error, []) })
  }
}

type Phase = 'connecting' | 'sending' | 'waiting' | 'receiving' | 'settled'

function exchange(
  pool: Dispatcher,
  url: URL,
  viaProxy: boolean,
  request: HttpRequest,
  options: HttpOptions,
  deadlines: Deadlines,
): Promise<Answer> {
  const { timeouts, signal } = request
  const clock = steady(options.clock)
  const secrets = secretsOf(request.headers)
  const startedAt = clock.now()
  const isStream = request.body !== undefined && typeof request.body !== 'string'
  const promisedBytes = typeof request.body === 'object' ? request.body.length : 0
  const maxAnswerBytes = request.maxAnswerBytes ?? MAX_ANSWER_BYTES

  return new Promise<Answer>((resolve, reject) => {
    let phase: Phase = 'connecting'
    let hasLeft = false
    let movedAt = startedAt
    let sentBytes = 0
    let controller: Dispatcher.DispatchController | undefined
    let bodyError: unknown
    const chunks: Buffer[] = []
    let receivedBytes = 0
    let head: { status: number; headers: Record<string, string> } | undefined

    const body = bodyOf(request.body, (error) => {
      bodyError ??= error
    })

    const enter = (next: Phase): void => {
      phase = next
      movedAt = clock.now()
      deadline.moved()
    }
    const settle = (): boolean => {
      if (phase === 'settled') return false
      phase = 'settled'
      deadline.stop()
      signal.removeEventListener('abort', onAbort)
      // An answer may come before the whole body went out: nobody needs the rest.
      if (body !== null && typeof body !== 'string') body.destroy()
      return true
    }
    const fail = (reason: FailureReason, error?: unknown): void => {
      if (!settle()) return
      const cause = error === undefined ? {} : { cause: safeCause(error, secrets) }
      const failure = hasLeft ? new Lost(reason, cause) : new NotSent(reason, cause)
      options.log.debug('request failed', { host: url.host, reason, hasLeft })
      reject(failure)
      controller?.abort(failure)
    }
    const onAbort = (): void => fail('aborted')
    const dueAt = (): number => {
      const phaseMs = { connecting: timeouts.connectMs, waiting: timeouts.headersMs } as Partial<
        Record<Phase, number>
      >
      return Math.min(movedAt + (phaseMs[phase] ?? timeouts.bodyIdleMs), startedAt + timeouts.totalMs)
    }
    const onExpired = (): void => {
      if (clock.now() >= startedAt + timeouts.totalMs) fail('total-timeout')
      else if (phase === 'connecting') fail('connect-timeout')
      else fail(phase === 'waiting' ? 'no-answer' : 'stalled')
    }
    const deadline = deadlines.start(dueAt, onExpired)
    signal.addEventListener('abort', onAbort, { once: true })

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: (given) => {
        // Given up while connecting, or the library tried a second time: nothing may leave now.
        if (phase !== 'connecting') {
          given.abort(new Error('given up'))
          return fail('cut')
        }
        controller = given
        // A text goes out in the same turn as the head; a stream takes the head along with its first chunk.
        if (!isStream) hasLeft = true
        enter(isStream ? 'sending' : 'waiting')
      },
      onBodySent: (chunk) => {
        hasLeft = true
        movedAt = clock.now()
        sentBytes += chunk.length
        if (isStream) request.onProgress?.(sentBytes)
      },
      onRequestSent: () => {
        hasLeft = true
        // The library sends an empty body as such, whatever length was promised: no answer to it counts.
        if (isStream && sentBytes !== promisedBytes) fail('body', bodyError)
        else if (phase === 'sending') enter('waiting')
      },
      onResponseStart: (_controller, status, headers) => {
        if (status < 200 || phase === 'settled') return
        head = { status, headers: plainHeaders(headers as Record<string, string | string[]>) }
        enter('receiving')
      },
      onResponseData: (_controller, chunk) => {
        movedAt = clock.now()
        receivedBytes += chunk.length
        if (receivedBytes > maxAnswerBytes) fail('answer-too-large')
        else if (phase !== 'settled') chunks.push(chunk)
      },
      onResponseEnd: () => {
        if (head === undefined) return fail('cut')
        if (!settle()) return
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ ...head, text, json: parseJson(text) })
      },
      onResponseError: (_controller, error) => {
        if (bodyError !== undefined) fail('body', bodyError)
        else fail(phase === 'connecting' ? connectReason(error, viaProxy) : 'cut', error)
      },
    }

    try {
      pool.dispatch(
        {
          origin: url.origin,
          path: `${url.pathname}${url.search}`,
          method: request.method,
          headers: { 'user-agent': options.userAgent, ...request.headers, ...lengthOf(request.body) },
          body,
          // Closed after its one exchange, so the next request on this pool opens another.
          ...(request.isFresh ? { reset: true } : {}),
        },
        handler,
      )
    } catch (error) {
      fail('refused', error)
    }
  })
}

function lengthOf(body: HttpRequest['body']): Record<string, string> {
  return body !== undefined && typeof body !== 'string' ? { 'content-length': String(body.length) } : {}
}

function bodyOf(body: HttpRequest['body'], onError: (error: unknown) => void): string | Readable | null {
  if (body === undefined) return null
  if (typeof body === 'string') return body
  const stream = body.stream()
  stream.on('error', onError)
  return stream
}

/** What must never be seen in an error. */
function secretsOf(headers: Record<string, string>): string[] {
  const found: string[] = []
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() === 'authorization') found.push(value.replace(/^\S+\s+/, ''))
  }
  return found
}
