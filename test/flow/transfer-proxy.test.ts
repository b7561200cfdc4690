import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { AddressRefused, TransferBroken } from '../../src/main/core/archive/errors.ts'
import {
  createTransferAgents,
  DEFAULT_TRANSFER_LIMITS,
  fetchOutput,
  type TransferAgents,
} from '../../src/main/core/archive/transfer.ts'
import { HandClock, type MediaServer, serve, startMediaServer } from '../support/media-server.ts'

const BODY = Buffer.alloc(5000, 9)
BODY.write('\0\0\0\x18ftypisom', 0, 'latin1')

let folder: string
let proxy: Server
let asked: string[]
let agents: TransferAgents
let server: MediaServer

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'proxy-'))
  asked = []
  proxy = createServer()
  proxy.on('connect', (request, socket: Socket) => {
    asked.push(`${request.url} ${request.headers['proxy-authorization'] ? 'signed in' : 'unknown'}`)
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  server = await startMediaServer(serve({ body: BODY }))
  agents = createTransferAgents()
})
afterEach(async () => {
  await agents.close()
  await server.close()
  await new Promise((resolve) => proxy.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

it('goes through the proxy, which looks the name up itself, and tells nobody its password', async () => {
  const error = await fetchVia('https://media.example/v.mp4').catch((thrown: unknown) => thrown)
  expect(asked).toEqual(['media.example:443 signed in'])
  expect(error).toBeInstanceOf(TransferBroken)
  const cause = (error as Error).cause as Error
  expect(`${(error as Error).stack} ${cause.stack}`).not.toContain('canary-password')
})

it('checks literal addresses before the proxy sees them', async () => {
  await expect(fetchVia('https://192.168.1.1/v.mp4')).rejects.toBeInstanceOf(AddressRefused)
  expect(asked).toEqual([])
})

it('never takes a proxy to this machine', async () => {
  await expect(fetchVia(`${server.base}/v.mp4`)).resolves.toMatchObject({ sizeBytes: BODY.length })
  expect(asked).toEqual([])
})

function fetchVia(url: string) {
  return fetchOutput({
    ...DEFAULT_TRANSFER_LIMITS,
    url,
    identity: 'evolink/main/task-1/0',
    partPath: join(folder, 'clip.mp4.part'),
    allowLoopback: true,
    userAgent: 'Reelsheet/test',
    proxyUrl: `http://person:canary-password@127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    onProgress: () => undefined,
    agents,
    checkpoint: () => undefined,
    clock: new HandClock(),
    signal: new AbortController().signal,
  })
}
