import { Agent, createServer, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { WorldClock } from './clock.ts'

/** What a request is for, whichever family's path it takes. */
export type Errand = 'create' | 'read' | 'list' | 'upload' | 'link' | 'other'

/** One exchange as it passed; what the core must have heard is read from here. */
export interface Passed {
  number: number
  errand: Errand
  method: string
  path: string
  /** Of the request, small ones only; a create's body as text. */
  body: string
  idempotencyKey: string | null
  /** Real milliseconds, monotonic. */
  at: number
  /** What the provider answered; null when it never saw the request or never answered. */
  status: number | null
  answer: string
  /** `whole`: every byte of the provider's own answer was handed over. Anything else is a fault of the way. */
  delivery: 'whole' | 'changed' | 'broken'
  /** The rule that struck. */
  rule: string | null
}

/** What a rule may do with an exchange. `forward` may be called once, never, or (for a doubled request) twice. */
export interface Exchange {
  errand: Errand
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: Buffer
  /** Hands the request to the provider and returns its whole answer. */
  forward(): Promise<Answered>
  /** Sends an answer, the provider's or another. Bytes as given, length included unless `headers` says otherwise. */
  answer(answered: Answered, how?: { cutAfterBytes?: number; isClean?: boolean; trailing?: Buffer }): void
  /** Ends the connection without an answer, at once (a reset). */
  cut(): void
  /** Says nothing and lets the other side wait. */
  hang(): void
  clock: WorldClock
}

export interface Answered {
  status: number
  headers: Record<string, string | string[]>
  body: Buffer
  /** The provider broke off after these bytes. */
  isCut?: boolean
}

/** A fault of the way between core and provider, decided by the case's script. */
export interface Rule {
  name: string
  on: Errand | 'any'
  /** Strikes the exchanges of its errand whose count is in here (from 1); all when left out. */
  times?: { from: number; to: number }
  /** Strikes only between these moments, world milliseconds since the world began. */
  during?: { fromMs: number; toMs: number }
  /** Strikes only exchanges whose request body or path has this. */
  when?: (exchange: { body: string; path: string; method: string }) => boolean
  strike(exchange: Exchange): Promise<void> | void
}

/**
 * The network between the core and one provider: a real HTTP server that hands everything on, writes down what
 * passed, and breaks what its rules say. Result links are rewritten to lead through it too.
 */
export class Network {
  readonly passed: Passed[] = []
  /** Replaced by a case while it runs: a key that is revoked, a portal that comes and goes. */
  rules: Rule[]
  readonly #target: string
  readonly #clock: WorldClock
  readonly #sockets = new Set<Socket>()
  readonly #counts = new Map<Rule, number>()
  readonly #agent = new Agent({ keepAlive: true })
  readonly #server = createServer((incoming, outgoing) => void this.#pass(incoming, outgoing))
  url = ''

  private constructor(target: string, clock: WorldClock, rules: Rule[]) {
    this.#target = target
    this.#clock = clock
    this.rules = rules
  }

  static async open(target: string, clock: WorldClock, rules: Rule[] = []): Promise<Network> {
    const network = new Network(target, clock, rules)
    network.#server.on('connection', (socket) => {
      network.#sockets.add(socket)
      socket.on('close', () => network.#sockets.delete(socket))
    })
    await new Promise<void>((done) => network.#server.listen(0, '127.0.0.1', done))
    network.url = `http://127.0.0.1:${(network.#server.address() as AddressInfo).port}`
    return network
  }

  /** Nobody listens any more, and what was connected is cut. */
  async goDown(): Promise<void> {
    const closed = new Promise((done) => this.#server.close(done))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  /** Listens again, under the same address. */
  async comeUp(): Promise<void> {
    const { port } = new URL(this.url)
    await new Promise<void>((done) => this.#server.listen(Number(port), '127.0.0.1', done))
  }

  async close(): Promise<void> {
    const closed = new Promise((done) => this.#server.close(done))
    for (const socket of this.#sockets) socket.destroy()
    this.#agent.destroy()
    await closed
  }

  async #pass(incoming: IncomingMessage, outgoing: import('node:http').ServerResponse): Promise<void> {
    const body = await readAll(incoming).catch(() => null)
    // The core went away in the middle of its request: the provider never sees it.
    if (body === null) return
    const { method = 'GET', url: path = '/', headers } = incoming
    const passed: Passed = {
      number: this.passed.length + 1,
      errand: errandOf(method, path),
      method,
      path,
      body: body.length < 1_000_000 ? body.toString('utf8') : '',
      idempotencyKey: (headers['idempotency-key'] as string | undefined) ?? null,
      at: performance.now(),
      status: null,
      answer: '',
      delivery: 'broken',
      rule: null,
    }
    this.passed.push(passed)
    const exchange: Exchange = {
      errand: passed.errand,
      method,
      path,
      headers,
      body,
      clock: this.#clock,
      forward: async () => {
        const answered = await this.#forward(method, path, headers, body)
        passed.status = answered.status
        if (!isBinary(answered)) passed.answer = answered.body.toString('utf8')
        return answered
      },
      answer: (answered, { cutAfterBytes, isClean, trailing } = {}) => {
        const bytes = cutAfterBytes === undefined ? answered.body : answered.body.subarray(0, cutAfterBytes)
        outgoing.writeHead(answered.status, answered.headers)
        if (cutAfterBytes !== undefined || answered.isCut) {
          outgoing.write(bytes, () => outgoing.socket?.destroy())
          return
        }
        outgoing.on('finish', () => {
          passed.delivery = isClean ? 'whole' : 'changed'
        })
        // What follows the answer on its connection goes past the server's own bookkeeping.
        if (trailing) outgoing.on('finish', () => incoming.socket.write(trailing))
        outgoing.end(bytes)
      },
      cut: () => incoming.socket.resetAndDestroy(),
      hang: () => {},
    }
    const rule = this.#ruleFor(passed)
    passed.rule = rule?.name ?? null
    try {
      if (rule) await rule.strike(exchange)
      else exchange.answer(await exchange.forward(), { isClean: true })
    } catch {
      // The provider itself broke the connection off: so does the way to it.
      incoming.socket.resetAndDestroy()
    }
  }

  #ruleFor(passed: Passed): Rule | undefined {
    return this.rules.find((rule) => {
      if (rule.on !== 'any' && rule.on !== passed.errand) return false
      if (rule.when && !rule.when(passed)) return false
      const { fromMs, toMs } = rule.during ?? { fromMs: 0, toMs: Number.POSITIVE_INFINITY }
      const elapsedMs = this.#clock.elapsed()
      if (elapsedMs < fromMs || elapsedMs > toMs) return false
      const count = (this.#counts.get(rule) ?? 0) + 1
      this.#counts.set(rule, count)
      return rule.times === undefined || (count >= rule.times.from && count <= rule.times.to)
    })
  }

  #forward(method: string, path: string, headers: IncomingHttpHeaders, sent: Buffer): Promise<Answered> {
    // An upload's address that came back through here must be the provider's own again.
    const body = sent.includes(this.url)
      ? Buffer.from(sent.toString('latin1').replaceAll(this.url, this.#target), 'latin1')
      : sent
    return new Promise((done, fail) => {
      const { host: _, connection: __, 'transfer-encoding': ___, ...rest } = headers
      const onward = request(
        new URL(path, this.#target),
        { method, headers: { ...rest, 'content-length': body.length }, agent: this.#agent },
        (answer) => {
          const chunks: Buffer[] = []
          answer.on('data', (chunk: Buffer) => chunks.push(chunk))
          // Ends also when the provider broke off in the middle.
          answer.on('close', () => done(this.#translate(answer, Buffer.concat(chunks))))
        },
      )
      onward.on('error', fail)
      onward.end(body)
    })
  }

  /** Links lead to the provider itself; here they must lead through the network. */
  #translate(answer: IncomingMessage, bytes: Buffer): Answered {
    const headers = { ...answer.headers } as Record<string, string | string[]>
    delete headers.connection
    delete headers['keep-alive']
    delete headers['transfer-encoding']
    const status = answer.statusCode ?? 502
    if (typeof headers.location === 'string')
      headers.location = headers.location.replaceAll(this.#target, this.url)
    const isCut = !answer.complete
    if (isCut || isBinary({ status, headers, body: bytes })) return { status, headers, body: bytes, isCut }
    const body = Buffer.from(bytes.toString('utf8').replaceAll(this.#target, this.url))
    return { status, headers: { ...headers, 'content-length': String(body.length) }, body }
  }
}

const isBinary = ({ headers }: Answered): boolean =>
  !/json|text|xml/.test(String(headers['content-type'] ?? ''))

async function readAll(from: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of from) chunks.push(chunk as Buffer)
  if (!from.complete) throw new Error('it ended too early')
  return Buffer.concat(chunks)
}

function errandOf(method: string, path: string): Errand {
  const { pathname } = new URL(path, 'http://x')
  if (pathname.startsWith('/results/')) return 'link'
  if (pathname.startsWith('/api/v1/files')) return 'upload'
  if (method === 'POST' && (pathname === '/v1/videos/generations' || pathname === '/model/v1/generation'))
    return 'create'
  if (method === 'GET' && pathname === '/v1/tasks') return 'list'
  if (pathname.startsWith('/v1/tasks') || pathname.startsWith('/model/v1/generation')) return 'read'
  return 'other'
}
