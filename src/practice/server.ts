import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { RequestRow } from './books.ts'
import { hashOf } from './create.ts'
import { type Answer, type Call, type Desk, headerText } from './desk.ts'
import { countFault, nextFault, parseFaults } from './faults.ts'
import { familyError, familyOf, type Route } from './routes.ts'

/** Bytes of a body that are searched for `[cut-early]` before the rest has arrived. */
const EARLY_BYTES = 16_384

export interface ServerOptions {
  desk: Desk
  routes: readonly Route[]
  keys: readonly string[]
}

/** The HTTP side: finds the route, checks the key, reads the body, writes the ledger, then the answer. */
export function createPracticeServer(options: ServerOptions): Server {
  const server = createServer((request, response) => {
    // Kept from the start: an aborted request loses its socket.
    const { socket } = request
    answerRequest(options, request, response, socket).catch(() => socket.destroy())
  })
  // Uploads of 100 MB over a throttled connection may take long; the provider never hurries a client.
  server.requestTimeout = 0
  // A client that reuses an idle connection must not meet its end by chance: only scripted cuts are wanted.
  server.keepAliveTimeout = 120_000
  server.on('clientError', (_error, socket) => socket.destroy())
  return server
}

async function answerRequest(
  options: ServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  socket: Socket,
): Promise<void> {
  const { desk, routes, keys } = options
  const method = request.method ?? 'GET'
  const url = toUrl(request.url, desk.base())
  const path = url.pathname
  const family = familyOf(path)
  const matching = routes.filter((candidate) => candidate.path.test(path))
  const route = matching.find((candidate) => candidate.method === method)
  const keyName = nameOfKey(headerText(request.headers, 'authorization'), keys)
  const limit = typeof route?.bodyBytes === 'function' ? route.bodyBytes(desk) : (route?.bodyBytes ?? 0)
  const early = route?.isCreate === true && keyName !== null ? new EarlyCut(desk, request) : undefined
  const read = await readBody(request, limit, early)
  const row: Partial<RequestRow> = {}
  const { body, bytesIn, isTooLarge } = read
  const { headers } = request
  const call: Call = { method, path, query: url.searchParams, headers, body, isTooLarge, keyName, row }
  const answer: Answer =
    read.end === 'whole'
      ? await decide(desk, call, route, matching.length > 0)
      : { status: 0, drop: read.end === 'cut' ? 'reset' : 'aborted' }
  desk.books.record({
    kind: 'request',
    row: {
      at: desk.clock.now(),
      method,
      path,
      family,
      keyName,
      status: wordOf(answer),
      bytesIn,
      ...row,
    },
  })
  await desk.books.flush()
  send(method, response, socket, answer)
}

function toUrl(text: string | undefined, base: string): URL {
  const given = text ?? '/'
  // A path that begins with two slashes would otherwise be read as another host.
  return new URL(URL.canParse(given.replace(/^\/+/, '/'), base) ? given.replace(/^\/+/, '/') : '/', base)
}

async function decide(
  desk: Desk,
  call: Call,
  route: Route | undefined,
  isKnownPath: boolean,
): Promise<Answer> {
  const family = familyOf(call.path)
  if (!isHereHost(call.headers.host)) return familyError(family, 403)
  if (!route?.isPublic && family !== 'results' && call.keyName === null) return familyError(family, 401)
  if (!route) return familyError(family, isKnownPath ? 405 : 404)
  try {
    return await route.handle(desk, call)
  } catch {
    return familyError(family, 500)
  }
}

/** SECURITY: a web page whose name was pointed at this machine (DNS rebinding) is not let in. */
function isHereHost(host: string | undefined): boolean {
  return host !== undefined && /^(127\.0\.0\.1|localhost)(:\d+)?$/i.test(host)
}

/** The start of the hash of an accepted key, or null. Compared in constant time. */
function nameOfKey(header: string | undefined, keys: readonly string[]): string | null {
  const given = /^Bearer\s+(\S+)$/i.exec(header ?? '')?.[1]
  if (given === undefined) return null
  const digest = createHash('sha256').update(given).digest()
  const found = keys.some((key) => timingSafeEqual(digest, createHash('sha256').update(key).digest()))
  return found ? digest.toString('hex').slice(0, 8) : null
}

interface ReadBody {
  body: Buffer
  bytesIn: number
  isTooLarge: boolean
  /** `cut` by `[cut-early]`, or `aborted` by the client. */
  end: 'whole' | 'cut' | 'aborted'
}

/**
 * Reads the whole body. What goes over the limit is counted and thrown away, so that the client has sent everything
 * when the refusal comes and surely sees it.
 */
async function readBody(
  request: IncomingMessage,
  limit: number,
  early: EarlyCut | undefined,
): Promise<ReadBody> {
  const chunks: Buffer[] = []
  let bytesIn = 0
  let end: ReadBody['end'] = 'whole'
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytesIn += chunk.length
      if (bytesIn <= limit) chunks.push(chunk)
      else chunks.length = 0
      if (early?.strikes(chunks)) {
        end = 'cut'
        break
      }
    }
  } catch {
    end = 'aborted'
  }
  const isTooLarge = bytesIn > limit
  return { body: isTooLarge ? Buffer.alloc(0) : Buffer.concat(chunks), bytesIn, isTooLarge, end }
}

/**
 * `[cut-early]` acts as soon as the prompt has arrived, while the rest of the body is still on its way. The count
 * hangs on the idempotency key, or on the prompt where there is none.
 */
class EarlyCut {
  readonly #desk: Desk
  readonly #key: string | undefined
  #isSettled = false

  constructor(desk: Desk, request: IncomingMessage) {
    this.#desk = desk
    this.#key = headerText(request.headers, 'idempotency-key')
  }

  strikes(chunks: readonly Buffer[]): boolean {
    if (this.#isSettled || chunks.length === 0) return false
    const bytes = Buffer.concat(chunks)
    this.#isSettled = bytes.length >= EARLY_BYTES
    const head = bytes.subarray(0, EARLY_BYTES).toString('utf8')
    const prompt = /"prompt"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(head)?.[1]
    if (prompt === undefined) return false
    this.#isSettled = true
    if (!prompt.includes('[cut-early')) return false
    return this.#spend(prompt)
  }

  #spend(prompt: string): boolean {
    const id = `early-${hashOf(`${this.#key ?? ''} ${prompt}`).slice(0, 24)}`
    const faults = parseFaults(prompt)
    const cycle = this.#desk.books.cycles.get(id) ?? { id, content: id, counts: [], isClosed: false }
    const due = nextFault(faults, cycle.counts, 'create', (fault) => fault.what === 'cut-early')
    if (!due) return false
    const counts = countFault(cycle.counts, due.index)
    this.#desk.books.record({ kind: 'cycle', cycle: { ...cycle, counts } })
    return true
  }
}

/** How the ledger names an answer: its status, or the way it was spoiled. */
function wordOf(answer: Answer): number | string {
  if (answer.drop) return answer.drop
  if (answer.cutAfterBytes !== undefined) return `${answer.status} cut`
  if (answer.stallAfterBytes !== undefined) return `${answer.status} stall`
  return answer.status
}

function send(method: string, response: ServerResponse, socket: Socket, answer: Answer): void {
  if (answer.drop === 'cut' || answer.drop === 'aborted') return void socket.destroy()
  if (answer.drop === 'reset') return void socket.resetAndDestroy()
  if (answer.drop === 'hang') return
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : (answer.body ?? Buffer.alloc(0))
  const isSpoiled = answer.declaredBytes !== undefined
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-length': String(answer.declaredBytes ?? body.length),
    ...(isSpoiled ? { connection: 'close' } : {}),
  })
  if (method === 'HEAD') return void response.end()
  const stopAt = answer.cutAfterBytes ?? answer.stallAfterBytes
  if (stopAt === undefined && !isSpoiled) return void response.end(body)
  const shown = body.subarray(0, Math.min(stopAt ?? body.length, answer.declaredBytes ?? body.length))
  response.flushHeaders()
  response.write(shown, () => {
    if (answer.stallAfterBytes === undefined) socket.end(() => socket.destroy())
  })
}
