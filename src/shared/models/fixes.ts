import type { Fix } from '../problem.ts'
import { shortenText } from './shorten.ts'
import { nearestOf, nearestRatio } from './spelling.ts'
import type { FieldName } from './types.ts'

/** What a person can press to mend a cell. Each one makes its very problem go away; the best comes first. */

/** Fits and trims are made of these; sharp and mediabunny read them. */
const FITTABLE: ReadonlySet<string> = new Set(['jpeg', 'png', 'webp', 'gif', 'bmp', 'tiff', 'avif'])
const TRIMMABLE: ReadonlySet<string> = new Set(['mp4', 'mov', 'mp3', 'wav'])
/** The parts of a text that are meant to be read; an address cut short leads elsewhere. */
const PROSE: ReadonlySet<string> = new Set<FieldName>(['prompt', 'negative_prompt'])
/** So many allowed values are all offered; of more only the likely ones. */
const FEW_VALUES = 3

export const use = (column: string, value: string | number, unit = ''): Fix => ({
  type: 'set',
  label: `Use ${value}${unit}`,
  column,
  value: String(value),
})

export const empty = (column: string): Fix => ({ type: 'set', label: 'Empty the cell', column, value: '' })

/** Sets another cell than the one that the problem is in. */
export const setOther = (column: string, value: string | number | boolean): Fix => ({
  type: 'set',
  label: `Set ${column} to ${value}`,
  column,
  value: String(value),
})

/** The allowed values that are likely meant by a text. */
export function useNearest(field: string, text: string, allowed: readonly (string | number)[]): Fix[] {
  const values = allowed.map(String)
  const near = field === 'aspect_ratio' ? nearestRatio(text, values) : nearestOf(field, text, values)
  return near.slice(0, values.length <= FEW_VALUES ? FEW_VALUES : 2).map((value) => use(field, value))
}

/** A number as a person may write it where none was read: `5.5`, `5,5 s`, `约5秒`; undefined when there is not exactly one. */
export function numberIn(text: string): number | undefined {
  const plain = text.slice(0, 200).normalize('NFKC')
  const found = plain.match(/[+-]?\d{1,15}(?:[.,]\d{1,15})?/gu) ?? []
  return found.length === 1 ? Number(found[0].replace(',', '.')) : undefined
}

/** A text within a limit of UTF-16 code units; none for addresses, which mean nothing when they are cut. */
export function shortenTo(field: string, text: string, limit: number): Fix[] {
  if (!PROSE.has(field)) return []
  const value = shortenText(text, limit)
  return value === '' ? [] : [{ type: 'set', label: `Shorten to ${limit} characters`, column: field, value }]
}

export const fitPicture = (column: string): Fix => ({ type: 'fit', label: 'Fit the picture', column })

export const canFit = (format: string): boolean => FITTABLE.has(format)

/** Cuts the end of a film or sound away; `maximumMs` is a whole number of milliseconds. */
export function trimTo(column: string, maximumMs: number, format: string | undefined): Fix[] {
  if (format === undefined || !TRIMMABLE.has(format)) return []
  const seconds = Math.round(maximumMs / 10) / 100
  return [{ type: 'trim', label: `Cut it to ${seconds} s`, column, maximumMs }]
}

export const hostBy = (accounts: readonly string[] = []): Fix[] =>
  accounts.map((account) => ({
    type: 'file-host',
    label: `Let the account “${account}” hold the file`,
    account,
  }))
