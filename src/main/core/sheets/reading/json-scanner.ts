/** A value that the text does not hold. `at` is its place in the text. */
export class NotJson extends Error {
  readonly at: number
  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}

/**
 * Finds where the values of a JSON text begin and end, and leaves what stands in them to `JSON.parse`. That way a
 * number keeps its digits, a key may stand twice, and no object has a key of a stranger.
 * https://www.rfc-editor.org/rfc/rfc8259
 */
export class JsonScanner {
  readonly text: string
  at = 0
  readonly #depth: number

  constructor(text: string, depth: number) {
    this.text = text
    this.#depth = depth
  }

  /** The next character that is not white space; empty at the end. */
  peek(): string {
    const { text } = this
    for (; this.at < text.length; this.at += 1) {
      const code = text.charCodeAt(this.at)
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return text[this.at] as string
    }
    return ''
  }

  /** Steps over `character` when it comes next. */
  take(character: string): boolean {
    if (this.peek() !== character) return false
    this.at += 1
    return true
  }

  expect(character: string): void {
    if (!this.take(character)) this.fail(`“${character}” is missing`)
  }

  fail(what: string): never {
    throw new NotJson(what, this.at)
  }

  /** Steps over one value, and returns its text. It is whole; what is in it has not been looked at. */
  skip(): string {
    const first = this.peek()
    const start = this.at
    if (first === '"') this.#skipString()
    else if (first === '[' || first === '{') this.#skipNested()
    else this.#skipWord()
    return this.text.slice(start, this.at)
  }

  /** A key or a text. */
  string(): string {
    if (this.peek() !== '"') this.fail('a name in double quotes is missing')
    const start = this.at
    this.#skipString()
    return this.#parse(start) as string
  }

  /** A value as the text of a cell: numbers as they are written, nothing for null, the JSON of a nested value. */
  cell(): string {
    const first = this.peek()
    const start = this.at
    if (first === '"') return this.string()
    const written = this.skip()
    const value = this.#parse(start)
    if (value === null) return ''
    return typeof value === 'object' ? compact(written) : written
  }

  /** What the engine says of the text from `start` up to here. */
  #parse(start: number): unknown {
    try {
      return JSON.parse(this.text.slice(start, this.at))
    } catch {
      const shown = this.text.slice(start, Math.min(this.at, start + 40))
      throw new NotJson(`“${shown}” is not a JSON value`, start)
    }
  }

  #skipString(): void {
    const start = this.at
    let end = this.text.indexOf('"', start + 1)
    while (end >= 0 && isEscaped(this.text, end, start)) end = this.text.indexOf('"', end + 1)
    if (end < 0) this.fail('a text in quotes never ends')
    this.at = end + 1
  }

  #skipWord(): void {
    const start = this.at
    const { text } = this
    while (this.at < text.length && !/[\s,\]}:"[{]/u.test(text[this.at] as string)) this.at += 1
    if (this.at === start) this.fail(start >= text.length ? 'the text ends too early' : 'a value is missing')
  }

  #skipNested(): void {
    let depth = 0
    for (; this.at < this.text.length; this.at += 1) {
      const code = this.text.charCodeAt(this.at)
      if (code === 34) {
        this.#skipString()
        this.at -= 1
      } else if (code === 91 || code === 123) {
        depth += 1
        if (depth > this.#depth) this.fail(`values are nested more than ${this.#depth} deep`)
      } else if (code === 93 || code === 125) {
        depth -= 1
        if (depth === 0) {
          this.at += 1
          return
        }
      }
    }
    this.fail('a bracket never closes')
  }
}

function isEscaped(text: string, quote: number, start: number): boolean {
  let slashes = 0
  for (let at = quote - 1; at > start && text.charCodeAt(at) === 92; at -= 1) slashes += 1
  return slashes % 2 === 1
}

/** Without the white space between its parts. */
function compact(written: string): string {
  return /[\s]/u.test(written) ? written.replace(/("(?:[^"\\]|\\.)*")|[ \t\r\n]+/gsu, '$1') : written
}
