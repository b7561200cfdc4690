import { type Problem, problem } from '../../../shared/problem.ts'

/** What a name template may say of a clip. Missing values (null) leave no trace in the name. */
export interface NameFacts {
  run: string
  /** Data row of the sheet, from 1. */
  row: number
  /** Which variation of the row, from 1. */
  take: number
  /** The prompt as sent; `{slug}` is made of its first words. */
  prompt: string
  model: string
  seed: number | null
  /** `YYYY-MM-DD`, in whatever time zone the caller shows to people. */
  date: string
  /** The row's own `name` and `id` cells. */
  name: string | null
  id: string | null
  account: string
  /** Every cell of the sheet's row, by header. */
  columns: Readonly<Record<string, string>>
}

export const DEFAULT_TEMPLATE = '{run}/{row:000}-{slug}-{take}.mp4'
export const NAME_FIELDS = [
  'run',
  'row',
  'slug',
  'take',
  'model',
  'seed',
  'date',
  'name',
  'id',
  'account',
] as const
type NameField = (typeof NAME_FIELDS)[number]

type Piece = { text: string } | { field: string; padding: number }
/** A parsed template: folders and file name, each a row of pieces. */
export interface NameTemplate {
  parts: Piece[][]
}
export type ParsedTemplate =
  | { template: NameTemplate; problems: [] }
  | { template: null; problems: Problem[] }

/** As long as any name of a template can get, whatever the facts are: quick to try on a folder. */
export const longestPossible = ({ parts }: NameTemplate): string =>
  parts.map(() => 'x'.repeat(MAX_PART_BYTES)).join('/')

/** Largest part of a path, in bytes of UTF-8: leaves room for `-2`, `.part.json.tmp` and encrypted file systems. */
export const MAX_PART_BYTES = 120
const MAX_VALUE_BYTES = 60
const MAX_SLUG_BYTES = 40
/** Columns that a sentence lists. */
const MOST_NAMED = 20
const EXTENSION = '.mp4'

/** Reads a template such as `{run}/{row:000}-{slug}-{take}.mp4`. `columns` are the sheet's headers. Never throws. */
export function parseTemplate(text: string, columns: readonly string[] = []): ParsedTemplate {
  const problems: Problem[] = []
  const say = (what: string, next: string) =>
    problems.push(
      problem('value-invalid', `${what} No clip is named by this template.`, next, { value: text }),
    )
  if (text.trim() === '') say('The name template is empty.', `Write one, for example ${DEFAULT_TEMPLATE}.`)
  if (/^[/\\]|^[a-z]:/i.test(text.trim()))
    say(
      'The name template begins at the top of a disk.',
      'Leave the leading part out: names are made inside the archive folder.',
    )
  if (text.includes('\\')) say('The name template holds a backslash.', 'Separate folders by "/".')
  const parts = text
    .trim()
    .split('/')
    .map((part) => parsePart(part, columns, say))
  if (parts.some(isUpwards))
    say('The name template holds a folder ".." or ".".', 'Name folders inside the archive folder only.')
  if (problems.length > 0) return { template: null, problems }
  return { template: { parts: parts.filter((pieces) => pieces.length > 0) }, problems: [] }
}

type Say = (what: string, next: string) => void

const isUpwards = (pieces: Piece[]): boolean =>
  pieces.length === 1 &&
  pieces[0] !== undefined &&
  'text' in pieces[0] &&
  /^\s*\.{1,2}\s*$/.test(pieces[0].text)

function parsePart(part: string, columns: readonly string[], say: Say): Piece[] {
  const pieces: Piece[] = []
  let rest = part
  while (rest !== '') {
    const open = rest.indexOf('{')
    const text = open < 0 ? rest : rest.slice(0, open)
    if (text.includes('}'))
      say('A "}" in the name template has no "{" before it.', 'Take it out, or add the "{".')
    if (text !== '') pieces.push({ text })
    if (open < 0) break
    const close = rest.indexOf('}', open)
    if (close < 0) {
      say(
        `The "{" before "${rest.slice(open + 1)}" is never closed.`,
        'Add the "}". A field cannot reach over a "/".',
      )
      break
    }
    const piece = parseField(rest.slice(open + 1, close), columns, say)
    if (piece) pieces.push(piece)
    rest = rest.slice(close + 1)
  }
  return pieces
}

function parseField(inside: string, columns: readonly string[], say: Say): Piece | undefined {
  const [, field = '', format = ''] = /^(.*?)(?::(0*))?$/s.exec(inside) ?? []
  const known = findField(field.trim(), columns)
  if (known !== undefined) return { field: known, padding: format.length }
  // A sheet may have a thousand columns with names of any length.
  const named = columns
    .slice(0, MOST_NAMED)
    .map((name) => (name.length > 40 ? `${name.slice(0, 39)}…` : name))
  const fields = [...NAME_FIELDS, ...named].map((name) => `{${name}}`).join(', ')
  const more = columns.length > MOST_NAMED ? ` and ${columns.length - MOST_NAMED} more columns` : ''
  say(
    `The name template asks for "{${inside}}", which is not known.`,
    `Known are ${fields}${more}; {row:000} fills up with zeros.`,
  )
  return undefined
}

/** Our own fields go before columns of the same name; columns match by their exact name, then by letters alone. */
function findField(name: string, columns: readonly string[]): string | undefined {
  const lower = name.toLowerCase()
  const own = NAME_FIELDS.find((field) => field === lower)
  if (own) return own
  if (name === '') return undefined
  return (
    columns.find((column) => column === name) ?? columns.find((column) => nameKey(column) === nameKey(name))
  )
}

/**
 * The clip's name, relative to the archive folder, with `/` between folders and `.mp4` at its end. Whatever the
 * facts hold, it is safe on Windows, macOS and Linux, never absolute and never leaves the folder; a value cannot
 * introduce a folder. Not yet unique: see `uniqueName`.
 */
export function renderName(template: NameTemplate, facts: NameFacts): string {
  const rendered = template.parts.map((pieces) => renderPart(pieces, facts))
  const stem = (rendered.pop() ?? '').replace(/\.mp4$/i, '')
  const folders = rendered.map((part) => safePart(part)).filter((part) => part !== '')
  const file = safePart(stem, MAX_PART_BYTES - EXTENSION.length) || 'clip'
  return [...folders, `${file}${EXTENSION}`].join('/')
}

/** Stands where a value was missing, so that the separator after it can go too. */
const NOTHING = '\0'

function renderPart(pieces: readonly Piece[], facts: NameFacts): string {
  const text = pieces
    .map((piece) => ('text' in piece ? piece.text : renderField(piece, facts) || NOTHING))
    .join('')
  return text.replaceAll(/\0[-_ ]?/g, '').replace(/[-_ ]+(?=\.mp4$|$)/i, '')
}

function renderField({ field, padding }: { field: string; padding: number }, facts: NameFacts): string {
  const value = cellOf(field, facts)
  const padded = /^\d+$/.test(value) ? value.padStart(padding, '0') : value
  return clean(padded, MAX_VALUE_BYTES)
}

function cellOf(field: string, facts: NameFacts): string {
  if ((NAME_FIELDS as readonly string[]).includes(field)) return ownValue(field as NameField, facts)
  return Object.hasOwn(facts.columns, field) ? (facts.columns[field] ?? '') : ''
}

function ownValue(field: NameField, facts: NameFacts): string {
  return field === 'slug' ? slugOf(facts.prompt) : String(facts[field] ?? '')
}

/** The first words of a prompt, in small letters of any script, joined by hyphens. */
export function slugOf(prompt: string): string {
  const words = prompt.toWellFormed().normalize('NFC').slice(0, 400).toLowerCase()
  const slug = words.replaceAll(/[^\p{Letter}\p{Number}\p{Mark}]+/gu, '-').replaceAll(/^-|-$/g, '')
  if (Buffer.byteLength(slug) <= MAX_SLUG_BYTES) return slug
  const cut = cutBytes(slug, MAX_SLUG_BYTES)
  const lastWord = cut.lastIndexOf('-')
  return (lastWord > cut.length / 2 ? cut.slice(0, lastWord) : cut).replace(/-$/, '')
}

/** Names that Windows keeps for devices, with any extension. */
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$) *(\.|$)/i

/** One part of a path that every system takes, or '' when nothing of the text can stay. */
export function safePart(text: string, maxBytes: number = MAX_PART_BYTES): string {
  const part = trimPart(clean(text, maxBytes * 2))
  const named = RESERVED.test(part) ? `_${part}` : part
  return trimPart(cutBytes(named, maxBytes))
}

const trimPart = (part: string): string => part.replace(/^[. -]+/, '').replace(/[. ]+$/, '')

/** Control characters, invisible ones and those that turn the direction of text (they can hide an extension). */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu

function clean(text: string, maxBytes: number): string {
  const plain = text
    .slice(0, maxBytes * 4)
    .toWellFormed()
    .normalize('NFC')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(INVISIBLE, '')
    .replaceAll(/ +/g, ' ')
    .replaceAll(/[<>:"/\\|?*]+/g, '-')
  return cutBytes(plain.normalize('NFC'), maxBytes)
}

/** Each character is one byte and stands for itself. */
const PLAIN = /^[ -~]*$/

/** Cuts at a whole character (with its accents) so that at most `maxBytes` of UTF-8 remain. */
function cutBytes(text: string, maxBytes: number): string {
  // A UTF-16 unit takes three bytes of UTF-8 at most.
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return text
  if (PLAIN.test(text)) return text.slice(0, maxBytes)
  let length = 0
  let cut = ''
  for (const { segment } of new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text)) {
    length += Buffer.byteLength(segment)
    if (length > maxBytes) break
    cut += segment
  }
  return cut
}

/** Two names with the same key are one file on some system: letters' case and composition do not count. */
export const nameKey = (name: string): string =>
  name.normalize('NFC').toLowerCase().toUpperCase().normalize('NFC')

/** Turns a list of names into the question whether a candidate is among them. */
export function takenFrom(names: Iterable<string>): (candidate: string) => boolean {
  const keys = new Set([...names].map(nameKey))
  return (candidate) => keys.has(nameKey(candidate))
}

/** The name itself, then with -2, -3 and so on before its extension, never longer than a part may be. */
export function* nameCandidates(name: string): Generator<string, never> {
  yield name
  const slash = name.lastIndexOf('/') + 1
  const stem = name.slice(slash).replace(/\.mp4$/i, '')
  for (let number = 2; ; number++) {
    const ending = `-${number}${EXTENSION}`
    yield `${name.slice(0, slash)}${trimPart(cutBytes(stem, MAX_PART_BYTES - ending.length))}${ending}`
  }
}

/** The first free name. `taken` must compare without regard to case: see `takenFrom` and `nameKey`. */
export function uniqueName(name: string, taken: (candidate: string) => boolean): string {
  for (const candidate of nameCandidates(name)) if (!taken(candidate)) return candidate
  throw new Error('The names never end.')
}

/** What is put behind a clip's name while it is made: the longest is `.part.json.tmp`. */
const LONGEST_ENDING = '.part.json.tmp'.length
/** Windows without long paths, macOS (bytes), everything else (bytes). */
const PATH_LIMITS: Partial<Record<string, number>> = { win32: 259, darwin: 1023 }

/** Whether clips of this name (relative to the folder) can be made there; null = yes. */
export function checkPathLength(folder: string, name: string, platform: string): Problem | null {
  const limit = PATH_LIMITS[platform] ?? 4095
  const path = `${folder}/${name}`
  const length = (platform === 'win32' ? path.length : Buffer.byteLength(path)) + LONGEST_ENDING
  if (length <= limit) return null
  return problem(
    'path-too-long',
    `Paths in the archive folder become too long: ${length} characters, where this system takes ${limit}. Nothing was ordered.`,
    'Choose an archive folder nearer to the top of the disk, or a shorter name template.',
    { file: name.length > 120 ? `${name.slice(0, 117)}…` : name },
  )
}
