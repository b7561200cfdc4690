import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Disk, type DiskFile, realDisk } from '../../src/main/core/archive/disk.ts'
import { DiskTrouble, TransferBroken } from '../../src/main/core/archive/errors.ts'
import {
  createTransferAgents,
  DEFAULT_TRANSFER_LIMITS,
  type FetchRequest,
  fetchOutput,
  type TransferAgents,
} from '../../src/main/core/archive/transfer.ts'
import { cutAfter, HandClock, type MediaServer, serve, startMediaServer } from '../support/media-server.ts'

/** Made for these tests alone: `localhost` and 127.0.0.1, until 2125. */
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZkqQKINmkAYEufUy
wxJwEg/IgDDluYk1hzN8nISTXemhRANCAARQlIAEbrprlhVww4wfBs7JbVGfZ7en
KbqfQh8veR0zOr0wrCUfDEJk1o6IcI2tFa8+Ha1C4u5zpJ+AlGwY/EvY
-----END PRIVATE KEY-----
`
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBZjCCAQ2gAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMDAwMTAxMDAwMDAwWhgPMjEyNTEyMzEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFCUgARuumuWFXDD
jB8GzsltUZ9nt6cpup9CHy95HTM6vTCsJR8MQmTWjohwja0Vrz4drULi7nOkn4CU
bBj8S9ijTjBMMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAPBgNVHRMBAf8E
BTADAQH/MB0GA1UdDgQWBBRr3+/SdavdFMBsOEoMVwhbWH3L/zAKBggqhkjOPQQD
AgNHADBEAiBvLbuUFw+YzvaTYKivVw+/zq2AY5l78aRMfPaieMvtgAIgJ9pDoYrO
/LCfDJmt7Z5C/0Ai9WCR3lTFQZJeSmbSmPw=
-----END CERTIFICATE-----
`

/** Many times the memory that transfers read into: all of it is used again and again. */
const BODY = videoBytes(40 * 1024 * 1024 + 12_345)
const ETAG = '"v1"'

let folder: string
let server: MediaServer
let agents: TransferAgents

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'large-'))
  server = await startMediaServer(serve({ body: BODY, etag: ETAG }))
  agents = createTransferAgents()
})
afterEach(async () => {
  await agents.close()
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

it('writes and hashes every byte of several large files at once', async () => {
  const fetched = await Promise.all(['a', 'b', 'c'].map((name) => fetchOutput(ask(name))))
  for (const { sha256 } of fetched) expect(sha256).toBe(sha256Of(BODY))
  for (const name of ['a', 'b', 'c']) expect(readFileSync(part(name)).equals(BODY)).toBe(true)
})

it.each([1, 4093, 16_384, 700_001])('writes and hashes pieces of %i bytes right', async (piece) => {
  const body = videoBytes(Math.min(piece * 400, 9 * 1024 * 1024 + 1))
  server.script((_request, response) => giveInPieces(response, body, piece))
  const { sha256 } = await fetchOutput(ask('a'))
  expect(sha256).toBe(sha256Of(body))
  expect(readFileSync(part('a')).equals(body)).toBe(true)
})

it('takes up the hash where a cut left it', async () => {
  const cut = 23 * 1024 * 1024 + 77
  server.script(cutAfter({ body: BODY, etag: ETAG }, cut), serve({ body: BODY, etag: ETAG }))
  await expect(fetchOutput(ask('a'))).rejects.toBeInstanceOf(TransferBroken)
  expect(notes('a').syncedBytes).toBe(cut)
  await expect(fetchOutput(ask('a'))).resolves.toMatchObject({ sha256: sha256Of(BODY) })
  expect(server.asked[1]?.headers.range).toBe(`bytes=${cut}-`)
  expect(readFileSync(part('a')).equals(BODY)).toBe(true)
})

it('does not mix bytes when the disk is slower than the network', async () => {
  const disk = withFile((file) => ({
    ...file,
    // Several turns of the event loop, in which the network goes on reading.
    write: async (chunks, position) => {
      for (let turn = 0; turn < 5; turn++) await file.sizeBytes()
      await file.write(chunks, position)
    },
  }))
  await expect(fetchOutput(ask('a', { disk }))).resolves.toMatchObject({ sha256: sha256Of(BODY) })
  expect(readFileSync(part('a')).equals(BODY)).toBe(true)
})

it('does not run ahead of a disk that takes nothing', async () => {
  const stuck = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  let taken = 0
  const disk = withFile((file) => ({
    ...file,
    write: async (chunks, position) => {
      taken += 1
      if (taken === 2) reached.resolve()
      if (taken >= 2) await stuck.promise
      await file.write(chunks, position)
    },
  }))
  let isAllSent = false
  server.script((request, response) => {
    response.on('finish', () => {
      isAllSent = true
    })
    serve({ body: BODY, etag: ETAG })(request, response)
  })
  const progress: number[] = []
  const fetching = fetchOutput(ask('a', { disk, onProgress: (received) => progress.push(received) }))
  await reached.promise
  for (let turn = 0; turn < 2000; turn++) await realDisk.stat(folder)
  expect(progress.at(-1)).toBeLessThan(4 * 1024 * 1024)
  expect(isAllSent).toBe(false)
  stuck.resolve()
  await expect(fetching).resolves.toMatchObject({ sha256: sha256Of(BODY) })
})

it.each([
  ['in the middle', 5],
  ['at the very end', Number.POSITIVE_INFINITY],
])('keeps only what the disk took when it fails %s', async (_where, failAt) => {
  let written = 0
  let count = 0
  const disk = withFile((file) => ({
    ...file,
    write: async (chunks, position) => {
      const end = position + chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)
      if (++count === failAt || end === BODY.length) {
        // Not at once: by then the next write waits for its turn.
        for (let turn = 0; turn < 20; turn++) await file.sizeBytes()
        throw Object.assign(new Error('full'), { code: 'ENOSPC' })
      }
      await file.write(chunks, position)
      written = end
    },
  }))
  await expect(fetchOutput(ask('a', { disk }))).rejects.toBeInstanceOf(DiskTrouble)
  expect(notes('a')).toMatchObject({ syncedBytes: written, isComplete: false })
  await expect(fetchOutput(ask('a'))).resolves.toMatchObject({ sha256: sha256Of(BODY) })
  expect(server.asked[1]?.headers.range).toBe(`bytes=${written}-`)
  expect(readFileSync(part('a')).equals(BODY)).toBe(true)
})

it('makes the first bytes safe soon, and the whole at the end', async () => {
  const synced: number[] = []
  let written = 0
  const disk = withFile((file) => ({
    ...file,
    write: async (chunks, position) => {
      await file.write(chunks, position)
      written = position + chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)
    },
    sync: async () => {
      synced.push(written)
      await file.sync()
    },
  }))
  await fetchOutput(ask('a', { disk }))
  expect(synced[0]).toBeGreaterThanOrEqual(16 * 1024 * 1024)
  expect(synced[0]).toBeLessThan(24 * 1024 * 1024)
  expect(synced.at(-1)).toBe(BODY.length)
})

it('reads over TLS as well', async () => {
  const body = BODY.subarray(0, 9 * 1024 * 1024 + 5)
  const secure = createServer({ key: KEY, cert: CERTIFICATE }, serve({ body, etag: ETAG }))
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve))
  await agents.close()
  agents = createTransferAgents({ certificateAuthorities: [CERTIFICATE] })
  try {
    const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/v.mp4`
    const fetched = await Promise.all(['a', 'b'].map((name) => fetchOutput(ask(name, { url }))))
    for (const { sha256 } of fetched) expect(sha256).toBe(sha256Of(body))
    expect(readFileSync(part('b')).equals(body)).toBe(true)
  } finally {
    secure.closeAllConnections()
    await new Promise((resolve) => secure.close(resolve))
  }
})

function giveInPieces(response: ServerResponse, body: Buffer, piece: number): void {
  response.writeHead(200, { 'content-type': 'video/mp4', etag: ETAG })
  let at = 0
  const go = (): void => {
    while (at < body.length) {
      const from = at
      at += piece
      if (!response.write(body.subarray(from, at))) return void response.once('drain', go)
    }
    response.end()
  }
  go()
}

function withFile(change: (file: DiskFile) => DiskFile): Disk {
  return {
    ...realDisk,
    open: async (path, how) => {
      const file = await realDisk.open(path, how)
      return path.endsWith('.part') ? change(file) : file
    },
  }
}

function ask(name: string, changes: Partial<FetchRequest> = {}): FetchRequest {
  return {
    ...DEFAULT_TRANSFER_LIMITS,
    url: `${server.base}/v/clip.mp4`,
    identity: `main/task-${name}/0`,
    partPath: part(name),
    allowLoopback: true,
    userAgent: 'Reelsheet/test',
    onProgress: () => undefined,
    agents,
    checkpoint: () => undefined,
    clock: new HandClock(),
    signal: new AbortController().signal,
    ...changes,
  }
}

function part(name: string): string {
  return join(folder, `${name}.mp4.part`)
}
const notes = (name: string) => JSON.parse(readFileSync(`${part(name)}.json`, 'utf8'))
const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Bytes that begin like an MP4 file, and of which no two blocks are alike. */
function videoBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at++) bytes[at] = (Math.imul(at, 2_654_435_761) >>> 13) & 0xff
  bytes.write('\0\0\0\x18ftypisom', 0, 'latin1')
  return bytes
}
