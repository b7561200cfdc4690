import { Readable } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import type { EvolinkProvider } from '../../../src/main/core/provider/evolink/adapter.ts'
import { keyMayGoTo } from '../../../src/main/core/provider/index.ts'
import { Refused, Unreachable, type UploadRequest } from '../../../src/main/core/provider/provider.ts'
import { type Script, startScriptedServer } from '../../support/scripted-server.ts'
import { errorOf, hashOf, never, openBench } from './bench.ts'
import { parseMultipart } from './parse-multipart.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function setUp(family: 'evolink', steps: Script[]) {
  const server = await startScriptedServer(...steps)
  open.push(server.stop)
  const bench = openBench({ family, baseUrl: server.url, filesUrl: server.url })
  open.push(() => bench.provider.close())
  return { server, ...bench, provider: bench.provider as unknown as EvolinkProvider }
}

const ok = (body: unknown): Script => ({ status: 200, body })

describe('EvoLink files', () => {
  const fileOf = (bytes: Buffer, more: Partial<UploadRequest> = {}): UploadRequest => ({
    sha256: hashOf(bytes),
    name: 'clip.mp4',
    mediaType: 'video/mp4',
    sizeBytes: bytes.length,
    stream: () => Readable.from([bytes]),
    onProgress: () => undefined,
    ...more,
  })
  const uploaded = ok({ success: true, data: { file_url: 'https://files.evolink.ai/x.mp4', file_id: 'f1' } })
  const upload = (provider: EvolinkProvider, file: UploadRequest) =>
    provider.upload?.(file, never()) ?? Promise.reject(new Error('no upload'))

  test('a big file arrives byte for byte, with its exact length and rising progress', async () => {
    const bytes = Buffer.alloc(12_000_000)
    for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at)
    const { server, provider } = await setUp('evolink', [uploaded])
    const progress: number[] = []
    const chunks = Array.from({ length: 120 }, (_, at) => bytes.subarray(at * 100_000, (at + 1) * 100_000))
    await upload(
      provider,
      fileOf(bytes, { stream: () => Readable.from(chunks), onProgress: (sent) => progress.push(sent) }),
    )
    const seen = server.requests[0]
    expect(seen?.headers['content-length']).toBe(String(seen?.body.length))
    expect(seen?.headers).not.toHaveProperty('transfer-encoding')
    const parts = parseMultipart(seen?.headers['content-type'] ?? '', seen?.body ?? Buffer.alloc(0))
    expect(hashOf(parts[2]?.content ?? Buffer.alloc(0))).toBe(hashOf(bytes))
    expect(progress.length).toBeGreaterThan(100)
    expect(progress).toEqual([...progress].sort((one, other) => one - other))
    expect(progress.at(-1)).toBe(bytes.length)
  })
  test('equal names of different contents do not meet, and no name leaves the letters that are safe', async () => {
    const { server, provider } = await setUp('evolink', [uploaded])
    const names = ['../../é a"b\r\n.mp4', '猫.mp4', 'plain']
    for (const [at, name] of names.entries()) await upload(provider, fileOf(Buffer.from([at]), { name }))
    const sent = server.requests.map(
      (seen) => parseMultipart(seen.headers['content-type'] ?? '', seen.body)[2]?.fileName,
    )
    expect(new Set(sent).size).toBe(3)
    for (const name of sent) expect(name).toMatch(/^[0-9a-f]{16}-[A-Za-z0-9._-]+\.mp4$/)
  })
  test('BMP and files above 95 MiB are refused here and not sent', async () => {
    const { server, provider } = await setUp('evolink', [uploaded])
    const bmp = await errorOf(
      upload(provider, fileOf(Buffer.from('BM'), { name: 'a.bmp', mediaType: 'image/bmp' })),
    )
    expect(bmp).toMatchObject({
      kind: 'upload_type_refused',
      problem: { next: expect.stringContaining('PNG') },
    })
    const big = await errorOf(upload(provider, fileOf(Buffer.from('x'), { sizeBytes: 99_614_721 })))
    expect(big).toMatchObject({ kind: 'upload_too_large', sentBytes: 99_614_721 })
    expect(server.requests).toHaveLength(0)
  })
  test('a 400 that speaks of the type refuses the type; a success without an address is no success', async () => {
    const said = { success: false, code: 400, msg: 'unsupported file type' }
    const { server, provider } = await setUp('evolink', [{ status: 400, body: said }])
    expect(await errorOf(upload(provider, fileOf(Buffer.from('x'))))).toMatchObject({
      kind: 'upload_type_refused',
    })
    server.script(ok({ success: true, data: {} }))
    expect(await errorOf(upload(provider, fileOf(Buffer.from('x'))))).toBeInstanceOf(Unreachable)
    server.script(ok({ success: false, code: 401, msg: 'no' }))
    expect(await errorOf(upload(provider, fileOf(Buffer.from('x'))))).toMatchObject({ kind: 'auth' })
  })
  test('a reference that cannot be read is named, whether bytes had left or not', async () => {
    const { provider } = await setUp('evolink', [uploaded])
    const broken = (first: Buffer[]) =>
      Readable.from(
        (async function* () {
          yield* first
          throw new Error('EIO')
        })(),
      )
    for (const first of [[], [Buffer.alloc(70_000)]]) {
      const file = fileOf(Buffer.alloc(100_000), { stream: () => broken(first) })
      const error = await errorOf(upload(provider, file))
      expect(error).toBeInstanceOf(Refused)
      expect(error).toMatchObject({ problem: { code: 'reference-unreadable', place: { file: 'clip.mp4' } } })
    }
  })
  test('an upload that stands still is given up after 30 s without a byte', async () => {
    const { server, provider, clock } = await setUp('evolink', ['silence'])
    let push = (_bytes: Buffer): void => undefined
    let readable: Readable | undefined
    const stream = () => {
      readable = new Readable({ read: () => undefined })
      push = (bytes) => void readable?.push(bytes)
      return readable
    }
    let noteProgress = (): void => undefined
    const moved = new Promise<void>((resolve) => {
      noteProgress = resolve
    })
    const failed = errorOf(
      upload(
        provider,
        fileOf(Buffer.alloc(10), { sizeBytes: 1_000_000, stream, onProgress: () => noteProgress() }),
      ),
    )
    await moved
    push(Buffer.alloc(1000))
    await clock.advance(30_001)
    expect(await failed).toMatchObject({ problem: { code: 'unreachable' } })
    expect(readable?.destroyed ?? true).toBe(true)
    expect(server.requests).toHaveLength(0)
  })
  test('a key goes only to its own hosts', async () => {
    const files = 'https://files-api.evolink.ai'
    expect(keyMayGoTo(files, 'https://api.evolink.ai')).toBe(true)
    expect(keyMayGoTo(files, 'https://ai.odkkk.com/apiv1')).toBe(false)
    expect(keyMayGoTo('https://files.other.example', 'https://api.evolink.ai')).toBe(false)
    expect(keyMayGoTo('http://files-api.evolink.ai', 'https://api.evolink.ai')).toBe(false)
    expect(keyMayGoTo('https://files.two.com.cn', 'https://api.one.com.cn')).toBe(false)
    expect(keyMayGoTo(files, 'http://127.0.0.1:9')).toBe(false)
    expect(keyMayGoTo('http://127.0.0.1:8', 'http://127.0.0.1:9')).toBe(true)
    const { provider } = openBench({
      family: 'evolink',
      baseUrl: 'https://ai.odkkk.com/apiv1',
      filesUrl: files,
    })
    open.push(() => provider.close())
    expect(provider.upload).toBeUndefined()
    expect(provider.can.upload).toBe(false)
    expect(() => openBench({ family: 'evolink', baseUrl: 'http://api.evolink.ai' })).toThrow(/https/)
  })
})
