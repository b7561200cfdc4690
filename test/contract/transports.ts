import { MessageChannel } from 'node:worker_threads'
import type { App } from '../../src/main/core/app.ts'
import { serveOverPort } from '../../src/main/hosts/message-port.ts'
import { startServe } from '../../src/main/hosts/serve.ts'
import { type Client, type ConnectOptions, connect } from '../../src/renderer/api/connect.ts'

export interface Speaker {
  client: Client
  /** The client goes, as a closed window would. */
  leave(): void
  /** Ends both sides. */
  end(): Promise<void>
}

/** The three ways to the core, each real: in this process, over a port, over a WebSocket through the browser host. */
export const TRANSPORTS = { direct, 'message port': overPort, websocket: overSocket } as const

async function direct(app: App): Promise<Speaker> {
  return { client: app.client, leave: () => {}, end: async () => {} }
}

async function overPort(app: App): Promise<Speaker> {
  const { port1, port2 } = new MessageChannel()
  const serving = serveOverPort(app, port1)
  // The page's MessagePort and Node's are one interface under two names.
  const { client, close } = connect({
    port: port2 as unknown as NonNullable<ConnectOptions['port']>,
    url: '',
  })
  return { client, leave: close, end: async () => serving.close() }
}

async function overSocket(app: App): Promise<Speaker> {
  const serving = await startServe(app)
  const cookie = await letIn(serving.url)
  const origin = `http://127.0.0.1:${serving.port}`
  const connection = connect({
    url: `ws://127.0.0.1:${serving.port}/contract`,
    open: (url) => new WebSocket(url, { headers: { cookie, origin } } as never),
    clock: { sleep: (_, signal) => new Promise((_, reject) => signal.addEventListener('abort', reject)) },
  })
  return {
    client: connection.client,
    leave: connection.close,
    end: async () => {
      connection.close()
      await serving.stop()
    },
  }
}

/** Spends a one-time link and returns the cookie it gave. */
export async function letIn(link: string): Promise<string> {
  const answer = await fetch(link, { redirect: 'manual' })
  const cookie = answer.headers.get('set-cookie')?.split(';')[0]
  if (answer.status !== 303 || cookie === undefined) throw new Error(`not let in: ${answer.status}`)
  return cookie
}
