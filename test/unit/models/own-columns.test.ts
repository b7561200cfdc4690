import { expect, it } from 'vitest'
import { cellWith, headersOf, inOwnColumns } from '../../../src/shared/models/own-columns.ts'
import { type Fix, type Problem, problem } from '../../../src/shared/problem.ts'
import type { SheetRow } from '../../../src/shared/sheet.ts'

const headers = headersOf([
  { header: '时长', field: 'duration', confidence: 'synonym' },
  // A person gave this column another meaning than its name has.
  { header: 'duration', field: 'quality', confidence: 'chosen' },
  { header: '参考图', field: 'ref 1', confidence: 'synonym' },
  { header: '参考视频', field: 'ref 2', confidence: 'synonym' },
  { header: 'more', field: 'references', confidence: 'chosen' },
  { header: 'note', field: null, confidence: 'none' },
])

const row = (references: SheetRow['references'], cells: Record<string, string> = {}): SheetRow => ({
  row: 1,
  variant: 1,
  values: {},
  references,
  audio: null,
  extra: {},
  cells,
})

const set = (column: string, value = ''): Fix => ({ type: 'set', label: 'x', column, value })
const found = (column: string, ...fixes: Fix[]): Problem => ({
  ...problem('reference-limit', 'what', 'next', { column }),
  fixes,
})
const own = (given: Problem, sheetRow: SheetRow) => {
  const { place, fixes } = inOwnColumns(given, sheetRow, headers)
  return [
    place.column,
    ...(fixes ?? []).map((fix) =>
      'column' in fix ? `${fix.column}=${'value' in fix ? fix.value : ''}` : fix.account,
    ),
  ]
}

it('names a cell and its fixes by the header, even where one header is another field', () => {
  expect(own(found('duration', set('duration', '5'), set('quality', '720p')), row([]))).toEqual([
    '时长',
    '时长=5',
    'duration=720p',
  ])
  expect(own(found('seed', set('seed')), row([]))).toEqual(['seed', 'seed='])
})

it('finds the second reference where it stands, also behind an empty cell and within a list', () => {
  const gap = row([{ column: '参考视频', text: 'b.mp4' }], { 参考图: '', 参考视频: 'b.mp4' })
  expect(own(found('ref 1', set('ref 1')), gap)).toEqual(['参考视频', '参考视频='])
  expect(own(found('ref 2'), gap)).toEqual(['参考图'])
  const full = row(
    [
      { column: '参考图', text: 'a.png' },
      { column: '参考视频', text: 'b.mp4' },
      { column: 'more', text: 'c.png' },
      { column: 'more', text: 'd.png' },
    ],
    { 参考图: 'a.png', 参考视频: 'b.mp4', more: 'c.png | d.png' },
  )
  expect(own(found('ref 4', set('ref 4')), full)).toEqual(['more', 'more=c.png'])
  expect(own(found('ref 3', set('ref 3', 'e.png')), full)).toEqual(['more', 'more=e.png | d.png'])
  expect(own(found('ref 5'), full)).toEqual(['more'])
  expect(cellWith(full, 2, '')).toBe('d.png')
})

it('leaves what names no cell', () => {
  const host: Fix = { type: 'file-host', label: 'x', account: 'studio' }
  expect(own(found('ref 1', host), row([{ column: '参考图', text: 'a' }]))).toEqual(['参考图', 'studio'])
  const bare = problem('sheet-unreadable', 'what', 'next')
  expect(inOwnColumns(bare, row([]), headers)).toEqual(bare)
})
