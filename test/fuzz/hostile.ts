import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { CANARY } from './door.ts'

/** What strangers send: values, texts, JSON and files that are almost right. */

const ROOT = resolve(import.meta.dirname, '../..')

/** A real file of the project, read once. */
const known = new Map<string, Buffer>()
export function realFile(name: string): Buffer {
  const found = known.get(name) ?? readFileSync(join(ROOT, name))
  known.set(name, found)
  return found
}

export const nestedArray = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`
export const nestedObject = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`

export const NASTY_TEXTS = [
  '',
  ' ',
  '\0',
  'a\0b',
  '..',
  '../..',
  '../../outside/stolen',
  '/etc/passwd',
  'C:\\Windows\\win.ini',
  '\\\\server\\share\\x',
  'con',
  'NUL.mp4',
  'aux.json',
  'a'.repeat(300),
  '\ud800',
  '\u202egnp.exe',
  '\ufeff',
  '\u2028',
  'é'.repeat(200),
  '𠮷'.repeat(100),
  'e\u0301'.repeat(120),
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '-1',
  '0',
  '1e999',
  '-0',
  'NaN',
  'Infinity',
  '0x10',
  '9007199254740993',
  '1e-400',
  '99999999999999999999999999999999999999999999',
  '=cmd|calc!A1',
  '{{prompt}}',
  '%{7*7}',
  '<script>alert(1)</script>',
  "'; DROP TABLE jobs; --",
  '%00%2e%2e%2f',
  '%s%n',
  'data:text/html;base64,PGI+',
  'file:///etc/passwd',
  'http://169.254.169.254/latest/meta-data',
] as const

/** What a server that repeats a request back says: its headers, with the key. */
export const ECHOES = [
  CANARY,
  `Bearer ${CANARY}`,
  `authorization: Bearer ${CANARY}\r\naccept: */*`,
  `"${CANARY}"`,
]

export const nastyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NASTY_TEXTS) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom('a', 'é', '\u202e', ' ', '/', '"', '<', '\\', '\n'),
        fc.integer({ min: 1, max: 20_000 }),
      )
      .map(([letter, times]) => letter.repeat(times)),
  },
)

/** Any value that JSON can carry, and how it may be written. `raw` stands for itself in the text. */
export class Raw {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
  toString(): string {
    return `Raw(${this.text.length > 60 ? `${this.text.slice(0, 60)}… ${this.text.length} letters` : this.text})`
  }
}

export const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    1.5,
    -0,
    1e308,
    5e-324,
    2 ** 53,
    -(2 ** 53),
    1e21,
    '',
    [],
    {},
  ),
  nastyText,
  fc.integer(),
  fc.double().filter(Number.isFinite),
  fc.constantFrom(
    new Raw(nestedArray(60)),
    new Raw(nestedArray(100)),
    new Raw(nestedObject(5_000)),
    new Raw('1e400'),
    new Raw('-1e400'),
    new Raw('123456789012345678901234567890'),
    new Raw('0.1000000000000000055511151231257827021181583404541015625'),
    new Raw('{"__proto__":{"polluted":true}}'),
    new Raw('{"constructor":{"prototype":{"polluted":true}}}'),
    new Raw('{"id":"a","id":{"id":1}}'),
    new Raw(`[${'0,'.repeat(20_000)}0]`),
    new Raw(`[${'{},'.repeat(5_000)}{}]`),
    new Raw(`"${'x'.repeat(200_000)}"`),
    new Raw('"\\ud800"'),
  ),
  fc.jsonValue({ maxDepth: 3 }),
)

export interface JsonEdit {
  /** At each level the n-th entry, counted round. */
  steps: number[]
  how: 'replace' | 'remove' | 'add' | 'double' | 'wrap' | 'as-text'
  value: unknown
  key: string
}

export const jsonEdit = (value: fc.Arbitrary<unknown>): fc.Arbitrary<JsonEdit> =>
  fc.record({
    steps: fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 6 }),
    how: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'add', 'double', 'wrap', 'as-text'),
    value,
    key: fc.oneof(
      fc.constantFrom('__proto__', 'error', 'id', 'status', 'code', 'data', 'message'),
      nastyText,
    ),
  })

/** JSON text that is one of the samples with a few things changed into odd values. */
export function nearJson(
  samples: readonly unknown[],
  value: fc.Arbitrary<unknown> = oddValue,
): fc.Arbitrary<string> {
  return fc
    .record({
      sample: fc.nat({ max: samples.length - 1 }),
      edits: fc.array(jsonEdit(value), { minLength: 0, maxLength: 4 }),
    })
    .map(({ sample, edits }) => {
      let changed = structuredClone(samples[sample])
      for (const edit of edits) changed = change(changed, edit)
      return writeJson(changed)
    })
}

/** What a hostile provider puts into its answers: odd values, and what it was sent. */
export const oddAnswer: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: oddValue },
  { weight: 1, arbitrary: fc.constantFrom(...ECHOES) },
)

/** One change at a place that the steps lead to. */
export function change(value: unknown, edit: JsonEdit, depth = 0): unknown {
  const isLast = depth >= edit.steps.length - 1
  if (value instanceof Raw || typeof value !== 'object' || value === null) return changeHere(value, edit)
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value)
  if (keys.length === 0) return changeHere(value, edit)
  const key = keys[(edit.steps[depth] ?? 0) % keys.length] as never
  const holder = value as Record<string, unknown>
  if (!isLast) holder[key] = change(holder[key], edit, depth + 1)
  else if (edit.how === 'remove') Array.isArray(value) ? value.splice(key, 1) : delete holder[key]
  else if (edit.how === 'add') {
    if (Array.isArray(value)) value.push(edit.value)
    else
      Object.defineProperty(value, edit.key, {
        value: edit.value,
        enumerable: true,
        configurable: true,
        writable: true,
      })
  } else if (edit.how === 'double') {
    if (Array.isArray(value)) value.push(...Array.from({ length: 200 }, () => holder[key]))
  } else holder[key] = changeHere(holder[key], edit)
  return value
}

function changeHere(value: unknown, { how, value: other }: JsonEdit): unknown {
  if (how === 'wrap') return [value]
  if (how === 'as-text') return typeof value === 'object' ? writeJson(value) : String(value)
  return other
}

/** `JSON.stringify` with raw texts, and with keys as they are, `__proto__` too. */
export function writeJson(value: unknown): string {
  if (value instanceof Raw) return value.text
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, each]) => `${JSON.stringify(key)}:${writeJson(each)}`)
      .join(',')}}`
  return JSON.stringify(value) ?? 'null'
}

/** Texts that are JSON, or nearly, or not at all. */
export const anyJsonText: fc.Arbitrary<string> = fc.oneof(
  oddValue.map(writeJson),
  fc.json({ maxDepth: 6 }),
  fc.constantFrom(
    '',
    '{',
    '[',
    '{"a"',
    'null',
    '"',
    '\ufeff{}',
    '{}{}',
    "{'a':1}",
    '<html>',
    'undefined',
    'NaN',
  ),
  nastyText,
)

export type ByteEdit =
  | { do: 'flip'; at: number; bit: number }
  | { do: 'set'; at: number; value: number }
  | { do: 'number'; at: number; value: number; bytes: 1 | 2 | 4 | 8 }
  | { do: 'cut'; at: number }
  | { do: 'drop'; at: number; length: number }
  | { do: 'repeat'; at: number; length: number; times: number }
  | { do: 'copy'; at: number; to: number; length: number }
  | { do: 'fill'; at: number; length: number; value: number }
  | { do: 'box'; nth: number; what: 'size' | 'type' | 'double' | 'remove' | 'swap'; value: number }

const EXTREMES = [
  0,
  1,
  2,
  7,
  8,
  0x7f,
  0x80,
  0xff,
  0xffff,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_ffff,
  60_000,
  2 ** 40,
]
/** A place as a share of the file; headers are hit more often than the rest. */
const place: fc.Arbitrary<number> = fc.oneof(
  { weight: 3, arbitrary: fc.nat({ max: 1_000_000 }).map((share) => share / 1e6) },
  { weight: 4, arbitrary: fc.nat({ max: 1_000_000 }).map((share) => (share / 1e6) ** 6) },
  { weight: 3, arbitrary: fc.nat({ max: 1_000_000 }).map((share) => 1 - (share / 1e6) ** 4) },
)
const extreme = fc.constantFrom(...EXTREMES)

export const byteEdit: fc.Arbitrary<ByteEdit> = fc.oneof(
  fc.record({ do: fc.constant('flip' as const), at: place, bit: fc.nat({ max: 7 }) }),
  fc.record({ do: fc.constant('set' as const), at: place, value: fc.nat({ max: 255 }) }),
  fc.record({
    do: fc.constant('number' as const),
    at: place,
    value: extreme,
    bytes: fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const),
  }),
  fc.record({ do: fc.constant('cut' as const), at: place }),
  fc.record({ do: fc.constant('drop' as const), at: place, length: fc.nat({ max: 4096 }) }),
  fc.record({
    do: fc.constant('repeat' as const),
    at: place,
    length: fc.integer({ min: 1, max: 512 }),
    times: fc.integer({ min: 1, max: 400 }),
  }),
  fc.record({ do: fc.constant('copy' as const), at: place, to: place, length: fc.nat({ max: 2048 }) }),
  fc.record({
    do: fc.constant('fill' as const),
    at: place,
    length: fc.nat({ max: 256 }),
    value: fc.nat({ max: 255 }),
  }),
  fc.record({
    do: fc.constant('box' as const),
    nth: fc.nat({ max: 80 }),
    what: fc.constantFrom('size', 'size', 'type', 'double', 'remove', 'swap'),
    value: extreme,
  }),
)

export interface Mutant {
  file: string
  edits: ByteEdit[]
}

/** One of some real files with a few things changed. */
export const mutantOf = (files: readonly string[]): fc.Arbitrary<Mutant> =>
  fc.record({
    file: fc.constantFrom(...files),
    edits: fc.array(byteEdit, { minLength: 0, maxLength: 6 }),
  })

export function bytesOf({ file, edits }: Mutant): Buffer {
  return mutate(realFile(file), edits)
}

export function mutate(source: Buffer, edits: readonly ByteEdit[]): Buffer {
  let bytes: Buffer = Buffer.from(source)
  for (const edit of edits) bytes = editBytes(bytes, edit)
  return bytes
}

function editBytes(bytes: Buffer, edit: ByteEdit): Buffer {
  if (bytes.length === 0) return bytes
  if (edit.do === 'box') return editBox(bytes, edit)
  const at = Math.min(bytes.length - 1, Math.floor(edit.at * bytes.length))
  switch (edit.do) {
    case 'flip':
      bytes[at] = (bytes[at] ?? 0) ^ (1 << edit.bit)
      return bytes
    case 'set':
      bytes[at] = edit.value
      return bytes
    case 'number':
      return writeNumber(bytes, at, edit.value, edit.bytes)
    case 'cut':
      return bytes.subarray(0, at)
    case 'drop':
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + edit.length)])
    case 'repeat': {
      const part = bytes.subarray(at, at + edit.length)
      return Buffer.concat([
        bytes.subarray(0, at),
        ...Array.from({ length: edit.times }, () => part),
        bytes.subarray(at),
      ])
    }
    case 'copy': {
      const to = Math.min(bytes.length - 1, Math.floor(edit.to * bytes.length))
      bytes.copy(bytes, to, at, Math.min(bytes.length, at + edit.length))
      return bytes
    }
    case 'fill':
      bytes.fill(edit.value, at, Math.min(bytes.length, at + edit.length))
      return bytes
  }
}

function writeNumber(bytes: Buffer, at: number, value: number, length: 1 | 2 | 4 | 8): Buffer {
  const whole = Buffer.alloc(8)
  whole.writeBigUInt64BE(BigInt(value))
  whole.copy(bytes, Math.min(at, Math.max(0, bytes.length - length)), 8 - length)
  return bytes
}

const CONTAINERS = new Set([
  'moov',
  'trak',
  'mdia',
  'minf',
  'stbl',
  'dinf',
  'edts',
  'udta',
  'meta',
  'moof',
  'traf',
  'mvex',
])

/** Places of the boxes of an ISO base media file, the inner ones as well. */
export function boxesOf(
  bytes: Buffer,
  from = 0,
  end = bytes.length,
  found: { at: number; size: number }[] = [],
) {
  for (let at = from; at + 8 <= end && found.length < 400; ) {
    const size = bytes.readUInt32BE(at)
    if (size < 8 || at + size > end) break
    found.push({ at, size })
    if (CONTAINERS.has(bytes.toString('latin1', at + 4, at + 8))) boxesOf(bytes, at + 8, at + size, found)
    at += size
  }
  return found
}

function editBox(bytes: Buffer, { nth, what, value }: Extract<ByteEdit, { do: 'box' }>): Buffer {
  const boxes = boxesOf(bytes)
  const box = boxes[nth % Math.max(1, boxes.length)]
  if (!box) return bytes
  const part = bytes.subarray(box.at, box.at + box.size)
  const head = bytes.subarray(0, box.at)
  const tail = bytes.subarray(box.at + box.size)
  switch (what) {
    case 'size': {
      if (value <= 0xffff_ffff) bytes.writeUInt32BE(value, box.at)
      else {
        bytes.writeUInt32BE(1, box.at)
        if (box.at + 16 <= bytes.length) bytes.writeBigUInt64BE(BigInt(value) ** 1n * 8_388_608n, box.at + 8)
      }
      return bytes
    }
    case 'type':
      bytes.write(
        ['moov', 'free', 'mdat', 'stsz', 'uuid', '\0\0\0\0'][value % 6] ?? 'free',
        box.at + 4,
        'latin1',
      )
      return bytes
    case 'double':
      return Buffer.concat([head, part, part, tail])
    case 'remove':
      return Buffer.concat([head, tail])
    case 'swap': {
      const other = boxes[(nth + value) % boxes.length] ?? box
      return Buffer.concat([head, bytes.subarray(other.at, other.at + other.size), tail])
    }
  }
}

interface Fixture {
  cases: { response?: { body?: unknown } }[]
}

let bodies: unknown[] | undefined

/** The bodies of every recorded or documented answer of both families. */
export function fixtureBodies(): unknown[] {
  const folder = join(ROOT, 'test/fixtures/api')
  bodies ??= readdirSync(folder).flatMap((name) => {
    const { cases } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Fixture
    return cases.flatMap(({ response }) => (response?.body === undefined ? [] : [response.body]))
  })
  return bodies
}
