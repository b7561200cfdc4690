import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Problem, ProblemError, problem } from '../../shared/problem.ts'
import type { App } from '../core/app.ts'
import type { MediaRequest } from '../core/media/answer.ts'
import { serveClip } from '../core/media/clip.ts'
import { serveReference } from '../core/media/reference.ts'
import { createDoor } from './message-port.ts'
import { send } from './serve-answer.ts'
import { checkSender, createSession, type Refusal, type Session } from './serve-guard.ts'
import { drawPage, drawRefusal, readStyle } from './serve-page.ts'
import { createSocketDoor, refuseUpgrade } from './serve-socket.ts'
import { clearWaitingRoom, MOST_UPLOAD_BYTES, takeUpload } from './serve-upload.ts'

export interface ServeOptions {
  /** Default: any free one. */
  port?: number
  /** The first link's token; unguessable ones are made otherwise. */
  token?: string
  /** Default: 200 MB. */
  mostUploadBytes?: number
}

export interface Serving {
  /** A link that lets one browser in, once. */
  url: string
  port: number
  /** Another such link, for another browser or when the first was lost. */
  link(): string
  /** Ends every connection; nothing listens any more when it resolves. May be called twice. */
  stop(): Promise<void>
}

/** Where browsers and the contract meet; `api/connect.ts` is told by the page. */
const CONTRACT_PATH = '/contract'
const MOST_HEADER_BYTES = 16 * 1024
const MOST_CONNECTIONS = 256

/**
 * The browser host: this app's page, its contract and its media on 127.0.0.1. `app` owns its data folder and is
 * started and stopped by the caller, this host first. Prints nothing. Rejects with the system's error when the
 * port is taken.
 */
export async function startServe(app: App, options: ServeOptions = {}): Promise<Serving> {
  await clearWaitingRoom(app)
  const door = createSocketDoor(app, createDoor(app, { mediaBase: '/media', gestures: [] }))
  const working = new Set<Promise<void>>()
  const server = createServer({
    // SECURITY: headers may not fill the memory, nor slow senders hold connections for ever.
    maxHeaderSize: MOST_HEADER_BYTES,
    headersTimeout: 20_000,
    requestTimeout: 10 * 60_000,
  })
  server.maxConnections = MOST_CONNECTIONS
  // SECURITY: loopback only. Another machine cannot even connect.
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', () => resolve())
  })
  const { port } = server.address() as AddressInfo
  const session = createSession(app.core.engine.random, port, options.token)
  const host: Host = { app, port, session, mostUploadBytes: options.mostUploadBytes ?? MOST_UPLOAD_BYTES }
  const toLink = (token: string): string => `http://127.0.0.1:${port}/?token=${token}`
  const link = (): string => toLink(session.issue())

  server.on('request', (request, response) => {
    const work = handle(host, request, response)
      .catch(() => void response.destroy())
      .finally(() => working.delete(work))
    working.add(work)
  })
  server.on('upgrade', (request, socket, head) => {
    const refusal = checkUpgrade(host, request)
    if (refusal) refuseUpgrade(socket, refusal)
    else door.accept(request, socket, head)
  })
  server.on('clientError', refuseBroken)

  async function end(): Promise<void> {
    door.close()
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeAllConnections()
    await closed
    await Promise.allSettled(working)
  }
  let ended: Promise<void> | undefined
  return {
    url: options.token === undefined ? link() : toLink(options.token),
    port,
    link,
    stop: () => {
      ended ??= end()
      return ended
    },
  }
}

interface Host {
  app: App
  port: number
  session: Session
  mostUploadBytes: number
}

function checkUpgrade({ port, session }: Host, request: IncomingMessage) {
  const refusal = checkSender(request.headers, port, true) ?? session.check(request.headers)
  if (refusal) return refusal
  if (request.url === CONTRACT_PATH) return null
  return { status: 404, what: 'Nothing is spoken here.', next: `Connect to ${CONTRACT_PATH}.` } as const
}

async function handle(host: Host, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = await answerTo(host, request).catch((error: unknown) => explain(host, request, error))
  await send(answer, request, response, host.port)
}

async function answerTo(host: Host, request: IncomingMessage): Promise<Response> {
  const method = request.method ?? 'GET'
  const isReading = method === 'GET' || method === 'HEAD'
  const stranger = checkSender(request.headers, host.port, !isReading)
  if (stranger) return drawRefusal(stranger, request.headers.accept)
  // SECURITY: a whole address in the request line would name another host than the one that was checked.
  if (!request.url?.startsWith('/')) return drawRefusal(BAD_ADDRESS, request.headers.accept)
  const url = new URL(`http://127.0.0.1:${host.port}${request.url}`)
  if (url.pathname === '/page.css' && isReading) return await readStyle()
  const token = url.searchParams.get('token')
  if (url.pathname === '/' && method === 'GET' && token !== null) return await letIn(host, request, token)
  const unknown = host.session.check(request.headers)
  if (unknown) return drawRefusal(unknown, request.headers.accept)
  return await route(host, request, url, method)
}

/** A first visit: the token becomes a cookie and leaves the address, and with it the history. */
async function letIn({ session }: Host, request: IncomingMessage, token: string): Promise<Response> {
  // SECURITY: a browser that only looks ahead must not spend the person's link.
  const isAhead = /prefetch|prerender/iu.test(String(request.headers['sec-purpose'] ?? ''))
  const cookie = isAhead ? null : session.redeem(token)
  const isInside = session.check(request.headers) === null
  if (cookie === null && !isInside) return await drawRefusal(USED_LINK, request.headers.accept)
  return new Response(null, {
    status: 303,
    headers: { location: '/', ...(cookie && { 'set-cookie': cookie }) },
  })
}

const BAD_ADDRESS: Refusal = { status: 400, what: 'This is no address of a page.', next: 'Start at /.' }
const USED_LINK: Refusal = {
  status: 403,
  what: 'This link was used already, or is not one of this Reelsheet’s.',
  next: 'Go back to the terminal and open a new link: stop Reelsheet with Ctrl-C and start it again.',
}

async function route(host: Host, request: IncomingMessage, url: URL, method: string): Promise<Response> {
  const { app } = host
  const [, first = '', second = '', id = '', ...more] = url.pathname.split('/')
  if (first === 'media' && more.length === 0) {
    if (second === 'clip') return await serveClip(app.core, id, toMediaRequest(request, method))
    if (second === 'reference') return await serveReference(app.core, id, toMediaRequest(request, method))
  }
  if (url.pathname === '/uploads') {
    if (method === 'POST') return await takeUpload(app, request, url, host.mostUploadBytes)
    return wrongMethod('POST')
  }
  if (url.pathname === '/') return isPageMethod(method) ? await drawPage(app) : wrongMethod('GET, HEAD')
  return refuseAs(404, problem('not-found', 'There is nothing at this address.', 'Start at /.'))
}

const isPageMethod = (method: string): boolean => method === 'GET' || method === 'HEAD'

const toMediaRequest = ({ headers }: IncomingMessage, method: string): MediaRequest => ({
  method,
  range: headers.range,
  ifNoneMatch: headers['if-none-match'],
  ifRange: typeof headers['if-range'] === 'string' ? headers['if-range'] : undefined,
})

const refuseAs = (status: number, what: Problem, headers: Record<string, string> = {}): Response =>
  Response.json(what, { status, headers })

const wrongMethod = (allow: string): Response =>
  refuseAs(405, problem('wrong-use', 'This cannot be done here.', `Use ${allow}.`), { allow })

const STATUS: Partial<Record<Problem['code'], number>> = {
  'reference-limit': 413,
  'disk-full': 507,
  'not-found': 404,
}

/** SECURITY: only a Problem's own words leave; anything else stays in the log under a reference. */
function explain({ app }: Host, request: IncomingMessage, error: unknown): Response {
  if (error instanceof ProblemError) return refuseAs(STATUS[error.problem.code] ?? 422, error.problem)
  const { random, log } = app.core.engine
  const logRef = random.id(8)
  if (!request.errored && !request.destroyed) {
    log.error('request failed', { logRef, error: String((error as Error)?.stack ?? error) })
  }
  return refuseAs(
    500,
    problem(
      'internal',
      'Reelsheet made a mistake; nothing was sent or deleted because of it.',
      `Try again; if it stays, look for ${logRef} in the log.`,
      { logRef },
    ),
  )
}

/** SECURITY: what is no HTTP, or has too many headers, gets a status and the door. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
