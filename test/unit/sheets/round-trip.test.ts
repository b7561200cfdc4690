import { rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unescapeCell } from '../../../src/main/core/sheets/escape.ts'
import { type ManifestRow, manifestTable } from '../../../src/main/core/sheets/manifest.ts'
import { readTable } from '../../../src/main/core/sheets/reading/index.ts'
import { systemClock } from '../../../src/main/core/system.ts'
import { writeTable } from '../../../src/main/core/tables/write.ts'
import type { ExportFormat } from '../../../src/shared/contract.ts'
import { FORMATS, pagesOf, tableFolder } from '../../support/tables.ts'

/** A manifest is a sheet: what is written in any format is read again as it was, by the reader that reads all sheets. */

const MARKS = [
  "'",
  '=',
  '+',
  '-',
  '@',
  '"',
  ',',
  ';',
  '|',
  '\t',
  '\r',
  '\n',
  ' ',
  '\uFEFF',
  '＝',
  '_x000D_',
  '<',
  '&',
  '{',
  '1',
  '0.',
  'a',
  '猫',
  '😀',
  'é',
  '\u0001',
  '\u2028',
]

const cell = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.array(fc.constantFrom(...MARKS), { maxLength: 10 }).map((all) => all.join('')),
    fc.integer().map(String),
    fc.double({ noNaN: true }).map(String),
    fc.constantFrom(
      '=HYPERLINK("http://x","y")',
      'x'.repeat(5_000),
      '007',
      '1e5',
      'TRUE',
      'null',
      '2026-11-20',
      '1,5',
    ),
  )
  // What a CSV or a workbook cannot hold is refused by name: see the tests of the tables. (`#N/A` is read as it is,
  // with a remark that a formula may have failed.)
  .map((text) => text.replaceAll('\0', '').toWellFormed())

const header = fc.oneof(
  fc.constantFrom(
    'prompt',
    'ref 1',
    'mood',
    '=formula',
    "'quoted",
    '描述',
    'a, "b"',
    'price',
    '提示词',
    'line\nbreak',
  ),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
)
const headers = fc
  .uniqueArray(
    header.map((name) =>
      name
        .toWellFormed()
        .replace(/\p{Cc}|[\uFEFF\uFFFE\uFFFF]/gu, '')
        .trim(),
    ),
    { minLength: 1, maxLength: 5, selector: (name) => name.toLowerCase() },
  )
  .filter((names) => names.every((name) => name !== '' && !TAKEN.has(name.toLowerCase())))
/** Refused when a sheet is read, so no run has them. */
const TAKEN = new Set(['__proto__', 'constructor', 'prototype'])

const rowOf = (cells: Record<string, string>, row: number): ManifestRow => ({
  row,
  take: 1,
  cells,
  state: 'done',
  clipFile: 'night/001-a-cat.mp4',
  clipSha256: 'ab'.repeat(32),
  taskId: 'task-unified-1-abc',
  clipDurationMs: 5040,
  estimateMicros: 47_600_000,
  chargedMicros: 40_000_000,
  currency: 'credits',
  problem: null,
})

const table = headers.chain((names) =>
  fc.record({
    names: fc.constant(names),
    rows: fc.array(fc.tuple(...names.map(() => cell)), { minLength: 1, maxLength: 200, size: 'max' }),
  }),
)

describe.each(FORMATS)('a manifest as %s', (format: ExportFormat) => {
  it('is read again with the same columns and the same cells', async () => {
    const folder = tableFolder()
    const path = join(folder, `manifest.${format}`)
    await fc.assert(
      fc.asyncProperty(table, async ({ names, rows }) => {
        const given = rows.map((cells, index) =>
          rowOf(Object.fromEntries(names.map((name, at) => [name, cells[at] ?? ''])), index + 1),
        )
        await writeTable(manifestTable(names, pagesOf(given)), { path, format, title: 'Manifest' })
        const read = await readTable({ path }, { hiddenRows: 'read' }, { clock: systemClock })
        rmSync(path)
        expect(read.headers.slice(0, names.length)).toEqual(names)
        expect(read.headers.slice(names.length)).toHaveLength(9)
        const cells = read.records.map((record) => names.map((_, at) => unescapeCell(record.cells[at] ?? '')))
        expect(cells).toEqual(rows)
        expect(read.records.every(({ fault }) => fault === undefined)).toBe(true)
        expect(read.records[0]?.cells.slice(names.length, names.length + 8)).toEqual([
          'done',
          'night/001-a-cat.mp4',
          'ab'.repeat(32),
          'task-unified-1-abc',
          '5.04',
          '47.6',
          '40',
          'credits',
        ])
      }),
      { numRuns: format === 'xlsx' ? 8 : 40 },
    )
  }, 60_000)
})
