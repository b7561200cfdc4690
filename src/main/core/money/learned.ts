import type { PriceTable } from '../../../shared/account.ts'

/** One clip that was paid for: its charge in micros, and what of its order decides the price. */
export interface ChargedLine {
  model: string
  quality: string
  /** Seconds of output that were ordered; providers settle on them. */
  seconds: number
  isSilent: boolean
  chargedMicros: number
}

/** Prices of one second, by the keys of an account's own table, and how many clips each rests on. */
export interface LearnedPrices {
  prices: PriceTable
  counts: Record<string, number>
}

/**
 * What a second of each model and tier has cost: the median over the charged clips, so that one odd charge
 * decides nothing. Whole micros, rounded up: a price that is used for a cap must not be too small. Pure.
 */
export function learnPrices(lines: readonly ChargedLine[]): LearnedPrices {
  const rates = new Map<string, number[]>()
  for (const line of lines) {
    if (!(line.seconds > 0) || !(line.chargedMicros > 0)) continue
    const key = `${line.model}:${line.quality}${line.isSilent ? ':silent' : ''}`
    rates.set(key, [...(rates.get(key) ?? []), line.chargedMicros / line.seconds])
  }
  const learned: LearnedPrices = { prices: {}, counts: {} }
  for (const [key, found] of rates) {
    learned.prices[key] = Math.ceil(median(found))
    learned.counts[key] = found.length
  }
  return learned
}

/** Of one number or more. */
function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other)
  const middle = sorted.length / 2
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return (low + high) / 2
}
