import { createHash } from 'node:crypto'
import { ALL_FORMATS, BufferSource, Input } from 'mediabunny'
import { afterEach, expect, test, vi } from 'vitest'
import { nearestFrame, openClipShelf } from '../../src/practice/clips.ts'
import { flash, openBench, picture, RESOURCES, reference, vtrix } from './harness.ts'

const HOUR = 3_600_000
afterEach(() => vi.useRealTimers())

async function probe(bytes: ArrayBuffer | Buffer) {
  const input = new Input({ source: new BufferSource(bytes), formats: ALL_FORMATS })
  try {
    const video = await input.getPrimaryVideoTrack()
    const audio = await input.getPrimaryAudioTrack()
    return {
      width: await video?.getDisplayWidth(),
      height: await video?.getDisplayHeight(),
      videoCodec: await video?.getCodec(),
      audioCodec: (await audio?.getCodec()) ?? null,
      videoSeconds: (await video?.computeDuration()) ?? 0,
      audioSeconds: (await audio?.computeDuration()) ?? 0,
    }
  } finally {
    input.dispose()
  }
}

test.each([
  [reference({ duration: 5, quality: '1080p', aspect_ratio: '9:16' }), 1080, 1920, 5, true],
  [flash({ duration: 2, generate_audio: false, aspect_ratio: '4:3' }), 1088, 832, 2, false],
  [flash({ duration: 10, aspect_ratio: '1:1', quality: '1080p' }), 1440, 1440, 10, true],
  [picture({ duration: 15 }), 1280, 720, 15, true],
])('the clip of %j is %ix%i, %i s long, with sound %s', async (body, width, height, seconds, sound) => {
  const bench = await openBench()
  const done = await bench.finish(body)
  const found = await probe(await (await fetch(done.body.results[0])).arrayBuffer())
  expect(found).toMatchObject({ width, height, videoCodec: 'avc', audioCodec: sound ? 'aac' : null })
  expect(Math.abs(found.videoSeconds - seconds)).toBeLessThan(0.05)
  if (sound) expect(Math.abs(found.audioSeconds - seconds)).toBeLessThan(0.05)
})

test('a Vtrix clip has the ordered frame and no sound when none was wanted', async () => {
  const bench = await openBench()
  const created = await bench.post(
    '/model/v1/generation',
    vtrix('x', { size: '832*1088', duration: 3, audio: false }),
  )
  bench.clock.pass(600_000)
  const done = await bench.get(`/model/v1/generation/task/${created.body.id}`)
  const found = await probe(await (await fetch(done.body.output[0].content[0].url)).arrayBuffer())
  expect(found).toMatchObject({ width: 832, height: 1088, audioCodec: null })
})

test('every size of the tables has a master of its own size, 15 s and more long', async () => {
  const shelf = await openClipShelf(RESOURCES)
  const sizes = shelf.sizes()
  expect(sizes).toHaveLength(13)
  for (const frame of sizes) {
    const clip = await shelf.take({ ...frame, seconds: 15, sound: true }, 'x')
    const found = await probe(clip)
    expect(found).toMatchObject({ width: frame.width, height: frame.height, audioCodec: 'aac' })
    expect(Math.abs(found.videoSeconds - 15)).toBeLessThan(0.05)
  }
  expect(nearestFrame(sizes, { width: 1104, height: 832 })).toEqual({ width: 1088, height: 832 })
  expect(nearestFrame(sizes, { width: 1248, height: 1648 })).toEqual({ width: 1248, height: 1632 })
})

test('two tasks differ in their bytes, one task is the same at every download and on a new shelf', async () => {
  const bench = await openBench()
  const first = await bench.finish(reference())
  const second = await bench.finish(reference())
  const hash = async (url: string) =>
    createHash('sha256')
      .update(Buffer.from(await (await fetch(url)).arrayBuffer()))
      .digest('hex')
  const one = await hash(first.body.results[0])
  expect(await hash(first.body.results[0])).toBe(one)
  expect(await hash(second.body.results[0])).not.toBe(one)
  await bench.restart()
  const again = await bench.get(`/v1/tasks/${first.body.id}`)
  expect(await hash(again.body.results[0])).toBe(one)
})

test('ranges, validators and heads are answered as HTTP says', async () => {
  const bench = await openBench()
  const url = (await bench.finish(reference())).body.results[0]
  const whole = await fetch(url)
  const bytes = Buffer.from(await whole.arrayBuffer())
  const etag = whole.headers.get('etag') ?? ''
  const ask = async (headers: Record<string, string>) => {
    const response = await fetch(url, { headers })
    return { response, bytes: Buffer.from(await response.arrayBuffer()) }
  }
  const rest = await ask({ range: 'bytes=1000-', 'if-range': etag })
  expect(rest.response.status).toBe(206)
  expect(rest.response.headers.get('content-range')).toBe(`bytes 1000-${bytes.length - 1}/${bytes.length}`)
  expect(rest.bytes.equals(bytes.subarray(1000))).toBe(true)
  expect((await ask({ range: 'bytes=10-19' })).bytes.equals(bytes.subarray(10, 20))).toBe(true)
  expect((await ask({ range: 'bytes=-5' })).bytes.equals(bytes.subarray(-5))).toBe(true)
  const other = await ask({ range: 'bytes=1000-', 'if-range': '"another"' })
  expect([other.response.status, other.bytes.length]).toEqual([200, bytes.length])
  const beyond = await ask({ range: `bytes=${bytes.length}-` })
  expect([beyond.response.status, beyond.response.headers.get('content-range')]).toEqual([
    416,
    `bytes */${bytes.length}`,
  ])
  const head = await fetch(url, { method: 'HEAD' })
  expect(head.headers.get('content-length')).toBe(String(bytes.length))
})

test('a link dies after 24 hours; a task that is kept longer gives a fresh one, then is forgotten', async () => {
  const bench = await openBench({ timing: { taskLifeMs: 48 * HOUR } })
  const done = await bench.finish(reference())
  const [link] = done.body.results
  expect((await bench.get(`/v1/tasks/${done.body.id}`)).body.results).toEqual([link])
  bench.clock.pass(24 * HOUR)
  const dead = await fetch(link)
  expect([dead.status, dead.headers.get('content-type')]).toEqual([403, 'application/xml'])
  expect(await dead.text()).toContain('<Code>AccessDenied</Code>')
  const [fresh] = (await bench.get(`/v1/tasks/${done.body.id}`)).body.results
  expect(fresh).not.toBe(link)
  expect((await fetch(fresh)).status).toBe(200)
  expect((await fetch(link)).status).toBe(403)
  bench.clock.pass(24 * HOUR)
  expect((await bench.get(`/v1/tasks/${done.body.id}`)).body.error.code).toBe('task_not_found')
})

test('a key that is sent to a result link is written down as a leak', async () => {
  const bench = await openBench()
  const [link] = (await bench.finish(reference())).body.results
  await fetch(link)
  expect(bench.practice.ledger.requests().some((row) => row.leakedKey)).toBe(false)
  await bench.get(link)
  expect(bench.practice.ledger.requests().filter((row) => row.leakedKey)).toHaveLength(1)
  expect((await fetch(link.replace(/\/[0-9a-f]{32}\./, `/${'0'.repeat(32)}.`))).status).toBe(403)
  expect((await fetch(`${bench.practice.url}/results/none/${'0'.repeat(32)}.mp4`)).status).toBe(404)
})

test('a clip that is cut again on another day has the same bytes', async () => {
  const order = { width: 1280, height: 720, seconds: 2, sound: true }
  const cutOn = async (day: string) => {
    vi.setSystemTime(new Date(day))
    return (await openClipShelf(RESOURCES)).take(order, 'x')
  }
  vi.useFakeTimers({ toFake: ['Date'] })
  expect((await cutOn('2026-10-10')).equals(await cutOn('2027-01-01'))).toBe(true)
})

test('the link of a task that was held back lives 24 hours from its real end', async () => {
  const bench = await openBench()
  const created = await bench.post('/v1/videos/generations', reference({ prompt: '[running]' }))
  bench.clock.pass(20 * HOUR)
  expect((await bench.get(`/v1/tasks/${created.body.id}`)).body.status).toBe('processing')
  bench.clock.pass(1000)
  const [link] = (await bench.get(`/v1/tasks/${created.body.id}`)).body.results
  bench.clock.pass(24 * HOUR - 1001)
  expect((await fetch(link)).status).toBe(200)
  bench.clock.pass(1)
  expect((await fetch(link)).status).toBe(403)
})
