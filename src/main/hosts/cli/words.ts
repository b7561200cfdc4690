import { stripVTControlCharacters } from 'node:util'
import type { Problem } from '../../../shared/problem.ts'

/** SECURITY: text from sheets and providers may hold codes that steer a terminal; they are taken out. */
export const clean = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point.
  stripVTControlCharacters(text).replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+/g, ' ')

/** A problem as one line: where, what, what next. */
export function formatProblem(found: Problem, row: number | undefined = found.place.row): string {
  const { column } = found.place
  const places = [
    ...(row === undefined ? [] : [`row ${row}`]),
    ...(column === undefined ? [] : [`column ${column}`]),
  ]
  // Many a sentence names its row by itself.
  const isNamed = row !== undefined && places.length === 1 && found.what.startsWith(`Row ${row} `)
  const where = isNamed || places.length === 0 ? '' : `${places.join(', ')}: `
  const level = found.level === 'error' ? '' : `${found.level === 'info' ? 'note' : 'warning'}: `
  return clean(`${level}${where}${found.what} ${found.next}`).trim()
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

/** Columns of the terminal that a text takes. */
export function widthOf(text: string): number {
  let width = 0
  for (const letter of stripVTControlCharacters(text)) {
    width += WIDE.test(letter) ? 2 : /\p{Mark}/u.test(letter) ? 0 : 1
  }
  return width
}

/** The start of a text that fits, with `…` where something was left out. Takes text without colours. */
export function shorten(text: string, most: number): string {
  if (widthOf(text) <= most) return text
  let kept = ''
  let width = 0
  for (const letter of text) {
    const more = widthOf(letter)
    if (width + more > most - 1) break
    kept += letter
    width += more
  }
  return `${kept}…`
}

/** A sentence broken between words; further lines start as far in as the first. */
export function wrap(text: string, width: number): string {
  const indent = /^ */.exec(text)?.[0] ?? ''
  const lines: string[] = []
  let line = indent
  for (const word of text.trim().split(' ')) {
    const longer = line === indent ? line + word : `${line} ${word}`
    if (line !== indent && widthOf(longer) > width) {
      lines.push(line)
      line = indent + word
    } else line = longer
  }
  return [...lines, line].join('\n')
}

/** How this person calls the program: `npm run -s cli --` in a checkout, with the data folder they named. */
export interface Invocation {
  isNpm: boolean
  home: string | undefined
}

/** A text whose commands can be typed as they stand. */
export function asTyped(text: string, { isNpm, home }: Invocation): string {
  const program = `${isNpm ? 'npm run -s cli --' : 'reelsheet'}${home === undefined ? '' : ` --home ${quoted(home)}`}`
  return text.replace(/(?<![\w./-])reelsheet (?=[a-z-])/g, () => `${program} `)
}

const padEnd = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)))

/** A table with a heading line; columns whose heading starts with `>` are set to the right. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const isRight = headings.map((heading) => heading.startsWith('>'))
  const all = [headings.map((heading) => heading.replace(/^>/, '')), ...rows]
  const widths = headings.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))))
  return all
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0
          return isRight[column] ? ' '.repeat(Math.max(0, width - widthOf(cell))) + cell : padEnd(cell, width)
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

export const formatSeconds = (ms: number): string => `${Number((ms / 1000).toFixed(1))} s`

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(0)} KB`
  return bytes < 1_000_000_000
    ? `${(bytes / 1_000_000).toFixed(1)} MB`
    : `${(bytes / 1_000_000_000).toFixed(2)} GB`
}

/** A stretch of time as a person says it: `23 h 10 min`, `4 min`, `35 s`. */
export function formatStretch(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export const formatMoment = (at: number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ')

/** `1 row`, `2 rows`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`

/** A name as it must be typed in a shell. */
export const quoted = (name: string): string =>
  /^[A-Za-z0-9._/-]+$/.test(name) ? name : `"${name.replace(/["\\$`]/g, '\\$&')}"`

export function bar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width)
  return '█'.repeat(filled) + '░'.repeat(width - filled)
}
