import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { escapeCell, unescapeCell } from '../../../src/main/core/sheets/escape.ts'
import { formatManifest, type ManifestRow, writeManifest } from '../../../src/main/core/sheets/manifest.ts'
import { parseSheet, readSheet } from '../../../src/main/core/sheets/read.ts'
import { problem } from '../../../src/shared/problem.ts'

const untouched: Omit<ManifestRow, 'cells'> = {
  state: 'queued',
  clipFile: null,
  clipSha256: null,
  taskId: null,
  clipDurationMs: null,
  priceMicros: null,
  currency: null,
  problem: null,
}
const textOf = (rows: ManifestRow[], headers: string[]) => [...formatManifest(rows, headers)].join('')
const bytesOf = (rows: ManifestRow[], headers: string[]) => new TextEncoder().encode(textOf(rows, headers))

describe('the escape', () => {
  it.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@a', "'@a"],
    ['\tx', "'\tx"],
    ['\rx', "'\rx"],
    ['\0x', "'\0x"],
    ["'=1", "''=1"],
    ["'hello'", "'hello'"],
    ['a=1', 'a=1'],
    ['', ''],
  ])('of %j is %j and back', (plain, escaped) => {
    expect(escapeCell(plain)).toBe(escaped)
    expect(unescapeCell(escaped)).toBe(plain)
  })

  it('leaves what it would not have written', () => {
    expect(unescapeCell("'hello")).toBe("'hello")
    expect(unescapeCell("'")).toBe("'")
  })

  it('is undone exactly, for any text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(fc.constantFrom("'", '=', '+', '-', '@', '\t', '\r', '\0', 'a', '＝'))
        .map((all) => all.join('')),
    )
    fc.assert(
      fc.property(text, (cell) => {
        expect(unescapeCell(escapeCell(cell))).toBe(cell)
        expect(escapeCell(cell)).not.toMatch(/^[=+\-@\t\r\n\0]/u)
      }),
    )
  })
})

describe('the manifest', () => {
  const done: ManifestRow = {
    cells: { prompt: 'A cat, "asleep"', mood: '=calm' },
    state: 'done',
    clipFile: 'night/001-a-cat.mp4',
    clipSha256: 'ab'.repeat(32),
    taskId: 'task-unified-1-abc',
    clipDurationMs: 5040,
    priceMicros: 47_600_000,
    currency: 'credits',
    problem: null,
  }

  it('has a byte order mark, CRLF, our columns after the own ones, and no formula', () => {
    const failed = {
      ...untouched,
      cells: { prompt: 'b' },
      state: 'failed',
      problem: problem('task-failed', 'It failed.', 'Retry it.'),
    }
    expect(textOf([done, failed], ['prompt', 'mood']).split('\r\n')).toEqual([
      '\uFEFFprompt,mood,state,clip file,clip sha256,task id,clip seconds,price,currency,problem',
      `"A cat, ""asleep""","'=calm",done,night/001-a-cat.mp4,${'ab'.repeat(32)},task-unified-1-abc,5.04,47.6,credits,`,
      'b,,failed,,,,,,,It failed. Retry it.',
      '',
    ])
  })

  it.each([
    [0, '0'],
    [1, '0.000001'],
    [1_000_000, '1'],
    [115_263_400, '115.2634'],
  ])('writes %i micros as %s', (priceMicros, price) => {
    const sheet = parseSheet(bytesOf([{ ...done, priceMicros }], ['prompt']))
    expect(sheet.rows[0]?.cells.price).toBe(price)
  })

  it('can be imported and exported again without losing or doubling a column', () => {
    const first = parseSheet(bytesOf([done], ['prompt', 'mood']))
    expect(first.problems.map((found) => found.place.column)).toEqual(['mood'])
    const again = { ...untouched, cells: first.rows[0]?.cells ?? {} }
    const second = parseSheet(bytesOf([again], first.headers))
    expect(second.rows[0]?.cells).toMatchObject({
      prompt: done.cells.prompt,
      state: 'done',
      'state 2': 'queued',
    })
  })

  const cell = fc
    .oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc
        .array(fc.constantFrom("'", '=', '-', '"', ',', ';', '\t', '\r', '\n', 'a', ' ', '\uFEFF', '猫'), {
          maxLength: 8,
        })
        .map((all) => all.join('')),
    )
    // A NUL is refused on reading; half a surrogate pair has no UTF-8 form.
    .map((text) => text.replaceAll('\0', '').toWellFormed())

  it('gives every cell back as it was', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ prompt: cell, 'ref 1': cell, mood: cell }), { minLength: 1 }),
        (all) => {
          const rows = all.map((cells) => ({ ...untouched, cells }))
          const sheet = parseSheet(bytesOf(rows, ['prompt', 'ref 1', 'mood']))
          expect(sheet.rows.map(({ cells }) => [cells.prompt, cells['ref 1'], cells.mood])).toEqual(
            all.map((cells) => [cells.prompt, cells['ref 1'], cells.mood]),
          )
          expect(sheet.rows.map((row) => row.values.prompt ?? '')).toEqual(
            all.map((cells) => (cells.prompt.trim() === '' ? '' : cells.prompt)),
          )
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('writeManifest', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'reelsheet-manifest-'))
  })
  afterAll(() => rm(folder, { recursive: true }))
  const rows = [{ ...untouched, cells: { prompt: 'a' } }]

  it('writes a file that reads back and leaves nothing beside it', async () => {
    const file = path.join(folder, 'out.csv')
    await writeManifest(rows, { headers: ['prompt'], path: file })
    expect((await readSheet(file)).rows[0]?.values.prompt).toBe('a')
    expect(await readdir(folder)).toEqual(['out.csv'])
  })

  it('leaves a file that is there alone unless told', async () => {
    const file = path.join(folder, 'mine.csv')
    await writeFile(file, 'precious')
    await expect(writeManifest(rows, { headers: ['prompt'], path: file })).rejects.toThrow(/already exists/)
    expect(await readFile(file, 'utf8')).toBe('precious')
    await writeManifest(rows, { headers: ['prompt'], path: file, overwrite: true })
    expect(await readFile(file, 'utf8')).toContain('queued')
  })

  it('names a folder that is not there', async () => {
    const file = path.join(folder, 'none', 'out.csv')
    await expect(writeManifest(rows, { headers: ['prompt'], path: file })).rejects.toMatchObject({
      problem: { code: 'folder-missing', place: { file } },
    })
  })
})
