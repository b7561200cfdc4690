import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import type { App } from '../../src/main/core/app.ts'
import { describeFaults, readTable, type TableSource } from '../../src/main/core/sheets/reading/index.ts'
import { makeBook } from '../support/workbooks.ts'
import { insistCallProblem, openApp, SAMPLE_MEDIA } from './app.ts'
import { type FuzzDoor, fastClock, insist, insistProblem, insistProblemError, type Sandbox } from './door.ts'
import {
  anyJsonText,
  type ByteEdit,
  byteEdit,
  mutate,
  nastyText,
  nearJson,
  oddValue,
  realFile,
  writeJson,
} from './hostile.ts'

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
/** A workbook whose worksheet or list of texts was tampered with before it was packed. */
interface Book {
  rows: string[][]
  part: 'sheet' | 'strings' | 'workbook'
  partEdits: ByteEdit[]
}
type Input = { edits: ByteEdit[]; name: string } & (
  | { book: Book }
  | { text: string }
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
  'test/fixtures/sheets/libreoffice.xlsx',
  'test/fixtures/sheets/libreoffice.ods',
  'test/fixtures/sheets/libreoffice.xls',
  'test/fixtures/sheets/libreoffice.html',
  'test/fixtures/sheets/libreoffice-utf-16-tabs.csv',
  'test/fixtures/sheets/libreoffice-windows-1252-semicolons.csv',
  'test/fixtures/sheets/libreoffice-gb18030.csv',
  'test/fixtures/sheets/as-excel.xlsx',
  'test/fixtures/sheets/as-excel-strict.xlsx',
  'test/fixtures/sheets/as-google-sheets.xlsx',
  'test/fixtures/sheets/as-small-writers.xlsx',
]

const xmlText = (text: string): string =>
  text.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`).toWellFormed()
const book: fc.Arbitrary<Book> = fc.record({
  rows: fc.array(fc.array(fc.oneof(cell, header), { maxLength: 8 }), { maxLength: 6 }),
  part: fc.constantFrom('sheet', 'strings', 'workbook'),
  partEdits: fc.array(byteEdit, { maxLength: 3 }),
})
const htmlPiece = fc.oneof(
  fc.constantFrom(
    '<table>',
    '</table>',
    '<tr>',
    '<td>',
    '<th>',
    '<td rowspan=3>',
    '<td colspan=70000>',
    '<br>',
  ),
  fc.constantFrom(
    '<p>',
    '<b>',
    '<svg>',
    '<template>',
    '<script>',
    '<!--',
    ']]>',
    '&amp;',
    '&#x1F600;',
    'prompt',
  ),
  cell,
)
/** What is pasted or saved under any name: JSON of every sort, web pages, cells. */
const text = fc.oneof(
  anyJsonText,
  nearJson([
    [
      { prompt: 'a', model: 'wan26_r2v', refs: ['a.png'] },
      { prompt: 'b', seed: 1e21 },
    ],
    [
      ['prompt', 'seed'],
      ['a', 1],
    ],
  ]),
  fc
    .array(oddValue.map(writeJson), { maxLength: 6 })
    .map((lines) => lines.map((line) => `{"prompt":${line}}`).join('\n')),
  fc.array(htmlPiece, { maxLength: 30 }).map((pieces) => `<table>${pieces.join('')}`),
  fc
    .array(fc.oneof(cell, fc.constantFrom('\t', '\n', '"')), { maxLength: 30 })
    .map((cells) => `prompt\tmodel\n${cells.join('')}`),
)
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
    { weight: 8, arbitrary: fc.record({ file: fc.constantFrom(...FILES), edits, name }) },
    { weight: 8, arbitrary: fc.record({ book, edits: noEdits, name }) },
    { weight: 8, arbitrary: fc.record({ text, edits: noEdits, name }) },
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
      await insistTable({ path }, given, sandbox)
      if ('text' in input) await insistTable({ text: input.text }, input.text, sandbox)
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

/** A table, whose cells are text and whose notices and faults are sentences, or one sentence. */
async function insistTable(source: TableSource, given: string, { saw }: Sandbox): Promise<void> {
  const read = await readTable(source, { hiddenRows: 'skip' }, { clock: fastClock }).catch(
    (error: unknown) => void saw(insistProblemError(error, given)),
  )
  if (!read) return
  for (const found of read.problems) insistProblem(found, given)
  for (const [index, { cells, fault }] of read.records.entries()) {
    insist(
      cells.every((each) => typeof each === 'string'),
      'a cell that is no text',
    )
    if (fault === undefined) continue
    for (const found of describeFaults(fault, index + 1, read.headers, {})) insistProblem(found, given)
  }
}

function bookOf({ rows, part, partEdits }: Book): Buffer {
  const texts = rows.flat()
  let next = 0
  const lines = rows.map((cells) => `<row>${cells.map(() => `<c t="s"><v>${next++}</v></c>`).join('')}</row>`)
  const edit = (text: string): string => mutate(Buffer.from(text), partEdits).toString('latin1')
  const strings = texts.map((each) => `<si><t>${xmlText(each)}</t></si>`).join('')
  const sheet = `<worksheet><sheetData><row><c t="inlineStr"><is><t>prompt</t></is></c></row>${lines.join('')}</sheetData><mergeCells><mergeCell ref="A1:B3"/></mergeCells></worksheet>`
  const workbook = '<workbook><sheets><sheet name="One" sheetId="1" r:id="r1"/></sheets></workbook>'
  return makeBook({
    sheet: part === 'sheet' ? edit(sheet) : sheet,
    strings: part === 'strings' ? edit(strings) : strings,
    more: { 'xl/workbook.xml': part === 'workbook' ? edit(workbook) : workbook },
  })
}

function bytesOf(input: Input): Buffer {
  if ('book' in input) return bookOf(input.book)
  if ('text' in input) return Buffer.from(input.text)
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
