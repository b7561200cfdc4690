/** Exact fractions for money: no float ever holds a price. The denominator is positive. */
export interface Ratio {
  readonly over: bigint
  readonly under: bigint
}

const MAXIMUM_DIGITS = 40

export const ratio = (over: bigint | number, under: bigint | number = 1n): Ratio => ({
  over: BigInt(over),
  under: BigInt(under),
})

/** `4.76` → 476/100; undefined for anything but a plain decimal of a sensible length. */
export function decimal(text: string): Ratio | undefined {
  if (text.length > MAXIMUM_DIGITS) return undefined
  const found = /^(-?\d+)(?:\.(\d+))?$/.exec(text)
  if (found === null) return undefined
  const digits = found[2] ?? ''
  return { over: BigInt(`${found[1]}${digits}`), under: 10n ** BigInt(digits.length) }
}

export const add = (a: Ratio, b: Ratio): Ratio =>
  ratio(a.over * b.under + b.over * a.under, a.under * b.under)
export const multiply = (a: Ratio, b: Ratio): Ratio => ratio(a.over * b.over, a.under * b.under)

/** Undefined for a division by zero. */
export function divide(a: Ratio, b: Ratio): Ratio | undefined {
  if (b.over === 0n) return undefined
  const sign = b.over < 0n ? -1n : 1n
  return ratio(sign * a.over * b.under, sign * a.under * b.over)
}

/** Negative, zero or positive like a - b. */
export function compare(a: Ratio, b: Ratio): number {
  const difference = a.over * b.under - b.over * a.under
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** The nearest whole number, halves up. */
export function roundHalfUp({ over, under }: Ratio): bigint {
  return floorDivide(2n * over + under, 2n * under)
}

export function roundUp({ over, under }: Ratio): bigint {
  return -floorDivide(-over, under)
}

function floorDivide(a: bigint, b: bigint): bigint {
  const whole = a / b
  return a % b !== 0n && a < 0n !== b < 0n ? whole - 1n : whole
}
