import { posix, win32 } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkPathLength,
  DEFAULT_TEMPLATE,
  MAX_PART_BYTES,
  type NameFacts,
  nameKey,
  parseTemplate,
  renderName,
  safePart,
  slugOf,
  takenFrom,
  uniqueName,
} from '../../../src/main/core/archive/names.ts'

const FACTS: NameFacts = {
  run: 'Night one',
  row: 7,
  take: 2,
  prompt: 'A red Fox, jumping!',
  model: 'wan2.6-reference-video',
  seed: null,
  date: '2026-11-20',
  name: 'fox',
  id: 'F-1',
  account: 'main',
  columns: { Scene: 'Bridge/Night', empty: '' },
}

describe('templates', () => {
  it.each([
    [DEFAULT_TEMPLATE, 'Night one/007-a-red-fox-jumping-2.mp4'],
    ['{row}', '7.mp4'],
    ['{date}_{model}.MP4', '2026-11-20_wan2.6-reference-video.mp4'],
    ['{Scene}-{id}', 'Bridge-Night-F-1.mp4'],
    ['{scene}/{name}', 'Bridge-Night/fox.mp4'],
    ['{row:00}-{seed}-{take}', '07-2.mp4'],
    ['{row:00}-{seed}.mp4', '07.mp4'],
    ['{empty}/{seed}', 'clip.mp4'],
    ['{account}/con/{row}', 'main/_con/7.mp4'],
    ['{id:0000}', 'F-1.mp4'],
    ['ab:c*d/<{row}>.mp4', 'ab-c-d/7-.mp4'],
    ['.hidden /{row}. ', 'hidden/7.mp4'],
    ['x//y', 'x/y.mp4'],
  ])('%s becomes %s', (template, name) => expect(render(template)).toBe(name))

  it.each([
    ['', 'empty'],
    ['   ', 'empty'],
    ['{nope}', 'not known'],
    ['{row:0x}', 'not known'],
    ['{}', 'not known'],
    ['{row', 'never closed'],
    ['{ro/w}', 'never closed'],
    ['row}', 'no "{"'],
    ['/etc/{row}', 'top of a disk'],
    ['C:{row}', 'top of a disk'],
    ['a\\{row}', 'backslash'],
    ['../{row}', '".."'],
    ['a/../{row}', '".."'],
  ])('%s is refused: %s', (template, reason) => {
    const { problems } = parseTemplate(template, ['Scene'])
    expect(problems.map(({ what }) => what).join()).toContain(reason)
    expect(problems.every(({ code, next }) => code === 'value-invalid' && next !== '')).toBe(true)
  })

  it('knows columns by name or by name without regard to case, own fields first', () => {
    const columns = { Row: 'column', 'Cut No.': '9' }
    expect(render('{row}-{cut no.}', { columns })).toBe('7-9.mp4')
    expect(render('{__proto__}', { columns: JSON.parse('{"__proto__":"x"}') })).toBe('x.mp4')
  })
})

describe('a template with an unknown field', () => {
  it('names a few columns of a sheet that has a thousand long ones, not all of them', () => {
    const columns = Array.from({ length: 1_000 }, (_, index) => `${index}${'x'.repeat(5_000)}`)
    const [found] = parseTemplate('{mood}', columns).problems
    expect(found?.next).toContain('and 980 more columns')
    expect(found?.next.length).toBeLessThan(1_500)
  })
})

describe('parts of names', () => {
  it.each([
    ['CON', '_CON'],
    ['nul.txt', '_nul.txt'],
    ['com1 .x', '_com1 .x'],
    ['LPT¹', '_LPT¹'],
    ['console', 'console'],
    ['a. . ', 'a'],
    ['..', ''],
    ['-rf', 'rf'],
    ['a\u0000b\u001fc\u007f', 'abc'],
    ['in\u202egpj.exe', 'ingpj.exe'],
    ['e\u0301', '\u00e9'],
    ['\ud800x', '\ufffdx'],
    ['a\t\nb', 'a b'],
  ])('%j becomes %j', (text, part) => expect(safePart(text)).toBe(part))

  it('are safe on every system, whatever goes in', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const part = safePart(text)
        if (part !== '') expectSafe(part)
        expect(safePart(part)).toBe(part)
      }),
      { numRuns: 2000 },
    )
  })

  it('slugs keep words of any script and end at a word', () => {
    expect(slugOf('一只红狐狸 jumps')).toBe('一只红狐狸-jumps')
    expect(slugOf('The quick brown fox jumps over the lazy dog again')).toBe(
      'the-quick-brown-fox-jumps-over-the-lazy',
    )
    expect(slugOf('…!')).toBe('')
  })
})

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.string({
    unit: fc.constantFrom(
      '.',
      ' ',
      '/',
      '\\',
      'con',
      'nul',
      '.mp4',
      '\0',
      ':',
      '..',
      'é',
      'e\u0301',
      '🦊',
      'A',
    ),
  }),
)

it('every name stays inside its folder and ends in .mp4', () => {
  const template = fc.array(
    fc.oneof(
      fc.constantFrom('/', '{run}', '{row:000}', '{slug}', '{Scene}', '{name}', '{seed}', '.', '..', ' '),
      fc.string({ maxLength: 8 }).map((text) => text.replaceAll(/[{}\\]/g, '')),
    ),
    { maxLength: 10 },
  )
  fc.assert(
    fc.property(template, anyText, anyText, anyText, fc.integer(), (pieces, run, prompt, Scene, row) => {
      const parsed = parseTemplate(pieces.join(''), ['Scene'])
      if (!parsed.template) return
      const name = renderName(parsed.template, {
        ...FACTS,
        run,
        prompt,
        row,
        name: Scene,
        columns: { Scene },
      })
      expect(name).toMatch(/\.mp4$/)
      expect(name.split('/').length).toBeLessThanOrEqual(pieces.join('').split('/').length)
      for (const part of name.split('/')) expectSafe(part)
      expect(posix.resolve('/archive', name).startsWith('/archive/')).toBe(true)
      expect(win32.resolve('C:\\archive', name).startsWith('C:\\archive\\')).toBe(true)
    }),
    { numRuns: 2000 },
  )
})

describe('unique names', () => {
  it('counts up from 2 without regard to case or composition', () => {
    const taken = takenFrom(['Run/Fox.mp4', 'run/fox-2.MP4', 'caf\u00e9.mp4'])
    expect(uniqueName('run/fox.mp4', taken)).toBe('run/fox-3.mp4')
    expect(uniqueName('cafe\u0301.mp4', taken)).toBe('cafe\u0301-2.mp4')
    expect(uniqueName('new.mp4', taken)).toBe('new.mp4')
    expect(nameKey('STRASSE')).toBe(nameKey('straße'))
  })

  it('never grow longer than a part may be', () => {
    const stem = safePart('狐'.repeat(200), MAX_PART_BYTES - 4)
    const taken = new Set<string>()
    for (let count = 0; count < 12; count++) taken.add(uniqueName(`a/${stem}.mp4`, (name) => taken.has(name)))
    expect(taken.size).toBe(12)
    for (const name of taken) expectSafe(name.slice(2))
  })
})

it('says when a path would be too long, with room for the notes beside a part', () => {
  expect(checkPathLength('C:\\a', 'b.mp4', 'win32')).toBeNull()
  expect(checkPathLength(`C:\\${'a'.repeat(240)}`, 'b.mp4', 'win32')).toMatchObject({ code: 'path-too-long' })
  expect(checkPathLength(`/${'a'.repeat(240)}`, 'b.mp4', 'linux')).toBeNull()
  expect(checkPathLength(`/${'a/'.repeat(2045)}`, 'b.mp4', 'linux')).toMatchObject({ code: 'path-too-long' })
  expect(checkPathLength(`/${'狐'.repeat(340)}`, 'b.mp4', 'darwin')).toMatchObject({ code: 'path-too-long' })
})

function expectSafe(part: string): void {
  expect(Buffer.byteLength(part)).toBeLessThanOrEqual(MAX_PART_BYTES)
  expect(part).not.toMatch(/[<>:"/\\|?*\p{Cc}\p{Cf}\p{Cs}]/u)
  expect(part).not.toMatch(/^[. -]|[. ]$/)
  expect(part).not.toMatch(/^(con|prn|aux|nul|com\d|lpt\d) *(\.|$)/i)
  expect(part).toBe(part.normalize('NFC'))
  expect(part).not.toBe('')
}

function render(template: string, changes: Partial<NameFacts> = {}): string {
  const facts = { ...FACTS, ...changes }
  const parsed = parseTemplate(template, Object.keys(facts.columns))
  expect(parsed.problems).toEqual([])
  return parsed.template ? renderName(parsed.template, facts) : ''
}
