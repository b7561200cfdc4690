/**
 * Tables that leave Reelsheet: a run's manifest, the ledger. Whoever has the rows hands them over in pages, so
 * that a hundred thousand of them are never in memory at once; how they are written down is each format's matter.
 */

/**
 * Text as it is, which must come back exactly; an exact number, as its decimal digits; words of ours for a person,
 * which may be cleaned and shortened; or nothing.
 */
export type Cell = string | { decimal: string } | { words: string } | null

export interface TableRow {
  /** How a person finds it: `row 17`. */
  name: string
  /** As many as there are columns. */
  cells: readonly Cell[]
}

export type Page = readonly TableRow[]

export interface Table {
  columns: readonly string[]
  /** Asked for one after the other, with whatever wait lies between. */
  pages: AsyncIterable<Page>
}

/** Where a format writes to: bytes one after the other. */
export interface Draft {
  readonly position: number
  write(piece: string | Uint8Array): Promise<void>
}

/** An integer of 10^-digits as an exact decimal: 5040 with 3 digits is `5.04`. */
export function toDecimal(amount: number, digits: number): string {
  const sign = amount < 0 ? '-' : ''
  const text = String(Math.abs(amount)).padStart(digits + 1, '0')
  const fraction = text.slice(-digits).replace(/0+$/u, '')
  const whole = `${sign}${text.slice(0, -digits)}`
  return fraction === '' ? whole : `${whole}.${fraction}`
}

/** A cell with an amount of micros in whole units; nothing for null. */
export const moneyCell = (micros: number | null): Cell =>
  micros === null ? null : { decimal: toDecimal(micros, 6) }

/** Words as every format can hold them: no half characters, no NUL, and not longer than told. */
export function cleanWords(words: string, most = Number.POSITIVE_INFINITY): string {
  const clean = words.toWellFormed().replaceAll('\0', ' ')
  return clean.length <= most ? clean : `${clean.slice(0, most - 1).toWellFormed()}…`
}
