import { Readable } from 'node:stream'
import { dataUri, type SizedSource, type SizedStream } from './data-uri.ts'

/** A whole string of this form stands for a stored reference; nothing before it, nothing after it. */
const MARK = /^data:([a-z]+\/[a-z0-9.+-]+);sha256=([0-9a-f]{64})$/u

/** Text that a person wrote is sent as written, even if all of it looks like a mark. */
const WRITTEN_BY_PEOPLE: ReadonlySet<string> = new Set(['prompt', 'negative_prompt'])

/**
 * A JSON body in which each string of exactly the form `data:<type>;sha256=<hex>` becomes that reference's real
 * data URI, built while it is sent; the exact length is known before. Keys, longer texts and prompts are never
 * replaced. With `hashes`, only these are replaced; without, every mark is, and one whose reference is not stored
 * is an error of `openReference`, because a mark must not reach a provider as if it were an address.
 */
export function jsonWithInline(
  body: unknown,
  openReference: (sha256: string) => SizedSource,
  hashes?: ReadonlySet<string>,
): SizedStream {
  const pieces: Piece[] = []
  write(body, pieces, (mark) => (!hashes || hashes.has(mark.sha256) ? openReference(mark.sha256) : undefined))
  const ready = pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece))
  const length = ready.reduce((sum, piece) => sum + piece.length, 0)
  return { length, stream: () => Readable.from(send(ready), { objectMode: false }) }
}

type Piece = string | SizedStream
type Open = (mark: { mediaType: string; sha256: string }) => SizedSource | undefined

async function* send(pieces: readonly (Buffer | SizedStream)[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    if (Buffer.isBuffer(piece)) yield piece
    else yield* piece.stream() as AsyncIterable<Buffer>
  }
}

/** `JSON.stringify` with places for streams in it: the same text wherever there is no mark. */
function write(value: unknown, pieces: Piece[], openMark: Open, key?: string): void {
  const inline = typeof value === 'string' ? openInline(value, openMark, key) : undefined
  if (inline) {
    // Base64 and a checked media type hold nothing that JSON would escape.
    push(pieces, '"')
    pieces.push(inline)
    push(pieces, '"')
  } else if (Array.isArray(value)) {
    writeArray(value, pieces, openMark, key)
  } else if (isPlainObject(value)) {
    writeObject(value, pieces, openMark)
  } else {
    push(pieces, JSON.stringify(value) ?? 'null')
  }
}

function openInline(text: string, openMark: Open, key: string | undefined): SizedStream | undefined {
  if (key !== undefined && WRITTEN_BY_PEOPLE.has(key)) return undefined
  const match = MARK.exec(text)
  if (!match) return undefined
  const [, mediaType = '', sha256 = ''] = match
  const source = openMark({ mediaType, sha256 })
  return source && dataUri(source, mediaType)
}

function writeArray(
  items: readonly unknown[],
  pieces: Piece[],
  openMark: Open,
  key: string | undefined,
): void {
  push(pieces, '[')
  for (const [index, item] of items.entries()) {
    if (index > 0) push(pieces, ',')
    write(item, pieces, openMark, key)
  }
  push(pieces, ']')
}

function writeObject(fields: Record<string, unknown>, pieces: Piece[], openMark: Open): void {
  push(pieces, '{')
  let isFirst = true
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue
    push(pieces, `${isFirst ? '' : ','}${JSON.stringify(key)}:`)
    write(value, pieces, openMark, key)
    isFirst = false
  }
  push(pieces, '}')
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !('toJSON' in value)
}

/** Neighbouring texts are joined, so that a body without references is one piece. */
function push(pieces: Piece[], text: string): void {
  const last = pieces.at(-1)
  if (typeof last === 'string') pieces[pieces.length - 1] = last + text
  else pieces.push(text)
}
