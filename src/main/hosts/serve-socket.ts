import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import type { App } from '../core/app.ts'
import { type createDoor, MOST_MESSAGE_BYTES } from './message-port.ts'
import type { Refusal } from './serve-guard.ts'

/** A client that reads nothing may keep this much waiting for it before it is let go. */
const MOST_WAITING_BYTES = 64 * 1024 * 1024
const MOST_CLIENTS = 64

/** The contract over WebSockets. `accept` is called once the sender was checked. */
export function createSocketDoor(app: App, openLine: ReturnType<typeof createDoor>) {
  const server = new WebSocketServer({
    noServer: true,
    // SECURITY: one message may not fill the memory; packed ones could grow a thousandfold on arrival.
    maxPayload: MOST_MESSAGE_BYTES,
    perMessageDeflate: false,
  })
  server.on('connection', (socket) => serve(socket))

  function serve(socket: WebSocket): void {
    const line = openLine({
      send: (message) => {
        if (socket.readyState !== socket.OPEN) return
        // SECURITY: who listens and never reads would otherwise collect the whole night's news in our memory.
        if (socket.bufferedAmount > MOST_WAITING_BYTES) return socket.terminate()
        socket.send(message as string)
      },
      hangUp: () => socket.close(1008, 'not a message of the contract'),
    })
    socket.on('message', (data, isBinary) => line.receive(isBinary ? toBytes(data) : data.toString()))
    socket.on('close', () => line.close())
    // A broken frame or one that is too large: ws closes the socket itself, `close` follows.
    socket.on('error', (error) => app.core.engine.log.warn('socket failed', { reason: error.message }))
  }

  return {
    accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
      // SECURITY: a page that opens sockets in a loop may not use up the process.
      if (server.clients.size >= MOST_CLIENTS) refuseUpgrade(socket, TOO_MANY)
      else server.handleUpgrade(request, socket, head, (client) => server.emit('connection', client, request))
    },
    close(): void {
      for (const client of server.clients) {
        client.close(1001, 'Reelsheet stops')
        client.terminate()
      }
      server.close()
    },
  }
}

const TOO_MANY = { status: 503, what: 'Too many windows are open.', next: 'Close some of them.' } as const

const REASONS = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  503: 'Service Unavailable',
} as const

/** Tells a socket that is not let in why, in plain HTTP, and ends it. */
export function refuseUpgrade(
  socket: Duplex,
  { status, what, next }: Omit<Refusal, 'status'> & { status: keyof typeof REASONS },
): void {
  const body = `${what} ${next}\n`
  socket.on('error', () => undefined)
  socket.end(
    `HTTP/1.1 ${status} ${REASONS[status]}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `X-Content-Type-Options: nosniff\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

function toBytes(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data)
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data
}
