import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Disk, type DiskFile, realDisk } from '../../src/main/core/archive/disk.ts'
import { ContentInvalid, DiskTrouble, TransferBroken } from '../../src/main/core/archive/errors.ts'
import { parseSidecar, type SidecarFacts } from '../../src/main/core/archive/sidecar.ts'
import { type ArchiveRequest, archiveOutput } from '../../src/main/core/archive/store-clip.ts'
import {
  createTransferAgents,
  DEFAULT_TRANSFER_LIMITS,
  type TransferAgents,
} from '../../src/main/core/archive/transfer.ts'
import type { CheckpointName } from '../../src/main/core/ports.ts'
import {
  answer,
  cutAfter,
  HandClock,
  type MediaServer,
  serve,
  startMediaServer,
} from '../support/media-server.ts'

const CANARY = 'canary-signature-77aa'
const CLIP = readFileSync(join(import.meta.dirname, '../unit/archive/clips/silent.mp4'))
const OTHER_CLIP = readFileSync(join(import.meta.dirname, '../unit/archive/clips/sound.mp4'))
const NAME = 'night/001-fox-1.mp4'

let folder: string
let server: MediaServer
let agents: TransferAgents

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'archive-'))
  server = await startMediaServer(serve({ body: CLIP, etag: '"v1"' }))
  agents = createTransferAgents()
})
afterEach(async () => {
  await agents.close()
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

const POINTS = [
  'download.received',
  'download.synced',
  'download.verified',
  'download.noted',
  'download.named',
  'download.sidecar',
] as const satisfies CheckpointName[]

it('ends with one clip and one sidecar that agree', async () => {
  const points: string[] = []
  const archived = await archiveOutput(ask({ checkpoint: (point) => points.push(point) }))
  expect(points).toEqual(POINTS)
  expect(archived).toMatchObject({
    path: NAME,
    sidecarPath: `${NAME}.json`,
    sha256: sha256(CLIP),
    problem: null,
  })
  expect(archived.facts).toMatchObject({
    width: 192,
    height: 108,
    durationMs: 2000,
    hasSound: false,
    codec: 'avc',
  })
  expect(files()).toEqual([NAME, `${NAME}.json`])
  expect(readFileSync(join(folder, NAME))).toEqual(CLIP)
  expect(sidecar()).toMatchObject({
    prompt: 'A fox',
    task: { id: 'task-1', output: 0 },
    clip: { file: '001-fox-1.mp4', sha256: sha256(CLIP), sizeBytes: CLIP.length, width: 192 },
  })
})

it('keeps a clip that differs from the order and says how', async () => {
  const order = { width: 1280, height: 720, durationSeconds: 5, expectsSound: true }
  const { problem } = await archiveOutput(ask({ order }))
  expect(problem).toMatchObject({ code: 'clip-differs', level: 'warning' })
  expect(problem?.what).toMatch(/1280 x 720.*192 x 108.*5 s.*2\.00 s.*sound/)
  expect(sidecar()).toMatchObject({ problem: { code: 'clip-differs' } })
})

describe.each([
  ['with hard links', realDisk],
  ['without hard links', withoutLinks(realDisk)],
])('after a crash, %s', (_kind, disk) => {
  it.each(POINTS)('at %s the next try ends with exactly one clip', async (point) => {
    await expect(archiveOutput(ask({ disk, checkpoint: crashAt(point) }))).rejects.toThrow('crash')
    const archived = await archiveOutput(ask({ disk }))
    expect(archived).toMatchObject({ path: NAME, sha256: sha256(CLIP), sizeBytes: CLIP.length })
    expect(files()).toEqual([NAME, `${NAME}.json`])
    expect(server.asked).toHaveLength(1)
  })

  it.each(POINTS)('at %s twice in a row, too', async (point) => {
    for (let crash = 0; crash < 2; crash++)
      await archiveOutput(ask({ disk, checkpoint: crashAt(point) })).catch(() => undefined)
    await archiveOutput(ask({ disk }))
    expect(files()).toEqual([NAME, `${NAME}.json`])
  })

  it('between everything and the database, nothing is fetched again', async () => {
    const first = await archiveOutput(ask({ disk }))
    server.script(answer(404, {}))
    expect(await archiveOutput(ask({ disk }))).toEqual(first)
    expect(files()).toEqual([NAME, `${NAME}.json`])
  })

  it('at every single file call, nothing is lost, replaced or left over', { timeout: 60_000 }, async () => {
    const stranger = 'somebody else’s film'
    for (let call = 1; ; call++) {
      rmSync(folder, { recursive: true })
      mkdirSync(join(folder, 'night'), { recursive: true })
      writeFileSync(join(folder, NAME), stranger)
      const counted = crashingDisk(disk, call)
      const outcome = await archiveOutput(ask({ disk: counted.disk })).catch((error: Error) => error)
      const archived = await archiveOutput(ask({ disk }))
      expect(archived.path).toBe('night/001-fox-1-2.mp4')
      expect(readFileSync(join(folder, archived.path))).toEqual(CLIP)
      expect(readFileSync(join(folder, NAME), 'utf8')).toBe(stranger)
      expect(files()).toEqual([archived.path, archived.sidecarPath, NAME].sort())
      if (!(outcome instanceof Error)) break
      expect(call).toBeLessThan(200)
    }
  })
})

describe('names that are taken', () => {
  it('leaves a stranger’s file alone and takes the next free name', async () => {
    put(NAME, 'mine')
    const archived = await archiveOutput(ask({ takenByOthers: (name) => name.endsWith('-2.mp4') }))
    expect(archived).toMatchObject({
      path: 'night/001-fox-1-3.mp4',
      sidecarPath: 'night/001-fox-1-3.mp4.json',
    })
    expect(readFileSync(join(folder, NAME), 'utf8')).toBe('mine')
  })

  it('does not take an equal clip of another task for its own', async () => {
    await archiveOutput(ask())
    const second = await archiveOutput(ask({ sidecar: { ...FACTS, task: { id: 'task-2', output: 0 } } }))
    expect(second.path).toBe('night/001-fox-1-2.mp4')
    expect(files()).toHaveLength(4)
  })

  it('gives way when the name is taken between looking and naming', async () => {
    const checkpoint = (point: string) => point === 'download.noted' && put(NAME, 'just now')
    let isFirst = true
    const archived = await archiveOutput(
      ask({
        checkpoint: (point) => {
          if (isFirst) checkpoint(point)
          if (point === 'download.noted') isFirst = false
        },
      }),
    )
    expect(archived.path).toBe('night/001-fox-1-2.mp4')
    expect(readFileSync(join(folder, NAME), 'utf8')).toBe('just now')
  })

  it('gives way when only the sidecar’s name is taken', async () => {
    const checkpoint = (point: string) => point === 'download.named' && put(`${NAME}.json`, '{"mine":1}')
    const archived = await archiveOutput(ask({ checkpoint }))
    expect(archived).toMatchObject({ path: NAME, sidecarPath: `${NAME}-2.json` })
    expect(readFileSync(join(folder, `${NAME}.json`), 'utf8')).toBe('{"mine":1}')
  })

  it('fetches again when the finished clip was changed meanwhile', async () => {
    await archiveOutput(ask())
    writeFileSync(join(folder, NAME), OTHER_CLIP)
    const again = await archiveOutput(ask())
    expect(again.path).toBe('night/001-fox-1-2.mp4')
    expect(readFileSync(join(folder, NAME))).toEqual(OTHER_CLIP)
  })

  it('starts clean when noted bytes are no longer what was verified', async () => {
    await archiveOutput(ask({ checkpoint: crashAt('download.noted') })).catch(() => undefined)
    writeFileSync(join(folder, `${NAME}.part`), Buffer.concat([CLIP.subarray(1), Buffer.from([1])]))
    await expect(archiveOutput(ask())).resolves.toMatchObject({ path: NAME, sha256: sha256(CLIP) })
  })
})

describe('bad content and broken links', () => {
  it('puts unreadable bytes aside once, under no clip’s name', async () => {
    server.script(answer(200, { 'content-type': 'video/mp4' }, Buffer.alloc(4000, 3)))
    for (let count = 0; count < 2; count++) {
      const error = await archiveOutput(ask()).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(ContentInvalid)
      expect((error as ContentInvalid).problem.what).toContain('001-fox-1.mp4.unreadable')
    }
    expect(files()).toEqual([`${NAME}.unreadable`])
  })

  it('refuses a clip that was cut off by a server that told no length', async () => {
    server.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'video/mp4', connection: 'close' })
      response.end(CLIP.subarray(0, CLIP.length - 500))
    })
    await expect(archiveOutput(ask())).rejects.toThrow('500 bytes are missing')
  })

  it('goes on after a cut and still ends with the same clip', async () => {
    server.script(cutAfter({ body: CLIP, etag: '"v1"' }, 2000), serve({ body: CLIP, etag: '"v1"' }))
    await expect(archiveOutput(ask())).rejects.toBeInstanceOf(TransferBroken)
    await expect(archiveOutput(ask())).resolves.toMatchObject({ sha256: sha256(CLIP) })
    expect(server.asked[1]?.headers.range).toBe('bytes=2000-')
    expect(files()).toEqual([NAME, `${NAME}.json`])
  })
})

describe('notes that somebody edited', () => {
  it.each(['../stolen.mp4', '/stolen.mp4', 'a\0b.mp4', '..', '', 'night', 'night/other.mp4'])(
    'a name %j in them is not taken, and the clip that was paid for is archived under its own',
    async (finalName) => {
      put(`${NAME}.part`, '')
      writeFileSync(join(folder, `${NAME}.part`), CLIP)
      const { family, account, task } = ask().sidecar
      const notes = {
        reelsheetPart: 1,
        identity: `${family}/${account}/${task.id}/${task.output}`,
        urlHash: 'a'.repeat(64),
        etag: '"v1"',
        lastModified: null,
        totalBytes: CLIP.length,
        contentType: 'video/mp4',
        syncedBytes: CLIP.length,
        isComplete: true,
        placing: { finalName, sha256: sha256(CLIP), sizeBytes: CLIP.length },
      }
      put(`${NAME}.part.json`, JSON.stringify(notes))
      await expect(archiveOutput(ask())).resolves.toMatchObject({ path: NAME, sha256: sha256(CLIP) })
      expect(files()).toEqual([NAME, `${NAME}.json`])
    },
  )
})

describe('disk trouble', () => {
  it.each([
    ['ENOSPC', 'disk-full'],
    ['EDQUOT', 'disk-full'],
    ['EROFS', 'folder-unwritable'],
    ['EACCES', 'folder-unwritable'],
    ['EIO', 'folder-missing'],
  ])('%s while writing pauses as %s and goes on later', async (code, problemCode) => {
    const disk = withFile((file) => ({ ...file, write: () => Promise.reject(fault(code)) }))
    await expect(archiveOutput(ask({ disk }))).rejects.toMatchObject({ code: problemCode })
    await expect(archiveOutput(ask())).resolves.toMatchObject({ path: NAME })
    expect(files()).toEqual([NAME, `${NAME}.json`])
  })

  it('a full disk in the middle leaves what was written before for the next try', async () => {
    let writes = 0
    const begun = Promise.withResolvers<void>()
    const disk = withFile((file, path) => ({
      ...file,
      write: (chunks, position) =>
        path.endsWith('.part') && ++writes === 2
          ? Promise.reject(fault('ENOSPC'))
          : file.write(chunks, position),
    }))
    server.script(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'video/mp4', etag: '"v1"', 'content-length': CLIP.length })
        response.write(CLIP.subarray(0, 1000))
        void begun.promise.then(() => response.end(CLIP.subarray(1000)))
      },
      serve({ body: CLIP, etag: '"v1"' }),
    )
    const onProgress = () => begun.resolve()
    await expect(archiveOutput(ask({ disk, onProgress }))).rejects.toBeInstanceOf(DiskTrouble)
    expect(readFileSync(join(folder, `${NAME}.part`))).toEqual(CLIP.subarray(0, 1000))
    await expect(archiveOutput(ask())).resolves.toMatchObject({ sha256: sha256(CLIP) })
    expect(server.asked[1]?.headers.range).toBe('bytes=1000-')
  })

  it('a folder where the part should be pauses, and it goes on once the folder is gone', async () => {
    mkdirSync(join(folder, `${NAME}.part`), { recursive: true })
    await expect(archiveOutput(ask())).rejects.toMatchObject({ code: 'folder-unwritable' })
    rmSync(join(folder, `${NAME}.part`), { recursive: true })
    await expect(archiveOutput(ask())).resolves.toMatchObject({ path: NAME })
  })

  it('a lost archive folder is not quietly made anew', async () => {
    rmSync(folder, { recursive: true })
    await expect(archiveOutput(ask())).rejects.toMatchObject({ code: 'folder-missing' })
    expect(existsSync(folder)).toBe(false)
  })

  it('a file where the folder should be, and a name that no disk takes', async () => {
    put('file', 'x')
    await expect(archiveOutput(ask({ folder: join(folder, 'file') }))).rejects.toMatchObject({
      code: 'folder-missing',
    })
    await expect(archiveOutput(ask({ wantedName: `file/${NAME}` }))).rejects.toMatchObject({
      code: 'folder-missing',
    })
    await expect(archiveOutput(ask({ wantedName: `${'x'.repeat(300)}.mp4` }))).rejects.toMatchObject({
      code: 'path-too-long',
    })
  })

  it('never writes outside the folder', async () => {
    await expect(archiveOutput(ask({ wantedName: '../out.mp4' }))).rejects.toThrow(RangeError)
  })
})

it('keeps signatures and whole files out of everything it writes', async () => {
  const order = {
    image_urls: [`https://cdn.example/a.png?token=${CANARY}`],
    seed: 4,
    audio: 'data:audio/mp3;base64,AAAA',
  }
  const references = [
    {
      position: 1,
      role: 'reference',
      name: 'a',
      kind: 'image',
      sha256: null,
      address: `https://u:${CANARY}@cdn.example/a?x=${CANARY}`,
    },
  ]
  const seen: string[] = []
  const checkpoint = () => {
    for (const name of files()) seen.push(readFileSync(join(folder, name), 'latin1'))
  }
  await archiveOutput(ask({ checkpoint, sidecar: { ...FACTS, order, references } }))
  checkpoint()
  expect(seen.join('')).not.toContain(CANARY)
  expect(sidecar()).toMatchObject({
    order: { image_urls: ['https://cdn.example/a.png'], seed: 4, audio: 'data:audio/mp3;base64' },
    references: [{ address: 'https://cdn.example/a' }],
  })
})

const FACTS: SidecarFacts = {
  prompt: 'A fox',
  model: 'wan2.6-reference-video',
  family: 'evolink',
  account: 'main',
  task: { id: 'task-1', output: 0 },
  order: { duration: 2 },
  references: [],
  run: { id: 1, name: 'night' },
  job: { id: 1, row: 1, rowKey: null, name: null, take: 1 },
  times: { createdAt: '2026-11-20T07:00:00.000Z', submittedAt: null, finishedAt: null },
  price: { currency: 'credits', estimatedMicros: 1, reservedMicros: null, chargedMicros: null },
  appVersion: '0.1.0',
}

function ask(changes: Partial<ArchiveRequest> = {}): ArchiveRequest {
  return {
    ...DEFAULT_TRANSFER_LIMITS,
    url: `${server.base}/v/clip.mp4?sig=${CANARY}`,
    folder,
    wantedName: NAME,
    takenByOthers: () => false,
    order: { width: 192, height: 108, durationSeconds: 2, expectsSound: false },
    sidecar: FACTS,
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

const crashAt = (point: CheckpointName) => (passed: CheckpointName) => {
  if (passed === point) throw new Error(`crash at ${point}`)
}

const fault = (code: string) => Object.assign(new Error(code), { code })

/** A disk whose n-th call, and every one after it, fails: what a killed process would not have done either. */
function crashingDisk(disk: Disk, failFrom: number): { disk: Disk } {
  let calls = 0
  const guard = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, name) {
        const value = Reflect.get(object, name)
        if (typeof value !== 'function') return value
        return async (...given: unknown[]) => {
          if (name !== 'close' && ++calls >= failFrom) throw new Error('crash')
          const result = await value.apply(object, given)
          return name === 'open' ? guard(result) : result
        }
      },
    })
  return { disk: guard(disk) }
}

function withoutLinks(disk: Disk): Disk {
  return { ...disk, link: () => Promise.reject(fault('EPERM')) }
}

function withFile(change: (file: DiskFile, path: string) => DiskFile): Disk {
  return { ...realDisk, open: async (path, how) => change(await realDisk.open(path, how), path) }
}

function put(name: string, text: string): void {
  mkdirSync(join(folder, name, '..'), { recursive: true })
  writeFileSync(join(folder, name), text)
}

/** Every file in the folder, as names with `/`. */
function files(): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort()
}

const sidecar = () => parseSidecar(readFileSync(join(folder, `${NAME}.json`), 'utf8'))
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
