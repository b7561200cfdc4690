import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Serving, startServe } from '../../../src/main/hosts/serve.ts'
import { type Connection, connect, waitBefore } from '../../../src/renderer/api/connect.ts'
import { until } from '../../support/hand-clock.ts'
import { World } from '../../support/world.ts'
import { ask } from './bench.ts'

let world: World
let serving: Serving
let connection: Connection
let waits: { ms: number; pass(): void }[]
let opened: number
let socket: WebSocket | undefined

beforeEach(async () => {
  world = await World.open()
  serving = await startServe(world.app)
  waits = []
  opened = 0
})
afterEach(async () => {
  connection.close()
  await serving.stop()
  await world.close()
})

async function cookieOf(host: Serving): Promise<string> {
  const { headers } = await ask(host.port, new URL(host.link()).search, {})
  return String(headers['set-cookie']).split(';')[0] ?? ''
}

async function open() {
  let cookie = await cookieOf(serving)
  const origin = `http://127.0.0.1:${serving.port}`
  connection = connect({
    url: `ws://127.0.0.1:${serving.port}/contract`,
    open: (url) => {
      opened += 1
      socket = new WebSocket(url, { headers: { cookie, origin } } as never)
      return socket
    },
    clock: {
      sleep: (ms, signal) =>
        new Promise((pass, reject) => {
          waits.push({ ms, pass })
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    },
  })
  return {
    restart: async () => {
      serving = await startServe(world.app, { port: serving.port })
      cookie = await cookieOf(serving)
    },
  }
}

it('waits longer after each failure, and never for ever', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8].map(waitBefore)).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000])
  connection = { client: {} as never, close: () => {} }
})

it('comes back by itself after the host went and came, and the next call works', async () => {
  const host = await open()
  expect((await connection.client.app.hello()).mediaBase).toBe('/media')
  await serving.stop()
  await until(() => waits.length === 1, 'it waits')
  waits[0]?.pass()
  await until(() => waits.length === 2, 'the first try fails and it waits again')
  expect(waits.map((wait) => wait.ms)).toEqual([250, 500])
  await host.restart()
  const call = connection.client.app.hello()
  waits[1]?.pass()
  expect((await call).mediaBase).toBe('/media')
  await serving.stop()
  await until(() => waits.length === 3, 'it waits')
  expect(waits[2]?.ms).toBe(250)
})

it('a stream under way is rejected, and a new one works after coming back', async () => {
  const host = await open()
  const news = await connection.client.app.watch()
  const next = news.next()
  const ended = next.then(
    () => 'went on',
    () => 'rejected',
  )
  await serving.stop()
  expect(await ended).toBe('rejected')
  await host.restart()
  await until(() => waits.length === 1, 'it waits')
  waits[0]?.pass()
  const again = await connection.client.app.watch()
  let isTold = false
  void again.next().then(() => {
    isTold = true
  })
  await until(() => {
    world.app.core.changes.notice({ code: 'not-possible', level: 'info', what: 'w', next: 'n', place: {} })
    return isTold
  }, 'news arrive')
  await again.return?.()
})

it('a call made while it is away is rejected when the next try fails, not kept for ever', async () => {
  await open()
  await connection.client.app.hello()
  await serving.stop()
  await until(() => waits.length === 1, 'it waits')
  const call = connection.client.app.hello()
  waits[0]?.pass()
  await expect(call).rejects.toThrow('The connection to Reelsheet was lost.')
})

it('closed means closed: calls are rejected and nothing is tried again', async () => {
  await open()
  await connection.client.app.hello()
  const gone = new Promise((resolve) => socket?.addEventListener('close', resolve))
  connection.close()
  await gone
  await expect(connection.client.app.hello()).rejects.toBeDefined()
  await serving.stop()
  expect(waits).toEqual([])
  expect(opened).toBe(1)
})
