/** How far back a text is cut to end with a whole word. Longer words are cut. */
const LONGEST_WORD = 60
/** Longer than any written letter with its marks. */
const LONGEST_LETTER = 40

/** Made once: making one takes longer than reading a prompt with it. */
const letters = new Intl.Segmenter('en', { granularity: 'grapheme' })

/**
 * The beginning of a text, at most `limit` UTF-16 code units long. Ends with a whole word where words are written
 * apart, and never inside a letter that is made of several units (a surrogate pair, a letter with its marks, an
 * emoji of several emoji). Empty where nothing fits.
 */
export function shortenText(text: string, limit: number): string {
  if (text.length <= limit) return text
  const end = letterEnd(text, Math.max(0, limit))
  const word = wordEnd(text, end)
  return text.slice(0, word).replace(/[\s,;:，、；：]+$/u, '') || text.slice(0, end).trimEnd()
}

/** The last place at or before `end` where a letter ends. */
function letterEnd(text: string, end: number): number {
  let from = Math.max(0, end - LONGEST_LETTER)
  if (isTrail(text.charCodeAt(from))) from -= 1
  let last = from
  const window = text.slice(from, end + LONGEST_LETTER)
  for (const { index, segment } of letters.segment(window)) {
    if (from + index + segment.length > end) break
    last = from + index + segment.length
  }
  // One letter of many units may be longer than the window; whole code points are then all that can be kept.
  if (last > from || end === 0) return last
  return isTrail(text.charCodeAt(end)) ? end - 1 : end
}

/** The last place at or before `end` that does not part a word; `end` itself where words are not written apart. */
function wordEnd(text: string, end: number): number {
  if (!isInWord(text, end)) return end
  for (let place = end - 1; place >= Math.max(1, end - LONGEST_WORD); place -= 1)
    if (!isInWord(text, place) && !isTrail(text.charCodeAt(place))) return place
  return end
}

const WORD = /^[\p{L}\p{N}\p{M}_'’-]$/u
/** Written without spaces: may be parted anywhere. */
const UNSPACED =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]$/u

function isInWord(text: string, place: number): boolean {
  const before = letterBefore(text, place)
  const after = letterAt(text, place)
  return [before, after].every((letter) => WORD.test(letter) && !UNSPACED.test(letter))
}

const letterAt = (text: string, place: number): string => String.fromCodePoint(text.codePointAt(place) ?? 32)

const letterBefore = (text: string, place: number): string =>
  letterAt(text, place - (isTrail(text.charCodeAt(place - 1)) ? 2 : 1))

const isTrail = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff
