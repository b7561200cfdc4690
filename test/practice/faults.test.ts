import { request } from 'node:http'
import { expect, test } from 'vitest'
import { parseFaults } from '../../src/practice/faults.ts'
import { type Bench, failing, openBench, type Reply, reference, vtrix } from './harness.ts'

const CREATE = '/v1/videos/generations'
const KEY = { 'idempotency-key': 'job-7f3c2a9e4b6d4c0a' }
const say = (prompt: string) => reference({ prompt })
const tasks = (bench: Bench) => bench.practice.ledger.tasks()

test('words in brackets are read in order, with their numbers; unknown ones are left alone', () => {
  expect(
    parseFaults('a [429 after=2 x3] b [close-up] [cut=20KB] x2 [fail code=service_error][accept][999]'),
  ).toEqual([
    { stage: 'create', what: 'status', status: 429, afterSeconds: 2, times: 3 },
    { stage: 'download', what: 'cut', amount: 20_000, times: 2 },
    { stage: 'end', what: 'fail', code: 'service_error', times: 1 },
  ])
})

test.each([
  ['[429 after=2]', 429, '2'],
  ['[429]', 429, null],
  ['[503 after=1]', 503, '1'],
  ['[503]', 503, null],
  ['[500]', 500, null],
  ['[502]', 502, null],
  ['[504]', 504, null],
  ['[400]', 400, null],
  ['[401]', 401, null],
  ['[402]', 402, null],
  ['[403]', 403, null],
  ['[404]', 404, null],
  ['[413]', 413, null],
])('%s happens once on each family, before anything is created', async (word, status, after) => {
  const bench = await openBench()
  for (const [path, body] of [
    [CREATE, say(`dance ${word}`)],
    ['/model/v1/generation', vtrix(`dance ${word}`)],
  ] as const) {
    const struck = await bench.post(path, body)
    expect([struck.status, struck.headers.get('retry-after')]).toEqual([status, after])
    expect(struck.body.error ?? struck.body.message ?? struck.body.status).toBeTruthy()
    expect((await bench.post(path, body)).status).toBe(200)
  }
  expect(tasks(bench)).toHaveLength(2)
})

test.each([
  ['[400 code=content_policy_violation]', 400, 'content_policy_violation'],
  ['[402 code=key_quota_exhausted]', 402, 'key_quota_exhausted'],
  ['[402]', 402, 'insufficient_quota'],
  ['[409 code=paid_outcome_unknown]', 409, 'paid_outcome_unknown'],
])('%s carries the code', async (word, status, code) => {
  const bench = await openBench()
  const struck = await bench.post(CREATE, say(word))
  expect([struck.status, struck.body.error.code]).toEqual([status, code])
})

test('a 429 without a header names its wait in words; 5xx can be an HTML page', async () => {
  const bench = await openBench()
  const struck = await bench.post(CREATE, say('[429][502 html]'))
  expect(struck.body.error.fallback_suggestion).toBe('retry after 60 seconds')
  const page = await bench.post(CREATE, say('[429][502 html]'))
  expect([page.status, page.headers.get('content-type')]).toEqual([502, 'text/html; charset=utf-8'])
})

test('faults come in their order and as often as they say, also for retries under the same key', async () => {
  const bench = await openBench()
  const body = say('[429 after=1][502 x2] dance')
  const seen: number[] = []
  for (let turn = 0; turn < 5; turn += 1) seen.push((await bench.post(CREATE, body, KEY)).status)
  expect(seen).toEqual([429, 502, 502, 200, 200])
  expect(tasks(bench)).toHaveLength(1)
})

test.each(['[500 created]', '[502 created]', '[503 created]', '[504 created]'])(
  '%s creates the task; the same key finds it',
  async (word) => {
    const bench = await openBench()
    const struck = await bench.post(CREATE, say(word), KEY)
    expect(struck.status).toBe(Number(word.slice(1, 4)))
    expect(tasks(bench)).toHaveLength(1)
    const found = await bench.post(CREATE, say(word), KEY)
    expect([found.status, found.body.id]).toEqual([200, tasks(bench)[0]?.id])
    expect(tasks(bench)).toHaveLength(1)
  },
)

test('a repeated [502 created x2] stays one task', async () => {
  const bench = await openBench()
  const body = say('[502 created x2]')
  const seen: number[] = []
  for (let turn = 0; turn < 3; turn += 1) seen.push((await bench.post(CREATE, body, KEY)).status)
  expect(seen).toEqual([502, 502, 200])
  expect(tasks(bench)).toHaveLength(1)
})

test.each(['[accept then-cut]', '[accept half]'])(
  '%s creates the task and loses the answer',
  async (word) => {
    const bench = await openBench()
    expect(await failing(bench.post(CREATE, say(word), KEY))).not.toBe('answered')
    expect(tasks(bench)).toHaveLength(1)
    expect(await failing(bench.post('/model/v1/generation', vtrix(word)))).not.toBe('answered')
    expect(tasks(bench)).toHaveLength(2)
    expect((await bench.post(CREATE, say(word), KEY)).headers.get('idempotency-replayed')).toBe('true')
  },
)

test('[accept no-id] and [accept html] answer 200 without an id', async () => {
  const bench = await openBench()
  const noId = await bench.post(CREATE, say('[accept no-id]'))
  expect([noId.status, noId.body]).toEqual([200, { message: 'accepted' }])
  const page = await bench.post('/model/v1/generation', vtrix('[accept html]'))
  expect([page.status, page.body]).toEqual([200, expect.stringContaining('<html>')])
  expect(tasks(bench)).toHaveLength(2)
})

test('[hang] creates the task and never answers', async () => {
  const bench = await openBench()
  const giveUp = new AbortController()
  const sent = fetch(`${bench.practice.url}${CREATE}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bench.practice.key}` },
    body: JSON.stringify(say('[hang]')),
    signal: giveUp.signal,
  })
  await until(() => tasks(bench).length === 1)
  giveUp.abort()
  expect(await failing(sent)).not.toBe('answered')
  expect(bench.practice.ledger.requests()[0]?.status).toBe('hang')
})

/** Waits for what another socket does, without a clock. */
async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => setImmediate(resolve))
}

test('[cut] takes the whole request, creates nothing and hangs up', async () => {
  const bench = await openBench()
  expect(await failing(bench.post(CREATE, say('[cut]')))).not.toBe('answered')
  expect(tasks(bench)).toHaveLength(0)
  expect(bench.practice.ledger.requests()[0]).toMatchObject({ status: 'cut', promptStart: '[cut]' })
  expect((await bench.post(CREATE, say('[cut]'))).status).toBe(200)
})

test('[cut-early] resets the connection while the body is still being sent', async () => {
  const bench = await openBench()
  const error = await new Promise<NodeJS.ErrnoException>((resolve) => {
    const sending = request(`${bench.practice.url}${CREATE}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bench.practice.key}`, 'content-length': '100000' },
    })
    sending.on('error', resolve)
    // The rest of the announced 100,000 bytes never goes out: the server does not wait for it.
    sending.write('{"model":"wan2.6-reference-video","prompt":"[cut-early] dance","video_urls":[')
  })
  expect(['ECONNRESET', 'EPIPE']).toContain(error.code)
  expect(tasks(bench)).toHaveLength(0)
  const body = { ...say('[cut-early] dance') }
  expect((await bench.post(CREATE, body)).status).toBe(200)
})

test('reads are struck one after the other, then show the task', async () => {
  const bench = await openBench()
  const prompt = '[read 500][read 429 after=1][read html][read 404][read no-link][result-data]'
  const created = await bench.post(CREATE, say(prompt))
  bench.clock.pass(600_000)
  const read = () => bench.get(`/v1/tasks/${created.body.id}`)
  expect((await read()).status).toBe(500)
  const slow = await read()
  expect([slow.status, slow.headers.get('retry-after')]).toEqual([429, '1'])
  expect((await read()).body).toContain('<html>')
  expect((await read()).body.error.code).toBe('task_not_found')
  expect((await read()).body).toMatchObject({ status: 'completed', results: [] })
  const done = (await read()).body
  expect(done.results).toEqual([])
  expect((await fetch(done.result_data[0].video_url)).status).toBe(200)
})

test('[running x3] and [status=…] add reads, and the charge waits for the end', async () => {
  const bench = await openBench()
  const created = await bench.post(CREATE, say('[running x3][status=queued_for_review]'))
  bench.clock.pass(600_000)
  const seen: string[] = []
  for (let turn = 0; turn < 5; turn += 1) {
    seen.push((await bench.get(`/v1/tasks/${created.body.id}`)).body.status)
    if (turn === 2) expect(tasks(bench)[0]?.chargedMicros).toBe(0)
  }
  expect(seen).toEqual(['processing', 'processing', 'processing', 'queued_for_review', 'completed'])
  expect(tasks(bench)[0]?.chargedMicros).toBe(47_600_000)
})

test('a batch is struck as a whole, but only lacks what is unknown', async () => {
  const bench = await openBench()
  const plain = (await bench.post(CREATE, reference())).body.id
  const struck = (await bench.post(CREATE, say('[read 500][read 404]'))).body.id
  const batch = () => bench.post('/v1/tasks/batch', { task_ids: [plain, struck] })
  expect((await batch()).status).toBe(500)
  expect((await batch()).body.data).toHaveLength(1)
  expect((await batch()).body.data).toHaveLength(2)
})

test('[slow=20s] takes that much longer; [forget] is unknown for good', async () => {
  const bench = await openBench()
  const slow = (await bench.post(CREATE, say('[slow=20s]'))).body.id
  const lost = (await bench.post(CREATE, say('[forget]'))).body.id
  bench.clock.pass(65_000)
  expect((await bench.get(`/v1/tasks/${slow}`)).body.status).toBe('processing')
  bench.clock.pass(20_000)
  expect((await bench.get(`/v1/tasks/${slow}`)).body.status).toBe('completed')
  expect((await bench.get(`/v1/tasks/${lost}`)).status).toBe(404)
  expect((await bench.get(`/v1/tasks/${lost}`)).status).toBe(404)
})

test('[fail] and [cancelled] cost nothing, and a new attempt gets through', async () => {
  const bench = await openBench()
  const failed = await bench.finish(say('[fail code=generation_timeout]'))
  expect(failed.body).toMatchObject({
    status: 'failed',
    error: { code: 'generation_timeout' },
    billing: { charge_status: 'released', refunded_credits: 47.6 },
  })
  const cancelled = await bench.finish(say('[cancelled]'))
  expect(cancelled.body).toMatchObject({ status: 'cancelled', error: { code: 'request_cancelled' } })
  expect(tasks(bench).map((task) => [task.chargedMicros, task.releasedMicros])).toEqual([
    [0, 47_600_000],
    [0, 47_600_000],
  ])
  expect((await bench.finish(say('[cancelled]'))).body.status).toBe('completed')
  const vtrixFailed = await bench.post('/model/v1/generation', vtrix('[fail code=001028096]'))
  bench.clock.pass(600_000)
  const read: Reply = await bench.get(`/model/v1/generation/task/${vtrixFailed.body.id}`)
  expect(read.body).toMatchObject({ status: 'failed', error: { code: '001028096' } })
})

test('speed shortens [slow] like the rest of the life', async () => {
  const bench = await openBench({ speed: 10 })
  const { id } = (await bench.post(CREATE, say('[slow=20s]'))).body
  bench.clock.pass(8499)
  expect((await bench.get(`/v1/tasks/${id}`)).body.status).toBe('processing')
  bench.clock.pass(1)
  expect((await bench.get(`/v1/tasks/${id}`)).body.status).toBe('completed')
})

test('after a clean answer the same prompt starts from the beginning, under a new key or none', async () => {
  const bench = await openBench()
  const seen: number[] = []
  for (let turn = 0; turn < 4; turn += 1) seen.push((await bench.post(CREATE, say('[429] again'))).status)
  expect(seen).toEqual([429, 200, 429, 200])
  expect((await bench.post(CREATE, say('[429] again'), KEY)).status).toBe(429)
  expect((await bench.post(CREATE, say('[429] again'), KEY)).status).toBe(200)
  expect((await bench.post(CREATE, say('[429] again'), KEY)).status).toBe(200)
  expect(tasks(bench)).toHaveLength(3)
})
