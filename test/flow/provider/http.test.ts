import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import {
  createHttp,
  type Http,
  type HttpOptions,
  type HttpRequest,
} from '../../../src/main/core/provider/http.ts'
import { Lost, NotSent } from '../../../src/main/core/provider/http-failure.ts'
import { startRawServer, startScriptedServer } from '../../support/scripted-server.ts'
import { CANARY_KEY, errorOf, handClock, log, never } from './bench.ts'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

const TIMEOUTS = { connectMs: 1_000, headersMs: 5_000, bodyIdleMs: 2_000, totalMs: 60_000 }

function openHttp(more: Partial<HttpOptions> = {}): Http & { clock: ReturnType<typeof handClock> } {
  const clock = handClock()
  const http = createHttp({ clock, log, userAgent: 'Reelsheet/0.1.0 (+x)', environment: {}, ...more })
  open.push(http.close)
  return { ...http, clock }
}

const get = (url: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  url,
  headers: { authorization: `Bearer ${CANARY_KEY}` },
  timeouts: TIMEOUTS,
  signal: never(),
  ...more,
})

/** A proxy that opens tunnels to loopback, whatever host is asked for, and notes what it was asked. */
async function startProxy(port: () => number): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.writeHead(502).end()
  })
  server.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`)
    const target = connect(port(), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      target.pipe(socket).pipe(target)
    })
    for (const end of [socket as Socket, target]) {
      sockets.add(end)
      end.on('error', () => undefined)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, asked }
}

async function scripted(...steps: Parameters<typeof startScriptedServer>) {
  const server = await startScriptedServer(...steps)
  open.push(server.stop)
  return server
}

test('a proxy from the settings carries a tunnel, for http as well', async () => {
  const server = await scripted({ status: 200, body: { fine: true } })
  const proxy = await startProxy(() => Number(new URL(server.url).port))
  const http = openHttp({ proxyUrl: proxy.url })
  expect((await http.send(get('http://api.example.test/a'))).json).toEqual({ fine: true })
  expect((await http.send(get('http://api.example.test/b', { isFresh: true }))).status).toBe(200)
  expect(proxy.asked).toEqual(['CONNECT api.example.test:80', 'CONNECT api.example.test:80'])
  expect(server.requests.map((seen) => [seen.path, seen.headers.host])).toEqual([
    ['/a', 'api.example.test'],
    ['/b', 'api.example.test'],
  ])
})

test('what a proxy answers to CONNECT is never taken for the word of the provider', async () => {
  const proxy = await startRawServer((socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 401 Nope\r\ncontent-length: 2\r\n\r\n{}')),
  )
  open.push(proxy.stop)
  const http = openHttp({ proxyUrl: `http://127.0.0.1:${proxy.port}` })
  for (const isFresh of [true, false]) {
    const error = await errorOf(
      http.send(get('http://api.example.test/', { method: 'POST', body: '{}', isFresh })),
    )
    expect(error).toBeInstanceOf(NotSent)
    expect(error).toMatchObject({ reason: 'proxy' })
  }
  expect(proxy.seen.join('')).not.toContain(CANARY_KEY)
})

test('a proxy address that is none is a proxy problem', async () => {
  const error = await errorOf(openHttp({ proxyUrl: 'nonsense' }).send(get('http://api.example.test/')))
  expect(error).toMatchObject({ reason: 'proxy' })
})

test('the environment names a proxy, NO_PROXY takes hosts out, loopback never goes through one', async () => {
  const server = await scripted({ status: 200, body: {} })
  const port = Number(new URL(server.url).port)
  const proxy = await startProxy(() => port)
  const lookup: NonNullable<HttpOptions['lookup']> = (_name, options, callback) =>
    options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4)
  const environment = { HTTP_PROXY: proxy.url, https_proxy: proxy.url, NO_PROXY: 'direct.example.test' }
  const http = openHttp({ environment, lookup })
  await http.send(get(`http://api.example.test:${port}/through`))
  await http.send(get(`http://direct.example.test:${port}/past`))
  await http.send(get(`${server.url}/loopback`))
  await http.send(get(`http://localhost:${port}/loopback`))
  expect(proxy.asked).toEqual([`CONNECT api.example.test:${port}`])
  expect(server.requests).toHaveLength(4)
})

test('free calls share a connection until close()', async () => {
  const server = await scripted({ status: 200, body: {} })
  const http = openHttp()
  for (const path of ['/a', '/b', '/c']) {
    await http.send(get(server.url + path))
    // A connection is free again one turn after its answer.
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(server.requests.map((seen) => seen.connection)).toEqual([1, 1, 1])
  await http.close()
})

test('nothing is ever sent twice by itself, also not a free call on a connection that died', async () => {
  const server = await scripted({ status: 200, body: {} }, 'cut', { status: 200, body: {} })
  const http = openHttp()
  await http.send(get(server.url))
  expect(await errorOf(http.send(get(server.url)))).toBeInstanceOf(Lost)
  expect(server.requests).toHaveLength(2)
  expect((await http.send(get(server.url))).status).toBe(200)
})

test('redirects are answers, and the key stays here', async () => {
  const elsewhere = await scripted({ status: 200, body: {} })
  const server = await scripted({ status: 302, headers: { location: elsewhere.url }, text: '' })
  expect(await openHttp().send(get(server.url))).toMatchObject({ status: 302 })
  expect(elsewhere.requests).toHaveLength(0)
})

test('an answer above its limit is lost', async () => {
  const server = await scripted({ status: 200, text: 'x'.repeat(2_000) })
  const error = await errorOf(openHttp().send(get(server.url, { maxAnswerBytes: 1_999 })))
  expect(error).toMatchObject({ reason: 'answer-too-large' })
  expect((await openHttp().send(get(server.url, { maxAnswerBytes: 2_000 }))).text).toHaveLength(2_000)
})

test.each([
  ['before its first byte', [], NotSent],
  ['after bytes left', [Buffer.alloc(200_000)], Lost],
] as const)('a body that breaks %s', async (_when, first, kind) => {
  const server = await scripted({ status: 200, body: {} })
  async function* broken() {
    yield* first
    throw new Error('EIO')
  }
  const body = { length: 300_000, stream: () => Readable.from(broken(), { objectMode: false }) }
  const error = await errorOf(openHttp().send(get(server.url, { method: 'POST', body, isFresh: true })))
  expect(error).toBeInstanceOf(kind)
  expect(error).toMatchObject({ reason: 'body' })
  expect(server.requests).toHaveLength(0)
})

test('a body that turns out to be empty: the head has left, so this is no longer "not sent"', async () => {
  const server = await scripted('silence')
  const body = { length: 5, stream: () => Readable.from([], { objectMode: false }) }
  const error = await errorOf(openHttp().send(get(server.url, { method: 'POST', body, isFresh: true })))
  expect(error).toBeInstanceOf(Lost)
})

test('a body that was never asked for is let go', async () => {
  const raw = await startRawServer(() => undefined)
  open.push(raw.stop)
  const http = openHttp()
  const readable = new Readable({ read: () => undefined })
  const body = { length: 5, stream: () => readable }
  const url = `https://127.0.0.1:${raw.port}/`
  const failed = errorOf(http.send(get(url, { method: 'POST', body, isFresh: true })))
  await raw.connected
  await http.clock.advance(TIMEOUTS.connectMs)
  expect(await failed).toMatchObject({ reason: 'connect-timeout' })
  expect(readable.destroyed).toBe(true)
})

test('a request that was given up while connecting never leaves, also when the connection comes about', async () => {
  const closed = Promise.withResolvers<void>()
  const raw = await startRawServer((socket) => socket.once('close', closed.resolve))
  open.push(raw.stop)
  const asked = Promise.withResolvers<() => void>()
  const lookup: NonNullable<HttpOptions['lookup']> = (_name, options, callback) =>
    asked.resolve(() =>
      options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4),
    )
  const http = openHttp({ lookup })
  const stopper = new AbortController()
  const url = `http://api.example.test:${raw.port}/`
  const failed = errorOf(
    http.send(get(url, { method: 'POST', body: '{}', isFresh: true, signal: stopper.signal })),
  )
  const answerLookup = await asked.promise
  stopper.abort()
  expect(await failed).toBeInstanceOf(NotSent)
  answerLookup()
  await closed.promise
  expect(raw.seen).toEqual([])
})

test('an answer that comes before the whole body went out counts, and the body is let go', async () => {
  const raw = await startRawServer((socket) =>
    socket.once('data', () => socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n{}')),
  )
  open.push(raw.stop)
  const streams: Readable[] = []
  const stream = () => {
    const readable = new Readable({ read: () => undefined })
    readable.push(Buffer.alloc(1_000))
    streams.push(readable)
    return readable
  }
  const request = get(`http://127.0.0.1:${raw.port}/`, {
    method: 'POST',
    body: { length: 9_000_000, stream },
    isFresh: true,
  })
  expect(await openHttp().send(request)).toMatchObject({ status: 413 })
  expect(streams.map((readable) => readable.destroyed)).toEqual([true])
})

test('an answer that stands still half-way is given up', async () => {
  const raw = await startRawServer((socket) =>
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n1')),
  )
  open.push(raw.stop)
  const http = openHttp()
  const failed = errorOf(http.send(get(`http://127.0.0.1:${raw.port}/`)))
  await raw.received
  // The head may still be on its way: the longest of the two waits covers both.
  await http.clock.advance(5_000)
  expect(await failed).toBeInstanceOf(Lost)
})

test('a short wait for the answer counts from the last byte, even after a longer one for the connection', async () => {
  const server = await scripted('silence')
  const http = openHttp()
  const timeouts = { ...TIMEOUTS, connectMs: 50_000, headersMs: 1_000 }
  const failed = errorOf(http.send(get(server.url, { timeouts })))
  await server.received(1)
  await http.clock.advance(1_000)
  expect(await failed).toMatchObject({ reason: 'no-answer' })
})

test('the parts of a deadline: nothing after the total', async () => {
  const server = await scripted('silence')
  const http = openHttp()
  const timeouts = { ...TIMEOUTS, headersMs: 100_000 }
  const failed = errorOf(http.send(get(server.url, { timeouts })))
  await server.received(1)
  await http.clock.advance(59_999)
  await http.clock.advance(1)
  expect(await failed).toMatchObject({ reason: 'total-timeout' })
})
