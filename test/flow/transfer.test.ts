import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Disk, realDisk } from '../../src/main/core/archive/disk.ts'
import {
  AddressRefused,
  ClientBlocked,
  ContentInvalid,
  LinkRefused,
  TransferBroken,
} from '../../src/main/core/archive/errors.ts'
import {
  createTransferAgents,
  DEFAULT_TRANSFER_LIMITS,
  type FetchRequest,
  fetchOutput,
  type TransferAgents,
} from '../../src/main/core/archive/transfer.ts'
import {
  answer,
  cutAfter,
  HandClock,
  type MediaServer,
  redirect,
  serve,
  stallAfter,
  startMediaServer,
} from '../support/media-server.ts'

const CANARY = 'canary-signature-5f1c'
const BODY = videoBytes(300_000)
const FILE = { body: BODY, etag: '"v1"' }

let folder: string
let server: MediaServer
let agents: TransferAgents
let clock: HandClock

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'transfer-'))
  server = await startMediaServer(serve(FILE))
  agents = createTransferAgents()
  clock = new HandClock()
})
afterEach(async () => {
  await agents.close()
  await server.close()
  rmSync(folder, { recursive: true, force: true })
  expect(clock.sleeperCount).toBe(0)
})

describe('a plain transfer', () => {
  it('fetches every byte, hashes it and reports progress', async () => {
    const seen: [number, number | null][] = []
    const fetched = await fetchOutput(ask({ onProgress: (...step) => seen.push(step) }))
    expect(fetched).toEqual({ sizeBytes: BODY.length, sha256: sha256(BODY), contentType: 'video/mp4' })
    expect(readFileSync(part())).toEqual(BODY)
    expect(seen.at(-1)).toEqual([BODY.length, BODY.length])
  })

  it('sends a truthful name, asks for bytes as they are, and never a key', async () => {
    await fetchOutput(ask())
    const { headers } = server.asked[0] ?? { headers: {} }
    expect(headers).toMatchObject({ 'user-agent': 'Reelsheet/test', 'accept-encoding': 'identity' })
    expect(headers).not.toHaveProperty('authorization')
    expect(headers).not.toHaveProperty('cookie')
    expect(headers).not.toHaveProperty('range')
  })

  it('takes a body without an announced length', async () => {
    server.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'video/mp4' })
      response.write(BODY.subarray(0, 1000))
      response.end(BODY.subarray(1000))
    })
    await expect(fetchOutput(ask())).resolves.toMatchObject({ sha256: sha256(BODY) })
  })

  it('passes its checkpoints in order and leaves synced notes', async () => {
    const points: string[] = []
    await fetchOutput(ask({ checkpoint: (point) => points.push(point) }))
    expect(points).toEqual(['download.received', 'download.synced'])
    expect(notes()).toMatchObject({ isComplete: true, syncedBytes: BODY.length, totalBytes: BODY.length })
  })

  it('answers from a finished part without asking again', async () => {
    await fetchOutput(ask())
    server.script(answer(404, {}))
    await expect(fetchOutput(ask())).resolves.toMatchObject({ sha256: sha256(BODY) })
    expect(server.asked).toHaveLength(1)
  })

  it('does not take a finished part of another output for its own', async () => {
    await fetchOutput(ask())
    const other = videoBytes(5000)
    server.script(serve({ body: other }))
    await expect(fetchOutput(ask({ identity: 'main/task-2/0' }))).resolves.toMatchObject({
      sha256: sha256(other),
    })
  })
})

describe('going on after a break', () => {
  it('keeps what came and asks for the rest, tied to the validator', async () => {
    server.script(cutAfter(FILE, 100_000), serve(FILE))
    await expect(fetchOutput(ask())).rejects.toBeInstanceOf(TransferBroken)
    expect(notes().syncedBytes).toBe(100_000)
    await expect(fetchOutput(ask())).resolves.toMatchObject({ sha256: sha256(BODY), sizeBytes: BODY.length })
    expect(server.asked[1]?.headers).toMatchObject({ range: 'bytes=100000-', 'if-range': '"v1"' })
  })

  it('goes on with a fresh signature on the same link', async () => {
    await breakAfter(100_000)
    await fetchOutput(ask({ url: `${server.base}/v/clip.mp4?sig=other` }))
    expect(server.asked[1]?.headers.range).toBe('bytes=100000-')
  })

  it('goes on under another link when ETag and size agree', async () => {
    await breakAfter(100_000)
    await expect(fetchOutput(ask({ url: `${server.base}/other.mp4` }))).resolves.toMatchObject({
      sha256: sha256(BODY),
    })
    expect(server.asked[1]?.headers.range).toBe('bytes=100000-')
  })

  it('starts again when the range is ignored', async () => {
    await breakAfter(100_000)
    server.script(serve({ ...FILE, ranges: false }))
    await expect(fetchOutput(ask())).resolves.toMatchObject({ sha256: sha256(BODY) })
    expect(readFileSync(part())).toEqual(BODY)
  })

  it('starts again when the file changed at the server', async () => {
    await breakAfter(100_000)
    const changed = videoBytes(200_000, 7)
    server.script(serve({ body: changed, etag: '"v2"' }))
    await expect(fetchOutput(ask())).resolves.toMatchObject({ sha256: sha256(changed) })
  })

  it.each([
    [
      'another validator',
      { etag: '"v2"', 'content-range': `bytes 100000-${BODY.length - 1}/${BODY.length}` },
    ],
    ['another size', { etag: '"v1"', 'content-range': `bytes 100000-${BODY.length - 1}/${BODY.length + 1}` }],
    ['another place', { etag: '"v1"', 'content-range': `bytes 99999-${BODY.length - 1}/${BODY.length}` }],
    ['an unreadable range', { etag: '"v1"', 'content-range': 'bytes all/everything' }],
  ])('starts again when a 206 speaks of %s', async (_what, headers) => {
    await breakAfter(100_000)
    server.script(
      answer(206, { 'content-type': 'video/mp4', ...headers }, BODY.subarray(100_000)),
      serve(FILE),
    )
    await expect(fetchOutput(ask())).resolves.toMatchObject({ sha256: sha256(BODY) })
    expect(server.asked[2]?.headers).not.toHaveProperty('range')
  })

  it('starts again on 416 of another size, and is done on 416 of its own', async () => {
    await breakAfter(100_000)
    server.script(answer(416, { 'content-range': 'bytes */50' }), serve(FILE))
    await expect(fetchOutput(ask())).resolves.toMatchObject({ sha256: sha256(BODY) })

    rmSync(`${part()}.json`)
    server.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'video/mp4', etag: '"v1"' })
      response.write(BODY, () => response.socket?.destroy())
    }, serve(FILE))
    await expect(fetchOutput(ask())).rejects.toBeInstanceOf(TransferBroken)
    await expect(fetchOutput(ask())).resolves.toMatchObject({ sha256: sha256(BODY) })
    expect(server.asked.at(-1)?.headers.range).toBe(`bytes=${BODY.length}-`)
  })

  it('starts clean from a part without notes, with broken notes, or shorter than its notes', async () => {
    writeFileSync(part(), videoBytes(1000, 9))
    await expect(fetchOutput(ask())).resolves.toMatchObject({ sha256: sha256(BODY) })
    writeFileSync(`${part()}.json`, '{"syncedBytes":')
    await expect(fetchOutput(ask())).resolves.toMatchObject({ sha256: sha256(BODY) })
    writeFileSync(part(), BODY.subarray(0, 10))
    await expect(fetchOutput(ask())).resolves.toMatchObject({ sha256: sha256(BODY) })
    expect(server.asked.map(({ headers }) => headers.range)).toEqual([undefined, undefined, undefined])
  })

  it('does not build on bytes that were never synced', async () => {
    await breakAfter(100_000)
    writeFileSync(part(), Buffer.concat([BODY.subarray(0, 100_000), Buffer.alloc(50_000)]))
    await expect(fetchOutput(ask())).resolves.toMatchObject({ sha256: sha256(BODY) })
    expect(server.asked[1]?.headers.range).toBe('bytes=100000-')
  })

  it('cuts off what hangs behind the bytes of a finished part', async () => {
    await fetchOutput(ask())
    writeFileSync(part(), Buffer.concat([BODY, Buffer.alloc(500)]))
    await expect(fetchOutput(ask())).resolves.toMatchObject({ sha256: sha256(BODY), sizeBytes: BODY.length })
    expect(readFileSync(part())).toEqual(BODY)
  })

  it('notes along the way what a kill or a power loss would leave', async () => {
    const long = videoBytes(20 * 1024 * 1024)
    const noted = Promise.withResolvers<void>()
    const stop = new AbortController()
    const disk: Disk = {
      ...realDisk,
      rename: (from, to) => realDisk.rename(from, to).then(() => noted.resolve()),
    }
    server.script(
      stallAfter({ body: Buffer.concat([long, BODY]), etag: '"v1"' }, long.length, () => undefined),
    )
    const outcome = expect(fetchOutput(ask({ disk, signal: stop.signal }))).rejects.toThrow('quit')
    await noted.promise
    expect(notes().syncedBytes).toBeGreaterThanOrEqual(16 * 1024 * 1024)
    expect(notes().isComplete).toBe(false)
    stop.abort(new Error('quit'))
    await outcome
  })

  it('keeps nothing that it could not recognise again', async () => {
    server.script(cutAfter({ body: BODY }, 100_000), serve({ body: BODY }))
    await expect(fetchOutput(ask())).rejects.toBeInstanceOf(TransferBroken)
    expect(readdirSync(folder)).toEqual([])
  })

  it('keeps what came when it is told to stop', async () => {
    const stop = new AbortController()
    server.script(stallAfter(FILE, 100_000, () => undefined))
    const onProgress = (received: number) => received === 100_000 && stop.abort(new Error('quit'))
    await expect(fetchOutput(ask({ signal: stop.signal, onProgress }))).rejects.toThrow('quit')
    expect(notes().syncedBytes).toBe(100_000)
  })
})

describe('refusals', () => {
  it.each([401, 403, 404, 410, 400, 451])('HTTP %i: the link is dead, bytes are kept', async (status) => {
    await breakAfter(100_000)
    server.script(
      answer(status, { 'content-type': 'application/xml' }, '<Error><Code>AccessDenied</Code></Error>'),
    )
    await expect(fetchOutput(ask())).rejects.toBeInstanceOf(LinkRefused)
    expect(notes().syncedBytes).toBe(100_000)
  })

  it('tells a robot check from a dead link', async () => {
    server.script(answer(403, { 'content-type': 'text/plain' }, 'error code: 1010'))
    await expect(fetchOutput(ask())).rejects.toBeInstanceOf(ClientBlocked)
  })

  it.each([429, 408, 500, 502, 503, 504, 204, 304])('HTTP %i: try again later', async (status) => {
    server.script(answer(status, { 'retry-after': '7' }))
    await expect(fetchOutput(ask())).rejects.toMatchObject({ retryAfterMs: 7000, isOffline: false })
    expect(readdirSync(folder)).toEqual([])
  })

  it.each([
    ['text/html', '<html></html>'],
    ['video/mp4', '\ufeff  <!DOCTYPE html><p>Sign in</p>'],
    ['video/mp4', '{"error":{"code":"expired"}}'],
    ['application/octet-stream', '<?xml version="1.0"?><Error/>'],
    ['video/mp4', 'Not here any more.'],
    ['text/html', videoBytes(2000)],
    ['application/json', videoBytes(2000)],
    ['video/mp4', ''],
    ['video/mp4', gzipSync(videoBytes(2000))],
  ])('keeps no file of %s that is no video', async (contentType, body) => {
    server.script(answer(200, { 'content-type': contentType }, body))
    await expect(fetchOutput(ask())).rejects.toBeInstanceOf(ContentInvalid)
    expect(readdirSync(folder)).toEqual([])
  })

  it('trusts a known container more than a careless label', async () => {
    server.script(answer(200, { 'content-type': 'text/plain', 'content-encoding': 'aws-chunked' }, BODY))
    await expect(fetchOutput(ask())).resolves.toMatchObject({ sha256: sha256(BODY) })
  })

  it('stops at the size limit, announced or not', async () => {
    await expect(fetchOutput(ask({ maxBytes: 200_000 }))).rejects.toBeInstanceOf(ContentInvalid)
    server.script((_request, response) => response.writeHead(200, { 'content-type': 'video/mp4' }).end(BODY))
    await expect(fetchOutput(ask({ maxBytes: 200_000 }))).rejects.toBeInstanceOf(ContentInvalid)
    expect(readdirSync(folder)).toEqual([])
  })

  it('refuses more bytes than a range announced', async () => {
    await breakAfter(100_000)
    server.script((_request, response) => {
      response.writeHead(206, {
        etag: '"v1"',
        'content-range': `bytes 100000-${BODY.length - 1}/${BODY.length}`,
      })
      response.write(BODY.subarray(100_000))
      response.end(Buffer.alloc(10))
    })
    await expect(fetchOutput(ask())).rejects.toBeInstanceOf(ContentInvalid)
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('time', () => {
  it('gives up a body that stands still, keeping what came', async () => {
    server.script(stallAfter(FILE, 100_000, () => undefined))
    const arrived = Promise.withResolvers<void>()
    const fetching = fetchOutput(ask({ onProgress: (received) => received === 100_000 && arrived.resolve() }))
    const outcome = expect(fetching).rejects.toMatchObject({
      isOffline: false,
      problem: { code: 'unreachable' },
    })
    await arrived.promise
    await clock.advance(DEFAULT_TRANSFER_LIMITS.idleTimeoutMs + 1000)
    await outcome
    expect(notes().syncedBytes).toBe(100_000)
  })

  it('gives up a server that never answers', async () => {
    const asked = Promise.withResolvers<void>()
    server.script(() => asked.resolve())
    const outcome = expect(fetchOutput(ask())).rejects.toBeInstanceOf(TransferBroken)
    await asked.promise
    await clock.advance(DEFAULT_TRANSFER_LIMITS.headersTimeoutMs + 1000)
    await outcome
  })
})

describe('redirects and addresses', () => {
  it('follows up to five redirects, relative ones too', async () => {
    const hops = [1, 2, 3, 4, 5].map((hop) => redirect(hop === 2 ? '/relative' : `${server.base}/hop${hop}`))
    server.script(...hops, serve(FILE))
    await expect(fetchOutput(ask())).resolves.toMatchObject({ sha256: sha256(BODY) })
    expect(server.asked).toHaveLength(6)
  })

  it('refuses a loop', async () => {
    server.script(redirect('/again'))
    await expect(fetchOutput(ask())).rejects.toBeInstanceOf(AddressRefused)
    expect(server.asked).toHaveLength(6)
  })

  it.each([
    'http://media.example/v.mp4',
    'https://10.0.0.1/v.mp4',
    'https://169.254.169.254/latest/meta-data',
    'https://[fd00::1]/v.mp4',
    'https://[::ffff:192.168.1.1]/v.mp4',
    'https://0x0a000001/v.mp4',
    'ftp://media.example/v.mp4',
    'file:///etc/passwd',
    'https://user:secret@media.example/v.mp4',
  ])('refuses to be sent to %s', async (target) => {
    server.script(redirect(target))
    await expect(fetchOutput(ask())).rejects.toBeInstanceOf(AddressRefused)
    expect(server.asked).toHaveLength(1)
  })

  it('reaches this machine only for accounts that live on it', async () => {
    for (const url of [
      `${server.base}/v.mp4`,
      server.base.replace('http', 'https'),
      'https://localhost/v.mp4',
    ])
      await expect(fetchOutput(ask({ url, allowLoopback: false }))).rejects.toBeInstanceOf(AddressRefused)
    expect(server.asked).toEqual([])
  })

  it('checks the address that a name leads to at the moment of connecting', async () => {
    await agents.close()
    agents = createTransferAgents({
      lookup: (_host, options, callback) =>
        options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4),
    })
    const port = new URL(server.base).port
    const url = `https://media.example:${port}/v.mp4`
    await expect(fetchOutput(ask({ url, allowLoopback: false }))).rejects.toBeInstanceOf(AddressRefused)
    expect(server.asked).toEqual([])
  })

  it('says when the server is not there', async () => {
    await server.close()
    await expect(fetchOutput(ask())).rejects.toMatchObject({ isOffline: false })
    server = await startMediaServer()
  })

  it('says when there is no network', async () => {
    await agents.close()
    agents = createTransferAgents({
      lookup: (_host, _options, callback) =>
        callback(Object.assign(new Error('no'), { code: 'EAI_AGAIN' }), '', 0),
    })
    await expect(fetchOutput(ask({ url: 'https://media.example/v.mp4' }))).rejects.toMatchObject({
      isOffline: true,
    })
  })
})

it('never writes down or says a signature', async () => {
  const errors: unknown[] = []
  const url = `${server.base}/v/${CANARY}.mp4?sig=${CANARY}`
  const acts = [
    cutAfter(FILE, 100_000),
    answer(403, {}),
    answer(500, {}),
    redirect(`http://media.example/?sig=${CANARY}`),
    redirect(`https://[broken/?sig=${CANARY}`),
  ]
  for (const act of acts) {
    server.script(act)
    errors.push(await fetchOutput(ask({ url })).catch((error: unknown) => error))
  }
  const written = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'))
  expect(written).not.toHaveLength(0)
  const said = errors.map((error) => everythingIn(error))
  expect([...written, ...said].join('\n')).not.toContain(CANARY)
})

/** Everything an error holds, its causes too. */
function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error)
  return [
    error.message,
    error.stack,
    JSON.stringify({ ...error }),
    error.cause ? everythingIn(error.cause) : '',
  ].join(' ')
}

async function breakAfter(bytes: number): Promise<void> {
  server.script(cutAfter(FILE, bytes))
  await expect(fetchOutput(ask())).rejects.toBeInstanceOf(TransferBroken)
  server.script(serve(FILE))
}

function ask(changes: Partial<FetchRequest> = {}): FetchRequest {
  return {
    ...DEFAULT_TRANSFER_LIMITS,
    url: `${server.base}/v/clip.mp4?sig=${CANARY}`,
    identity: 'main/task-1/0',
    partPath: part(),
    allowLoopback: true,
    userAgent: 'Reelsheet/test',
    onProgress: () => undefined,
    agents,
    checkpoint: () => undefined,
    clock,
    signal: new AbortController().signal,
    ...changes,
  }
}

const part = (): string => join(folder, 'clip.mp4.part')
const notes = () => {
  expect(existsSync(part())).toBe(true)
  return JSON.parse(readFileSync(`${part()}.json`, 'utf8'))
}
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Bytes that begin like an MP4 file and differ everywhere. */
function videoBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * seed) & 0xff
  bytes.writeUInt32BE(24, 0)
  bytes.write('ftypisom', 4, 'latin1')
  return bytes
}
