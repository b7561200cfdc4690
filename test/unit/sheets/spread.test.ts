import { describe, expect, it } from 'vitest'
import { readSheet } from '../../../src/main/core/sheets/read.ts'
import { systemClock } from '../../../src/main/core/system.ts'
import { ProblemError } from '../../../src/shared/problem.ts'
import { SheetOptions } from '../../../src/shared/sheet.ts'

type Given = Parameters<typeof SheetOptions.parse>[0]
const read = (rows: readonly (readonly string[])[], options: Given = {}) =>
  readSheet({ text: rows.map((cells) => cells.join('\t')).join('\n') }, SheetOptions.parse(options), {
    clock: systemClock,
  })
const refused = async (asked: Promise<unknown>) =>
  asked.then(
    () => undefined,
    (error: unknown) => (error instanceof ProblemError ? error.problem : error),
  )
const values = (sheet: Awaited<ReturnType<typeof read>>, field: string) =>
  sheet.rows.map((row) => row.values[field])

describe('the jobs of a sheet', () => {
  it('are its rows, where nothing is chosen, listed or repeated', async () => {
    const sheet = await read([
      ['prompt', 'model'],
      ['a', 'm'],
      ['b', 'm'],
    ])
    expect(sheet.rows.map(({ row, variant }) => [row, variant])).toEqual([
      [1, 1],
      [2, 1],
    ])
    expect(sheet).toMatchObject({ rowCount: 2, jobCount: 2, isManifest: false, width: 2 })
  })

  it('keep their row, count their variants and say in their cells what was chosen', async () => {
    const sheet = await read([
      ['id', 'prompt', 'mood', 'note'],
      ['a', '{cat|dog} in {{mood}}', '{sun|rain}', '{kept|as it is}'],
      ['b', 'plain', '', ''],
    ])
    expect(values(sheet, 'prompt')).toEqual([
      'cat in sun',
      'cat in rain',
      'dog in sun',
      'dog in rain',
      'plain',
    ])
    expect(values(sheet, 'id')).toEqual(['a', 'a#2', 'a#3', 'a#4', 'b'])
    expect(sheet.rows[1]?.cells).toEqual({
      id: 'a#2',
      prompt: 'cat in rain',
      mood: 'rain',
      note: '{kept|as it is}',
    })
  })

  it('have defaults in empty cells before anything is chosen', async () => {
    const rows = [
      ['prompt', 'duration'],
      ['a', ''],
      ['b {{quality}}', '7'],
    ]
    const sheet = await read(rows, { defaults: { seconds: '{5|10}', quality: '720p' } })
    expect(sheet.headers).toEqual(['prompt', 'duration', 'quality'])
    expect(sheet.rows.map(({ values: each }) => [each.prompt, each.duration, each.quality])).toEqual([
      ['a', '5', '720p'],
      ['a', '10', '720p'],
      ['b 720p', '7', '720p'],
    ])
  })

  it('have a seed column for their takes, beside one that a person left out', async () => {
    const rows = [
      ['prompt', 'model', 'Seed'],
      ['a', 'wan26_r2v', 'my note'],
    ]
    const sheet = await read(rows, { mapping: { Seed: '' }, expansion: { takes: 2 } })
    expect(sheet.headers).toEqual(['prompt', 'model', 'Seed', 'default seed 1'])
    expect(values(sheet, 'seed')[0]).toBeUndefined()
    expect(values(sheet, 'seed')[1]).toMatch(/^\d+$/u)
    expect(sheet.rows[1]?.extra.Seed).toBe('my note')
  })

  it('never take what stands beyond the columns for a column that was added', async () => {
    const rows = [
      ['prompt', 'model'],
      ['a', 'wan26_r2v', '123'],
    ]
    const sheet = await read(rows, { expansion: { takes: 2 } })
    expect(sheet.rows.map(({ cells }) => cells.seed).at(0)).toBe('')
    expect(sheet.problems.map(({ code }) => code)).toEqual(['sheet-unreadable'])
  })

  it('that repeat another row are pointed out, but not those of one row', async () => {
    const sheet = await read([['prompt'], ['{a|a}'], ['{a|b}']])
    expect(sheet.problems.map(({ place, code }) => [place.row, code])).toEqual([[2, 'row-repeated']])
    const ids = await read([
      ['id', 'prompt'],
      ['a', '{x|y}'],
      ['a#2', 'z'],
    ])
    expect(ids.problems.map(({ place, level }) => [place.row, level])).toEqual([[2, 'error']])
  })

  it('whose texts would fill the memory are refused before they do', async () => {
    const long = `${'x'.repeat(50_000)} {a|b}`
    const rows = [['prompt', 'note'], ...Array.from({ length: 5 }, () => [long, ''])]
    const found = await refused(read(rows, { expansion: { takes: 1_000 } }))
    expect(found).toMatchObject({ code: 'too-many-jobs', place: { row: 2 } })
  })

  it('of hostile cells are counted without being made', async () => {
    const cell = `${'{0|1}'.repeat(1_500)}`
    for (const options of [{}, { expansion: { pairing: { mode: 'every', columns: ['prompt', 'note'] } } }]) {
      const list = Array.from({ length: 2_000 }, (_, at) => at).join('|')
      const row = 'expansion' in options ? [list, list] : [cell, '']
      expect(await refused(read([['prompt', 'note'], row], options))).toMatchObject({ code: 'too-many-jobs' })
    }
  })
})

describe('a manifest', () => {
  const headers = ['prompt', 'state', 'clip file', 'clip sha256', 'task id', 'charged', 'problem']
  it('is known by its own columns, which fill nothing whatever a person says', async () => {
    const sheet = await read([headers, ['{a|b} {{state}}', 'failed', '', '', '', '', 'x']], {
      mapping: { problem: 'negative prompt' },
      expansion: { takes: 5 },
    })
    expect(sheet).toMatchObject({ isManifest: true, jobCount: 1, headers })
    expect(sheet.rows[0]?.values).toEqual({ prompt: '{a|b} {{state}}' })
    expect(sheet.problems.map(({ code, level }) => [code, level])).toEqual([['value-unused', 'warning']])
  })

  it('that was exported twice has its newest columns last', async () => {
    const twice = [...headers, ...headers.slice(1).map((name) => `${name} 2`)]
    const cells = ['a', 'failed', '', '', '', '', '', 'done', '', 'ff', 't', '1', '']
    const sheet = await read([twice, cells])
    expect(sheet.ours?.get('state')).toBe('state 2')
    expect(sheet.problems).toEqual([])
  })

  it('is none where one of the columns is missing', async () => {
    const some = headers.filter((name) => name !== 'task id')
    expect(await read([some, some.map(() => '{a|b}')])).toMatchObject({ isManifest: false, jobCount: 2 })
  })
})
