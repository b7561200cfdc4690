import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import {
  type AddressInfo,
  createServer as createSocketServer,
  type Socket,
  type Server as SocketServer,
} from 'node:net'

/** What the server does with one request, after it has read it whole. */
export type Script =
  | { status: number; headers?: Record<string, string>; body?: unknown; text?: string }
  /** Nothing ever comes back. */
  | 'silence'
  /** The connection is cut. */
  | 'cut'
  /** The head of a 200 answer goes out, then the connection is cut. */
  | 'head-then-cut'
  /** The head of a 200 answer goes out, then nothing. */
  | 'head-then-silence'
  /** Half of a 200 answer goes out, then the connection is cut. */
  | 'half-then-cut'
  /** Half of a 200 answer goes out, then nothing. */
  | 'half-then-silence'

export interface SeenRequest {
  method: string
  path: string
  headers: IncomingMessage['headers']
  body: Buffer
  /** Names a connection: equal for requests that shared one. */
  connection: number
}

export interface ScriptedServer {
  url: string
  requests: SeenRequest[]
  /** Answers in order; the last one stays. */
  script(...steps: Script[]): void
  /** Resolves when `count` requests have been read whole. */
  received(count: number): Promise<void>
  stop(): Promise<void>
}

/** A real HTTP server on loopback that does as it is told and remembers what it was asked. */
export async function startScriptedServer(...first: Script[]): Promise<ScriptedServer> {
  let steps: Script[] = first
  const requests: SeenRequest[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  const connections = new Map<Socket, number>()

  const server = createServer((request, response) => {
    const take = (body: Buffer): void => {
      const connection = connections.get(request.socket) ?? connections.size + 1
      connections.set(request.socket, connection)
      const { method = '', url = '' } = request
      requests.push({ method, path: url, headers: request.headers, body, connection })
      play(steps.length > 1 ? (steps.shift() as Script) : (steps[0] ?? { status: 500 }), response)
      for (const waiter of waiting) if (requests.length >= waiter.count) waiter.resolve()
    }
    // A request that its sender gave up half-way was never received.
    void readBody(request).then(take, () => undefined)
  })
  const url = await listen(server)
  return {
    url,
    requests,
    script: (...next) => {
      steps = next
    },
    received: (count) =>
      new Promise((resolve) => {
        if (requests.length >= count) resolve()
        else waiting.push({ count, resolve })
      }),
    stop: () => stop(server),
  }
}

function play(step: Script, response: ServerResponse): void {
  if (step === 'silence') return
  if (step === 'cut') {
    response.socket?.destroy()
    return
  }
  if (typeof step === 'string') {
    playHalf(step, response)
    return
  }
  const text = step.text ?? (step.body === undefined ? '' : JSON.stringify(step.body))
  response.writeHead(step.status, { 'content-length': Buffer.byteLength(text), ...step.headers })
  response.end(text)
}

function playHalf(step: string, response: ServerResponse): void {
  const text = '{"id":"task-unified-1757169743-7cvnl5zw"}'
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length })
  response.flushHeaders()
  const endIt = (): void => {
    if (step.endsWith('cut')) response.socket?.destroy()
  }
  if (step.startsWith('half')) response.write(text.slice(0, 20), endIt)
  else setImmediate(endIt)
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export interface RawServer {
  port: number
  /** First bytes seen per connection, as text. */
  seen: string[]
  /** Resolves with the first connection. */
  connected: Promise<void>
  /** Resolves with the first bytes of anyone. */
  received: Promise<void>
  stop(): Promise<void>
}

/**
 * A bare socket server, for what happens below HTTP. `onConnection` acts on every connection; what it
 * receives is noted.
 */
export async function startRawServer(onConnection: (socket: Socket) => void): Promise<RawServer> {
  const seen: string[] = []
  const sockets = new Set<Socket>()
  const { promise: connected, resolve: noteConnected } = Promise.withResolvers<void>()
  const { promise: received, resolve: noteReceived } = Promise.withResolvers<void>()
  const server = createSocketServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      seen.push(chunk.toString('latin1'))
      noteReceived()
    })
    onConnection(socket)
    noteConnected()
  })
  const url = await listen(server)
  return {
    port: Number(new URL(url).port),
    seen,
    connected,
    received,
    stop: () => {
      for (const socket of sockets) socket.destroy()
      return stop(server)
    },
  }
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createSocketServer()
  const port = Number(new URL(await listen(server)).port)
  await stop(server)
  return port
}

function listen(server: Server | SocketServer): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  })
}

function stop(server: Server | SocketServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    if ('closeAllConnections' in server) server.closeAllConnections()
  })
}
