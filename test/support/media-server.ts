import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../../src/main/core/ports.ts'

export interface Asked {
  method: string
  path: string
  headers: IncomingMessage['headers']
}
export type Act = (request: IncomingMessage, response: ServerResponse) => void

export interface MediaServer {
  base: string
  /** Every request, in order. */
  asked: Asked[]
  /** What the next requests get, in order; the last one stays. */
  script(...acts: Act[]): void
  close(): Promise<void>
}

/** A real HTTP server on loopback that writes down what it is asked and answers as scripted. */
export async function startMediaServer(...acts: Act[]): Promise<MediaServer> {
  const asked: Asked[] = []
  let queue = acts
  const server = createServer((request, response) => {
    asked.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers })
    const act = queue.length > 1 ? queue.shift() : queue[0]
    if (act) act(request, response)
    else response.writeHead(500).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    script: (...next) => {
      queue = next
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export interface MediaFile {
  body: Uint8Array
  etag?: string
  lastModified?: string
  contentType?: string
  /** Answer ranges; default true. */
  ranges?: boolean
}

/** Serves a file the way an object store does: Range, If-Range, 416. */
export function serve(file: MediaFile): Act {
  return (request, response) => {
    const { body } = file
    response.setHeader('content-type', file.contentType ?? 'video/mp4')
    if (file.etag) response.setHeader('etag', file.etag)
    if (file.lastModified) response.setHeader('last-modified', file.lastModified)
    const from = rangeStart(request, file)
    if (from === undefined) {
      response.writeHead(200, { 'content-length': body.length }).end(body)
    } else if (from >= body.length) {
      response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end()
    } else {
      const range = `bytes ${from}-${body.length - 1}/${body.length}`
      response.writeHead(206, { 'content-length': body.length - from, 'content-range': range })
      response.end(body.subarray(from))
    }
  }
}

function rangeStart(request: IncomingMessage, file: MediaFile): number | undefined {
  if (file.ranges === false) return undefined
  const condition = request.headers['if-range']
  if (condition !== undefined && condition !== file.etag && condition !== file.lastModified) return undefined
  const start = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]
  return start === undefined ? undefined : Number(start)
}

/** Announces the whole file, sends `bytes` of it, and cuts the connection. */
export function cutAfter(file: MediaFile, bytes: number): Act {
  return (request, response) => {
    const from = rangeStart(request, file) ?? 0
    response.writeHead(from > 0 ? 206 : 200, {
      'content-type': 'video/mp4',
      'content-length': file.body.length - from,
      ...(file.etag ? { etag: file.etag } : {}),
      ...(from > 0 ? { 'content-range': `bytes ${from}-${file.body.length - 1}/${file.body.length}` } : {}),
    })
    response.write(file.body.subarray(from, from + bytes), () => response.socket?.destroy())
  }
}

/** Sends `bytes` and then nothing more. */
export function stallAfter(file: MediaFile, bytes: number, onStalled: () => void): Act {
  return (_request, response) => {
    response.writeHead(200, {
      'content-type': 'video/mp4',
      'content-length': file.body.length,
      etag: file.etag,
    })
    response.write(file.body.subarray(0, bytes), onStalled)
  }
}

export const answer =
  (status: number, headers: Record<string, string | number>, body: string | Uint8Array = ''): Act =>
  (_request, response) => {
    response.writeHead(status, headers).end(body)
  }

export const redirect = (to: string, status = 302): Act => answer(status, { location: to })

/** A clock that stands still until it is moved; sleepers wake one after the other. */
export class HandClock implements Clock {
  #now: number
  #sleepers: { at: number; wake: () => void }[] = []

  constructor(start = Date.parse('2026-11-20T08:00:00Z')) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const sleeper = { at: this.#now + ms, wake: () => done(resolve) }
      const onAbort = () => done(() => reject(signal?.reason))
      const done = (settle: () => void) => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
        signal?.removeEventListener('abort', onAbort)
        settle()
      }
      signal?.addEventListener('abort', onAbort)
      this.#sleepers.push(sleeper)
    })
  }

  get sleeperCount(): number {
    return this.#sleepers.length
  }

  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    for (;;) {
      const next = this.#sleepers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#now = Math.max(this.#now, next.at)
      next.wake()
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#now = until
  }
}
