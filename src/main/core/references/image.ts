import type { FileHandle } from 'node:fs/promises'
import sharp from 'sharp'
import { cutShort, type MediaFacts, Unfit } from './media.ts'

/** More than any model takes by far; a file that claims more is a trap, not a picture. */
const MAXIMUM_PIXELS = 268_402_689
/** Up to here a picture is decoded once to see that it is whole; above, every model refuses its size anyway. */
const DECODED_PIXELS = 40_000_000

const STILL: MediaFacts = {
  width: null,
  height: null,
  durationMs: null,
  framesPerSecond: null,
  hasSound: null,
  hasTransparency: false,
  isAnimated: false,
  codec: null,
}

/** Size, transparency and wholeness of a picture. Throws `Unfit`. */
export async function probeImage(
  file: string,
  format: string,
  handle: FileHandle,
  sizeBytes: number,
): Promise<MediaFacts> {
  // sharp's build reads no BMP, whose header is simple enough to read here.
  const facts = format === 'bmp' ? await readBitmap(handle, sizeBytes) : await readPicture(file)
  const pixels = (facts.width ?? 0) * (facts.height ?? 0)
  if (pixels === 0) throw cutShort()
  if (pixels > MAXIMUM_PIXELS) {
    const what = `claims to be ${facts.width} x ${facts.height} pixels, which is no usable picture.`
    throw new Unfit('reference-unreadable', what, 'Save it again in a smaller size.')
  }
  if (format !== 'bmp' && pixels <= DECODED_PIXELS) await decode(file)
  return facts
}

async function readPicture(file: string): Promise<MediaFacts> {
  try {
    const found = await sharp(file, { limitInputPixels: false, failOn: 'none' }).metadata()
    return {
      ...STILL,
      width: found.autoOrient.width,
      height: found.autoOrient.height,
      hasTransparency: found.hasAlpha,
      isAnimated: (found.pages ?? 1) > 1 && found.format !== 'heif',
    }
  } catch (cause) {
    throw cutShort(cause)
  }
}

/** Headers tell nothing about the rest: only decoding shows that a picture ends where it should. */
async function decode(file: string): Promise<void> {
  try {
    await sharp(file, { limitInputPixels: MAXIMUM_PIXELS, failOn: 'error', sequentialRead: true })
      .resize(16, 16, { fit: 'fill', fastShrinkOnLoad: false })
      .raw()
      .toBuffer()
  } catch (cause) {
    throw cutShort(cause)
  }
}

const CORE_HEADER = 12
const ALPHA_MASK_AT = 66

/** https://learn.microsoft.com/en-us/windows/win32/gdi/bitmap-storage: a file header of 14 bytes, then the image's. */
async function readBitmap(handle: FileHandle, sizeBytes: number): Promise<MediaFacts> {
  const header = Buffer.alloc(138)
  const { bytesRead } = await handle.read(header, 0, header.length, 0)
  if (bytesRead < 26) throw cutShort()
  const headerSize = header.readUInt32LE(14)
  const isCore = headerSize === CORE_HEADER
  const width = isCore ? header.readUInt16LE(18) : header.readInt32LE(18)
  // A negative height says that the rows run from the top.
  const height = Math.abs(isCore ? header.readUInt16LE(20) : header.readInt32LE(22))
  if (width <= 0) throw cutShort()
  const bits = header.readUInt16LE(isCore ? 24 : 28)
  const compression = isCore ? 0 : header.readUInt32LE(30)
  const rowBytes = Math.ceil((width * bits) / 32) * 4
  const isRaw = compression === 0 || compression === 3
  if (isRaw && header.readUInt32LE(10) + rowBytes * height > sizeBytes) throw cutShort()
  const hasTransparency = headerSize >= 56 && bits === 32 && header.readUInt32LE(ALPHA_MASK_AT) !== 0
  return { ...STILL, width, height, hasTransparency }
}
