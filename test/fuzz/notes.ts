import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import { type ArchiveRequest, archiveOutput } from '../../src/main/core/archive/store-clip.ts'
import { createTransferAgents } from '../../src/main/core/archive/transfer.ts'
import { ProblemError } from '../../src/shared/problem.ts'
import { type FuzzDoor, fastClock, insist, insistProblem, type Sandbox } from './door.ts'
import { anyJsonText, nearJson, oddValue, realFile } from './hostile.ts'

const CLIP = 'resources/practice/480-832.mp4'
const WANTED = 'run/001-lake-1.mp4'
const IDENTITY = 'practice/practice/task-1/0'
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const clip = (): Buffer => realFile(CLIP)

const NAMES = [
  'run/001-lake-1.mp4',
  '../outside/stolen.mp4',
  '../../stolen.mp4',
  '/tmp/stolen.mp4',
  '',
  '.',
  '..',
  'a\0b.mp4',
  'CON.mp4',
  'run',
  'run/bystander.txt',
  'x'.repeat(5_000),
  'a/'.repeat(200),
  'C:\\x.mp4',
  'run/other.mp4',
]

function notesWith(placing: unknown, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    reelsheetPart: 1,
    identity: IDENTITY,
    urlHash: 'a'.repeat(64),
    etag: '"clip"',
    lastModified: null,
    totalBytes: clip().length,
    contentType: 'video/mp4',
    syncedBytes: clip().length,
    isComplete: true,
    placing,
    ...more,
  }
}

const samples = [
  notesWith(null),
  notesWith(null, { syncedBytes: 1_000, isComplete: false }),
  notesWith({ finalName: WANTED, sha256: sha256(clip()), sizeBytes: clip().length }),
]

interface Input {
  notes: string
  part: 'whole' | 'half' | 'empty' | 'none' | 'other' | 'folder' | 'link'
  stranger: 'none' | 'clip' | 'sidecar' | 'both'
}

let server: Server
let agents: ReturnType<typeof createTransferAgents>

/** The notes beside an unfinished download, after somebody edited them. */
export const door: FuzzDoor<Input> = {
  name: 'notes',
  memoryMb: 512,
  isUnfenced: true,
  inputs: { short: 25, long: 1_500 },
  arbitrary: fc.record({
    notes: fc.oneof(
      { weight: 4, arbitrary: nearJson(samples, fc.oneof(oddValue, fc.constantFrom(...NAMES))) },
      {
        weight: 4,
        arbitrary: fc
          .constantFrom(...NAMES)
          .map((finalName) =>
            JSON.stringify(notesWith({ finalName, sha256: sha256(clip()), sizeBytes: clip().length })),
          ),
      },
      { weight: 1, arbitrary: anyJsonText },
    ),
    part: fc.constantFrom('whole', 'whole', 'half', 'empty', 'none', 'other', 'folder', 'link'),
    stranger: fc.constantFrom('none', 'none', 'clip', 'sidecar', 'both'),
  }),
  open: async () => {
    server = createServer((request, response) => {
      const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const bytes = clip()
      const head = { 'content-type': 'video/mp4', etag: '"clip"', 'accept-ranges': 'bytes' }
      if (from >= bytes.length)
        return void response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
      const range = from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}
      response.writeHead(from > 0 ? 206 : 200, { ...head, ...range, 'content-length': bytes.length - from })
      response.end(bytes.subarray(from))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    agents = createTransferAgents()
  },
  attack: async ({ notes, part, stranger }, sandbox) => {
    const folder = join(sandbox.inside, 'clips')
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(join(folder, 'run'), { recursive: true })
    writeFileSync(join(folder, 'run/bystander.txt'), 'Nobody changes this file.\n')
    const path = join(folder, `${WANTED}.part`)
    if (part === 'folder') mkdirSync(path)
    else if (part === 'link') symlinkSync(join(sandbox.outside, 'bystander.txt'), path)
    else if (part !== 'none') writeFileSync(path, partBytes(part))
    writeFileSync(`${path}.json`, notes)
    if (stranger === 'clip' || stranger === 'both') writeFileSync(join(folder, WANTED), 'a stranger')
    if (stranger === 'sidecar' || stranger === 'both')
      writeFileSync(join(folder, `${WANTED}.json`), '{"mine":1}')
    try {
      const done = await archiveOutput(requestFor(folder)).catch((error: unknown) => {
        if (!(error instanceof ProblemError)) throw error
        sandbox.saw(insistProblem(error.problem, notes))
      })
      if (done) insistArchived(folder, done)
      insistStrangers(folder, stranger, sandbox)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
  close: async () => {
    await agents.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  },
}

function partBytes(part: Input['part']): Buffer {
  if (part === 'whole') return clip()
  if (part === 'half') return clip().subarray(0, 20_000)
  return part === 'empty' ? Buffer.alloc(0) : Buffer.alloc(clip().length, 7)
}

function requestFor(folder: string): ArchiveRequest {
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/clip.mp4`,
    allowLoopback: true,
    folder,
    wantedName: WANTED,
    takenByOthers: () => false,
    order: { durationSeconds: null },
    clock: fastClock,
    agents,
    userAgent: 'Reelsheet/0 (test)',
    signal: new AbortController().signal,
    checkpoint: () => undefined,
    onProgress: () => undefined,
    maxBytes: 2 ** 30,
    connectTimeoutMs: 15_000,
    headersTimeoutMs: 15_000,
    idleTimeoutMs: 15_000,
    sidecar: {
      prompt: 'a lake',
      model: 'wan2.6-image-to-video-flash',
      family: 'practice',
      account: 'practice',
      task: { id: 'task-1', output: 0 },
      order: {},
      references: [],
      run: { id: 1, name: 'run' },
      job: { id: 1, row: 1, rowKey: null, name: null, take: 1 },
      times: { createdAt: '2026-11-20T08:00:00.000Z', submittedAt: null, finishedAt: null },
      price: { currency: 'credits', estimatedMicros: null, reservedMicros: null, chargedMicros: null },
      appVersion: '0.0.0-test',
    },
  }
}

function insistArchived(folder: string, done: Awaited<ReturnType<typeof archiveOutput>>): void {
  const bytes = readFileSync(join(folder, done.path))
  insist(sha256(bytes) === done.sha256, 'a clip that is not what its record says')
  insist(bytes.length === done.sizeBytes, 'a clip of another size than its record says')
  insist(done.sha256 === sha256(clip()), 'other bytes than the server gave were archived')
}

function insistStrangers(folder: string, stranger: Input['stranger'], { outside }: Sandbox): void {
  const isKept = (path: string, text: string): void =>
    insist(readFileSync(join(folder, path), 'utf8') === text, `${path} of a stranger was changed`)
  isKept('run/bystander.txt', 'Nobody changes this file.\n')
  if (stranger === 'clip' || stranger === 'both') isKept(WANTED, 'a stranger')
  if (stranger === 'sidecar' || stranger === 'both') isKept(`${WANTED}.json`, '{"mine":1}')
  insist(lstatSync(join(outside, 'bystander.txt')).nlink === 1, 'a file outside got a second name')
  insist(readdirSync(outside).length === 1, 'something was made outside')
}
