import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import readExcelFile from 'read-excel-file/node'
import { describe, expect, it } from 'vitest'
import type { Clock } from '../../../src/main/core/ports.ts'
import {
  describeFaults,
  parseTable,
  type ReadTable,
  readTable,
  type TableOptions,
} from '../../../src/main/core/sheets/reading/index.ts'

const FOLDER = join(import.meta.dirname, '../../fixtures/sheets')
/** Nothing here takes long: a thread that is looked at never is looked at. */
const clock: Clock = {
  now: () => 0,
  sleep: (_, signal) =>
    new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
}
const read = (name: string, options: Partial<TableOptions> = {}): Promise<ReadTable> =>
  readTable({ path: join(FOLDER, name) }, { hiddenRows: 'skip', ...options }, { clock })
/** Empty cells at the end of a row are there in one form and not in another. */
const cellsOf = (table: ReadTable): string[][] =>
  table.records.map(({ cells }) => cells.slice(0, cells.findLastIndex((cell) => cell !== '') + 1))
const wordsOf = (table: ReadTable): string[] =>
  table.problems.map(({ what }) => what.slice(what.indexOf(': ') + 2))

const HEADERS = 'id,prompt,model,duration,seed,due,shown,call time,share,weight,sound,note'.split(',')
const LAKE = 'A slow push over the lake,\nreeds in the “wind”'
const BEAR = 'Ein Bär träumt <leise> & lange'
const HIDDEN = ['n-4', 'A row that nobody sees', 'wan26_r2v', '5']
const BROKEN = ['n-5', '#REF!', 'wan26_r2v', '5']

describe('a workbook that LibreOffice wrote', () => {
  const first =
    'n-1|LAKE|wan26_r2v|5|2147483647|2026-11-20|2026-11-20T21:30:00|06:45:00|7%|5.1|TRUE|“quoted”, comma; semicolon'
  const second = 'n-2|Café no. 20|wan26_r2v|10|7|2024-02-29|1999-12-31T23:59:00||50%|0.3|FALSE|007'
  const rows = [
    first.replace('LAKE', LAKE).split('|'),
    second.split('|'),
    ['n-3', BEAR, 'wan26_r2v', '2', '', '', '', '', '', '', '', 'naïve façade, 20 €'],
    BROKEN,
  ]

  it('gives its values as a person sees them: formulas, dates, rich text, merged cells, hidden columns', async () => {
    const table = await read('libreoffice.xlsx')
    expect(table.headers).toEqual(HEADERS)
    expect(cellsOf(table)).toEqual(rows)
    expect(table.worksheets).toEqual(['Night shots', 'Plan', 'Day shots'])
    expect(wordsOf(table)).toEqual([
      'one hidden row was left out.',
      expect.stringContaining('it has merged cells (1, such as C2:C4)'),
    ])
  })

  it('gives its hidden rows when they are asked for', async () => {
    const table = await read('libreoffice.xlsx', { hiddenRows: 'read' })
    expect(cellsOf(table)).toEqual([...rows.slice(0, 3), HIDDEN, BROKEN])
    expect(wordsOf(table)).toHaveLength(1)
  })

  it('shows an error in a cell as a problem of its row, where the column is used', async () => {
    const { records, headers } = await read('libreoffice.xlsx')
    const fault = records[3]?.fault ?? ''
    expect(describeFaults(fault, 4, headers, { prompt: 'prompt' })).toMatchObject([
      { code: 'sheet-unreadable', level: 'error', place: { row: 4, column: 'prompt', value: '#REF!' } },
    ])
    expect(describeFaults(fault, 4, headers, {})).toMatchObject([{ level: 'warning' }])
  })

  it.each(['Day shots', ' day SHOTS '])('reads the worksheet %s', async (worksheet) => {
    const table = await read('libreoffice.xlsx', { worksheet })
    expect(table).toMatchObject({ headers: ['prompt', 'duration'], records: [{ cells: ['noon', '5'] }] })
  })

  it('names the worksheets that there are', async () => {
    await expect(read('libreoffice.xlsx', { worksheet: 'Nights' })).rejects.toThrow(
      /no worksheet "Nights"; it has "Night shots", "Plan", "Day shots"/,
    )
    await expect(read('libreoffice.xlsx', { worksheet: 'Plan' })).rejects.toThrow(/"Plan"\) has column names/)
    await expect(read('libreoffice-utf-8.csv', { worksheet: 'Plan' })).rejects.toThrow(/is no workbook/)
  })

  it('says the same as another reader, where that one looks', async () => {
    const table = await read('libreoffice.xlsx', { hiddenRows: 'read' })
    const [, ...others] = await readExcelFile(join(FOLDER, 'libreoffice.xlsx')).then(
      (sheets) => sheets.find(({ sheet }) => sheet === 'Night shots')?.data ?? [],
    )
    const texts = others.map((cells) =>
      [cells[0], cells[1], cells[3], cells[4]].map((cell) => String(cell ?? '')),
    )
    const ours = table.records.map(({ cells }) =>
      [cells[0], cells[1], cells[3], cells[4]].map((cell) => cell ?? ''),
    )
    expect(texts.filter(([id]) => id !== '').slice(0, 4)).toEqual(ours.slice(0, 4))
  })
})

describe('text that LibreOffice wrote', () => {
  const rows = [
    `n-1|${LAKE}|wan26_r2v|5|2147483647|2026-11-20|11/20/2026 21:30:00|06:45:00 AM|7%|5.1|TRUE|“quoted”, comma; semicolon`.split(
      '|',
    ),
    'n-2|Café no. 20||10|7|2024-02-29|12/31/1999 23:59:00||50%|0.3|FALSE|007'.split('|'),
    ['n-3', BEAR, '', '2', '', '', '', '', '', '', '', 'naïve façade, 20 €'],
    HIDDEN,
    BROKEN,
  ]
  it.each([
    ['libreoffice-utf-8.csv', []],
    ['libreoffice-pipes.csv', []],
    ['libreoffice-utf-16-tabs.csv', []],
    [
      'libreoffice-windows-1252-semicolons.csv',
      [
        'libreoffice-windows-1252-semicolons.csv: was read as Windows-1252 (Western European), because it is not UTF-8; it was so that “Café”, “Bär”, “träumt”, “naïve” came out.',
      ],
    ],
  ])('%s', async (name, notices) => {
    const table = await read(name)
    expect(table.headers).toEqual(HEADERS)
    expect(cellsOf(table)).toEqual(rows)
    expect(table.records[4]?.fault).toBe('error-cell 1 #REF!')
    expect(table.problems.map(({ what }) => what.replace(`${FOLDER}/`, ''))).toEqual(notices)
  })

  it('in Chinese, in the encoding of Chinese Windows', async () => {
    const table = await read('libreoffice-gb18030.csv')
    expect(table.headers).toEqual(['提示词', '模型', '时长', '备注'])
    expect(cellsOf(table)).toEqual([
      ['湖边黄昏，镜头缓缓推进，芦苇在风中摇曳', 'wan26_r2v', '5', '第一镜'],
      ['一只猫在窗台上看雪', 'wan26_r2v', '10', '夜景'],
    ])
    expect(wordsOf(table)[0]).toMatch(/GB 18030.*“提示词”/)
  })

  it('as a web page, which leaves hidden rows and columns out', async () => {
    const table = await read('libreoffice.html')
    expect(table.headers).toEqual(HEADERS.filter((header) => header !== 'seed'))
    expect(cellsOf(table)).toEqual([
      `n-1|${LAKE}|wan26_r2v|5|2026-11-20|20.11.2026 21:30|06:45|7%|5.1|TRUE|“quoted”, comma; semicolon`.split(
        '|',
      ),
      'n-2|Café no. 20|wan26_r2v|10|2024-02-29|31.12.1999 23:59||50%|0.3|FALSE|007'.split('|'),
      ['n-3', BEAR, 'wan26_r2v', '2', '', '', '', '', '', '', 'naïve façade, 20 €'],
      BROKEN,
    ])
    expect(wordsOf(table)).toEqual([
      'of its 2 tables, the one with 6 rows was read.',
      expect.stringContaining('it has merged cells (1)'),
    ])
  })
})

describe('a workbook as another program writes it', () => {
  it('Excel: shared and rich text, phonetic guides, escapes, formats, external links, a hidden first sheet', async () => {
    const table = await read('as-excel.xlsx')
    expect(table.worksheets).toEqual(['Lists', '絵コンテ & more'])
    expect(table.headers).toEqual(['prompt', 'duration', 'due', 'price'])
    expect(table.records).toEqual([
      { cells: ['A bold fox ', '5.1', '2026-11-20', '12'] },
      { cells: ['東京', '10', '2026-11-20T21:30:00', '#N/A'], fault: 'error-cell 3 #N/A' },
      { cells: ['line one\r\nline two _x0041_', '10', '', '12.5%'] },
      { cells: ['emoji 😀 & <tag>', '', '', '36:00:00'], fault: 'no-result 1 ' },
    ])
    expect(wordsOf(table)).toEqual([
      'cells to the right of the last column name were left out (1, the first in G7).',
    ])
  })

  it('Excel, strict form: ISO dates and the calendar from 1904', async () => {
    expect(cellsOf(await read('as-excel-strict.xlsx'))).toEqual([
      ['a strict one', '2026-11-20'],
      ['from 1904', '2026-11-20'],
    ])
  })

  it('Google Sheets: filtered rows, numbers with a zero behind the point, results of formulas', async () => {
    const table = await read('as-google-sheets.xlsx')
    expect(table.headers).toEqual(['描述', '秒', 'model'])
    expect(cellsOf(table)).toEqual([
      ['湖边黄昏', '5'],
      ['second line\nof a cell', '10', 'wan26_r2v'],
    ])
    expect(table.worksheets).toEqual(['工作表1'])
    const all = await read('as-google-sheets.xlsx', { hiddenRows: 'read' })
    expect(cellsOf(all)[1]).toEqual(['filtered away', '5'])
    expect(all.problems).toEqual([])
  })

  it('small writers: inline text, no styles, no addresses, prefixes, CDATA', async () => {
    expect(cellsOf(await read('as-small-writers.xlsx'))).toEqual([['<b>& bare', '42'], ['no seed']])
  })

  it('by its content, whatever its name says', async () => {
    const { mkdtemp, rm, copyFile } = await import('node:fs/promises')
    const { tmpdir } = await import('node:os')
    const folder = await mkdtemp(join(tmpdir(), 'reelsheet-reading-'))
    try {
      await copyFile(join(FOLDER, 'as-google-sheets.xlsx'), join(folder, 'sheet.csv'))
      await copyFile(join(FOLDER, 'libreoffice.html'), join(folder, 'sheet.xls'))
      await copyFile(join(FOLDER, 'libreoffice-utf-8.csv'), join(folder, 'sheet.xlsx'))
      const rows = async (name: string) =>
        (await readTable({ path: join(folder, name) }, { hiddenRows: 'skip' }, { clock })).records.length
      expect(await rows('sheet.csv')).toBe(2)
      expect(await rows('sheet.xls')).toBe(4)
      expect(await rows('sheet.xlsx')).toBe(5)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('forms that are not read say what to do', () => {
  it.each([
    ['libreoffice.xls', /old Excel workbook \(XLS\), or a workbook with a password.*save it as XLSX/],
    ['libreoffice.ods', /OpenDocument spreadsheet \(ODS\).*save it as XLSX or "CSV UTF-8"/],
  ])('%s', async (name, words) => {
    const given = await read(name).catch((error: unknown) => error)
    expect(String(given)).toMatch(words)
    expect(String(given)).toContain(join(FOLDER, name))
  })
})

it('the bytes decide on the hash', async () => {
  const { sha256 } = await read('as-excel.xlsx')
  expect(sha256).toMatch(/^[\da-f]{64}$/)
  const bytes = await readFile(join(FOLDER, 'libreoffice-utf-8.csv'))
  expect(parseTable(bytes, { file: 'a.csv' }).sha256).toBe((await read('libreoffice-utf-8.csv')).sha256)
})
