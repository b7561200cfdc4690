import type { LookupFunction } from 'node:net'
import { Agent, buildConnector, type Dispatcher, ProxyAgent } from 'undici'
import type { Checkpoint, Clock } from '../ports.ts'
import { guardLookup, isLoopbackHost, mayConnect, parseLink } from './addresses.ts'
import { type Answer, type Headers, readAnswer, strongValidator } from './answer.ts'
import { refuseContent, SNIFF_BYTES } from './content.ts'
import { type Disk, realDisk } from './disk.ts'
import {
  AddressRefused,
  ClientBlocked,
  ContentInvalid,
  LinkRefused,
  onDisk,
  TransferBroken,
} from './errors.ts'
import { hashLink } from './notes.ts'
import { Part } from './part.ts'
import { ReadBlocks } from './transfer-blocks.ts'
import { Body } from './transfer-body.ts'
import { describeBreak } from './transfer-faults.ts'
import { Watchdog } from './watchdog.ts'

export const DEFAULT_TRANSFER_LIMITS = {
  maxBytes: 1024 ** 3,
  connectTimeoutMs: 20_000,
  headersTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
} as const
const MAX_REDIRECTS = 5
/** Enough to see a robot check's code. */
const REFUSAL_BYTES = 4096

export interface FetchRequest {
  /** The signed link. It is never written down or put into an error. */
  url: string
  /** Names the output across links and tries, as `<account>/<task id>/<index>`. */
  identity: string
  /** `<name>.part`; its notes lie beside it. */
  partPath: string
  /** True only when the account's own base address is on this machine. */
  allowLoopback: boolean
  /** Truthful: some hosts turn a library's default away. */
  userAgent: string
  proxyUrl?: string | undefined
  maxBytes: number
  connectTimeoutMs: number
  headersTimeoutMs: number
  /** How long a transfer may stand still. */
  idleTimeoutMs: number
  /** Bytes in the part so far, of how many (null = unknown). Called once per batch of chunks. */
  onProgress(received: number, total: number | null): void
  agents: TransferAgents
  disk?: Disk
  checkpoint: Checkpoint
  clock: Clock
  signal: AbortSignal
}

export interface Fetched {
  sizeBytes: number
  sha256: string
  contentType: string | null
}

/**
 * Fetches one output into `partPath`, going on where an earlier try stopped, and returns when every byte is synced.
 * A finished part answers without any request. The file keeps its `.part` name: naming it is `placeClip`'s work.
 *
 * Throws LinkRefused, ContentInvalid (no file kept), AddressRefused, TransferBroken, ClientBlocked, DiskTrouble,
 * or `signal.reason`. Except where said, bytes already fetched are kept for the next try.
 * Link rules: https://docs.evolink.ai (result links live 24 h, no key, hosts not fixed).
 */
export async function fetchOutput(request: FetchRequest): Promise<Fetched> {
  request.signal.throwIfAborted()
  const url = parseLink(request.url, request.allowLoopback)
  const source = { identity: request.identity, urlHash: hashLink(url) }
  const disk = request.disk ?? realDisk
  const { partPath, clock, signal } = request
  const part = await onDisk(partPath, () => Part.open(disk, partPath, source, clock, signal))
  try {
    if (!part.isComplete) await receiveAll(request, url, part)
    request.checkpoint('download.received')
    part.isComplete = true
    part.facts = { ...part.facts, totalBytes: part.position }
    await onDisk(partPath, () => part.keep())
    request.checkpoint('download.synced')
    return { sizeBytes: part.position, sha256: part.digest(), contentType: part.facts.contentType }
  } catch (error) {
    // What broke first is what counts; a disk that fails here as well only costs bytes.
    const isWorthless = error instanceof ContentInvalid
    await (isWorthless ? part.restart() : part.keep()).catch(() => undefined)
    throw error
  } finally {
    await part.close().catch(() => undefined)
  }
}

/** At most one clean restart: a server that offers ranges and then denies them twice is broken. */
async function receiveAll(request: FetchRequest, url: URL, part: Part): Promise<void> {
  if ((await receiveOnce(request, url, part)) === 'done') return
  await onDisk(request.partPath, () => part.restart())
  if ((await receiveOnce(request, url, part)) === 'done') return
  throw new TransferBroken(clipOf(request), 'the server’s answers contradict each other')
}

async function receiveOnce(request: FetchRequest, url: URL, part: Part): Promise<'done' | 'restart'> {
  if (part.position > 0 && strongValidator(part.facts) === null) return 'restart'
  const reply = await follow(request, url, part)
  try {
    const { answer } = reply
    switch (answer.do) {
      case 'receive':
        await receiveBody(request, reply, answer, part)
        return 'done'
      case 'complete':
        return 'done'
      case 'restart':
        return 'restart'
      case 'retry':
        throw new TransferBroken(clipOf(request), `the server answered HTTP ${answer.status}`, answer)
      case 'refuse':
        throw await refusalOf(request, reply, answer.status)
      case 'redirect':
        throw new AddressRefused('it leads through more than five redirects')
      default:
        return answer satisfies never
    }
  } finally {
    reply.close()
  }
}

/** Asks, and follows redirects by hand so that every hop meets the address rules. Only https may follow https. */
async function follow(request: FetchRequest, first: URL, part: Part): Promise<Reply> {
  let url = first
  for (let hop = 0; ; hop++) {
    const reply = await ask(request, url, part)
    if (reply.answer.do !== 'redirect' || hop === MAX_REDIRECTS) return reply
    reply.close()
    const { location } = reply.answer
    if (location === null)
      throw new TransferBroken(clipOf(request), 'the server redirected without saying where to')
    const next = parseLink(location, request.allowLoopback, url)
    if (url.protocol === 'https:' && next.protocol !== 'https:')
      throw new AddressRefused('it redirects from https to an address without it')
    url = next
  }
}

interface Reply {
  answer: Answer
  body: Body
  watchdog: Watchdog
  /** Ends the exchange whatever its state. */
  close(): void
}

/** Sends one GET and resolves with its head. Throws TransferBroken, AddressRefused or `signal.reason`. */
async function ask(request: FetchRequest, url: URL, part: Part): Promise<Reply> {
  const { signal, clock } = request
  signal.throwIfAborted()
  const body = new Body()
  const onAbort = () => body.fail(signal.reason)
  const watchdog = new Watchdog(clock, request.connectTimeoutMs, () =>
    body.fail(new TransferBroken(clipOf(request), 'nothing moved for too long')),
  )
  const close = () => {
    watchdog.stop()
    signal.removeEventListener('abort', onAbort)
    body.fail(new Error('The exchange is over.'))
  }
  signal.addEventListener('abort', onAbort)
  try {
    const dispatcher = request.agents.dispatcherFor(url, request.proxyUrl, request.allowLoopback)
    const head = body.head()
    dispatcher.dispatch(
      {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'GET',
        headers: headersFor(request, part),
      },
      handlerFor(request, body, watchdog),
    )
    const { status, headers } = await head
    return { answer: readAnswer(status, headers, askedOf(part), clock.now()), body, watchdog, close }
  } catch (error) {
    close()
    throw describeBreak(error, clipOf(request), signal)
  }
}

const askedOf = (part: Part) => ({ from: part.position, ...part.facts })

function headersFor(request: FetchRequest, part: Part): Record<string, string> {
  const headers: Record<string, string> = {
    accept: '*/*',
    'accept-encoding': 'identity',
    'user-agent': request.userAgent,
  }
  const validator = strongValidator(part.facts)
  if (part.position === 0 || validator === null) return headers
  return { ...headers, range: `bytes=${part.position}-`, 'if-range': validator }
}

function handlerFor(request: FetchRequest, body: Body, watchdog: Watchdog): Dispatcher.DispatchHandler {
  return {
    onRequestStart(controller) {
      watchdog.touch(request.headersTimeoutMs)
      body.attach(controller)
    },
    onResponseStart(_controller, status, headers) {
      if (status < 200) return
      watchdog.touch(request.idleTimeoutMs)
      body.begin(status, headers as Headers)
    },
    onResponseData(_controller, chunk) {
      watchdog.touch()
      body.push(chunk)
    },
    onResponseEnd: () => body.end(),
    onResponseError: (_controller, error) => body.fail(error),
  }
}

type Receiving = Extract<Answer, { do: 'receive' }>

async function receiveBody(
  request: FetchRequest,
  reply: Reply,
  answer: Receiving,
  part: Part,
): Promise<void> {
  const clip = clipOf(request)
  refuseSize(answer.totalBytes ?? 0, request)
  if (answer.from === 0 && part.position > 0) await onDisk(request.partPath, () => part.restart())
  part.facts = {
    etag: answer.etag ?? part.facts.etag,
    lastModified: answer.lastModified ?? part.facts.lastModified,
    totalBytes: answer.totalBytes ?? part.facts.totalBytes,
    contentType: answer.contentType ?? part.facts.contentType,
  }
  for (;;) {
    const batch = await takeBatch(request, reply, part.position === 0 ? SNIFF_BYTES : 1)
    if (part.position === 0) refuseBody(clip, batch, answer)
    if (batch.length === 0) break
    const end = part.position + lengthOf(batch)
    refuseSize(end, request)
    if (end > (answer.endBytes ?? end)) throw new ContentInvalid(clip, 'more bytes came than were announced')
    await onDisk(request.partPath, () => part.append(batch, () => request.agents.giveBack(batch)))
    reply.watchdog.touch()
    request.onProgress(part.position, part.facts.totalBytes)
  }
  await onDisk(request.partPath, () => part.flush())
  const missing = (part.facts.totalBytes ?? part.position) - part.position
  if (missing > 0) throw new TransferBroken(clip, `${missing} bytes are missing at its end`)
}

async function takeBatch(request: FetchRequest, reply: Reply, atLeastBytes: number): Promise<Buffer[]> {
  try {
    return await reply.body.take(atLeastBytes)
  } catch (error) {
    throw describeBreak(error, clipOf(request), request.signal)
  }
}

function refuseBody(clip: string, batch: readonly Buffer[], answer: Receiving): void {
  const head = Buffer.concat(batch.slice(0, SNIFF_BYTES)).subarray(0, SNIFF_BYTES)
  const finding = refuseContent(head, answer.contentType, answer.contentEncoding)
  if (finding !== null) throw new ContentInvalid(clip, finding, { isReplaced: true })
}

function refuseSize(bytes: number, request: FetchRequest): void {
  if (bytes > request.maxBytes)
    throw new ContentInvalid(clipOf(request), `it is larger than ${request.maxBytes} bytes`)
}

/** A 403 may be a dead link or a robot check (code 1010); only its text tells. */
async function refusalOf(request: FetchRequest, reply: Reply, status: number): Promise<Error> {
  const clip = clipOf(request)
  if (status !== 403) return new LinkRefused(clip, status)
  const batch = await reply.body.take(REFUSAL_BYTES).catch((): Buffer[] => [])
  request.signal.throwIfAborted()
  const text = Buffer.concat(batch).toString('latin1', 0, REFUSAL_BYTES)
  return /\b1010\b/.test(text) ? new ClientBlocked(clip) : new LinkRefused(clip, status)
}

const lengthOf = (chunks: readonly Buffer[]): number =>
  chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)

/** The clip's name for sentences: the part's, without what marks it as one. */
const clipOf = (request: FetchRequest): string =>
  request.partPath.replace(/^.*[\\/]/, '').replace(/\.part$/, '')

export interface TransferAgents {
  dispatcherFor(url: URL, proxyUrl: string | undefined, allowLoopback: boolean): Dispatcher
  /** Chunks of a body that are on the disk: their memory is read into again. Never again a chunk that was given back. */
  giveBack(chunks: readonly Uint8Array[]): void
  /** Ends every connection. May be called twice. */
  close(): Promise<void>
}

export interface AgentOptions {
  /** How names are looked up; the system's way unless said. */
  lookup?: LookupFunction
  /** Further certificate authorities in PEM form, for networks that open TLS. */
  certificateAuthorities?: string[]
}

/** Backstop for connections whose exchange was given up; the exchange's own limit comes from the clock. */
const CONNECT_BACKSTOP_MS = 60_000

/**
 * The connections of all transfers, made on first use and kept between transfers: guarded ones to the public
 * internet, ones that may also reach this machine, and one set per proxy.
 *
 * With a proxy only a literal address in the link is checked: the proxy looks names up itself, so what this
 * machine would resolve says nothing about where the proxy connects. Links to this machine never take a proxy.
 */
export function createTransferAgents(options: AgentOptions = {}): TransferAgents {
  const made = new Map<string, Dispatcher>()
  const blocks = new ReadBlocks()
  const keep = (key: string, make: () => Dispatcher): Dispatcher => {
    const dispatcher = made.get(key) ?? make()
    made.set(key, dispatcher)
    return dispatcher
  }
  return {
    dispatcherFor(url, proxyUrl, allowLoopback) {
      if (proxyUrl !== undefined && !isLoopbackHost(url.hostname))
        return keep(`proxy ${proxyUrl}`, () => createProxyAgent(proxyUrl, options))
      return keep(`direct ${allowLoopback}`, () => createGuardedAgent(allowLoopback, options, blocks))
    },
    giveBack: (chunks) => blocks.giveBack(chunks),
    async close() {
      const closing = [...made.values()]
      made.clear()
      await Promise.all(closing.map((dispatcher) => dispatcher.destroy()))
    },
  }
}

/** Time-outs come from the exchange's watchdog, so undici's own are off. */
const COMMON = { bodyTimeout: 0, headersTimeout: 0, allowH2: false, keepAliveTimeout: 4_000 } as const

function tlsOptions({ certificateAuthorities }: AgentOptions) {
  return certificateAuthorities ? { ca: certificateAuthorities } : {}
}

function createGuardedAgent(allowLoopback: boolean, options: AgentOptions, blocks: ReadBlocks): Agent {
  const connectors = {
    'http:': connectorFor('http:', allowLoopback, options, blocks),
    'https:': connectorFor('https:', allowLoopback, options, blocks),
  }
  const connect: buildConnector.connector = (target, callback) =>
    connectors[target.protocol === 'https:' ? 'https:' : 'http:'](target, callback)
  return new Agent({ ...COMMON, connect })
}

function connectorFor(
  protocol: string,
  allowLoopback: boolean,
  options: AgentOptions,
  { onread }: ReadBlocks,
): buildConnector.connector {
  const lookup = guardLookup(protocol, allowLoopback, options.lookup)
  const build = {
    timeout: CONNECT_BACKSTOP_MS,
    allowH2: false,
    lookup,
    onread,
    highWaterMark: 1,
    ...tlsOptions(options),
  }
  return guardConnector(buildConnector(build as buildConnector.BuildOptions), allowLoopback)
}

/** Looks at where a socket really ended up before anything is asked over it. */
export function guardConnector(
  connect: buildConnector.connector,
  allowLoopback: boolean,
): buildConnector.connector {
  return (target, callback) =>
    connect(target, (...[error, socket]) => {
      if (error) return callback(error, null)
      if (mayConnect(socket.remoteAddress ?? '', target.protocol, allowLoopback))
        return callback(null, socket)
      socket.destroy()
      callback(new AddressRefused('its connection ended in a private network'), null)
    })
}

function createProxyAgent(proxyUrl: string, options: AgentOptions): ProxyAgent {
  return new ProxyAgent({
    ...COMMON,
    uri: proxyUrl,
    requestTls: tlsOptions(options),
    connectTimeout: CONNECT_BACKSTOP_MS,
  })
}
