import { readdirSync, readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import { type AnswerClass, classifyCreate, classifyRead } from '../../../src/main/core/provider/classify.ts'
import { classifyFiles } from '../../../src/main/core/provider/classify-files.ts'
import type { EvolinkProvider } from '../../../src/main/core/provider/evolink/adapter.ts'
import { toReading as evolinkReading } from '../../../src/main/core/provider/evolink/tasks.ts'
import { createHttp } from '../../../src/main/core/provider/http.ts'
import { parseJson } from '../../../src/main/core/provider/http-answer.ts'
import { Busy, Refused, Unconfirmed, Unreachable } from '../../../src/main/core/provider/provider.ts'
import { createVtrixCatalogue } from '../../../src/main/core/provider/vtrix/models.ts'
import { type Script, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts'
import { CANARY_KEY, createRequest, errorOf, handClock, hashOf, log, NOW, never, openBench } from './bench.ts'
import { EXPECTED, type Expected } from './expected.ts'
import { parseMultipart } from './parse-multipart.ts'

interface FixtureCase {
  id: string
  request?: {
    method: string
    url: string
    headers?: Record<string, string>
    body?: Record<string, unknown>
    multipart?: { file: { filename: string; content_type: string }; upload_path: string; file_name: string }
  }
  incoming?: { body: Record<string, unknown> }
  response?: {
    status: number
    headers?: Record<string, string>
    body?: unknown
    body_text?: string
    network?: string
  }
  expect: { class?: string; urls?: number; progress?: number; task_id?: string; wait_s?: number }
}

const FOLDER = new URL('../../fixtures/api/', import.meta.url)
const FILES = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json') && name !== 'download.json')
  .sort()
const casesOf = (file: string): FixtureCase[] =>
  JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')).cases as FixtureCase[]

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

test('every fixture file and every case of it is expected here, and nothing else', () => {
  expect(Object.keys(EXPECTED).sort()).toEqual(FILES)
  for (const file of FILES) {
    const ids = casesOf(file).map((given) => given.id)
    expect(new Set(ids).size, file).toBe(ids.length)
    expect(Object.keys(EXPECTED[file] ?? {}).sort(), file).toEqual([...ids].sort())
  }
})

for (const file of FILES) {
  describe(file, () => {
    test.each(casesOf(file).map((given) => [given.id, given] as const))('%s', async (id, given) => {
      const expected = EXPECTED[file]?.[id] ?? 'missing'
      if (expected === 'missing') throw new Error(`no expectation for ${file} ${id}`)
      if (given.incoming) return checkCallback(given, expected)
      await checkExchange(file, given, expected)
    })
  })
}

/** A callback's body is a task: only its mapping is used, a desktop program cannot be called back. */
function checkCallback(given: FixtureCase, expected: Expected): void {
  expect(evolinkReading(given.incoming?.body, [])).toMatchObject(expected.value ?? {})
}

async function checkExchange(file: string, given: FixtureCase, expected: Expected): Promise<void> {
  const { request, response } = given
  if (!request || !response) throw new Error('a case without request or answer')
  const server = await startScriptedServer(toScript(response))
  open.push(server.stop)
  const clock = handClock()
  const outcome = call(file, given, server, clock)
  if (response.network === 'timeout') {
    outcome.catch(() => undefined)
    await server.received(1)
    await clock.advance(600_000)
  }
  if (expected.error) {
    const error = await errorOf(outcome)
    expect(error).toBeInstanceOf({ Refused, Busy, Unreachable, Unconfirmed }[expected.error])
    expect(error).toMatchObject(expected.fields ?? {})
    if (error instanceof Refused && error.sentBytes !== null)
      expect(error.sentBytes).toBe(server.requests[0]?.body.length)
  } else expect(await outcome).toEqual(expected.value)
  checkRequest(given, server)
  if (given.expect.class !== undefined) checkClass(file, given)
  if (given.expect.task_id !== undefined)
    expect(await outcome).toHaveProperty('remoteId', given.expect.task_id)
  if (given.expect.wait_s !== undefined && expected.fields && 'retryAfterMs' in expected.fields)
    expect(expected.fields.retryAfterMs).toBe(given.expect.wait_s * 1000)
}

function toScript(response: NonNullable<FixtureCase['response']>): Script {
  if (response.network === 'timeout') return 'silence'
  const { status, headers = {} } = response
  return response.body_text === undefined
    ? { status, headers, body: response.body }
    : { status, headers, text: response.body_text }
}

/** The fixture's own hosts live on the scripted server; a base with a prefix keeps it. */
function baseFor(url: URL, server: ScriptedServer): string {
  return url.host === 'ai.odkkk.com' ? `${server.url}/apiv1` : server.url
}

const PNG = Buffer.from('iVBORw0KGgo=', 'base64')

function call(
  file: string,
  given: FixtureCase,
  server: ScriptedServer,
  clock: ReturnType<typeof handClock>,
): Promise<unknown> {
  const request = given.request as NonNullable<FixtureCase['request']>
  const url = new URL(request.url)
  if (file === 'vtrix-models.json') return readCatalogue(url, server)
  const family = file.startsWith('vtrix') ? 'vtrix' : 'evolink'
  const baseUrl = baseFor(url, server)
  const isWrapped = Array.isArray(request.body?.input)
  const { provider } = openBench(
    { family, baseUrl, filesUrl: family === 'evolink' ? server.url : null },
    // The second form is tried by itself in its own test; here each form is looked at alone.
    { clock, options: family === 'vtrix' ? { vtrixForm: isWrapped ? 'wrapped' : 'plain' } : {} },
  )
  open.push(() => provider.close())
  if (url.pathname.endsWith('/generations') || url.pathname.endsWith('/generation'))
    return provider.create(createRequest(toAttemptBody(request.body ?? {}), [PNG]), never())
  return readOrFiles(provider as unknown as EvolinkProvider, url, request)
}

/** The body as an attempt keeps it: plain form, and references by hash. */
function toAttemptBody(body: Record<string, unknown>): Record<string, unknown> {
  const inner = Array.isArray(body.input) ? (body.input[0] as { params: object }).params : {}
  const text = JSON.stringify(Array.isArray(body.input) ? { model: body.model, ...inner } : body)
  return JSON.parse(text.replaceAll(';base64,iVBORw0KGgo=', `;sha256=${hashOf(PNG)}`))
}

async function readOrFiles(
  provider: EvolinkProvider,
  url: URL,
  request: NonNullable<FixtureCase['request']>,
): Promise<unknown> {
  const path = url.pathname.replace('/apiv1', '')
  const files = provider.files
  if (path === '/v1/tasks/batch')
    return [...(await provider.read(request.body?.task_ids as string[], never()))]
  if (path === '/v1/credits') return provider.credits?.(never())
  if (path === '/v1/tasks') {
    const isVideo = url.searchParams.get('type') === 'video'
    const page = { page: 1, pageSize: 20, ...(isVideo ? { type: 'video' as const } : {}) }
    return provider.listPage(page, never())
  }
  const taskId = /^(?:\/v1\/tasks|\/model\/v1\/generation\/task)\/(.+)$/.exec(path)?.[1]
  if (taskId !== undefined) return (await provider.read([taskId], never())).get(taskId)
  if (!files) throw new Error('no file service')
  if (path.endsWith('/quota')) return files.quota(never())
  if (path.endsWith('/list')) return files.list(1, never())
  if (request.method === 'DELETE') return files.deleteFile(path.split('/').at(-1) ?? '', never())
  if (path.endsWith('/url')) return files.uploadUrl(String(request.body?.file_url), never())
  if (path.endsWith('/base64')) {
    const { base64_data, file_name } = request.body as { base64_data: string; file_name: string }
    const file = { dataUrl: base64_data, fileName: file_name, mediaType: 'image/png' }
    return files.uploadBase64(file, never())
  }
  const part = request.multipart?.file
  return files.upload(
    {
      sha256: hashOf(PNG),
      name: part?.filename ?? '',
      mediaType: part?.content_type ?? '',
      sizeBytes: PNG.length,
      stream: () => Readable.from([PNG]),
      onProgress: () => undefined,
    },
    never(),
  )
}

function readCatalogue(url: URL, server: ScriptedServer): Promise<unknown> {
  const http = createHttp({ clock: handClock(), log, userAgent: 'Reelsheet/0.1.0', environment: {} })
  open.push(http.close)
  const catalogue = createVtrixCatalogue(http, server.url)
  if (!url.pathname.endsWith('/models')) return catalogue.spec(url.pathname.split('/').at(-2) ?? '', never())
  const query = { page: 1, pageSize: 20, type: 'video', keywords: 'wan' }
  return catalogue.page(query, never())
}

/** Method, path, headers and body are those of the fixture: exactly the documented fields are sent. */
function checkRequest(given: FixtureCase, server: ScriptedServer): void {
  const request = given.request as NonNullable<FixtureCase['request']>
  const seen = server.requests[0]
  const url = new URL(request.url)
  expect(seen?.method).toBe(request.method)
  expect(seen?.path).toBe(`${url.pathname}${url.search}`)
  expect(seen?.headers['user-agent']).toMatch(/^Reelsheet\/0\.1\.0/)
  const authorization = request.headers?.Authorization
  expect(seen?.headers.authorization).toBe(authorization?.replace('TEST_KEY', CANARY_KEY))
  for (const name of ['Content-Type', 'Idempotency-Key']) {
    const wanted = request.headers?.[name]
    if (wanted !== undefined) expect(seen?.headers[name.toLowerCase()]).toBe(wanted)
  }
  expect(seen?.headers).not.toHaveProperty('x-evo-run-id')
  if (request.body !== undefined) expect(JSON.parse(String(seen?.body))).toEqual(request.body)
  if (request.multipart !== undefined && seen) checkMultipart(request.multipart, seen)
}

function checkMultipart(
  wanted: NonNullable<NonNullable<FixtureCase['request']>['multipart']>,
  seen: ScriptedServer['requests'][number],
): void {
  const name = `${hashOf(PNG).slice(0, 16)}-${wanted.file.filename}`
  expect(parseMultipart(seen.headers['content-type'] ?? '', seen.body)).toEqual([
    { name: 'upload_path', content: Buffer.from(wanted.upload_path) },
    { name: 'file_name', content: Buffer.from(name) },
    { name: 'file', fileName: name, contentType: wanted.file.content_type, content: PNG },
  ])
}

/** The class of the reference's table, from the pure judges. */
function checkClass(file: string, given: FixtureCase): void {
  const { response } = given
  if (!response || response.network || file === 'vtrix-models.json') return
  const text = response.body_text ?? JSON.stringify(response.body)
  const answer = { status: response.status, headers: response.headers ?? {}, text, json: parseJson(text) }
  const family = file.startsWith('vtrix') ? ('vtrix' as const) : ('evolink' as const)
  const manners = { family, now: NOW, secrets: [] }
  const isOptional = file === 'evolink-tasks-bulk.json'
  const verdict = file.includes('-create')
    ? classifyCreate(answer, manners)
    : file.includes('-files')
      ? classifyFiles(answer, manners)
      : classifyRead(answer, manners, isOptional)
  // The state of a task is its reading's to tell; here the answer as such was fine.
  const inTask = new Set(['running', 'succeeded', 'failed_final', 'failed_transient'])
  const isTask = file.includes('-task') && inTask.has(given.expect.class ?? '')
  expect(verdict.class).toBe(isTask ? 'ok' : (given.expect.class as AnswerClass))
}
