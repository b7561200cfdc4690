import { expect, test } from 'vitest'
import { flash, makeMp3, makePicture, makeVideo, openBench, picture, reference, upload } from './harness.ts'

const CREATE = '/v1/videos/generations'

test('a task waits, runs with progress, and ends with a link, a charge and a balance', async () => {
  const bench = await openBench({ limits: { balanceCredits: 100 } })
  const created = await bench.post(CREATE, reference())
  expect(created.status).toBe(200)
  expect(created.body).toMatchObject({
    object: 'video.generation.task',
    status: 'pending',
    progress: 0,
    task_info: { estimated_time: 65 },
    usage: { billing_rule: 'per_second', credits_reserved: 47.6 },
  })
  expect(created.body.id).toMatch(/^task-unified-\d{10}-[a-z0-9]{8}$/)
  expect((await bench.get('/v1/credits')).body.data.user.remaining_credits).toBe(52.4)
  bench.clock.pass(35_000)
  const running = await bench.get(`/v1/tasks/${created.body.id}`)
  expect(running.body).toMatchObject({ status: 'processing', progress: 50 })
  expect(running.body.results).toBeUndefined()
  bench.clock.pass(30_000)
  const done = await bench.get(`/v1/tasks/${created.body.id}`)
  expect(done.body).toMatchObject({
    status: 'completed',
    progress: 100,
    duration: 65,
    usage: { credits_used: 47.6, cost: { credits: 47.6, usd: 0.7 } },
    billing: { charge_status: 'charged' },
  })
  const clip = await fetch(done.body.results[0])
  expect(clip.headers.get('content-type')).toBe('video/mp4')
  expect((await clip.arrayBuffer()).byteLength).toBeGreaterThan(20_000)
  expect(bench.practice.ledger.tasks()[0]).toMatchObject({
    state: 'completed',
    reservedMicros: 47_600_000,
    chargedMicros: 47_600_000,
    reads: 2,
    downloads: 1,
  })
})

test('speed shortens the life of a task and nothing else', async () => {
  const bench = await openBench({ speed: 10 })
  const created = await bench.post(CREATE, reference())
  bench.clock.pass(6500)
  const done = await bench.get(`/v1/tasks/${created.body.id}`)
  expect(done.body.status).toBe('completed')
  bench.clock.pass(23 * 3_600_000)
  expect((await fetch(done.body.results[0])).status).toBe(200)
})

test('the key is checked in the words of each family, and never kept', async () => {
  const bench = await openBench({ keys: ['first-key', 'second-key'] })
  const wrong = { authorization: 'Bearer nobody' }
  const asked = await bench.get('/v1/credits', wrong)
  expect([asked.status, asked.body.error.type]).toEqual([401, 'authentication_error'])
  const vtrix = await bench.get('/model/v1/generation/task/x', wrong)
  expect([vtrix.status, vtrix.body]).toEqual([401, { message: 'invalid api key' }])
  const files = await bench.get('/api/v1/files/quota', wrong)
  expect([files.status, files.body.code]).toEqual([401, 401])
  expect((await bench.get('/v1/credits', { authorization: 'Bearer second-key' })).status).toBe(200)
  expect(JSON.stringify(bench.practice.ledger.requests())).not.toContain('second-key')
})

test('unknown paths, wrong methods and broken bodies are refused in order', async () => {
  const bench = await openBench()
  expect((await bench.get('/v1/nothing')).body.error.type).toBe('not_found_error')
  expect((await bench.get(CREATE)).status).toBe(405)
  expect((await bench.post(CREATE, null)).status).toBe(400)
  expect((await bench.post(CREATE, [[[]]])).status).toBe(400)
  expect((await bench.post(CREATE, { model: { a: 1 } })).status).toBe(400)
  expect((await bench.post(CREATE, reference({ prompt: 'x'.repeat(1_100_000) }))).body.error).toMatchObject({
    code: 413,
    type: 'request_too_large_error',
  })
  const missing = await bench.post(CREATE, reference({ model: 'wan9' }))
  expect([missing.status, missing.body.error.param]).toEqual([404, 'model'])
  expect((await bench.post(CREATE, reference({ model: '__proto__' }))).status).toBe(404)
})

const HOST = 'https://media.example.com'
const text = (more = {}) => ({ model: 'wan2.6-text-to-video', prompt: 'x', ...more })
const old = (more = {}) => ({ model: 'wan2.5-text-to-video', prompt: 'x', duration: 5, ...more })
const frames = (more = {}) => ({ model: 'wan2.7-image-to-video', image_start: `${HOST}/a.png`, ...more })
const cast = (more = {}) => ({
  model: 'wan2.7-reference-video',
  prompt: 'Image 1',
  image_urls: [`${HOST}/a.png`],
  ...more,
})

/** What is refused, and the field that the refusal names. */
test.each([
  [reference({ prompt: undefined }), 'prompt'],
  [reference({ prompt: ' ' }), 'prompt'],
  [reference({ prompt: 'x'.repeat(1501) }), 'prompt'],
  [reference({ video_urls: [] }), 'video_urls'],
  [reference({ video_urls: undefined }), 'video_urls'],
  [reference({ video_urls: [1] }), 'video_urls'],
  [reference({ video_urls: Array(4).fill(`${HOST}/a.mp4`) }), 'video_urls'],
  [reference({ video_urls: ['ftp://media.example.com/a.mp4'] }), 'video_urls'],
  [reference({ video_urls: ['data:video/mp4;base64,AAAA'] }), 'video_urls'],
  [reference({ video_urls: ['http://192.168.1.7/a.mp4'] }), 'video_urls'],
  [reference({ duration: 11 }), 'duration'],
  [reference({ duration: 1 }), 'duration'],
  [reference({ duration: 5.5 }), 'duration'],
  [reference({ duration: '5' }), 'duration'],
  [reference({ quality: '480p' }), 'quality'],
  [reference({ aspect_ratio: '21:9' }), 'aspect_ratio'],
  [reference({ model_params: { shot_type: 'many' } }), 'model_params.shot_type'],
  [reference({ model_params: { seed: 1 } }), 'model_params.seed'],
  [reference({ generate_audio: true }), 'generate_audio'],
  [reference({ seed: 1 }), 'seed'],
  [reference({ watermark: false }), 'watermark'],
  [reference({ callback_url: 'http://hooks.example.com' }), 'callback_url'],
  [reference({ callback_url: 'https://127.0.0.1/x' }), 'callback_url'],
  [reference({ callback_url: 'https://[::ffff:10.0.0.1]/x' }), 'callback_url'],
  [flash({ generate_audio: 'yes' }), 'generate_audio'],
  [flash({ prompt_extend: true }), 'prompt_extend'],
  [flash({ audio_url: `${HOST}/a.mp3` }), 'audio_url'],
  [picture({ image_urls: [`${HOST}/a.png`, `${HOST}/b.png`] }), 'image_urls'],
  [picture({ aspect_ratio: '16:9' }), 'aspect_ratio'],
  [picture({ duration: 16 }), 'duration'],
  [picture({ model_params: { shot_type: 'multi' }, prompt_extend: false }), 'model_params.shot_type'],
  [picture({ generate_audio: false, audio_url: `${HOST}/a.mp3` }), 'audio_url'],
  [{ ...picture({ generate_audio: true }), model: 'wan2.6-image-to-video' }, 'generate_audio'],
  [text({ generate_audio: true }), 'generate_audio'],
  [text({ duration: 16 }), 'duration'],
  [old({ duration: 6 }), 'duration'],
  [old({ quality: '480p', aspect_ratio: '4:3' }), 'aspect_ratio'],
  [{ ...picture({ duration: 7 }), model: 'wan2.5-image-to-video' }, 'duration'],
  [frames({ image_start: undefined }), 'image_start'],
  [frames({ generation_mode: 'first_frame', image_end: `${HOST}/b.png` }), 'image_end'],
  [frames({ generation_mode: 'first_last_frame' }), 'image_end'],
  [frames({ video_urls: [`${HOST}/a.mp4`] }), 'image_start'],
  [frames({ seed: 0 }), 'seed'],
  [cast({ image_urls: undefined }), 'image_urls'],
  [cast({ video_urls: [`${HOST}/a.mp4`], duration: 11 }), 'duration'],
  [cast({ model_params: { voice_bindings: { voice1: 'x' } } }), 'model_params.voice_bindings'],
])('refuses %j naming %s', async (body, param) => {
  const bench = await openBench()
  const refused = await bench.post(CREATE, body)
  expect(refused.status).toBe(400)
  expect(refused.body.error).toMatchObject({ type: 'invalid_request_error', param })
  expect(bench.practice.ledger.tasks()).toHaveLength(0)
})

test.each([
  [reference({ duration: 2, model_params: { shot_type: 'multi' } }), '1280x720', true],
  [reference({ duration: 10, quality: '1080p', aspect_ratio: '3:4' }), '1248x1632', true],
  [flash({ duration: 7, generate_audio: false, aspect_ratio: '1:1' }), '960x960', false],
  [picture({ duration: 15, audio_url: `${HOST}/a.mp3`, prompt_extend: true }), '1280x720', true],
  [text({ aspect_ratio: '9:16' }), '720x1280', true],
  [old({ quality: '480p', aspect_ratio: '1:1' }), '624x624', true],
  [frames({ duration: 2 }), '1280x720', true],
  [cast({ aspect_ratio: '4:3', quality: '1080p' }), '1632x1248', true],
])('accepts %j as a clip of %s, sound %s', async (body, frame, sound) => {
  const bench = await openBench()
  expect((await bench.post(CREATE, body)).status).toBe(200)
  const task = bench.practice.ledger.tasks()[0]
  expect([`${task?.width}x${task?.height}`, task?.sound]).toEqual([frame, sound])
})

test('an own upload gives its real length, and its limits are checked', async () => {
  const bench = await openBench()
  const long = (await upload(bench, await makeVideo(12), 'long.mp4', 'video/mp4')).body.data.file_url
  const short = (await upload(bench, await makeVideo(1), 'short.mp4', 'video/mp4')).body.data.file_url
  const fitting = (await upload(bench, await makeVideo(3), 'three.mp4', 'video/mp4')).body.data.file_url
  expect((await bench.post(CREATE, reference({ video_urls: [long] }))).body.usage.credits_reserved).toBe(47.6)
  const cheap = flash({ video_urls: [fitting], duration: 2, generate_audio: false })
  expect((await bench.post(CREATE, cheap)).body.usage.credits_reserved).toBe(9)
  expect((await bench.post(CREATE, reference({ video_urls: [short] }))).body.error.param).toBe('video_urls')
  const gone = `${bench.practice.url}/files/uploads/never.mp4`
  expect((await bench.post(CREATE, reference({ video_urls: [gone] }))).body.error.code).toBe(
    'invalid_media_url',
  )
  bench.clock.pass(72 * 3_600_000)
  const late = await bench.post(CREATE, reference({ video_urls: [long] }))
  expect([late.status, late.body.error.code]).toEqual([400, 'invalid_media_url'])
})

test('pictures and sound are held to their limits; a portrait picture gives a portrait clip', async () => {
  const bench = await openBench()
  const put = async (bytes: Buffer, name: string, type: string) =>
    (await upload(bench, bytes, name, type)).body.data.file_url
  const portrait = await put(await makePicture(600, 1000), 'portrait.png', 'image/png')
  const small = await put(await makePicture(359, 800), 'small.png', 'image/png')
  const clear = await put(await makePicture(500, 500, true), 'clear.png', 'image/png')
  const song = await put(makeMp3(5), 'song.mp3', 'audio/mpeg')
  const jingle = await put(makeMp3(2), 'jingle.mp3', 'audio/mpeg')
  const code = async (body: object) => (await bench.post(CREATE, body)).body.error?.param
  expect(await code(picture({ image_urls: [small] }))).toBe('image_urls')
  expect(await code(picture({ image_urls: [clear] }))).toBe('image_urls')
  expect(await code(picture({ image_urls: [song] }))).toBe('image_urls')
  expect(await code(picture({ audio_url: jingle }))).toBe('audio_url')
  expect(await code(picture({ audio_url: song, image_urls: [portrait], quality: '1080p' }))).toBeUndefined()
  expect(bench.practice.ledger.tasks()[0]).toMatchObject({ width: 1080, height: 1920, sound: true })
})

test('the same idempotency key gives the same task for a day, and never another body', async () => {
  const bench = await openBench()
  const headers = { 'idempotency-key': 'job-7f3c2a9e4b6d4c0a' }
  const first = await bench.post(CREATE, reference(), headers)
  const again = await bench.post(CREATE, reference(), headers)
  expect(again.body.id).toBe(first.body.id)
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  expect(first.headers.get('idempotency-replayed')).toBeNull()
  const other = await bench.post(CREATE, reference({ duration: 10 }), headers)
  expect([other.status, other.body.error.code]).toEqual([409, 'idempotency_conflict'])
  expect((await bench.post(CREATE, reference(), { 'idempotency-key': 'short' })).status).toBe(400)
  expect(bench.practice.ledger.tasks()).toHaveLength(1)
  bench.clock.pass(24 * 3_600_000)
  expect((await bench.post(CREATE, reference(), headers)).body.id).not.toBe(first.body.id)
})

test('a balance that is too low is refused before anything exists', async () => {
  const bench = await openBench({ limits: { balanceCredits: 50 } })
  expect((await bench.post(CREATE, reference())).status).toBe(200)
  const refused = await bench.post(CREATE, reference())
  expect([refused.status, refused.body.error.code]).toEqual([402, 'insufficient_quota'])
  expect(refused.body.error).toMatchObject({ estimated_credits: 47.6, account_balance_credits: 2.4 })
  expect(bench.practice.ledger.tasks()).toHaveLength(1)
})

test('reads know ids, batches leave unknown ones out, lists are newest first and without links', async () => {
  const bench = await openBench()
  const one = (await bench.post(CREATE, reference())).body.id
  bench.clock.pass(600_000)
  const two = (await bench.post(CREATE, flash())).body.id
  expect((await bench.get('/v1/tasks/abc')).body.error.code).toBe('invalid_task_id')
  expect((await bench.get('/v1/tasks/task-unified-0-x')).body.error.code).toBe('task_not_found')
  const batch = await bench.post('/v1/tasks/batch', { task_ids: [one, 'task-unified-0-x', two] })
  expect(batch.body.data.map((task: { id: string }) => task.id)).toEqual([one, two])
  expect((await bench.post('/v1/tasks/batch', { task_ids: Array(51).fill(one) })).status).toBe(400)
  expect((await bench.post('/v1/tasks/batch', { task_ids: 'x' })).status).toBe(400)
  const list = await bench.get('/v1/tasks?type=video&page=1&page_size=1')
  expect(list.body).toMatchObject({ total: 2, page: 1, page_size: 1, data: [{ id: two }] })
  const done = await bench.get('/v1/tasks?status=completed')
  expect(done.body.data).toMatchObject([{ id: one, has_results: true, credits_used: 47.6 }])
  expect(JSON.stringify(done.body)).not.toContain('/results/')
  expect((await bench.get('/v1/tasks?model=wan2.6-reference-video-flash')).body.total).toBe(1)
  expect((await bench.get('/v1/tasks?page_size=51')).status).toBe(400)
})

test('limits answer 429, rates with Retry-After and tasks in flight without', async () => {
  const bench = await openBench({ limits: { createsPerSecond: 2, readsPerSecond: 1, tasksInFlight: 1 } })
  const first = await bench.post(CREATE, reference())
  const full = await bench.post(CREATE, reference({ duration: 6 }))
  expect([full.status, full.headers.get('retry-after')]).toEqual([429, null])
  expect(full.body.error.fallback_suggestion).toBe('retry after 60 seconds')
  const fast = await bench.post(CREATE, reference())
  expect([fast.status, fast.headers.get('retry-after')]).toEqual([429, '1'])
  expect((await bench.get(`/v1/tasks/${first.body.id}`)).status).toBe(200)
  expect((await bench.get(`/v1/tasks/${first.body.id}`)).status).toBe(429)
  bench.clock.pass(600_000)
  expect((await bench.post(CREATE, reference({ duration: 6 }))).status).toBe(200)
})

test('price rules are told without a key, for one model and for all', async () => {
  const bench = await openBench()
  const nobody = { authorization: '' }
  const all = await bench.get('/v1/catalog/pricing-rules', nobody)
  expect(all.status).toBe(200)
  const one = await bench.get('/v1/catalog/models/wan2.6-reference-video-flash/pricing-rules', nobody)
  expect(one.body.model).toMatchObject({
    model_id: 'wan2.6-reference-video-flash',
    components: [{ rate: { uc: '23800', credits: '2.38' }, minimum_charge: { uc: '90000', credits: '9' } }],
  })
  expect(all.body.models).toContainEqual(one.body.model)
  expect(Date.parse(String(one.body.meta.fresh_until))).toBeGreaterThan(bench.clock.now())
  expect((await bench.get('/v1/catalog/models/wan9/pricing-rules', nobody)).status).toBe(404)
})
