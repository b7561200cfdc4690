import { afterEach, describe, expect, test } from 'vitest'
import type { EvolinkProvider } from '../../../src/main/core/provider/evolink/adapter.ts'
import { Refused, Unconfirmed, Unreachable } from '../../../src/main/core/provider/provider.ts'
import { type Script, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts'
import { createRequest, EVOLINK_BODY, errorOf, hashOf, never, openBench, VTRIX_BODY } from './bench.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function setUp(
  family: 'evolink' | 'vtrix',
  steps: Script[],
  more: Parameters<typeof openBench>[1] = {},
) {
  const server = await startScriptedServer(...steps)
  open.push(server.stop)
  const bench = openBench({ family, baseUrl: server.url, filesUrl: server.url }, more)
  open.push(() => bench.provider.close())
  return { server, ...bench, provider: bench.provider as unknown as EvolinkProvider }
}

const ok = (body: unknown): Script => ({ status: 200, body })
const pathsOf = (server: ScriptedServer): string[] =>
  server.requests.map((seen) => `${seen.method} ${seen.path}`)
const task = (id: string, status = 'processing') => ({ id, status, progress: 10 })
const RUNNING = { state: 'running', progress: 0.1, estimatedMs: null }
const NOT_FOUND: Script = { status: 404, body: { error: { code: 'task_not_found', message: 'no' } } }

describe('EvoLink reads', () => {
  test('a base without batch reads is asked one by one from then on', async () => {
    const { server, provider, missing } = await setUp('evolink', [
      { status: 404, text: '<html>nothing here</html>' },
      ok(task('task-unified-1-a')),
      ok(task('task-unified-1-b')),
      ok(task('task-unified-1-a')),
      ok(task('task-unified-1-b')),
    ])
    const ids = ['task-unified-1-a', 'task-unified-1-b']
    expect(provider.can.batchRead).toBe(true)
    expect([...(await provider.read(ids, never())).keys()]).toEqual(ids)
    expect([...(await provider.read(ids, never())).keys()]).toEqual(ids)
    expect(provider.can.batchRead).toBe(false)
    expect(missing).toEqual(['batch'])
    expect(pathsOf(server).filter((path) => path.includes('batch'))).toHaveLength(1)
  })
  test('what an account remembers as missing is never asked', async () => {
    const { server, provider } = await setUp('evolink', [ok(task('task-unified-1-a'))], {
      options: { missingFeatures: ['batch', 'list', 'credits'] },
    })
    await provider.read(['task-unified-1-a', 'task-unified-1-a'], never())
    expect(await errorOf(provider.list?.(0, never()) ?? Promise.resolve())).toMatchObject({
      kind: 'feature_missing',
    })
    expect(pathsOf(server)).toEqual(['GET /v1/tasks/task-unified-1-a'])
    expect(provider.can).toMatchObject({ batchRead: false, listTasks: false, credits: false })
  })
  test('an id that a batch leaves out is asked for by itself before it counts as forgotten', async () => {
    const { server, provider, missing } = await setUp('evolink', [
      ok({ data: [task('task-unified-1-a')] }),
      NOT_FOUND,
    ])
    const readings = await provider.read(['task-unified-1-a', 'task-unified-1-b'], never())
    expect(Object.fromEntries(readings)).toEqual({
      'task-unified-1-a': RUNNING,
      'task-unified-1-b': { state: 'forgotten' },
    })
    expect(pathsOf(server)).toEqual(['POST /v1/tasks/batch', 'GET /v1/tasks/task-unified-1-b'])
    expect(missing).toEqual([])
  })
  test('a batch that does not know a task which exists is not trusted again', async () => {
    const { provider, missing } = await setUp('evolink', [
      ok({ data: [] }),
      ok(task('task-unified-1-a')),
      ok(task('task-unified-1-b')),
    ])
    const readings = await provider.read(['task-unified-1-a', 'task-unified-1-b'], never())
    expect([...readings.values()]).toEqual([RUNNING, RUNNING])
    expect(missing).toEqual(['batch'])
  })
  test('more than fifty ids travel in batches of fifty', async () => {
    const ids = Array.from({ length: 120 }, (_, at) => `task-unified-1-${at}`)
    const slices = [ids.slice(0, 50), ids.slice(50, 100), ids.slice(100)]
    const { server, provider } = await setUp(
      'evolink',
      slices.map((slice) => ok({ data: slice.map((id) => task(id)) })),
    )
    expect((await provider.read(ids, never())).size).toBe(120)
    expect(server.requests.map((seen) => JSON.parse(String(seen.body)).task_ids)).toEqual(slices)
  })
  test.each<[string, Script]>([
    [
      'a captive portal',
      { status: 200, headers: { 'content-type': 'text/html' }, text: '<html>Sign in</html>' },
    ],
    ['a redirect', { status: 302, headers: { location: 'https://portal.example/' }, text: '' }],
    ['a page that says not found', { status: 404, text: '<html>404</html>' }],
    ['another task', ok(task('task-unified-9-z', 'completed'))],
    ['a task without a state', ok({ id: 'task-unified-1-a' })],
    ['a cut connection', 'cut'],
    ['half an answer', 'half-then-cut'],
  ])('%s is no news about the task', async (_name, step) => {
    const { provider } = await setUp('evolink', [step])
    expect(await errorOf(provider.read(['task-unified-1-a'], never()))).toBeInstanceOf(Unreachable)
  })
  test('one task that cannot be read does not hide the others', async () => {
    const { provider } = await setUp(
      'evolink',
      [
        { status: 500, text: 'x' },
        ok(task('task-unified-1-b')),
        { status: 429, text: '' },
        ok(task('task-unified-1-d')),
      ],
      { options: { missingFeatures: ['batch'] } },
    )
    const ids = ['a', 'b', 'c', 'd'].map((end) => `task-unified-1-${end}`)
    const readings = await provider.read(ids, never())
    // The 429 concerns the account: what follows is not asked.
    expect([...readings.keys()]).toEqual(['task-unified-1-b'])
  })
  test('the list is paged back to the time asked for', async () => {
    const page = (from: number, count: number) =>
      ok({
        data: Array.from({ length: count }, (_, at) => ({
          ...task(`t${from - at}`),
          model: 'm',
          created: from - at,
        })),
      })
    const { server, provider } = await setUp('evolink', [page(1000, 50), page(951, 50), page(901, 50)])
    const found = (await provider.list?.(920_500, never())) ?? []
    expect(pathsOf(server)).toEqual([1, 2].map((at) => `GET /v1/tasks?type=video&page=${at}&page_size=50`))
    expect(found).toHaveLength(81)
    expect(found.at(0)).toMatchObject({ remoteId: 't1000', createdAt: 1_000_000 })
    expect(found.at(-1)).toMatchObject({ remoteId: 't920', createdAt: 920_000 })
  })
  test('probe: a base without a balance call is asked for a task instead', async () => {
    const { server, provider } = await setUp('evolink', [{ status: 404, text: '' }, NOT_FOUND])
    await provider.probe(never())
    expect(pathsOf(server)).toEqual(['GET /v1/credits', 'GET /v1/tasks/task-unified-0-probe'])
    server.script({ status: 401, body: { message: 'no' } })
    expect(await errorOf(provider.probe(never()))).toMatchObject({ kind: 'auth', scope: 'account' })
  })
})

describe('Vtrix creates', () => {
  const accepted = ok({ id: 'd758n65e878c73cmdg20', status: 'in_progress' })
  const shapeRefused: Script = { status: 422, body: { message: 'input must be an array' } }
  const bodies = (server: ScriptedServer) => server.requests.map((seen) => JSON.parse(String(seen.body)))
  const { model, ...params } = VTRIX_BODY
  const WRAPPED = { model, input: [{ params }] }

  test('the wrapped form follows a refusal of the shape, once, and is reported', async () => {
    const { server, provider } = await setUp('vtrix', [shapeRefused, accepted])
    expect(await provider.create(createRequest(VTRIX_BODY), never())).toMatchObject({ vtrixForm: 'wrapped' })
    expect(bodies(server)).toEqual([VTRIX_BODY, WRAPPED])
  })
  test('both shapes refused: two requests, and the first answer is shown', async () => {
    const { server, provider } = await setUp('vtrix', [
      shapeRefused,
      { status: 400, body: { message: 'params is unknown' } },
    ])
    const error = await errorOf(provider.create(createRequest(VTRIX_BODY), never()))
    expect(error).toMatchObject({ said: 'input must be an array' })
    expect(server.requests).toHaveLength(2)
  })
  test('an unclear answer to the wrapped form is a doubt', async () => {
    const { provider } = await setUp('vtrix', [shapeRefused, 'cut'])
    expect(await errorOf(provider.create(createRequest(VTRIX_BODY), never()))).toBeInstanceOf(Unconfirmed)
  })
  test.each<[string, Script]>([
    ['a fault that speaks of the shape', { status: 500, body: { message: 'input must be an array' } }],
    ['a cut', 'cut'],
    ['an error inside a 200', { status: 200, body: { error: 'input must be an array' } }],
    [
      'a refusal of a value',
      { status: 400, body: { message: 'input.reference_urls must be an array of 1..5' } },
    ],
    ['a balance', { status: 403, body: { message: 'input must be an array' } }],
  ])('%s is not followed by another form', async (_name, step) => {
    const { server, provider } = await setUp('vtrix', [step, accepted])
    await errorOf(provider.create(createRequest(VTRIX_BODY), never()))
    expect(server.requests).toHaveLength(1)
  })
  test('a form that is set is the only one sent', async () => {
    const { server, provider } = await setUp('vtrix', [shapeRefused], { options: { vtrixForm: 'plain' } })
    expect(await errorOf(provider.create(createRequest(VTRIX_BODY), never()))).toBeInstanceOf(Refused)
    expect(bodies(server)).toEqual([VTRIX_BODY])
  })
  test('references travel as data addresses, with the length known before', async () => {
    const picture = Buffer.from(Array.from({ length: 100_003 }, (_, at) => (at * 7) % 251))
    const { server, provider } = await setUp('vtrix', [accepted])
    const inside = (url: string) => ({ ...VTRIX_BODY, input: { ...VTRIX_BODY.input, reference_urls: [url] } })
    const body = inside(`data:image/png;sha256=${hashOf(picture)}`)
    await provider.create(createRequest(body, [picture]), never())
    expect(bodies(server)).toEqual([inside(`data:image/png;base64,${picture.toString('base64')}`)])
    expect(server.requests[0]?.headers['content-length']).toBe(String(server.requests[0]?.body.length))
  })
  test('a reference that is not stored any more is found out before anything is sent', async () => {
    const { server, provider } = await setUp('vtrix', [accepted])
    const url = `data:image/png;sha256=${'0'.repeat(64)}`
    const body = { ...VTRIX_BODY, input: { ...VTRIX_BODY.input, reference_urls: [url] } }
    const error = await errorOf(provider.create(createRequest(body), never()))
    expect(error).toMatchObject({
      kind: 'invalid_request',
      scope: 'job',
      problem: { code: 'reference-missing' },
    })
    expect(server.requests).toHaveLength(0)
  })
  test('a request above the limit of the account is not sent; a 413 tells the size it had', async () => {
    const sizeBytes = JSON.stringify(VTRIX_BODY).length
    const { server, provider } = await setUp('vtrix', [accepted], {
      options: { requestLimitBytes: sizeBytes - 1 },
    })
    const error = await errorOf(provider.create(createRequest(VTRIX_BODY), never()))
    expect(error).toMatchObject({ kind: 'too_large', scope: 'job', sentBytes: sizeBytes })
    expect(server.requests).toHaveLength(0)
    const other = await setUp('vtrix', [{ status: 413, text: '<html>413</html>' }])
    const refusal = await errorOf(other.provider.create(createRequest(VTRIX_BODY), never()))
    expect(refusal).toMatchObject({ kind: 'too_large', scope: 'job', sentBytes: sizeBytes })
  })
})

test.each<[string, Script]>([
  ['another task', ok({ id: 'other', status: 'completed' })],
  ['another task under the other name', ok({ task_id: 'other', status: 'completed' })],
  ['no task', ok({ message: 'hello' })],
])('Vtrix: %s is no news about the task', async (_name, step) => {
  const { provider } = await setUp('vtrix', [step])
  expect(await errorOf(provider.read(['d758n65e878c73cmdg20'], never()))).toBeInstanceOf(Unreachable)
})

test('a page in front of the API is the account’s trouble, never a row’s', async () => {
  for (const status of [403, 404]) {
    const { provider } = await setUp('evolink', [{ status, text: '<html>blocked</html>' }])
    const error = await errorOf(provider.create(createRequest(EVOLINK_BODY), never()))
    expect(error).toMatchObject({ scope: 'account', status })
  }
})
