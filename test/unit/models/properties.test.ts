import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FIELDS, findModel } from '../../../src/shared/models/catalogue.ts'
import { estimate, priceOf } from '../../../src/shared/models/price.ts'
import { buildRequest } from '../../../src/shared/models/request.ts'
import type { ReferenceFacts, ResolvedOrder } from '../../../src/shared/models/types.ts'
import { checkOrder } from '../../../src/shared/models/validate.ts'
import { MODEL_IDS, picture, song, video } from './orders.ts'

const modelId = fc.constantFrom(...MODEL_IDS)

const wild = fc.oneof(fc.anything(), fc.string({ unit: 'binary' }), fc.integer(), fc.boolean())

const facts: fc.Arbitrary<ReferenceFacts> = fc.record(
  {
    name: fc.oneof(fc.string(), fc.webUrl(), fc.constant('data:image/png;base64,AAAA')),
    kind: fc.constantFrom('image', 'video', 'audio'),
    format: fc.oneof(fc.string(), fc.constantFrom('png', 'mp4', 'mp3')),
    sizeBytes: fc.nat(),
    width: fc.nat(9000),
    height: fc.nat(9000),
    durationMs: fc.nat(100_000),
    hasTransparency: fc.boolean(),
    isAddress: fc.boolean(),
    expiresInMs: fc.integer(),
  },
  { requiredKeys: ['name', 'kind'] },
)

/** Mostly good values, so that many orders pass. */
const sensible = fc.record(
  {
    prompt: fc.string({ minLength: 1, maxLength: 40 }).map((text) => `character1 character2 ${text}`),
    negative_prompt: fc.constant('blur'),
    duration: fc.constantFrom(5, '10', 2, '8 s', 15),
    size: fc.constantFrom('1280x720', '1440*1440'),
    aspect_ratio: fc.constantFrom('16:9', '9/16', '1:1', '4:3'),
    quality: fc.constantFrom('720p', '1080P', 480),
    generate_audio: fc.constantFrom('yes', 'no', true),
    prompt_extend: fc.constantFrom('on', 0),
    shot_type: fc.constantFrom('single', 'Multi'),
    watermark: fc.constantFrom('no', true),
    seed: fc.constantFrom(1, '2147483647', -0),
    generation_mode: fc.constantFrom('first_frame', 'first-last-frame', 'video continuation'),
    callback_url: fc.constant('https://example.com/done'),
  },
  { requiredKeys: [] },
)

/** Mostly good orders: fields that the model takes, files that it has places for. */
const likely = modelId.chain((model) => {
  const found = findModel(model)
  const taken = new Set<string>(['prompt', ...(found?.parameters.map((each) => each.field) ?? [])])
  if (taken.has('aspect_ratio') || taken.has('size')) for (const each of ['size', 'quality']) taken.add(each)
  const kinds = found?.slots.flatMap((each) => each.kinds) ?? []
  const file = fc.constantFrom(
    ...(kinds.includes('image') ? [picture()] : []),
    ...(kinds.includes('video') ? [video({ sizeBytes: 1_000_000, durationMs: 4000 })] : []),
    ...(kinds.length === 0 ? [picture()] : []),
  )
  const least = found?.references.minimum ?? 0
  return fc.record({
    model: fc.constant(model),
    values: sensible.map((values) => ({
      prompt: 'character1',
      ...Object.fromEntries(Object.entries(values).filter(([field]) => taken.has(field))),
    })),
    references: fc.array(file, { minLength: least, maxLength: found?.references.maximum ?? 0 }),
  })
})

const familyOf = (model: string) => findModel(model)?.family ?? 'evolink'

describe('any order', () => {
  it('is checked without throwing, whatever its cells hold', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.oneof(fc.constantFrom(...FIELDS, 'model', '__proto__', 'toString'), fc.string()),
          wild,
        ),
        fc.oneof(modelId, wild),
        fc.array(facts, { maxLength: 8 }),
        fc.option(facts, { nil: undefined }),
        (values, model, references, audio) => {
          const family = familyOf(String(MODEL_IDS.find((each) => each === model)))
          const given = {
            values: { ...values, model },
            references,
            ...(audio === undefined ? {} : { audio }),
          }
          const checked = checkOrder(given, { family })
          expect(checked.order === undefined).toBe(checked.problems.some((each) => each.level === 'error'))
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('that was resolved is checked again to itself, with no new problem', () => {
    let resolvedCount = 0
    fc.assert(
      fc.property(
        likely,
        fc.boolean(),
        fc.boolean(),
        ({ model, values, references }, sings, extendedDurations) => {
          const account = { family: familyOf(model), extendedDurations }
          const media = {
            references,
            ...(sings ? { audio: song({ isAddress: true, name: 'https://a.example/s.mp3' }) } : {}),
          }
          const first = checkOrder({ values: { ...values, model }, ...media }, account)
          if (first.order === undefined) return
          resolvedCount += 1
          const again = checkOrder({ values: { ...first.order }, ...media }, account)
          expect(again.order).toEqual(first.order)
          for (const each of again.problems) expect(first.problems).toContainEqual(each)
        },
      ),
      { numRuns: 3000 },
    )
    expect(resolvedCount).toBeGreaterThan(200)
  })

  it('becomes a request that holds only catalogue paths, each value of its type', () => {
    let builtCount = 0
    fc.assert(
      fc.property(likely, ({ model, values, references }) => {
        const account = { family: familyOf(model) }
        const { order } = checkOrder({ values: { ...values, model }, references }, account)
        if (order === undefined) return
        builtCount += 1
        const media = references.map(({ kind }, index) => ({ kind, url: `https://a.example/${index}` }))
        const { body } = buildRequest(order, { references: media })
        const found = findModel(model)
        const allowed = new Map<string, string>([
          ['model', 'text'],
          ...(found?.parameters ?? []).map((each) => [each.path, each.type] as const),
          ...(found?.slots ?? []).map((each) => [each.path, each.isList ? 'list' : 'text'] as const),
        ])
        const sent = leaves(body)
        for (const [path, value] of sent)
          expect(`${path} ${typeOf(value)}`).toBe(`${path} ${allowed.get(path)}`)
        const urls = sent
          .flatMap(([, value]) => value)
          .filter((each) => String(each).startsWith('https://a.example/'))
        expect(urls).toHaveLength(references.length)
        expect(JSON.parse(JSON.stringify(body))).toEqual(body)
      }),
      { numRuns: 3000 },
    )
    expect(builtCount).toBeGreaterThan(200)
  })
})

describe('any price', () => {
  const order = fc.record({
    model: modelId,
    quality: fc.constantFrom('480p', '720p', '1080p'),
    generate_audio: fc.boolean(),
  })
  const clips = fc.array(
    fc.oneof(
      fc.nat(60_000).map((durationMs) => video({ durationMs })),
      fc.constant<ReferenceFacts>({ name: 'https://a.example/v.mp4', kind: 'video', isAddress: true }),
      fc.constant(picture()),
    ),
    { maxLength: 5 },
  )

  it('never falls when the clip gets longer, is whole, not negative, and low is at most high', () => {
    fc.assert(
      fc.property(
        order,
        clips,
        fc.integer({ min: 0, max: 29 }),
        fc.integer({ min: 0, max: 9 }),
        (given, references, duration, more) => {
          const at = (seconds: number) =>
            priceOf({ ...given, prompt: 'x', duration: seconds } as ResolvedOrder, references)
          const [short, long] = [at(duration), at(duration + more)]
          expect(short === undefined).toBe(long === undefined)
          if (short === undefined || long === undefined) return
          expect(Number.isSafeInteger(short.lowMicros) && Number.isSafeInteger(short.highMicros)).toBe(true)
          expect(short.lowMicros).toBeGreaterThanOrEqual(0)
          expect(short.lowMicros).toBeLessThanOrEqual(short.highMicros)
          expect(long.lowMicros).toBeGreaterThanOrEqual(short.lowMicros)
          expect(long.highMicros).toBeGreaterThanOrEqual(short.highMicros)
        },
      ),
    )
  })

  it('lies within the range given for an address once its length is known', () => {
    fc.assert(
      fc.property(order, fc.array(fc.nat(60_000), { minLength: 1, maxLength: 5 }), (given, lengths) => {
        const whole = { ...given, prompt: 'x', duration: 5 } as ResolvedOrder
        const account = {
          family: familyOf(given.model),
          isPractice: false,
          currency: 'usd',
          prices: { [given.model]: 70_000 },
        } as const
        const known = estimate(
          whole,
          lengths.map((durationMs) => video({ durationMs })),
          account,
        )
        const unknown = estimate(
          whole,
          lengths.map(() => ({ name: 'v', kind: 'video' as const, isAddress: true })),
          account,
        )
        expect(known.lowMicros).toBeGreaterThanOrEqual(unknown.lowMicros ?? Number.NaN)
        expect(known.highMicros).toBeLessThanOrEqual(unknown.highMicros ?? Number.NaN)
      }),
    )
  })
})

/** Every leaf of a body by its dotted path. */
function leaves(value: Record<string, unknown>, before = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([key, each]) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? leaves(each as Record<string, unknown>, `${before}${key}.`)
      : [[`${before}${key}`, each] as [string, unknown]],
  )
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'boolean') return 'boolean'
  return Number.isInteger(value) ? 'integer' : typeof value === 'string' ? 'text' : 'wrong'
}
