import { readFileSync } from 'node:fs'
import { type Agent, request as httpRequest } from 'node:http'
import { connect as connectSocket, type Socket } from 'node:net'
import { join } from 'node:path'
import { type ServeOptions, type Serving, startServe } from '../../../src/main/hosts/serve.ts'
import { i2v, World } from '../../support/world.ts'

export interface Reply {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Buffer
  text: string
}

export interface Ask {
  method?: string
  headers?: Record<string, string>
  body?: Uint8Array | string
  /** Without the cookie. */
  isStranger?: boolean
  /** Default: a connection of its own. */
  agent?: Agent
}

/** The browser host over a real app, with one browser already let in. */
export class Bench {
  readonly world: World
  readonly serving: Serving
  readonly cookie: string

  private constructor(world: World, serving: Serving, cookie: string) {
    this.world = world
    this.serving = serving
    this.cookie = cookie
  }

  static async open(options: ServeOptions = {}): Promise<Bench> {
    const world = await World.open()
    const serving = await startServe(world.app, options)
    const { headers } = await ask(serving.port, new URL(serving.link()).search, { method: 'GET' })
    return new Bench(world, serving, String(headers['set-cookie']).split(';')[0] ?? '')
  }

  get origin(): string {
    return `http://127.0.0.1:${this.serving.port}`
  }

  ask(path: string, { headers = {}, isStranger = false, ...rest }: Ask = {}): Promise<Reply> {
    const own = isStranger ? {} : { cookie: this.cookie }
    return ask(this.serving.port, path, { ...rest, headers: { ...own, ...headers } })
  }

  /** A WebSocket's first request; resolves with the status it gets. */
  upgrade(headers: Record<string, string>, path = '/contract'): Promise<number> {
    return new Promise((resolve, reject) => {
      const request = httpRequest({
        host: '127.0.0.1',
        port: this.serving.port,
        path,
        headers: {
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
          ...headers,
        },
      })
      request.on('upgrade', (response, socket) => {
        socket.destroy()
        resolve(response.statusCode ?? 0)
      })
      request.on('response', (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      request.on('error', reject)
      request.end()
    })
  }

  /** Sends raw bytes and resolves with everything that came back. */
  raw(bytes: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let seen = ''
      const socket: Socket = connectSocket(this.serving.port, '127.0.0.1', () => socket.write(bytes))
      socket.on('data', (chunk) => {
        seen += chunk.toString('latin1')
      })
      socket.on('close', () => resolve(seen))
      socket.on('error', (error: NodeJS.ErrnoException) =>
        error.code === 'ECONNRESET' || error.code === 'EPIPE' ? resolve(seen) : reject(error),
      )
    })
  }

  /** One archived clip: its record, its file and its bytes. */
  async clip() {
    await this.world.run([i2v('a calm lake')])
    await this.world.settle()
    const clip = (await this.world.client.clips.page({})).clips[0]
    if (!clip) throw new Error('no clip was archived')
    const file = join(clip.archiveFolder, clip.path)
    return { ...clip, file, bytes: readFileSync(file) }
  }

  async close(): Promise<void> {
    await this.serving.stop()
    await this.world.close()
  }
}

export function ask(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body, agent }: Ask,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        path: path.startsWith('?') ? `/${path}` : path,
        method,
        headers,
        agent: agent ?? false,
      },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('end', () => {
          const whole = Buffer.concat(parts)
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: whole,
            text: whole.toString('utf8'),
          })
        })
        response.on('error', reject)
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}
