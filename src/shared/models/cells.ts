/**
 * Reads one cell: typed values pass, text is turned into numbers and booleans. Nothing is guessed:
 * what is not plainly one of the forms below is `wrong`.
 */
export type Read<T> = { is: 'absent' } | { is: 'wrong' } | { is: 'value'; value: T }

const ABSENT = { is: 'absent' } as const
const WRONG = { is: 'wrong' } as const

export function isAbsent(cell: unknown): boolean {
  return cell === undefined || cell === null || (typeof cell === 'string' && cell.trim() === '')
}

/** Text as it stands; numbers and booleans of a typed sheet become their text. */
export function readText(cell: unknown): Read<string> {
  if (isAbsent(cell)) return ABSENT
  if (typeof cell === 'string') return { is: 'value', value: cell }
  if (typeof cell === 'number' || typeof cell === 'boolean' || typeof cell === 'bigint')
    return { is: 'value', value: String(cell) }
  return WRONG
}

/** A whole number: `5`, `5.0`; with `isSeconds` also `5s`, `5 sec`, `5 seconds`, `5秒`. */
export function readInteger(cell: unknown, isSeconds: boolean): Read<number> {
  if (isAbsent(cell)) return ABSENT
  if (typeof cell === 'number') return Number.isSafeInteger(cell) ? { is: 'value', value: cell + 0 } : WRONG
  if (typeof cell !== 'string') return WRONG
  const text = isSeconds ? cell.trim().replace(/\s*(?:s|sec|seconds?|秒)$/i, '') : cell.trim()
  if (!/^[+-]?\d{1,15}(?:\.0+)?$/.test(text)) return WRONG
  return { is: 'value', value: Number(text) + 0 }
}

const YES = new Set(['true', 'yes', 'y', 'on', '1', 'ja', '是'])
const NO = new Set(['false', 'no', 'n', 'off', '0', 'nein', '否'])

export function readBoolean(cell: unknown): Read<boolean> {
  if (isAbsent(cell)) return ABSENT
  if (typeof cell === 'boolean') return { is: 'value', value: cell }
  const read = readText(cell)
  if (read.is !== 'value') return read
  const text = read.value.trim().toLowerCase()
  if (YES.has(text)) return { is: 'value', value: true }
  return NO.has(text) ? { is: 'value', value: false } : WRONG
}

/** Brings the writings of one value together: `1280x720` → `1280*720`, `16/9` → `16:9`, `720` → `720p`. */
export function normalise(field: string, text: string): string {
  const plain = text.trim().toLowerCase()
  switch (field) {
    case 'size': {
      const found = /^(\d{1,5})\s*[*x×]\s*(\d{1,5})$/.exec(plain)
      return found === null ? plain : `${found[1]}*${found[2]}`
    }
    case 'aspect_ratio': {
      const found = /^(\d{1,3})\s*[:/x：]\s*(\d{1,3})$/.exec(plain)
      return found === null ? plain : `${found[1]}:${found[2]}`
    }
    case 'quality':
      return /^\d{3,4}$/.test(plain) ? `${plain}p` : plain
    case 'generation_mode':
      return plain.replaceAll(/[\s-]+/g, '_')
    case 'shot_type':
      return plain
    default:
      return text
  }
}

/**
 * A value for people, at most 60 characters. What may be secret in an address (query, user, fragment)
 * and the bytes of a data address are left out.
 */
export function show(cell: unknown): string {
  if (typeof cell !== 'string') {
    if (typeof cell === 'number' || typeof cell === 'boolean' || typeof cell === 'bigint') return String(cell)
    return cell === null || cell === undefined ? '' : `(${Array.isArray(cell) ? 'a list' : typeof cell})`
  }
  const data = /^\s*data:([^,;]{0,60})/i.exec(cell)
  if (data !== null) return `data:${data[1]},…`
  const address = /^\s*([a-z][a-z0-9+.-]*:\/\/)(?:[^/?#\s]*@)?([^?#\s]*)([?#].*)?/is.exec(cell)
  const text = address === null ? cell : `${address[1]}${address[2]}${address[3] === undefined ? '' : '?…'}`
  const cut = text.slice(0, 60)
  // Never ends in half of a character.
  return text.length > 60 ? `${/[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut}…` : text
}
