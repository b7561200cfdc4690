import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkClip, preflight } from '../../../src/main/core/archive/check.ts'
import { compareWithOrder } from '../../../src/main/core/archive/compare.ts'
import { type Disk, realDisk } from '../../../src/main/core/archive/disk.ts'
import { ContentInvalid, DiskTrouble } from '../../../src/main/core/archive/errors.ts'
import { inspectClip } from '../../../src/main/core/archive/inspect.ts'
import { readLibrary } from '../../../src/main/core/archive/rebuild.ts'
import {
  parseSidecar,
  readSidecar,
  type Sidecar,
  SidecarTaken,
  stripAddress,
  writeSidecar,
} from '../../../src/main/core/archive/sidecar.ts'
import { chanceOf } from '../../proof/chance.ts'
import { PowerDisk } from '../../proof/power-disk.ts'
import { PowerModel } from '../../proof/power-model.ts'
import { HandClock } from '../../support/media-server.ts'

const CLIPS = join(import.meta.dirname, 'clips')
const clock = new HandClock()
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'library-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('inspecting', () => {
  it('reads what a clip is', async () => {
    expect(await inspectClip(join(CLIPS, 'sound.mp4'), clock)).toEqual({
      container: 'mp4',
      codec: 'avc',
      width: 320,
      height: 240,
      durationMs: 1000,
      framesPerSecond: 24,
      hasSound: true,
      trackCount: 2,
    })
    expect(await inspectClip(join(CLIPS, 'silent.mp4'), clock)).toMatchObject({
      hasSound: false,
      durationMs: 2000,
    })
  })

  it('refuses what is no whole video, at any length and with any bytes broken off', async () => {
    const whole = readFileSync(join(CLIPS, 'sound.mp4'))
    for (let length = 0; length < whole.length; length += 97) {
      put('cut.mp4', whole.subarray(0, length))
      await expect(inspectClip(join(folder, 'cut.mp4'), clock), `${length} bytes`).rejects.toBeInstanceOf(
        ContentInvalid,
      )
    }
  })

  it('answers or refuses whatever is in the file', async () => {
    const whole = readFileSync(join(CLIPS, 'silent.mp4'))
    for (let seed = 1; seed < 40; seed++) {
      const broken = Buffer.from(whole)
      for (let count = 0; count < 8; count++)
        broken[(seed * 7919 + count * 104729) % broken.length] = seed * count
      put('broken.mp4', broken)
      const outcome = await inspectClip(join(folder, 'broken.mp4'), clock).catch((error: unknown) => error)
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ContentInvalid)
    }
  })

  it('ends a file that would keep it busy for minutes, and goes on with the next', async () => {
    const bomb = readFileSync(join(CLIPS, 'silent.mp4'))
    bomb.writeUInt32BE(0xf0000000, bomb.indexOf('stts') + 12)
    put('bomb.mp4', bomb)
    const outcome = expect(inspectClip(join(folder, 'bomb.mp4'), clock)).rejects.toThrow('too long')
    let isOver = false
    void outcome.finally(() => {
      isOver = true
    })
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve))
      if (clock.sleeperCount > 0) await clock.advance(15_000)
    }
    await outcome
    await expect(inspectClip(join(CLIPS, 'sound.mp4'), clock)).resolves.toMatchObject({ width: 320 })
    expect(clock.sleeperCount).toBe(0)
  })

  it('never takes a good clip for a bad one because time passed: the computer slept, or is busy', async () => {
    let isOver = false
    const looking = inspectClip(join(CLIPS, 'sound.mp4'), clock).finally(() => {
      isOver = true
    })
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve))
      if (clock.sleeperCount > 0) await clock.advance(3_600_000)
    }
    await expect(looking).resolves.toMatchObject({ width: 320 })
  })

  it('a missing file is the disk’s trouble, not the content’s', async () => {
    await expect(inspectClip(join(folder, 'none.mp4'), clock)).rejects.toBeInstanceOf(DiskTrouble)
  })

  it('compares with the order, within 0.15 s and to the pixel', async () => {
    const facts = await inspectClip(join(CLIPS, 'silent.mp4'), clock)
    const order = { width: 192, height: 108, durationSeconds: 2, expectsSound: false }
    expect(compareWithOrder(facts, order)).toBeNull()
    expect(compareWithOrder({ ...facts, durationMs: 2150 }, order)).toBeNull()
    expect(compareWithOrder(facts, { durationSeconds: null })).toBeNull()
    expect(compareWithOrder({ ...facts, durationMs: 2151 }, order)?.what).toContain('2.15 s came')
    expect(compareWithOrder({ ...facts, height: 107 }, order)?.what).toContain('192 x 107')
    expect(compareWithOrder({ ...facts, hasSound: true }, order, 'a.mp4')).toMatchObject({
      code: 'clip-differs',
      level: 'warning',
      place: { file: 'a.mp4' },
    })
  })
})

describe('sidecars', () => {
  it('come back as they were written, from a file only they have', async () => {
    const path = join(folder, 'a.mp4.json')
    await writeSidecar(path, sidecarOf('a.mp4', 'bytes'))
    expect(await readSidecar(path)).toEqual(sidecarOf('a.mp4', 'bytes'))
    await writeSidecar(path, sidecarOf('a.mp4', 'bytes'))
    expect(readdirSync(folder)).toEqual(['a.mp4.json'])
  })

  it('never replace another file', async () => {
    const path = join(folder, 'a.mp4.json')
    put('a.mp4.json', '{"mine":true}')
    await expect(writeSidecar(path, sidecarOf('a.mp4', 'bytes'))).rejects.toBeInstanceOf(SidecarTaken)
    expect(readFileSync(path, 'utf8')).toBe('{"mine":true}')
    expect(readdirSync(folder)).toEqual(['a.mp4.json'])
  })

  it('are read leniently, and safely', async () => {
    const text = JSON.stringify({ ...sidecarOf('a.mp4', 'x'), later: { than: 'us' } })
    expect(parseSidecar(text)).toEqual(sidecarOf('a.mp4', 'x'))
    const hostile = text.replace(
      '"order":{',
      '"__proto__":{"polluted":1},"order":{"__proto__":{"polluted":1},',
    )
    expect(hostile).toContain('__proto__')
    const read = parseSidecar(hostile)
    expect(read).toEqual(sidecarOf('a.mp4', 'x'))
    expect((read as Sidecar).order).not.toHaveProperty('polluted')
    expect(parseSidecar(text.replace('"run":{"id":1', '"run":{"id":"1"'))).toBe('damaged')
    expect(parseSidecar(text.replace('"reelsheet":1', '"reelsheet":2'))).toBe('damaged')
    for (const other of ['', '[]', 'null', '{}', '{"a":1}', 'not json', '"x"'])
      expect(parseSidecar(other)).toBe('foreign')
    put('big.json', ' '.repeat(1024 * 1024 + 1))
    expect(await readSidecar(join(folder, 'big.json'))).toBe('foreign')
    expect(await readSidecar(join(folder, 'none.json'))).toBe('foreign')
  })

  it.each([
    ['https://u:p@cdn.example:8443/a.png?sig=1#x', 'https://cdn.example:8443/a.png'],
    ['https://[broken/?sig=1', 'https://[broken/'],
    ['data:image/png;base64,AAAA', 'data:image/png;base64'],
    ['data: a, b and c', 'data: a, b and c'],
    ['see https://a.example?x=1 there', 'see https://a.example?x=1 there'],
  ])('%s is written as %s', (text, written) => expect(stripAddress(text)).toBe(written))
})

describe('checking', () => {
  it('tells whole, missing and changed apart', async () => {
    put('a/b.mp4', 'bytes')
    const record = { path: 'a/b.mp4', ...hashed('bytes') }
    expect(await checkClip(folder, record)).toBe('whole')
    put('a/b.mp4', 'bytez')
    expect(await checkClip(folder, record)).toBe('changed')
    rmSync(join(folder, 'a'), { recursive: true })
    expect(await checkClip(folder, record)).toBe('missing')
    put('a', 'a file now')
    expect(await checkClip(folder, record)).toBe('missing')
  })

  it('an unplugged drive has not lost its clips', async () => {
    renameSync(folder, `${folder}-gone`)
    await expect(checkClip(folder, { path: 'a.mp4', ...hashed('x') })).rejects.toMatchObject({
      code: 'folder-missing',
    })
    renameSync(`${folder}-gone`, folder)
  })
})

describe('before a run', () => {
  const needs = { bytesNeeded: 1000, longestName: 'run/a.mp4' }

  it('makes the folder, tries it out and leaves nothing in it', async () => {
    const path = join(folder, 'new/archive')
    expect(await preflight(path, needs)).toBeNull()
    expect(readdirSync(path)).toEqual([])
  })

  it('makes a new folder last, with the folders that lead to it', async () => {
    const power = new PowerModel(folder)
    const path = join(folder, 'new/archive')
    expect(await preflight(path, needs, { disk: new PowerDisk(power).port() })).toBeNull()
    const nothing = { names: 0, writes: 0, torn: 0 }
    expect(power.lose(chanceOf(1), nothing).folders).toEqual(['new', 'new/archive'])
  })

  it('tidies up after a look that was cut off', async () => {
    const power = new PowerModel(folder)
    const cutOff = preflight(folder, needs, { disk: new PowerDisk(power, 6).port() })
    await expect(cutOff).rejects.toThrow('the power is gone')
    // Another process must know it as something of the same kind.
    expect(readdirSync(folder)).toEqual(['.reelsheet-probe.tmp'])
    expect(await preflight(folder, needs)).toBeNull()
    expect(readdirSync(folder)).toEqual([])
  })

  it.each([
    ['ENOSPC', 'disk-full'],
    ['EROFS', 'folder-unwritable'],
    ['EACCES', 'folder-unwritable'],
  ])('%s at the first write is %s', async (fault, code) => {
    const disk: Disk = {
      ...realDisk,
      open: () => Promise.reject(Object.assign(new Error(fault), { code: fault })),
    }
    expect(await preflight(folder, needs, { disk })).toMatchObject({ code, place: { file: folder } })
  })

  it('needs room, a folder, and a path that fits', async () => {
    const disk: Disk = { ...realDisk, freeBytes: async () => 999 }
    expect(await preflight(folder, needs, { disk })).toMatchObject({ code: 'disk-full' })
    expect(await preflight(folder, { ...needs, bytesNeeded: 2 ** 60 })).toMatchObject({ code: 'disk-full' })
    put('file', 'x')
    expect(await preflight(join(folder, 'file'), needs)).toMatchObject({ code: 'folder-unwritable' })
    expect(await preflight(join(folder, 'file/under'), needs)).toMatchObject({ code: 'folder-missing' })
    expect(await preflight(join(folder, 'x'.repeat(300)), needs)).toMatchObject({ code: 'path-too-long' })
    const long = { ...needs, longestName: `${'a'.repeat(250)}.mp4` }
    expect(await preflight(folder, long, { platform: 'win32' })).toMatchObject({ code: 'path-too-long' })
    expect(readdirSync(folder)).toEqual(['file'])
  })
})

describe('rebuilding', () => {
  it('finds clips with sidecars, and either without the other', async () => {
    put('run/a.mp4', 'bytes')
    await writeSidecar(join(folder, 'run/a.mp4.json'), sidecarOf('a.mp4', 'bytes'))
    await writeSidecar(join(folder, 'run/gone.mp4.json'), sidecarOf('gone.mp4', 'bytes'))
    put('run/b.mp4', 'longer than it was')
    await writeSidecar(join(folder, 'run/b.mp4.json'), sidecarOf('b.mp4', 'bytes'))
    put('orphan.mp4', 'x')
    put('c.mp4', 'x')
    put('c.mp4.json', '{\n  "reelsheet": 1, "prom')
    put('package.json', '{"name":"foreign"}')
    put('a.mp4.part', 'x')
    put('.hidden/d.mp4', 'x')
    expect(await library()).toEqual([
      { sidecarPath: 'c.mp4.json', clipPath: 'c.mp4', says: 'value-invalid', isKnown: false },
      { sidecarPath: null, clipPath: 'orphan.mp4', says: 'not-found', isKnown: false },
      { sidecarPath: 'run/a.mp4.json', clipPath: 'run/a.mp4', says: null, isKnown: true },
      { sidecarPath: 'run/b.mp4.json', clipPath: 'run/b.mp4', says: 'clip-changed', isKnown: true },
      { sidecarPath: 'run/gone.mp4.json', clipPath: null, says: 'clip-missing', isKnown: true },
    ])
  })

  it('follows nothing out of the folder', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'outside-'))
    try {
      writeFileSync(join(outside, 'secret.mp4'), 'bytes')
      symlinkSync(outside, join(folder, 'link'))
      symlinkSync(join(outside, 'secret.mp4'), join(folder, 'linked.mp4'))
      for (const [index, file] of [
        '../secret.mp4',
        join(outside, 'secret.mp4'),
        'linked.mp4',
        '..',
        '',
      ].entries())
        await writeSidecar(join(folder, `${index}.json`), sidecarOf(file, 'bytes'))
      const found = await library()
      expect(found).toHaveLength(5)
      expect(found.every(({ clipPath, says }) => clipPath === null && says === 'clip-missing')).toBe(true)
    } finally {
      rmSync(outside, { recursive: true })
    }
  })

  it('goes eight folders deep and no deeper', async () => {
    put(`${'d/'.repeat(8)}in.mp4`, 'x')
    put(`${'d/'.repeat(9)}out.mp4`, 'x')
    expect((await library()).map(({ clipPath }) => clipPath)).toEqual([`${'d/'.repeat(8)}in.mp4`])
  })

  it('says when the folder is not there', async () => {
    const reading = readLibrary(join(folder, 'none'))
    await expect(reading.next()).rejects.toMatchObject({ code: 'folder-missing' })
  })
})

async function library() {
  const found = []
  for await (const { sidecar, sidecarPath, clipPath, problem } of readLibrary(folder))
    found.push({ sidecarPath, clipPath, says: problem?.code ?? null, isKnown: sidecar !== null })
  return found
}

function put(name: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), content)
  expect(existsSync(join(folder, name))).toBe(true)
}

function hashed(text: string) {
  return { sha256: createHash('sha256').update(text).digest('hex'), sizeBytes: Buffer.byteLength(text) }
}

function sidecarOf(file: string, content: string): Sidecar {
  return {
    reelsheet: 1,
    prompt: 'A fox',
    model: 'wan26_r2v',
    family: 'vtrix',
    account: 'main',
    task: { id: 't1', output: 0 },
    order: { duration: 5, nested: { list: [1, 'two'] } },
    references: [],
    run: { id: 1, name: 'night' },
    job: { id: 1, row: 1, rowKey: null, name: null, take: 1 },
    times: {
      createdAt: '2026-11-20T07:00:00.000Z',
      submittedAt: null,
      finishedAt: null,
      archivedAt: '2026-11-20T08:00:00.000Z',
    },
    price: { currency: 'usd', estimatedMicros: 5, reservedMicros: null, chargedMicros: 5 },
    clip: {
      file,
      ...hashed(content),
      container: 'mp4',
      codec: 'avc',
      width: 192,
      height: 108,
      durationMs: 2000,
      framesPerSecond: 24,
      hasSound: false,
    },
    problem: null,
    appVersion: '0.1.0',
  }
}
