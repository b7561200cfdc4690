import { describe, expect, it } from 'vitest'
import { type SheetGiven, toSheetOptions } from '../../../src/main/hosts/cli/commands/sheet-options.ts'
import { parse } from '../../../src/main/hosts/cli/program.ts'
import { SheetOptions } from '../../../src/shared/sheet.ts'

/** As the core receives them. */
const options = (given: SheetGiven) => SheetOptions.parse(toSheetOptions(given))
const refusal = (given: SheetGiven): string => {
  try {
    toSheetOptions(given)
  } catch (error) {
    return (error as Error).message
  }
  return ''
}

describe('columns and fields', () => {
  it('takes a header with =, commas, colons or Chinese letters as it stands', () => {
    const map = [
      'a=b=prompt',
      'Ratio, final=aspect_ratio',
      '描述（终稿）=prompt',
      'x:y = ref 2',
      'Notes=',
      'End==seed',
    ]
    expect(options({ map }).mapping).toEqual({
      'a=b': 'prompt',
      'Ratio, final': 'aspect_ratio',
      '描述（终稿）': 'prompt',
      'x:y ': 'ref 2',
      Notes: '',
      'End=': 'seed',
    })
  })

  it.each([['prompt'], ['=prompt'], ['']])('refuses a column without its field: %j', (text) => {
    expect(refusal({ map: [text] })).toMatch(/--map cannot be .*Header=field/)
  })

  it('refuses one column for two fields, and takes the same word twice', () => {
    expect(refusal({ map: ['a=prompt', 'a=seed'] })).toContain('the column "a" twice')
    expect(options({ map: ['a=prompt', 'a=prompt'] }).mapping).toEqual({ a: 'prompt' })
  })

  it('lets no name through that would be lost on the way', () => {
    expect(refusal({ map: ['__proto__=prompt'] })).toContain('cannot name the column "__proto__"')
    expect(refusal({ defaults: ['__proto__=1'] })).toContain('cannot name the field "__proto__"')
    expect(options({ map: ['constructor=prompt'] }).mapping).toEqual({ constructor: 'prompt' })
  })

  it('leaves a field that nobody knows to the core, which has the sentence', () => {
    expect(options({ map: ['a=wat'], defaults: ['wat=1'] })).toMatchObject({
      mapping: { a: 'wat' },
      defaults: { wat: '1' },
    })
  })
})

describe('defaults', () => {
  it('parts at commas, and takes "\\," for one that is meant', () => {
    const defaults = ['duration=5,quality=720p', 'prompt=a lake\\, at night\\, x=y', 'ref 1=C:\\media\\a.png']
    expect(options({ defaults }).defaults).toEqual({
      duration: '5',
      quality: '720p',
      prompt: 'a lake, at night, x=y',
      'ref 1': 'C:\\media\\a.png',
    })
  })

  it.each([['prompt=a lake, at night'], ['duration='], ['=5'], ['duration=5,'], ['duration']])(
    'refuses %j, and says how a comma is written',
    (text) => {
      expect(refusal({ defaults: [text] })).toMatch(/--defaults cannot be .*written "\\,"/)
    },
  )

  it('refuses two values for one field', () => {
    expect(refusal({ defaults: ['duration=5', 'duration=6'] })).toContain('the field "duration" twice')
  })
})

describe('lists and choices', () => {
  it('pairs columns, whatever stands in their names', () => {
    expect(options({ pair: 'every:ref 1,mood' }).expansion.pairing).toEqual({
      mode: 'every',
      columns: ['ref 1', 'mood'],
    })
    expect(options({ pair: 'one-to-one: a:b , 参考\\,图,a:b' }).expansion.pairing).toEqual({
      mode: 'one-to-one',
      columns: ['a:b', '参考,图'],
    })
  })

  it.each([['every'], ['every:'], ['all:a'], ['cycle:a,'], [':a']])('refuses the pairing %j', (pair) => {
    expect(refusal({ pair })).toMatch(/--pair cannot be .*every, one-to-one or cycle/)
  })

  it('refuses a seed that would change nothing', () => {
    expect(refusal({ seed: 4 })).toContain('--seed belongs to --choices pick')
    expect(options({ seed: 4, choices: 'pick' }).expansion).toMatchObject({
      choices: 'pick',
      seed: 4,
      takes: 1,
    })
  })

  it('is nothing of all this unless it is said', () => {
    expect(options({})).toEqual(SheetOptions.parse({}))
  })
})

describe('what no sheet can hold', () => {
  it('is refused in words for a person', () => {
    const columns = Array.from({ length: 21 }, (_, index) => `c${index}`).join(',')
    expect(refusal({ map: [`a=${'x'.repeat(61)}`] })).toContain('--map holds more')
    expect(refusal({ defaults: [`prompt=${'x'.repeat(10_001)}`] })).toContain('--defaults holds more')
    expect(refusal({ sheet: 'x'.repeat(201) })).toContain('--sheet holds more')
    expect(refusal({ pair: `every:${columns}` })).toContain('--pair holds more')
  })
})

describe('one reader for all commands that read a sheet', () => {
  const given =
    '--map a=prompt --pair every:b --takes 3 --choices pick --seed 7 --defaults duration=5 --sheet Night --hidden-rows read --fit --failed --run night --account main'
  it.each(['run', 'check', 'import'])('%s', async (command) => {
    expect(await parse([command, 'x.csv', ...given.split(' ')])).not.toHaveProperty('wrong')
    for (const wrong of ['--takes 0', '--takes 1001', '--seed x', '--choices some', '--hidden-rows maybe']) {
      expect(await parse([command, 'x.csv', ...wrong.split(' ')]), wrong).toHaveProperty('wrong')
    }
    expect(await parse([command, 'x.csv', '--pair', 'every:a', '--pair', 'every:b'])).toMatchObject({
      wrong: { what: expect.stringContaining('Give it once') },
    })
  })

  it('says in the help that nothing waits with --yes or without a terminal', async () => {
    for (const command of ['run', 'start']) {
      const { help } = (await parse(['help', command])) as { help: string }
      expect(help.replace(/\s+/g, ' ')).toMatch(
        /five seconds .* Ctrl-C takes it back.*With --yes, with --json and without a terminal .* nothing waits/,
      )
    }
  })
})
