import { ALL_FORMATS, BufferSource, Input } from 'mediabunny'
import { expect, test } from 'vitest'
import { type Bench, failing, openBench, reference } from './harness.ts'

async function ready(prompt: string): Promise<{ bench: Bench; link: string; id: string }> {
  const bench = await openBench()
  const done = await bench.finish(reference({ prompt }))
  return { bench, link: done.body.results[0], id: done.body.id }
}

const bytesOf = async (link: string, headers: Record<string, string> = {}) =>
  Buffer.from(await (await fetch(link, { headers })).arrayBuffer())

/** Reads until the connection ends, however it ends. */
async function readSome(link: string): Promise<{ bytes: number; etag: string; isWhole: boolean }> {
  const response = await fetch(link)
  let bytes = 0
  let isWhole = true
  try {
    for await (const chunk of response.body ?? []) bytes += (chunk as Uint8Array).length
  } catch {
    isWhole = false
  }
  return { bytes, etag: response.headers.get('etag') ?? '', isWhole }
}

test('[expire] kills the first link; the fresh one works', async () => {
  const { bench, link, id } = await ready('[expire]')
  expect((await fetch(link)).status).toBe(403)
  expect((await fetch(link)).status).toBe(403)
  const [fresh] = (await bench.get(`/v1/tasks/${id}`)).body.results
  expect(fresh).not.toBe(link)
  expect((await fetch(fresh)).status).toBe(200)
})

test('[link 404] and [html] happen once', async () => {
  const { link } = await ready('[link 404][html]')
  expect((await fetch(link)).status).toBe(404)
  const page = await fetch(link)
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  expect((await fetch(link)).headers.get('content-type')).toBe('video/mp4')
})

test('[cut=20KB] breaks off there, and the rest can be asked for', async () => {
  const { link } = await ready('[cut=20KB]')
  const part = await readSome(link)
  expect(part).toMatchObject({ bytes: 20_000, isWhole: false })
  const rest = await bytesOf(link, { range: 'bytes=20000-', 'if-range': part.etag })
  const whole = await bytesOf(link)
  expect(rest.equals(whole.subarray(20_000))).toBe(true)
})

test('[cut=1MB] still cuts a clip that is smaller than that', async () => {
  const { link } = await ready('[cut=1MB x2]')
  expect((await readSome(link)).isWhole).toBe(false)
  expect((await readSome(link)).isWhole).toBe(false)
  expect((await readSome(link)).isWhole).toBe(true)
})

test('[no-range] ignores the next resume', async () => {
  const { link } = await ready('[no-range]')
  const range = { range: 'bytes=100-' }
  expect((await fetch(link)).headers.get('accept-ranges')).toBe('bytes')
  expect((await fetch(link, { headers: range })).status).toBe(200)
  expect((await fetch(link, { headers: range })).status).toBe(206)
})

test('[changed] gives other bytes and another validator from the first resume on', async () => {
  const { link } = await ready('[cut=20KB][changed]')
  const part = await readSome(link)
  const resumed = await fetch(link, { headers: { range: 'bytes=20000-', 'if-range': part.etag } })
  expect(resumed.status).toBe(200)
  expect(resumed.headers.get('etag')).not.toBe(part.etag)
  const second = Buffer.from(await resumed.arrayBuffer())
  expect((await bytesOf(link)).equals(second)).toBe(true)
})

test('[long] and [short] promise another length than they send', async () => {
  const { link } = await ready('[long][short]')
  const long = await readSome(link)
  expect(long.isWhole).toBe(false)
  const short = await readSome(link)
  expect(short).toMatchObject({ isWhole: true, bytes: Math.floor(long.bytes / 2) })
  expect((await readSome(link)).bytes).toBe(long.bytes)
})

test('[wrong-size] gives a playable clip of another frame', async () => {
  const { link } = await ready('[wrong-size]')
  const input = new Input({ source: new BufferSource(await bytesOf(link)), formats: ALL_FORMATS })
  const video = await input.getPrimaryVideoTrack()
  expect([await video?.getDisplayWidth(), await video?.getDisplayHeight()]).toEqual([624, 624])
  input.dispose()
})

test('[stall] stops in the middle and stays open', async () => {
  const { link } = await ready('[stall]')
  const giveUp = new AbortController()
  const response = await fetch(link, { signal: giveUp.signal })
  const expected = Math.floor(Number(response.headers.get('content-length')) / 2)
  const reader = response.body?.getReader()
  let bytes = 0
  while (bytes < expected) bytes += (await reader?.read())?.value?.length ?? 0
  const further = failing(reader?.read() ?? Promise.resolve())
  giveUp.abort()
  expect([bytes, await further]).toEqual([expected, 'This operation was aborted'])
  expect((await fetch(link)).status).toBe(200)
})

test('[redirect] goes round once, [redirect private] inside, [redirect loop] ten times', async () => {
  const once = await ready('[redirect]')
  const followed = await fetch(once.link)
  expect([followed.status, followed.redirected]).toEqual([200, true])
  const inside = await ready('[redirect private]')
  const away = await fetch(inside.link, { redirect: 'manual' })
  expect(away.headers.get('location')).toMatch(/^http:\/\/10\.0\.0\.1\//)
  const loop = await ready('[redirect loop]')
  for (let turn = 0; turn < 10; turn += 1)
    expect((await fetch(loop.link, { redirect: 'manual' })).status).toBe(302)
  expect((await fetch(loop.link, { redirect: 'manual' })).status).toBe(200)
})

test('a HEAD request spends no fault', async () => {
  const { link } = await ready('[link 404]')
  expect((await fetch(link, { method: 'HEAD' })).status).toBe(200)
  expect((await fetch(link)).status).toBe(404)
})
