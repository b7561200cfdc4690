import { copyFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { probe, probeBytes } from '../../../src/main/core/references/probe.ts'
import { recognise } from '../../../src/main/core/references/recognise.ts'
import { toFacts } from '../../../src/main/core/references/resolve.ts'
import { ProblemError } from '../../../src/shared/problem.ts'
import { HandClock, until } from '../../support/hand-clock.ts'

const FIXTURES = path.resolve('test/fixtures/media')
const SAMPLES = path.resolve('resources/sample/media')
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'reelsheet-probe-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

const picture = (width: number, height: number, channels: 3 | 4 = 3) =>
  sharp({ create: { width, height, channels, background: { r: 200, g: 90, b: 40, alpha: 0.5 } } })
/** Noise does not compress: cutting it cuts pixels. */
const noise = () =>
  sharp({
    create: {
      width: 200,
      height: 200,
      channels: 3,
      background: 'black',
      noise: { type: 'gaussian', mean: 128, sigma: 60 },
    },
  })

async function plant(name: string, bytes: Uint8Array | string): Promise<string> {
  const file = path.join(folder, name)
  await writeFile(file, bytes)
  return file
}

async function problemOf(file: string): Promise<{ code: string; text: string }> {
  const error = await probe(file).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(ProblemError)
  expect((error as ProblemError).problem.place.file).toBe(file)
  return { code: (error as ProblemError).problem.code, text: (error as ProblemError).message }
}

function bitmap(width: number, height: number, isCore = false): Buffer {
  const row = Math.ceil((width * 24) / 32) * 4
  const start = isCore ? 26 : 54
  const bytes = Buffer.alloc(start + row * Math.abs(height))
  bytes.write('BM')
  bytes.writeUInt32LE(bytes.length, 2)
  bytes.writeUInt32LE(start, 10)
  bytes.writeUInt32LE(isCore ? 12 : 40, 14)
  if (isCore) {
    bytes.writeUInt16LE(width, 18)
    bytes.writeUInt16LE(height, 20)
    bytes.writeUInt16LE(24, 24)
  } else {
    bytes.writeInt32LE(width, 18)
    bytes.writeInt32LE(height, 22)
    bytes.writeUInt16LE(24, 28)
  }
  return bytes
}

describe('pictures', () => {
  it.each(['jpeg', 'png', 'webp', 'gif', 'avif'] as const)('%s, whatever it is called', async (format) => {
    const file = await plant(`${format}.mp3`, await picture(40, 30).toFormat(format).toBuffer())
    expect(await probe(file)).toMatchObject({
      kind: 'image',
      format,
      width: 40,
      height: 30,
      isAnimated: false,
    })
    expect(await probe(file)).toMatchObject({
      mediaType: `image/${format}`,
      durationMs: null,
      hasSound: null,
    })
  })

  it.each(['png', 'webp', 'gif'] as const)('%s with transparency', async (format) => {
    const file = await plant(`alpha.${format}`, await picture(40, 30, 4).toFormat(format).toBuffer())
    expect(await probe(file)).toMatchObject({ hasTransparency: true })
  })

  it('png without transparency, and with an alpha channel that no pixel uses', async () => {
    const plain = await plant('plain.png', await picture(9, 9).png().toBuffer())
    const opaque = await plant('opaque.png', await picture(9, 9).ensureAlpha(1).png().toBuffer())
    expect((await probe(plain)).hasTransparency).toBe(false)
    expect((await probe(opaque)).hasTransparency).toBe(true)
  })

  it.each([
    [1, 40, 30],
    [3, 40, 30],
    [6, 30, 40],
    [8, 30, 40],
  ])('EXIF orientation %i is shown as %i x %i', async (orientation, width, height) => {
    const bytes = await picture(40, 30).withMetadata({ orientation }).jpeg().toBuffer()
    expect(await probe(await plant(`o${orientation}.jpg`, bytes))).toMatchObject({ width, height })
  })

  it('an animated GIF', async () => {
    const frames = await Promise.all(
      [10, 200].map((r) =>
        sharp({ create: { width: 20, height: 10, channels: 3, background: { r, g: 0, b: 0 } } })
          .png()
          .toBuffer(),
      ),
    )
    const bytes = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer()
    expect(await probe(await plant('moves.gif', bytes))).toMatchObject({
      isAnimated: true,
      width: 20,
      height: 10,
    })
  })

  it.each([
    ['plain', bitmap(33, 20), 33, 20],
    ['from the top', bitmap(33, -20), 33, 20],
    ['OS/2', bitmap(33, 20, true), 33, 20],
  ])('BMP, %s', async (name, bytes, width, height) => {
    const found = await probe(await plant(`${name.replace('/', '')}.bmp`, bytes))
    expect(found).toMatchObject({ kind: 'image', format: 'bmp', width, height, hasTransparency: false })
  })

  it('BMP with an alpha mask', async () => {
    const bytes = Buffer.alloc(14 + 108 + 4)
    bytes.write('BM')
    bytes.writeUInt32LE(122, 10)
    bytes.writeUInt32LE(108, 14)
    bytes.writeInt32LE(1, 18)
    bytes.writeInt32LE(1, 22)
    bytes.writeUInt16LE(32, 28)
    bytes.writeUInt32LE(3, 30)
    bytes.writeUInt32LE(0xff000000, 66)
    expect((await probe(await plant('alpha.bmp', bytes))).hasTransparency).toBe(true)
  })
})

describe('films and sounds', () => {
  it.each([
    [
      `${FIXTURES}/small.mov`,
      {
        format: 'mov',
        mediaType: 'video/quicktime',
        width: 128,
        height: 96,
        durationMs: 2000,
        framesPerSecond: 12,
        hasSound: true,
        codec: 'avc',
      },
    ],
    [
      `${FIXTURES}/small.webm`,
      { format: 'webm', width: 128, height: 96, durationMs: 1000, hasSound: false, codec: 'vp8' },
    ],
    [`${FIXTURES}/rotated.mp4`, { format: 'mp4', width: 96, height: 128 }],
    [`${FIXTURES}/twenty-minutes.mp4`, { format: 'mp4', durationMs: 1_200_000 }],
    [
      `${SAMPLES}/aurora.mp4`,
      { kind: 'video', width: 640, height: 360, durationMs: 5000, framesPerSecond: 24, hasSound: true },
    ],
    [`${SAMPLES}/colony.mp4`, { kind: 'video', hasSound: false, durationMs: 4000 }],
    [
      `${SAMPLES}/waltz.mp3`,
      { kind: 'audio', format: 'mp3', mediaType: 'audio/mpeg', hasSound: true, width: null, codec: 'mp3' },
    ],
  ])('%s', async (file, expected) => {
    const other = path.join(folder, 'picture.png')
    await copyFile(file, other)
    expect(await probe(other)).toMatchObject(expected)
  })

  it('a WAV', async () => {
    const seconds = 3
    const bytes = Buffer.alloc(44 + 8000 * seconds)
    bytes.write('RIFF')
    bytes.writeUInt32LE(bytes.length - 8, 4)
    bytes.write('WAVEfmt ', 8)
    bytes.writeUInt32LE(16, 16)
    bytes.writeUInt16LE(1, 20)
    bytes.writeUInt16LE(1, 22)
    bytes.writeUInt32LE(8000, 24)
    bytes.writeUInt32LE(8000, 28)
    bytes.writeUInt16LE(1, 32)
    bytes.writeUInt16LE(8, 34)
    bytes.write('data', 36)
    bytes.writeUInt32LE(bytes.length - 44, 40)
    const file = await plant('tone.wav', bytes)
    expect(await probe(file)).toMatchObject({
      kind: 'audio',
      format: 'wav',
      durationMs: 3000,
      hasSound: true,
    })
    await truncate(file, 5000)
    expect((await problemOf(file)).code).toBe('reference-unreadable')
  })
})

describe('what cannot be used', () => {
  const box = (type: string, body: string) => {
    const bytes = Buffer.from(`\0\0\0\0${type}${body}`, 'latin1')
    bytes.writeUInt32BE(bytes.length)
    return bytes
  }
  it.each<[string, Uint8Array | string, string, RegExp]>([
    ['empty.png', '', 'reference-unreadable', /empty \(0 bytes\)/],
    ['text.mp4', 'this is no film\n', 'reference-kind', /is a text file, whatever its name says/],
    ['cars.bmp', 'BMW parks itself on the moon.', 'reference-kind', /is a text file/],
    ['page.mp4', '<!DOCTYPE html><html>', 'reference-kind', /web page/],
    ['drawing.png', '<?xml version="1.0"?><svg xmlns="x"/>', 'reference-kind', /SVG/],
    ['paper.jpg', '%PDF-1.7', 'reference-kind', /PDF/],
    ['phone.jpg', box('ftyp', 'heic\0\0\0\0mif1heic'), 'reference-kind', /HEIC/],
    ['old.mp4', Buffer.from('RIFF\x10\0\0\0AVI LIST'), 'reference-kind', /AVI/],
    ['box.mp4', Buffer.from('PK\x03\x04\x14\0'), 'reference-kind', /ZIP/],
    ['noise.mp4', Buffer.from([7, 1, 2, 3, 4, 0, 0, 0]), 'reference-kind', /does not know/],
    [
      'noindex.mp4',
      Buffer.concat([box('ftyp', 'isom\0\0\0\0isom'), box('mdat', 'x'.repeat(99))]),
      'reference-unreadable',
      /cut short/,
    ],
    ['short.bmp', bitmap(300, 200).subarray(0, 5000), 'reference-unreadable', /cut short/],
    ['tiny.bmp', bitmap(3, 2).subarray(0, 20), 'reference-unreadable', /cut short/],
    ['head.jpg', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16]), 'reference-unreadable', /cut short/],
    ['head.mp3', Buffer.from('ID3\x04\0\0\0\0\0\0'), 'reference-unreadable', /cut short/],
  ])('%s', async (name, bytes, code, words) => {
    const found = await problemOf(await plant(name, bytes))
    expect(found.code).toBe(code)
    expect(found.text).toMatch(words)
  })

  it.each(['jpeg', 'png', 'webp', 'gif'] as const)('a %s that is cut in half', async (format) => {
    const whole = await noise().toFormat(format).toBuffer()
    await probe(await plant(`whole.${format}`, whole))
    const found = await problemOf(await plant(`half.${format}`, whole.subarray(0, whole.length / 2)))
    expect(found.text).toMatch(/cut short/)
  })

  it.each(['small.mov', 'small.webm', 'twenty-minutes.mp4'])('%s cut in half', async (name) => {
    const whole = await readFile(path.join(FIXTURES, name))
    const found = await problemOf(await plant(`half-${name}`, whole.subarray(0, whole.length / 2)))
    expect(found.text).toMatch(/cut short/)
  })

  it.each([
    `${SAMPLES}/aurora.mp4`,
    `${SAMPLES}/ringed-planet.webp`,
    `${FIXTURES}/small.mov`,
    `${FIXTURES}/small.webm`,
  ])('%s without its last byte, which no parser misses', async (file) => {
    const whole = await readFile(file)
    expect((await problemOf(await plant('last-byte', whole.subarray(0, -1)))).text).toMatch(/cut short/)
  })

  it('a film without a picture', async () => {
    expect(await problemOf(`${FIXTURES}/sound-only.mp4`)).toMatchObject({ code: 'reference-kind' })
  })

  it('a picture that claims a size no memory has', async () => {
    const bytes = await picture(8, 8).png().toBuffer()
    bytes.writeUInt32BE(200_000, 16)
    bytes.writeUInt32BE(200_000, 20)
    const { crc32 } = await import('node:zlib')
    bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29)
    expect((await problemOf(await plant('huge.png', bytes))).text).toMatch(/200000 x 200000 pixels/)
    // Run-length coded, so that its small file is no contradiction.
    const coded = bitmap(1, 1)
    coded.writeInt32LE(200_000, 18)
    coded.writeInt32LE(200_000, 22)
    coded.writeUInt32LE(1, 30)
    expect((await problemOf(await plant('huge.bmp', coded))).text).toMatch(/200000 x 200000 pixels/)
  })

  it('a folder, a missing file, a device', async () => {
    const inside = path.join(folder, 'inside.mp4')
    await mkdir(inside)
    expect(await problemOf(inside)).toMatchObject({
      code: 'reference-unreadable',
      text: expect.stringMatching(/folder/),
    })
    const gone = path.join(folder, 'gone.mp4')
    expect(await problemOf(gone)).toMatchObject({
      code: 'reference-missing',
      text: expect.stringContaining(gone),
    })
    expect(await problemOf('/dev/null')).toMatchObject({ code: 'reference-unreadable' })
  })

  it('any bytes behind any beginning: facts or a sentence', async () => {
    const starts = [
      '',
      'RIFF\x10\0\0\0WEBP',
      'RIFF\x10\0\0\0WAVEfmt ',
      'GIF89a',
      'BM\0\0\0\0\0\0\0\0',
      'ID3\x03\0\0',
      '\x89PNG\r\n\x1a\n',
      '\xff\xd8\xff',
      '\0\0\0\x14ftypisom',
      '\x1a\x45\xdf\xa3',
      'OggS',
      'fLaC',
    ]
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 300 }), async (start, rest) => {
        const bytes = Buffer.concat([Buffer.from(start, 'latin1'), rest])
        const outcome = await probeBytes(bytes, 'a cell').catch((error: unknown) => error)
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ProblemError)
        else expect(outcome).toHaveProperty('sizeBytes', bytes.length)
      }),
      { numRuns: 300 },
    )
  })
})

describe('probeBytes and toFacts', () => {
  it('looks at bytes that have no file', async () => {
    const media = await probeBytes(await picture(40, 30).png().toBuffer(), 'cell')
    expect(toFacts(media, 'cell')).toEqual({
      name: 'cell',
      kind: 'image',
      format: 'png',
      sizeBytes: media.sizeBytes,
      width: 40,
      height: 30,
      hasTransparency: false,
    })
  })

  it('says of an address only what is known', () => {
    expect(toFacts({ kind: 'address', mediaKind: 'video' }, 'https://a.example/x.mp4')).toEqual({
      name: 'https://a.example/x.mp4',
      kind: 'video',
      isAddress: true,
    })
  })
})

describe('recognise', () => {
  it.each([
    ['\xff\xfb\x90\0', 'mp3'],
    ['\xff\xf1\x50\x80', 'aac'],
    ['\0\0\0\x14ftypM4A \0\0\0\0', 'm4a'],
    ['\0\0\0\x14ftypqt  \0\0\0\0', 'mov'],
    ['\0\0\0\x08wide\0\0\0\0mdat', 'mov'],
    ['\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf', 'avif'],
  ])('%j is %s', (start, format) => {
    expect(recognise(Buffer.from(start, 'latin1'))).toMatchObject({ format })
  })

  it('takes a UTF-16 text for no sound', () => {
    expect(recognise(Buffer.from('\uFEFFprompt', 'utf16le'))).toHaveProperty('foreign')
  })
})

describe('files that are traps for a parser', () => {
  it('are given up when they take too long, and the next file is looked at as ever', async () => {
    const clean = await readFile(path.join(FIXTURES, 'small.webm'))
    // Two bytes many times over, where the parser looks for the next part of the index.
    const at = Math.floor(clean.length * 0.10074908282422682)
    const doubled = Array.from({ length: 398 }, () => clean.subarray(at, at + 2))
    const file = await plant(
      'trap.webm',
      Buffer.concat([clean.subarray(0, at), ...doubled, clean.subarray(at)]),
    )
    const clock = new HandClock()
    const looked = probe(file, clock).catch((error: unknown) => error)
    await until(() => clock.waiting > 0, 'the parser is waited for')
    await clock.advance(15_000)
    const error = await looked
    expect(error).toBeInstanceOf(ProblemError)
    expect((error as ProblemError).problem).toMatchObject({ code: 'reference-unreadable', place: { file } })
    expect((error as ProblemError).message).toContain('takes too long')
    expect(await probe(path.join(FIXTURES, 'small.webm'))).toMatchObject({ format: 'webm' })
  })
})
