import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { factsAfterFit } from '../../../src/main/core/references/fit-plan.ts'
import { pictureLimits } from '../../../src/main/core/references/limits.ts'
import { FIELDS, findModel } from '../../../src/shared/models/catalogue.ts'
import { shortenText } from '../../../src/shared/models/shorten.ts'
import type { AccountRules, ReferenceFacts } from '../../../src/shared/models/types.ts'
import { checkOrder } from '../../../src/shared/models/validate.ts'
import type { Fix, Problem } from '../../../src/shared/problem.ts'
import { type Case, check, good, MODEL_IDS, picture, song, video } from './orders.ts'

/** The labels of the fixes of a problem in a column. */
function labels(given: Case, column: string, account: Partial<AccountRules> = {}): string[] {
  const { problems } = check(given, account)
  return problems
    .filter((each) => each.place.column === column)
    .flatMap((each) => each.fixes ?? [])
    .map((each) => each.label)
}

const I = 'wan2.6-image-to-video-flash'
const R = 'wan2.6-reference-video'
const V = 'wan26_r2v'
const withValues = (model: string, values: Record<string, unknown>): Case =>
  good(model, (given) => Object.assign(given.values, values))
const withFiles = (model: string, ...references: ReferenceFacts[]): Case =>
  good(model, (given) => {
    given.references = references
  })

describe('the fix of a cell', () => {
  it.each([
    [I, 'duration', 99, ['Use 15 s']],
    [I, 'duration', '1', ['Use 2 s']],
    [R, 'duration', 7, ['Use 5 s', 'Use 10 s']],
    [R, 'duration', 60, ['Use 10 s']],
    [I, 'duration', '4,6 s', ['Use 5 s', 'Empty the cell']],
    [I, 'duration', 'soon', ['Use 5 s', 'Empty the cell']],
    [I, 'duration', '２０秒左右', ['Use 15 s', 'Empty the cell']],
    [V, 'duration', 12, ['Use 10 s']],
    [R, 'aspect_ratio', '21:9', ['Use 16:9', 'Use 4:3']],
    [R, 'aspect_ratio', 'portrait', ['Use 9:16', 'Use 3:4']],
    [R, 'aspect_ratio', '竖屏', ['Use 9:16', 'Use 3:4']],
    [R, 'aspect_ratio', '1.78', ['Use 16:9', 'Use 4:3']],
    [R, 'aspect_ratio', '1080x1920', ['Use 9:16', 'Use 3:4']],
    [R, 'aspect_ratio', '169', ['Use 16:9', 'Use 1:1']],
    [R, 'quality', '4K', ['Use 1080p', 'Use 720p']],
    [R, 'quality', '540p', ['Use 720p', 'Use 1080p']],
    [R, 'quality', '高清', ['Use 1080p', 'Use 720p']],
    [V, 'size', '1280x700', ['Use 1280*720', 'Use 1088*832']],
    [V, 'size', '9:16', ['Use 720*1280']],
    [V, 'size', '1080p', ['Use 1920*1080']],
    [V, 'seed', 3_000_000_000, ['Use 2147483647', 'Empty the cell']],
    [I, 'generate_audio', 'treu', ['Use true', 'Use false', 'Empty the cell']],
    [I, 'generate_audio', 'muted', ['Use false', 'Use true', 'Empty the cell']],
    [I, 'generate_audio', '静音', ['Use false', 'Use true', 'Empty the cell']],
    [I, 'shot_type', 'mutli', ['Use multi', 'Use single']],
    [I, 'seed', 5, ['Empty the cell']],
    [R, 'callback_url', 'http://example.com/done', ['Use https', 'Empty the cell']],
    [R, 'callback_url', 'http://example.com/done?key=k', ['Empty the cell']],
    [R, 'callback_url', 'http://10.0.0.1/done', ['Empty the cell']],
    [
      'wan2.6-refrence-video',
      'model',
      'wan2.6-refrence-video',
      ['Use wan2.6-reference-video', 'Use wan2.7-reference-video'],
    ],
    ['dream-maker', 'model', 'dream-maker', []],
  ])('%s %s %j: %j', (model, field, value, expected) => {
    const base = MODEL_IDS.includes(model) ? model : R
    const found = labels(withValues(base, { [field]: value }), field)
    expect(found.slice(0, expected.length)).toEqual(expected)
    expect(found.length).toBeLessThanOrEqual(Math.max(expected.length, 3))
    if (expected.length === 0) expect(found).toEqual([])
  })

  it('names the successor that the account still buys', () => {
    expect(labels(good(R), 'model', { retiredModels: [R] })).toEqual(['Use wan2.7-reference-video'])
    expect(labels(good(R), 'model', { retiredModels: [R, 'wan2.7-reference-video'] })).toEqual([])
  })

  it('offers to fit a picture that can be fitted, and no other', () => {
    const fit = ['Fit the picture']
    expect(labels(withFiles(I, picture({ width: 200, height: 200 })), 'ref 1')).toEqual(fit)
    expect(labels(withFiles(I, picture({ hasTransparency: true })), 'ref 1')).toEqual(fit)
    expect(labels(withFiles(I, picture({ sizeBytes: 20_000_000 })), 'ref 1')).toEqual(fit)
    expect(labels(withFiles(I, picture({ format: 'gif' })), 'ref 1')).toEqual(fit)
    expect(labels(withFiles(I, picture({ width: 4000, height: 600 })), 'ref 1')).toEqual(fit)
    expect(labels(withFiles(I, picture({ format: 'heic' })), 'ref 1')).toEqual([])
    expect(labels(withFiles(I, picture({ format: 'svg' })), 'ref 1')).toEqual([])
    expect(labels(withFiles(I, picture({ sizeBytes: 0 })), 'ref 1')).toEqual([])
  })

  it('offers to cut films and sounds that are too long, and none that are too short', () => {
    const { problems } = check(withFiles(R, video({ durationMs: 34_000 })))
    expect(problems[0]?.fixes).toEqual([
      { type: 'trim', label: 'Cut it to 30 s', column: 'ref 1', maximumMs: 30_000 },
    ])
    expect(labels(withFiles(R, video({ durationMs: 1000 })), 'ref 1')).toEqual([])
    const sung = good(I, (given) => {
      given.audio = song({ durationMs: 31_000 })
    })
    expect(labels(sung, 'audio')).toEqual(['Cut it to 30 s', 'Cut it to 5 s'])
  })

  it('offers the person’s own accounts as host of what Vtrix does not take, and none that they do not have', () => {
    const loud = good(V, (given) => {
      given.audio = song()
    })
    expect(labels(loud, 'audio', { fileHosts: ['studio', 'night'] })).toContain(
      'Let the account “night” hold the file',
    )
    expect(labels(loud, 'audio').join()).not.toContain('hold the file')
    const big = withFiles(V, video({ sizeBytes: 90_000_000 }))
    const { problems } = check(big, { fileHosts: ['studio'] })
    expect(problems[0]?.fixes).toEqual([
      { type: 'file-host', label: 'Let the account “studio” hold the file', account: 'studio' },
    ])
    expect(problems[0]?.next).toContain('“studio”')
  })

  it('says the name that is meant when only one can be', () => {
    const two = withFiles(V, picture(), picture({ name: 'dog.png' }))
    two.values.prompt = 'character1 teaches character3 to sail; character3 laughs'
    expect(check(two).problems).toMatchObject([
      {
        level: 'error',
        fixes: [
          {
            type: 'set',
            column: 'prompt',
            value: 'character1 teaches character2 to sail; character2 laughs',
          },
        ],
      },
    ])
    two.values.prompt = 'character3 and character4 sail'
    expect(labels(two, 'prompt')).toEqual([])
    two.values.prompt = 'character 1 and Character_2 sail'
    expect(check(two).problems).toMatchObject([
      { level: 'warning', fixes: [{ value: 'character1 and character2 sail' }] },
    ])
  })
})

describe('names in a prompt', () => {
  const R27 = 'wan2.7-reference-video'
  const said = (model: string, prompt: string, ...references: ReferenceFacts[]): string[] => {
    const given = withFiles(model, ...references)
    given.values.prompt = prompt
    return check(given).problems.map((each) => `${each.level} ${each.code} ${each.place.column}`)
  }
  it.each([
    ['documented: refused', V, 'character2 waves', [picture()], ['error rule-broken prompt']],
    ['the maker’s: a warning', R, 'character2 waves', [video()], ['warning rule-broken prompt']],
    ['there is such a reference', V, 'character1 waves', [picture()], []],
    ['not named at all, one reference', V, 'a cat waves', [picture()], []],
    ['character0', V, 'character0 waves', [picture()], ['error rule-broken prompt']],
    ['a word that only ends so', V, 'mycharacter7 waves', [picture()], []],
    ['a year', V, 'character1 in 2026', [picture()], []],
    ['Chinese around the name', V, '让character2挥手', [picture()], ['error rule-broken prompt']],
    ['a Chinese word for it is no name', V, '角色2挥手', [picture()], []],
    ['Image 2 of one', R27, 'Image 2 waves', [picture()], ['error rule-broken prompt']],
    [
      'in small letters it may be words',
      R27,
      'an image 2 metres wide',
      [picture()],
      ['warning rule-broken prompt'],
    ],
    ['Video 1 of pictures only', R27, 'Video 1 waves', [picture()], ['error rule-broken prompt']],
    ['a picture has no such names', I, 'character7 and Image 9', [picture()], []],
    ['of no reference another rule speaks', V, 'character1 waves', [], ['error reference-missing ref 1']],
  ])('%s', (_title, model, prompt, references, expected) => {
    expect(said(model, prompt, ...references)).toEqual(expected)
  })
})

describe('a shortened text', () => {
  it.each([
    ['one two three', 9, 'one two'],
    ['one two three', 7, 'one two'],
    ['one, two', 4, 'one'],
    ['你好世界', 3, '你好世'],
    ['dance 💃💃', 7, 'dance'],
    ['dance 💃💃', 8, 'dance 💃'],
    ['cafe\u0301 noir', 4, 'caf'],
    ['👩‍👩‍👧 and', 4, '👩‍'],
    ['x'.repeat(200), 100, 'x'.repeat(100)],
  ])('%j to %i: %j', (text, limit, expected) => {
    const found = shortenText(text, limit)
    if (text.startsWith('cafe') || text.startsWith('👩')) {
      // Never half of a surrogate pair, never longer than asked for.
      expect(found.isWellFormed()).toBe(true)
      expect(found.length).toBeLessThanOrEqual(limit)
    } else expect(found).toBe(expected)
  })

  it('is a beginning within the limit and whole in its letters, whatever it was', () => {
    const letters = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 80 }),
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.stringMatching(/^[a-z ,]{0,80}$/),
    )
    fc.assert(
      fc.property(letters, fc.nat(90), (text, limit) => {
        const found = shortenText(text, limit)
        expect(text.startsWith(found)).toBe(true)
        expect(found.length).toBeLessThanOrEqual(Math.max(limit, 0))
        if (text.isWellFormed()) expect(found.isWellFormed()).toBe(true)
      }),
      { seed: 4, numRuns: 2000 },
    )
  })
})

/** Cells as people write them wrongly, and hardly any that are right. */
const badCell = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.constantFrom(
      '99',
      '0',
      '-3',
      '7.5',
      '5 or 10',
      'soon',
      '21:9',
      '9:21',
      'wide',
      '1:1000',
      '0:0',
      '8K',
      '300p',
      'HD',
      '100*100',
      '9999x1',
      '16:9',
      '1080p',
      '3',
      'perhaps',
      'off!',
      'no sound',
      'duo',
      'last_frame',
      'single',
      'multi',
      'false',
      'true',
      '3000000000',
      '-1',
      'http://example.com',
      'ftp://x',
      'https://127.0.0.1/',
      'https://example.com/done',
      'character9 and Image 7',
      '480p',
      '1440*1440',
      '720p',
      '4:3',
      '5',
      '12',
      '2',
      '15',
      '20',
    ),
  },
  { weight: 4, arbitrary: fc.string({ maxLength: 30 }) },
  {
    weight: 1,
    arbitrary: fc.string({ unit: 'grapheme', minLength: 30, maxLength: 40 }).map((text) => text.repeat(60)),
  },
  {
    weight: 2,
    arbitrary: fc.stringMatching(/^[a-z]{1,20}( [a-z]{1,12}){9}$/).map((text) => `${text} `.repeat(150)),
  },
)

const badFile = fc.record({
  kind: fc.constantFrom('image' as const, 'video' as const, 'audio' as const),
  format: fc.constantFrom('jpeg', 'png', 'gif', 'bmp', 'svg', 'mp4', 'mov', 'webm', 'mp3', 'wav', 'flac'),
  sizeBytes: fc.constantFrom(0, 1000, 9_000_000, 15_000_001, 21_000_000, 100_000_001),
  width: fc.constantFrom(10, 239, 360, 1024, 2001, 9000),
  height: fc.constantFrom(10, 239, 360, 1024, 2001, 9000),
  durationMs: fc.constantFrom(500, 2000, 5000, 10_001, 30_001, 90_000),
  hasTransparency: fc.boolean(),
  isAddress: fc.boolean(),
})

/** Cells that are only wrong together. */
const together = fc.constantFrom<Record<string, string>>(
  {},
  { shot_type: 'multi', prompt_extend: 'no' },
  { generate_audio: 'no' },
  { generation_mode: 'video_continuation', duration: '4' },
  { quality: '480p', aspect_ratio: '4:3' },
  { size: '1280*720', aspect_ratio: '9:16' },
  { duration: '15' },
)

const badRow = fc.record({
  model: fc.constantFrom(...MODEL_IDS, 'wan2.6-refrence-video', 'wan26-r2v', 'Wan2.7 image to video', 'sora'),
  values: fc.dictionary(fc.constantFrom(...FIELDS), badCell, { maxKeys: 6 }),
  together,
  files: fc.array(badFile, { maxLength: 7 }),
  audio: fc.option(badFile, { nil: undefined }),
  account: fc.record({
    family: fc.constantFrom('evolink' as const, 'vtrix' as const),
    extendedDurations: fc.boolean(),
    retiredModels: fc.subarray(['wan2.6-reference-video', 'wan2.5-image-to-video', 'wan2.7-reference-video']),
    fileHosts: fc.subarray(['studio', 'night']),
  }),
})

interface Row extends Case {
  account: AccountRules
}

function toRow(given: typeof badRow extends fc.Arbitrary<infer T> ? T : never): Row {
  const { model, files, audio, account } = given
  const values = { ...given.values, ...given.together }
  const named = files.map((facts, index) => ({ ...facts, name: `file-${index + 1}` }))
  return {
    values: { prompt: 'character1 waves', ...values, model },
    references: named.map((each, index) =>
      each.isAddress && index % 2 === 1 ? { ...each, name: `ftp://example.com/${index}` } : each,
    ),
    ...(audio === undefined ? {} : { audio: { ...audio, name: 'sound' } }),
    // Most rows are on an account of their model's provider; some are not.
    account:
      values.seed === '0' ? account : { ...account, family: findModel(model)?.family ?? account.family },
  }
}

const checkRow = ({ account, ...given }: Row): Problem[] => checkOrder(given, account).problems

/** The row after a press on the button. */
function press(row: Row, fix: Fix & { type: 'set' }): Row {
  const next: Row = { ...row, values: { ...row.values }, references: [...row.references] }
  const index = /^ref (\d+)$/.exec(fix.column)?.[1]
  if (index !== undefined) next.references.splice(Number(index) - 1, 1)
  else if (fix.column === 'audio') delete next.audio
  else next.values[fix.column] = fix.value
  // The command looks for an account of the model; without one that is another problem.
  const family = fix.column === 'model' ? findModel(fix.value)?.family : undefined
  return family === undefined ? next : { ...next, account: { ...row.account, family } }
}

/** A file has its own name, every other problem its column. */
const sameAs =
  ({ code, place, level }: Problem) =>
  (other: Problem): boolean =>
    other.code === code &&
    other.level === level &&
    (/^(ref \d|audio$)/.test(place.column ?? '')
      ? other.place.value === place.value
      : other.place.column === place.column)

describe('every fix that is offered', () => {
  it('sets a cell so that its very problem is gone, for every model and any bad row', () => {
    const used = new Map<string, number>()
    const models = new Set<string>()
    fc.assert(
      fc.property(badRow, (given) => {
        const row = toRow(given)
        for (const found of checkRow(row))
          for (const fix of found.fixes ?? []) {
            if (fix.type !== 'set') continue
            const kind = `${found.code} ${found.place.column?.replace(/\d+/, 'n')}`
            used.set(kind, (used.get(kind) ?? 0) + 1)
            models.add(String(row.values.model))
            const after = checkRow(press(row, fix)).filter(sameAs(found))
            expect(after, `${kind}: ${fix.label} → ${fix.value.slice(0, 80)}`).toEqual([])
            expect(fix.label).not.toBe('')
            expect(fix.value.isWellFormed()).toBe(true)
          }
      }),
      { seed: 20_261_010, numRuns: 1500 },
    )
    for (const model of MODEL_IDS) expect(models).toContain(model)
    // Every place where fixes are made was reached.
    for (const kind of [
      'model-unknown model',
      'model-retired model',
      'value-invalid duration',
      'value-invalid prompt',
      'value-invalid negative_prompt',
      'value-invalid aspect_ratio',
      'value-invalid quality',
      'value-invalid size',
      'value-invalid seed',
      'value-invalid generate_audio',
      'value-invalid shot_type',
      'value-invalid generation_mode',
      'value-invalid callback_url',
      'value-unused seed',
      'rule-broken duration',
      'rule-broken shot_type',
      'rule-broken generate_audio',
      'rule-broken aspect_ratio',
      'rule-broken quality',
      'rule-broken callback_url',
      'rule-broken prompt',
      'reference-kind ref n',
      'reference-limit ref n',
      'value-unused audio',
      'reference-needs-address audio',
      'value-invalid ref n',
    ])
      expect(used.get(kind) ?? 0, kind).toBeGreaterThan(0)
  })

  it('fits a picture or cuts a film so that its very problem is gone', () => {
    let fitted = 0
    let cut = 0
    fc.assert(
      fc.property(badRow, (given) => {
        const row = toRow(given)
        for (const found of checkRow(row))
          for (const fix of found.fixes ?? []) {
            if (fix.type !== 'fit' && fix.type !== 'trim') continue
            const index = Number(/\d+/.exec(fix.column)?.[0] ?? 0) - 1
            const file = index < 0 ? row.audio : row.references[index]
            if (file === undefined) throw new Error(`no file in ${fix.column}`)
            const better = fix.type === 'fit' ? fittedCopy(file) : { ...file, durationMs: fix.maximumMs }
            if (fix.type === 'fit') fitted += 1
            else cut += 1
            const after: Row =
              index < 0
                ? { ...row, audio: better }
                : { ...row, references: row.references.map((each) => (each === file ? better : each)) }
            expect(checkRow(after).filter((other) => other.what === found.what)).toEqual([])
            if (fix.type !== 'fit') continue
            const left = checkRow(after).filter(sameAs(found))
            expect(left.filter(({ what }) => !what.includes('one too many'))).toEqual([])
          }
      }),
      { seed: 20_261_011, numRuns: 4000 },
    )
    expect(fitted).toBeGreaterThan(100)
    expect(cut).toBeGreaterThan(100)
  })
})

/** What the fitting of pictures makes of it, for any model. */
const fittedCopy = (file: ReferenceFacts): ReferenceFacts => ({
  ...factsAfterFit(file, pictureLimits()),
  sizeBytes: 500_000,
})
