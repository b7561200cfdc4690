import { afterEach, describe, expect, test } from 'vitest'
import { Busy, Refused, Unconfirmed, Unreachable } from '../../../src/main/core/provider/provider.ts'
import {
  closedPort,
  type RawServer,
  type Script,
  type ScriptedServer,
  startRawServer,
  startScriptedServer,
} from '../../support/scripted-server.ts'
import { CANARY_KEY, createRequest, EVOLINK_BODY, errorOf, never, openBench, VTRIX_BODY } from './bench.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function scripted(...steps: Script[]): Promise<ScriptedServer> {
  const server = await startScriptedServer(...steps)
  open.push(server.stop)
  return server
}

async function raw(onConnection: Parameters<typeof startRawServer>[0]): Promise<RawServer> {
  const server = await startRawServer(onConnection)
  open.push(server.stop)
  return server
}

const FAMILIES = [
  { family: 'evolink', body: EVOLINK_BODY, waitMs: 60_000, id: 'task-unified-1757169743-7cvnl5zw' },
  { family: 'vtrix', body: VTRIX_BODY, waitMs: 30_000, id: 'd758n65e878c73cmdg20' },
] as const

describe.each(FAMILIES)('$family', ({ family, body, waitMs, id }) => {
  type More = Parameters<typeof openBench>[1]
  const bench = (
    baseUrl: string,
    account: { proxyUrl?: string; key?: () => string } = {},
    more: More = {},
  ) => {
    const opened = openBench({ family, baseUrl, ...account }, more)
    open.push(() => opened.provider.close())
    return opened
  }
  const create = (baseUrl: string, account?: Parameters<typeof bench>[1], more?: More) =>
    bench(baseUrl, account, more).provider.create(createRequest(body), never())
  const outcome = async (step: Script) => {
    const server = await scripted(step)
    const error = await errorOf(create(server.url))
    expect(server.requests).toHaveLength(1)
    return error
  }
  const expectNotSent = (error: unknown, isOffline: boolean): void => {
    expect(error).toBeInstanceOf(Unreachable)
    expect(error).toMatchObject({ isOffline, problem: { code: 'unreachable' } })
    expect((error as Unreachable).problem.what).toContain('nothing was charged')
  }
  const expectUnconfirmed = (error: unknown, more: object = { mayRepeat: true }): void => {
    expect(error).toBeInstanceOf(Unconfirmed)
    expect(error).toMatchObject({ ...more, problem: { code: 'outcome-unknown' } })
    expect((error as Unconfirmed).problem.what).toContain('may have been ordered and charged')
  }

  test('section 7: 2xx with id is accepted', async () => {
    const server = await scripted({ status: 200, body: { id, status: 'pending' } })
    expect(await create(server.url)).toMatchObject({ remoteId: id, isReplayed: false })
  })
  test('section 7: 201 with id is accepted', async () => {
    const server = await scripted({ status: 201, body: { id } })
    expect(await create(server.url)).toMatchObject({ remoteId: id })
  })

  test('section 7: never connected, refused', async () => {
    expectNotSent(await errorOf(create(`http://127.0.0.1:${await closedPort()}`)), true)
  })
  test('section 7: never connected, the name does not resolve', async () => {
    const lookup: NonNullable<More>['lookup'] = (name, _options, callback) =>
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }), '', 4)
    expectNotSent(await errorOf(create('https://api.example.test', {}, { lookup })), true)
  })
  test('section 7: never connected, TLS fails', async () => {
    const server = await raw((socket) => socket.once('data', () => socket.end('this is not TLS\r\n')))
    expectNotSent(await errorOf(create(`https://127.0.0.1:${server.port}`)), false)
  })
  test('section 7: never connected, cut in the middle of the TLS greeting: no byte of the request left', async () => {
    const server = await raw((socket) => socket.once('data', () => socket.destroy()))
    expectNotSent(await errorOf(create(`https://127.0.0.1:${server.port}`)), false)
    expect(server.seen.join('')).not.toContain('POST')
  })
  test('section 7: never connected, the proxy refuses', async () => {
    const proxy = await raw((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n'))
    })
    const proxyUrl = `http://127.0.0.1:${proxy.port}`
    expectNotSent(await errorOf(create('https://api.example.test', { proxyUrl })), true)
    expect(proxy.seen.join('')).toMatch(/^CONNECT api\.example\.test:443 /)
    expect(proxy.seen.join('')).not.toContain(CANARY_KEY)
  })
  test('section 7: never connected, the proxy of the environment cuts the tunnel', async () => {
    const proxy = await raw((socket) => socket.once('data', () => socket.destroy()))
    const environment = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` }
    expectNotSent(await errorOf(create('https://api.example.test', {}, { environment })), true)
    expect(proxy.seen.join('')).toMatch(/^CONNECT /)
  })
  test('section 7: never connected, nobody listens at the proxy', async () => {
    const proxyUrl = `http://127.0.0.1:${await closedPort()}`
    expectNotSent(await errorOf(create('https://api.example.test', { proxyUrl })), true)
  })
  test('section 7: never connected, the connection takes too long', async () => {
    const server = await raw(() => undefined)
    const { provider, clock } = bench(`https://127.0.0.1:${server.port}`)
    const failed = errorOf(provider.create(createRequest(body), never()))
    await server.connected
    await clock.advance(15_000)
    expectNotSent(await failed, true)
    expect(server.seen.join('')).not.toContain('POST')
  })
  test('section 7: never connected, stopped here before anything left', async () => {
    const server = await raw(() => undefined)
    const { provider } = bench(`https://127.0.0.1:${server.port}`)
    const stopper = new AbortController()
    const failed = errorOf(provider.create(createRequest(body), stopper.signal))
    await server.connected
    stopper.abort()
    expectNotSent(await failed, false)
  })
  test('section 7: no key, or one that cannot stand in a header: nothing is sent', async () => {
    const server = await scripted({ status: 200, body: { id } })
    const error = await errorOf(create(server.url, { key: () => `${CANARY_KEY}\nx-more: 1` }))
    expect(error).toBeInstanceOf(Refused)
    expect(error).toMatchObject({ kind: 'auth', scope: 'account' })
    expect(await errorOf(create(server.url, { key: () => '' }))).toMatchObject({
      problem: { code: 'key-missing' },
    })
    expect(server.requests).toHaveLength(0)
  })

  test('section 7: 429 without a time', async () => {
    const error = await outcome({ status: 429, body: { message: 'too fast' } })
    expect(error).toBeInstanceOf(Busy)
    expect(error).toMatchObject({ retryAfterMs: waitMs, isRateLimit: true })
  })
  test('section 7: 429 with Retry-After in seconds', async () => {
    const error = await outcome({ status: 429, headers: { 'retry-after': '7' }, body: {} })
    expect(error).toBeInstanceOf(Busy)
    expect(error).toMatchObject({ retryAfterMs: 7_000, isRateLimit: true })
  })
  test('section 7: 429 with Retry-After as a date', async () => {
    const headers = { 'retry-after': 'Fri, 09 Oct 2026 12:01:30 GMT' }
    expect(await outcome({ status: 429, headers, text: '' })).toMatchObject({ retryAfterMs: 90_000 })
  })
  test('section 7: 429 with the time in fallback_suggestion', async () => {
    const body429 = {
      error: { code: 429, message: 'too fast', fallback_suggestion: 'retry after 25 seconds' },
    }
    expect(await outcome({ status: 429, body: body429 })).toMatchObject({ retryAfterMs: 25_000 })
  })
  test('section 7: 503 with Retry-After', async () => {
    const error = await outcome({ status: 503, headers: { 'retry-after': '20' }, body: { message: 'busy' } })
    expect(error).toBeInstanceOf(Busy)
    expect(error).toMatchObject({ retryAfterMs: 20_000, isRateLimit: false })
  })
  test('section 7: 503 without a promise may have been created', async () => {
    expectUnconfirmed(await outcome({ status: 503, body: { message: 'unavailable' } }), {
      retryAfterMs: null,
    })
    const told = { error: { code: 503, message: 'x', fallback_suggestion: 'retry after 30 seconds' } }
    expectUnconfirmed(await outcome({ status: 503, body: told }), { retryAfterMs: 30_000 })
  })

  test.each([
    [400, 'invalid_request', 'job'],
    [401, 'auth', 'account'],
    [402, 'balance', 'account'],
    [403, family === 'vtrix' ? 'balance_or_forbidden' : 'forbidden', family === 'vtrix' ? 'account' : 'job'],
    [404, 'not_found', 'job'],
    [413, 'too_large', 'job'],
    [422, 'invalid_request', 'job'],
  ])('section 7: %i is surely refused', async (status, kind, scope) => {
    const error = await outcome({ status, body: { error: { code: status, message: 'no' } } })
    expect(error).toBeInstanceOf(Refused)
    expect(error).toMatchObject({ kind, scope, status })
    expect((error as Refused).problem.what).toContain('Nothing was created and nothing was charged')
  })
  test('section 7: 200 with error and no id is surely refused', async () => {
    for (const refusal of [{ error: 'upstream refused' }, { error: { code: 123, error_message: 'no' } }]) {
      const error = await outcome({ status: 200, body: refusal })
      expect(error).toBeInstanceOf(Refused)
      expect(error).toMatchObject({ kind: 'invalid_request', scope: 'job' })
    }
  })

  test('section 7: a code about the account speaks before the status', async () => {
    const told = { error: { code: 'insufficient_quota', message: 'x' } }
    for (const status of [400, 429])
      expect(await outcome({ status, body: told })).toMatchObject({ kind: 'balance', scope: 'account' })
  })

  test.each([408, 409, 500, 502, 504])('section 7: %i may have been created', async (status) => {
    expectUnconfirmed(await outcome({ status, body: { message: 'fault' } }))
  })
  test('section 7: time-out after sending', async () => {
    const server = await scripted('silence')
    const { provider, clock } = bench(server.url)
    const failed = errorOf(provider.create(createRequest(body), never()))
    await server.received(1)
    await clock.advance(60_000)
    expectUnconfirmed(await failed)
  })
  test('section 7: stopped here after sending', async () => {
    const server = await scripted('silence')
    const stopper = new AbortController()
    const failed = errorOf(bench(server.url).provider.create(createRequest(body), stopper.signal))
    await server.received(1)
    stopper.abort()
    expectUnconfirmed(await failed)
  })
  test('section 7: connection cut after sending', async () => {
    expectUnconfirmed(await outcome('cut'))
  })
  test.each(['head-then-cut', 'half-then-cut'] as const)('section 7: half an answer, %s', async (step) => {
    expectUnconfirmed(await outcome(step))
  })
  test.each(['head-then-silence', 'half-then-silence'] as const)(
    'section 7: half an answer, %s',
    async (step) => {
      const server = await scripted(step)
      const { provider, clock } = bench(server.url)
      const failed = errorOf(provider.create(createRequest(body), never()))
      await server.received(1)
      await clock.advance(600_000)
      expectUnconfirmed(await failed)
    },
  )
  test.each<[string, Script]>([
    ['HTML', { status: 200, headers: { 'content-type': 'text/html' }, text: '<html>Sign in</html>' }],
    ['without id', { status: 200, body: { message: 'accepted' } }],
    ['with an id that cannot be used', { status: 200, body: { id: '../../x' } }],
    ['empty', { status: 202, text: '' }],
    ['cut JSON', { status: 200, text: '{"id":"task-unif' }],
    [
      'nested beyond reason',
      { status: 200, text: `{"id":"${id}","x":${'['.repeat(5000)}${']'.repeat(5000)}}` },
    ],
    ['too large', { status: 200, text: `{"id":"${id}","pad":"${'x'.repeat(4_000_001)}"}` }],
  ])('section 7: unreadable 2xx, %s', async (_name, step) => {
    expectUnconfirmed(await outcome(step))
  })
  test('section 7: a redirect (a captive portal) is not followed and proves nothing', async () => {
    const elsewhere = await scripted({ status: 200, body: { id } })
    expectUnconfirmed(await outcome({ status: 307, headers: { location: elsewhere.url }, text: '' }))
    expect(elsewhere.requests).toHaveLength(0)
  })
  test('section 7: repeat protection speaks by code, whatever the status', async () => {
    const told = (code: string) => ({ error: { code, message: 'x' } })
    expectUnconfirmed(await outcome({ status: 409, body: told('idempotency_conflict') }), {
      mayRepeat: false,
    })
    const undecided = await outcome({ status: 422, body: told('paid_outcome_unknown') })
    expectUnconfirmed(undecided, { mayRepeat: true, retryAfterMs: 60_000 })
  })

  test('an answer that repeats the key does not carry it into the problem', async () => {
    const message = `Incorrect key ${CANARY_KEY}, see https://x.example/a?token=${CANARY_KEY}`
    const error = (await outcome({ status: 401, body: { message } })) as Refused
    expect(error.problem.what).toContain('Incorrect key [key]')
    expect(error.problem.what).not.toContain('token=')
  })
  test('a create request never uses a connection that another call left open', async () => {
    const server = await scripted({ status: 200, body: { id, status: 'pending' } })
    const { provider } = bench(server.url)
    const read = () => provider.read([id], never())
    const order = () => provider.create(createRequest(body), never())
    for (const call of [read, order, order, read]) {
      await call()
      // A connection that is kept is free again a turn after its answer.
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    }
    expect(server.requests.map((request) => request.connection)).toEqual([1, 2, 3, 1])
  })
})
