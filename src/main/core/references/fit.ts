import { open } from 'node:fs/promises'
import sharp, { type Metadata, type Sharp } from 'sharp'
import type { Clock } from '../ports.ts'
import { systemClock } from '../system.ts'
import { MOST_BITMAP_PIXELS } from './bitmap.ts'
import type { BitmapAnswer } from './bitmap-thread.ts'
import { createGate, runErrand } from './errand.ts'
import { encode, type Lossless } from './fit-encode.ts'
import { type FitPlan, planFit } from './fit-plan.ts'
import type { PictureLimits } from './limits.ts'
import { cutShort, Unfit } from './media.ts'
import { readHead, toProblemError } from './probe.ts'
import { HEAD_BYTES, recognise } from './recognise.ts'

/** A copy that meets the limits. */
export interface FittedPicture {
  bytes: Buffer
  format: 'jpeg' | 'png'
  width: number
  height: number
  /** What was done, in words: `scaled from 4000 x 300 to 2000 x 360 on white`. */
  change: string
}

/** Read in strips; the rest is never in memory as a whole. */
const MOST_PIXELS = 160_000_000
/** Formats that libvips lays open as a whole, at 4 bytes a pixel and more. */
const MOST_WHOLE_PIXELS = 64_000_000
const BITMAP_ERRAND = { mostMs: 60_000, memoryMb: 512 }

// Each holds up to a few hundred megabytes for a very large picture.
const atMostTwo = createGate(2)

/**
 * A copy of a picture that meets limits, or null when the picture meets them as it is. `source` is a path or the
 * file's bytes, and is only read; `background` (`#rrggbb`) is what transparency and padding become. The picture is
 * turned as EXIF says, in sRGB with 8 bits, the first one of an animation, and holds no metadata: no place, no
 * camera, no name. Too wide or too high a shape is laid on the background, never cropped. Works on threads.
 * The same source, limits and background give the same bytes. `name` stands in sentences.
 * Throws `ProblemError`: as `probe` does, `reference-limit` for a picture of too many pixels.
 */
export async function fitPicture(
  source: string | Uint8Array,
  limits: PictureLimits,
  background = '#ffffff',
  name = typeof source === 'string' ? source : 'The picture',
  clock: Clock = systemClock,
): Promise<FittedPicture | null> {
  return await atMostTwo(async () => {
    try {
      return await makeFit(source, limits, background, clock)
    } catch (cause) {
      throw toProblemError(name, isFault(cause) ? cause : cutShort(cause))
    }
  })
}

/** A sentence of ours or a fault of the file system; everything else a decoder threw over the file's bytes. */
const isFault = (cause: unknown): boolean =>
  cause instanceof Unfit || (cause instanceof Error && 'syscall' in cause)

async function makeFit(
  source: string | Uint8Array,
  limits: PictureLimits,
  background: string,
  clock: Clock,
): Promise<FittedPicture | null> {
  const { format, sizeBytes } = await look(source)
  const picture = format === 'bmp' ? await openBitmap(source, clock) : await openPicture(source, format)
  const plan = planFit(picture.width, picture.height, limits)
  const isKept = SENT_AS_IT_IS.includes(format) && !picture.isOdd && sizeBytes <= limits.maximumBytes
  if (isKept && isSame(plan.frame, picture) && isSame(plan.content, picture)) return null
  const render = (smaller: FitPlan): Sharp => draw(picture.open(), smaller, background)
  const lossless: Lossless = { is: LOSSLESS.includes(format), open: picture.open }
  const made = await encode(render, plan, limits, lossless)
  return { ...made, change: describe(picture, made, format, background, sizeBytes > limits.maximumBytes) }
}

const SENT_AS_IT_IS: readonly string[] = ['jpeg', 'png', 'webp']
const LOSSLESS: readonly string[] = ['png', 'gif', 'bmp', 'tiff', 'webp']

const isSame = (one: FitPlan['frame'], other: FitPlan['frame']): boolean =>
  one.width === other.width && one.height === other.height

async function look(source: string | Uint8Array): Promise<{ format: string; sizeBytes: number }> {
  if (typeof source !== 'string') return { format: pictureFormat(source), sizeBytes: source.length }
  const handle = await open(source)
  try {
    const { size } = await handle.stat()
    return { format: pictureFormat(await readHead(handle)), sizeBytes: size }
  } finally {
    await handle.close()
  }
}

function pictureFormat(bytes: Uint8Array): string {
  if (bytes.length === 0)
    throw new Unfit('reference-unreadable', 'is empty (0 bytes).', 'Save or copy it again.')
  const found = recognise(bytes.subarray(0, HEAD_BYTES))
  if ('foreign' in found)
    throw new Unfit('reference-kind', `is ${found.foreign}.`, found.next ?? 'Choose a picture.')
  if (found.kind !== 'image')
    throw new Unfit(
      'reference-kind',
      'is no picture.',
      'Only pictures are fitted; what is too long is cut with "trim".',
    )
  return found.format
}

interface Opened {
  width: number
  height: number
  hasTransparency: boolean
  pages: number
  /** What was unusual and is made plain, in words. */
  oddities: string[]
  /** Whether it needs a copy whatever its size. */
  isOdd: boolean
  open(): Sharp
}

async function openPicture(source: string | Uint8Array, format: string): Promise<Opened> {
  const found = await sharp(source, { limitInputPixels: false, failOn: 'none' }).metadata()
  const { width, height } = found.autoOrient
  const isWhole = found.isProgressive === true || ['webp', 'gif', 'avif'].includes(format)
  const most = isWhole ? MOST_WHOLE_PIXELS : MOST_PIXELS
  if (width * height > most) throw tooLarge(width, height, most)
  const pages = found.pages ?? 1
  const oddities = odditiesOf(found)
  return {
    width,
    height,
    hasTransparency: found.hasAlpha,
    pages,
    oddities,
    isOdd: found.hasAlpha || pages > 1 || oddities.length > 0,
    open: () => sharp(source, { limitInputPixels: most, sequentialRead: true, failOn: 'error' }).autoOrient(),
  }
}

function odditiesOf({ space, depth }: Metadata): string[] {
  const odd: string[] = []
  if (space === 'cmyk' || space === 'lab') odd.push('colours of print made colours of screens')
  if (depth !== 'uchar') odd.push('finer colours made 8 bits')
  return odd
}

async function openBitmap(source: string | Uint8Array, clock: Clock): Promise<Opened> {
  const thread = new URL('./bitmap-thread.ts', import.meta.url)
  const answer = await runErrand<BitmapAnswer>(thread, source, BITMAP_ERRAND, clock)
  if (!answer) throw cutShort()
  if ('code' in answer) throw new Unfit(answer.code, answer.what, answer.next)
  const { width, height, channels, pixels } = answer.bitmap
  return {
    width,
    height,
    hasTransparency: channels === 4,
    pages: 1,
    oddities: [],
    isOdd: true,
    open: () => sharp(pixels, { raw: { width, height, channels }, limitInputPixels: MOST_BITMAP_PIXELS }),
  }
}

function tooLarge(width: number, height: number, most: number): Unfit {
  const what = `claims to be ${width} x ${height} pixels, more than the ${most / 1_000_000} million that are converted.`
  return new Unfit('reference-limit', what, 'Save it in a smaller size with any picture program.')
}

/** A decoder that is kept busy by a few wrong bytes is stopped. */
const MOST_SECONDS = 60

function draw(picture: Sharp, { content, frame }: FitPlan, background: string): Sharp {
  const left = Math.floor((frame.width - content.width) / 2)
  const top = Math.floor((frame.height - content.height) / 2)
  const drawn = picture
    .timeout({ seconds: MOST_SECONDS })
    .toColourspace('srgb')
    .flatten({ background })
    .resize(content.width, content.height, { fit: 'fill' })
  if (left === 0 && top === 0 && isSame(content, frame)) return drawn
  const right = frame.width - content.width - left
  const bottom = frame.height - content.height - top
  return drawn.extend({ left, right, top, bottom, background })
}

const COLOUR_NAMES: Readonly<Record<string, string>> = { '#ffffff': 'white', '#000000': 'black' }

function describe(
  picture: Opened,
  made: { format: string; plan: FitPlan },
  format: string,
  background: string,
  isTooBig: boolean,
): string {
  const colour = COLOUR_NAMES[background.toLowerCase()] ?? background
  const { content, frame } = made.plan
  const size = ({ width, height }: FitPlan['frame']): string => `${width} x ${height}`
  const isPadded = !isSame(content, frame)
  const done: string[] = []
  if (!isSame(content, picture))
    done.push(`scaled from ${size(picture)} to ${size(frame)}${isPadded ? ` on ${colour}` : ''}`)
  else if (isPadded) done.push(`laid on ${colour}, ${size(frame)}`)
  if (picture.hasTransparency) done.push(`transparency made ${colour}`)
  if (picture.pages > 1) done.push(`the first picture of ${picture.pages}`)
  done.push(...picture.oddities)
  if (made.format !== format) done.push(`${format.toUpperCase()} made ${made.format.toUpperCase()}`)
  if (isTooBig) done.push('made smaller in bytes')
  return done.join(', ') || 'saved anew'
}
