import { createHash } from 'node:crypto'
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serveClip } from '../../../src/main/core/media/clip.ts'
import { chooseRange } from '../../../src/main/core/media/range.ts'
import { SAMPLE_MEDIA } from '../../support/world.ts'
import { Bench } from './bench.ts'

describe('chooseRange', () => {
  const part = (start: number, end: number) => ({ type: 'part', start, end })
  it.each([
    [undefined, { type: 'whole' }],
    ['', { type: 'whole' }],
    ['bytes=0-', part(0, 99)],
    ['bytes=0-0', part(0, 0)],
    ['bytes=10-19', part(10, 19)],
    ['Bytes = 10 - 19', part(10, 19)],
    ['bytes=90-900', part(90, 99)],
    ['bytes=99-', part(99, 99)],
    ['bytes=-1', part(99, 99)],
    ['bytes=-100', part(0, 99)],
    ['bytes=-900', part(0, 99)],
    ['bytes=0-99999999999999999999999', part(0, 99)],
    ['bytes=100-', { type: 'unsatisfiable' }],
    ['bytes=100-200', { type: 'unsatisfiable' }],
    ['bytes=-0', { type: 'unsatisfiable' }],
    ['bytes=20-10', { type: 'whole' }],
    ['bytes=0-1,5-6', { type: 'whole' }],
    ['bytes=-', { type: 'whole' }],
    ['bytes=a-b', { type: 'whole' }],
    ['bytes=0x1-2', { type: 'whole' }],
    ['items=0-1', { type: 'whole' }],
  ])('%s of 100 bytes', (header, expected) => {
    expect(chooseRange(header, 100)).toEqual(expected)
  })
  it('nothing of an empty file can be had', () => {
    expect(chooseRange('bytes=0-', 0)).toEqual({ type: 'unsatisfiable' })
    expect(chooseRange('bytes=-5', 0)).toEqual({ type: 'unsatisfiable' })
  })
})

let bench: Bench
let clip: Awaited<ReturnType<Bench['clip']>>
beforeEach(async () => {
  bench = await Bench.open()
  clip = await bench.clip()
})
afterEach(() => bench.close())

const get = (headers: Record<string, string> = {}, method = 'GET') =>
  bench.ask(`/media/clip/${clip.id}`, { method, headers })

describe('a clip', () => {
  it('comes whole, as a film and nothing else', async () => {
    const answer = await get()
    expect(answer.status).toBe(200)
    expect(answer.body.equals(clip.bytes)).toBe(true)
    expect(answer.headers).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': String(clip.sizeBytes),
      'accept-ranges': 'bytes',
      etag: `"${clip.sha256}"`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
    })
    expect(createHash('sha256').update(answer.body).digest('hex')).toBe(clip.sha256)
  })

  it('comes in parts', async () => {
    const answer = await get({ range: 'bytes=5-1004' })
    expect(answer.status).toBe(206)
    expect(answer.headers).toMatchObject({
      'content-range': `bytes 5-1004/${clip.sizeBytes}`,
      'content-length': '1000',
    })
    expect(answer.body.equals(clip.bytes.subarray(5, 1005))).toBe(true)
    const end = await get({ range: 'bytes=-7' })
    expect(end.body.equals(clip.bytes.subarray(-7))).toBe(true)
  })

  it('says how large it is to who asks beyond its end', async () => {
    const answer = await get({ range: `bytes=${clip.sizeBytes}-` })
    expect(answer).toMatchObject({ status: 416, headers: { 'content-range': `bytes */${clip.sizeBytes}` } })
    expect(answer.body).toHaveLength(0)
  })

  it('several ranges get all of it', async () => {
    expect((await get({ range: 'bytes=0-1,4-5' })).status).toBe(200)
  })

  it('is not sent again to who has it', async () => {
    for (const tag of [`"${clip.sha256}"`, `W/"${clip.sha256}"`, `"other", "${clip.sha256}"`, '*']) {
      expect((await get({ 'if-none-match': tag, range: 'bytes=0-1' })).status, tag).toBe(304)
    }
    expect((await get({ 'if-none-match': '"other"' })).status).toBe(200)
  })

  it('goes on only where the asker has the same content', async () => {
    expect((await get({ range: 'bytes=0-1', 'if-range': `"${clip.sha256}"` })).status).toBe(206)
    expect((await get({ range: 'bytes=0-1', 'if-range': '"other"' })).status).toBe(200)
  })

  it('HEAD tells its size and sends nothing; a range means nothing to it', async () => {
    const answer = await get({ range: 'bytes=0-1' }, 'HEAD')
    expect(answer).toMatchObject({ status: 200, headers: { 'content-length': String(clip.sizeBytes) } })
    expect(answer.body).toHaveLength(0)
  })

  it('can only be read', async () => {
    const answer = await get({ origin: bench.origin }, 'DELETE')
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
  })

  it.each(['0', '-1', '1.5', '01', '1e1', '999', 'x', '..', '%2e%2e%2fetc', '1%00', '99999999999999999999'])(
    'the id %s is nobody’s',
    async (id) => {
      const answer = await bench.ask(`/media/clip/${id}`)
      expect(answer.status).toBe(404)
      expect(JSON.parse(answer.text)).toMatchObject({ code: 'not-found' })
    },
  )

  it('that is gone is told with its record kept', async () => {
    rmSync(clip.file)
    const answer = await get()
    expect(answer.status).toBe(404)
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'clip-missing', place: { clipId: clip.id } })
  })

  it('that has grown is not passed off as the archived one', async () => {
    appendFileSync(clip.file, 'x')
    const answer = await get()
    expect(answer.status).toBe(409)
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'clip-changed' })
  })

  it('that became a folder or a link to nothing is gone', async () => {
    rmSync(clip.file)
    mkdirSync(clip.file)
    expect((await get()).status).toBe(404)
    rmSync(clip.file, { recursive: true })
    symlinkSync(join(bench.world.folder, 'nowhere'), clip.file)
    expect((await get()).status).toBe(404)
  })

  it('a link that leads out of the archive is refused, of the same size or not', async () => {
    const secret = join(bench.world.folder, 'secret')
    writeFileSync(secret, Buffer.alloc(clip.sizeBytes, 's'))
    rmSync(clip.file)
    symlinkSync(secret, clip.file)
    const answer = await get()
    expect(answer.status).toBe(404)
    expect(answer.text).not.toContain('ssss')
    expect(JSON.parse(answer.text).what).toContain('leads out')
  })

  it('an archive whose folder is itself a link still shows its clips', async () => {
    const moved = join(bench.world.folder, 'moved')
    renameSync(clip.archiveFolder, moved)
    symlinkSync(moved, clip.archiveFolder)
    expect((await get()).status).toBe(200)
  })

  it.each(['../secret', 'deep/../../secret', '.', '..', 'a\0b'])(
    'the recorded path %s does not lead out',
    async (path) => {
      const secret = join(bench.world.folder, 'secret')
      writeFileSync(secret, 'sssss')
      const { clips } = bench.world.app.core.engine.store
      const { id: _, condition, checkedAt, file, bytes, ...record } = clip
      const id = clips.insert({ ...record, jobId: null, path, sizeBytes: 5 })
      const answer = await bench.ask(`/media/clip/${id}`)
      expect(answer.status).toBe(404)
      expect(answer.text).not.toContain('sssss')
    },
  )

  it('carries its own rules, whichever host shows it', async () => {
    const { headers } = await serveClip(bench.world.app.core, String(clip.id), { method: 'HEAD' })
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
  })

  it.skipIf(!existsSync('/proc/self/fd'))(
    'leaves no file open, whatever became of the answer (counted in /proc, where there is one)',
    async () => {
      const serve = (more = {}) =>
        serveClip(bench.world.app.core, String(clip.id), { method: 'GET', ...more })
      const unread = (await serve()).body
      expect(openCount(clip.file)).toBe(1)
      await unread?.cancel()
      await (await serve()).arrayBuffer()
      await (await serve()).body?.cancel()
      await serve({ method: 'HEAD' })
      await serve({ ifNoneMatch: '*' })
      await serve({ range: 'bytes=999999999-' })
      appendFileSync(clip.file, 'x')
      await serve()
      expect(openCount(clip.file)).toBe(0)
    },
  )
})

/** How often this process has a file open. */
function openCount(file: string): number {
  const paths = readdirSync('/proc/self/fd').map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`)
    } catch {
      return ''
    }
  })
  return paths.filter((path) => path === file).length
}

describe('a reference', () => {
  const add = async (name: string) => {
    const path = join(bench.world.folder, name)
    copyFileSync(join(SAMPLE_MEDIA, name), path)
    const [reference] = (await bench.world.client.references.add({ path })).added
    if (!reference) throw new Error('nothing was added')
    return reference
  }

  it.each([
    ['paper-boat.png', 'image/png'],
    ['colony.mp4', 'video/mp4'],
    ['waltz.mp3', 'audio/mpeg'],
  ])('%s comes as %s, in parts too', async (name, type) => {
    const reference = await add(name)
    const whole = await bench.ask(`/media/reference/${reference.id}`)
    expect(whole).toMatchObject({
      status: 200,
      headers: { 'content-type': type, etag: `"${reference.sha256}"` },
    })
    expect(whole.body).toHaveLength(reference.sizeBytes)
    const part = await bench.ask(`/media/reference/${reference.id}`, { headers: { range: 'bytes=0-3' } })
    expect(part.status).toBe(206)
    expect(part.body.equals(whole.body.subarray(0, 4))).toBe(true)
  })

  it('that a record calls a page or a drawing with scripts is not shown, though its copy is there', async () => {
    const { id: _, ...record } = await add('paper-boat.png')
    const statuses: Record<string, number> = {}
    for (const [index, mediaType] of ['image/png', 'text/html', 'image/svg+xml', 'text/xml'].entries()) {
      const sha256 = `${index}`.repeat(64)
      const shelf = join(bench.world.home, 'references', sha256.slice(0, 2))
      mkdirSync(shelf, { recursive: true })
      writeFileSync(join(shelf, `${sha256}.bin`), '<svg/>')
      const id = bench.world.app.core.engine.store.references.add({
        ...record,
        sha256,
        mediaType,
        sizeBytes: 6,
      })
      statuses[mediaType] = (await bench.ask(`/media/reference/${id}`)).status
    }
    expect(statuses).toEqual({ 'image/png': 200, 'text/html': 404, 'image/svg+xml': 404, 'text/xml': 404 })
  })

  it('whose copy is gone is told', async () => {
    const reference = await add('paper-boat.png')
    rmSync(join(bench.world.home, 'references'), { recursive: true })
    const answer = await bench.ask(`/media/reference/${reference.id}`)
    expect(answer.status).toBe(404)
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'reference-missing' })
  })

  it('of no record is not found', async () => {
    expect((await bench.ask('/media/reference/77')).status).toBe(404)
  })
})
