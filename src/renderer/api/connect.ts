import { createORPCClient } from '@orpc/client'
import { RPCLink as PortLink } from '@orpc/client/message-port'
import { RPCLink as SocketLink } from '@orpc/client/websocket'
import type { ContractRouterClient } from '@orpc/contract'
import type { Contract } from '../../shared/contract.ts'

/** Every call of the contract, typed by it. */
export type Client = ContractRouterClient<Contract>

export interface Connection {
  client: Client
  /** Ends it for good: streams end, unanswered calls are rejected, nothing is tried again. */
  close(): void
}

/** A MessagePort of a browser, of Electron or of Node: their types have different names, their calls the same. */
export type Port = ConstructorParameters<typeof PortLink>[0]['port'] & { start(): void; close(): void }

export interface ConnectOptions {
  /** The port that a preload handed over; then nothing else is used. */
  port?: Port | undefined
  /** Where the contract is spoken over a WebSocket, such as `ws://127.0.0.1:4321/contract`. */
  url: string
  /** Opens one socket; the platform's own unless given. */
  open?: (url: string) => WebSocket
  clock?: WaitClock
}

/** The one thing that connecting asks of time. Rejects when `signal` is aborted first. */
export interface WaitClock {
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 10_000

/** How long to wait before the nth try in a row (from 1): 250 ms, twice as long each time, at most 10 s. */
export const waitBefore = (tries: number): number =>
  Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1))

/**
 * Speaks to the core: over the MessagePort if one was handed over, else over a WebSocket that is opened again
 * whenever it closes. A call made meanwhile waits for the next try and is rejected when that fails too; a call
 * or stream that was under way when the socket closed is rejected and never sent twice by itself.
 */
export function connect(options: ConnectOptions): Connection {
  return options.port ? overPort(options.port) : overSocket(options)
}

function overPort(port: Port): Connection {
  const client: Client = createORPCClient(new PortLink({ port }))
  port.start()
  return { client, close: () => port.close() }
}

function overSocket({
  url,
  open = (at) => new WebSocket(at),
  clock = browserClock,
}: ConnectOptions): Connection {
  const end = new AbortController()
  let socket: WebSocket | undefined
  let link = next(0)

  async function next(tries: number): Promise<SocketLink<object>> {
    if (tries > 0) await clock.sleep(waitBefore(tries), end.signal)
    end.signal.throwIfAborted()
    const opened = open(url)
    socket = opened
    const candidate = new SocketLink<object>({ websocket: opened })
    await new Promise<void>((resolve, reject) => {
      let isOpen = false
      opened.addEventListener('open', () => {
        isOpen = true
        resolve()
      })
      opened.addEventListener('close', () => {
        if (!end.signal.aborted) retry(isOpen ? 1 : tries + 1)
        reject(new Error('The connection to Reelsheet was lost.'))
      })
    })
    return candidate
  }

  function retry(tries: number): void {
    link = next(tries)
    // Whoever calls meanwhile is told; nobody calling is no mistake.
    link.catch(() => undefined)
  }

  link.catch(() => undefined)
  const client: Client = createORPCClient({
    call: async (path, input, callOptions) => (await link).call(path, input, callOptions),
  })
  return {
    client,
    close: () => {
      end.abort(new Error('The connection was closed.'))
      socket?.close()
    },
  }
}

const browserClock: WaitClock = {
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms)
      const stop = (): void => {
        clearTimeout(timer)
        reject(signal.reason)
      }
      signal.addEventListener('abort', stop, { once: true })
    }),
}
