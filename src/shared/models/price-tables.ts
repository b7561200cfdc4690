import { decimal, type Ratio, ratio } from './ratio.ts'

/**
 * EvoLink's published price rules for Wan models, recorded on 2026-10-10 from its public price catalogue
 * (https://github.com/deeplearning-goethe/evolink-cli, the recorded rules in packages/cli/test/fixtures).
 * A dated default for estimates: an account may have other prices, and prices change.
 */
export const PUBLISHED_ON = '2026-10-10'

/** 1 credit = 10,000 uc, the whole units that a charge is rounded to. */
export const UC_PER_CREDIT = 10_000n
/** 1 uc = 100 micros of a credit. */
export const MICROS_PER_UC = 100n
export const CREDITS_PER_USD = 68n

/** How the seconds of reference videos are billed. */
export type InputRule = 'none' | 'capped-by-count' | 'first-five'

export interface PublishedRule {
  ucPerSecond: bigint
  quality: Readonly<Record<string, Ratio>>
  /** Factor without sound; absent = sound does not matter. */
  silent?: Ratio
  minimumUc: bigint
  input: InputRule
}

const FACTORS = { '720p': ratio(1), '1080p': decimal('1.67') ?? ratio(1) }
const FACTORS_25 = { '480p': ratio(1, 2), ...FACTORS }
const HALF = ratio(1, 2)

/** By model id. */
export const PUBLISHED: Readonly<Record<string, PublishedRule>> = {
  'wan2.6-reference-video': {
    ucPerSecond: 47_600n,
    quality: FACTORS,
    minimumUc: 90_000n,
    input: 'capped-by-count',
  },
  'wan2.6-reference-video-flash': {
    ucPerSecond: 23_800n,
    quality: FACTORS,
    silent: HALF,
    minimumUc: 90_000n,
    input: 'capped-by-count',
  },
  'wan2.6-image-to-video-flash': {
    ucPerSecond: 23_800n,
    quality: FACTORS,
    silent: HALF,
    minimumUc: 60_000n,
    input: 'none',
  },
  'wan2.6-image-to-video': { ucPerSecond: 47_600n, quality: FACTORS, minimumUc: 60_000n, input: 'none' },
  'wan2.6-text-to-video': { ucPerSecond: 47_600n, quality: FACTORS, minimumUc: 60_000n, input: 'none' },
  'wan2.5-image-to-video': { ucPerSecond: 51_000n, quality: FACTORS_25, minimumUc: 51_000n, input: 'none' },
  'wan2.5-text-to-video': { ucPerSecond: 51_000n, quality: FACTORS_25, minimumUc: 51_000n, input: 'none' },
  'wan2.7-image-to-video': { ucPerSecond: 54_400n, quality: FACTORS, minimumUc: 108_800n, input: 'none' },
  'wan2.7-text-to-video': { ucPerSecond: 54_400n, quality: FACTORS, minimumUc: 108_800n, input: 'none' },
  'wan2.7-reference-video': {
    ucPerSecond: 54_400n,
    quality: FACTORS,
    minimumUc: 108_800n,
    input: 'first-five',
  },
}

/**
 * What the practice provider asks for Vtrix models: invented for practice, USD micros per second of
 * output. Vtrix publishes no price that could be used here.
 */
export const PRACTICE_USD_MICROS_PER_SECOND: Readonly<Record<string, Readonly<Record<string, bigint>>>> = {
  wan26_r2v: { '720p': 100_000n, '1080p': 150_000n },
}

/**
 * Most that one reference video counts, ms, by the number of references. EvoLink's pages print the rows
 * 1 to 3 (https://docs.evolink.ai/en/api-manual/video-series/wan2.6/wan2.6-reference-video); the model's
 * maker prints all five and counts pictures too
 * (https://www.alibabacloud.com/help/en/model-studio/wan-video-to-video-api-reference).
 */
export const INPUT_CAP_MS: Readonly<Record<number, number>> = { 1: 5000, 2: 2500, 3: 1650, 4: 1250, 5: 1000 }
export const INPUT_TOTAL_CAP_MS = 5000
