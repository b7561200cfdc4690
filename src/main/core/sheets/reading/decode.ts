import { isUtf8 } from 'node:buffer'
import { TextDecoder } from 'node:util'
import { type Problem, ProblemError, problem } from '../../../../shared/problem.ts'
import { guessEncoding, type LegacyEncoding, nameGuessed } from './guess-encoding.ts'
import { notice } from './stop.ts'

/** Bytes looked at to tell UTF-16 from bytes that are no text at all. */
const SAMPLE_BYTES = 65_536
/** Decoded at once. */
const PIECE_BYTES = 300_000

export interface Decoded {
  /** The text from its beginning, without a byte order mark, in pieces. */
  pieces: Iterable<string>
  problems: Problem[]
}

/**
 * The text of a sheet file: UTF-8 or UTF-16 (either byte order), with or without a byte order mark; GB 18030 and
 * Windows-1252 where the bytes leave little doubt, and that is said. Anything else is refused in words instead of
 * being guessed at, because a wrongly read prompt costs money.
 * How bytes are decoded: https://encoding.spec.whatwg.org/
 */
export function decodeText(bytes: Uint8Array, file: string): Decoded {
  const encoding = detectEncoding(bytes)
  if (!encoding) {
    throw refuse(file, `${file} holds bytes that are no text (binary content).`, SAVE_AS_CSV)
  }
  const place = findNul(bytes, encoding)
  if (place >= 0)
    throw refuse(file, describeNul(file, bytes, place, encoding), 'Remove that character and try again.')
  if (encoding !== 'utf-8' || isUtf8(bytes))
    return { pieces: decodePieces(bytes, encoding, file), problems: [] }
  const guessed = guessEncoding(bytes)
  if (guessed === 'damaged-utf-8') throw refuse(file, describeDamage(file, bytes), SAVE_AS_CSV)
  if (!guessed) throw unknownEncoding(file)
  return { pieces: decodePieces(bytes, guessed, file), problems: [describeGuess(file, bytes, guessed)] }
}

const SAVE_AS_CSV = 'Open it in the program that made it, save it as "CSV UTF-8", and use that file.'

export function refuse(file: string, what: string, next: string = SAVE_AS_CSV): ProblemError {
  return new ProblemError(
    problem('sheet-unreadable', `${what} Nothing was read and nothing was spent.`, next, { file }),
  )
}

const unknownEncoding = (file: string): ProblemError =>
  refuse(file, `${file} is neither UTF-8 nor UTF-16 text, and its characters do not show what else it is.`)

function describeNul(file: string, bytes: Uint8Array, place: number, encoding: Encoding): string {
  const text = new TextDecoder(encoding).decode(bytes.subarray(0, place))
  return `${file} holds a NUL character in line ${text.split('\n').length}, which no prompt can contain.`
}

function describeDamage(file: string, bytes: Uint8Array): string {
  const text = new TextDecoder('utf-8').decode(bytes)
  const line = text.slice(0, text.indexOf('\ufffd')).split('\n').length
  return `${file} is UTF-8 text with damaged characters, the first in line ${line}.`
}

function describeGuess(file: string, bytes: Uint8Array, guessed: LegacyEncoding): Problem {
  const { name, examples } = nameGuessed(bytes, guessed)
  const what = `was read as ${name}, because it is not UTF-8; it was so that ${examples} came out.`
  return notice(file, what, 'If these look wrong, save the sheet as "CSV UTF-8" and use that file.')
}

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be'

function detectEncoding(bytes: Uint8Array): Encoding | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  const sample = bytes.subarray(0, SAMPLE_BYTES)
  if (!sample.includes(0)) return 'utf-8'
  return guessUtf16(sample, bytes.length)
}

/**
 * A sheet has line ends and separators, and in UTF-16 their other byte is zero, which shows the byte order. Only
 * these count: Latin letters do not help, because U+4E00, a frequent character, is `N` read the other way round,
 * while the mirror images of the separators are hardly ever written. A stray NUL in a UTF-8 file decides
 * nothing: it goes on as UTF-8 and is named there.
 */
function guessUtf16(sample: Uint8Array, length: number): Encoding | undefined {
  let little = 0
  let big = 0
  let zeros = 0
  for (let index = 0; index + 1 < sample.length; index += 2) {
    const first = sample[index] as number
    const second = sample[index + 1] as number
    if (first === 0) zeros += 1
    if (second === 0) zeros += 1
    if (second === 0 && isSeparator(first)) little += 1
    if (first === 0 && isSeparator(second)) big += 1
  }
  if (isUtf8Start(sample, length > sample.length) && zeros < sample.length / 5) return 'utf-8'
  if (length % 2 === 0 && little > big) return 'utf-16le'
  if (length % 2 === 0 && big > little) return 'utf-16be'
  return undefined
}

/** Tab, line feed, carriage return, comma, semicolon, bar. */
function isSeparator(byte: number): boolean {
  return byte === 9 || byte === 10 || byte === 13 || byte === 44 || byte === 59 || byte === 124
}

/** A sample may end inside a character, which streaming mode forgives. */
function isUtf8Start(sample: Uint8Array, isCut: boolean): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(sample, { stream: isCut })
    return true
  } catch {
    return false
  }
}

function findNul(bytes: Uint8Array, encoding: Encoding): number {
  if (encoding === 'utf-8') return bytes.indexOf(0)
  for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, at + 1)) {
    if (at % 2 === 0 && bytes[at + 1] === 0) return at
  }
  return -1
}

function* decodePieces(bytes: Uint8Array, encoding: Encoding | LegacyEncoding, file: string) {
  const decoder = new TextDecoder(encoding, { fatal: true })
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const end = Math.min(bytes.length, at + PIECE_BYTES)
    yield decodePiece(decoder, bytes.subarray(at, end), end < bytes.length, file)
  }
}

function decodePiece(decoder: TextDecoder, piece: Uint8Array, isMore: boolean, file: string): string {
  try {
    return decoder.decode(piece, { stream: isMore })
  } catch {
    throw unknownEncoding(file)
  }
}
