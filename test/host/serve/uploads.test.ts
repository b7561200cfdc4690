import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startServe } from '../../../src/main/hosts/serve.ts'
import { Reference } from '../../../src/shared/reference.ts'
import { until } from '../../support/hand-clock.ts'
import { SAMPLE_MEDIA } from '../../support/world.ts'
import { Bench } from './bench.ts'

const LIMIT_BYTES = 1024 * 1024
const BOAT = readFileSync(join(SAMPLE_MEDIA, 'paper-boat.png'))

let bench: Bench
beforeEach(async () => {
  bench = await Bench.open({ mostUploadBytes: LIMIT_BYTES })
})
afterEach(() => bench.close())

const upload = (body: Uint8Array | string, name = 'boat.png', headers: Record<string, string> = {}) =>
  bench.ask(`/uploads?name=${encodeURIComponent(name)}`, {
    method: 'POST',
    body,
    headers: { origin: bench.origin, 'content-type': 'application/octet-stream', ...headers },
  })

const waiting = () => {
  const room = join(bench.world.home, 'uploads')
  return existsSync(room) ? readdirSync(room) : []
}

it('a file becomes a reference under its name, with nothing left waiting', async () => {
  const answer = await upload(BOAT)
  expect(answer.status).toBe(201)
  const reference = Reference.parse(JSON.parse(answer.text))
  expect(reference).toMatchObject({
    name: 'boat.png',
    kind: 'image',
    sizeBytes: BOAT.length,
    originalPath: null,
  })
  expect(await bench.world.client.references.list({})).toEqual([reference])
  expect((await bench.ask(`/media/reference/${reference.id}`)).body.equals(BOAT)).toBe(true)
  expect(waiting()).toEqual([])
})

it('the same content twice is one reference', async () => {
  const first = JSON.parse((await upload(BOAT)).text)
  expect(JSON.parse((await upload(BOAT, 'other.png')).text).id).toBe(first.id)
})

it.each([
  ['../../../etc/passwd', 'passwd'],
  ['C:\\pictures\\boat.png', 'boat.png'],
  ['line\nbreak\u202egnp.exe', 'linebreakgnp.exe'],
  ['', 'upload'],
  ['船'.repeat(300), '船'.repeat(200)],
])('the name %j becomes %j and no part of a path', async (given, kept) => {
  expect(JSON.parse((await upload(BOAT, given)).text)).toMatchObject({ name: kept })
})

it('what is no media is refused in words of the name it came with', async () => {
  const answer = await upload('<script>alert(1)</script>', 'page.png')
  expect(answer.status).toBe(422)
  const problem = JSON.parse(answer.text)
  expect(problem.what).toContain('page.png')
  expect(problem.place.file).toBe('page.png')
  expect(answer.text).not.toContain(bench.world.home)
  expect(await bench.world.client.references.list({})).toEqual([])
  expect(waiting()).toEqual([])
})

it('nothing at all is refused', async () => {
  expect((await upload('')).status).toBe(422)
})

it('more than the limit is refused by what is said of it', async () => {
  const answer = await upload(Buffer.concat([BOAT, Buffer.alloc(LIMIT_BYTES)]))
  expect(answer.status).toBe(413)
  expect(JSON.parse(answer.text)).toMatchObject({
    code: 'reference-limit',
    what: expect.stringContaining('1 MB'),
  })
  expect(waiting()).toEqual([])
})

it('more than the limit is refused by what comes, where nothing is said', async () => {
  const answer = await upload(Buffer.concat([BOAT, Buffer.alloc(3 * LIMIT_BYTES)]), 'boat.png', {
    'transfer-encoding': 'chunked',
  })
  expect(answer.status).toBe(413)
  expect(waiting()).toEqual([])
  expect(await bench.world.client.references.list({})).toEqual([])
})

it('who announces too much is refused before sending any of it', async () => {
  const seen = await bench.raw(
    `POST /uploads?name=a.png HTTP/1.1\r\nHost: 127.0.0.1:${bench.serving.port}\r\nOrigin: ${bench.origin}\r\n` +
      `Cookie: ${bench.cookie}\r\nConnection: close\r\nContent-Length: ${LIMIT_BYTES + 1}\r\n\r\n`,
  )
  expect(seen).toMatch(/^HTTP\/1\.1 413 /)
})

it('a sender of far too much hears why, and its connection goes on', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const headers = { origin: bench.origin, 'transfer-encoding': 'chunked' }
  const body = Buffer.alloc(32 * LIMIT_BYTES)
  const [first, second] = await Promise.all([
    bench.ask('/uploads?name=a.png', { method: 'POST', body, headers, agent }),
    bench.ask('/', { agent }),
  ])
  agent.destroy()
  expect([first.status, second.status]).toEqual([413, 200])
})

it('exactly the limit is taken', async () => {
  const answer = await upload(Buffer.concat([BOAT, Buffer.alloc(LIMIT_BYTES - BOAT.length)]))
  expect(answer.status).not.toBe(413)
})

it('a sender that leaves in the middle leaves nothing behind', async () => {
  const request = httpRequest({
    host: '127.0.0.1',
    port: bench.serving.port,
    path: '/uploads?name=boat.png',
    method: 'POST',
    headers: { origin: bench.origin, cookie: bench.cookie, 'content-length': String(BOAT.length) },
  })
  request.on('error', () => undefined)
  request.write(BOAT.subarray(0, 100))
  await until(() => waiting().length === 1, 'the file begins to arrive')
  request.destroy()
  await until(() => waiting().length === 0, 'what arrived is removed')
  expect(await bench.world.client.references.list({})).toEqual([])
})

it('stopping ends an upload and leaves nothing behind', async () => {
  const request = httpRequest({
    host: '127.0.0.1',
    port: bench.serving.port,
    path: '/uploads?name=boat.png',
    method: 'POST',
    headers: { origin: bench.origin, cookie: bench.cookie, 'content-length': String(BOAT.length) },
  })
  request.on('error', () => undefined)
  request.write(BOAT.subarray(0, 100))
  await until(() => waiting().length === 1, 'the file begins to arrive')
  await bench.serving.stop()
  expect(waiting()).toEqual([])
})

it('what a killed process left waiting is removed at the next start', async () => {
  mkdirSync(join(bench.world.home, 'uploads'), { recursive: true })
  writeFileSync(join(bench.world.home, 'uploads', 'left.part'), 'half')
  const serving = await startServe(bench.world.app)
  expect(waiting()).toEqual([])
  await serving.stop()
})

it('can only be posted to', async () => {
  expect(await bench.ask('/uploads')).toMatchObject({ status: 405, headers: { allow: 'POST' } })
})
