import { refuse } from './decode.ts'

/** A workbook is a ZIP; everything else that can be read is text. */
export type Kind = 'zip' | 'text'

/** Tells by the first bytes and never by the name. Throws in words for what is no table at all. */
export function recognise(bytes: Uint8Array, file: string): Kind {
  if (startsWith(bytes, [0x50, 0x4b, 0x03, 0x04], 0)) return 'zip'
  const foreign = FOREIGN.find(({ magic, at }) => startsWith(bytes, magic, at ?? 0))
  if (foreign) throw refuse(file, `${file} is ${foreign.name}, not a table.`, foreign.next)
  return 'text'
}

const SAVE_AS_XLSX = 'Open it in the program that made it, save it as XLSX or "CSV UTF-8", and use that file.'
const NO_PASSWORD = 'Open it, save it as XLSX without a password (or as "CSV UTF-8"), and use that file.'

/** First bytes by https://www.iana.org/assignments/media-types and the formats' own pages. */
const FOREIGN: readonly { name: string; magic: readonly number[]; at?: number; next?: string }[] = [
  {
    name: 'an old Excel workbook (XLS), or a workbook with a password',
    magic: [0xd0, 0xcf, 0x11, 0xe0],
    next: NO_PASSWORD,
  },
  { name: 'an old Excel workbook (XLS)', magic: [0x09, 0x08, 0x10, 0x00], next: SAVE_AS_XLSX },
  { name: 'an empty ZIP file', magic: [0x50, 0x4b, 0x05, 0x06] },
  { name: 'a PDF document', magic: [0x25, 0x50, 0x44, 0x46, 0x2d] },
  {
    name: 'a compressed file (gzip)',
    magic: [0x1f, 0x8b, 0x08],
    next: 'Unpack it, and use the file inside.',
  },
  {
    name: 'a compressed file (7z)',
    magic: [0x37, 0x7a, 0xbc, 0xaf],
    next: 'Unpack it, and use the file inside.',
  },
  {
    name: 'a compressed file (RAR)',
    magic: [0x52, 0x61, 0x72, 0x21],
    next: 'Unpack it, and use the file inside.',
  },
  { name: 'a picture (PNG)', magic: [0x89, 0x50, 0x4e, 0x47] },
  { name: 'a picture (JPEG)', magic: [0xff, 0xd8, 0xff] },
  { name: 'a picture (GIF)', magic: [0x47, 0x49, 0x46, 0x38] },
  { name: 'a picture or sound file (RIFF)', magic: [0x52, 0x49, 0x46, 0x46] },
  { name: 'a film or sound file', magic: [0x66, 0x74, 0x79, 0x70], at: 4 },
  { name: 'a rich text document (RTF)', magic: [0x7b, 0x5c, 0x72, 0x74, 0x66] },
  { name: 'a SQLite database', magic: [0x53, 0x51, 0x4c, 0x69, 0x74, 0x65, 0x20, 0x66] },
]

function startsWith(bytes: Uint8Array, magic: readonly number[], at: number): boolean {
  return magic.every((byte, index) => bytes[at + index] === byte)
}

export type TextKind = 'html' | 'json' | 'spreadsheet-xml' | 'delimited'

/** What a text is, by its beginning. A table of cells begins with a column's name. */
export function recogniseText(start: string): TextKind {
  const text = start.slice(0, 4_000).trimStart()
  if (/^(?:\[\s*(?:[[{"\]\d-]|$)|\{\s*(?:"|\}))/u.test(text)) return 'json'
  if (!text.startsWith('<')) return 'delimited'
  if (/^<\?xml[\s\S]*?(?:<\?mso-application|<(?:\w+:)?Workbook\b)/u.test(text)) return 'spreadsheet-xml'
  return /^<(?:!--|!doctype|\?xml|html|head|meta|body|table|style|google-sheets)/iu.test(text)
    ? 'html'
    : 'delimited'
}
