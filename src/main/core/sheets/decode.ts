import { ProblemError, problem } from '../../../shared/problem.ts'

/** Bytes looked at to tell UTF-16 from bytes that are no text at all. */
const SAMPLE_BYTES = 65_536

/**
 * The text of a sheet file: UTF-8 or UTF-16 (either byte order), with or without a byte order mark.
 * Anything else is refused in words instead of being guessed at, because a wrongly read prompt costs money.
 */
export function decodeText(bytes: Uint8Array, file: string): string {
  const foreign = recogniseForeign(bytes)
  if (foreign) throw refuse(file, `${file} is ${foreign}, not a table in text form.`, SAVE_AS_CSV)
  const encoding = detectEncoding(bytes)
  if (!encoding) {
    throw refuse(file, `${file} holds bytes that are no text (binary content).`, SAVE_AS_CSV)
  }
  const text = decode(bytes, encoding)
  if (text === undefined) throw refuse(file, `${file} is neither UTF-8 nor UTF-16 text.`, SAVE_AS_CSV)
  const place = text.indexOf('\0')
  if (place >= 0) throw refuse(file, describeNul(file, text, place), 'Remove that character and try again.')
  return text
}

const SAVE_AS_CSV = 'Open it in the program that made it, save it as "CSV UTF-8", and use that file.'

function refuse(file: string, what: string, next: string): ProblemError {
  return new ProblemError(
    problem('sheet-unreadable', `${what} Nothing was read and nothing was spent.`, next, { file }),
  )
}

function describeNul(file: string, text: string, place: number): string {
  const line = text.slice(0, place).split('\n').length
  return `${file} holds a NUL character in line ${line}, which no prompt can contain.`
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
  const isUtf8 = decode(sample, 'utf-8', length > sample.length) !== undefined
  if (isUtf8 && zeros < sample.length / 5) return 'utf-8'
  if (length % 2 === 0 && little > big) return 'utf-16le'
  if (length % 2 === 0 && big > little) return 'utf-16be'
  return undefined
}

/** Tab, line feed, carriage return, comma, semicolon. */
function isSeparator(byte: number): boolean {
  return byte === 9 || byte === 10 || byte === 13 || byte === 44 || byte === 59
}

/**
 * Undefined when the bytes are not in that encoding. A byte order mark is removed. A sample may end inside a
 * character, which streaming mode forgives.
 */
function decode(bytes: Uint8Array, encoding: Encoding, isSample = false): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: isSample })
  } catch {
    return undefined
  }
}

const FOREIGN: readonly { name: string; magic: readonly number[]; at?: number }[] = [
  { name: 'an old Excel workbook (XLS)', magic: [0xd0, 0xcf, 0x11, 0xe0] },
  { name: 'a PDF document', magic: [0x25, 0x50, 0x44, 0x46, 0x2d] },
  { name: 'a compressed file (gzip)', magic: [0x1f, 0x8b, 0x08] },
  { name: 'a picture (PNG)', magic: [0x89, 0x50, 0x4e, 0x47] },
  { name: 'a picture (JPEG)', magic: [0xff, 0xd8, 0xff] },
  { name: 'a picture (GIF)', magic: [0x47, 0x49, 0x46, 0x38] },
  { name: 'a film or sound file', magic: [0x66, 0x74, 0x79, 0x70], at: 4 },
  { name: 'a rich text document (RTF)', magic: [0x7b, 0x5c, 0x72, 0x74, 0x66] },
  { name: 'a SQLite database', magic: [0x53, 0x51, 0x4c, 0x69, 0x74, 0x65, 0x20, 0x66] },
]

function recogniseForeign(bytes: Uint8Array): string | undefined {
  if (startsWith(bytes, [0x50, 0x4b, 0x03, 0x04], 0)) return nameZip(bytes)
  return FOREIGN.find(({ magic, at }) => startsWith(bytes, magic, at ?? 0))?.name
}

function nameZip(bytes: Uint8Array): string {
  const names = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, SAMPLE_BYTES)).toString(
    'latin1',
  )
  const tail = Buffer.from(bytes.subarray(Math.max(0, bytes.length - SAMPLE_BYTES))).toString('latin1')
  if (names.includes('xl/') || tail.includes('xl/')) return 'an Excel workbook (XLSX)'
  if (names.includes('opendocument.spreadsheet')) return 'an OpenDocument spreadsheet (ODS)'
  return 'a ZIP file'
}

function startsWith(bytes: Uint8Array, magic: readonly number[], at: number): boolean {
  return magic.every((byte, index) => bytes[at + index] === byte)
}
