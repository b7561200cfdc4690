import type { PriceTable } from '../account.ts'
import { inputMs, makerInputMs, outputMs } from './billable.ts'
import { findModel } from './catalogue.ts'
import { chargeByLiveRule, type LiveModel } from './live-rules.ts'
import {
  CREDITS_PER_USD,
  MICROS_PER_UC,
  PRACTICE_USD_MICROS_PER_SECOND,
  PUBLISHED,
  PUBLISHED_ON,
  type PublishedRule,
} from './price-tables.ts'
import { multiply, ratio, roundHalfUp, roundUp } from './ratio.ts'
import type { Currency, Estimate, Family, ReferenceFacts, ResolvedOrder } from './types.ts'

/** What an order costs by one table: integer micros; `low` = `high` when every length is known. */
export interface Price {
  lowMicros: number
  highMicros: number
}

/**
 * The published charge, in micros of a credit: seconds x rate x factors, rounded half up to a whole uc
 * (1/10000 credit), at least the minimum. Undefined when the table has no such model or quality.
 */
export function priceOf(
  order: ResolvedOrder,
  references: readonly ReferenceFacts[],
  table: Readonly<Record<string, PublishedRule>> = PUBLISHED,
): Price | undefined {
  const rule = Object.hasOwn(table, order.model) ? table[order.model] : undefined
  const factor =
    rule !== undefined && Object.hasOwn(rule.quality, order.quality) ? rule.quality[order.quality] : undefined
  if (rule === undefined || factor === undefined) return undefined
  const sound = rule.silent !== undefined && order.generate_audio === false ? rule.silent : ratio(1)
  const perMs = multiply(multiply(ratio(rule.ucPerSecond, 1000n), factor), sound)
  const chargeMicros = (ms: number): number => {
    const subtotal = roundHalfUp(multiply(perMs, ratio(ms)))
    return Number((subtotal > rule.minimumUc ? subtotal : rule.minimumUc) * MICROS_PER_UC)
  }
  const input = inputMs(rule.input, references)
  const output = outputMs(order)
  return { lowMicros: chargeMicros(output + input.low), highMicros: chargeMicros(output + input.high) }
}

/** The account's price of one second: the most exact key wins; undefined when the table has none. */
export function accountRate(order: ResolvedOrder, prices: PriceTable): number | undefined {
  const key = rateKey(order, prices)
  return key === undefined ? undefined : prices[key]
}

/** Whether the order's clip has no sound, as far as the order says. */
export const isSilent = (order: Pick<ResolvedOrder, 'generate_audio' | 'expectsSound'>): boolean =>
  order.generate_audio === false || order.expectsSound === false

function rateKey(order: ResolvedOrder, prices: PriceTable): string | undefined {
  const keys = [
    ...(isSilent(order) ? [`${order.model}:${order.quality}:silent`] : []),
    `${order.model}:${order.quality}`,
    order.model,
  ]
  return keys.find((each) => Object.hasOwn(prices, each))
}

export interface EstimateAccount {
  family: Family
  isPractice: boolean
  /** Of the account; the estimate is in it. */
  currency: Currency
  prices: PriceTable
  /** The provider's live rule for this model, where it was fetched. */
  liveRule?: LiveModel
  /** Prices per second seen in real answers, by the same keys, and how many each rests on. */
  learned?: { prices: PriceTable; counts: Readonly<Record<string, number>> }
}

/**
 * What an order will probably cost, from the first source that knows: the account's own table, the
 * provider's live rules, the dated table shipped with the app (on the practice account: the practice
 * table), prices learned from answers; else seconds only. `billableMs` follows the provider's printed
 * rule, with unknown lengths at their most.
 */
export function estimate(
  order: ResolvedOrder,
  references: readonly ReferenceFacts[],
  account: EstimateAccount,
): Estimate {
  const seconds = billableMs(order, references)
  const base = { currency: account.currency, billableMs: seconds.printed }
  const unsure = seconds.low === seconds.high ? '' : ` ${seconds.why}`
  const own = accountRate(order, account.prices)
  if (own !== undefined)
    return {
      ...base,
      ...perSecond(own, seconds),
      basis: 'account',
      note: `By this account's own price per second.${unsure}`,
    }
  const live = account.isPractice ? undefined : liveEstimate(order, references, account)
  if (live !== undefined)
    return { ...base, ...live, basis: 'published', note: `By the provider's live price rules.${unsure}` }
  const practice = account.isPractice ? practiceRate(order) : undefined
  if (practice !== undefined) {
    const micros = exchange({ ...perSecond(practice, onlyOutput(order)) }, 'usd', account.currency)
    return { ...base, ...micros, basis: 'practice', note: 'Invented for practice; nothing is charged.' }
  }
  const published =
    account.family === 'evolink' || account.isPractice ? priceOf(order, references) : undefined
  if (published !== undefined)
    return {
      ...base,
      ...exchange(published, 'credits', account.currency),
      basis: account.isPractice ? 'practice' : 'published',
      note: account.isPractice
        ? `By EvoLink's published rates of ${PUBLISHED_ON}, for practice; nothing is charged.${unsure}`
        : `By EvoLink's published rates of ${PUBLISHED_ON}; your account may have others.${unsure}`,
    }
  const learned = account.learned === undefined ? undefined : accountRate(order, account.learned.prices)
  if (learned !== undefined)
    return {
      ...base,
      ...perSecond(learned, seconds),
      basis: 'learned',
      note: `Learned from ${learnedFrom(order, account)} of this account.${unsure}`,
    }
  return {
    ...base,
    basis: 'none',
    note: `No price is known: seconds only. Give this account a price per second to see money.${unsure}`,
  }
}

interface Seconds {
  low: number
  high: number
  /** By the provider's printed rule. */
  printed: number
  why: string
}

function billableMs(order: ResolvedOrder, references: readonly ReferenceFacts[]): Seconds {
  const output = outputMs(order)
  if (findModel(order.model)?.family === 'vtrix') {
    const input = makerInputMs(references)
    return {
      low: output,
      high: output + input.high,
      printed: output,
      why: "A range, because Vtrix prints only the clip's seconds while the model's maker also bills seconds of reference videos.",
    }
  }
  const rule = Object.hasOwn(PUBLISHED, order.model) ? PUBLISHED[order.model] : undefined
  const input = inputMs(rule?.input ?? 'none', references)
  return {
    low: output + input.low,
    high: output + input.high,
    printed: output + input.high,
    why: 'A range, because the length of a reference video is not known.',
  }
}

const onlyOutput = (order: ResolvedOrder): { low: number; high: number } => ({
  low: outputMs(order),
  high: outputMs(order),
})

function perSecond(rateMicros: number | bigint, ms: { low: number; high: number }): Price {
  const micros = (each: number): number =>
    Number(roundHalfUp(ratio(BigInt(rateMicros) * BigInt(each), 1000n)))
  return { lowMicros: micros(ms.low), highMicros: micros(ms.high) }
}

function practiceRate(order: ResolvedOrder): bigint | undefined {
  const rates = Object.hasOwn(PRACTICE_USD_MICROS_PER_SECOND, order.model)
    ? PRACTICE_USD_MICROS_PER_SECOND[order.model]
    : undefined
  return rates !== undefined && Object.hasOwn(rates, order.quality) ? rates[order.quality] : undefined
}

/** Between credits and USD by EvoLink's shown rate of 68; rounded up, so that a cap is never passed by it. */
function exchange(price: Price, from: Currency, to: Currency): Price {
  if (from === to) return price
  const turn = (micros: number): number =>
    from === 'usd'
      ? Number(BigInt(micros) * CREDITS_PER_USD)
      : Number(roundUp(ratio(BigInt(micros), CREDITS_PER_USD)))
  return { lowMicros: turn(price.lowMicros), highMicros: turn(price.highMicros) }
}

function liveEstimate(
  order: ResolvedOrder,
  references: readonly ReferenceFacts[],
  account: EstimateAccount,
): Price | undefined {
  const rule = account.liveRule
  if (rule === undefined || rule.model_id !== order.model) return undefined
  const inputRule = Object.hasOwn(PUBLISHED, order.model) ? PUBLISHED[order.model]?.input : undefined
  const input = inputMs(inputRule ?? 'none', references)
  const output = ratio(outputMs(order), 1000)
  const charge = (ms: number): bigint | undefined =>
    chargeByLiveRule(rule, {
      duration_seconds: output,
      output_seconds: output,
      input_seconds: ratio(ms, 1000),
      quality: order.quality,
      generate_audio: order.generate_audio !== false,
    })
  const [low, high] = [charge(input.low), charge(input.high)]
  if (low === undefined || high === undefined) return undefined
  const price = { lowMicros: Number(low * MICROS_PER_UC), highMicros: Number(high * MICROS_PER_UC) }
  if (!Number.isSafeInteger(price.lowMicros) || !Number.isSafeInteger(price.highMicros)) return undefined
  return exchange(price, 'credits', account.currency)
}

function learnedFrom(order: ResolvedOrder, { learned }: EstimateAccount): string {
  const key = rateKey(order, learned?.prices ?? {})
  const count = (key === undefined ? undefined : learned?.counts[key]) ?? 1
  return count === 1 ? 'one charged clip' : `${count} charged clips`
}
