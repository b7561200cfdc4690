import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import readWorkbook from 'read-excel-file/node'
import { describe, expect, it } from 'vitest'
import { realDisk } from '../../../src/main/core/archive/disk.ts'
import { keepQuotes, unescapeCell } from '../../../src/main/core/sheets/escape.ts'
import type { Cell, Table } from '../../../src/main/core/tables/table.ts'
import { formatOf, writeTable } from '../../../src/main/core/tables/write.ts'
import { bytesOf, FORMATS, pagesOf, tableFolder, tableOf } from '../../support/tables.ts'

/** Cells of a workbook's only worksheet as another program reads them. */
async function readCells(bytes: Buffer): Promise<unknown[][]> {
  const sheets = await readWorkbook(bytes, { trim: false })
  return sheets[0]?.data ?? []
}

const written = (table: Table, path: string, more: object = {}) =>
  writeTable(table, { path, format: 'csv', title: 'Table', ...more })

describe('a workbook', () => {
  it('holds texts as texts, formulas among them, and numbers as numbers', async () => {
    const cells: Cell[] = ['=1+1', '5', '007', '1e5', '0.10', { decimal: '115.2634' }, null, { words: '=a' }]
    const columns = cells.map((_, index) => `c${index}`)
    const [header, row] = await readCells(await bytesOf(tableOf(columns, [cells]), 'xlsx'))
    expect(header).toEqual(columns)
    expect(row).toEqual(['=1+1', 5, '007', '1e5', '0.10', 115.2634, null, '=a'])
  })

  it('keeps a number that a spreadsheet would round as text', async () => {
    const cells = ['2147483647', '12345678901', '-0', '-7', '1.5', '1.50', '.5', '0.123456789', '1.']
    const [, row] = await readCells(await bytesOf(tableOf(cells, [cells]), 'xlsx'))
    expect(row).toEqual([2147483647, '12345678901', '-0', -7, 1.5, '1.50', '.5', '0.123456789', '1.'])
  })

  it('gives every text back as it was', async () => {
    const text = fc
      .oneof(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc
          .array(
            fc.constantFrom(
              '_x0041_',
              '_x',
              '_',
              'x000D_',
              '\r',
              '\n',
              '\t',
              ' ',
              '<',
              '&amp;',
              '\u0001',
              '=',
              '\uFFFF',
              '😀',
              '7',
            ),
            { maxLength: 8 },
          )
          .map((all) => all.join('')),
      )
      .map((one) => one.replaceAll('\0', '').toWellFormed())
    const folder = tableFolder()
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 20 }), async (texts) => {
        const rows = await readCells(
          await bytesOf(
            tableOf(
              ['n', 'text'],
              texts.map((one) => ['-', one]),
            ),
            'xlsx',
            folder,
          ),
        )
        expect(rows.slice(1).map((row) => unescapeCell(String(row[1] ?? '')))).toEqual(texts)
      }),
      { numRuns: 60 },
    )
  })

  it('names columns past Z', async () => {
    const columns = Array.from({ length: 800 }, (_, index) => `column ${index}`)
    const [header, row] = await readCells(await bytesOf(tableOf(columns, [columns]), 'xlsx'))
    expect(header).toEqual(columns)
    expect(row).toEqual(columns)
  })
})

describe('JSON', () => {
  it('gives every text back as it was, halves of characters too', async () => {
    const folder = tableFolder()
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\uD800', 'a\uDC00\0', '\u2028'))
    await fc.assert(
      fc.asyncProperty(fc.array(text), async (texts) => {
        const bytes = await bytesOf(
          tableOf(
            ['text'],
            texts.map((one) => [one]),
          ),
          'json',
          folder,
        )
        expect(JSON.parse(bytes.toString())).toEqual(texts.map((one) => ({ text: keepQuotes(one) })))
      }),
      { numRuns: 100 },
    )
  })

  it('of nothing is an empty array', async () => {
    expect((await bytesOf(tableOf(['a'], []), 'json')).toString()).toBe('[]\n')
  })
})

describe('what a format cannot hold', () => {
  const long = 'x'.repeat(32_768)

  it('is named with its row and column, and nothing is written', async () => {
    const folder = tableFolder()
    const path = join(folder, 'a.xlsx')
    const table = tableOf(['prompt', 'mood'], [['fine', long], ...Array(6).fill([long, '']), ['fine', '']])
    const refused = written(table, path, { format: 'xlsx' })
    await expect(refused).rejects.toMatchObject({ problem: { code: 'not-possible', place: { file: path } } })
    await expect(refused).rejects.toThrow(
      /32,767 characters at most.+row 1, column "mood" \(32,768 characters\); row 2, column "prompt".+; and 2 more\..+CSV or JSON/,
    )
    expect(readdirSync(folder)).toEqual([])
  })

  it('is just what is past the limit', async () => {
    const most = long.slice(1)
    const [, row] = await readCells(await bytesOf(tableOf(['prompt'], [[most]]), 'xlsx'))
    expect(row).toEqual([most])
    for (const format of ['csv', 'json'] as const) {
      expect((await bytesOf(tableOf(['prompt'], [[long]]), format)).toString()).toContain(long)
    }
  })

  it.each([
    ['half of a character', 'a\uD83D'],
    ['a NUL', 'a\0b'],
  ])('is %s, which only JSON holds', async (_title, odd) => {
    for (const format of ['csv', 'xlsx'] as const) {
      await expect(bytesOf(tableOf(['prompt'], [['fine'], [odd]]), format)).rejects.toThrow(
        /row 2, column "prompt"\..+Choose JSON/,
      )
    }
    expect(JSON.parse((await bytesOf(tableOf(['prompt'], [[odd]]), 'json')).toString())).toEqual([
      { prompt: odd },
    ])
  })

  it('may be words of a provider: they are cleaned and shortened, and end in a sign of it', async () => {
    for (const format of FORMATS) {
      const text = (await bytesOf(tableOf(['a'], [[{ words: 'b\0c\uD83Dd' }]]), format)).toString('latin1')
      expect(text).not.toContain('\0c')
    }
    const [, row] = await readCells(await bytesOf(tableOf(['a'], [[{ words: `${long}more` }]]), 'xlsx'))
    expect(String(row?.[0])).toHaveLength(32_767)
    expect(String(row?.[0])).toMatch(/x…$/)
  })

  it('is more rows than a worksheet has', async () => {
    const page = Array.from({ length: 1000 }, () => ({ name: 'row', cells: [''] }))
    const table = { columns: ['a'], pages: pagesOf(...Array.from({ length: 1049 }, () => page)) }
    await expect(bytesOf(table, 'xlsx')).rejects.toThrow(/1,048,576 rows at most/)
  })
})

describe('a file', () => {
  const table = () => tableOf(['prompt'], [['a']])

  it('of somebody else is left alone', async () => {
    const folder = tableFolder()
    const path = join(folder, 'mine.csv')
    writeFileSync(path, 'precious')
    await expect(written(table(), path)).rejects.toThrow(/already exists/)
    symlinkSync(join(folder, 'nowhere'), join(folder, 'link.csv'))
    await expect(written(table(), join(folder, 'link.csv'))).rejects.toThrow(/already exists/)
    expect(readFileSync(path, 'utf8')).toBe('precious')
    expect(readdirSync(folder).sort()).toEqual(['link.csv', 'mine.csv'])
  })

  it('is written by one of two who want the same name at once, whole', async () => {
    const folder = tableFolder()
    const path = join(folder, 'both.csv')
    const rows = (letter: string) => tableOf(['prompt'], Array(2000).fill([letter.repeat(50)]))
    const outcomes = await Promise.allSettled([written(rows('a'), path), written(rows('b'), path)])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const lines = new Set(readFileSync(path, 'utf8').trim().split('\r\n').slice(1))
    expect(lines.size).toBe(1)
    expect(readdirSync(folder)).toEqual(['both.csv'])
  })

  it('is there whole also where the disk knows no second names', async () => {
    const folder = tableFolder()
    const link = () => Promise.reject(Object.assign(new Error('no links'), { code: 'EPERM' }))
    await written(table(), join(folder, 'a.csv'), { disk: { ...realDisk, link } })
    expect(readFileSync(join(folder, 'a.csv'), 'utf8')).toBe('\uFEFFprompt\r\na\r\n')
    expect(readdirSync(folder)).toEqual(['a.csv'])
  })

  it('does not appear when its rows end in an error', async () => {
    const folder = tableFolder()
    async function* broken() {
      yield [{ name: 'row 1', cells: ['a'] }]
      throw new Error('the database is gone')
    }
    for (const format of FORMATS) {
      const path = join(folder, `a.${format}`)
      await expect(written({ columns: ['a'], pages: broken() }, path, { format })).rejects.toThrow('is gone')
    }
    expect(readdirSync(folder)).toEqual([])
  })

  it.each([
    ['folder-missing', 'none/a.csv'],
    ['folder-missing', 'file/a.csv'],
    ['path-too-long', `${'n'.repeat(240)}.csv`],
  ])('that cannot be written is a %s: %s', async (code, name) => {
    const folder = tableFolder()
    writeFileSync(join(folder, 'file'), '')
    mkdirSync(join(folder, 'folder'))
    await expect(written(table(), join(folder, name))).rejects.toMatchObject({ problem: { code } })
    expect(readdirSync(folder).sort()).toEqual(['file', 'folder'])
  })

  it('on a full disk is said to be so', async () => {
    const folder = tableFolder()
    const open: typeof realDisk.open = async (path, how) => ({
      ...(await realDisk.open(path, how)),
      write: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })),
    })
    for (const format of FORMATS) {
      const refused = written(table(), join(folder, 'a'), { format, disk: { ...realDisk, open } })
      await expect(refused).rejects.toMatchObject({ problem: { code: 'disk-full' } })
    }
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('the format', () => {
  it('is the one that was said, else the one of the ending', () => {
    expect(formatOf('a.csv', 'json')).toBe('json')
    expect(formatOf('/x.y/a.XLSX', undefined)).toBe('xlsx')
    expect(() => formatOf('/x.csv/a', undefined)).toThrow(/--format/)
  })
})
