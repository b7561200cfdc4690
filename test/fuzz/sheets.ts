import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import type { App } from '../../src/main/core/app.ts'
import { insistCallProblem, openApp, SAMPLE_MEDIA } from './app.ts'
import { type FuzzDoor, insist, insistProblem } from './door.ts'
import { type ByteEdit, byteEdit, mutate, nastyText, realFile } from './hostile.ts'

const cell = fc.oneof(
  { weight: 4, arbitrary: nastyText },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'a lake at dusk',
      'wan2.6-image-to-video-flash',
      'wan26_r2v',
      '5',
      '1e3',
      '720p',
      '16:9',
      'true',
      join(SAMPLE_MEDIA, 'lake-at-dusk.jpg'),
      'https://127.0.0.1/a.jpg',
      'data:image/png;base64,AAAA',
      '../../../etc/passwd',
      '/dev/zero',
      '/proc/self/environ',
      '/dev/stdin',
      '{a|b|c}',
      '{{prompt}}',
      'practice',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('"', '""', '"a', 'a"b', '\r', '\n', '\r\n', ',', ';', '\t', '"\n"'),
  },
)
const header = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      'prompt',
      'model',
      'duration',
      'seconds',
      'ref 1',
      'ref 2',
      'image',
      'size',
      'seed',
      'audio',
      'account',
      'name',
      'id',
      'quality',
      '描述',
      'callback_url',
      'shot',
      'refs',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '__proto__',
      'constructor',
      'toString',
      'valueOf',
      'prompt ',
      'PROMPT',
      '\ufeffprompt',
      'ref 99',
      'ref 0',
    ),
  },
  { weight: 1, arbitrary: nastyText },
)
type Text = { headers: string[]; rows: string[][]; delimiter: string; end: string; isQuoted: boolean }
const table: fc.Arbitrary<Text> = fc.record({
  headers: fc.array(header, { minLength: 1, maxLength: 8 }),
  rows: fc.array(fc.array(cell, { maxLength: 9 }), { maxLength: 6 }),
  delimiter: fc.constantFrom(',', ';', '\t', '|', ',;', ''),
  end: fc.constantFrom('\n', '\r\n', '\r', '\n\r', ''),
  isQuoted: fc.boolean(),
})

type Encoding = 'utf8' | 'utf16le' | 'utf16be' | 'latin1' | 'bom'
const encoding = fc.constantFrom<Encoding>('utf8', 'utf8', 'utf8', 'utf16le', 'utf16be', 'latin1', 'bom')

type Huge =
  | 'columns'
  | 'cell'
  | 'unclosed'
  | 'quotes'
  | 'rows'
  | 'delimiters'
  | 'headers'
  | 'long-header'
  | 'problems'
type Input = { edits: ByteEdit[]; name: string } & (
  | { table: Text; encoding: Encoding }
  | { file: string }
  | { huge: Huge }
  | { bytes: Uint8Array }
)

const FILES = [
  'resources/sample/sheet.csv',
  'resources/sample-faults/sheet.csv',
  'resources/sample/media/paper-boat.png',
  'resources/sample/media/lake-at-dusk.jpg',
  'resources/sample/media/aurora.mp4',
  'package.json',
]
const noEdits = fc.constant<ByteEdit[]>([])
const edits = fc.array(byteEdit, { maxLength: 3 })
const name = fc.constantFrom('sheet.csv', 'sheet.tsv', 'sheet.zip', '-.csv', 'sheet', '"; rm .csv')

let app: App
let count = 0

/** Sheets: whatever a file called CSV may hold, checked and imported with its rows held. */
export const door: FuzzDoor<Input> = {
  name: 'sheets',
  memoryMb: 512,
  inputs: { short: 60, long: 4_000 },
  arbitrary: fc.oneof(
    { weight: 20, arbitrary: fc.record({ table, encoding, edits: noEdits, name }) },
    { weight: 4, arbitrary: fc.record({ table, encoding, edits, name }) },
    { weight: 4, arbitrary: fc.record({ file: fc.constantFrom(...FILES), edits, name }) },
    { weight: 2, arbitrary: fc.record({ bytes: fc.uint8Array({ maxLength: 500 }), edits: noEdits, name }) },
    {
      weight: 1,
      arbitrary: fc.record({
        huge: fc.constantFrom<Huge>(
          'columns',
          'cell',
          'unclosed',
          'quotes',
          'rows',
          'delimiters',
          'headers',
          'long-header',
          'problems',
        ),
        edits: noEdits,
        name,
      }),
    },
  ),
  open: async (sandbox) => {
    app = openApp(sandbox)
  },
  attack: async (input, sandbox) => {
    const bytes = mutate(bytesOf(input), input.edits)
    count += 1
    const path = join(sandbox.inside, `${count}-${input.name}`)
    writeFileSync(path, bytes)
    const given = bytes.toString('latin1') + bytes.toString('utf8') + bytes.toString('utf16le')
    try {
      const checked = await app.client.sheets
        .check({ path })
        .catch((error: unknown) => insistCallProblem(error, sandbox, given))
      if (!checked) return
      for (const row of checked.rows) for (const found of row.problems) insistProblem(found, given)
      insist(({} as { polluted?: unknown }).polluted === undefined, 'every object was changed')
      // Held: nothing of it is bought, and what may be imported says so in a sentence when it may not.
      await app.client.runs
        .create({ path, archiveFolder: join(sandbox.inside, 'clips'), isHeld: true })
        .catch((error: unknown) => insistCallProblem(error, sandbox, given))
    } finally {
      rmSync(path, { force: true })
    }
  },
  close: () => app.stop(),
}

function bytesOf(input: Input): Buffer {
  if ('file' in input) return realFile(input.file)
  if ('bytes' in input) return Buffer.from(input.bytes)
  if ('huge' in input) return Buffer.from(hugeText(input.huge))
  const { headers, rows, delimiter, end, isQuoted } = input.table
  const quote = (text: string): string => (isQuoted ? `"${text.replaceAll('"', '""')}"` : text)
  const text = [headers, ...rows].map((line) => line.map(quote).join(delimiter)).join(end || '\n')
  switch (input.encoding) {
    case 'utf16be':
      return Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(text, 'utf16le').swap16()])
    case 'utf16le':
      return Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')])
    case 'latin1':
      return Buffer.from(text, 'latin1')
    case 'bom':
      return Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)])
    default:
      return Buffer.from(text)
  }
}

function hugeText(huge: Huge): string {
  switch (huge) {
    case 'columns':
      return `prompt,${Array.from({ length: 5_000 }, (_, index) => `c${index}`).join()}\na${',x'.repeat(5_000)}\n`
    case 'headers':
      return `prompt,${Array.from({ length: 990 }, (_, index) => `promp${index}`).join()}\na${',x'.repeat(990)}\n`
    case 'cell':
      return `prompt,model\n"${'word '.repeat(2_000_000)}",wan26_r2v\n`
    case 'unclosed':
      return `prompt,model\n"${'a,b\n'.repeat(500_000)}`
    case 'quotes':
      return `prompt\n${'"'.repeat(3_000_001)}\n`
    case 'rows':
      return `prompt\n${'x\n'.repeat(2_000)}`
    case 'delimiters':
      return `prompt${',;\t'.repeat(200_000)}\n${';'.repeat(400_000)}\n`
    case 'long-header':
      return `prompt,${'h'.repeat(99_999)}\na,b\n`
    case 'problems':
      return `prompt,model,duration,ref 1\n${`x,no-such-model,99999,/no/such/file\n`.repeat(1_500)}`
  }
}
