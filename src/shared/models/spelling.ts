/** Longer texts are no misspelt value, and comparing them costs. */
const LONGEST = 60

/** Insertions, deletions and replacements between two short texts. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

const sortBy = (values: readonly string[], distance: (value: string) => number): string[] =>
  values
    .map((value) => ({ value, far: distance(value) }))
    .sort((a, b) => a.far - b.far)
    .map((each) => each.value)

/** What people call a frame, by the ratio that it is. */
const RATIO_WORDS: readonly (readonly [RegExp, number])[] = [
  [/portrait|vertical|upright|竖|纵/iu, 9 / 16],
  [/landscape|horizontal|wide|横|宽/iu, 16 / 9],
  [/square|方/iu, 1],
]

/** Allowed ratios such as `16:9`, the shape nearest to what was written first: `21:9`, `1.78`, `1080x1920`, `portrait`. */
export function nearestRatio(text: string, allowed: readonly string[]): string[] {
  const wanted = shapeOf(text.slice(0, LONGEST).normalize('NFKC'))
  if (wanted === undefined) return nearestOf('aspect_ratio', text, allowed)
  return sortBy(allowed, (value) => Math.abs(Math.log((shapeOf(value) ?? 1) / wanted)))
}

/** Width / height. */
function shapeOf(text: string): number | undefined {
  const pair = /(\d+(?:\.\d+)?)\s*[:x×*/_-]\s*(\d+(?:\.\d+)?)/iu.exec(text)
  const [width, height] =
    pair === null ? [Number(/^\s*\d*\.\d+\s*$/.exec(text)?.[0]), 1] : [pair[1], pair[2]].map(Number)
  const shape = Number(width) / Number(height)
  if (Number.isFinite(shape) && shape > 0) return shape
  return RATIO_WORDS.find(([word]) => word.test(text))?.[1]
}

/** Lines of a frame by the names of tiers. */
const TIER_WORDS: readonly (readonly [RegExp, number])[] = [
  [/8k|4k|uhd|2k|qhd|full|fhd|超清|蓝光|高/iu, 1080],
  [/hd|标准|normal|standard|medium/iu, 720],
  [/sd|low|低|流畅/iu, 480],
]

/** Allowed values, the one most like the text first. Sizes and qualities go by their numbers, all else by spelling. */
export function nearestOf(field: string, text: string, allowed: readonly string[]): string[] {
  const plain = text.slice(0, LONGEST).normalize('NFKC').trim().toLowerCase()
  if (field === 'quality') {
    const lines = linesOf(plain)
    if (lines !== undefined) return sortBy(allowed, (value) => Math.abs((linesOf(value) ?? 0) - lines))
  }
  if (field === 'size') {
    const wanted = sidesOf(plain)
    if (wanted !== undefined)
      return sortBy(allowed, (value) => {
        const sides = sidesOf(value) ?? wanted
        const shape = Math.abs(Math.log(sides[0] / sides[1] / (wanted[0] / wanted[1])))
        return 2 * shape + Math.abs(Math.log((sides[0] * sides[1]) / (wanted[0] * wanted[1])))
      })
  }
  return sortBy(allowed, (value) => editDistance(plain, value.toLowerCase()))
}

/** `1080p` → 1080; of a whole frame its shorter side. */
function linesOf(text: string): number | undefined {
  const numbers = (text.match(/\d{3,5}/gu) ?? []).map(Number)
  if (numbers.length > 0) return Math.min(...numbers)
  return TIER_WORDS.find(([word]) => word.test(text))?.[1]
}

function sidesOf(text: string): [number, number] | undefined {
  const found = /([1-9]\d{1,4})\D{1,5}([1-9]\d{1,4})/u.exec(text)
  return found === null ? undefined : [Number(found[1]), Number(found[2])]
}
