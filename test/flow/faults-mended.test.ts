import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { HandClock } from '../support/hand-clock.ts'
import { i2v, vtrix, World } from '../support/world.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

let world: World
let front: Server | undefined
afterEach(async () => {
  await world.close()
  front?.closeAllConnections()
  await new Promise((done) => (front ? front.close(done) : done(null)))
  front = undefined
})

/** Somebody sets the machine's clock; what was asleep sleeps on as long as it would have. */
function setClock(clock: HandClock, byMs: number): void {
  const inside = clock as unknown as { time: number; sleepers: { at: number }[] }
  inside.time += byMs
  for (const sleeper of inside.sleepers) sleeper.at += byMs
}

interface Answer {
  status: number
  body: string
  headers?: Record<string, string>
}

/** A provider that answers one kind of call by itself, and hands the rest on. */
async function provider(
  answers: (method: string, path: string) => Answer | null | Promise<null>,
  change: (body: string | Buffer) => string | Buffer = (body) => body,
): Promise<string> {
  const { url } = await world.stranger()
  /** An upload's address that came back is the provider's own again. */
  const toTheirs = (body: Buffer, host = 'none') =>
    body.includes(host)
      ? Buffer.from(body.toString('latin1').replaceAll(`http://${host}`, url), 'latin1')
      : body
  front = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', async () => {
      const own = await answers(incoming.method ?? '', incoming.url ?? '')
      if (own)
        return outgoing
          .writeHead(own.status, { 'content-type': 'application/json', ...own.headers })
          .end(own.body)
      const { host: _, connection: __, 'content-length': ___, ...headers } = incoming.headers
      const answer = await fetch(url + incoming.url, {
        method: incoming.method ?? 'GET',
        headers: headers as Record<string, string>,
        ...(chunks.length > 0 && { body: toTheirs(Buffer.concat(chunks), incoming.headers.host) }),
      })
      const isText = /json|text/.test(answer.headers.get('content-type') ?? '')
      const ours = `http://${incoming.headers.host}`
      const body = isText
        ? (await answer.text()).replaceAll(url, ours)
        : Buffer.from(await answer.arrayBuffer())
      const sent = change(body)
      const kept = ['content-type', 'etag', 'last-modified', 'retry-after'].flatMap((name) => {
        const value = answer.headers.get(name)
        return value === null ? [] : [[name, value]]
      })
      outgoing.writeHead(answer.status, Object.fromEntries(kept)).end(sent)
    })
  })
  await new Promise<void>((done) => front?.listen(0, '127.0.0.1', done))
  return `http://127.0.0.1:${((front as Server).address() as AddressInfo).port}`
}

const open = async () => {
  world = await World.open({ secrets: {} })
}
describe('a clock that is set back', () => {
  /** Providers of both families whose own time nobody sets, and rows that wait in every way. */
  async function begin(): Promise<{ set(byMs: number): void }> {
    await open()
    let offMs = 0
    const { url } = await world.stranger({
      clock: { now: () => world.clock.now() - offMs, sleep: (ms, signal) => world.clock.sleep(ms, signal) },
    })
    await world.account('evolink', url)
    await world.account('vtrix', url, { prices: { wan26_r2v: 100_000 } })
    return {
      set: (byMs) => {
        offMs += byMs
        setClock(world.clock, byMs)
      },
    }
  }
  const rows = () => [
    i2v('one [429 after=30]', { account: 'evolink-1' }),
    i2v('two [slow=1m]', { account: 'evolink-1' }),
    vtrix('three [running x2]', { account: 'vtrix-1' }),
    vtrix('four [link 404][cut=1KB x3]', { account: 'vtrix-1' }),
  ]
  const DONE = ['done', 'done', 'done', 'done']

  it.each([
    ['an hour', HOUR],
    ['a day', DAY],
    ['ten years', 3650 * DAY],
  ])('by %s: what waited for a time is not waited for longer', async (_, byMs) => {
    const { set } = await begin()
    await world.run(rows())
    await world.app.core.scheduler.rest()
    set(-byMs)
    await world.settle(20 * MINUTE)
    expect(await world.states()).toEqual(DONE)
  })

  it('forward by ten years: addresses of uploads are not dead when they come, nor alive when it is put right', async () => {
    const { set } = await begin()
    set(3650 * DAY)
    await world.run([i2v('one', { account: 'evolink-1' })], { name: 'first' })
    await world.settle(HOUR)
    expect(await world.states()).toEqual(['done'])
    set(-3650 * DAY)
    await world.app.core.scheduler.rest()
    await world.clock.advance(4 * DAY)
    await world.run([i2v('two', { account: 'evolink-1' })], { name: 'second' })
    await world.settle(HOUR)
    expect(await world.states()).toEqual(['done', 'done'])
  })

  it('an order in doubt is looked for no longer than it would have been, then waits for a person', async () => {
    await open()
    const base = await provider((method, path) =>
      method === 'POST' && path.startsWith('/v1/videos') ? { status: 504, body: 'gateway time-out' } : null,
    )
    await world.account('evolink', base)
    const run = await world.run([i2v('one', { account: 'evolink-1' })])
    await world.settle(2 * MINUTE)
    setClock(world.clock, -DAY)
    await world.settle(2 * HOUR)
    expect(await world.states()).toEqual(['unconfirmed'])
    expect((await world.client.runs.attention({ id: run })).moving).toBe(0)
  })

  it('between two lives: the same', async () => {
    const { set } = await begin()
    set(3650 * DAY)
    await world.run(rows())
    await world.app.core.scheduler.rest()
    await world.app.stop()
    set(-3650 * DAY)
    await world.start()
    await world.settle(20 * MINUTE)
    expect(await world.states()).toEqual(DONE)
  })

  it('an account that stopped for a while works again when that while is over', async () => {
    await open()
    const base = await provider((method, path) =>
      method === 'GET' && path.startsWith('/v1/tasks/') && world.clock.now() < until
        ? { status: 401, body: '{"error":{"code":401,"message":"no"}}' }
        : null,
    )
    const until = world.clock.now() + MINUTE
    await world.account('evolink', base)
    await world.run([i2v('one', { account: 'evolink-1' })])
    await world.settle(30 * SECOND)
    setClock(world.clock, -DAY)
    await world.settle(DAY + 30 * MINUTE)
    expect(await world.states()).toEqual(['done'])
  })
})

describe('time limits', () => {
  it('are not met because the clock was set forward: the answer comes, and the row is not in doubt', async () => {
    await open()
    let setMs = 0
    Object.assign(world.clock, { elapsed: () => world.clock.now() - setMs })
    let arrive: (() => void) | undefined
    let answer: (() => void) | undefined
    const asked = new Promise<void>((done) => {
      arrive = done
    })
    const mayAnswer = new Promise<null>((done) => {
      answer = () => done(null)
    })
    const base = await provider((method) => {
      if (method !== 'POST') return null
      arrive?.()
      return mayAnswer
    })
    await world.account('vtrix', base, { prices: { wan26_r2v: 100_000 } })
    await world.run([vtrix('one', { account: 'vtrix-1' })])
    await asked
    setMs = 10 * HOUR
    setClock(world.clock, setMs)
    await world.clock.advance(40 * SECOND)
    answer?.()
    await world.settle()
    expect(await world.states()).toEqual(['done'])
  })
})

describe('a key that is refused', () => {
  it('is tried again by itself, and meanwhile the run says what it waits for', async () => {
    await open()
    let isRefused = true
    const base = await provider((_, path) =>
      isRefused && path.startsWith('/v1/') ? { status: 401, body: '{"error":{"code":401}}' } : null,
    )
    await world.account('evolink', base)
    const run = await world.run([i2v('one', { account: 'evolink-1' }), i2v('two', { account: 'evolink-1' })])
    await world.settle(5 * MINUTE)
    const { moving, needs } = await world.client.runs.attention({ id: run })
    expect({ moving, needs: needs.map(({ code }) => code) }).toEqual({ moving: 0, needs: ['key-refused'] })
    isRefused = false
    await world.settle(30 * MINUTE)
    expect(await world.states()).toEqual(['done', 'done'])
  })
})

describe('a price that is told only when it is charged', () => {
  it('and is dearer than the one that was confirmed stops the run, as a dearer reservation does', async () => {
    await open()
    const { url } = await world.stranger()
    // The person believes a price that is half of what this provider charges.
    await world.account('vtrix', url, { limits: { inFlight: 1 }, prices: { wan26_r2v: 50_000 } })
    const run = await world.run(
      ['one', 'two', 'three'].map((prompt) => vtrix(prompt, { account: 'vtrix-1' })),
    )
    await world.settle()
    expect((await world.client.runs.get({ id: run })).problem).toMatchObject({
      code: 'price-changed',
      what: expect.stringContaining('charged 0.2 usd for a clip that was estimated at 0.1'),
    })
    // The next row may have left before the charge was told.
    const states = await world.states()
    expect(states[0]).toBe('done')
    expect(states[2]).toBe('queued')
  })
})

describe('a page in place of every clip, as from a captive portal', () => {
  it('for hours gives up no clip that was paid for', async () => {
    await open()
    let isClosed = true
    const page = { status: 200, body: '<html>Welcome</html>', headers: { 'content-type': 'text/html' } }
    const base = await provider((_, path) => (isClosed && path.startsWith('/results/') ? page : null))
    await world.account('evolink', base)
    await world.run(['one', 'two'].map((prompt) => i2v(prompt, { account: 'evolink-1' })))
    await world.settle(5 * HOUR)
    expect(await world.states()).toEqual(['downloading', 'downloading'])
    isClosed = false
    await world.settle(HOUR)
    expect(await world.states()).toEqual(['done', 'done'])
  })
})

describe('several files for one order', () => {
  it('are not passed over in silence: the first is archived, and the person hears of the others', async () => {
    await open()
    const base = await provider(
      () => null,
      (body) =>
        typeof body === 'string'
          ? body.replace(/"results":\["([^"]+)"\]/, '"results":["$1","$1?second"]')
          : body,
    )
    await world.account('evolink', base)
    await world.run([i2v('one', { account: 'evolink-1' })])
    await world.settle()
    expect(await world.states()).toEqual(['done'])
    const [clip] = (await world.client.clips.page({})).clips
    expect(clip?.problem).toMatchObject({ code: 'clip-differs', level: 'warning' })
    expect(clip?.problem?.what).toContain('2 files')
  })
})

describe('a finished Vtrix task whose answer holds an error that says nothing', () => {
  it('is a finished task: a number in that place takes no clip away', async () => {
    await open()
    const base = await provider(
      () => null,
      (body) =>
        typeof body === 'string'
          ? body.replace('"status":"completed"', '"status":"completed","error":0')
          : body,
    )
    await world.account('vtrix', base, { prices: { wan26_r2v: 100_000 } })
    await world.run([vtrix('one', { account: 'vtrix-1' })])
    await world.settle()
    expect(await world.states()).toEqual(['done'])
  })
})

describe('a task that nobody lets us read', () => {
  it('is asked for on and on, waits by name, and comes home when reads work again', async () => {
    await open()
    let isRefused = true
    const base = await provider((method, path) =>
      isRefused && method === 'GET' && path.startsWith('/v1/tasks/')
        ? { status: 400, body: '{"error":{"code":400,"message":"bad"}}' }
        : null,
    )
    await world.account('evolink', base)
    const run = await world.run([i2v('one', { account: 'evolink-1' })])
    await world.settle(2 * HOUR)
    const { moving, waiting, needs } = await world.client.runs.attention({ id: run })
    expect({ moving, waiting, needs: needs.map(({ code }) => code) }).toEqual({
      moving: 0,
      waiting: 1,
      needs: ['request-refused'],
    })
    isRefused = false
    await world.settle(30 * MINUTE)
    expect(await world.states()).toEqual(['done'])
  })
})

describe('a provider in trouble', () => {
  it('that leaves every order in doubt does not leave the whole night in doubt', async () => {
    await open()
    const base = await provider((method, path) =>
      method === 'POST' && path.startsWith('/model/') ? { status: 502, body: 'bad gateway' } : null,
    )
    await world.account('vtrix', base, {
      limits: { inFlight: 10, submitsPerSecond: 10 },
      prices: { wan26_r2v: 100_000 },
    })
    await world.run(
      Array.from({ length: 100 }, (_, number) => vtrix(`row ${number}`, { account: 'vtrix-1' })),
    )
    await world.settle(HOUR)
    const doubtful = (await world.states()).filter((state) => state === 'unconfirmed').length
    expect(doubtful).toBeGreaterThan(1)
    expect(doubtful).toBeLessThan(25)
  })

  it('that asks one order to wait for a day loses no output of the others', async () => {
    await open()
    let orders = 0
    const base = await provider((method, path) => {
      if (method !== 'POST' || path !== '/v1/videos/generations') return null
      orders += 1
      return orders === 2
        ? { status: 429, body: '{"error":{"code":429}}', headers: { 'retry-after': '999999999' } }
        : null
    })
    await world.account('evolink', base)
    await world.run(['one', 'two', 'three'].map((prompt) => i2v(prompt, { account: 'evolink-1' })))
    await world.settle(3 * HOUR)
    expect((await world.states()).filter((state) => state === 'done')).toHaveLength(2)
    await world.settle(2 * DAY)
    expect(await world.states()).toEqual(['done', 'done', 'done'])
  })

  it('that puts a byte order mark before its JSON is understood', async () => {
    await open()
    const base = await provider((method, path) =>
      method === 'GET' && path.startsWith('/v1/credits')
        ? { status: 200, body: '\ufeff{"success":true,"data":{"user":{"remaining_credits":5}}}' }
        : null,
    )
    await world.account('evolink', base)
    expect(await world.client.accounts.test({ name: 'evolink-1' })).toMatchObject({
      works: true,
      balance: { remainingMicros: 5_000_000 },
    })
  })
})
