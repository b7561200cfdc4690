import { RPCHandler } from '@orpc/server/websocket'
import type { App } from '../core/app.ts'
import type { Core } from '../core/handlers/context.ts'

/** 16 MB: a hundred thousand job ids with room to spare; anything larger travels as a file. */
export const MOST_MESSAGE_BYTES = 16 * 1024 * 1024

/** One client of the contract, whatever carries its messages. */
export interface Line {
  /** What the client sent; anything that is no message of the contract ends the line. */
  receive(message: unknown): void
  /** The client went: its streams end and its unanswered calls are aborted. May be called twice. */
  close(): void
}

export interface LineOptions {
  send(message: string | ArrayBufferLike | ArrayBufferView): void
  /** Called once when the line cannot go on; the owner then closes what carries it. */
  hangUp(): void
}

/**
 * The door of the contract: opens lines to `app` for the clients of one host. `view` is what this host says
 * of itself in `app.hello`.
 */
export function createDoor(app: App, view: Partial<Pick<Core, 'mediaBase' | 'gestures'>> = {}) {
  const handler = new RPCHandler<Core>(app.router)
  const context: Core = { ...app.core, ...view }
  type Peer = Parameters<typeof handler.message>[0]

  return function openLine({ send, hangUp }: LineOptions): Line {
    const peer = { send, addEventListener: () => {} } as Peer
    let isOpen = true
    const close = (): void => {
      if (!isOpen) return
      isOpen = false
      handler.close(peer)
    }
    // SECURITY: a message that cannot be read must neither end the process (an unhandled rejection) nor be
    // printed with what it holds, and a stranger gets a clear end instead of silence.
    const refuse = (reason: string): void => {
      if (!isOpen) return
      app.core.engine.log.warn('message refused', { reason })
      close()
      hangUp()
    }
    return {
      receive(message) {
        if (!isOpen) return
        if (!isMessage(message)) return refuse('not a message')
        if (sizeOf(message) > MOST_MESSAGE_BYTES) return refuse('too large')
        handler
          .message(peer, message as string, { context })
          .catch(() => refuse('unreadable or unanswerable'))
      },
      close,
    }
  }
}

const isMessage = (message: unknown): message is string | ArrayBuffer | Uint8Array =>
  typeof message === 'string' || message instanceof ArrayBuffer || message instanceof Uint8Array

const sizeOf = (message: string | ArrayBuffer | Uint8Array): number =>
  typeof message === 'string' ? message.length : message.byteLength

/** What Electron's `MessagePortMain` and Node's `MessagePort` have in common. */
export interface Port {
  postMessage(message: unknown): void
  on(event: 'message', listener: (message: unknown) => void): unknown
  on(event: 'close', listener: () => void): unknown
  start(): void
  close(): void
}

/**
 * Serves the contract to whoever holds the other end of `port`, until either side closes it. The caller has
 * checked who that is. Returns how to end it.
 */
export function serveOverPort(
  app: App,
  port: Port,
  view: Partial<Pick<Core, 'mediaBase' | 'gestures'>> = {},
): { close(): void } {
  const line = createDoor(
    app,
    view,
  )({
    send: (message) => port.postMessage(message),
    hangUp: () => port.close(),
  })
  port.on('message', (message) => line.receive(dataOf(message)))
  port.on('close', () => line.close())
  port.start()
  return {
    close: () => {
      line.close()
      port.close()
    },
  }
}

/** Electron hands over an event, Node the message itself. */
const dataOf = (message: unknown): unknown =>
  typeof message === 'object' && message !== null && 'data' in message ? message.data : message
