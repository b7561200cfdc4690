import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseSheet, readSheet } from '../../../src/main/core/sheets/read.ts'
import { systemClock } from '../../../src/main/core/system.ts'
import { ProblemError } from '../../../src/shared/problem.ts'
import { Sheet } from '../../../src/shared/sheet.ts'

const readFileSheet = (path: string) => readSheet({ path }, { hiddenRows: 'skip' }, { clock: systemClock })
const utf8 = (text: string) => new TextEncoder().encode(text)
const parse = (text: string, options = {}) => parseSheet(utf8(text), options)
const prompts = (sheet: Sheet) => sheet.rows.map((row) => row.values.prompt)
const rowProblems = (sheet: Sheet) =>
  sheet.problems
    .filter((found) => found.place.row !== undefined)
    .map((found) => [found.place.row, found.code])

function utf16(text: string, order: 'le' | 'be', mark: boolean): Uint8Array {
  const bytes = Buffer.from(mark ? `\uFEFF${text}` : text, 'utf16le')
  return order === 'be' ? bytes.swap16() : bytes
}

function refusal(act: () => unknown): ProblemError {
  try {
    act()
  } catch (error) {
    if (error instanceof ProblemError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('a sheet in any text form', () => {
  const commas = 'prompt,duration\r\n"A cat, asleep",5\r\nEin Bär,10\r\n一只猫,2\r\n'
  const forms: [string, Uint8Array][] = [
    ['commas, CRLF', utf8(commas)],
    ['LF', utf8(commas.replaceAll('\r\n', '\n'))],
    ['CR', utf8(commas.replaceAll('\r\n', '\r'))],
    ['no line end at the end', utf8(commas.trimEnd())],
    ['a byte order mark', utf8(`\uFEFF${commas}`)],
    ['semicolons', utf8('prompt;duration\n"A cat, asleep";5\nEin Bär;10\n一只猫;2\n')],
    ['tabs', utf8('prompt\tduration\nA cat, asleep\t5\nEin Bär\t10\n一只猫\t2\n')],
    ['sep= line', utf8('sep=;\r\nprompt;duration\r\nA cat, asleep;5\r\nEin Bär;10\r\n一只猫;2\r\n')],
    ['single quotes', utf8("'prompt','duration'\n'A cat, asleep','5'\n'Ein Bär','10'\n'一只猫','2'\n")],
    ['UTF-16 LE with mark', utf16(commas, 'le', true)],
    ['UTF-16 BE with mark', utf16(commas, 'be', true)],
    ['UTF-16 LE bare', utf16(commas, 'le', false)],
    ['UTF-16 BE bare', utf16(commas, 'be', false)],
  ]
  it.each(forms)('%s', (_, bytes) => {
    const sheet = parseSheet(bytes)
    expect(prompts(sheet)).toEqual(['A cat, asleep', 'Ein Bär', '一只猫'])
    expect(sheet.rows.map((row) => row.values.duration)).toEqual(['5', '10', '2'])
    expect(sheet.problems).toEqual([])
    expect(Sheet.parse(sheet).rows).toHaveLength(3)
  })

  it('reads UTF-16 that is nearly all Chinese, without a mark', () => {
    const text = `提示词\t时长\n${'一只猫在窗台上看雪，尾巴慢慢地摆动。'.repeat(40)}\t5\n`
    expect(prompts(parseSheet(utf16(text, 'le', false)))[0]).toContain('一只猫')
    expect(prompts(parseSheet(utf16(text, 'be', false)))[0]).toContain('一只猫')
  })

  it('keeps quoted line breaks, doubled quotes and formulas as text', () => {
    const sheet = parse('prompt,note\r\n"line one\nline ""two""\r\nthree",=SUM(A1:A9)\r\n')
    expect(sheet.rows[0]?.values.prompt).toBe('line one\nline "two"\r\nthree')
    expect(sheet.rows[0]?.extra.note).toBe('=SUM(A1:A9)')
  })

  it('reads a quoted last cell in a CRLF file', () => {
    expect(prompts(parse('duration,prompt\r\n5,"a, b"\r\n6,"c"\r\n'))).toEqual(['a, b', 'c'])
  })
})

describe('rows', () => {
  it('counts data records from 1; blank lines change no number', () => {
    const sheet = parse('\n\nprompt,duration\na,1\n\n,\n"b\n\nb",2\n   \nc,3\n')
    expect(sheet.rows.map((row) => [row.row, row.values.prompt])).toEqual([
      [1, 'a'],
      [2, 'b\n\nb'],
      [3, 'c'],
    ])
  })

  it('sorts references by number, splits lists at bars, keeps what it does not know', () => {
    const sheet = parse('prompt,ref 2,ref 1,references,audio,mood\np,b.png,a.png,c.png | d.mp4|,m.mp3,calm\n')
    expect(sheet.rows[0]).toMatchObject({
      references: [
        { column: 'ref 1', text: 'a.png' },
        { column: 'ref 2', text: 'b.png' },
        { column: 'references', text: 'c.png' },
        { column: 'references', text: 'd.mp4' },
      ],
      audio: { column: 'audio', text: 'm.mp3' },
      extra: { mood: 'calm' },
      cells: { prompt: 'p', 'ref 2': 'b.png', mood: 'calm' },
    })
  })

  it('leaves missing cells empty, names surplus ones, tolerates surplus separators', () => {
    const sheet = parse('prompt,duration\nshort\na,b,c\nfine,5,,\n')
    expect(sheet.rows[0]?.values).toEqual({ prompt: 'short' })
    expect(rowProblems(sheet)).toEqual([[2, 'sheet-unreadable']])
    expect(sheet.rows).toHaveLength(3)
  })

  it('names the row whose quote never closes and keeps the rows before it', () => {
    const sheet = parse('prompt,duration\na,1\nb,2\n"c,3\nd,4\n')
    expect(prompts(sheet).slice(0, 2)).toEqual(['a', 'b'])
    expect(rowProblems(sheet)).toEqual([[3, 'sheet-unreadable']])
  })

  it('names the row with a quote in the wrong place', () => {
    const sheet = parse('prompt,duration\na,1\n"b" c,2\nd,3\n')
    expect(rowProblems(sheet)).toContainEqual([2, 'sheet-unreadable'])
    expect(prompts(sheet)[0]).toBe('a')
  })

  it('refuses a giant cell by its row and cuts it', () => {
    const sheet = parse(`prompt,note\na,b\n${'x'.repeat(100_001)},c\nd,${'y'.repeat(100_000)}\n`)
    expect(rowProblems(sheet)).toEqual([[2, 'value-invalid']])
    expect(sheet.rows[1]?.values.prompt).toHaveLength(100_000)
    expect(sheet.rows[2]?.extra.note).toHaveLength(100_000)
  })

  it('explains a yes or no in the sound file column', () => {
    const sheet = parse('prompt,audio\na,true\nb,m.mp3\n')
    expect(rowProblems(sheet)).toEqual([[1, 'value-invalid']])
    expect(sheet.rows.map((row) => row.audio?.text)).toEqual([undefined, 'm.mp3'])
  })

  it('reads 100,000 rows', () => {
    const line = (row: number) => `id-${row},"A prompt, number ${row}",wan26_r2v,5,1280*720,media/a.png\n`
    const text = `id,prompt,model,duration,size,ref 1\n${Array.from({ length: 100_000 }, (_, row) => line(row)).join('')}`
    const sheet = parse(text)
    expect(sheet.rows).toHaveLength(100_000)
    expect(sheet.rows.at(-1)?.row).toBe(100_000)
    expect(sheet.problems).toEqual([])
  })
})

describe('what stops a whole sheet', () => {
  const cases: [string, Uint8Array, string, RegExp][] = [
    ['0 bytes', utf8(''), 'sheet-empty', /empty \(0 bytes\)/],
    ['blank lines only', utf8('\n\n , \n'), 'sheet-empty', /blank lines/],
    ['a header only', utf8('prompt,duration\n'), 'sheet-empty', /no rows/],
    ['no prompt', utf8('a,b\n1,2\n'), 'column-missing', /found: "a", "b"/],
    ['a misspelt prompt', utf8('promt,duration\nx,2\n'), 'column-missing', /Rename the column "promt"/],
    ['a column twice', utf8('prompt,x,x\na,b,c\n'), 'sheet-unreadable', /"x" twice \(columns 2 and 3\)/],
    ['two prompts', utf8('prompt,text\na,b\n'), 'sheet-unreadable', /"prompt" and "text"/],
    ['__proto__', utf8('prompt,__proto__\na,b\n'), 'sheet-unreadable', /"__proto__"/],
    ['constructor', utf8('prompt,constructor\na,b\n'), 'sheet-unreadable', /"constructor"/],
    ['1,001 columns', utf8(`prompt${',x'.repeat(1000)}\na\n`), 'sheet-unreadable', /1001 columns/],
    ['1,000,001 rows', utf8(`prompt\n${'a\n'.repeat(1_000_001)}`), 'sheet-unreadable', /1,000,000 rows/],
    ['a NUL', utf8('prompt\na\nb\0c\n'), 'sheet-unreadable', /NUL character in line 3/],
    ['XLS', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]), 'sheet-unreadable', /old Excel/],
    ['PDF', utf8('%PDF-1.7\nprompt\n'), 'sheet-unreadable', /PDF/],
    ['PNG', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xd, 0xa, 0x1a, 0xa]), 'sheet-unreadable', /PNG/],
    ['noise', Buffer.from([0, 1, 2, 3, 0, 0, 200, 0, 250, 0, 0, 7, 0, 0]), 'sheet-unreadable', /binary/],
    ['Cyrillic', Buffer.from('cff0e8e2e5f20a', 'hex'), 'sheet-unreadable', /UTF-8 nor UTF-16/],
  ]
  it.each(cases)('%s', (_, bytes, code, words) => {
    const error = refusal(() => parseSheet(bytes, { path: '/sheets/night.csv' }))
    expect(error.problem.code).toBe(code)
    expect(error.message).toMatch(words)
    expect(error.problem.place.file).toBe('/sheets/night.csv')
  })

  it('keeps harmless names of object methods as data', () => {
    const sheet = parse('prompt,toString,hasOwnProperty\na,b,c\n')
    expect(sheet.rows[0]?.extra.toString).toBe('b')
    for (const bag of [sheet.rows[0]?.cells, sheet.rows[0]?.values, sheet.rows[0]?.extra, sheet.mapping]) {
      expect(bag).toBeDefined()
      expect(bag?.valueOf).toBeUndefined()
      expect(bag?.constructor).toBeUndefined()
      expect(bag && '__proto__' in bag).toBe(false)
    }
  })
})

describe('files', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'reelsheet-sheets-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('reads a file and remembers its path and hash', async () => {
    const file = path.join(folder, 'night.tsv')
    await writeFile(file, 'prompt\tduration\na, b; c\t5\n')
    const sheet = await readFileSheet(file)
    expect(sheet).toMatchObject({ path: file, headers: ['prompt', 'duration'] })
    expect(sheet.sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(prompts(sheet)).toEqual(['a, b; c'])
  })

  it.each([
    ['missing.csv', 'sheet-missing', /full path tried is \//],
    ['folder.csv', 'sheet-unreadable', /is a folder/],
    ['giant.csv', 'sheet-unreadable', /257 MB/],
  ])('%s', async (name, code, words) => {
    const file = path.join(folder, name)
    if (name === 'folder.csv') await mkdir(file)
    // A file with a hole: its length is real, its bytes cost nothing.
    if (name === 'giant.csv') {
      const { open } = await import('node:fs/promises')
      const handle = await open(file, 'w')
      await handle.truncate(257_000_000)
      await handle.close()
    }
    const error = await readFileSheet(file).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(ProblemError)
    expect((error as ProblemError).problem.code).toBe(code)
    expect((error as ProblemError).message).toMatch(words)
  })

  it('refuses a device for a file', async () => {
    await expect(readFileSheet('/dev/null')).rejects.toThrow(/not a plain file/)
  })
})

describe('the samples', () => {
  it.each([
    ['sample', 12],
    ['sample-faults', 15],
  ])('%s', async (name, count) => {
    const sheet = await readFileSheet(path.join('resources', name, 'sheet.csv'))
    expect(sheet.rows).toHaveLength(count)
    expect(sheet.problems).toEqual([])
    for (const row of sheet.rows) {
      expect(row.references.length).toBeGreaterThan(0)
      for (const { text } of [...row.references, ...(row.audio ? [row.audio] : [])]) {
        await readFile(path.join('resources', name, text))
      }
    }
  })
})

describe('any bytes', () => {
  const bytesOrText = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.string({ unit: 'binary', maxLength: 200 }).map(utf8),
    fc
      .array(
        fc.constantFrom(
          'prompt',
          ',',
          ';',
          '\t',
          '"',
          "'",
          '\n',
          '\r',
          '\r\n',
          '=1',
          'ref 1',
          '\0',
          '猫',
          '|',
        ),
      )
      .map((words) => utf8(`prompt,ref 1\n${words.join('')}`)),
    fc.string({ unit: 'binary', maxLength: 200 }).map((text) => Buffer.from(`prompt\n${text}`, 'utf16le')),
  )
  it('give a sheet or a sentence, never anything else', () => {
    fc.assert(
      fc.property(bytesOrText, (bytes) => {
        try {
          const sheet = parseSheet(bytes)
          Sheet.parse(sheet)
          expect(sheet.rows.map((row) => row.row)).toEqual(sheet.rows.map((_, index) => index + 1))
        } catch (error) {
          expect(error).toBeInstanceOf(ProblemError)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
