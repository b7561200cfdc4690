import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, join, resolve } from 'node:path'
import sharp from 'sharp'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { addReferences } from '../../../src/main/core/references/add.ts'
import { fitReference, trimReference } from '../../../src/main/core/references/copies.ts'
import { recordReference } from '../../../src/main/core/references/keep.ts'
import { listMedia } from '../../../src/main/core/references/list-media.ts'
import { lookAtOriginal } from '../../../src/main/core/references/original.ts'
import { relinkOriginals } from '../../../src/main/core/references/relink.ts'
import { trimMedia } from '../../../src/main/core/references/trim.ts'
import { isNamedBy } from '../../../src/main/core/references/wildcard.ts'
import { ProblemError } from '../../../src/shared/problem.ts'
import { openKeeper } from '../../support/keeper.ts'
import { chanceOf, flat, noise } from '../../support/odd-pictures.ts'

const SAMPLES = resolve('resources/sample/media')
const FIXTURES = resolve('test/fixtures/media')
const isRoot = process.getuid?.() === 0

const names = (files: readonly string[]) => files.map((file) => basename(file))
const problemOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return (error as { problem?: { code: string; what: string; next: string } } | undefined)?.problem
}

/** Where temporary files go until the test ends: nobody else's are among them. */
function ownTemporary(folder: string): string {
  const temporary = join(folder, 'temporary')
  mkdirSync(temporary)
  vi.stubEnv('TMPDIR', temporary)
  onTestFinished(() => void vi.unstubAllEnvs())
  return temporary
}

/** Names with a few bytes of their own. */
function plant(folder: string, files: readonly string[]): void {
  for (const file of files) {
    mkdirSync(join(folder, file, '..'), { recursive: true })
    writeFileSync(join(folder, file), file)
  }
}

describe('a folder or a pattern', () => {
  const FILES = [
    'a10.png',
    'a2.PNG',
    'notes.txt',
    '.hidden.png',
    'b/1.mp4',
    'b/.git/2.mp4',
    'b/c/3.mp3',
    'odd[1]{2}.jpg',
    'phone.heic',
  ]
  it.each([
    ['.', ['a2.PNG', 'a10.png', 'odd[1]{2}.jpg', 'phone.heic', '1.mp4', '3.mp3']],
    ['*', ['a2.PNG', 'a10.png', 'odd[1]{2}.jpg', 'phone.heic']],
    ['*.png', ['a2.PNG', 'a10.png']],
    ['a?.png', ['a2.PNG']],
    ['**/*.mp?', ['1.mp4', '3.mp3']],
    ['b/*', ['1.mp4']],
    ['b/**', ['1.mp4', '3.mp3']],
    ['*/c/*', ['3.mp3']],
    ['odd[1]*.jpg', ['odd[1]{2}.jpg']],
    ['odd[1]{2}.jpg', ['odd[1]{2}.jpg']],
    ['./b/../a2.PNG', ['a2.PNG']],
  ])('%s names %j', async (text, wanted) => {
    const { folder } = openKeeper()
    const shots = join(folder, 'shots')
    plant(shots, FILES)
    symlinkSync('..', join(shots, 'b', 'loop'))
    symlinkSync('/nowhere', join(shots, 'b', 'dead.png'))
    expect(names(await listMedia(text, shots))).toEqual(wanted)
  })

  it('that names nothing gets a sentence', async () => {
    const { folder } = openKeeper()
    plant(folder, ['x/notes.txt'])
    for (const text of ['x', 'x/*.gif']) {
      expect(await problemOf(listMedia(text, folder))).toMatchObject({
        code: 'reference-missing',
        what: expect.stringContaining(`"${text}" names no picture`),
      })
    }
    for (const text of ['nowhere', 'nowhere/*.png'])
      expect((await problemOf(listMedia(text, folder)))?.what).toMatch(/nowhere does not exist/)
  })

  it('that names more than 10,000 files is refused', async () => {
    const { folder } = openKeeper()
    mkdirSync(join(folder, 'many'))
    for (let index = 0; index <= 10_000; index += 1) writeFileSync(join(folder, 'many', `${index}.png`), '')
    expect(await problemOf(listMedia('many', folder))).toMatchObject({
      code: 'reference-limit',
      what: expect.stringMatching(/more than 10000/),
    })
    rmSync(join(folder, 'many', '10000.png'))
    expect(names(await listMedia('many', folder)).slice(8, 12)).toEqual([
      '8.png',
      '9.png',
      '10.png',
      '11.png',
    ])
  })

  it('with many stars is matched in no time', () => {
    const pattern = [`${'*a'.repeat(40)}b`, ...Array.from({ length: 20 }, () => '**'), 'x']
    const parts = ['a'.repeat(250), ...Array.from({ length: 60 }, () => 'folder')]
    expect(isNamedBy(pattern, parts)).toBe(false)
    expect(isNamedBy(['**', '*.png'], ['a.png'])).toBe(true)
    expect(isNamedBy(['*', '*.png'], ['a.png'])).toBe(false)
  })
})

describe('adding', () => {
  it('keeps each content once, tells what is not taken, and can be repeated', async () => {
    const keeper = openKeeper()
    const shots = join(keeper.folder, 'shots')
    mkdirSync(join(shots, 'below'), { recursive: true })
    copyFileSync(join(SAMPLES, 'paper-boat.png'), join(shots, '1.png'))
    copyFileSync(join(SAMPLES, 'paper-boat.png'), join(shots, 'below', 'again.png'))
    copyFileSync(join(SAMPLES, 'colony.mp4'), join(shots, '2.mp4'))
    writeFileSync(join(shots, 'empty.jpg'), '')
    writeFileSync(join(shots, 'liar.png'), '<html>')
    const first = await addReferences(keeper, shots)
    expect(names(first.added.map(({ name }) => name))).toEqual(['1.png', '2.mp4'])
    expect(first.known.map(({ name }) => name)).toEqual(['1.png'])
    expect(first.problems.map(({ code }) => code)).toEqual(['reference-unreadable', 'reference-kind'])
    expect(first.added[0]).toMatchObject({ originalPath: join(shots, '1.png'), sourceId: null, change: null })
    const second = await addReferences(keeper, join(shots, '**/*.*'))
    expect([second.added, second.known.length]).toEqual([[], 3])
    expect(keeper.store.references.list(10, 0)).toHaveLength(2)
  })

  it('of one file throws its problem; a file whose name holds a star is itself', async () => {
    const keeper = openKeeper()
    expect(await problemOf(addReferences(keeper, join(keeper.folder, 'gone.png')))).toMatchObject({
      code: 'reference-missing',
    })
    writeFileSync(join(keeper.folder, 'none.png'), '')
    expect((await problemOf(addReferences(keeper, join(keeper.folder, 'none.png'))))?.what).toMatch(
      /is empty/,
    )
    copyFileSync(join(SAMPLES, 'paper-boat.png'), join(keeper.folder, 'star*.png'))
    expect((await addReferences(keeper, join(keeper.folder, 'star*.png'))).added).toHaveLength(1)
  })

  it.skipIf(isRoot)(
    'tells of a folder without rights and takes the rest (not as root, who may read anything)',
    async () => {
      const keeper = openKeeper()
      const shots = join(keeper.folder, 'shots')
      mkdirSync(join(shots, 'locked'), { recursive: true })
      copyFileSync(join(SAMPLES, 'paper-boat.png'), join(shots, '1.png'))
      chmodSync(join(shots, 'locked'), 0)
      const { added, problems } = await addReferences(keeper, shots)
      chmodSync(join(shots, 'locked'), 0o700)
      expect(added).toHaveLength(1)
      expect(problems[0]?.what).toMatch(/locked may not be read by you/)
    },
  )

  it('stops between two files when nobody waits any more', async () => {
    const keeper = openKeeper()
    copyFileSync(join(SAMPLES, 'paper-boat.png'), join(keeper.folder, '1.png'))
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(addReferences(keeper, join(keeper.folder, '*.png'), { signal })).rejects.toThrow('enough')
  })

  it('keeps two files of one name apart', async () => {
    const keeper = openKeeper()
    for (const [index, side] of [400, 500].entries()) {
      mkdirSync(join(keeper.folder, `${index}`))
      await flat(side, side)
        .png()
        .toFile(join(keeper.folder, `${index}`, 'same.png'))
    }
    const { added } = await addReferences(keeper, join(keeper.folder, '*', 'same.png'))
    expect(added.map(({ name, width }) => [name, width])).toEqual([
      ['same.png', 400],
      ['same.png', 500],
    ])
    expect(keeper.store.references.byName('same.png')?.width).toBe(500)
  })
})

describe('a copy', () => {
  const addOne = async (keeper: ReturnType<typeof openKeeper>, file: string) => {
    const { added, known } = await addReferences(keeper, file)
    return [...added, ...known][0] as NonNullable<(typeof added)[0]>
  }

  it('of a picture is stored once, linked, and the original stays', async () => {
    const keeper = openKeeper()
    const file = join(keeper.folder, 'wide.png')
    await flat(4000, 300, 4).png().toFile(file)
    const before = readFileSync(file)
    const source = await addOne(keeper, file)
    const copy = await fitReference(keeper, source.id, undefined, '#ffffff')
    expect(copy).toMatchObject({
      name: 'wide-fitted.png',
      width: 2000,
      height: 360,
      hasTransparency: false,
      sourceId: source.id,
      originalPath: null,
      change: 'scaled from 4000 x 300 to 2000 x 360 on white, transparency made white',
    })
    expect(await fitReference(keeper, source.id, undefined, '#ffffff')).toEqual(copy)
    const black = await fitReference(keeper, source.id, 'wan2.7-image-to-video', '#000000')
    expect([black.width, black.height]).toEqual([4000, 500])
    expect(await fitReference(keeper, copy.id, undefined, '#ffffff')).toEqual(copy)
    expect(readFileSync(file).equals(before)).toBe(true)
    expect(keeper.store.references.list(10, 0)).toHaveLength(3)
    expect(await lookAtOriginal(copy)).toBe('none')
  })

  it('of what is no picture, or of nothing, is refused', async () => {
    const keeper = openKeeper()
    const film = await addOne(keeper, join(SAMPLES, 'colony.mp4'))
    expect(await problemOf(fitReference(keeper, film.id, undefined, '#ffffff'))).toMatchObject({
      code: 'reference-kind',
      next: expect.stringContaining(`references trim ${film.id}`),
    })
    expect(await problemOf(fitReference(keeper, 99, undefined, '#ffffff'))).toMatchObject({
      code: 'not-found',
    })
    const boat = await addOne(keeper, join(SAMPLES, 'paper-boat.png'))
    rmSync(keeper.references.path(boat.sha256) ?? '')
    expect(await problemOf(fitReference(keeper, boat.id, undefined, '#ffffff'))).toMatchObject({
      code: 'reference-missing',
    })
    expect((await problemOf(trimReference(keeper, boat.id, 1000)))?.code).toBe('reference-missing')
  })

  it.each([
    ['colony.mp4', 2000],
    ['waltz.mp3', 3000],
  ])('of %s is cut at %i ms without encoding, and stored once', async (name, maximumMs) => {
    const keeper = openKeeper()
    const source = await addOne(keeper, join(SAMPLES, name))
    const copy = await trimReference(keeper, source.id, maximumMs)
    expect(copy).toMatchObject({
      kind: source.kind,
      format: source.format,
      width: source.width,
      height: source.height,
      hasSound: source.hasSound,
      sourceId: source.id,
      name: name.replace('.', '-cut.'),
      change: expect.stringMatching(/^cut from [\d.]+ s to [\d.]+ s$/),
    })
    expect(copy.durationMs).toBeLessThanOrEqual(maximumMs)
    expect(copy.durationMs).toBeGreaterThan(maximumMs - 100)
    expect(copy.sizeBytes).toBeLessThan(source.sizeBytes)
    expect(await trimReference(keeper, source.id, maximumMs)).toEqual(copy)
    expect(await trimReference(keeper, source.id, 3_600_000)).toEqual(source)
  })

  it('is the one that was cut before, though a film holds the second in which it was written', async () => {
    const keeper = openKeeper()
    const source = await addOne(keeper, join(SAMPLES, 'colony.mp4'))
    const cut = await trimMedia(join(SAMPLES, 'colony.mp4'), 2000)
    if (!cut) throw new Error('nothing was cut')
    const bytes = readFileSync(cut.file)
    await cut.remove()
    // The creation time of its `mvhd` box: https://developer.apple.com/documentation/quicktime-file-format
    bytes.writeUInt32BE(1, bytes.indexOf('mvhd') + 8)
    const { sha256 } = await keeper.references.addBytes(bytes)
    const origin = { name: 'earlier.mp4', sourceId: source.id, change: cut.change }
    const id = recordReference(keeper, sha256, cut.probed, origin)
    expect(await trimReference(keeper, source.id, 2000)).toMatchObject({ id, name: 'earlier.mp4' })
    rmSync(keeper.references.path(sha256) ?? '')
    expect((await trimReference(keeper, source.id, 2000)).id).not.toBe(id)
  })

  it('keeps how a film is turned, ends before pictures that need a later one, and knows a WAV', async () => {
    const keeper = openKeeper()
    const turned = await addOne(keeper, join(FIXTURES, 'rotated.mp4'))
    expect(await trimReference(keeper, turned.id, 500)).toMatchObject({
      width: 96,
      height: 128,
      durationMs: 417,
    })
    const long = await addOne(keeper, join(FIXTURES, 'twenty-minutes.mp4'))
    const cut = await trimReference(keeper, long.id, 30_000)
    expect(cut.durationMs).toBeGreaterThan(25_000)
    expect(cut.durationMs).toBeLessThanOrEqual(30_000)
    writeFileSync(join(keeper.folder, 'tone.wav'), makeWav(4))
    const tone = await addOne(keeper, join(keeper.folder, 'tone.wav'))
    const short = await trimReference(keeper, tone.id, 2500)
    expect(short).toMatchObject({ format: 'wav', kind: 'audio' })
    expect(short.durationMs).toBeLessThanOrEqual(2500)
    expect(short.durationMs).toBeGreaterThan(2300)
  })

  it('of what cannot be cut says why', async () => {
    const keeper = openKeeper()
    const temporary = ownTemporary(keeper.folder)
    const web = await addOne(keeper, join(FIXTURES, 'small.webm'))
    expect(await problemOf(trimReference(keeper, web.id, 500))).toMatchObject({
      code: 'not-possible',
      what: expect.stringMatching(/small\.webm is WEBM, which no model takes/),
    })
    const boat = await addOne(keeper, join(SAMPLES, 'paper-boat.png'))
    expect((await problemOf(trimReference(keeper, boat.id, 1000)))?.what).toMatch(/is a picture/)
    expect(readdirSync(temporary)).toEqual([])
  })
})

describe('a damaged film', () => {
  it('is cut or gets a sentence, whatever the damage, and nothing is left behind', async () => {
    const { folder } = openKeeper()
    const temporary = ownTemporary(folder)
    const whole = readFileSync(join(FIXTURES, 'small.mov'))
    const chance = chanceOf(11)
    for (let round = 0; round < 12; round += 1) {
      const bytes = Buffer.from(whole)
      const index = bytes.indexOf('moov')
      for (let count = 0; count < 1 + round / 3; count += 1)
        bytes[index + Math.floor(chance() * (bytes.length - index))] = Math.floor(chance() * 256)
      const file = join(folder, `${round}.mov`)
      writeFileSync(file, bytes)
      const made = await trimMedia(file, 1000).catch((error: unknown) => error)
      if (made instanceof Error) expect(made).toBeInstanceOf(ProblemError)
      else await (made as Awaited<ReturnType<typeof trimMedia>>)?.remove()
    }
    expect(readdirSync(temporary)).toEqual([])
  })
})

/** A tone as a WAV: 8 kHz, one channel, 16 bits. */
function makeWav(seconds: number): Buffer {
  const samples = seconds * 8000
  const bytes = Buffer.alloc(44 + samples * 2)
  bytes.write('RIFF', 0)
  bytes.writeUInt32LE(36 + samples * 2, 4)
  bytes.write('WAVEfmt ', 8)
  bytes.writeUInt32LE(16, 16)
  bytes.writeUInt16LE(1, 20)
  bytes.writeUInt16LE(1, 22)
  bytes.writeUInt32LE(8000, 24)
  bytes.writeUInt32LE(16_000, 28)
  bytes.writeUInt16LE(2, 32)
  bytes.writeUInt16LE(16, 34)
  bytes.write('data', 36)
  bytes.writeUInt32LE(samples * 2, 40)
  for (let at = 0; at < samples; at += 1) bytes.writeInt16LE(Math.round(9000 * Math.sin(at / 3)), 44 + at * 2)
  return bytes
}

describe('originals', () => {
  it('are whole, missing or changed, by what lies there now', async () => {
    const keeper = openKeeper()
    const file = join(keeper.folder, 'a.png')
    copyFileSync(join(SAMPLES, 'paper-boat.png'), file)
    const [one] = (await addReferences(keeper, file)).added
    if (!one) throw new Error('nothing was added')
    expect(await lookAtOriginal(one)).toBe('whole')
    const bytes = readFileSync(file)
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1
    writeFileSync(file, bytes)
    utimesSync(file, 1, 1)
    expect(await lookAtOriginal(one)).toBe('changed')
    writeFileSync(file, 'short')
    expect(await lookAtOriginal(one)).toBe('changed')
    rmSync(file)
    expect(await lookAtOriginal(one)).toBe('missing')
    mkdirSync(file)
    expect(await lookAtOriginal(one)).toBe('missing')
  })

  it('that moved are found by content, whatever their new name', async () => {
    const keeper = openKeeper()
    const old = join(keeper.folder, 'old')
    mkdirSync(old)
    for (const name of ['paper-boat.png', 'lake-at-dusk.jpg', 'colony.mp4', 'waltz.mp3'])
      copyFileSync(join(SAMPLES, name), join(old, name))
    await addReferences(keeper, old)
    const later = join(keeper.folder, 'new', 'deep', 'er')
    mkdirSync(later, { recursive: true })
    renameSync(join(old, 'paper-boat.png'), join(later, 'renamed.bin'))
    renameSync(join(old, 'colony.mp4'), join(later, 'colony.mp4'))
    const lake = readFileSync(join(old, 'lake-at-dusk.jpg'))
    lake[lake.length - 9] = (lake[lake.length - 9] ?? 0) ^ 1
    rmSync(join(old, 'lake-at-dusk.jpg'))
    writeFileSync(join(later, 'lake-at-dusk.jpg'), lake)
    const { found, missing, problems } = await relinkOriginals(keeper, join(keeper.folder, 'new'))
    expect(found.map(({ name, originalPath }) => [name, originalPath])).toEqual([
      ['colony.mp4', join(later, 'colony.mp4')],
      ['paper-boat.png', join(later, 'renamed.bin')],
    ])
    expect(missing.map(({ name }) => name)).toEqual(['lake-at-dusk.jpg'])
    expect(problems).toMatchObject([
      { code: 'reference-changed', place: { file: join(later, 'lake-at-dusk.jpg') } },
    ])
    expect(await relinkOriginals(keeper, join(keeper.folder, 'new'))).toMatchObject({ found: [] })
  })

  it('are never the copies of a Reelsheet, nor anything of its own folder', async () => {
    const keeper = openKeeper()
    const file = join(keeper.folder, 'boat.png')
    copyFileSync(join(SAMPLES, 'paper-boat.png'), file)
    await addReferences(keeper, file)
    rmSync(file)
    expect(await relinkOriginals(keeper, keeper.folder)).toMatchObject({ found: [], missing: [{ id: 1 }] })
    copyFileSync(join(SAMPLES, 'paper-boat.png'), join(keeper.home, 'upload'))
    const except = { except: keeper.home }
    expect(await relinkOriginals(keeper, keeper.folder, except)).toMatchObject({ found: [] })
    expect(await problemOf(addReferences(keeper, keeper.folder, except))).toMatchObject({
      code: 'reference-missing',
    })
  })

  it('that are where they were need no folder; a folder that is not there gets a sentence', async () => {
    const keeper = openKeeper()
    const file = join(keeper.folder, 'a.png')
    copyFileSync(join(SAMPLES, 'paper-boat.png'), file)
    await addReferences(keeper, file)
    expect(await relinkOriginals(keeper, '/nowhere/at/all')).toEqual({ found: [], missing: [], problems: [] })
    rmSync(file)
    expect((await problemOf(relinkOriginals(keeper, '/nowhere/at/all')))?.what).toMatch(/does not exist/)
  })

  it('are known at their new place when they are added again', async () => {
    const keeper = openKeeper()
    const file = join(keeper.folder, 'a.png')
    await noise(500, 500).png().toFile(file)
    const [one] = (await addReferences(keeper, file)).added
    renameSync(file, join(keeper.folder, 'b.png'))
    const { known } = await addReferences(keeper, join(keeper.folder, 'b.png'))
    expect(known).toMatchObject([{ id: one?.id, name: 'a.png', originalPath: join(keeper.folder, 'b.png') }])
  })

  it('are looked for among 50,000 files by reading only those of their size', async () => {
    const keeper = openKeeper()
    const file = join(keeper.folder, 'a.png')
    await sharp({ create: { width: 400, height: 400, channels: 3, background: 'red' } })
      .png()
      .toFile(file)
    await addReferences(keeper, file)
    for (let index = 0; index < 50; index += 1) {
      const at = join(keeper.folder, 'many', `${index}`)
      mkdirSync(at, { recursive: true })
      for (let number = 0; number < 1000; number += 1) writeFileSync(join(at, `${number}.png`), '')
    }
    renameSync(file, join(keeper.folder, 'many', '25', 'moved.png'))
    const { found } = await relinkOriginals(keeper, join(keeper.folder, 'many'))
    expect(found).toHaveLength(1)
  })
})
