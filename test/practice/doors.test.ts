import { request } from 'node:http'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isInternalHost } from '../../src/practice/media.ts'
import { openBench, reference, vtrix } from './harness.ts'

test('the ledger can be read over HTTP, with the key', async () => {
  const bench = await openBench()
  await bench.post('/v1/videos/generations', reference())
  bench.clock.pass(600_000)
  await bench.post('/model/v1/generation', vtrix())
  const all = await bench.get('/practice/tasks')
  expect(all.body.data).toEqual(JSON.parse(JSON.stringify(bench.practice.ledger.tasks())))
  const late = await bench.get(`/practice/tasks?since=${bench.clock.now()}`)
  expect(late.body.data).toMatchObject([{ family: 'vtrix' }])
  expect((await bench.get('/practice/ledger')).body).toMatchObject({ tasks: [{}, {}], uploads: [] })
  expect((await bench.get('/practice/tasks', { authorization: 'Bearer x' })).status).toBe(401)
})

test('a callback is tried at once and after 1, 2 and 4 seconds, and its failures are written down', async () => {
  const bench = await openBench()
  const callbackUrl = 'https://hooks.practice.invalid/done'
  await bench.post('/v1/videos/generations', reference({ callback_url: callbackUrl }))
  const tries = () => bench.practice.ledger.callbacks().length
  bench.clock.pass(65_000)
  for (const [index, waitMs] of [1000, 2000, 4000].entries()) {
    await until(() => tries() === index + 1 && bench.clock.slept.at(-1) === waitMs)
    bench.clock.pass(waitMs)
  }
  await until(() => tries() === 4)
  const rows = bench.practice.ledger.callbacks()
  expect(rows.map((row) => row.attempt)).toEqual([1, 2, 3, 4])
  expect(rows.map((row) => row.isLast)).toEqual([false, false, false, true])
  expect(rows[0]?.outcome).toMatch(/^E/)
  await bench.restart()
  expect(bench.practice.ledger.callbacks()).toHaveLength(4)
}, 60_000)

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => setImmediate(resolve))
}

test('a callback that was still waiting at the end goes on after a restart', async () => {
  const bench = await openBench()
  const callbackUrl = 'https://hooks.practice.invalid/done'
  await bench.post('/v1/videos/generations', reference({ callback_url: callbackUrl }))
  await bench.restart()
  bench.clock.pass(65_000)
  await until(() => bench.practice.ledger.callbacks().length === 1)
  expect(bench.practice.ledger.callbacks()[0]).toMatchObject({ attempt: 1, url: callbackUrl })
}, 60_000)

test('no JSON brings it down, and none is answered with 500', async () => {
  const bench = await openBench({ syncWrites: false })
  const paths = [
    '/v1/videos/generations',
    '/model/v1/generation',
    '/v1/tasks/batch',
    '/api/v1/files/upload/base64',
  ]
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), fc.jsonValue(), async (path, value) => {
      const extra = { model: 'wan2.6-reference-video', prompt: value, model_params: value, video_urls: value }
      expect((await bench.post(path, value)).status).toBe(400)
      expect((await bench.post('/v1/videos/generations', extra)).status).toBe(400)
      expect((await bench.post('/model/v1/generation', { ...vtrix(), input: value })).status).toBe(400)
    }),
    { numRuns: 60 },
  )
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
  const nested = `{"model":"wan2.6-reference-video","prompt":"x","video_urls":${deep}}`
  const response = await fetch(`${bench.practice.url}/v1/videos/generations`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bench.practice.key}` },
    body: nested,
  })
  expect(response.status).toBe(400)
})

test('odd paths are answered and nothing leaves the folder', async () => {
  const bench = await openBench()
  for (const path of [
    '//evil.example.com/v1/tasks',
    '/%',
    '/v1/tasks/%00',
    '/files/%2e%2e/key',
    '/results/..',
  ]) {
    const response = await fetch(bench.practice.url + path, {
      headers: { authorization: `Bearer ${bench.practice.key}` },
    })
    expect([400, 403, 404]).toContain(response.status)
  }
})

test.each([
  ['127.0.0.1', true],
  ['0.0.0.0', true],
  ['10.1.2.3', true],
  ['172.31.0.1', true],
  ['172.32.0.1', false],
  ['192.168.1.1', true],
  ['169.254.169.254', true],
  ['100.64.0.1', true],
  ['[::1]', true],
  ['[fe80::1]', true],
  ['[fd00::1]', true],
  ['[::ffff:192.168.0.1]', true],
  ['localhost.', true],
  ['printer.local', true],
  ['8.8.8.8', false],
  ['hooks.example.com', false],
])('%s is internal: %s', (host, isInternal) => {
  expect(isInternalHost(host)).toBe(isInternal)
})

test('a page that reaches this machine under another name is not let in', async () => {
  const bench = await openBench()
  const headers = { host: 'evil.example.com', authorization: `Bearer ${bench.practice.key}` }
  const status = await new Promise((resolve) =>
    request(`${bench.practice.url}/v1/credits`, { headers }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).end(),
  )
  expect(status).toBe(403)
})
