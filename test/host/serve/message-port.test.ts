import { MessageChannel } from 'node:worker_threads'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { MOST_MESSAGE_BYTES, serveOverPort } from '../../../src/main/hosts/message-port.ts'
import { World } from '../../support/world.ts'

let world: World
beforeEach(async () => {
  world = await World.open()
})
afterEach(() => world.close())

const closed = (port: MessageChannel['port1']) =>
  new Promise((resolve) => port.on('close', () => resolve('closed')))

it.each([
  ['no JSON', 'hello'],
  ['null', null],
  ['a number', 7],
  ['an object', { i: '1', p: { u: '/app/hello' } }],
  ['no address', '{"i":"1","p":{}}'],
  ['too large', 'x'.repeat(MOST_MESSAGE_BYTES + 1)],
])(
  'a message that is %s ends the line, says so in the log without its text, and harms nobody',
  async (_, message) => {
    const { port1, port2 } = new MessageChannel()
    serveOverPort(world.app, port1)
    const end = closed(port2)
    port2.postMessage(message)
    expect(await end).toBe('closed')
    const lines = world.logged.filter((line) => line.message === 'message refused')
    expect(lines).toHaveLength(1)
    expect(JSON.stringify(lines)).not.toMatch(/hello|xxx/)
    expect((await world.client.app.hello()).version).toBe('0.0.0-test')
  },
)

it('Electron’s way of handing over messages, as events with data, is understood', async () => {
  const sent: unknown[] = []
  const listeners = new Map<string, (event?: unknown) => void>()
  const answered = Promise.withResolvers<void>()
  serveOverPort(world.app, {
    on: (event: string, listener: (event?: unknown) => void) => listeners.set(event, listener),
    postMessage: (message: unknown) => {
      sent.push(message)
      answered.resolve()
    },
    start: () => {},
    close: () => {},
  } as never)
  listeners.get('message')?.({ data: '{"i":"1","p":{"u":"/app/hello"}}' })
  await answered.promise
  expect(String(sent[0])).toContain('0.0.0-test')
})

it('closing from our side ends it, and twice is no harm', async () => {
  const { port1, port2 } = new MessageChannel()
  const serving = serveOverPort(world.app, port1)
  const end = closed(port2)
  serving.close()
  serving.close()
  expect(await end).toBe('closed')
})
