import { appendFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Clock } from '../../../src/main/core/ports.ts'
import {
  describeFaults,
  type ReadTable,
  readTable,
  type TableOptions,
} from '../../../src/main/core/sheets/reading/index.ts'
import { READING_LIMITS } from '../../../src/main/core/sheets/reading/limits.ts'
import { ProblemError } from '../../../src/shared/problem.ts'
import { makeBook, rowOf } from '../../support/workbooks.ts'

/** Its time passes only with the turns of the loop: a thread is looked at again and again. */
const clock: Clock = {
  now: () => 0,
  sleep: async (_, signal) => {
    for (let count = 0; count < 50; count += 1) await turn()
    signal?.throwIfAborted()
  },
}
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reelsheet-reading-'))
})
afterAll(() => rm(folder, { recursive: true }))

let count = 0
async function readBytes(
  bytes: Uint8Array | string,
  options: Partial<TableOptions> = {},
): Promise<ReadTable> {
  count += 1
  const path = join(folder, `${count}.sheet`)
  await writeFile(path, bytes)
  return await readTable({ path }, { hiddenRows: 'skip', ...options }, { clock })
}
const paste = (text: string) => readTable({ text }, { hiddenRows: 'skip' }, { clock })
const cellsOf = ({ records }: ReadTable) => records.map(({ cells }) => cells)
async function refusalOf(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => new Error('nothing was refused'),
    (thrown: unknown) => thrown,
  )
  if (error instanceof ProblemError && error.problem.code.startsWith('sheet-')) return error.message
  throw error
}

describe('JSON', () => {
  it('gives the rows of an array: names in the order in which they are seen, numbers as written', async () => {
    const table = await readBytes(
      '[{"prompt":"a \\"b\\"\\u00e9","seed":12345678901234567890,"size":1.50}, {"model":"m","prompt":null,"on":true,"refs":[ "a.png", {"x": 1e2, "y": "  " } ]}]',
    )
    expect(table.headers).toEqual(['prompt', 'seed', 'size', 'model', 'on', 'refs'])
    expect(cellsOf(table)).toEqual([
      ['a "b"é', '12345678901234567890', '1.50'],
      ['', '', '', 'm', 'true', '["a.png",{"x":1e2,"y":"  "}]'],
    ])
  })

  it('gives the rows of JSON Lines, and goes on after a line that is broken', async () => {
    const table = await readBytes(
      '{"prompt":"a"}\n\n{"prompt":"b",}\r\n{"prompt":"c"} x\n{"prompt":"d","n":1}\n',
    )
    expect(cellsOf(table)).toEqual([['a'], [], [], ['d', '1']])
    expect(table.records.map(({ fault }) => fault?.split(' ')[0])).toEqual([
      undefined,
      'broken-line',
      'broken-line',
      undefined,
    ])
    expect(describeFaults(table.records[1]?.fault ?? '', 2, table.headers, {})[0]?.what).toMatch(
      /Row 2 is not a JSON object in one line: at character 15/,
    )
  })

  it('gives the rows of arrays, in lines or in one', async () => {
    const expected = { headers: ['prompt', 'seed'], records: [{ cells: ['a', '1'] }, { cells: ['b'] }] }
    expect(await readBytes('[["prompt","seed"],["a",1],[],["b"]]')).toMatchObject(expected)
    expect(await readBytes('["prompt","seed"]\n["a",1]\n["b"]')).toMatchObject(expected)
  })

  it('points at a name that stands twice in a row', async () => {
    const table = await readBytes('[{"prompt":"a","prompt":"b"}]')
    expect(describeFaults(table.records[0]?.fault ?? '', 1, table.headers, {})).toMatchObject([
      { what: 'Row 1 has the name "prompt" twice. The row will not run.', level: 'error' },
    ])
  })

  it.each([
    ['[{"prompt":"a"}', /line 1, “\]” is missing/],
    ['[{"prompt":"a"},\n{"prompt":b}]', /line 2, “b” is not a JSON value/],
    ['[{"prompt":"a"}] []', /something stands after the end/],
    ['[1,2]', /neither objects nor arrays/],
    ['[{"__proto__":"a","prompt":"b"}]', /a column named "__proto__"/],
    [`[{"prompt":${'['.repeat(100)}${']'.repeat(100)}}]`, /nested more than 64 deep/],
    [`[${Array.from({ length: 5000 }, (_, n) => `{"c${n}":1}`)}]`, /has 5000 columns; 1000 are allowed/],
  ])('%#: what stops it is said with its place', async (text, words) => {
    expect(await refusalOf(readBytes(text))).toMatch(words)
  })

  it('is read as the engine reads it', async () => {
    const rows = fc.array(
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1, noNullPrototype: true }),
      { minLength: 1 },
    )
    await fc.assert(
      fc.asyncProperty(rows, fc.constantFrom(0, 2), async (given, indent) => {
        const text = JSON.stringify(given, null, indent)
        const read = await paste(text).catch((error: unknown) => error)
        if (!('records' in (read as ReadTable))) return void expect(read).toBeInstanceOf(ProblemError)
        const names = [...new Set((JSON.parse(text) as object[]).flatMap((row) => Object.keys(row)))]
        expect((read as ReadTable).headers.length).toBe(names.length)
      }),
      { numRuns: 300 },
    )
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

describe('pasted cells', () => {
  it('have tabs between them and quotes round line breaks', async () => {
    const table = await paste('prompt\tduration\r\n"a\nb ""c"""\t5\r\nplain, with; marks\t10\r\n')
    expect(cellsOf(table).map((cells) => cells.map((cell) => cell.trimEnd()))).toEqual([
      ['a\nb "c"', '5'],
      ['plain, with; marks', '10'],
    ])
    expect(table.sha256).toMatch(/^[\da-f]{64}$/)
  })

  it('may begin with a quote that belongs to the text', async () => {
    const table = await paste('prompt\tduration\n"Hello" she said\t5\n"open\t6\n')
    expect(table.records).toEqual([{ cells: ['"Hello" she said', '5'] }, { cells: ['"open', '6'] }])
  })

  it('in one column keep their commas', async () => {
    expect(cellsOf(await paste('prompt\nA cat, asleep; again\n'))).toEqual([['A cat, asleep; again']])
  })

  it('may be CSV or JSON as well', async () => {
    expect(cellsOf(await paste('prompt;duration\na, b;5'))).toEqual([['a, b', '5']])
    expect(cellsOf(await paste('[{"prompt":"a"}]'))).toEqual([['a']])
  })

  it('may be an HTML table: spans, breaks, entities, nothing of scripts', async () => {
    const table = await paste(
      '<meta charset="utf-8"><style>td{}</style><table><tr><th>prompt</th><th>model</th><th>note</th></tr>' +
        '<tr><td>a &amp;\n  b<br>c<script>x</script></td><td rowspan=2>m</td><td>1</td></tr>' +
        '<tr><td>d</td><td><p>e</p><p>f</p></td></tr><tr><td colspan="2">g</td><td>h</td></tr></table>',
    )
    expect(cellsOf(table)).toEqual([
      ['a & b\nc', 'm', '1'],
      ['d', 'm', 'e\nf'],
      ['g', '', 'h'],
    ])
    expect(table.problems).toHaveLength(1)
  })

  it.each([
    ['', /is empty/],
    ['prompt\na\0b', /NUL character in line 2/],
    ['<html><body>Hello</body></html>', /web page without a table/],
  ])('%#: what is no table is refused', async (text, words) => {
    expect(await refusalOf(paste(text))).toMatch(words)
  })
})

describe('encodings', () => {
  const western = 'prompt,note\nEin Bär träumt von einem schönen Café,wait – “so”\n'
  it('takes Windows-1252 where little else can be meant, and names what hung on it', async () => {
    const bytes = Buffer.from(
      western.replace('–', '\x96').replace('“', '\x93').replace('”', '\x94'),
      'latin1',
    )
    const table = await readBytes(bytes)
    expect(cellsOf(table)[0]).toEqual(['Ein Bär träumt von einem schönen Café', 'wait – “so”'])
    expect(table.problems).toMatchObject([
      { level: 'warning', what: expect.stringMatching(/Windows-1252.*“Bär”, “träumt”/) },
    ])
  })
  it.each([
    ['Cyrillic (windows-1251)', '70726f6d70740acff0e8e2e5f220ece8f020e820e5f9b820f0e0e70a'],
    ['Korean (EUC-KR)', '70726f6d70740ab0edbeE7C0CCB0a120c3a2b9ae20beC6B7A1bfA1BCad20c0dab0ED20C0D6B4D90a'],
    ['Japanese (EUC-JP)', '70726f6d70740ac7adA4ACC1EbCAD5A4C7C0E3A4F2B8ABA4C6A4A4A4Eb0a'],
    ['Chinese (Big5)', '70726f6d70740aA440B0A6BFDFA662B5A1BBbfA457ACddB3b70a'],
  ])('refuses %s', async (_, hex) => {
    expect(await refusalOf(readBytes(Buffer.from(hex, 'hex')))).toMatch(/neither UTF-8 nor UTF-16/)
  })
  it('refuses UTF-8 that something broke', async () => {
    const bytes = Buffer.concat([
      Buffer.from(`${western}Übermäßig größer\n`),
      Buffer.from([0xe4]),
      Buffer.from('x\n'),
    ])
    expect(await refusalOf(readBytes(bytes))).toMatch(
      /UTF-8 text with damaged characters, the first in line 4/,
    )
  })
})

describe('large text', () => {
  it('is the same whether it is read at once, in steps or on a thread', async () => {
    const line = (row: number) => `"row ${row}, ""quoted""\nand broken",${'é'.repeat(row % 50)},${row}\r\n`
    const text = `prompt,note,seed\r\n${Array.from({ length: 30_000 }, (_, row) => line(row)).join('')}`
    const table = await readBytes(text)
    expect(table.records).toHaveLength(30_000)
    expect(table.records[29_999]?.cells).toEqual([
      'row 29999, "quoted"\nand broken',
      'é'.repeat(49),
      '29999\r',
    ])
    // UTF-16 is not read in steps.
    const other = await readBytes(Buffer.from(`\ufeff${text}`, 'utf16le'))
    expect(other.records).toEqual(table.records)
  })

  it('that changes while it is read is said', async () => {
    const path = join(folder, 'growing.json')
    await writeFile(path, `[${Array.from({ length: 20_000 }, () => '{"prompt":"a cat"}').join()}]`)
    const writing: Clock = {
      now: () => 0,
      sleep: async (_, signal) => {
        appendFileSync(path, ' ')
        await new Promise((_resolve, reject) =>
          signal?.addEventListener('abort', () => reject(signal.reason)),
        )
      },
    }
    const refused = await refusalOf(readTable({ path }, { hiddenRows: 'skip' }, { clock: writing }))
    expect(refused).toContain(`${path} changed while it was being read`)
  })
})

describe('workbooks', () => {
  const head = rowOf(['prompt', 'model'])
  it('take a merged value down through rows of their own, also from a hidden row', async () => {
    const book = makeBook({
      rows:
        '<row r="1"><c r="A1" t="str"><v>prompt</v></c><c r="B1" t="str"><v>model</v></c></row>' +
        '<row r="2" hidden="1"><c r="A2" t="str"><v>unseen</v></c><c r="B2" t="str"><v>top</v></c></row>' +
        '<row r="3"><c r="A3" t="str"><v>a</v></c></row><row r="4"/><row r="5"><c r="A5" t="str"><v>b</v></c></row>' +
        '<row r="6"><c r="A6" t="str"><v>c</v></c></row>',
      after:
        '<mergeCells><mergeCell ref="B2:B5"/><mergeCell ref="A6:B6"/><mergeCell ref="Z1:Z9"/></mergeCells>',
    })
    expect(cellsOf(await readBytes(book))).toEqual([['a', 'top'], ['b', 'top'], ['c']])
    expect(cellsOf(await readBytes(book, { hiddenRows: 'read' }))).toEqual([
      ['unseen', 'top'],
      ['a', 'top'],
      ['b', 'top'],
      ['c'],
    ])
  })

  const bomb = Buffer.alloc(11_000_000, 32)
  const cases: [string, () => Buffer, RegExp][] = [
    [
      'a zip bomb',
      () => makeBook({ sheet: `<worksheet><sheetData>${bomb}` }),
      /would unpack to 12 MB, far more/,
    ],
    [
      'a bomb that lies of its size',
      () => lie(makeBook({ sheet: `<worksheet><sheetData>${bomb}` })),
      /damaged workbook/,
    ],
    [
      'entities of its own',
      () => makeBook({ sheet: '<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet/>' }),
      /XML entities of its own/,
    ],
    ['deep nesting', () => makeBook({ sheet: '<a>'.repeat(100_000) }), /nested more than 64 deep/],
    ['no XML', () => makeBook({ sheet: 'prompt,model' }), /is no XML/],
    ['half a file', () => makeBook({ rows: head }).subarray(0, 600), /directory cannot be read/],
    [
      'a part that is missing',
      () => makeBook({ more: { 'xl/workbook.xml': '<workbook><sheets/></workbook>' } }),
      /holds no worksheet/,
    ],
    [
      'a text that is not there',
      () => makeBook({ rows: '<row><c t="s"><v>7</v></c></row>', strings: '' }),
      /cell A1 names a text/,
    ],
    [
      'a column beyond all columns',
      () => makeBook({ rows: '<row><c r="ZZZ1"><v>1</v></c></row>' }),
      /cannot be/,
    ],
    [
      '5,000 columns',
      () => makeBook({ rows: rowOf(Array.from({ length: 5_000 }, (_, n) => `c${n}`)) }),
      /has 5000 columns; 1000 are/,
    ],
    [
      'a cell of 10 MB',
      () => makeBook({ rows: head + rowOf([`x${'yz'.repeat(5_000_000)}`]) }),
      /four million characters|would unpack/,
    ],
    ['one column name twice', () => makeBook({ rows: rowOf(['prompt', 'prompt']) }), /"prompt" twice/],
    ['__proto__', () => makeBook({ rows: rowOf(['prompt', '__proto__']) }), /a column named "__proto__"/],
    ['a Numbers file', () => makeZip('Index/Document.iwa'), /Numbers spreadsheet.*save it as XLSX/],
    ['a binary workbook', () => makeZip('xl/workbook.bin'), /XLSB/],
    ['a ZIP of anything', () => makeZip('a.txt'), /a ZIP file, not a workbook/],
    ['a part outside', () => makeZip('../../etc/passwd'), /directory cannot be read/],
  ]
  it.each(cases)('%s is refused in words', async (_, make, words) => {
    const message = await refusalOf(readBytes(make()))
    expect(message).toMatch(words)
    expect(message).toContain(join(folder, `${count}.sheet`))
  })

  it('that keep a thread busy are given up', async () => {
    // Every tag has a quote that never closes: the parser looks for its end again and again.
    const sheet = `<worksheet><sheetData>${`<row a='"b="c'>`.repeat(3_000)}${`<c ${`'"`.repeat(300_000)}`}`
    expect(await refusalOf(readBytes(makeBook({ sheet })))).toMatch(
      /too much time|damaged workbook|would unpack/,
    )
  })

  it('that say one long text over and over are given up', async () => {
    const cells = '<c t="s"><v>0</v></c>'.repeat(200)
    const names = Array.from({ length: 200 }, (_, n) => `<c t="str"><v>n${n}</v></c>`).join('')
    const rows = `<row>${names}</row>${`<row>${cells}</row>`.repeat(50)}`
    const book = makeBook({ rows, strings: `<si><t>${'long '.repeat(6_000)}</t></si>` })
    expect(await refusalOf(readBytes(book))).toMatch(/more than 120,000,000 characters/)
  })
})

it('a thread that has worked too long is ended, and the next sheet is read', async () => {
  const limits = READING_LIMITS as { workMs: number }
  const { workMs } = limits
  limits.workMs = -1
  try {
    expect(await refusalOf(readBytes(makeBook({ rows: rowOf(['prompt']) })))).toMatch(/takes too much time/)
  } finally {
    limits.workMs = workMs
  }
  const book = makeBook({ rows: rowOf(['prompt']) + rowOf(['a']) })
  expect(cellsOf(await readBytes(book))).toEqual([['a']])
})

it('a row of nothing but quotes in wrong places is refused at once', async () => {
  const message = await refusalOf(readBytes(`prompt,note\n${'"a"b'.repeat(200_000)}`))
  expect(message).toMatch(/thousands of quotes in wrong places/)
})

it('a web page that grows without end is given up', async () => {
  const fonts = Array.from({ length: 20_000 }, (_, n) => `<font color=${n}>`).join('')
  expect(await refusalOf(paste(`<table><tr><td><p>${fonts}${'<p>x'.repeat(20_000)}`))).toMatch(
    /would grow without end/,
  )
})

/** The directory says that everything is small. */
function lie(book: Buffer): Buffer {
  const at = book.lastIndexOf(Buffer.from('xl/worksheets/sheet1.xml')) - 46
  book.writeUInt32LE(2_000, at + 24)
  return book
}

const makeZip = (name: string): Buffer => Buffer.from(zipSync({ [name]: new Uint8Array([1]) }))
