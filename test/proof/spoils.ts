import { gzipSync } from 'node:zlib'
import type { Answered, Exchange } from './network.ts'

/** One way to spoil an exchange. */
export interface Spoil {
  name: string
  strike(exchange: Exchange): Promise<void> | void
  /** What it means for a create call: the core cannot know (`doubt`), surely refused for now (`wait`), taken (`fine`). */
  means: 'doubt' | 'wait' | 'fine'
}

type Body = string | Buffer

const json = { 'content-type': 'application/json' }
const text = { 'content-type': 'text/html; charset=utf-8' }
const PAGE = '<!doctype html><html><head><title>Sign in</title></head><body>Please sign in</body></html>'

/** An answer that did not come from the provider. */
export const invented = (
  status: number,
  body: Body = JSON.stringify({ error: { message: 'by the script' } }),
  headers: Record<string, string> = json,
): Answered => {
  const bytes = Buffer.from(body)
  return { status, headers: { ...headers, 'content-length': String(bytes.length) }, body: bytes }
}

/** The provider's answer with another body; its length goes with it. */
export const withBody = (answered: Answered, body: Body, headers: Record<string, string> = {}): Answered => {
  const bytes = Buffer.from(body)
  return {
    ...answered,
    headers: { ...answered.headers, 'content-length': String(bytes.length), ...headers },
    body: bytes,
  }
}

/** An answer given in the provider's place: it never sees the request. */
export const instead =
  (answered: Answered): Spoil['strike'] =>
  (exchange) =>
    exchange.answer(answered)

/** The provider carries the request out, and its answer is replaced on the way back. */
export const changed =
  (change: (answered: Answered) => Answered): Spoil['strike'] =>
  async (exchange) =>
    exchange.answer(change(await exchange.forward()))

const spoil = (name: string, means: Spoil['means'], strike: Spoil['strike']): Spoil => ({
  name,
  means,
  strike,
})
const rewritten = (name: string, change: (answered: Answered) => Answered, means: Spoil['means'] = 'doubt') =>
  spoil(name, means, changed(change))

/** More than an answer may have, by far. */
const HUGE_BYTES = 6_000_000
/** Longer than any time limit of the core, world milliseconds. */
const LATE_MS = 200_000

/** The way breaks, or is slow. */
export const LOST: Spoil[] = [
  spoil('cut before the provider took it', 'doubt', (exchange) => exchange.cut()),
  spoil('answer lost after the provider took it', 'doubt', async (exchange) => {
    await exchange.forward()
    exchange.cut()
  }),
  spoil('silence before the provider took it', 'doubt', (exchange) => exchange.hang()),
  spoil('silence after the provider took it', 'doubt', async (exchange) => {
    await exchange.forward()
    exchange.hang()
  }),
  spoil('answer late, when nobody waits', 'doubt', async (exchange) => {
    const answered = await exchange.forward()
    await exchange.clock.sleep(LATE_MS)
    exchange.answer(answered)
  }),
  spoil('answer cut in its middle', 'doubt', async (exchange) => {
    const answered = await exchange.forward()
    exchange.answer(answered, { cutAfterBytes: Math.floor(answered.body.length / 2) })
  }),
  spoil('fewer bytes than were announced', 'doubt', async (exchange) => {
    const answered = await exchange.forward()
    const headers = { ...answered.headers, 'content-length': String(answered.body.length + 100) }
    exchange.answer({ ...answered, headers }, { cutAfterBytes: answered.body.length })
  }),
  spoil('the answer sent twice on its connection', 'fine', async (exchange) => {
    const answered = await exchange.forward()
    const again = `HTTP/1.1 200 OK\r\ncontent-length: ${answered.body.length}\r\n\r\n`
    exchange.answer(answered, { trailing: Buffer.concat([Buffer.from(again), answered.body]) })
  }),
  spoil('garbage on the connection behind the answer', 'fine', async (exchange) =>
    exchange.answer(await exchange.forward(), { trailing: Buffer.from('\0\0 garbage \r\n\r\n') }),
  ),
]

/** The request reaches the provider twice, under one key. Vtrix knows no keys: nothing could protect it there. */
export const DOUBLED: Spoil = spoil('the request doubled on its way', 'fine', async (exchange) => {
  await exchange.forward()
  exchange.answer(await exchange.forward())
})

const tooFast = (name: string, retryAfter?: string): Spoil =>
  spoil(
    `429 ${name}`,
    'wait',
    instead(
      invented(429, undefined, { ...json, ...(retryAfter !== undefined && { 'retry-after': retryAfter }) }),
    ),
  )

export const TOO_FAST: Spoil[] = [
  tooFast('without Retry-After'),
  tooFast('in seconds', '3'),
  tooFast('at once', '0'),
  tooFast('in half a second', '0.5'),
  tooFast('as a date', 'Fri, 20 Nov 2026 08:03:00 GMT'),
  tooFast('as a date that is over', 'Thu, 01 Jan 1970 00:00:00 GMT'),
  tooFast('as a date in ten years', 'Fri, 20 Nov 2036 08:00:00 GMT'),
  tooFast('negative', '-5'),
  tooFast('huge', '999999999'),
  tooFast('beyond all numbers', '9'.repeat(40)),
  tooFast('in words', 'soon, perhaps'),
  tooFast('empty', ''),
]

const between = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at)

/** Every fault of a server, and those of the gateways before it. */
export const SERVER_FAULTS: Spoil[] = [...between(500, 511), ...between(520, 530), 598, 599].flatMap(
  (status) => [
    spoil(`${status}`, 'doubt', instead(status % 2 ? invented(status, PAGE, text) : invented(status))),
    rewritten(`${status} though it was carried out`, (answered) => withBody({ ...answered, status }, '{}')),
  ],
)

export const PROMISED: Spoil = spoil(
  '503 with Retry-After',
  'wait',
  instead(invented(503, undefined, { ...json, 'retry-after': '5' })),
)

/** Deep enough to break whoever reads by recursion. */
const DEEP = `${'['.repeat(100_000)}${']'.repeat(100_000)}`

/** The answer arrives, and cannot be what it should be. */
export const UNREADABLE: Spoil[] = [
  spoil('a page with 200', 'doubt', instead(invented(200, PAGE, text))),
  rewritten('a page with 200 though it was carried out', (answered) => withBody(answered, PAGE, text)),
  spoil(
    'sent to a page to sign in',
    'doubt',
    instead(invented(302, PAGE, { ...text, location: 'http://10.0.0.1/login' })),
  ),
  rewritten('empty with 200', (answered) => withBody(answered, '')),
  rewritten('204 without anything', (answered) => ({ ...withBody(answered, ''), status: 204 })),
  rewritten('only blanks', (answered) => withBody(answered, ' \n ')),
  rewritten('half of its JSON', (answered) =>
    withBody(answered, answered.body.subarray(0, Math.floor(answered.body.length / 2))),
  ),
  rewritten('garbage behind its JSON', (answered) =>
    withBody(answered, Buffer.concat([answered.body, Buffer.from('\n<!-- cached -->')])),
  ),
  rewritten('two JSON texts in one', (answered) =>
    withBody(answered, Buffer.concat([answered.body, answered.body])),
  ),
  spoil('more bytes than were announced', 'doubt', async (exchange) => {
    const answered = await exchange.forward()
    const headers = { ...answered.headers, 'content-length': String(answered.body.length - 10) }
    exchange.answer({ ...answered, headers })
  }),
  rewritten('null', (answered) => withBody(answered, 'null')),
  rewritten('a number', (answered) => withBody(answered, '42')),
  rewritten('a text', (answered) => withBody(answered, '"queued"')),
  rewritten('a list', (answered) => withBody(answered, '[]')),
  rewritten('an empty object', (answered) => withBody(answered, '{}')),
  rewritten('prototype tricks', (answered) =>
    withBody(answered, '{"__proto__":{"id":"x","status":"completed"},"constructor":{"prototype":1}}'),
  ),
  rewritten('huge JSON', (answered) => withBody(answered, `{"id":"${'x'.repeat(HUGE_BYTES)}"}`)),
  rewritten('deep JSON', (answered) => withBody(answered, DEEP)),
  rewritten('packed though nobody asked', (answered) =>
    withBody(answered, gzipSync(answered.body), { 'content-encoding': 'gzip' }),
  ),
  rewritten('two bytes a letter', (answered) =>
    withBody(answered, Buffer.from(`\ufeff${answered.body.toString('utf8')}`, 'utf16le'), {
      'content-type': 'application/json; charset=utf-16',
    }),
  ),
]

/** Odd, and still readable. */
export const ODD: Spoil[] = [
  rewritten(
    'called packed and is not',
    (answered) => withBody(answered, answered.body, { 'content-encoding': 'gzip' }),
    'fine',
  ),
  rewritten(
    'called text',
    (answered) => withBody(answered, answered.body, { 'content-type': 'text/plain' }),
    'fine',
  ),
  rewritten(
    'another charset on its label',
    (answered) =>
      withBody(answered, answered.body, { 'content-type': 'application/json; charset=iso-8859-1' }),
    'fine',
  ),
  rewritten(
    'a byte order mark before its JSON',
    (answered) => withBody(answered, `\ufeff${answered.body.toString('utf8')}`),
    'fine',
  ),
  rewritten(
    'fields that nobody knows',
    (answered) =>
      withBody(answered, answered.body.toString('utf8').replace('{', '{"new_thing":{"a":[1,2,3]},')),
    'fine',
  ),
]

/** Changes the one object that an answer is about: the task itself, or its entry in a list. */
export const inEntry =
  (
    isMeant: (entry: Record<string, unknown>) => boolean,
    change: (entry: Record<string, unknown>) => unknown,
  ) =>
  (answered: Answered): Answered => {
    let body: unknown
    try {
      body = JSON.parse(answered.body.toString('utf8'))
    } catch {
      return answered
    }
    const list = (body as { data?: unknown }).data
    if (Array.isArray(list)) {
      const data = list.map((entry) => (isMeant(entry) ? change(entry) : entry))
      return withBody(answered, JSON.stringify({ ...(body as object), data }))
    }
    const root = body as Record<string, unknown>
    return isMeant(root) ? withBody(answered, JSON.stringify(change(root))) : answered
  }
