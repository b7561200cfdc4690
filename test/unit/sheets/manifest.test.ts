import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ManifestRow, manifestTable } from '../../../src/main/core/sheets/manifest.ts'
import { parseSheet } from '../../../src/main/core/sheets/read.ts'
import { problem } from '../../../src/shared/problem.ts'
import { bytesOf, pagesOf, tableFolder } from '../../support/tables.ts'

const untouched: Omit<ManifestRow, 'cells'> = {
  row: 1,
  take: 1,
  state: 'queued',
  clipFile: null,
  clipSha256: null,
  taskId: null,
  clipDurationMs: null,
  estimateMicros: null,
  chargedMicros: null,
  currency: 'credits',
  problem: null,
}
const manifest = (rows: ManifestRow[], headers: string[]) => manifestTable(headers, pagesOf(rows))
const csvOf = (rows: ManifestRow[], headers: string[], folder?: string) =>
  bytesOf(manifest(rows, headers), 'csv', folder)

const done: ManifestRow = {
  ...untouched,
  cells: { prompt: 'A cat, "asleep"', mood: '=calm' },
  state: 'done',
  clipFile: 'night/001-a-cat.mp4',
  clipSha256: 'ab'.repeat(32),
  taskId: 'task-unified-1-abc',
  clipDurationMs: 5040,
  estimateMicros: 47_600_000,
  chargedMicros: 40_000_000,
}

describe('the manifest', () => {
  it('has a byte order mark, CRLF, our columns after the own ones, and no formula', async () => {
    const failed = {
      ...untouched,
      cells: { prompt: 'b' },
      state: 'failed',
      problem: problem('task-failed', 'It failed.', 'Retry it.'),
    }
    expect((await csvOf([done, failed], ['prompt', 'mood'])).toString().split('\r\n')).toEqual([
      '\uFEFFprompt,mood,state,clip file,clip sha256,task id,clip seconds,estimate,charged,currency,problem',
      `"A cat, ""asleep""","'=calm",done,night/001-a-cat.mp4,${'ab'.repeat(32)},task-unified-1-abc,5.04,47.6,40,credits,`,
      'b,,failed,,,,,,,,It failed. Retry it.',
      '',
    ])
  })

  it('is an array of objects in JSON, one a line, with numbers as numbers', async () => {
    const bytes = await bytesOf(manifest([done, { ...untouched, cells: {} }], ['prompt', 'mood']), 'json')
    const text = bytes.toString()
    expect(text.split('\n')).toHaveLength(5)
    expect(Object.keys(JSON.parse(text)[0])).toEqual([
      'prompt',
      'mood',
      'state',
      'clip file',
      'clip sha256',
      'task id',
      'clip seconds',
      'estimate',
      'charged',
      'currency',
      'problem',
    ])
    expect(JSON.parse(text)).toMatchObject([
      { mood: '=calm', 'clip seconds': 5.04, estimate: 47.6, charged: 40, problem: null },
      { prompt: '', state: 'queued', estimate: null, currency: null },
    ])
  })

  it.each([
    [0, '0'],
    [1, '0.000001'],
    [1_000_000, '1'],
    [115_263_400, '115.2634'],
  ])('writes %i micros as %s', async (chargedMicros, charged) => {
    const sheet = parseSheet(await csvOf([{ ...done, chargedMicros }], ['prompt']))
    expect(sheet.rows[0]?.cells.charged).toBe(charged)
  })

  it('can be imported and exported again without losing or doubling a column', async () => {
    const first = parseSheet(await csvOf([done], ['prompt', 'mood']))
    expect(first.problems.map((found) => found.place.column)).toEqual(['mood'])
    const again = { ...untouched, cells: first.rows[0]?.cells ?? {} }
    const second = parseSheet(await csvOf([again], first.headers))
    expect(second.rows[0]?.cells).toMatchObject({
      prompt: done.cells.prompt,
      state: 'done',
      'state 2': 'queued',
    })
  })

  it('gives a column that is named like a part of every object its own cells', async () => {
    const headers = ['prompt', 'constructor', 'toString', '__proto__']
    const named = JSON.parse('{"prompt":"a","__proto__":"mine"}') as Record<string, string>
    const rows = [
      { ...untouched, cells: named },
      { ...untouched, cells: { prompt: 'b' } },
    ]
    const lines = (await csvOf(rows, headers)).toString().split('\r\n')
    expect(lines[1]).toMatch(/^a,,,mine,queued/)
    expect(lines[2]).toMatch(/^b,,,,queued/)
  })

  const cell = fc
    .oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc
        .array(
          fc.constantFrom("'", '=', '-', '"', ',', ';', '|', '\t', '\r', '\n', 'a', ' ', '\uFEFF', '猫'),
          {
            maxLength: 8,
          },
        )
        .map((all) => all.join('')),
    )
    // What a CSV file cannot hold is refused: see the tests of the tables.
    .map((text) => text.replaceAll('\0', '').toWellFormed())

  it('gives every cell of a CSV back as it was', async () => {
    const folder = tableFolder()
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ prompt: cell, 'ref 1': cell, mood: cell }), { minLength: 1 }),
        async (all) => {
          const rows = all.map((cells) => ({ ...untouched, cells }))
          const sheet = parseSheet(await csvOf(rows, ['prompt', 'ref 1', 'mood'], folder))
          expect(sheet.rows.map(({ cells }) => [cells.prompt, cells['ref 1'], cells.mood])).toEqual(
            all.map((cells) => [cells.prompt, cells['ref 1'], cells.mood]),
          )
          expect(sheet.rows.map((row) => row.values.prompt ?? '')).toEqual(
            all.map((cells) => (cells.prompt.trim() === '' ? '' : cells.prompt)),
          )
        },
      ),
      { numRuns: 300 },
    )
  })
})
