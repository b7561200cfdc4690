import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTransferAgents, type TransferAgents } from '../../../src/main/core/archive/transfer.ts'
import { probeAddress } from '../../../src/main/core/references/probe-address.ts'
import { HandClock } from '../../support/hand-clock.ts'
import { type Act, type MediaServer, redirect, serve, startMediaServer } from '../../support/media-server.ts'

const LAKE = readFileSync(resolve('resources/sample/media/lake-at-dusk.jpg'))
const COLONY = readFileSync(resolve('resources/sample/media/colony.mp4'))

let server: MediaServer
let agents: TransferAgents
let clock: HandClock

beforeEach(async () => {
  server = await startMediaServer(serve({ body: LAKE, contentType: 'text/html' }))
  agents = createTransferAgents()
  clock = new HandClock()
})
afterEach(async () => {
  await agents.close()
  await server.close()
  expect(clock.waiting).toBe(0)
})

const ports = () => ({ clock, agents, userAgent: 'Reelsheet/test' })
const ask = (path = '/a', signal?: AbortSignal) =>
  probeAddress(`${server.base}${path}`, ports(), { allowLoopback: true, ...(signal && { signal }) })
const answerWith =
  (status: number, body: string | Buffer, headers: Record<string, string> = {}): Act =>
  (_request, response) => {
    response.writeHead(status, headers).end(body)
  }

describe('an address', () => {
  it('is known by its first bytes, whatever it says of itself', async () => {
    expect(await ask('/page.html?signature=secret')).toEqual({
      address: `${server.base}/page.html?signature=secret`,
      kind: 'image',
      format: 'jpeg',
      sizeBytes: LAKE.length,
      width: 1280,
      height: 720,
      problem: null,
    })
    server.script(serve({ body: COLONY }))
    expect(await ask('/b')).toMatchObject({
      kind: 'video',
      format: 'mp4',
      sizeBytes: COLONY.length,
      width: null,
    })
  })

  it('is asked for its beginning, with neither key nor cookie', async () => {
    await ask()
    const [asked] = server.asked
    expect(asked?.headers).toMatchObject({ range: 'bytes=0-65535', 'accept-encoding': 'identity' })
    expect(Object.keys(asked?.headers ?? {}).sort()).toEqual([
      'accept',
      'accept-encoding',
      'connection',
      'host',
      'range',
      'user-agent',
    ])
  })

  it('that would give gigabytes is cut off', async () => {
    let given = 0
    server.script((_request, response) => {
      response.writeHead(200, { 'content-length': 5_000_000_000 })
      const more = () => {
        if (response.destroyed) return
        given += 100_000
        response.write(Buffer.concat([LAKE, Buffer.alloc(100_000)]), () => setImmediate(more))
      }
      more()
    })
    expect(await ask()).toMatchObject({ kind: 'image', sizeBytes: 5_000_000_000 })
    expect(given).toBeLessThan(100_000_000)
  })

  it('that answers a range gives the size of the whole', async () => {
    server.script(answerWith(206, LAKE.subarray(0, 5000), { 'content-range': `bytes 0-4999/${LAKE.length}` }))
    expect(await ask()).toMatchObject({ kind: 'image', sizeBytes: LAKE.length, width: 1280 })
  })

  it.each([
    [404, '', 'unreachable', 'error', /HTTP 404/],
    [403, 'no', 'unreachable', 'error', /HTTP 403/],
    [503, '', 'unreachable', 'warning', /HTTP 503/],
    [200, '<!doctype html><title>Sign in</title>', 'reference-kind', 'error', /a web page/],
    [200, '', 'reference-kind', 'error', /nothing at all/],
  ] as const)(
    'that answers %i with %j gets a sentence without its query',
    async (status, body, code, level, words) => {
      server.script(answerWith(status, body))
      const { problem } = await ask('/a.jpg?signature=secret')
      expect(problem).toMatchObject({ code, level, what: expect.stringMatching(words) })
      expect(JSON.stringify(problem)).not.toContain('secret')
    },
  )

  it('may lead on five times, and no further', async () => {
    const hops = Array.from({ length: 5 }, (_, hop) => redirect(`${server.base}/hop${hop}`))
    server.script(...hops, serve({ body: LAKE }))
    expect(await ask('/five')).toMatchObject({ kind: 'image', problem: null })
    server.script(...hops, redirect(`${server.base}/hop6`), serve({ body: LAKE }))
    expect((await ask('/six')).problem).toMatchObject({
      code: 'address-refused',
      what: expect.stringMatching(/more than five redirects/),
    })
  })

  it.each([
    ['https://127.0.0.1/a.jpg', /points at this machine/],
    ['https://localhost/a.jpg', /points at this machine/],
    ['http://example.com/a.jpg', /not an https address/],
    ['https://10.1.2.3/a.jpg', /private network/],
    ['https://169.254.169.254/latest/meta-data', /private network/],
    ['https://[::ffff:192.168.0.1]/a.jpg', /private network/],
    ['https://me:word@example.com/a.jpg', /user name or password/],
    ['nonsense', /cannot be read/],
  ])('%s is never asked', async (address, words) => {
    const { problem } = await probeAddress(address, ports())
    expect(problem).toMatchObject({ code: 'address-refused', what: expect.stringMatching(words) })
    expect(JSON.stringify(problem)).not.toContain('me:word')
  })

  it('whose name leads into a private network is refused when it is connected to', async () => {
    const own = createTransferAgents({
      lookup: (_name, _options, callback) => callback(null, [{ address: '192.168.1.1', family: 4 }]),
    })
    const { problem } = await probeAddress('https://files.example/a.jpg', { ...ports(), agents: own })
    await own.close()
    expect(problem).toMatchObject({ code: 'address-refused', what: expect.stringMatching(/private network/) })
  })

  it('that leads from outside into this machine is refused', async () => {
    server.script(redirect('https://192.168.0.1/a.jpg'))
    expect((await ask()).problem).toMatchObject({ code: 'address-refused' })
  })

  it('that nobody answers, or only after 15 seconds, gets a warning', async () => {
    const gone = await startMediaServer()
    await gone.close()
    const { problem } = await probeAddress(`${gone.base}/a`, ports(), { allowLoopback: true })
    expect(problem).toMatchObject({ code: 'unreachable', level: 'warning' })
    const arrived = new Promise<void>((resolve) => server.script(() => resolve()))
    const late = ask('/silent')
    await arrived
    await clock.advance(15_000)
    expect((await late).problem).toMatchObject({
      code: 'unreachable',
      what: expect.stringMatching(/longer than 15 seconds/),
    })
  })

  it('is asked once in ten minutes, however many want to know', async () => {
    const [one, two] = await Promise.all([ask(), ask()])
    expect(one).toEqual(two)
    await clock.advance(9 * 60_000)
    await ask()
    expect(server.asked).toHaveLength(1)
    await clock.advance(2 * 60_000)
    await ask()
    expect(server.asked).toHaveLength(2)
    server.script(answerWith(404, ''))
    await ask('/gone')
    await clock.advance(31_000)
    await ask('/gone')
    expect(server.asked).toHaveLength(4)
  })

  it('is one of at most eight at one time', async () => {
    const held: (() => void)[] = []
    let eight = () => {}
    const eightArrived = new Promise<void>((resolve) => {
      eight = resolve
    })
    server.script((request, response) => {
      if (request.url === '/other') return void response.end()
      held.push(() => response.end(LAKE))
      if (held.length >= 8) eight()
    })
    const all = Promise.all(Array.from({ length: 20 }, (_, index) => ask(`/${index}`)))
    await eightArrived
    // What was sent with the eight would be there before these.
    for (let round = 0; round < 3; round += 1) await fetch(`${server.base}/other`)
    expect(held).toHaveLength(8)
    server.script(serve({ body: LAKE }))
    for (const answer of held) answer()
    expect((await all).map(({ kind }) => kind)).toEqual(Array.from({ length: 20 }, () => 'image'))
  })

  it('may be given up by one while another waits for it', async () => {
    const arrived = new Promise<() => void>((resolve) =>
      server.script((_request, response) => resolve(() => response.end(LAKE))),
    )
    const stop = new AbortController()
    const given = ask('/slow', stop.signal)
    const other = ask('/slow')
    const answer = await arrived
    stop.abort(new Error('nobody waits'))
    await expect(given).rejects.toThrow('nobody waits')
    answer()
    expect(await other).toMatchObject({ kind: 'image' })
    expect(server.asked).toHaveLength(1)
  })
})
