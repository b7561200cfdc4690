import { describe, expect, it } from 'vitest'
import type { AccountRules } from '../../../src/shared/models/types.ts'
import { addressed, type Case, check, good, lines, picture, song, video } from './orders.ts'
import { STATED } from './stated.ts'

/** Every rule of the documents, by its id there. `expected` has every problem that must be reported, and no other may be. */
interface Rule {
  title: string
  model: string
  change: (given: Case) => void
  account?: Partial<AccountRules>
  expected: string[]
}

const set = (field: string, value: unknown) => (given: Case) => {
  given.values[field] = value
}
const files =
  (...references: Case['references']) =>
  (given: Case) => {
    given.references = references
  }
const both =
  (...changes: ((given: Case) => void)[]) =>
  (given: Case) => {
    for (const change of changes) change(given)
  }
const audio =
  (facts = song()) =>
  (given: Case) => {
    given.audio = facts
  }

const R = 'wan2.6-reference-video'
const F = 'wan2.6-reference-video-flash'
const I = 'wan2.6-image-to-video-flash'
const V = 'wan26_r2v'
const I26 = 'wan2.6-image-to-video'
const I27 = 'wan2.7-image-to-video'
const R27 = 'wan2.7-reference-video'

const named = (count: number) =>
  set('prompt', Array.from({ length: count }, (_, index) => `character${index + 1}`).join(' and '))

const RULES: Rule[] = [
  // wan2.6-reference-video
  { title: 'erv-1: no video', model: R, change: files(), expected: ['error reference-missing ref 1'] },
  {
    title: 'erv-1: three videos',
    model: R,
    change: both(files(video(), video(), video()), named(3)),
    expected: [],
  },
  {
    title: 'erv-1: four videos',
    model: R,
    change: both(files(video(), video(), video(), video()), named(4)),
    expected: ['error reference-limit ref 4'],
  },
  {
    title: 'erv-1: a picture',
    model: R,
    change: files(picture()),
    expected: ['error reference-kind ref 1'],
  },
  { title: 'erv-2: 5 s', model: R, change: set('duration', 5), expected: [] },
  { title: 'erv-2: 10 s', model: R, change: set('duration', '10'), expected: [] },
  { title: 'erv-2: 7 s', model: R, change: set('duration', 7), expected: ['error value-invalid duration'] },
  {
    title: 'erv-2 relaxed: 7 s',
    model: R,
    change: set('duration', 7),
    account: { extendedDurations: true },
    expected: [],
  },
  {
    title: 'erv-2 relaxed: 11 s',
    model: R,
    change: set('duration', 11),
    account: { extendedDurations: true },
    expected: ['error value-invalid duration'],
  },
  {
    title: 'erv-3: exactly 2 s',
    model: R,
    change: files(video({ durationMs: 2000 })),
    expected: ['warning reference-limit ref 1'],
  },
  {
    title: 'erv-3: 1.9 s',
    model: R,
    change: files(video({ durationMs: 1900 })),
    expected: ['error reference-limit ref 1'],
  },
  { title: 'erv-3: 30 s', model: R, change: files(video({ durationMs: 30_000 })), expected: [] },
  {
    title: 'erv-3: 20 minutes',
    model: R,
    change: files(video({ durationMs: 1_200_000 })),
    expected: ['error reference-limit ref 1'],
  },
  { title: 'erv-3: 100 MB', model: R, change: files(video({ sizeBytes: 100_000_000 })), expected: [] },
  {
    title: 'erv-3: a byte more',
    model: R,
    change: files(video({ sizeBytes: 100_000_001 })),
    expected: ['error reference-limit ref 1'],
  },
  { title: 'erv-3: mov', model: R, change: files(video({ format: 'mov' })), expected: [] },
  {
    title: 'erv-3: mkv',
    model: R,
    change: files(video({ format: 'mkv' })),
    expected: ['error reference-kind ref 1'],
  },
  {
    title: 'erv-4: 2.5 s',
    model: R,
    change: files(video({ durationMs: 2500 })),
    expected: ['warning reference-limit ref 1'],
  },
  {
    title: 'erv-5: second video not named',
    model: R,
    change: both(files(video(), video()), named(1)),
    expected: ['warning rule-broken prompt'],
  },
  {
    title: 'erv-5: character10 does not name the first',
    model: R,
    change: both(files(video(), video()), set('prompt', 'character10 and character2')),
    expected: ['warning rule-broken prompt'],
  },
  {
    title: 'erv-6: two hours left',
    model: R,
    change: files({ ...addressed(video()), expiresInMs: 7_200_000 }),
    expected: ['warning reference-limit ref 1'],
  },
  {
    title: 'erv-6: three hours left',
    model: R,
    change: files({ ...addressed(video()), expiresInMs: 10_800_000 }),
    expected: [],
  },
  // wan2.6-reference-video-flash
  { title: 'erf-1: no video', model: F, change: files(), expected: ['error reference-missing ref 1'] },
  {
    title: 'erf-1: four videos',
    model: F,
    change: both(files(video(), video(), video(), video()), named(4)),
    expected: ['error reference-limit ref 4'],
  },
  { title: 'erf-2: 2 s', model: F, change: set('duration', 2), expected: [] },
  { title: 'erf-2: 1 s', model: F, change: set('duration', 1), expected: ['error value-invalid duration'] },
  { title: 'erf-2: 11 s', model: F, change: set('duration', 11), expected: ['error value-invalid duration'] },
  {
    title: 'erf-2: 5.5 s',
    model: F,
    change: set('duration', '5.5'),
    expected: ['error value-invalid duration'],
  },
  {
    title: 'erf-3: 31 s',
    model: F,
    change: files(video({ durationMs: 31_000 })),
    expected: ['error reference-limit ref 1'],
  },
  {
    title: 'erf-4: 2.5 s',
    model: F,
    change: files(video({ durationMs: 2500 })),
    expected: ['warning reference-limit ref 1'],
  },
  {
    title: 'erf-5: nobody named',
    model: F,
    change: files(video(), video()),
    expected: ['warning rule-broken prompt'],
  },
  {
    title: 'erf-6: an hour left',
    model: F,
    change: files({ ...addressed(video()), expiresInMs: 3_600_000 }),
    expected: ['warning reference-limit ref 1'],
  },
  // wan2.6-image-to-video-flash
  { title: 'eif-1: no picture', model: I, change: files(), expected: ['error reference-missing ref 1'] },
  {
    title: 'eif-1: two pictures',
    model: I,
    change: files(picture(), picture()),
    expected: ['error reference-limit ref 2'],
  },
  {
    title: 'eif-1: a video',
    model: I,
    change: files(video()),
    expected: ['error reference-kind ref 1'],
  },
  { title: 'eif-2: 15 s', model: I, change: set('duration', '15 s'), expected: [] },
  { title: 'eif-2: 16 s', model: I, change: set('duration', 16), expected: ['error value-invalid duration'] },
  {
    title: 'eif-3: 359 px',
    model: I,
    change: files(picture({ width: 359 })),
    expected: ['error reference-limit ref 1'],
  },
  {
    title: 'eif-3: 360 and 2000 px',
    model: I,
    change: files(picture({ width: 360, height: 2000 })),
    expected: [],
  },
  {
    title: 'eif-3: 2001 px',
    model: I,
    change: files(picture({ height: 2001 })),
    expected: ['error reference-limit ref 1'],
  },
  {
    title: 'eif-3: over 10 MB',
    model: I,
    change: files(picture({ sizeBytes: 10_000_001 })),
    expected: ['error reference-limit ref 1'],
  },
  {
    title: 'eif-3: transparent PNG',
    model: I,
    change: files(picture({ hasTransparency: true })),
    expected: ['error reference-limit ref 1'],
  },
  {
    title: 'eif-3: transparent WebP',
    model: I,
    change: files(picture({ format: 'webp', hasTransparency: true })),
    expected: ['warning reference-limit ref 1'],
  },
  {
    title: 'eif-3: gif',
    model: I,
    change: files(picture({ format: 'gif' })),
    expected: ['error reference-kind ref 1'],
  },
  { title: 'eif-3: jpg is jpeg', model: I, change: files(picture({ format: 'jpg' })), expected: [] },
  {
    title: 'eif-3: empty file',
    model: I,
    change: files(picture({ sizeBytes: 0 })),
    expected: ['error reference-limit ref 1'],
  },
  { title: 'eif-4: mp3 of 4 s', model: I, change: audio(), expected: [] },
  {
    title: 'eif-4: wav',
    model: I,
    change: audio(song({ format: 'wav' })),
    expected: ['error reference-kind audio'],
  },
  {
    title: 'eif-4: 2 s',
    model: I,
    change: audio(song({ durationMs: 2000 })),
    expected: ['error reference-limit audio'],
  },
  {
    title: 'eif-4: 31 s',
    model: I,
    change: both(audio(song({ durationMs: 31_000 }))),
    expected: ['error reference-limit audio', 'warning rule-broken audio'],
  },
  {
    title: 'eif-4: over 15 MB',
    model: I,
    change: audio(song({ sizeBytes: 15_000_001 })),
    expected: ['error reference-limit audio'],
  },
  {
    title: 'eif-4: a video as audio',
    model: I,
    change: audio(video()),
    expected: ['error reference-kind audio'],
  },
  {
    title: 'eif-5: multi without prompt_extend',
    model: I,
    change: both(set('shot_type', 'multi'), set('prompt_extend', 'no')),
    expected: ['error rule-broken shot_type'],
  },
  {
    title: 'eif-5: multi with prompt_extend',
    model: I,
    change: both(set('shot_type', 'multi'), set('prompt_extend', 'yes')),
    expected: [],
  },
  {
    title: 'eif-5: multi, and prompt_extend on by default',
    model: I,
    change: set('shot_type', 'multi'),
    expected: [],
  },
  {
    title: 'eif-6: silent with an audio file',
    model: I,
    change: both(set('generate_audio', 'off'), audio()),
    expected: ['error rule-broken generate_audio'],
  },
  {
    title: 'eif-7: audio longer than the clip',
    model: I,
    change: audio(song({ durationMs: 9000 })),
    expected: ['warning rule-broken audio'],
  },
  // wan26_r2v
  { title: 'vr-1: nothing', model: V, change: files(), expected: ['error reference-missing ref 1'] },
  {
    title: 'vr-1 and vr-2: six pictures',
    model: V,
    change: both(files(...Array.from({ length: 6 }, () => picture())), named(6)),
    expected: ['error reference-limit ref 6'],
  },
  {
    title: 'vr-2: five pictures',
    model: V,
    change: both(files(...Array.from({ length: 5 }, () => picture())), named(5)),
    expected: [],
  },
  {
    title: 'vr-3: three videos and two pictures',
    model: V,
    change: both(files(video(), picture(), video(), picture(), video()), named(5)),
    expected: [],
  },
  {
    title: 'vr-3: four videos',
    model: V,
    change: both(files(...Array.from({ length: 4 }, () => video({ sizeBytes: 1_000_000 }))), named(4)),
    expected: ['error reference-limit ref 4'],
  },
  { title: 'video of exactly 3 s', model: V, change: files(video({ durationMs: 3000 })), expected: [] },
  {
    title: 'vr-4: ftp',
    model: V,
    change: files({ name: 'ftp://example.com/a.png', kind: 'image', isAddress: true }),
    expected: ['error value-invalid ref 1'],
  },
  { title: 'vr-4: https', model: V, change: files(addressed(picture())), expected: [] },
  { title: 'vr-5: 2 s', model: V, change: set('duration', 2), expected: [] },
  { title: 'vr-5: 1 s', model: V, change: set('duration', 1), expected: ['error value-invalid duration'] },
  { title: 'vr-5: 11 s', model: V, change: set('duration', 11), expected: ['warning rule-broken duration'] },
  { title: 'vr-5: 15 s', model: V, change: set('duration', 15), expected: ['warning rule-broken duration'] },
  { title: 'vr-5: 16 s', model: V, change: set('duration', 16), expected: ['error value-invalid duration'] },
  {
    title: 'vr-6: multi without prompt_extend',
    model: V,
    change: both(set('shot_type', 'multi'), set('prompt_extend', false)),
    expected: ['warning rule-broken prompt_extend', 'error rule-broken shot_type'],
  },
  {
    title: 'vr-7: silent with an audio file',
    model: V,
    change: both(set('generate_audio', false), audio(addressed(song()))),
    expected: [
      'warning rule-broken generate_audio',
      'error rule-broken generate_audio',
      'warning rule-broken audio',
    ],
  },
  {
    title: 'vr-8: audio with a reference video',
    model: V,
    change: both(files(video()), audio(addressed(song()))),
    expected: ['warning rule-broken audio'],
  },
  {
    title: 'vr-9: second reference not named',
    model: V,
    change: files(picture(), video()),
    expected: ['warning rule-broken prompt'],
  },
  {
    title: 'video of 2.9 s, shorter than Vtrix takes',
    model: V,
    change: files(video({ durationMs: 2900 })),
    expected: ['error reference-limit ref 1'],
  },
  {
    title: 'audio of this machine at Vtrix',
    model: V,
    change: audio(),
    expected: ['error reference-needs-address audio', 'warning rule-broken audio'],
  },
  {
    title: 'request over 20 MB as base64',
    model: V,
    change: files(video({ sizeBytes: 15_000_000 })),
    expected: ['error reference-needs-address ref 1'],
  },
  {
    title: 'request over 20 MB, limit raised',
    model: V,
    change: files(video({ sizeBytes: 15_000_000 })),
    account: { requestLimitBytes: 40_000_000 },
    expected: [],
  },
  {
    title: 'sound switched off at Vtrix may be ignored',
    model: V,
    change: set('generate_audio', 'no'),
    expected: ['warning rule-broken generate_audio'],
  },
  // wan2.6-image-to-video
  { title: 'ei-1: 15 s', model: I26, change: set('duration', 15), expected: [] },
  { title: 'ei-1: 7 s', model: I26, change: set('duration', 7), expected: ['error value-invalid duration'] },
  {
    title: 'ei-1 relaxed: 7 s',
    model: I26,
    change: set('duration', 7),
    account: { extendedDurations: true },
    expected: [],
  },
  // wan2.6-text-to-video
  {
    title: 'text to video takes no reference',
    model: 'wan2.6-text-to-video',
    change: files(picture()),
    expected: ['error reference-kind ref 1'],
  },
  {
    title: 'text to video, 2..15 s',
    model: 'wan2.6-text-to-video',
    change: set('duration', 2),
    expected: [],
  },
  // wan2.5
  {
    title: 'e25t-1: 480p at 4:3',
    model: 'wan2.5-text-to-video',
    change: both(set('quality', '480p'), set('aspect_ratio', '4:3')),
    expected: ['error rule-broken aspect_ratio'],
  },
  {
    title: 'e25t-1: 480p at 1:1',
    model: 'wan2.5-text-to-video',
    change: both(set('quality', 480), set('aspect_ratio', '1:1')),
    expected: [],
  },
  {
    title: 'wan2.5 has no table of sizes',
    model: 'wan2.5-text-to-video',
    change: set('size', '1280*720'),
    expected: ['error value-unused size'],
  },
  {
    title: 'wan2.5 image: an assumed duration only warns',
    model: 'wan2.5-image-to-video',
    change: set('duration', 7),
    expected: ['warning value-invalid duration'],
  },
  {
    title: 'wan2.5 image: an assumed length only warns',
    model: 'wan2.5-image-to-video',
    change: set('prompt', 'x'.repeat(2001)),
    expected: ['warning value-invalid prompt'],
  },
  // wan2.7-image-to-video
  {
    title: 'e27i-1: first_frame without a picture',
    model: I27,
    change: both(set('generation_mode', 'first_frame'), files(video())),
    expected: ['error reference-kind ref 1'],
  },
  {
    title: 'e27i-1: first_frame with a second picture',
    model: I27,
    change: both(set('generation_mode', 'first_frame'), files(picture(), picture())),
    expected: ['error reference-limit ref 2'],
  },
  {
    title: 'e27i-2: first_last_frame with one picture',
    model: I27,
    change: set('generation_mode', 'first_last_frame'),
    expected: ['error reference-missing ref 2'],
  },
  {
    title: 'e27i-2: first_last_frame with a video',
    model: I27,
    change: both(set('generation_mode', 'first_last_frame'), files(picture(), video())),
    expected: ['error reference-kind ref 2'],
  },
  { title: 'e27i-2: two pictures', model: I27, change: files(picture(), picture()), expected: [] },
  {
    title: 'e27i-3: a video to continue',
    model: I27,
    change: both(files(video({ durationMs: 4000 })), set('duration', 8)),
    expected: [],
  },
  {
    title: 'e27i-3: continuation without a video',
    model: I27,
    change: set('generation_mode', 'video-continuation'),
    expected: ['error reference-missing ref 2'],
  },
  {
    title: 'e27i-3: continuation with an audio file',
    model: I27,
    change: both(files(video({ durationMs: 4000 })), audio()),
    expected: ['error value-unused audio'],
  },
  {
    title: 'e27i-3: shorter than the video',
    model: I27,
    change: both(files(video({ durationMs: 6000 })), set('duration', 5)),
    expected: ['error rule-broken duration'],
  },
  { title: 'no prompt is needed', model: I27, change: set('prompt', ''), expected: [] },
  {
    title: 'picture of 1:9',
    model: I27,
    change: files(picture({ width: 300, height: 2700 })),
    expected: ['error reference-limit ref 1'],
  },
  {
    title: 'picture of 8000 px',
    model: I27,
    change: files(picture({ width: 8000, height: 1000 })),
    expected: [],
  },
  { title: 'seed 0', model: I27, change: set('seed', 0), expected: ['error value-invalid seed'] },
  // wan2.7-reference-video
  { title: 'e27r-1: none', model: R27, change: files(), expected: ['error reference-missing ref 1'] },
  {
    title: 'e27r-1: six',
    model: R27,
    change: both(
      files(...Array.from({ length: 6 }, () => picture())),
      set('prompt', 'Image 1, Image 2, Image 3, Image 4, Image 5, Image 6'),
    ),
    expected: ['error reference-limit ref 6'],
  },
  {
    title: 'e27r-1: five pictures and a video',
    model: R27,
    change: both(
      files(...Array.from({ length: 5 }, () => picture()), video()),
      set('prompt', 'Image 1, Image 2, Image 3, Image 4, Image 5, Video 1'),
    ),
    expected: ['error reference-limit ref 6'],
  },
  {
    title: 'e27r-1: pictures and videos together',
    model: R27,
    change: both(files(picture(), video(), picture()), set('prompt', 'Image 1, image2 and Video 1')),
    expected: [],
  },
  {
    title: 'e27r-2: 11 s with a video',
    model: R27,
    change: both(files(video()), set('duration', 11)),
    expected: ['error rule-broken duration'],
  },
  { title: 'e27r-2: 15 s with pictures only', model: R27, change: set('duration', 15), expected: [] },
  // The other side of rules above.
  { title: 'erv-4: 3 s', model: R, change: files(video({ durationMs: 3000 })), expected: [] },
  { title: 'erv-5: both named', model: R, change: both(files(video(), video()), named(2)), expected: [] },
  {
    title: 'erf-1: three videos',
    model: F,
    change: both(files(video(), video(), video()), named(3)),
    expected: [],
  },
  { title: 'erf-3: 30 s', model: F, change: files(video({ durationMs: 30_000 })), expected: [] },
  { title: 'erf-4: 3 s', model: F, change: files(video({ durationMs: 3000 })), expected: [] },
  { title: 'erf-5: both named', model: F, change: both(files(video(), video()), named(2)), expected: [] },
  {
    title: 'erf-6: more than two hours left',
    model: F,
    change: files({ ...addressed(video()), expiresInMs: 7_200_001 }),
    expected: [],
  },
  { title: 'eif-1: one picture', model: I, change: files(picture()), expected: [] },
  {
    title: 'eif-6: sound with an audio file',
    model: I,
    change: both(set('generate_audio', 'on'), audio()),
    expected: [],
  },
  {
    title: 'eif-7: audio as long as the clip',
    model: I,
    change: audio(song({ durationMs: 5000 })),
    expected: [],
  },
  { title: 'vr-1: one picture', model: V, change: files(picture()), expected: [] },
  {
    title: 'vr-2: six pictures',
    model: V,
    change: both(files(...Array.from({ length: 6 }, () => picture())), named(6)),
    expected: ['error reference-limit ref 6'],
  },
  { title: 'vr-6: multi with prompt_extend', model: V, change: set('shot_type', 'multi'), expected: [] },
  {
    title: 'vr-7: sound with an audio file',
    model: V,
    change: both(set('generate_audio', true), audio(addressed(song()))),
    expected: ['warning rule-broken audio'],
  },
  { title: 'vr-8: a reference video alone', model: V, change: files(video()), expected: [] },
  { title: 'vr-9: both named', model: V, change: both(files(picture(), video()), named(2)), expected: [] },
  {
    title: 'e27i-1: first_frame with one picture',
    model: I27,
    change: both(set('generation_mode', 'first_frame'), files(picture())),
    expected: [],
  },
]

describe('documented rules', () => {
  it.each(RULES.map((rule) => [`${rule.model} ${rule.title}`, rule] as const))('%s', (_title, rule) => {
    const checked = check(good(rule.model, rule.change), rule.account)
    expect(lines(checked)).toEqual(rule.expected)
    expect(checked.order === undefined).toBe(rule.expected.some((line) => line.startsWith('error')))
    for (const each of checked.problems) {
      expect(each.place.source).toMatch(/^https:\/\//)
      expect(each.place.model).toBe(rule.model)
      expect(each.what).toMatch(/[.]$/)
      expect(each.next).toMatch(/[.]$/)
    }
  })
})

describe('the rules across fields of the independent table', () => {
  /** Cannot be seen without looking at the pictures; the model's help says it. */
  const UNSEEN = ['vr-10']
  const ids = STATED.flatMap(({ constraints }) => constraints.map(({ id }) => id))

  it.each(ids.filter((id) => !UNSEEN.includes(id)))(
    '%s has a row that keeps it and one that breaks it',
    (id) => {
      const cases = RULES.filter(({ title }) => title.startsWith(`${id}:`) || title.startsWith(`${id} `))
      expect(cases.filter(({ expected }) => expected.length > 0).length).toBeGreaterThan(0)
      // A kept rule may leave a warning of another one.
      expect(new Set(cases.map(({ expected }) => expected.join())).size).toBeGreaterThan(1)
    },
  )
})
