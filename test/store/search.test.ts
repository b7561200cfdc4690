import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../../src/main/core/store/store.ts'
import { problem } from '../../src/shared/problem.ts'
import { freshStore, type Plant, plantIn } from '../support/rows.ts'

let store: Store
let plant: Plant
let accountId: number
let runId: number

beforeEach(() => {
  store = freshStore()
  plant = plantIn(store)
  accountId = plant.account()
  runId = plant.run()
})

const search = (text: string): number[] => store.jobs.ids({ search: text })

describe('what a person reads can be found', () => {
  test.each([
    ['a word of the prompt', 'lighthouse'],
    ['the beginning of a word', 'lightho'],
    ['in any case', 'LIGHTHOUSE'],
    ['without its accents', 'cafe'],
    ['with its accents', 'café'],
    ['several words in any order', 'dusk lighthouse'],
    ['a word of the name', 'opening-shot'],
    ['a word of the problem', 'moderation'],
    ['words of name, prompt and problem together', 'opening dusk moderation'],
    ['another script', '灯塔'],
  ])('%s', (_, text) => {
    plant.job(runId, accountId, { row: 1, prompt: 'something else entirely' })
    const { id } = plant.job(runId, accountId, {
      row: 2,
      state: 'failed',
      prompt: 'a lighthouse at dusk, café, 灯塔',
      name: 'opening-shot',
      problem: problem('content-refused', 'Refused by moderation.', 'Change it.'),
    })
    expect(search(text)).toEqual([id])
  })

  test('a problem that changed is found by its new words and no more by its old ones', () => {
    const job = plant.job(runId, accountId)
    const say = (what: string, version: number) =>
      store.jobs.save({
        ...job,
        problem: problem('unreachable', what, 'Wait.'),
        version: job.version + version,
      })
    say('The harbour is closed.', 1)
    expect(search('harbour')).toEqual([job.id])
    say('The bridge is up.', 2)
    expect(search('harbour')).toEqual([])
    expect(search('bridge')).toEqual([job.id])
    store.jobs.save({ ...job, problem: null, version: job.version + 3 })
    expect(search('bridge')).toEqual([])
    expect(search('boat')).toEqual([job.id])
  })

  test('a search goes together with a run and states', () => {
    const other = plant.run({ name: 'other' })
    const one = plant.job(runId, accountId, { state: 'generating' })
    plant.job(other, accountId, { state: 'generating' })
    plant.job(runId, accountId, { row: 2 })
    const filter = { runId, states: ['generating'], search: 'boat' } as const
    expect(store.jobs.ids(filter)).toEqual([one.id])
    expect(store.jobs.count(filter)).toBe(1)
    expect(store.jobs.page(filter, null, 10).map(({ id }) => id)).toEqual([one.id])
  })

  test('no words are no filter', () => {
    plant.job(runId, accountId)
    expect(search('')).toHaveLength(1)
    expect(search('  \t ')).toHaveLength(1)
  })
})

describe('what a person types is never search syntax', () => {
  test.each([
    '"',
    '""',
    '"boat',
    'boat"',
    "'",
    '*',
    '* *',
    'boat*',
    '^boat',
    'NOT boat',
    'boat AND',
    'boat OR kite',
    'NEAR(boat kite)',
    'prompt:boat',
    '{prompt name}: boat',
    '(boat',
    'boat)',
    '-boat',
    '+',
    ':',
    '@search',
    '; DROP TABLE jobs',
    '\0',
    'a\0b',
    '\u{1F6A4}',
    '\uD800',
    'x'.repeat(100_000),
    'x '.repeat(2000),
  ])('%j', (text) => {
    plant.job(runId, accountId)
    expect(() => search(text)).not.toThrow()
    expect(store.jobs.count({})).toBe(1)
  })

  test('any text gives an answer', () => {
    plant.job(runId, accountId)
    const piece = fc.constantFrom(
      '"',
      '*',
      'boat',
      'AND',
      ' ',
      '(',
      ')',
      ':',
      '^',
      'NEAR',
      '\0',
      '-',
      '🚤',
      "'",
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece).map((pieces) => pieces.join('')),
    )
    fc.assert(
      fc.property(text, (given) => {
        expect(search(given).length).toBeLessThanOrEqual(1)
        expect(store.jobs.page({ search: given }, null, 10).length).toBe(store.jobs.count({ search: given }))
      }),
      { numRuns: 500 },
    )
  })
})
