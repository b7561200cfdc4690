/**
 * What the practice provider charges, written down from the published rules on their own, not shared with the
 * app, so that a mistake on one side shows up as a difference.
 *
 * EvoLink: https://github.com/deeplearning-goethe/evolink-cli (public price rules of 2026-10-10), input seconds by
 * https://docs.evolink.ai/en/api-manual/video-series/wan2.6/wan2.6-reference-video.
 * All amounts are whole micros of a credit or of a US dollar. One uc is a ten-thousandth of a credit.
 */
const MICROS_PER_UC = 100
const MILLISECONDS = 1000
export const QUALITY_PERCENT: Record<string, number> = { '480p': 50, '720p': 100, '1080p': 167 }

/** What a model costs, in EvoLink's terms. */
export interface Rate {
  ucPerSecond: number
  minimumUc: number
  /** How reference videos add to the billed length. */
  input: 'none' | 'capped-per-video' | 'capped-in-sum'
  /** Silent clips cost half. */
  hasSoundPrice: boolean
}

const referenceRate = (ucPerSecond: number, hasSoundPrice: boolean): Rate => ({
  ucPerSecond,
  minimumUc: 90_000,
  input: 'capped-per-video',
  hasSoundPrice,
})
const outputRate = (ucPerSecond: number, minimumUc: number, hasSoundPrice = false): Rate => ({
  ucPerSecond,
  minimumUc,
  input: 'none',
  hasSoundPrice,
})

export const EVOLINK_RATES: Record<string, Rate> = {
  'wan2.6-reference-video': referenceRate(47_600, false),
  'wan2.6-reference-video-flash': referenceRate(23_800, true),
  'wan2.6-image-to-video-flash': outputRate(23_800, 60_000, true),
  'wan2.6-image-to-video': outputRate(47_600, 60_000),
  'wan2.6-text-to-video': outputRate(47_600, 60_000),
  'wan2.5-image-to-video': outputRate(51_000, 51_000),
  'wan2.5-text-to-video': outputRate(51_000, 51_000),
  'wan2.7-image-to-video': outputRate(54_400, 108_800),
  'wan2.7-reference-video': {
    ucPerSecond: 54_400,
    minimumUc: 108_800,
    input: 'capped-in-sum',
    hasSoundPrice: false,
  },
}

export interface EvolinkCharge {
  model: string
  /** Lengths of the reference videos in ms; a length nobody could measure counts with its cap. */
  referenceMs: readonly (number | undefined)[]
  outputSeconds: number
  quality: string
  hasSound: boolean
}

/** The cap per reference video by their number, in ms. */
const VIDEO_CAP_MS: Record<number, number> = { 1: 5000, 2: 2500, 3: 1650 }
const INPUT_CAP_MS = 5000

/** Billed input in ms. */
export function inputMs(model: string, referenceMs: readonly (number | undefined)[]): number {
  const rule = rateOf(model).input
  if (rule === 'none' || referenceMs.length === 0) return 0
  const capMs = rule === 'capped-per-video' ? (VIDEO_CAP_MS[referenceMs.length] ?? 0) : INPUT_CAP_MS
  const sum = referenceMs.reduce<number>((total, ms) => total + Math.min(ms ?? capMs, capMs), 0)
  return Math.min(sum, INPUT_CAP_MS)
}

/** The price of one EvoLink task in micro-credits: quantity x rate, half up to a whole uc, at least the minimum. */
export function priceEvolink(charge: EvolinkCharge): number {
  const rate = rateOf(charge.model)
  const billedMs = inputMs(charge.model, charge.referenceMs) + charge.outputSeconds * MILLISECONDS
  const soundHalves = rate.hasSoundPrice && !charge.hasSound ? 1 : 2
  const percent = QUALITY_PERCENT[charge.quality] ?? 100
  // Everything stays a whole number below 2^53: 20,000 ms x 54,400 uc x 167 x 2 is 3.7e11.
  const product = rate.ucPerSecond * billedMs * percent * soundHalves
  const divisor = MILLISECONDS * 100 * 2
  const uc = Math.floor((product + divisor / 2) / divisor)
  return Math.max(uc, rate.minimumUc) * MICROS_PER_UC
}

function rateOf(model: string): Rate {
  const rate = EVOLINK_RATES[model]
  if (!rate) throw new Error(`The practice price table has no ${model}.`)
  return rate
}

/**
 * Vtrix publishes no numbers, only "price per second of the size tier x duration": these two are invented for
 * practice, in micro-dollars per second. Reference seconds are not added, because its page does not say so.
 */
const VTRIX_720P = 100_000
const VTRIX_1080P = 150_000

/** The price per second of a Vtrix frame, in micro-dollars. */
export function vtrixRate(width: number, height: number): number {
  return width * height > 1_000_000 ? VTRIX_1080P : VTRIX_720P
}
export function priceVtrix(width: number, height: number, seconds: number): number {
  return vtrixRate(width, height) * seconds
}

/** Micros as the JSON number the providers print (47600000 is 47.6). */
export function toAmount(micros: number): number {
  return micros / 1_000_000
}

/** Micros as a decimal text with at least two places ("0.50"). */
export function toAmountText(micros: number): string {
  const text = (micros / 1_000_000).toFixed(6).replace(/0+$/, '')
  const [whole = '0', part = ''] = text.split('.')
  return `${whole}.${part.padEnd(2, '0')}`
}
