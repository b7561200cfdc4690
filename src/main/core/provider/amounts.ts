const DECIMAL = /^(\d+)(?:\.(\d*))?(?:e([+-]?\d{1,3}))?$/i

/**
 * An amount as a provider writes it (a JSON number or decimal text) in integer micros, exact: the
 * digits are moved, never multiplied. Beyond six decimals it is rounded to nearest, half up.
 * Null for anything that is not a non-negative amount or is too big to count.
 */
export function toMicros(amount: unknown): number | null {
  if (typeof amount !== 'number' && typeof amount !== 'string') return null
  const match = DECIMAL.exec(String(amount).trim())
  if (!match) return null
  const whole = match[1] ?? ''
  const fraction = match[2] ?? ''
  const shift = 6 - fraction.length + Number(match[3] ?? 0)
  if (Math.abs(shift) > 60) return null
  const digits = BigInt(whole + fraction)
  const micros = shift >= 0 ? digits * 10n ** BigInt(shift) : divideHalfUp(digits, 10n ** BigInt(-shift))
  return micros <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(micros) : null
}

function divideHalfUp(value: bigint, by: bigint): bigint {
  return (value + by / 2n) / by
}
