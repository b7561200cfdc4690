import { connect as connectSocket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServe } from '../../../src/main/hosts/serve.ts'
import { i2v } from '../../support/world.ts'
import { ask, Bench } from './bench.ts'

let bench: Bench
beforeAll(async () => {
  bench = await Bench.open()
})
afterAll(() => bench.close())

const pathOf = (link: string) => new URL(link).search
const port = () => bench.serving.port

describe('the one-time link', () => {
  it('lets one browser in and leaves the address; its cookie is kept from scripts and other sites', async () => {
    const first = await ask(port(), pathOf(bench.serving.link()), {})
    expect(first).toMatchObject({ status: 303, headers: { location: '/' } })
    const cookie = String(first.headers['set-cookie'])
    expect(cookie).toMatch(/^reelsheet-\d+=[a-z0-9]{48}; HttpOnly; SameSite=Strict; Path=\/$/)
    const page = await ask(port(), '/', { headers: { cookie: cookie.split(';')[0] ?? '' } })
    expect(page.status).toBe(200)
    expect(page.text).toContain('<h1 id="runs">Runs</h1>')
  })

  it('does not work a second time', async () => {
    const path = pathOf(bench.serving.link())
    expect((await ask(port(), path, {})).status).toBe(303)
    const again = await ask(port(), path, { headers: { accept: 'text/html' } })
    expect(again.status).toBe(403)
    expect(again.headers['set-cookie']).toBeUndefined()
    expect(again.text).toContain('used already')
  })

  it('its token is neither the cookie nor any part of it', async () => {
    const link = bench.serving.link()
    const answer = await ask(port(), pathOf(link), {})
    expect(String(answer.headers['set-cookie'])).not.toContain(new URL(link).searchParams.get('token'))
  })

  it.each(['', 'nonsense', 'undefined'])('the token "%s" lets nobody in', async (token) => {
    expect((await ask(port(), `/?token=${token}`, {})).status).toBe(403)
  })

  it('a look ahead or a HEAD does not spend it', async () => {
    const path = pathOf(bench.serving.link())
    const ahead = await ask(port(), path, { headers: { 'sec-purpose': 'prefetch;prerender' } })
    expect(ahead.status).toBe(403)
    expect((await ask(port(), path, { method: 'HEAD' })).status).toBe(401)
    expect((await ask(port(), path, {})).status).toBe(303)
  })

  it('a browser that is in already may follow an old link', async () => {
    expect((await bench.ask('/?token=old')).status).toBe(303)
  })
})

describe('who is let in', () => {
  it.each(['/', '/media/clip/1', '/media/reference/1', '/uploads', '/nowhere'])(
    '%s without the cookie is refused',
    async (path) => {
      expect((await bench.ask(path, { isStranger: true })).status).toBe(401)
    },
  )

  it('a wrong cookie, and one of another port, is refused', async () => {
    const [, value = ''] = bench.cookie.split('=')
    for (const cookie of [
      `${bench.cookie}x`,
      `reelsheet-1=${value}`,
      `x${bench.cookie}`,
      'reelsheet-1=',
      ';;;=',
    ]) {
      expect((await ask(port(), '/', { headers: { cookie } })).status, cookie).toBe(401)
    }
  })

  it('a person gets a page, a program a Problem', async () => {
    const person = await bench.ask('/', { isStranger: true, headers: { accept: 'text/html' } })
    expect(person.headers['content-type']).toContain('text/html')
    expect(person.text).toContain('terminal')
    const program = await bench.ask('/', { isStranger: true })
    expect(JSON.parse(program.text)).toMatchObject({
      code: 'wrong-use',
      next: expect.stringContaining('link'),
    })
  })

  it.each(['evil.example', '127.0.0.1', '127.0.0.1:1', 'localhost.evil.example', '[::1]:80', '0.0.0.0'])(
    'the host name %s is refused, cookie or not',
    async (host) => {
      expect((await bench.ask('/', { headers: { host } })).status).toBe(403)
      expect(await bench.upgrade({ host, cookie: bench.cookie, origin: `http://${host}` })).toBe(403)
    },
  )

  it('localhost is as good as 127.0.0.1', async () => {
    expect((await bench.ask('/', { headers: { host: `localhost:${port()}` } })).status).toBe(200)
  })

  it('a whole address in the request line names no other host', async () => {
    const head = `Host: 127.0.0.1:${port()}\r\nCookie: ${bench.cookie}\r\nConnection: close\r\n\r\n`
    expect(await bench.raw(`GET http://evil.example/ HTTP/1.1\r\n${head}`)).toMatch(/^HTTP\/1\.1 400 /)
  })

  it.each(['cross-site', 'same-site'])('a page that is %s may not even embed', async (site) => {
    const headers = { 'sec-fetch-site': site }
    expect((await bench.ask('/', { headers })).status).toBe(403)
    expect((await bench.ask('/media/clip/1', { headers })).status).toBe(403)
  })

  it('a foreign page may not post, and neither may one that hides its name', async () => {
    for (const origin of [
      'http://evil.example',
      'null',
      `http://127.0.0.1:${port() + 1}`,
      `https://127.0.0.1:${port()}`,
    ]) {
      const answer = await bench.ask('/uploads', { method: 'POST', headers: { origin }, body: 'x' })
      expect(answer.status, origin).toBe(403)
    }
    expect((await bench.ask('/uploads', { method: 'POST', body: 'x' })).status).toBe(403)
    expect(await bench.world.client.references.list({})).toEqual([])
  })

  it('no answer allows another origin', async () => {
    for (const method of ['GET', 'OPTIONS']) {
      const answer = await bench.ask('/', { method, headers: { origin: 'http://evil.example' } })
      expect(answer.status).toBe(403)
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })
})

describe('the WebSocket', () => {
  const upgrade = (headers: Record<string, string>, path?: string) => bench.upgrade(headers, path)

  it('opens for a page of ours with its cookie', async () => {
    expect(await upgrade({ cookie: bench.cookie, origin: bench.origin })).toBe(101)
  })
  it('is refused without a cookie', async () => {
    expect(await upgrade({ origin: bench.origin })).toBe(401)
  })
  it('is refused for a foreign page, and for one that names none', async () => {
    expect(await upgrade({ cookie: bench.cookie, origin: 'http://evil.example' })).toBe(403)
    expect(await upgrade({ cookie: bench.cookie, origin: `http://localhost:${port()}` })).toBe(403)
    expect(await upgrade({ cookie: bench.cookie })).toBe(403)
  })
  it('is only at its own address', async () => {
    expect(await upgrade({ cookie: bench.cookie, origin: bench.origin }, '/')).toBe(404)
  })

  const open = async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port()}/contract`, {
      headers: { cookie: bench.cookie, origin: bench.origin },
    } as never)
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', reject)
    })
    return socket
  }
  const closed = (socket: WebSocket) =>
    new Promise<number>((resolve) => socket.addEventListener('close', (event) => resolve(event.code)))

  it.each([
    ['no JSON', 'hello'],
    ['null', 'null'],
    ['a list', '[1,2]'],
    ['no address', '{"i":"1","p":{}}'],
    ['an empty one', ''],
    ['bytes', new Uint8Array([0, 255, 1, 2])],
  ])('ends at a message that is %s, and nothing else does', async (_, message) => {
    const [bad, good] = [await open(), await open()]
    const end = closed(bad)
    bad.send(message as string)
    expect(await end).toBe(1008)
    const answer = new Promise((resolve) => good.addEventListener('message', (event) => resolve(event.data)))
    good.send('{"i":"1","p":{"u":"/app/hello"}}')
    expect(String(await answer)).toContain('"mediaBase":"/media"')
    const gone = closed(good)
    good.close()
    await gone
  })

  it('answers an unknown call as not found', async () => {
    const socket = await open()
    const answer = new Promise((resolve) =>
      socket.addEventListener('message', (event) => resolve(event.data)),
    )
    socket.send('{"i":"1","p":{"u":"/app/__proto__"}}')
    expect(String(await answer)).toContain('404')
    const gone = closed(socket)
    socket.close()
    await gone
  })

  it('ends at a message above 16 MB', async () => {
    const socket = await open()
    const end = closed(socket)
    socket.send('x'.repeat(16 * 1024 * 1024 + 1))
    expect(await end).toBe(1009)
  })
})

describe('answers', () => {
  it('carry the rules that keep strangers and scripts out', async () => {
    const { headers } = await bench.ask('/')
    const rules = String(headers['content-security-policy'])
    expect(rules).toContain("default-src 'none'")
    expect(rules).toContain("script-src 'self';")
    expect(rules).not.toContain('unsafe')
    expect(rules).toContain("frame-ancestors 'none'")
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'cross-origin-resource-policy': 'same-origin',
    })
  })

  it.each([
    '/nowhere',
    '/index.html',
    '/../package.json',
    '/%2e%2e/package.json',
    '/media',
    '/media/clip',
    '/media/sheet/1',
    '//evil.example',
  ])('%s is not found', async (path) => {
    const answer = await bench.ask(path)
    expect(answer.status).toBe(404)
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'not-found' })
  })

  it.each(['POST', 'PUT', 'DELETE', 'PATCH'])('%s on the page is refused', async (method) => {
    expect((await bench.ask('/', { method, headers: { origin: bench.origin } })).status).toBe(405)
  })

  it('a flood of headers gets 431 and the door; the next one is served', async () => {
    const flood = 'X-Flood: '.concat('a'.repeat(1000), '\r\n').repeat(40)
    const seen = await bench.raw(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port()}\r\n${flood}\r\n`)
    expect(seen).toMatch(/^HTTP\/1\.1 431 /)
    expect((await bench.ask('/')).status).toBe(200)
  })

  it('what is no HTTP gets 400 and the door', async () => {
    expect(await bench.raw('hello there\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('the page shows runs with their counts, and names from sheets never become markup', async () => {
    await bench.world.run([i2v('one'), i2v('two')], {
      name: '<img src=x onerror=alert(1)>&"$&',
      isHeld: true,
    })
    const { text } = await bench.ask('/')
    expect(text).not.toContain('<img')
    expect(text).toContain('&#60;img src=x onerror=alert(1)&#62;&#38;&#34;$&#38;')
    expect(text).toContain('<li class="held"><b>2</b> <span>held</span></li>')
    expect(text).not.toContain('{{')
  })

  it('a mistake of ours says nothing of itself', async () => {
    const { runs } = bench.world.app.core.engine.store
    const { list } = runs
    runs.list = () => {
      throw new Error('leaky sk-live-9d3')
    }
    const answer = await bench.ask('/')
    runs.list = list
    expect(answer.status).toBe(500)
    expect(answer.text).not.toContain('leaky')
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'internal' })
  })
})

describe('where it listens', () => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((one) => one && !one.internal && one.family === 'IPv4')?.address

  it.skipIf(outside === undefined)(
    'not on an address that other machines reach (needs a network address)',
    async () => {
      const outcome = await new Promise<string>((resolve) => {
        const socket = connectSocket(port(), outside as string, () => {
          socket.destroy()
          resolve('connected')
        })
        socket.on('error', () => resolve('refused'))
      })
      expect(outcome).toBe('refused')
    },
  )

  it('stops twice, with a socket open, and nobody listens any more', async () => {
    const serving = await startServe(bench.world.app)
    const cookie =
      String((await ask(serving.port, pathOf(serving.url), {})).headers['set-cookie']).split(';')[0] ?? ''
    const socket = new WebSocket(`ws://127.0.0.1:${serving.port}/contract`, {
      headers: { cookie, origin: `http://127.0.0.1:${serving.port}` },
    } as never)
    await new Promise((resolve) => socket.addEventListener('open', resolve))
    const gone = new Promise((resolve) => socket.addEventListener('close', resolve))
    await Promise.all([serving.stop(), serving.stop()])
    await gone
    await expect(ask(serving.port, '/', {})).rejects.toThrow(/ECONNREFUSED/)
  })

  it('a port that is taken is told as such', async () => {
    await expect(startServe(bench.world.app, { port: port() })).rejects.toThrow(/EADDRINUSE/)
  })

  it('a given token is the first link, and only that', async () => {
    const serving = await startServe(bench.world.app, { token: 'given-by-the-caller' })
    expect(serving.url).toBe(`http://127.0.0.1:${serving.port}/?token=given-by-the-caller`)
    expect((await ask(serving.port, pathOf(serving.url), {})).status).toBe(303)
    expect((await ask(serving.port, pathOf(serving.url), {})).status).toBe(403)
    await serving.stop()
  })
})
