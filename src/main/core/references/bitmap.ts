import { Unfit } from './media.ts'

/** A BMP laid open: 8 bits a channel, row by row from the top. */
export interface Bitmap {
  width: number
  height: number
  channels: 3 | 4
  pixels: Uint8Array
}

const CORE_HEADER = 12
/** 160 MB laid open at the most. */
export const MOST_BITMAP_PIXELS = 40_000_000

/**
 * Reads a BMP as https://learn.microsoft.com/en-us/windows/win32/gdi/bitmap-storage tells: 1, 4 and 8 bits with a
 * palette, 16, 24 and 32 bits with or without masks, from the bottom or from the top. Throws `Unfit` for a damaged
 * or a compressed one. Takes the time of a loop over its pixels: never on the main thread.
 */
export function readBitmap(file: Buffer): Bitmap {
  const header = readHeader(file)
  const { width, height, isFromTop, rowBytes, dataAt } = header
  if (file.length < dataAt + rowBytes * height) throw damaged()
  const readPixel = pixelReader(file, header)
  const channels = header.alphaMask === 0 ? 3 : 4
  const pixels = new Uint8Array(width * height * channels)
  let into = 0
  for (let y = 0; y < height; y += 1) {
    const row = dataAt + rowBytes * (isFromTop ? y : height - 1 - y)
    for (let x = 0; x < width; x += 1, into += channels) readPixel(row, x, pixels, into)
  }
  return { width, height, channels, pixels }
}

interface Header {
  width: number
  height: number
  isFromTop: boolean
  bits: number
  rowBytes: number
  dataAt: number
  paletteAt: number
  paletteEntryBytes: number
  masks: [red: number, green: number, blue: number]
  alphaMask: number
}

function readHeader(file: Buffer): Header {
  if (file.length < 54) throw damaged()
  const size = file.readUInt32LE(14)
  const isCore = size === CORE_HEADER
  const width = isCore ? file.readUInt16LE(18) : file.readInt32LE(18)
  const writtenHeight = isCore ? file.readUInt16LE(20) : file.readInt32LE(22)
  const bits = file.readUInt16LE(isCore ? 24 : 28)
  const compression = isCore ? 0 : file.readUInt32LE(30)
  const height = Math.abs(writtenHeight)
  if (width <= 0 || height === 0 || (!isCore && size < 40)) throw damaged()
  if (width * height > MOST_BITMAP_PIXELS) throw tooLarge(width, height)
  const isPlain = compression === 0 || compression === 3 || compression === 6
  if (!isPlain || ![1, 4, 8, 16, 24, 32].includes(bits)) throw compressed()
  const hasMasks = compression !== 0
  return {
    width,
    height,
    isFromTop: writtenHeight < 0,
    bits,
    rowBytes: Math.ceil((width * bits) / 32) * 4,
    dataAt: file.readUInt32LE(10),
    paletteAt: 14 + size + (hasMasks && size === 40 ? 12 : 0),
    paletteEntryBytes: isCore ? 3 : 4,
    masks: hasMasks ? readMasks(file) : PLAIN_MASKS[bits === 16 ? 16 : 32],
    alphaMask: hasMasks && bits === 32 && (size >= 56 || compression === 6) ? readMask(file, 66) : 0,
  }
}

const PLAIN_MASKS: Record<16 | 32, Header['masks']> = {
  16: [0x7c00, 0x3e0, 0x1f],
  32: [0xff0000, 0xff00, 0xff],
}

function readMasks(file: Buffer): Header['masks'] {
  const masks: Header['masks'] = [readMask(file, 54), readMask(file, 58), readMask(file, 62)]
  if (masks.includes(0)) throw damaged()
  return masks
}

function readMask(file: Buffer, at: number): number {
  if (file.length < at + 4) throw damaged()
  return file.readUInt32LE(at)
}

type ReadPixel = (row: number, x: number, into: Uint8Array, at: number) => void

function pixelReader(file: Buffer, header: Header): ReadPixel {
  if (header.bits <= 8) return paletteReader(file, header)
  if (header.bits === 24) {
    return (row, x, into, at) => {
      const from = row + x * 3
      into[at] = file[from + 2] ?? 0
      into[at + 1] = file[from + 1] ?? 0
      into[at + 2] = file[from] ?? 0
    }
  }
  return maskReader(file, header)
}

function paletteReader(file: Buffer, { bits, paletteAt, paletteEntryBytes, dataAt }: Header): ReadPixel {
  const most = 1 << bits
  const colours = new Uint8Array(most * 3)
  for (let index = 0; index < most; index += 1) {
    const from = paletteAt + index * paletteEntryBytes
    // Fewer colours than the bits allow may be written; what is behind them is pixels.
    if (from + 3 > Math.min(dataAt, file.length)) break
    colours.set([file[from + 2] ?? 0, file[from + 1] ?? 0, file[from] ?? 0], index * 3)
  }
  const perByte = 8 / bits
  return (row, x, into, at) => {
    const byte = file[row + Math.floor(x / perByte)] ?? 0
    const index = (byte >> (8 - bits * ((x % perByte) + 1))) & (most - 1)
    for (let channel = 0; channel < 3; channel += 1) into[at + channel] = colours[index * 3 + channel] ?? 0
  }
}

function maskReader(file: Buffer, { bits, masks, alphaMask }: Header): ReadPixel {
  const channels = [...masks, ...(alphaMask === 0 ? [] : [alphaMask])].map(toChannel)
  return (row, x, into, at) => {
    const value = bits === 16 ? file.readUInt16LE(row + x * 2) : file.readUInt32LE(row + x * 4)
    for (const [index, read] of channels.entries()) into[at + index] = read(value)
  }
}

/** A mask's bits, whatever their number, as 0 to 255. */
function toChannel(mask: number): (value: number) => number {
  const shift = 31 - Math.clz32(mask & -mask)
  const most = mask >>> shift
  return (value) => Math.round((((value & mask) >>> shift) * 255) / most)
}

const damaged = (): Unfit =>
  new Unfit('reference-unreadable', 'is cut short or damaged.', 'Save it again, best as PNG.')

const compressed = (): Unfit =>
  new Unfit(
    'reference-kind',
    'is a compressed BMP picture, which Reelsheet cannot convert.',
    'Open it in any picture program and save it as PNG.',
  )

const tooLarge = (width: number, height: number): Unfit =>
  new Unfit(
    'reference-limit',
    `is a BMP picture of ${width} x ${height} pixels, more than the ${MOST_BITMAP_PIXELS / 1_000_000} million that are converted.`,
    'Open it in any picture program and save it as JPEG or PNG.',
  )
