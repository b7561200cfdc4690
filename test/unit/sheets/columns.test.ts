import { describe, expect, it } from 'vitest'
import { editDistance, mapColumns } from '../../../src/main/core/sheets/columns.ts'

const levels = (headers: string[]) =>
  mapColumns(headers).problems.map((found) => [found.level, found.place.column])

describe('mapColumns', () => {
  const cases: [string, string][] = [
    ['prompt', 'prompt'],
    ['Text', 'prompt'],
    ['描述', 'prompt'],
    ['提示词', 'prompt'],
    ['MODEL', 'model'],
    ['Seconds', 'duration'],
    ['Duration (s)', 'duration'],
    ['length', 'duration'],
    ['时长', 'duration'],
    ['Aspect Ratio', 'aspect_ratio'],
    ['aspectRatio', 'aspect_ratio'],
    ['ratio', 'aspect_ratio'],
    ['画幅', 'aspect_ratio'],
    ['resolution', 'quality'],
    ['size', 'size'],
    ['reference_1', 'ref 1'],
    ['ref1', 'ref 1'],
    ['Ref 02', 'ref 2'],
    ['REF-12', 'ref 12'],
    ['image', 'ref 1'],
    ['image 3', 'ref 3'],
    ['video', 'ref 1'],
    ['video_2', 'ref 2'],
    ['参考', 'ref 1'],
    ['参考图2', 'ref 2'],
    ['References', 'references'],
    ['image_urls', 'references'],
    ['audio', 'audio'],
    ['sound', 'generate_audio'],
    ['generate-audio', 'generate_audio'],
    ['prompt_extend', 'prompt_extend'],
    ['shot', 'shot_type'],
    ['watermark', 'watermark'],
    ['seed', 'seed'],
    ['Negative prompt', 'negative_prompt'],
    ['callback_url', 'callback_url'],
    ['Take name', 'name'],
    ['ID', 'id'],
    ['account', 'account'],
  ]
  it.each(cases)('%s is %s', (header, field) => {
    expect(mapColumns([header])).toMatchObject({ mapping: { [header]: field }, problems: [] })
  })

  it('numbers what has no number, in the order of the columns', () => {
    expect(mapColumns(['video', 'ref 2', 'image']).mapping).toEqual({
      video: 'ref 1',
      'ref 2': 'ref 2',
      image: 'ref 3',
    })
  })

  it.each([
    [['prompt', 'text']],
    [['Prompt', 'PROMPT']],
    [['image 1', 'video 1']],
    [['image', 'image 1']],
    [['images', 'videos']],
  ])('refuses to choose between %j', (headers) => {
    const { mapping, problems } = mapColumns(headers)
    expect(problems.map((found) => found.level)).toEqual(['error'])
    expect(problems[0]?.what).toContain(`"${headers[0]}"`)
    expect(problems[0]?.what).toContain(`"${headers[1]}"`)
    expect(Object.keys(mapping)).toHaveLength(1)
  })

  it('warns of typing errors, mentions the rest, and is silent about what a manifest adds', () => {
    expect(levels(['promt', 'durration', 'modle', 'sed', 'mood', 'ref 0', 'x'])).toEqual([
      ['warning', 'promt'],
      ['warning', 'durration'],
      ['warning', 'modle'],
      ['warning', 'sed'],
      ['info', 'mood'],
      ['warning', 'ref 0'],
      ['info', 'x'],
    ])
    expect(
      levels(['state', 'clip file', 'clip sha256', 'task id', 'clip seconds', 'price', 'problem']),
    ).toEqual([])
  })
})

it('looks at a giant header only briefly', () => {
  const header = '('.repeat(90_000)
  const { mapping, problems } = mapColumns(['prompt', header])
  expect(Object.keys(mapping)).toEqual(['prompt'])
  expect(problems).toHaveLength(1)
  expect(problems[0]?.what.length).toBeLessThan(250)
})

describe('editDistance', () => {
  it.each([
    ['prompt', 'prompt', 0],
    ['promt', 'prompt', 1],
    ['modle', 'model', 1],
    ['', 'abc', 3],
    ['ratio', 'radio', 1],
    ['seed', 'size', 3],
  ])('%s to %s is %i', (left, right, distance) => {
    expect(editDistance(left, right)).toBe(distance)
    expect(editDistance(right, left)).toBe(distance)
  })
})

describe('what a person says of columns', () => {
  const fields = (headers: string[], chosen = {}, remembered = {}) =>
    mapColumns(headers, chosen, remembered).columns.map(({ field, confidence }) => `${field} ${confidence}`)

  it('says how sure each field is', () => {
    expect(fields(['prompt', '时长', 'ref 1', 'video', 'mood'])).toEqual([
      'prompt name',
      'duration synonym',
      'ref 1 name',
      'ref 2 synonym',
      'null none',
    ])
  })
  it('goes before every name, and today before yesterday', () => {
    expect(fields(['text', 'notes'], { Notes: 'prompt' })).toEqual(['null none', 'prompt chosen'])
    expect(fields(['text', 'notes'], {}, { notes: 'prompt' })).toEqual(['null none', 'prompt remembered'])
    expect(fields(['notes'], { notes: 'name' }, { notes: 'prompt' })).toEqual(['name chosen'])
  })
  it('may take a column out, and name a field as a header would', () => {
    expect(fields(['prompt', 'size', 'clip'], { size: '', clip: '参考图 2' })).toEqual([
      'prompt name',
      'null chosen',
      'ref 2 chosen',
    ])
  })
  it('is refused where two columns are to fill one field, or column or field is not known', () => {
    const told = (chosen: Record<string, string>) =>
      mapColumns(['a', 'b'], chosen).problems.filter(({ level }) => level === 'error')
    expect(told({ a: 'prompt', b: 'prompt' })).toHaveLength(1)
    expect(told({ c: 'prompt' })[0]?.what).toContain('no column "c"')
    expect(told({ a: 'hat' })[0]?.what).toContain('"hat" is no field')
  })
})
