import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import fc from 'fast-check'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fitPicture } from '../../../src/main/core/references/fit.ts'
import { factsAfterFit, planFit } from '../../../src/main/core/references/fit-plan.ts'
import { limitsOf, pictureLimits } from '../../../src/main/core/references/limits.ts'
import { ProblemError } from '../../../src/shared/problem.ts'
import { type BitmapBits, flat, makeBitmap, noise } from '../../support/odd-pictures.ts'

const ALL = pictureLimits()
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'reelsheet-fit-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const plant = (name: string, bytes: Uint8Array): string => {
  writeFileSync(join(folder, name), bytes)
  return join(folder, name)
}
const make = async (bytes: Uint8Array, limits = ALL, background = '#ffffff') => {
  const fitted = await fitPicture(bytes, limits, background, 'a.png')
  if (!fitted) throw new Error('nothing was to be done')
  return { ...fitted, ...(await sharp(fitted.bytes).metadata()) }
}
const refused = async (source: string | Uint8Array) => {
  const error = await fitPicture(source, ALL, '#ffffff', 'a.png').catch((thrown: unknown) => thrown)
  if (!(error instanceof ProblemError)) throw new Error(`no problem but ${error}`)
  return error.problem
}
const pixelAt = async (bytes: Buffer, x: number, y: number) => [
  ...(await sharp(bytes).extract({ left: x, top: y, width: 1, height: 1 }).removeAlpha().raw().toBuffer()),
]

describe('the plan', () => {
  it.each([
    [4000, 300, 2000, 360, 2000, 150],
    [300, 4000, 360, 2000, 150, 2000],
    [40_000, 1, 2000, 360, 2000, 1],
    [1, 1, 360, 360, 360, 360],
    [4000, 3000, 2000, 1500, 2000, 1500],
    [300, 200, 540, 360, 540, 360],
    [2000, 360, 2000, 360, 2000, 360],
    [360, 2000, 360, 2000, 360, 2000],
    [500, 90, 2000, 360, 2000, 360],
    [1024, 768, 1024, 768, 1024, 768],
  ])('%i x %i becomes %i x %i with the picture in %i x %i', (width, height, ...wanted) => {
    const { frame, content } = planFit(width, height, ALL)
    expect([frame.width, frame.height, content.width, content.height]).toEqual(wanted)
  })

  it('tells what a copy will be before it is made', async () => {
    const bytes = await noise(2500, 400, 4).png().toBuffer()
    const facts = { name: 'a.png', kind: 'image', width: 2500, height: 400, hasTransparency: true } as const
    const told = factsAfterFit({ ...facts, format: 'png', sizeBytes: bytes.length }, ALL)
    const { format, width, height } = await make(bytes)
    expect(told).toEqual({ name: 'a.png', kind: 'image', format, width, height, hasTransparency: false })
    expect(limitsOf(told)).toEqual([])
  })

  it('always meets the limits, keeps the shape, and never crops', () => {
    const side = fc.integer({ min: 1, max: 50_000 })
    const limits = fc.record({
      minimumSide: fc.integer({ min: 1, max: 400 }),
      maximumSide: fc.integer({ min: 1000, max: 8000 }),
      minimumAspect: fc.constantFrom(1 / 8, 1 / 3, 0.4),
      maximumAspect: fc.constantFrom(8, 3, 2.5),
      maximumBytes: fc.constant(1),
    })
    fc.assert(
      fc.property(side, side, fc.oneof(fc.constant(ALL), limits), (width, height, given) => {
        const { frame, content } = planFit(width, height, given)
        for (const length of [frame.width, frame.height]) {
          expect(length).toBeGreaterThanOrEqual(given.minimumSide)
          expect(length).toBeLessThanOrEqual(given.maximumSide)
        }
        expect(frame.width / frame.height).toBeGreaterThanOrEqual(given.minimumAspect)
        expect(frame.width / frame.height).toBeLessThanOrEqual(given.maximumAspect)
        expect(content.width).toBeLessThanOrEqual(frame.width)
        expect(content.height).toBeLessThanOrEqual(frame.height)
        // Within a pixel of the shape, or a picture of which one pixel is more than all of its height.
        const wanted = (content.width * height) / width
        const across = (content.height * width) / height
        expect(
          Math.min(Math.abs(content.height - wanted), Math.abs(content.width - across)),
        ).toBeLessThanOrEqual(1.01)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the limits', () => {
  it('are the tightest of all models, or those of one', () => {
    expect(ALL).toEqual({
      minimumSide: 360,
      maximumSide: 2000,
      minimumAspect: 0.125,
      maximumAspect: 8,
      maximumBytes: 10_000_000,
    })
    expect(pictureLimits('wan2.7-image-to-video')).toMatchObject({ minimumSide: 240, maximumSide: 8000 })
    expect(() => pictureLimits('wan2.6-reference-video')).toThrow(/takes no pictures/)
    expect(() => pictureLimits('nobody')).toThrow(/no model "nobody"/)
  })

  it('name the models that refuse a file, and only those', () => {
    const facts = { name: 'a.png', kind: 'image', format: 'png', sizeBytes: 5000 } as const
    expect(limitsOf({ ...facts, width: 800, height: 600 })).toEqual([])
    const [small, ...others] = limitsOf({ ...facts, width: 300, height: 300 })
    expect(others).toEqual([])
    expect(small?.place.model).toContain('wan2.6-image-to-video')
    expect(small?.place.model).not.toContain('wan2.7')
    const long = limitsOf({ name: 'a.mp4', kind: 'video', format: 'mp4', sizeBytes: 9, durationMs: 31_000 })
    expect(long[0]?.what).toMatch(/31 s/)
    expect(limitsOf({ name: 'a.mp3', kind: 'audio', format: 'mp3', sizeBytes: 9, durationMs: 9000 })).toEqual(
      [],
    )
  })
})

describe('a fitted picture', () => {
  it('is none where nothing is to be done', async () => {
    for (const bytes of [
      await flat(800, 600).png().toBuffer(),
      await noise(800, 600).jpeg().toBuffer(),
      await flat(360, 2000).webp().toBuffer(),
    ])
      expect(await fitPicture(bytes, ALL)).toBeNull()
  })

  it('of an extreme shape is laid on the colour, in the middle, nothing cut off', async () => {
    const made = await make(await flat(4000, 300).png().toBuffer(), ALL, '#112233')
    expect(made).toMatchObject({ format: 'png', width: 2000, height: 360 })
    expect(made.change).toBe('scaled from 4000 x 300 to 2000 x 360 on #112233')
    expect(await pixelAt(made.bytes, 5, 2)).toEqual([0x11, 0x22, 0x33])
    expect(await pixelAt(made.bytes, 5, 180)).toEqual([200, 90, 40])
    expect(await pixelAt(made.bytes, 1999, 357)).toEqual([0x11, 0x22, 0x33])
  })

  it('has its transparency on the colour and no alpha', async () => {
    const clear = { create: { width: 800, height: 600, channels: 4, background: '#00000000' } } as const
    const made = await make(await sharp(clear).png().toBuffer())
    expect(made).toMatchObject({ hasAlpha: false, change: 'transparency made white' })
    expect(await pixelAt(made.bytes, 400, 300)).toEqual([255, 255, 255])
  })

  it('stands upright and tells nothing of the camera or the place', async () => {
    const gps = { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1' }
    const source = await noise(3000, 900)
      .withExif({ IFD0: { Artist: 'somebody' }, IFD3: gps })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer()
    expect((await sharp(source).metadata()).orientation).toBe(6)
    const made = await make(source)
    expect(made).toMatchObject({ width: 600, height: 2000, format: 'jpeg' })
    expect([made.orientation, made.exif, made.icc, made.xmp]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })

  it('is in the colours of screens with 8 bits', async () => {
    const print = await make(await noise(500, 500).toColourspace('cmyk').jpeg().toBuffer())
    expect(print).toMatchObject({
      space: 'srgb',
      channels: 3,
      change: 'colours of print made colours of screens',
    })
    const deep = await make(await noise(500, 500).toColourspace('rgb16').png().toBuffer())
    expect(deep).toMatchObject({ depth: 'uchar', space: 'srgb' })
    const grey = await make(await noise(100, 100).greyscale().jpeg().toBuffer())
    expect(grey).toMatchObject({ width: 360, height: 360 })
  })

  it('is the first picture of an animation', async () => {
    const frames = Buffer.concat([Buffer.alloc(400 * 400 * 3, 10), Buffer.alloc(400 * 400 * 3, 240)])
    for (const format of ['gif', 'webp'] as const) {
      const source = await sharp(frames, { raw: { width: 400, height: 800, channels: 3, pageHeight: 400 } })
        .toFormat(format, { loop: 0, delay: [100, 100], lossless: true })
        .toBuffer()
      const made = await make(source)
      expect(made).toMatchObject({ format: 'png', width: 400, height: 400 })
      expect(made.change).toContain('the first picture of 2')
      expect((await pixelAt(made.bytes, 200, 200))[0]).toBeLessThan(20)
    }
  })

  it('of a drawing stays PNG, of a photograph becomes JPEG', async () => {
    expect(await make(await flat(3000, 3000).png().toBuffer())).toMatchObject({ format: 'png' })
    expect(await make(await noise(3000, 1000).png().toBuffer())).toMatchObject({ format: 'jpeg' })
  })

  it('gets under the bytes by quality first, then by size, and says when it cannot', async () => {
    const source = await noise(1000, 1000).png().toBuffer()
    const sizes: number[][] = []
    for (const maximumBytes of [700_000, 400_000, 120_000]) {
      const made = await make(source, { ...ALL, maximumBytes })
      expect(made.bytes.length).toBeLessThanOrEqual(maximumBytes)
      expect(made.width).toBeGreaterThanOrEqual(360)
      sizes.push([made.width, made.height])
    }
    expect(sizes[0]).toEqual([1000, 1000])
    expect(sizes[2]?.[0]).toBeLessThan(1000)
    await expect(make(source, { ...ALL, maximumBytes: 500 })).rejects.toThrow(/smallest size/)
  })

  it('is the same bytes each time, and the source is only read', async () => {
    const bytes = await noise(900, 200, 4).png().toBuffer()
    const file = plant('same.png', bytes)
    const first = await fitPicture(file, ALL)
    const second = await fitPicture(bytes, ALL)
    expect(first?.bytes.equals(second?.bytes ?? Buffer.alloc(0))).toBe(true)
    expect(readFileSync(file).equals(bytes)).toBe(true)
  })
})

describe('BMP', () => {
  const palette = [0x000000, 0xff0000, 0x00ff00, 0x0000ff, 0xffffff, 0x123456, 0xabcdef, 0x808080]
  const index = (x: number, y: number, most: number) => (x + y * 3) % most
  it.each([
    [1, palette.slice(0, 2)],
    [4, palette],
    [8, palette],
    [16, []],
    [24, []],
    [32, []],
  ] as [BitmapBits, number[]][])('with %i bits is read pixel by pixel', async (bits, colours) => {
    for (const [width, height, isFromTop, gapBytes] of [
      [371, 363, false, 0],
      [360, 401, true, 16],
    ] as const) {
      const colourAt = (x: number, y: number) =>
        colours.length > 0 ? index(x, y, colours.length) : (palette[index(x, y, 8)] as number)
      const made = await make(
        makeBitmap(width, height, bits, colourAt, { isFromTop, palette: colours, gapBytes }),
      )
      expect(made).toMatchObject({ format: 'png', width, height, change: 'BMP made PNG' })
      for (const [x, y] of [
        [0, 0],
        [7, 1],
        [width - 1, height - 1],
        [width - 2, 100],
      ] as const) {
        const wanted = colours.length > 0 ? (colours[colourAt(x, y)] ?? 0) : colourAt(x, y)
        const shown = await pixelAt(made.bytes, x, y)
        const near = bits === 16 ? 8 : 0
        for (const [channel, value] of [(wanted >> 16) & 255, (wanted >> 8) & 255, wanted & 255].entries())
          expect(Math.abs((shown[channel] ?? 0) - value), `${x},${y}`).toBeLessThanOrEqual(near)
      }
    }
  })

  it('that is compressed, cut short or lies about its size gets a sentence', async () => {
    const good = makeBitmap(40, 40, 24, () => 0)
    const packed = Buffer.from(good)
    packed.writeUInt32LE(1, 30)
    expect(await refused(packed)).toMatchObject({
      code: 'reference-kind',
      what: expect.stringMatching(/compressed BMP/),
    })
    expect(await refused(good.subarray(0, 900))).toMatchObject({ code: 'reference-unreadable' })
    const huge = Buffer.from(good)
    huge.writeInt32LE(2_000_000, 18)
    huge.writeInt32LE(2_000_000, 22)
    expect(await refused(huge)).toMatchObject({ code: 'reference-limit' })
    const none = Buffer.from(good)
    none.writeInt32LE(0, 18)
    expect(await refused(none)).toMatchObject({ code: 'reference-unreadable' })
  })
})

describe('what cannot be fitted', () => {
  it('is said in a sentence that names the file', async () => {
    const whole = await noise(300, 500).jpeg().toBuffer()
    const heic = Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1')
    for (const [bytes, code, words] of [
      [Buffer.alloc(0), 'reference-unreadable', /a\.png is empty/],
      [heic, 'reference-kind', /HEIC.*iPhones/],
      [Buffer.from('%PDF-1.4 '), 'reference-kind', /PDF/],
      [whole.subarray(0, whole.length / 2), 'reference-unreadable', /cut short/],
      [Buffer.concat([Buffer.from('ID3'), Buffer.alloc(99)]), 'reference-kind', /no picture/],
    ] as const) {
      const found = await refused(bytes)
      expect([found.code, found.what]).toEqual([code, expect.stringMatching(words)])
      expect(found.what).toMatch(/Nothing was spent/)
    }
    expect((await refused(heic)).next).toMatch(/Export it as JPEG.*Preview.*Most Compatible/)
    expect(await refused(plant('empty.png', Buffer.alloc(0)))).toMatchObject({ code: 'reference-unreadable' })
    expect(await refused(join(folder, 'gone.png'))).toMatchObject({ code: 'reference-missing' })
  })

  it('a bomb of 300 million pixels is refused without being laid open', async () => {
    const before = process.memoryUsage.rss()
    const found = await refused(bomb(20_000, 15_000))
    expect(found).toMatchObject({ code: 'reference-limit', what: expect.stringMatching(/20000 x 15000/) })
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000)
  })

  it('a strip of 40,000 pixels by one becomes a band', async () => {
    expect(await make(await noise(40_000, 1).png().toBuffer())).toMatchObject({ width: 2000, height: 360 })
    expect(await make(await noise(1, 40_000).png().toBuffer())).toMatchObject({ width: 360, height: 2000 })
    expect(await make(await flat(1, 1).png().toBuffer())).toMatchObject({ width: 360, height: 360 })
  })

  it('any damage gives a picture or a sentence', async () => {
    const sources = [
      await flat(60, 50, 4).png().toBuffer(),
      await noise(60, 50).jpeg().toBuffer(),
      await flat(60, 50).gif().toBuffer(),
      await noise(60, 50).tiff().toBuffer(),
      makeBitmap(60, 50, 8, (x) => x % 7, { palette: [1, 2, 3, 4, 5, 6, 7] }),
    ]
    const place = fc.tuple(fc.nat(400), fc.nat(255))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...sources),
        fc.array(place, { minLength: 1, maxLength: 6 }),
        async (whole, places) => {
          const bytes = Buffer.from(whole)
          for (const [at, value] of places) bytes[12 + (at % (bytes.length - 12))] = value
          const made = await fitPicture(bytes, ALL, '#ffffff', 'a.png').catch((error: unknown) => error)
          if (made instanceof Error) expect(made).toBeInstanceOf(ProblemError)
        },
      ),
      { numRuns: 60 },
    )
  })
})

/** A PNG that says it is so large and holds a few bytes. */
function bomb(width: number, height: number): Buffer {
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([8, 2, 0, 0, 0], 8)
  const chunks = [
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(Buffer.alloc(1000))),
    chunk('IEND', Buffer.alloc(0)),
  ]
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), ...chunks])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}
