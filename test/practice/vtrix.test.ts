import { expect, test } from 'vitest'
import { makePicture, makeVideo, openBench, upload, vtrix } from './harness.ts'

const CREATE = '/model/v1/generation'
const dataUri = (bytes: Buffer, mime: string) => `data:${mime};base64,${bytes.toString('base64')}`

test('a task runs with a fraction of progress and ends with content and a cost in dollars', async () => {
  const bench = await openBench()
  const created = await bench.post(CREATE, vtrix())
  expect(created.body).toMatchObject({ status: 'in_progress', model: 'wan26_r2v' })
  expect(created.body.id).toMatch(/^[a-z0-9]{20}$/)
  const read = () => bench.get(`/model/v1/generation/task/${created.body.id}`)
  bench.clock.pass(35_000)
  expect((await read()).body).toMatchObject({ status: 'in_progress', progress: 0.5 })
  bench.clock.pass(30_000)
  const done = (await read()).body
  expect(done).toMatchObject({ status: 'completed', usage: { cost: '0.50', unit_price: '0.10' } })
  expect(done.output[0].content[0].type).toBe('video')
  expect((await fetch(done.output[0].content[0].url)).status).toBe(200)
  expect(bench.practice.ledger.tasks()[0]).toMatchObject({ currency: 'usd', chargedMicros: 500_000 })
  expect((await bench.get('/model/v1/generation/task/nobody')).body).toEqual({ message: 'task not found' })
})

test('each envelope is taken or refused as set', async () => {
  const plain = vtrix()
  const { model, ...params } = plain
  const wrapped = { model, input: [{ params }] }
  const strict = await openBench({ vtrixForm: 'wrapped' })
  const refused = await strict.post(CREATE, plain)
  expect([refused.status, refused.body]).toEqual([400, { message: 'input must be an array' }])
  expect((await strict.post(CREATE, wrapped)).status).toBe(200)
  const plainOnly = await openBench({ vtrixForm: 'plain' })
  expect((await plainOnly.post(CREATE, wrapped)).status).toBe(400)
  const both = await openBench()
  expect((await both.post(CREATE, plain)).status).toBe(200)
  expect((await both.post(CREATE, wrapped)).status).toBe(200)
  expect((await both.post(CREATE, { ...wrapped, input: [] })).status).toBe(400)
})

const reference = 'https://media.example.com/a'

test.each([
  [vtrix('', {}), 'input.prompt'],
  [vtrix('x', { size: '1:1' }), 'size'],
  [vtrix('x', { size: '720P' }), 'size'],
  [vtrix('x', { duration: 16 }), 'duration'],
  [vtrix('x', { seed: -1 }), 'seed'],
  [vtrix('x', { audio: 'no' }), 'audio'],
  [vtrix('x', { shot_type: 'multi', prompt_extend: false }), 'shot_type'],
  [vtrix('x', { negative_prompt: 'y' }), 'negative_prompt'],
  [vtrix('x', {}, { callback_url: 'https://x.example.com' }), 'callback_url'],
  [{ ...vtrix(), quality: '720p' }, 'quality'],
  [vtrix('x', { audio: false }, { audio_url: `${reference}.mp3` }), 'audio_url'],
])('refuses %j with a message about %s', async (body, word) => {
  const bench = await openBench()
  const refused = await bench.post(CREATE, body)
  expect(refused.status).toBe(400)
  expect(refused.body.message).toContain(word)
  expect(bench.practice.ledger.tasks()).toHaveLength(0)
})

test.each([
  [[], '001028001'],
  ['text', '001028001'],
  [Array(6).fill(`${reference}.jpg`), '001028001'],
  [Array(4).fill(`${reference}.mp4`), '001028003'],
  [['ftp://media.example.com/a.jpg'], '001028004'],
  [['data:image/png,plain'], '001028004'],
  [[7], '001028004'],
])('answers references %j with code %s', async (references, code) => {
  const bench = await openBench()
  const refused = await bench.post(CREATE, vtrix('x', {}, { reference_urls: references }))
  expect([refused.status, refused.body.error.code]).toEqual([400, code])
})

test('data URIs are looked into, and stand in the ledger as hashes', async () => {
  const bench = await openBench({ syncWrites: false })
  const send = (...references: string[]) => bench.post(CREATE, vtrix('x', {}, { reference_urls: references }))
  const fine = dataUri(await makePicture(400, 400), 'image/png')
  const clear = dataUri(await makePicture(400, 400, true), 'image/png')
  const small = dataUri(await makePicture(300, 400), 'image/png')
  const liar = dataUri(Buffer.from('this is no picture at all'), 'image/png')
  const video = dataUri(await makeVideo(4), 'video/mp4')
  const brief = dataUri(await makeVideo(2), 'video/mp4')
  expect((await send(fine, video)).status).toBe(200)
  for (const bad of [clear, small, liar, brief]) expect((await send(fine, bad)).status).toBe(400)
  expect((await send(video, video, video, video)).body.error.code).toBe('001028003')
  const kept = JSON.stringify(bench.practice.ledger.tasks()[0]?.request)
  expect(kept).toMatch(/data:image\/png;sha256=[0-9a-f]{64}/)
  expect(kept).not.toContain('base64')
})

test('an address of the Files service is looked up', async () => {
  const bench = await openBench()
  const short = (await upload(bench, await makeVideo(2), 'a.mp4', 'video/mp4')).body.data.file_url
  const good = (await upload(bench, await makeVideo(3), 'b.mp4', 'video/mp4')).body.data.file_url
  const send = (url: string) => bench.post(CREATE, vtrix('x', {}, { reference_urls: [url] }))
  expect((await send(short)).body.message).toContain('3 to 30 s')
  expect((await send(good)).status).toBe(200)
})

test('a body over the limit is answered 413, a full account 403, an unknown model 404', async () => {
  const bench = await openBench({ limits: { vtrixBodyBytes: 100_000, balanceUsd: 0.4 } })
  const big = vtrix('x', {}, { reference_urls: [`data:image/png;base64,${'A'.repeat(200_000)}`] })
  const refused = await bench.post(CREATE, big)
  expect([refused.status, refused.body]).toEqual([413, { message: 'request body too large' }])
  const poor = await bench.post(CREATE, vtrix())
  expect([poor.status, poor.body]).toEqual([403, { message: 'insufficient balance' }])
  expect((await bench.post(CREATE, { ...vtrix(), model: 'wan26_i2v' })).body).toEqual({
    error: 'model not found',
  })
})

test('rates are refused without a waiting time', async () => {
  const bench = await openBench({ limits: { createsPerSecond: 1 } })
  await bench.post(CREATE, vtrix())
  const fast = await bench.post(CREATE, vtrix())
  expect([fast.status, fast.body, fast.headers.get('retry-after')]).toEqual([
    429,
    { message: 'rate limit exceeded' },
    null,
  ])
})
