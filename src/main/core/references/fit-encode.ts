import type { Sharp } from 'sharp'
import type { FitPlan } from './fit-plan.ts'
import type { PictureLimits } from './limits.ts'
import { Unfit } from './media.ts'

/** Whether every pixel of the source is as it was drawn, and a way to look at it once more. */
export interface Lossless {
  is: boolean
  open(): Sharp
}

export interface Encoded {
  bytes: Buffer
  format: 'jpeg' | 'png'
  width: number
  height: number
  plan: FitPlan
}

/** No difference is seen at the first; at the last, only beside the original. */
const QUALITIES = [92, 85, 75, 65]
/** Sharp edges of colour, as in drawings, show the halved colours of lower qualities. */
const WHOLE_COLOUR_QUALITY = 85
const SMALLER = 0.8

/**
 * PNG for drawings with few colours, else JPEG, in less quality and then in less size until the bytes are few
 * enough. Throws `Unfit` when the smallest size that is taken has still too many.
 */
export async function encode(
  render: (plan: FitPlan) => Sharp,
  first: FitPlan,
  limits: PictureLimits,
  lossless: Lossless,
): Promise<Encoded> {
  if (lossless.is && (await hasFewColours(lossless.open()))) {
    const bytes = await render(first).png({ compressionLevel: 9, palette: false }).toBuffer()
    if (bytes.length <= limits.maximumBytes) return { bytes, format: 'png', ...first.frame, plan: first }
  }
  for (let plan: FitPlan | null = first; plan !== null; plan = shrink(plan, limits)) {
    for (const quality of QUALITIES) {
      const chromaSubsampling = quality >= WHOLE_COLOUR_QUALITY ? '4:4:4' : '4:2:0'
      const bytes = await render(plan).jpeg({ quality, chromaSubsampling }).toBuffer()
      if (bytes.length <= limits.maximumBytes) return { bytes, format: 'jpeg', ...plan.frame, plan }
    }
  }
  const what = `has more than ${limits.maximumBytes} bytes even in the smallest size that is taken.`
  throw new Unfit('reference-limit', what, 'Choose another picture.')
}

/** The next smaller size that is still taken; null when there is none. */
function shrink({ content, frame }: FitPlan, limits: PictureLimits): FitPlan | null {
  const shortest = Math.min(frame.width, frame.height)
  const scale = Math.max(SMALLER, limits.minimumSide / shortest)
  if (scale >= 1) return null
  const side = (length: number): number => Math.max(1, Math.round(length * scale))
  const smaller = (size: FitPlan['frame']) => ({ width: side(size.width), height: side(size.height) })
  return { content: smaller(content), frame: smaller(frame) }
}

const SAMPLE_SIDE = 128
/** Of 16,384 pixels looked at: a photograph has nearly as many, a drawing a few hundred. */
const FEW_COLOURS = 1_000

async function hasFewColours(picture: Sharp): Promise<boolean> {
  const pixels = await picture
    .toColourspace('srgb')
    .resize(SAMPLE_SIDE, SAMPLE_SIDE, { fit: 'fill', kernel: 'nearest', fastShrinkOnLoad: false })
    .raw()
    .toBuffer({ resolveWithObject: true })
  const { channels } = pixels.info
  const colours = new Set<number>()
  for (let at = 0; at < pixels.data.length; at += channels) {
    const [red = 0, green = red, blue = red] = pixels.data.subarray(at, at + 3)
    colours.add((red << 16) | (green << 8) | blue)
    if (colours.size > FEW_COLOURS) return false
  }
  return true
}
