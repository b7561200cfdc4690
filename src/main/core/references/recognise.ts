import type { ReferenceKind } from '../../../shared/models/types.ts'

/** What a file is, by its first bytes. A name proves nothing: providers look at the content too. */
export interface MediaFormat {
  kind: ReferenceKind
  /** `jpeg`, `png`, `webp`, `gif`, `bmp`, `avif`, `mp4`, `mov`, `webm`, `mkv`, `3gp`, `mp3`, `wav`, … */
  format: string
  mediaType: string
  /** For the name of a stored copy, without a dot. */
  extension: string
}

/** Bytes that `recognise` wants to see. */
export const HEAD_BYTES = 4096

/** Something else, in words; `next` where more can be said than which formats are taken. */
export interface Foreign {
  foreign: string
  next?: string
}

/** The format, or in words what the file is instead. */
export function recognise(head: Uint8Array): MediaFormat | Foreign {
  return (
    recogniseImage(head) ??
    recogniseBoxes(head) ??
    recogniseFilm(head) ??
    recogniseSound(head) ??
    nameForeign(head)
  )
}

/** What an extension claims; only good for addresses, whose bytes nobody here sees. */
export function kindOfExtension(extension: string): ReferenceKind | undefined {
  const spelled = SPELLINGS[extension] ?? extension
  return Object.values(FORMATS).find((known) => known.extension === spelled)?.kind
}

/** Whether a file of this name is meant to be media: in a folder, everything else is passed over. */
export function looksLikeMedia(name: string): boolean {
  const extension = /\.([a-z0-9]{2,4})$/iu.exec(name)?.[1]?.toLowerCase() ?? ''
  return kindOfExtension(extension) !== undefined || REFUSED_PICTURES.includes(extension)
}

/** Pictures that cannot be taken; they are looked at, so that their sentence is heard. */
const REFUSED_PICTURES = ['heic', 'heif']

const SPELLINGS: Readonly<Record<string, string>> = {
  jpeg: 'jpg',
  jpe: 'jpg',
  m4v: 'mp4',
  wave: 'wav',
  qt: 'mov',
  tif: 'tiff',
  jfif: 'jpg',
}

const FORMATS = {
  jpeg: { kind: 'image', format: 'jpeg', mediaType: 'image/jpeg', extension: 'jpg' },
  png: { kind: 'image', format: 'png', mediaType: 'image/png', extension: 'png' },
  webp: { kind: 'image', format: 'webp', mediaType: 'image/webp', extension: 'webp' },
  gif: { kind: 'image', format: 'gif', mediaType: 'image/gif', extension: 'gif' },
  bmp: { kind: 'image', format: 'bmp', mediaType: 'image/bmp', extension: 'bmp' },
  avif: { kind: 'image', format: 'avif', mediaType: 'image/avif', extension: 'avif' },
  tiff: { kind: 'image', format: 'tiff', mediaType: 'image/tiff', extension: 'tiff' },
  mp4: { kind: 'video', format: 'mp4', mediaType: 'video/mp4', extension: 'mp4' },
  mov: { kind: 'video', format: 'mov', mediaType: 'video/quicktime', extension: 'mov' },
  '3gp': { kind: 'video', format: '3gp', mediaType: 'video/3gpp', extension: '3gp' },
  webm: { kind: 'video', format: 'webm', mediaType: 'video/webm', extension: 'webm' },
  mkv: { kind: 'video', format: 'mkv', mediaType: 'video/x-matroska', extension: 'mkv' },
  mp3: { kind: 'audio', format: 'mp3', mediaType: 'audio/mpeg', extension: 'mp3' },
  wav: { kind: 'audio', format: 'wav', mediaType: 'audio/wav', extension: 'wav' },
  flac: { kind: 'audio', format: 'flac', mediaType: 'audio/flac', extension: 'flac' },
  ogg: { kind: 'audio', format: 'ogg', mediaType: 'audio/ogg', extension: 'ogg' },
  aac: { kind: 'audio', format: 'aac', mediaType: 'audio/aac', extension: 'aac' },
  m4a: { kind: 'audio', format: 'm4a', mediaType: 'audio/mp4', extension: 'm4a' },
} as const satisfies Record<string, MediaFormat>

function recogniseImage(head: Uint8Array): MediaFormat | undefined {
  if (isAt(head, 0, [0xff, 0xd8, 0xff])) return FORMATS.jpeg
  if (isAt(head, 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return FORMATS.png
  if (text(head, 0, 4) === 'RIFF' && text(head, 8, 4) === 'WEBP') return FORMATS.webp
  if (text(head, 0, 4) === 'GIF8') return FORMATS.gif
  if (isAt(head, 0, [0x49, 0x49, 0x2a, 0]) || isAt(head, 0, [0x4d, 0x4d, 0, 0x2a])) return FORMATS.tiff
  // `BM` alone could begin a text; bytes 6 to 9 are reserved and zero in every BMP.
  if (text(head, 0, 2) === 'BM' && isAt(head, 6, [0, 0, 0, 0])) return FORMATS.bmp
  return undefined
}

const HEIC_BRANDS = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'msf1']
/** HEVC is patented: the picture library's builds come without a decoder for it. */
const HEIC: Foreign = {
  foreign: 'an HEIC picture, as iPhones take them: no model takes it, and Reelsheet cannot convert it',
  next: 'Export it as JPEG: on a Mac open it in Preview and choose File, Export; on Windows open it in Photos and choose Save as; on the iPhone choose Settings, Camera, Formats, Most Compatible for the pictures to come.',
}
/** QuickTime files older than `ftyp` begin with one of these boxes. */
const OLD_QUICKTIME = ['moov', 'mdat', 'wide', 'free', 'skip', 'pnot']

/** ISO base media files: https://www.iso.org/standard/83102.html, brands at https://mp4ra.org/registered-types/brands */
function recogniseBoxes(head: Uint8Array): MediaFormat | Foreign | undefined {
  const type = text(head, 4, 4)
  if (OLD_QUICKTIME.includes(type)) return FORMATS.mov
  if (type !== 'ftyp') return undefined
  const brand = text(head, 8, 4)
  const brands = listBrands(head)
  if (brands.includes('avif') || brands.includes('avis')) return FORMATS.avif
  if (HEIC_BRANDS.includes(brand)) return HEIC
  if (brand === 'qt  ') return FORMATS.mov
  if (brand === 'M4A ' || brand === 'M4B ') return FORMATS.m4a
  return brand.startsWith('3g') ? FORMATS['3gp'] : FORMATS.mp4
}

function listBrands(head: Uint8Array): string[] {
  const size = Math.min(readUint32(head, 0), head.length, 256)
  const brands = [text(head, 8, 4)]
  for (let at = 16; at + 4 <= size; at += 4) brands.push(text(head, at, 4))
  return brands
}

function recogniseFilm(head: Uint8Array): MediaFormat | undefined {
  if (!isAt(head, 0, [0x1a, 0x45, 0xdf, 0xa3])) return undefined
  return text(head, 0, 64).includes('webm') ? FORMATS.webm : FORMATS.mkv
}

function recogniseSound(head: Uint8Array): MediaFormat | undefined {
  if (text(head, 0, 4) === 'RIFF' && text(head, 8, 4) === 'WAVE') return FORMATS.wav
  if (text(head, 0, 4) === 'fLaC') return FORMATS.flac
  if (text(head, 0, 4) === 'OggS') return FORMATS.ogg
  if (text(head, 0, 3) === 'ID3') return FORMATS.mp3
  const [first = 0, second = 0, third = 0] = head
  if (first !== 0xff) return undefined
  if ((second & 0xf6) === 0xf0) return FORMATS.aac
  const isLayer3 = (second & 0xe0) === 0xe0 && ((second >> 1) & 3) === 1 && ((second >> 3) & 3) !== 1
  return isLayer3 && third >> 4 !== 15 && ((third >> 2) & 3) !== 3 ? FORMATS.mp3 : undefined
}

function nameForeign(head: Uint8Array): Foreign {
  const start = text(head, 0, 256).trimStart().toLowerCase()
  if (start.startsWith('<!doctype html') || start.startsWith('<html')) return { foreign: 'a web page (HTML)' }
  if (start.startsWith('<svg') || start.includes('<svg ')) return { foreign: 'an SVG drawing' }
  if (start.startsWith('%pdf-')) return { foreign: 'a PDF document' }
  if (text(head, 0, 4) === 'RIFF' && text(head, 8, 4) === 'AVI ') return { foreign: 'an AVI film' }
  if (isAt(head, 0, [0x50, 0x4b, 0x03, 0x04])) return { foreign: 'a ZIP file' }
  return { foreign: isText(head) ? 'a text file' : 'of a kind that Reelsheet does not know' }
}

function isText(head: Uint8Array): boolean {
  return head.every((byte) => byte === 9 || byte === 10 || byte === 13 || byte >= 32)
}

function isAt(head: Uint8Array, at: number, bytes: readonly number[]): boolean {
  return bytes.every((byte, index) => head[at + index] === byte)
}

function text(head: Uint8Array, at: number, length: number): string {
  return Buffer.from(head.subarray(at, at + length)).toString('latin1')
}

function readUint32(head: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = head.subarray(at, at + 4)
  return a * 0x1000000 + b * 0x10000 + c * 0x100 + d
}
