/** How many bytes from the start of a body are enough to tell what it is. */
export const SNIFF_BYTES = 512

export type Sniffed = 'video' | 'markup' | 'json' | 'packed' | 'text' | 'empty' | 'unknown'

/**
 * What a body is by its first bytes. `video` means a known container, `unknown` anything that is neither
 * text nor known; whether it really plays is for `inspectClip`.
 */
export function sniff(head: Uint8Array): Sniffed {
  if (head.byteLength === 0) return 'empty'
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, SNIFF_BYTES))
  if (isVideoHead(bytes)) return 'video'
  if (isPacked(bytes)) return 'packed'
  const text = decodeText(bytes)
  if (text === undefined) return 'unknown'
  const first = text.trimStart()[0]
  if (first === '<') return 'markup'
  if (first === '{' || first === '[') return 'json'
  return 'text'
}

const MP4_BOXES = new Set(['ftyp', 'styp', 'moov', 'mdat', 'free', 'skip', 'wide', 'pnot'])

function isVideoHead(bytes: Buffer): boolean {
  if (MP4_BOXES.has(bytes.toString('latin1', 4, 8))) return true
  if (bytes.length >= 4 && bytes.readUInt32BE(0) === 0x1a45dfa3) return true // Matroska, WebM
  if (bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'AVI ') return true
  if (bytes.toString('latin1', 0, 4) === 'OggS' || bytes.toString('latin1', 0, 3) === 'FLV') return true
  return bytes.length > 188 && bytes[0] === 0x47 && bytes[188] === 0x47 // MPEG transport stream
}

/** gzip or zstd: sent packed although identity was asked for. */
function isPacked(bytes: Buffer): boolean {
  return (
    (bytes[0] === 0x1f && bytes[1] === 0x8b) || (bytes.length >= 4 && bytes.readUInt32LE(0) === 0xfd2fb528)
  )
}

/** The bytes as text, or undefined when they are not: no control characters, whole UTF-8 or UTF-16 with a mark. */
function decodeText(bytes: Buffer): string | undefined {
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  if (isUtf16) return new TextDecoder(bytes[0] === 0xff ? 'utf-16le' : 'utf-16be').decode(bytes)
  try {
    // stream: a character cut off by the window is no error.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
    return hasControls(text) ? undefined : text
  } catch {
    return undefined
  }
}

function hasControls(text: string): boolean {
  for (const letter of text) {
    const code = letter.charCodeAt(0)
    if (code < 32 && code !== 9 && code !== 10 && code !== 12 && code !== 13) return true
  }
  return false
}

/**
 * Says in words why a body is no clip, or null when it may be one. Web pages, XML and JSON are refused by
 * type and by first bytes; `text/plain` and a wrong `content-encoding` are what careless servers put on any
 * file, so there a known video container in the first bytes counts for more than the label.
 */
export function refuseContent(
  head: Uint8Array,
  contentType: string | null,
  contentEncoding: string | null,
): string | null {
  const found = sniff(head)
  if (found !== 'video' && found !== 'unknown') return FINDINGS[found]
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (/html|xml|json|javascript/.test(type)) return 'the server calls it a web page or a message, not a video'
  if (found === 'video') return null
  if (type.startsWith('text/')) return FINDINGS.text
  return isIdentity(contentEncoding) ? null : FINDINGS.packed
}

const isIdentity = (encoding: string | null): boolean =>
  encoding === null || ['', 'identity'].includes(encoding.trim().toLowerCase())

const FINDINGS = {
  empty: 'it is empty',
  markup: 'it is a web page or an XML message',
  json: 'it is a JSON message',
  text: 'it is plain text',
  packed: 'it came packed although it was asked for as it is',
} as const
