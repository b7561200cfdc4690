import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  ClientBlocked,
  ContentInvalid,
  LinkRefused,
  TransferBroken,
} from '../../src/main/core/archive/errors.ts'
import {
  createTransferAgents,
  DEFAULT_TRANSFER_LIMITS,
  fetchOutput,
  type TransferAgents,
} from '../../src/main/core/archive/transfer.ts'
import { type Act, cutAfter, HandClock, type MediaServer, startMediaServer } from '../support/media-server.ts'

/** Replays every download answer of the API reference over a real socket. */
interface Case {
  id: string
  request: { url: string; headers?: Record<string, string> }
  response: { status: number; headers: Record<string, string>; body_text?: string }
  expect: { class: string; append?: boolean; restart_from_zero?: boolean }
}
const { cases } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/api/download.json'), 'utf8'),
) as { cases: Case[] }

const WHOLE = Buffer.alloc(8_388_608, 5)
WHOLE.write('\0\0\0\x18ftypisom', 0, 'latin1')

let folder: string
let server: MediaServer
let agents: TransferAgents
let lookedUp: string[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fixtures-'))
  server = await startMediaServer()
  lookedUp = []
  agents = createTransferAgents({
    lookup: (host, _options, callback) => {
      lookedUp.push(host)
      callback(Object.assign(new Error('no network'), { code: 'ENOTFOUND' }), '', 0)
    },
  })
})
afterEach(async () => {
  await agents.close()
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

const REACTIONS: Record<string, (given: Case) => Promise<void>> = {
  ok: async (given) => {
    await expect(fetchCase()).resolves.toMatchObject({ sizeBytes: WHOLE.length, contentType: 'video/mp4' })
    expect(readFileSync(part()).equals(WHOLE)).toBe(true)
    if (given.expect.append || given.expect.restart_from_zero)
      expect(server.asked.at(-1)?.headers.range).toBe(given.request.headers?.Range)
  },
  follow: async () => {
    await expect(fetchCase()).rejects.toMatchObject({ isOffline: true })
    expect(lookedUp).toEqual(['cdn.example.com'])
  },
  link_expired: async () => {
    await expect(fetchCase()).rejects.toBeInstanceOf(LinkRefused)
  },
  invalid_content: async () => {
    await expect(fetchCase()).rejects.toBeInstanceOf(ContentInvalid)
    expect(readdirSync(folder)).toEqual([])
  },
  client_blocked: async () => {
    await expect(fetchCase()).rejects.toBeInstanceOf(ClientBlocked)
    expect(server.asked[0]?.headers['user-agent']).toBe('Reelsheet/test')
  },
  retry: async () => {
    await expect(fetchCase()).rejects.toBeInstanceOf(TransferBroken)
  },
}

it.each(cases)('$id is $expect.class', async (given) => {
  const start = Number(/\d+/.exec(given.request.headers?.Range ?? '')?.[0] ?? 0)
  if (start > 0) {
    server.script(cutAfter({ body: WHOLE, etag: '"v"' }, start))
    await expect(fetchCase()).rejects.toBeInstanceOf(TransferBroken)
  }
  server.script(play(given, start))
  const react = REACTIONS[given.expect.class]
  expect(react, `no reaction to ${given.expect.class}`).toBeDefined()
  await react?.(given)
})

it('knows every class that the reference names', () => {
  expect(cases.length).toBeGreaterThanOrEqual(9)
  expect(new Set(cases.map((given) => given.expect.class))).toEqual(new Set(Object.keys(REACTIONS)))
})

function play({ response }: Case, start: number): Act {
  return (_request, out) => {
    out.writeHead(response.status, response.headers)
    const text = response.body_text ?? ''
    if (!text.startsWith('<binary')) out.end(text)
    else if (text.includes('closed early'))
      out.write(WHOLE.subarray(0, 1_000_000), () => out.socket?.destroy())
    else out.end(WHOLE.subarray(response.status === 206 ? start : 0))
  }
}

const part = () => join(folder, 'clip.mp4.part')
const fetchCase = () =>
  fetchOutput({
    ...DEFAULT_TRANSFER_LIMITS,
    url: `${server.base}/v/7cvnl5zw.mp4`,
    identity: 'evolink/main/task-1/0',
    partPath: part(),
    allowLoopback: true,
    userAgent: 'Reelsheet/test',
    onProgress: () => undefined,
    agents,
    checkpoint: () => undefined,
    clock: new HandClock(),
    signal: new AbortController().signal,
  })
