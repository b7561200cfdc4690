import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Expander } from '../../../src/main/core/sheets/expand.ts'
import { Expansion } from '../../../src/shared/sheet.ts'

const HEADERS = ['id', 'model', 'prompt', 'style', 'ref 1', 'seed']
const FIELDS = ['id', 'model', 'prompt', null, 'ref 1', 'seed']
const NO_SEED = 'wan2.6-image-to-video-flash'
const SEEDED = 'wan2.7-reference-video'

type Wish = Parameters<typeof Expansion.parse>[0]
const expander = (wish: Wish = {}, lists: Record<string, string[]> = {}) =>
  new Expander(HEADERS, FIELDS, Expansion.parse(wish), (text) => lists[text])

const sheet = (...rows: Record<string, string>[]) =>
  rows.map((row) => HEADERS.map((header) => row[header] ?? ''))

function expandAll(made: Expander, rows: string[][]) {
  for (const cells of rows) made.notice(cells)
  return rows.map((cells, index) => made.row(cells, index + 1))
}
const cellsOf = (made: Expander, rows: string[][], header: string) =>
  expandAll(made, rows).flatMap((row) =>
    [...row.variants()].map(({ cells }) => cells[HEADERS.indexOf(header)]),
  )

describe('choices', () => {
  it.each([
    ['a {red|blue} cat', ['a red cat', 'a blue cat']],
    ['{a|b} {1|2}', ['a 1', 'a 2', 'b 1', 'b 2']],
    ['{a|{b|c} d}', ['a', 'b d', 'c d']],
    ['{ a | b }', ['a', 'b']],
    ['{a|}', ['a', '']],
    ['{|a||}', ['', 'a', '', '']],
  ])('%s stands for each', (prompt, texts) => {
    expect(cellsOf(expander(), sheet({ prompt }), 'prompt')).toEqual(texts)
  })

  it.each([
    '{}',
    '{a}',
    '{{nobody}}',
    'a { b',
    'a } b',
    '}{',
    '{ "json": [1] }',
    '{{',
    '}}',
    'a|b',
    '{a|b',
    'a|b}',
  ])('%s is text: it has no choice and names no column', (prompt) => {
    expect(cellsOf(expander(), sheet({ prompt }), 'prompt')).toEqual([prompt])
  })

  it('are one job for every combination over all cells, the last column fastest', () => {
    const rows = sheet({ model: `{${NO_SEED}|${SEEDED}}`, prompt: '{a|b}' })
    expect(cellsOf(expander(), rows, 'prompt')).toEqual(['a', 'b', 'a', 'b'])
    expect(cellsOf(expander(), rows, 'model')).toEqual([NO_SEED, NO_SEED, SEEDED, SEEDED])
  })

  it('are not taken in columns that fill nothing and that nobody names', () => {
    expect(cellsOf(expander(), sheet({ prompt: 'a', style: '{x|y}' }), 'style')).toEqual(['{x|y}'])
  })

  it('are text when they are wanted as text', () => {
    const made = expander({ choices: 'literal' })
    expect(cellsOf(made, sheet({ prompt: '{a|b} {{style}}', style: 'noir' }), 'prompt')).toEqual([
      '{a|b} {{style}}',
    ])
  })

  it('one pick a row: the same seed takes the same, whatever other rows there are', () => {
    const row = { prompt: 'a {1|2|3|4|5|6|7|8|9} b {1|2|3|4|5|6|7|8|9}' }
    const [alone] = cellsOf(expander({ choices: 'pick', seed: 7 }), sheet(row), 'prompt')
    const [, beside] = cellsOf(expander({ choices: 'pick', seed: 7 }), sheet({ prompt: 'x' }, row), 'prompt')
    expect(alone).toMatch(/^a \d b \d$/)
    expect(beside).toBe(alone)
    const twelve = Array.from({ length: 12 }, () => row)
    expect(
      new Set(cellsOf(expander({ choices: 'pick', seed: 7 }), sheet(...twelve), 'prompt')).size,
    ).toBeGreaterThan(4)
  })
})

describe('cells of other columns', () => {
  it('come in as they are chosen there', () => {
    const rows = sheet({ prompt: 'a cat, {{Style}}', style: '{noir|anime}' })
    expect(cellsOf(expander(), rows, 'prompt')).toEqual(['a cat, noir', 'a cat, anime'])
    expect(cellsOf(expander(), rows, 'style')).toEqual(['noir', 'anime'])
  })

  it('may take text from others in turn', () => {
    const rows = sheet({ prompt: '{{style}}!', style: '{{seed}} of {{id}}', seed: '7', id: 'k' })
    expect(cellsOf(expander(), rows, 'prompt')).toEqual(['7 of k!'])
  })

  it('keep braces that they bring as text', () => {
    const rows = sheet({ prompt: '{{id}}', id: '{a|b}' })
    expect(cellsOf(expander(), rows, 'prompt')).toEqual(['{a|b}'])
  })

  it('in a circle are a problem of that row alone', () => {
    const rows = sheet({ prompt: '{{style}}', style: '{{prompt}}' }, { prompt: 'fine' })
    const [bad, good] = expandAll(expander(), rows)
    expect(bad?.count).toBe(0)
    expect(bad?.problem).toMatchObject({ place: { row: 1, column: 'prompt' } })
    expect(good?.count).toBe(1)
  })

  it('that would make a giant are a problem', () => {
    const rows = sheet({ prompt: '{{style}}'.repeat(50), style: 'x'.repeat(10_000) })
    const [row] = expandAll(expander(), rows)
    const [made] = [...(row?.variants() ?? [])]
    expect(made?.problem).toMatchObject({ code: 'value-invalid', place: { column: 'prompt' } })
  })
})

describe('pairing', () => {
  const rows = sheet({ prompt: 'a | b | c', 'ref 1': 'x.png\ny.png' })
  const pairs = (mode: 'one-to-one' | 'every' | 'cycle', given = rows) => {
    const made = expander({ pairing: { mode, columns: ['prompt', 'ref 1'] } })
    const all = expandAll(made, given).flatMap((row) => [...row.variants()])
    return all.map(({ cells }) => `${cells[2]} ${cells[4]}`)
  }

  it('nothing is a list that is not named', () => {
    expect(cellsOf(expander(), rows, 'prompt')).toEqual(['a | b | c'])
  })
  it('every combination', () => {
    expect(pairs('every')).toEqual(['a x.png', 'a y.png', 'b x.png', 'b y.png', 'c x.png', 'c y.png'])
  })
  it('in a cycle', () => {
    expect(pairs('cycle')).toEqual(['a x.png', 'b y.png', 'c x.png'])
  })
  it('one to one needs equal lengths, or one for all', () => {
    const made = expander({ pairing: { mode: 'one-to-one', columns: ['prompt', 'ref 1'] } })
    const [row] = expandAll(made, rows)
    expect(row?.problem?.what).toContain('"prompt" has 3, "ref 1" has 2')
    expect(pairs('one-to-one', sheet({ prompt: 'a|b', 'ref 1': 'x|y' }))).toEqual(['a x', 'b y'])
    expect(pairs('one-to-one', sheet({ prompt: 'a|b', 'ref 1': 'x' }))).toEqual(['a x', 'b x'])
  })
  it('a bar inside braces is a choice of that value', () => {
    expect(pairs('cycle', sheet({ prompt: '{a|b} c|d', 'ref 1': 'x' }))).toEqual(['a c x', 'b c x', 'd x'])
  })
  it('a folder stands for its files', () => {
    const made = expander(
      { pairing: { mode: 'every', columns: ['ref 1'] } },
      { 'cats/': ['cats/1.png', 'cats/2.png'] },
    )
    expect(cellsOf(made, sheet({ prompt: 'a', 'ref 1': 'cats/' }), 'ref 1')).toEqual([
      'cats/1.png',
      'cats/2.png',
    ])
  })
  it('names of columns that are not there are told', () => {
    expect(expander({ pairing: { mode: 'every', columns: ['Prompt', 'hat'] } }).unknownColumns()).toEqual([
      'hat',
    ])
  })
})

describe('takes', () => {
  const takes = (row: Record<string, string>, header: string, number = 3) =>
    cellsOf(expander({ takes: number }), sheet(row), header)

  it('count on from the row’s own seed, and leave the first take as the row stands', () => {
    expect(takes({ model: SEEDED, seed: '41' }, 'seed')).toEqual(['41', '42', '43'])
    expect(takes({ model: SEEDED, seed: '2147483647' }, 'seed', 2)).toEqual(['2147483647', '0'])
    const [first, second, third] = takes({ model: SEEDED, prompt: 'a' }, 'seed')
    expect(first).toBe('')
    expect(Number(third)).toBe(Number(second) + 1)
  })
  it('asking for more takes changes none that was there', () => {
    const row = { model: SEEDED, prompt: 'a {x|y}' }
    expect(takes(row, 'seed', 5).slice(0, 2)).toEqual(takes(row, 'seed', 2).slice(0, 2))
  })
  it('have no seed where the model takes none', () => {
    expect(takes({ model: NO_SEED, seed: '' }, 'seed')).toEqual(['', '', ''])
  })
  it('have ids of their own', () => {
    expect(takes({ model: SEEDED, id: 'k' }, 'id')).toEqual(['k', 'k#2', 'k#3'])
  })
})

describe('whatever a cell holds', () => {
  const text = fc.string({ unit: fc.constantFrom('{', '}', '|', 'a', ' ', '{{style}}', '\n'), maxLength: 40 })

  it('the count is what is made, and nothing throws', () => {
    fc.assert(
      fc.property(
        text,
        text,
        fc.constantFrom('one-to-one', 'every', 'cycle', undefined),
        (prompt, style, mode) => {
          const made = expander({
            takes: 2,
            pairing: mode === undefined ? null : { mode, columns: ['prompt'] },
          })
          const [row] = expandAll(made, sheet({ prompt, style }))
          if (!row || row.count > 5_000) return
          const variants = [...row.variants()]
          expect(variants.length).toBe(row.count)
          expect(variants.map(({ variant }) => variant)).toEqual(variants.map((_, index) => index + 1))
        },
      ),
      { numRuns: 500 },
    )
  })

  it.each([
    '{'.repeat(100_000),
    '{a|b}'.repeat(20_000),
    '{{'.repeat(50_000) + '}}'.repeat(50_000),
    '{|'.repeat(50_000),
  ])('a hostile cell is counted at once (%#)', (prompt) => {
    const [row] = expandAll(expander(), sheet({ prompt }))
    expect(row?.count).toBeGreaterThan(0)
  })
})
