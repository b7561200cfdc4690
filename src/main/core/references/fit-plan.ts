import type { ReferenceFacts } from '../../../shared/models/types.ts'
import type { PictureLimits } from './limits.ts'

/** What is to be done with a picture so that it meets limits. Pixels, as shown (EXIF rotation applied). */
export interface FitPlan {
  /** Size of the picture itself in the copy. */
  content: { width: number; height: number }
  /** Size of the copy; larger than the content where its shape is too extreme and is laid on a colour. */
  frame: { width: number; height: number }
}

const clamp = (value: number, least: number, most: number): number => Math.min(Math.max(value, least), most)

/**
 * Scales into the sides that are taken, as little as possible. A shape more extreme than they allow is never
 * cropped: it is laid on a colour, in the frame nearest to its shape.
 */
export function planFit(width: number, height: number, limits: PictureLimits): FitPlan {
  if (width < height) return turn(planLying(height, width, turnLimits(limits)))
  return planLying(width, height, limits)
}

/**
 * What a picture's fitted copy will be, without making it: for a check that stores nothing. Its bytes are not known
 * before, only that they are few enough; a picture of unknown size keeps it unknown.
 */
export function factsAfterFit(facts: ReferenceFacts, limits: PictureLimits): ReferenceFacts {
  const { name, kind, width, height } = facts
  const frame = width === undefined || height === undefined ? {} : planFit(width, height, limits).frame
  return { name, kind, format: 'jpeg', hasTransparency: false, ...frame }
}

/** For a picture at least as wide as high. */
function planLying(width: number, height: number, limits: PictureLimits): FitPlan {
  const { minimumSide, maximumSide } = limits
  const widest = Math.min(limits.maximumAspect, maximumSide / minimumSide)
  if (width > height * widest) return planPadded(width, height, widest, limits)
  const scale = clamp(1, minimumSide / height, maximumSide / width)
  const content = {
    width: clamp(Math.round(width * scale), minimumSide, maximumSide),
    height: clamp(Math.round(height * scale), minimumSide, maximumSide),
  }
  // Rounding may push a shape at the border over it.
  if (content.width > content.height * widest) content.width = Math.floor(content.height * widest)
  return { content, frame: content }
}

function planPadded(width: number, height: number, widest: number, limits: PictureLimits): FitPlan {
  const { minimumSide, maximumSide } = limits
  const long = clamp(width, Math.ceil(minimumSide * widest), maximumSide)
  const short = clamp(Math.ceil(long / widest), minimumSide, maximumSide)
  const frame = { width: Math.min(long, Math.floor(short * widest)), height: short }
  const content = {
    width: frame.width,
    height: clamp(Math.round((height * frame.width) / width), 1, frame.height),
  }
  return { content, frame }
}

const turnSize = ({ width, height }: FitPlan['frame']) => ({ width: height, height: width })

const turn = ({ content, frame }: FitPlan): FitPlan => ({
  content: turnSize(content),
  frame: turnSize(frame),
})

const turnLimits = (limits: PictureLimits): PictureLimits => ({
  ...limits,
  minimumAspect: 1 / limits.maximumAspect,
  maximumAspect: 1 / limits.minimumAspect,
})
