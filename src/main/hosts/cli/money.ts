import { ProblemError, problem } from '../../../shared/problem.ts'
import { CREDITS_PER_USD } from '../../../shared/run.ts'

export type Currency = 'credits' | 'usd'

const MICRO = 1_000_000
/** Above this the sums of a run could leave the numbers that are exact. */
const MOST_MICROS = 1_000_000_000 * MICRO

/** A decimal amount as micros, exactly; null for anything else (a sign, seven decimals, `1e3`). */
export function parseMicros(text: string): number | null {
  const found = /^(\d{1,10})(?:\.(\d{1,6}))?$/.exec(text.trim())
  if (!found) return null
  const micros = Number(found[1]) * MICRO + Number((found[2] ?? '').padEnd(6, '0'))
  return micros <= MOST_MICROS ? micros : null
}

/** A cap as typed: `250` credits, or `3.50usd`. Micro-credits. Throws `wrong-use`. */
export function parseCap(text: string): number {
  const isUsd = /usd$/i.test(text)
  const micros = parseMicros(text.replace(/\s*(usd|credits?)$/i, '').replace(/^\$/, ''))
  if (micros === null) {
    throw wrongAmount('--cap', text, 'Give credits like 250 or 12.5, or dollars like 3.50usd.')
  }
  return isUsd || text.startsWith('$') ? micros * CREDITS_PER_USD : micros
}

/** A price as typed, `KEY=AMOUNT` for one second. Throws `wrong-use`. */
export function parsePrice(text: string): [key: string, micros: number] {
  const at = text.lastIndexOf('=')
  const key = text.slice(0, Math.max(0, at)).trim()
  const micros = at < 1 ? null : parseMicros(text.slice(at + 1))
  if (micros === null || !/^[^:\s]+(:(480p|720p|1080p)(:silent)?)?$/.test(key)) {
    throw wrongAmount(
      '--price',
      text,
      'Write KEY=AMOUNT for one second, where KEY is a model, model:720p or model:720p:silent: --price wan26_r2v:720p=0.10.',
    )
  }
  return [key, micros]
}

const wrongAmount = (option: string, text: string, next: string): ProblemError =>
  new ProblemError(problem('wrong-use', `${option} cannot be "${text}". Nothing was changed.`, next))

/** Micros for a person: `12.5 credits`, `$0.10`. Exact to a ten-thousandth, which rounds up. */
export function formatMoney(micros: number, currency: Currency): string {
  const tenThousandths = Math.ceil(Math.abs(micros) / 100)
  const whole = Math.floor(tenThousandths / 10_000)
  const decimals = String(tenThousandths % 10_000)
    .padStart(4, '0')
    .replace(/0+$/, '')
  const sign = micros < 0 ? '-' : ''
  if (currency === 'usd') return `${sign}$${whole}.${decimals.padEnd(2, '0')}`
  return `${sign}${whole}${decimals === '' ? '' : `.${decimals}`} credits`
}

/** A price from its lowest to its highest; `not known` when it has none. */
export function formatRange(low: number | null, high: number | null, currency: Currency): string {
  if (high === null) return 'not known'
  if (low === null || low === high) return formatMoney(high, currency)
  return `${formatMoney(low, currency).replace(/ credits$/, '')} – ${formatMoney(high, currency)}`
}
