/** What a number in a cell stands for, by the format that the cell has. */
export type Meaning = 'number' | 'percent' | 'date' | 'time' | 'date-time' | 'duration'

/** Formats that have a number and no text of their own: ECMA-376 part 1, 18.8.30 `numFmt`. */
const BUILT_IN: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [9, 'percent'],
  [10, 'percent'],
  ...[14, 15, 16, 17].map((id): [number, Meaning] => [id, 'date']),
  ...[18, 19, 20, 21, 45].map((id): [number, Meaning] => [id, 'time']),
  [22, 'date-time'],
  [46, 'duration'],
  [47, 'time'],
  ...[27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58].map((id): [number, Meaning] => [id, 'date']),
  ...[32, 33, 34, 35, 55, 56].map((id): [number, Meaning] => [id, 'time']),
])

export function meaningOf(id: number, code: string | undefined): Meaning {
  if (code === undefined) return BUILT_IN.get(id) ?? 'number'
  // The first section is the one for ordinary numbers; quoted letters, padding and escapes are no placeholders.
  const plain = code.replace(/"[^"]*"|\\.|_.|\*./gsu, '').split(';')[0] ?? ''
  if (/\[(?:h+|m+|s+)\]/iu.test(plain)) return 'duration'
  const letters = plain.replace(/\[[^\]]*\]/gu, '').replace(/general|e[+-]/giu, '')
  if (letters.includes('%')) return 'percent'
  const hasTime = /[hs]/iu.test(letters) || /am\/pm|上午\/下午/iu.test(letters)
  const hasDate = /[yd]/iu.test(letters) || (/m/iu.test(letters) && !hasTime)
  if (hasDate && hasTime) return 'date-time'
  if (hasDate && !/[0#?]/u.test(letters.replace(/\.0+/gu, ''))) return 'date'
  return hasTime ? 'time' : 'number'
}

const DAY_MS = 86_400_000
/** Day 0 of Excel's calendar; days before 1 March 1900 are one off, because that calendar has a 29 February 1900. */
const DAY_ZERO_MS = Date.UTC(1899, 11, 30)
const DAYS_TO_1904 = 1_462
const LAST_DAY = 2_958_465

/** A number as a person reads it: 15 digits as in a spreadsheet, a date as ISO text. */
export function showNumber(written: string, meaning: Meaning, isFrom1904: boolean): string {
  const value = Number(written)
  if (!Number.isFinite(value)) return written
  switch (meaning) {
    case 'number':
      return showDigits(value)
    case 'percent':
      return `${showDigits(value * 100)}%`
    case 'duration':
      return showDuration(value)
    default:
      return showDate(value, meaning, isFrom1904) ?? showDigits(value)
  }
}

/** Files hold 17 digits (5.0999999999999996 for 5.1); people typed at most 15. */
const showDigits = (value: number): string => String(Number(value.toPrecision(15)))

function showDate(value: number, meaning: Meaning, isFrom1904: boolean): string | undefined {
  const days = value + (isFrom1904 ? DAYS_TO_1904 : 0)
  if (value < 0 || days > LAST_DAY + 1) return undefined
  const shift = !isFrom1904 && days < 60 && days >= 1 ? DAY_MS : 0
  const text = new Date(DAY_ZERO_MS + shift + Math.round(days * 86_400) * 1000).toISOString().slice(0, 19)
  const [date = '', time = ''] = text.split('T')
  if (meaning === 'date') return date
  return meaning === 'time' ? time : text
}

function showDuration(value: number): string {
  const seconds = Math.round(Math.abs(value) * 86_400)
  const two = (part: number): string => String(part).padStart(2, '0')
  const text = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return value < 0 ? `-${text}` : text
}
