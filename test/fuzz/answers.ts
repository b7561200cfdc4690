import type { AddressInfo } from 'node:net'
import { createServer, type Server, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import type { Logger } from '../../src/main/core/ports.ts'
import {
  type ClosableProvider,
  createProvider,
  type ProviderAccount,
} from '../../src/main/core/provider/index.ts'
import { Busy, Refused, Unconfirmed, Unreachable } from '../../src/main/core/provider/provider.ts'
import { systemClock } from '../../src/main/core/system.ts'
import { CANARY, type FuzzDoor, insist, insistProblem } from './door.ts'
import { anyJsonText, ECHOES, fixtureBodies, nastyText, nearJson, oddAnswer } from './hostile.ts'
import { insistMicros, insistReading } from './readings.ts'

const TASKS = ['task-unified-1757169743-7cvnl5zw', 'd758n65e878c73cmdg20']
const CALLS = [
  'create',
  'read',
  'read-many',
  'list',
  'credits',
  'price',
  'upload',
  'quota',
  'files',
  'delete',
  'probe',
] as const

interface Answer {
  statusLine: string
  headers: [string, string][]
  body: { text: string } | { bytes: Uint8Array } | { big: number }
  /** How the body is framed, which may be a lie. */
  frame: 'length' | 'chunked' | 'close' | 'short' | 'long' | 'both' | 'broken-chunk'
}
interface Input {
  family: 'evolink' | 'vtrix'
  call: (typeof CALLS)[number]
  answers: Answer[]
}

const plain = (text: string): string => text.replace(/[^\x20-\x7e]/g, '').slice(0, 3_000)
const statusLine = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .constantFrom(200, 200, 200, 400, 401, 404, 429, 500, 503)
      .map((status) => `HTTP/1.1 ${status} Odd`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'HTTP/1.1 99 x',
      'HTTP/1.1 1000 x',
      'HTTP/1.1 100 Continue',
      'HTTP/1.1 101 Up',
      'HTTP/1.1 204 No',
      'HTTP/1.1 304 N',
      'HTTP/0.9 200',
      'HTTP/2 200 OK',
      'ICY 200 OK',
      'GET / HTTP/1.1',
      '',
      'HTTP/1.1 302 Found',
      'HTTP/1.1 -200 x',
    ),
  },
)
const header: fc.Arbitrary<[string, string]> = fc.tuple(
  fc.oneof(
    fc.constantFrom(
      'content-type',
      'retry-after',
      'location',
      'set-cookie',
      'content-encoding',
      'idempotency-replayed',
      '__proto__',
      'constructor',
      'connection',
      'trailer',
      'upgrade',
    ),
    fc.string({ minLength: 1, maxLength: 10 }).map((name) => name.replace(/[^a-z]/gi, 'x')),
  ),
  fc.oneof(
    nastyText.map(plain),
    fc.constantFrom(
      'application/json',
      'text/html',
      'gzip',
      'br',
      '-5',
      '99999999999',
      'close',
      'Wed, 21 Oct 2099 07:28:00 GMT',
      ...ECHOES.map(plain),
    ),
  ),
)
const answer: fc.Arbitrary<Answer> = fc.record({
  statusLine,
  headers: fc.array(header, { maxLength: 5 }),
  body: fc.oneof(
    { weight: 8, arbitrary: nearJson(fixtureBodies(), oddAnswer).map((text) => ({ text })) },
    { weight: 2, arbitrary: anyJsonText.map((text) => ({ text })) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(...ECHOES)
        .map((text) => ({ text: `{"error":{"message":${JSON.stringify(text)}}}` })),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => ({ bytes })) },
    { weight: 1, arbitrary: fc.constantFrom(4_100_000, 9_000_000).map((big) => ({ big })) },
  ),
  frame: fc.constantFrom(
    'length',
    'length',
    'length',
    'chunked',
    'close',
    'short',
    'long',
    'both',
    'broken-chunk',
  ),
})

let server: Server
let waiting: Answer[] = []
const sockets = new Set<Socket>()
let creates = 0
const said: unknown[] = []
const note = (message: string, fields?: unknown): void => void said.push(message, fields)
const log: Logger = { debug: note, info: note, warn: note, error: note }
const providers = new Map<string, ClosableProvider>()

/** A provider that answers with any bytes at all, over real sockets. */
export const door: FuzzDoor<Input> = {
  name: 'answers',
  memoryMb: 256,
  inputs: { short: 60, long: 4_000 },
  arbitrary: fc.record({
    family: fc.constantFrom('evolink', 'vtrix'),
    call: fc.constantFrom(...CALLS),
    answers: fc.array(answer, { minLength: 1, maxLength: 3 }),
  }),
  open: async () => {
    server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
      let heard = ''
      socket.on('data', (chunk) => {
        heard += chunk.toString('latin1')
        const head = heard.indexOf('\r\n\r\n')
        const length = Number(/content-length: (\d+)/i.exec(heard)?.[1] ?? 0)
        if (head < 0 || heard.length < head + 4 + length) return
        if (/^POST \S*\/generations? /.test(heard)) creates += 1
        heard = ''
        answerWith(socket, waiting.length > 1 ? waiting.shift() : waiting[0])
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    for (const family of ['evolink', 'vtrix'] as const) {
      const account: ProviderAccount = {
        name: 'night',
        family,
        baseUrl: `http://127.0.0.1:${port}`,
        filesUrl: `http://127.0.0.1:${port}`,
        proxyUrl: null,
        key: () => CANARY,
        options: () => ({ requestLimitBytes: 20_000_000, missingFeatures: [] }),
      }
      const ms = { connectMs: 400, headersMs: 120, bodyIdleMs: 120, totalMs: 400 }
      providers.set(
        family,
        createProvider(account, {
          clock: systemClock,
          log,
          userAgent: 'Reelsheet/0 (test)',
          timeouts: { create: ms, read: ms, upload: ms },
          environment: {},
        }),
      )
    }
  },
  attack: async ({ family, call, answers }, { saw }) => {
    waiting = [...answers]
    creates = 0
    const found = await ask(providers.get(family) as ClosableProvider, call).catch(
      (error: unknown) => new Thrown(error),
    )
    saw(said.splice(0))
    insistBought(family, call, found)
    if (found instanceof Thrown) insistError(found.error, saw)
    else insistFound(call, found, saw)
    for (const socket of sockets) socket.destroy()
  },
  close: async () => {
    for (const provider of providers.values()) await provider.close()
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  },
}

class Thrown {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

function ask(provider: ClosableProvider, call: Input['call']): Promise<unknown> {
  const signal = new AbortController().signal
  switch (call) {
    case 'create':
      return provider.create(
        {
          body: { model: 'wan26_r2v', input: { prompt: 'a lake' }, parameters: {} },
          idempotencyKey: 'key-1',
          openReference: () => ({ sizeBytes: 3, stream: () => Readable.from([Buffer.from('abc')]) }),
        },
        signal,
      )
    case 'read':
      return provider.read(TASKS.slice(0, 1), signal)
    case 'read-many':
      return provider.read(TASKS, signal)
    case 'list':
      return provider.list?.(0, signal) ?? Promise.resolve([])
    case 'credits':
      return provider.credits?.(signal) ?? Promise.resolve(null)
    case 'price':
      return provider.priceRule?.('wan2.6-reference-video', signal) ?? Promise.resolve(null)
    case 'upload':
      return (
        provider.upload?.(
          {
            sha256: 'a'.repeat(64),
            name: 'lake.jpg',
            mediaType: 'image/jpeg',
            sizeBytes: 3,
            stream: () => Readable.from([Buffer.from('abc')]),
            onProgress: () => undefined,
          },
          signal,
        ) ?? Promise.resolve(null)
      )
    case 'quota':
      return provider.fileQuota?.(signal) ?? Promise.resolve(null)
    case 'files':
      return provider.listFiles?.(1, signal) ?? Promise.resolve([])
    case 'delete':
      return provider.deleteFile?.('../../v1/videos/generations', signal) ?? Promise.resolve()
    case 'probe':
      return provider.probe(signal)
  }
}

/** One order sends one request; the other form of Vtrix's follows only on a clear refusal of the first. */
function insistBought(family: Input['family'], call: Input['call'], found: unknown): void {
  const most = call !== 'create' ? 0 : family === 'vtrix' ? 2 : 1
  insist(creates <= most, `${call} sent ${creates} orders`)
  if (call === 'create' && !(found instanceof Thrown)) insist(creates >= 1, 'accepted without an order')
}

function insistError(error: unknown, saw: (thing: unknown) => void): void {
  saw(error)
  const isKnown = [Refused, Busy, Unreachable, Unconfirmed].some((known) => error instanceof known)
  if (!isKnown) throw error
  const { retryAfterMs = null } = error as Partial<Busy>
  insist(
    retryAfterMs === null || (retryAfterMs >= 0 && retryAfterMs <= 86_400_000),
    `a wait of ${retryAfterMs} ms`,
  )
  insistProblem((error as Refused).problem, (error as Refused).problem.what)
}

function insistFound(call: Input['call'], found: unknown, saw: (thing: unknown) => void): void {
  if (found instanceof Map) {
    for (const [id, reading] of found) {
      insist(TASKS.includes(id), `a task ${id} that nobody asked for`)
      insistReading(reading, saw)
    }
    return
  }
  // A rule is data for the pricing, which `readings` attacks; links are never shown.
  if (call === 'price') return
  if (call === 'create') {
    const { remoteId, reservedMicros } = found as { remoteId: string; reservedMicros: number | null }
    insist(/^[A-Za-z0-9._:-]{1,128}$/.test(remoteId), `a task id like ${remoteId}`)
    insistMicros(reservedMicros)
  }
  if (call === 'credits' && found) {
    const { remainingMicros, usedMicros } = found as {
      remainingMicros: number | null
      usedMicros: number | null
    }
    insistMicros(remainingMicros)
    insistMicros(usedMicros)
  }
  if (call === 'upload' && found) {
    const { url, expiresAt } = found as { url: string; expiresAt: number | null }
    insist(/^https?:/i.test(url), `an address like ${url}`)
    insist(expiresAt === null || Number.isSafeInteger(expiresAt), `an end at ${expiresAt}`)
    return
  }
  saw(found)
}

function answerWith(socket: Socket, given: Answer | undefined): void {
  if (!given) return void socket.destroy()
  const { body } = given
  const bytes =
    'text' in body
      ? Buffer.from(body.text)
      : 'bytes' in body
        ? Buffer.from(body.bytes)
        : Buffer.alloc(body.big, '[')
  const lines = [given.statusLine, ...given.headers.map(([name, value]) => `${name}: ${value}`)]
  const say = (more: string[], ...parts: (Buffer | string)[]): void => {
    socket.write(`${[...lines, ...more].join('\r\n')}\r\n\r\n`)
    for (const part of parts) socket.write(part)
  }
  const chunks = [`${bytes.length.toString(16)}\r\n`, bytes, '\r\n0\r\n\r\n']
  const length = (shift: number): string => `content-length: ${Math.max(0, bytes.length + shift)}`
  const chunked = 'transfer-encoding: chunked'
  if (given.frame === 'length') say([length(0)], bytes)
  else if (given.frame === 'chunked') say([chunked], ...chunks)
  else if (given.frame === 'close') say(['connection: close'], bytes)
  else if (given.frame === 'short') say([length(50)], bytes)
  else if (given.frame === 'long') say([length(-5)], bytes)
  else if (given.frame === 'both') say([length(0), chunked], ...chunks)
  else say([chunked], 'ZZ\r\n', bytes)
  if (given.frame === 'close' || given.frame === 'short') socket.end()
}
