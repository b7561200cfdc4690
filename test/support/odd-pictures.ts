import sharp, { type Sharp } from 'sharp'

/** Numbers in [0, 1) that are the same for the same seed. */
export function chanceOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

export type BitmapBits = 1 | 4 | 8 | 16 | 24 | 32

/**
 * A BMP written by the public layout (https://learn.microsoft.com/en-us/windows/win32/gdi/bitmap-storage), pixel by
 * pixel from `colourAt` (0xrrggbb). With a palette, the colours are those of `palette`, and `colourAt` gives an index.
 */
export function makeBitmap(
  width: number,
  height: number,
  bits: BitmapBits,
  colourAt: (x: number, y: number) => number,
  more: { isFromTop?: boolean; palette?: readonly number[]; gapBytes?: number } = {},
): Buffer {
  const palette = more.palette ?? []
  const rowBytes = Math.ceil((width * bits) / 32) * 4
  const dataAt = 54 + palette.length * 4 + (more.gapBytes ?? 0)
  const bytes = Buffer.alloc(dataAt + rowBytes * height)
  bytes.write('BM')
  bytes.writeUInt32LE(bytes.length, 2)
  bytes.writeUInt32LE(dataAt, 10)
  bytes.writeUInt32LE(40, 14)
  bytes.writeInt32LE(width, 18)
  bytes.writeInt32LE(more.isFromTop ? -height : height, 22)
  bytes.writeUInt16LE(1, 26)
  bytes.writeUInt16LE(bits, 28)
  bytes.writeUInt32LE(palette.length, 46)
  for (const [index, colour] of palette.entries()) bytes.writeUInt32LE(colour, 54 + index * 4)
  for (let y = 0; y < height; y += 1) {
    const row = dataAt + rowBytes * (more.isFromTop ? y : height - 1 - y)
    for (let x = 0; x < width; x += 1) writePixel(bytes, row, x, bits, colourAt(x, y))
  }
  return bytes
}

function writePixel(bytes: Buffer, row: number, x: number, bits: BitmapBits, colour: number): void {
  if (bits === 24) bytes.writeUIntLE(colour, row + x * 3, 3)
  else if (bits === 32) bytes.writeUInt32LE(colour, row + x * 4)
  else if (bits === 16) {
    const [red, green, blue] = [(colour >> 19) & 31, (colour >> 11) & 31, (colour >> 3) & 31]
    bytes.writeUInt16LE((red << 10) | (green << 5) | blue, row + x * 2)
  } else {
    const at = row + Math.floor((x * bits) / 8)
    bytes[at] = (bytes[at] ?? 0) | (colour << (8 - bits - ((x * bits) % 8)))
  }
}

/** A prime number of bytes, so that its repeats make no columns. */
const GRAIN = grain(99_991)

function grain(length: number): Buffer {
  const chance = chanceOf(1)
  return Buffer.from(Array.from({ length }, () => 90 + Math.floor(chance() * 80)))
}

/** Noise around grey, the same each time, with or without transparency. */
export function noise(width: number, height: number, channels: 3 | 4 = 3): Sharp {
  const pixels = Buffer.alloc(width * height * channels, GRAIN)
  return sharp(pixels, { raw: { width, height, channels } })
}

/** A flat colour. */
export const flat = (width: number, height: number, channels: 3 | 4 = 3): Sharp =>
  sharp({ create: { width, height, channels, background: { r: 200, g: 90, b: 40, alpha: 0.5 } } })

export interface OddPicture {
  name: string
  bytes: Buffer
}

type Make = (width: number, height: number) => Promise<Buffer>

const MAKERS: readonly (readonly [string, Make])[] = [
  ['alpha.png', (width, height) => flat(width, height, 4).png({ compressionLevel: 1 }).toBuffer()],
  ['noise-alpha.png', (width, height) => noise(width, height, 4).png({ compressionLevel: 1 }).toBuffer()],
  [
    'deep.png',
    (width, height) => noise(width, height, 4).toColourspace('rgb16').png({ compressionLevel: 1 }).toBuffer(),
  ],
  ['palette.png', (width, height) => flat(width, height, 4).png({ palette: true }).toBuffer()],
  ['turned.jpg', (width, height) => noise(width, height).withMetadata({ orientation: 6 }).jpeg().toBuffer()],
  ['print.jpg', (width, height) => noise(width, height).toColourspace('cmyk').jpeg().toBuffer()],
  ['grey.jpg', (width, height) => noise(width, height).greyscale().jpeg({ progressive: true }).toBuffer()],
  ['alpha.webp', (width, height) => flat(width, height, 4).webp({ lossless: true }).toBuffer()],
  ['drawing.gif', (width, height) => flat(width, height, 4).gif().toBuffer()],
  ['scan.tiff', (width, height) => noise(width, height).tiff({ compression: 'lzw' }).toBuffer()],
  ['phone.avif', (width, height) => flat(width, height).avif({ effort: 0 }).toBuffer()],
  [
    'paint.bmp',
    async (width, height) => makeBitmap(width, height, 24, (x, y) => (x * 7919 + y * 104_729) & 0xffffff),
  ],
]

/** Sizes that no or not every model takes. */
const SIZES: readonly (readonly [number, number])[] = [
  [1, 1],
  [2, 719],
  [2600, 300],
  [300, 2600],
  [359, 2001],
  [2101, 703],
  [5000, 21],
  [100, 100],
  [2060, 500],
  [64, 3000],
]

/** As many pictures as wanted, each in a shape or format that is refused; equal seeds give equal pictures. */
export async function makeOddPictures(count: number, seed: number): Promise<OddPicture[]> {
  const chance = chanceOf(seed)
  const pictures: OddPicture[] = []
  for (let index = 0; index < count; index += 1) {
    const [kind, make] = MAKERS[index % MAKERS.length] as (typeof MAKERS)[number]
    const [width, height] = SIZES[Math.floor(chance() * SIZES.length)] as (typeof SIZES)[number]
    const bend = 1 + Math.floor(chance() * 9)
    pictures.push({
      name: `${index}-${width + bend}x${height}-${kind}`,
      bytes: await make(width + bend, height),
    })
  }
  return pictures
}
