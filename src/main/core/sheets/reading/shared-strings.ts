import { READING_LIMITS } from './limits.ts'
import { readXml } from './xml.ts'
import { damaged } from './zip.ts'

/** Texts that cells name by number. Of rich text the letters are kept, of phonetic guides (furigana) nothing. */
export async function readStrings(chunks: AsyncIterable<Buffer>, file: string): Promise<string[]> {
  const strings: string[] = []
  let characters = 0
  const text = new RichText()
  await readXml(chunks, 'the list of its texts', file, {
    open: (name) => text.open(name),
    text: (letters) => text.text(letters),
    close: (name) => {
      text.close(name)
      if (name !== 'si') return
      const whole = text.take()
      strings.push(whole)
      characters += whole.length + 16
      if (characters > READING_LIMITS.characters)
        throw damaged(file, 'its texts are longer than a sheet can be')
    },
  })
  return strings
}

/** Gathers the letters of `<t>` in a string item or an inline string. */
export class RichText {
  #text = ''
  #isText = false
  #phonetic = 0

  open(name: string): void {
    if (name === 't') this.#isText = true
    else if (name === 'rPh') this.#phonetic += 1
  }

  close(name: string): void {
    if (name === 't') this.#isText = false
    else if (name === 'rPh') this.#phonetic -= 1
  }

  text(letters: string): void {
    if (this.#isText && this.#phonetic === 0) this.#text += letters
  }

  /** What was gathered; the next text begins. */
  take(): string {
    const whole = unescapeText(this.#text)
    this.#text = ''
    this.#phonetic = 0
    return whole
  }
}

/**
 * Characters that XML cannot hold are written as `_x000D_`, and an underscore that would look like one as `_x005F_`:
 * ECMA-376 part 1, 22.9.2.19 `ST_Xstring`. Line ends of the XML itself are one character (XML 1.0, 2.11); one that was
 * written as `_x000D_` stays, because a prompt with another line end is another prompt, and would be ordered anew.
 */
export function unescapeText(text: string): string {
  const whole = text.includes('\r') ? text.replace(/\r\n?/gu, '\n') : text
  if (!whole.includes('_x')) return whole
  return whole.replace(/_x([\da-fA-F]{4})_/gu, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}
