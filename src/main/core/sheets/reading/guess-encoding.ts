/**
 * Encodings that have no mark and no check of their own. A guess is made only where hardly anything else can be
 * meant: a prompt in the wrong letters would be bought like any other.
 */
export type LegacyEncoding = 'windows-1252' | 'gb18030'

/** Looked at; the rest of a file is in the same encoding as its beginning. */
const SAMPLE_BYTES = 1_000_000
const EXAMPLES = 4

/** `damaged-utf-8`: most of it is UTF-8, and something broke it. */
export function guessEncoding(bytes: Uint8Array): LegacyEncoding | 'damaged-utf-8' | undefined {
  const sample = bytes.subarray(0, SAMPLE_BYTES)
  if (isMostlyUtf8(sample)) return 'damaged-utf-8'
  if (isSurelyChinese(sample) && isWhole(bytes, 'gb18030')) return 'gb18030'
  if (isLikelyWestern(bytes)) return 'windows-1252'
  return undefined
}

/** Three UTF-8 characters beside each broken one are no accident. */
function isMostlyUtf8(sample: Uint8Array): boolean {
  const text = new TextDecoder('utf-8').decode(sample, { stream: true })
  const broken = text.match(/\ufffd/gu)?.length ?? 0
  const whole = (text.match(/\P{ASCII}/gu)?.length ?? 0) - broken >= 3 * broken
  return broken > 0 && whole
}

/**
 * GB 18030 as Chinese Windows writes it: beyond ASCII come only pairs, nearly all of them from the 3,755 everyday
 * characters of GB 2312 (first bytes 0xB0 to 0xD7, in the order of their sound) and Chinese punctuation. Korean in
 * EUC-KR uses the same pairs, but only the first half of them; Japanese in EUC-JP is full of 0xA4 and 0xA5; Big5 and
 * Shift JIS have second bytes below 0xA1; of Cyrillic and Western text the pairs do not come out even.
 * https://encoding.spec.whatwg.org/#gb18030-decoder
 */
function isSurelyChinese(sample: Uint8Array): boolean {
  let everyday = 0
  let later = 0
  let kana = 0
  let other = 0
  for (let at = 0; at < sample.length; at += 1) {
    const first = sample[at] as number
    if (first < 0x80) continue
    at += 1
    const second = sample[at]
    if (second === undefined) break
    if (second < 0xa1) other += 1
    else if (first >= 0xb0 && first <= 0xd7) {
      everyday += 1
      if (first >= 0xc9) later += 1
    } else if (first === 0xa4 || first === 0xa5) kana += 1
    else if (first !== 0xa1 && first !== 0xa3) other += 1
  }
  return everyday >= 4 && other + kana <= everyday / 12 && later >= everyday / 6
}

/**
 * Western European text has few letters beyond ASCII; a file where every fourth letter is one holds another
 * script. Five bytes mean nothing in Windows-1252: https://encoding.spec.whatwg.org/index-windows-1252.txt
 */
function isLikelyWestern(bytes: Uint8Array): boolean {
  let high = 0
  let letters = 0
  for (const byte of bytes) {
    if (byte === 0x81 || byte === 0x8d || byte === 0x8f || byte === 0x90 || byte === 0x9d) return false
    if (byte >= 0x80) high += 1
    else if ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) letters += 1
  }
  return high * 3 <= letters
}

function isWhole(bytes: Uint8Array, encoding: LegacyEncoding): boolean {
  const decoder = new TextDecoder(encoding, { fatal: true })
  try {
    for (let at = 0; at < bytes.length; at += SAMPLE_BYTES) {
      const end = Math.min(bytes.length, at + SAMPLE_BYTES)
      decoder.decode(bytes.subarray(at, end), { stream: end < bytes.length })
    }
    return true
  } catch {
    return false
  }
}

/** What a person sees of the guess: its name, and words that would read otherwise in another encoding. */
export function nameGuessed(bytes: Uint8Array, guessed: LegacyEncoding): { name: string; examples: string } {
  const text = new TextDecoder(guessed).decode(bytes.subarray(0, SAMPLE_BYTES), { stream: true })
  const words =
    text.match(/[A-Za-z]{0,12}(?!\p{ASCII})\p{L}[\p{L}\p{N}]{0,12}/gu) ?? text.match(/\P{ASCII}/gu) ?? []
  const examples = [...new Set(words)].slice(0, EXAMPLES).map((word) => `“${word}”`)
  const name = guessed === 'gb18030' ? 'GB 18030 (Chinese Windows)' : 'Windows-1252 (Western European)'
  return { name, examples: examples.join(', ') }
}
