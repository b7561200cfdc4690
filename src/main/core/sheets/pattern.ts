/**
 * What a cell's text says between its braces: `{a|b|c}` is a choice, `{{column}}` another cell of the row. Braces
 * without a bar or a known column are text. Choices may stand inside choices.
 */
export type Pattern = readonly Part[]
type Part = string | { column: number } | { options: readonly Pattern[] }

/** Longer than any column's name; looking for a long one in a hostile cell would cost time. */
const LONGEST_NAME = 200
/** Deeper than anybody writes; what is deeper is text. */
const DEEPEST = 20

/**
 * Reads a cell. `columnOf` says which column a name between double braces means; undefined = none, so it is text.
 * A text without braces, and one whose braces mean nothing, is one part.
 */
export function readPattern(text: string, columnOf: (name: string) => number | undefined): Pattern {
  if (!text.includes('{')) return [text]
  return new Reader(text, columnOf).read()
}

class Reader {
  private readonly text: string
  private readonly columnOf: (name: string) => number | undefined
  /** For each `{` the place of its `}`. */
  private readonly ends: ReadonlyMap<number, number>

  constructor(text: string, columnOf: (name: string) => number | undefined) {
    this.text = text
    this.columnOf = columnOf
    this.ends = pairBraces(text)
  }

  read(): Pattern {
    return this.parts(0, this.text.length, 0)
  }

  private parts(from: number, to: number, depth: number): Part[] {
    const parts: Part[] = []
    const addText = (text: string) => {
      const last = parts.at(-1)
      if (typeof last === 'string') parts[parts.length - 1] = last + text
      else if (text !== '') parts.push(text)
    }
    let at = from
    while (at < to) {
      const open = this.text.indexOf('{', at)
      const end = open < 0 || open >= to ? undefined : this.ends.get(open)
      if (end === undefined || end >= to) {
        const next = open < 0 || open >= to ? to : open + 1
        addText(this.text.slice(at, next))
        at = next
        continue
      }
      addText(this.text.slice(at, open))
      const meant = this.column(open, end) ?? this.choice(open, end, depth)
      if (meant) parts.push(meant)
      else addText('{')
      at = meant ? end + 1 : open + 1
    }
    return parts
  }

  private column(open: number, end: number): Part | undefined {
    if (this.text[open + 1] !== '{' || this.ends.get(open + 1) !== end - 1) return undefined
    if (end - open > LONGEST_NAME) return undefined
    const column = this.columnOf(this.text.slice(open + 2, end - 1))
    return column === undefined ? undefined : { column }
  }

  private choice(open: number, end: number, depth: number): Part | undefined {
    if (depth >= DEEPEST) return undefined
    const bars: number[] = []
    for (let at = open + 1; at < end; at += 1) {
      if (this.text[at] === '|') bars.push(at)
      else if (this.text[at] === '{') at = Math.min(this.ends.get(at) ?? at, end)
    }
    if (bars.length === 0) return undefined
    const edges = [open, ...bars, end]
    const options = bars.concat(end).map((edge, index) => {
      const from = (edges[index] ?? open) + 1
      return trim(this.parts(from, edge, depth + 1))
    })
    return { options }
  }
}

/** Spaces around an option are for the eye: `{ red | blue }`. */
function trim(parts: Part[]): Part[] {
  const [first] = parts
  if (typeof first === 'string') parts[0] = first.trimStart()
  const last = parts.at(-1)
  if (typeof last === 'string') parts[parts.length - 1] = last.trimEnd()
  return parts
}

function pairBraces(text: string): Map<number, number> {
  const ends = new Map<number, number>()
  const open: number[] = []
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '{') open.push(at)
    else if (text[at] === '}') {
      const start = open.pop()
      if (start !== undefined) ends.set(start, at)
    }
  }
  return ends
}

/** How many texts a pattern stands for, from 1. May be infinite for hostile cells: never enumerated then. */
export const countOf = (pattern: Pattern): number =>
  pattern.reduce((product, part) => product * countOfPart(part), 1)

const countOfPart = (part: Part): number =>
  typeof part === 'object' && 'options' in part
    ? part.options.reduce((sum, option) => sum + countOf(option), 0)
    : 1

/** The columns that a pattern takes text from. */
export function columnsOf(pattern: Pattern): number[] {
  return pattern.flatMap((part) => {
    if (typeof part === 'string') return []
    return 'column' in part ? [part.column] : part.options.flatMap(columnsOf)
  })
}

/** The `index`-th text of a pattern, from 0 up to its count; the last choice varies fastest. */
export function textAt(pattern: Pattern, index: number, textOf: (column: number) => string): string {
  let rest = index
  let text = ''
  for (const part of pattern.toReversed()) {
    const count = countOfPart(part)
    text = textOfPart(part, rest % count, textOf) + text
    rest = Math.floor(rest / count)
  }
  return text
}

function textOfPart(part: Part, index: number, textOf: (column: number) => string): string {
  if (typeof part === 'string') return part
  if ('column' in part) return textOf(part.column)
  let rest = index
  for (const option of part.options) {
    const count = countOf(option)
    if (rest < count) return textAt(option, rest, textOf)
    rest -= count
  }
  return ''
}
