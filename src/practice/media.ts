import { createHash } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import { ALL_FORMATS, BufferSource, Input } from 'mediabunny'
import sharp from 'sharp'
import type { UploadRecord } from './books.ts'
import type { Desk } from './desk.ts'
import { isRecord } from './desk.ts'

/** What the first bytes and the container say about a file. */
export interface Probe {
  kind: 'image' | 'video' | 'audio'
  /** `jpeg`, `png`, `gif`, `webp`, `bmp`, `mp4`, `mov`, `mp3`, `wav`, or `other`. */
  format: string
  width?: number
  height?: number
  durationMs?: number
  hasAlpha?: boolean
}

/** Looks into a file; undefined when it is none of the known kinds or cannot be read. */
export async function probeMedia(bytes: Buffer): Promise<Probe | undefined> {
  const format = sniff(bytes)
  try {
    if (format === 'bmp') return probeBitmap(bytes)
    if (['jpeg', 'png', 'gif', 'webp'].includes(format)) return await probePicture(bytes, format)
    if (['mp4', 'mov', 'mp3', 'wav', 'other-video', 'other-audio'].includes(format))
      return await probeTimed(bytes, format)
    return undefined
  } catch {
    return undefined
  }
}

function sniff(bytes: Buffer): string {
  const text = (from: number, to: number) => bytes.toString('latin1', from, to)
  if (bytes.length < 12) return 'unknown'
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return 'jpeg'
  if (text(1, 4) === 'PNG') return 'png'
  if (text(0, 4) === 'GIF8') return 'gif'
  if (text(0, 2) === 'BM') return 'bmp'
  if (text(0, 4) === 'RIFF')
    return text(8, 12) === 'WEBP' ? 'webp' : text(8, 12) === 'WAVE' ? 'wav' : 'unknown'
  if (text(4, 8) === 'ftyp') return text(8, 12) === 'qt  ' ? 'mov' : 'mp4'
  if (['moov', 'mdat', 'wide', 'free'].includes(text(4, 8))) return 'mov'
  if (text(0, 3) === 'ID3' || (bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe6) === 0xe2)) return 'mp3'
  if (bytes.readUInt32BE(0) === 0x1a45dfa3) return 'other-video'
  if (text(0, 4) === 'OggS' || text(0, 4) === 'fLaC') return 'other-audio'
  return 'unknown'
}

function probeBitmap(bytes: Buffer): Probe | undefined {
  if (bytes.length < 26) return undefined
  const width = bytes.readInt32LE(18)
  const height = Math.abs(bytes.readInt32LE(22))
  return { kind: 'image', format: 'bmp', width, height, hasAlpha: false }
}

async function probePicture(bytes: Buffer, format: string): Promise<Probe | undefined> {
  const { width, height, hasAlpha } = await sharp(bytes).metadata()
  if (!width || !height) return undefined
  return { kind: 'image', format, width, height, hasAlpha: hasAlpha === true }
}

async function probeTimed(bytes: Buffer, format: string): Promise<Probe | undefined> {
  const input = new Input({ source: new BufferSource(bytes), formats: ALL_FORMATS })
  try {
    const video = await input.getPrimaryVideoTrack()
    const durationMs = Math.round((await input.computeDuration()) * 1000)
    const name = format.startsWith('other-') ? 'other' : format
    if (!video) return { kind: 'audio', format: name, durationMs }
    const width = await video.getDisplayWidth()
    const height = await video.getDisplayHeight()
    return { kind: 'video', format: name, width, height, durationMs }
  } finally {
    input.dispose()
  }
}

/** Splits `data:<mime>;base64,<data>`; undefined when the text has another form. */
export function decodeDataUri(text: string): { mime: string; bytes: Buffer } | undefined {
  const comma = text.indexOf(',')
  const head = /^data:([a-z]+\/[A-Za-z0-9.+-]+);base64$/.exec(text.slice(0, Math.min(comma, 200)))
  if (comma < 0 || !head?.[1]) return undefined
  const data = text.slice(comma + 1)
  if (data.length === 0 || !/^[A-Za-z0-9+/\r\n]*={0,2}$/.test(data)) return undefined
  return { mime: head[1], bytes: Buffer.from(data, 'base64') }
}

/** A copy in which every data URI is only its type and hash, so that the ledger stays small. */
export function maskDataUris(value: unknown): unknown {
  if (typeof value === 'string') {
    if (!value.startsWith('data:')) return value
    const mime = /^data:([^;,]{0,100})/.exec(value)?.[1] ?? ''
    const bytes = decodeDataUri(value)?.bytes ?? value
    return `data:${mime};sha256=${createHash('sha256').update(bytes).digest('hex')}`
  }
  if (Array.isArray(value)) return value.map(maskDataUris)
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, maskDataUris(part)]))
}

/** True for everything that is not on the public internet: this machine, private, link-local and reserved addresses. */
export function isInternalHost(host: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
  if (ipaddr.isValid(name)) return ipaddr.process(name).range() !== 'unicast'
  return name === '' || name === 'localhost' || /\.(localhost|local|internal)$/.test(name)
}

/** What an address in a request turned out to be. */
export type Address =
  | { kind: 'invalid' }
  | { kind: 'own'; upload: UploadRecord }
  | { kind: 'foreign'; url: URL }

/** Reads a media address. One that points at the Files service must be there and alive. */
export function resolveAddress(desk: Desk, text: string): Address {
  if (!URL.canParse(text)) return { kind: 'invalid' }
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return { kind: 'invalid' }
  if (!isInternalHost(url.hostname)) return { kind: 'foreign', url }
  const isHere = url.hostname === '127.0.0.1' || url.hostname === 'localhost'
  const upload = isHere ? findUpload(desk, url.pathname) : undefined
  return upload ? { kind: 'own', upload } : { kind: 'invalid' }
}

/** The living upload behind a path of the Files service. */
export function findUpload(desk: Desk, pathname: string): UploadRecord | undefined {
  const download = /^\/api\/v1\/files\/download\/([A-Za-z0-9_]+)$/.exec(pathname)
  const id = download?.[1] ?? desk.books.uploadAt.get(safeDecode(pathname.replace(/^\/files\//, '')))
  const upload = desk.books.uploads.get(id ?? '')
  return upload && desk.clock.now() < upload.expiresAt ? upload : undefined
}

export function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
