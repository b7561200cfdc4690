import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import type { App } from '../../src/main/core/app.ts'
import { createSecrets } from '../../src/main/hosts/secrets.ts'
import { type Serving, startServe } from '../../src/main/hosts/serve.ts'
import { letIn } from '../contract/transports.ts'
import { openApp } from './app.ts'
import { CANARY, type FuzzDoor, insist, insistProblem, type Sandbox } from './door.ts'
import { anyJsonText, nastyText, nearJson } from './hostile.ts'

const MESSAGES = [
  { i: '1', p: { u: '/app/hello', b: {} } },
  { i: '2', p: { u: '/accounts/list', m: 'POST', h: { a: 'b' }, b: { json: null, meta: [] } } },
  { i: '3', p: { u: '/jobs/get', b: { json: { id: 1 }, meta: [[1, ['id']]] } } },
  { i: '4', p: { u: '/app/watch', b: {} } },
  { i: '4', t: 4 },
  { i: '4', t: 3, p: { e: 'message', d: { json: 1 } } },
]

interface Frame {
  first: number
  isMasked: boolean
  /** What the head claims; null = the truth. */
  length: bigint | null
  body: string
}
interface Request {
  method: string
  target: string
  headers: [string, string][]
  body: string
  isLetIn: boolean
}
type Input = { frames: Frame[] } | { request: Request } | { bytes: Uint8Array }

const plain = (text: string): string => text.replace(/[\r\n]/g, '').slice(0, 20_000)
const frame = fc.record({
  first: fc.oneof(
    fc.constantFrom(0x81, 0x81, 0x81, 0x82, 0x01, 0x80, 0x88, 0x89, 0x8a),
    fc.nat({ max: 255 }),
  ),
  isMasked: fc.constantFrom(true, true, true, true, false),
  length: fc.option(fc.constantFrom(0n, 125n, 2n ** 16n, 2n ** 31n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n), {
    nil: null,
    freq: 8,
  }),
  body: fc.oneof({ weight: 4, arbitrary: nearJson(MESSAGES) }, { weight: 1, arbitrary: anyJsonText }),
})
const request = fc.record({
  method: fc.oneof(
    fc.constantFrom('GET', 'GET', 'POST', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'CONNECT', 'TRACE', 'get'),
    nastyText.map(plain),
  ),
  target: fc.oneof(
    fc.constantFrom(
      '/',
      '/contract',
      '/uploads?name=a.png',
      '/uploads?name=../../x',
      '/media/clip/1',
      '/media/clip/../../keys.json',
      '/media/reference/%2e%2e%2f',
      '//127.0.0.1/',
      'http://example.com/',
      '*',
      '/?token=a',
      '/page.css',
      '/%00',
      '/media/clip/1e9',
      '/media/clip/9007199254740993',
    ),
    nastyText.map((text) => `/${encodeURIComponent(text.toWellFormed())}`),
    nastyText.map(plain),
  ),
  headers: fc.array(
    fc.tuple(
      fc.constantFrom(
        'host',
        'origin',
        'cookie',
        'content-length',
        'transfer-encoding',
        'range',
        'if-range',
        'if-none-match',
        'accept',
        'sec-fetch-site',
        'upgrade',
        'connection',
        'expect',
        'sec-websocket-key',
        'sec-websocket-version',
        'sec-websocket-extensions',
        '__proto__',
      ),
      fc.oneof(
        nastyText.map(plain),
        fc.constantFrom(
          '0',
          '-1',
          '5',
          '99999999999',
          'chunked',
          'websocket',
          'upgrade',
          'text/html',
          'bytes=0-',
          '100-continue',
          'same-origin',
          '13',
          'permessage-deflate',
        ),
      ),
    ),
    { maxLength: 5 },
  ),
  body: fc.oneof(fc.constant(''), nastyText, fc.constant('x'.repeat(100_000))),
  isLetIn: fc.boolean(),
})

let app: App
let serving: Serving
let cookie = ''
let spare: Sandbox

/** The browser host's sockets: broken frames, odd messages, odd requests. */
export const door: FuzzDoor<Input> = {
  name: 'frames',
  memoryMb: 256,
  isUnfenced: true,
  inputs: { short: 50, long: 5_000 },
  keyFiles: ['keys.json', 'practice/key'],
  arbitrary: fc.oneof(
    { weight: 5, arbitrary: fc.record({ frames: fc.array(frame, { minLength: 1, maxLength: 4 }) }) },
    { weight: 5, arbitrary: fc.record({ request }) },
    { weight: 1, arbitrary: fc.record({ bytes: fc.uint8Array({ maxLength: 300 }) }) },
  ),
  open: async (sandbox) => {
    spare = sandbox
    const secrets = createSecrets(join(sandbox.inside, 'home'), {})
    app = openApp(sandbox, 'home', secrets)
    await app.start()
    await app.client.accounts.pause({ name: 'practice' })
    await app.client.accounts.add({ name: 'night', family: 'vtrix', key: CANARY })
    serving = await startServe(app)
    cookie = await letIn(serving.url)
  },
  attack: async (input, { inside, saw }) => {
    const answer = await speak(toBytes(input))
    saw(answer)
    insistAnswer(answer, 'request' in input ? input.request : undefined)
    const alive = await fetch(`http://127.0.0.1:${serving.port}/`, { headers: { cookie } })
    insist(alive.status === 200, `the host answers ${alive.status}`)
    saw(await alive.text())
    insist(app.practice?.ledger.tasks().length === 0, 'something was bought')
    const left = readdirSync(join(inside, 'home')).includes('uploads')
      ? readdirSync(join(inside, 'home/uploads'))
      : []
    insist(left.length === 0, `uploads are left: ${left.join()}`)
  },
  close: async () => {
    await serving.stop()
    await app.stop()
    spare.saw('closed')
  },
}

function toBytes(input: Input): Buffer {
  const own = `Host: 127.0.0.1:${serving.port}\r\nOrigin: http://127.0.0.1:${serving.port}\r\nCookie: ${cookie}\r\n`
  if ('bytes' in input) return Buffer.from(input.bytes)
  if ('frames' in input) {
    const head = `GET /contract HTTP/1.1\r\n${own}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`
    return Buffer.concat([Buffer.from(head), ...input.frames.map(frameBytes)])
  }
  const { method, target, headers, body, isLetIn } = input.request
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const length = headers.some(([name]) => name === 'content-length' || name === 'transfer-encoding')
    ? ''
    : `Content-Length: ${Buffer.byteLength(body)}\r\n`
  return Buffer.from(`${method} ${target} HTTP/1.1\r\n${isLetIn ? own : ''}${lines}${length}\r\n${body}`)
}

function frameBytes({ first, isMasked, length, body }: Frame): Buffer {
  const bytes = Buffer.from(body)
  const head = Buffer.alloc(10)
  head[0] = first
  head[1] = 127 | (isMasked ? 0x80 : 0)
  head.writeBigUInt64BE(length ?? BigInt(bytes.length), 2)
  // A mask of zeros leaves the bytes as they are.
  return Buffer.concat([head, isMasked ? Buffer.alloc(4) : Buffer.alloc(0), bytes])
}

/** What comes back until nothing more does for a moment, or the other side hangs up. */
function speak(bytes: Buffer): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const chunks: Buffer[] = []
  const socket = connect(serving.port, '127.0.0.1')
  const end = (): void => {
    socket.destroy()
    resolve(Buffer.concat(chunks).toString('utf8'))
  }
  socket.setTimeout(60, end)
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('close', end)
  socket.on('error', end)
  socket.write(bytes)
  return promise
}

/** A refusal of the host is a Problem; no answer says how the inside of the host is called. */
function insistAnswer(answer: string, request: Request | undefined): void {
  insist(
    !/node_modules|\/src\/main\/|\.ts:\d+/.test(answer),
    `an answer that tells of the inside: ${answer.slice(0, 300)}`,
  )
  insist(!/Reelsheet made a mistake/.test(answer), `a fault of our own: ${answer.slice(-400)}`)
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0)
  insist(status < 500, `a status of ${status}: ${answer.slice(0, 300)}`)
  const [head = '', body = ''] = answer.split('\r\n\r\n', 2)
  if (request?.method === 'HEAD' || !/content-type: application\/json/i.test(head) || status < 400) return
  const json = /\{.*\}/s.exec(body)?.[0]
  if (json) insistProblem(JSON.parse(json), `${request?.target}`)
}
