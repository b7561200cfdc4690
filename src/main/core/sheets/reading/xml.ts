import { TextDecoder } from 'node:util'
import { Parser } from 'saxen'
import { READING_LIMITS } from './limits.ts'
import { damaged } from './zip.ts'

/** An attribute by its name without a prefix. */
export type Attributes = (name: string) => string | undefined

export interface XmlHandlers {
  /** Names are without their prefixes. */
  open(name: string, attributes: Attributes): void
  close?(name: string): void
  text?(text: string): void
}

/** So much is given to the parser at once. */
const PIECE_CHARACTERS = 65_536

/** Reads one part of a workbook as it is unpacked. Throws a `ProblemError` for what is no XML. */
export async function readXml(
  chunks: AsyncIterable<Buffer>,
  part: string,
  file: string,
  handlers: XmlHandlers,
): Promise<void> {
  const parser = listen(part, file, handlers)
  let decoder: TextDecoder | undefined
  let piece = ''
  let sinceToken = 0
  const write = (): void => {
    const tokens = parser.tokens()
    parser.write(piece)
    sinceToken = parser.tokens() === tokens ? sinceToken + piece.length : 0
    if (sinceToken > READING_LIMITS.xmlTokenCharacters)
      throw damaged(file, `a single value of ${part} has more than four million characters`)
    piece = ''
  }
  for await (const chunk of chunks) {
    decoder ??= new TextDecoder(encodingOf(chunk))
    piece += decoder.decode(chunk, { stream: true })
    if (piece.length >= PIECE_CHARACTERS) write()
  }
  piece += decoder?.decode() ?? ''
  write()
  parser.end()
}

const encodingOf = (start: Buffer): string => {
  if (start[0] === 0xff && start[1] === 0xfe) return 'utf-16le'
  return start[0] === 0xfe && start[1] === 0xff ? 'utf-16be' : 'utf-8'
}

function listen(part: string, file: string, handlers: XmlHandlers) {
  const parser = new Parser()
  let depth = 0
  let count = 0
  const fail = (what: string): never => {
    throw damaged(file, `${part} ${what}`)
  }
  parser.on('error', (error) => fail(`is no XML (${error.message})`))
  parser.on('attention', (declaration) => {
    // Entities of one's own are how a small file becomes a huge one; no spreadsheet program writes any.
    if (/^<!(?:doctype|entity)/iu.test(declaration)) fail('defines XML entities of its own')
  })
  parser.on('openTag', (name, getAttributes) => {
    depth += 1
    count += 1
    if (depth > READING_LIMITS.depth) fail(`is nested more than ${READING_LIMITS.depth} deep`)
    handlers.open(localName(name), (wanted) => findAttribute(getAttributes(), wanted))
  })
  parser.on('closeTag', (name) => {
    depth -= 1
    count += 1
    handlers.close?.(localName(name))
  })
  if (handlers.text) {
    parser.on('text', (text) => handlers.text?.(decodeEntities(text)))
    parser.on('cdata', (text) => handlers.text?.(text))
  }
  return {
    tokens: () => count,
    write: (text: string) => parser.write(text),
    end: () => parser.end(),
  }
}

const localName = (name: string): string => name.slice(name.indexOf(':') + 1)

function findAttribute(attributes: Record<string, string>, wanted: string): string | undefined {
  const found = Object.hasOwn(attributes, wanted) ? attributes[wanted] : undefined
  if (found !== undefined) return decodeEntities(found)
  for (const name in attributes)
    if (name.endsWith(`:${wanted}`)) return decodeEntities(attributes[name] ?? '')
  return undefined
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** The parser's own way breaks characters beyond U+FFFF, such as emoji, in two. */
function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(amp|lt|gt|quot|apos));/gu,
    (all, decimal, hex, name) => {
      if (name !== undefined) return NAMED[name as string] ?? all
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
      return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)
        ? String.fromCodePoint(code)
        : '\ufffd'
    },
  )
}
