import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  HOST_LIMIT_BYTES,
  hostRefusal,
  inlineBytes,
  placeFiles,
  type TravellingFile,
} from '../../../src/shared/models/file-host.ts'
import type { AccountRules, FileHost } from '../../../src/shared/models/types.ts'
import { checkOrder } from '../../../src/shared/models/validate.ts'
import { addressed, good, picture, song, video } from './orders.ts'

const V = 'wan26_r2v'
const LIMIT = 20_000_000
const REST = 16_384
const host: FileHost = { name: 'studio', refusedKinds: [] }

const film = (sizeBytes: number): TravellingFile => ({ kind: 'video', format: 'mp4', sizeBytes })
const image = (sizeBytes: number, format = 'jpeg'): TravellingFile => ({ kind: 'image', format, sizeBytes })
const sound: TravellingFile = { kind: 'audio', format: 'mp3', sizeBytes: 30_000, isAudio: true }

const indexes = (files: TravellingFile[], given: FileHost | null = host, limit = LIMIT) => {
  const { atHost, nowhere } = placeFiles(files, limit, given)
  return { atHost: [...atHost].sort(), nowhere: [...nowhere] }
}

/** The largest file whose `data:` address leaves room for the rest of a request. */
const MOST = Math.floor((LIMIT - REST - 64) / 4) * 3

describe('where the files of a request go', () => {
  it('leaves what fits inside, to the byte, and takes one out when it does not', () => {
    expect(inlineBytes(MOST)).toBeLessThanOrEqual(LIMIT - REST)
    expect(inlineBytes(MOST + 1)).toBeGreaterThan(LIMIT - REST)
    expect(indexes([film(MOST)])).toEqual({ atHost: [], nowhere: [] })
    expect(indexes([film(MOST + 1)])).toEqual({ atHost: [0], nowhere: [] })
  })

  it('takes the largest out first, of equal ones the earlier, and no more than needed', () => {
    expect(indexes([image(5_000_000), film(9_000_000), image(6_000_000)]).atHost).toEqual([1])
    expect(indexes([film(9_000_000), film(9_000_000)]).atHost).toEqual([0])
    expect(indexes([film(9_000_000), film(9_000_001), film(8_000_000)]).atHost).toEqual([0, 1])
  })

  it('takes sounds always, and without a host nowhere', () => {
    expect(indexes([image(1000), sound])).toEqual({ atHost: [1], nowhere: [] })
    expect(indexes([image(1000), sound], null)).toEqual({ atHost: [], nowhere: [1] })
    expect(indexes([film(90_000_000)], null)).toEqual({ atHost: [], nowhere: [] })
  })

  it('goes around what the host does not take, as long as the rest fits', () => {
    const noFilms = { ...host, refusedKinds: ['video' as const] }
    expect(indexes([film(10_000_000), image(9_000_000)], noFilms)).toEqual({ atHost: [1], nowhere: [] })
    expect(indexes([film(16_000_000), image(9_000_000)], noFilms)).toEqual({ atHost: [1], nowhere: [0] })
    expect(indexes([image(9_000_000, 'bmp'), image(8_000_000)])).toEqual({ atHost: [1], nowhere: [] })
    expect(indexes([sound], { ...host, refusedKinds: ['audio'] })).toEqual({ atHost: [], nowhere: [0] })
    expect(hostRefusal(film(HOST_LIMIT_BYTES), host)).toBeNull()
    expect(hostRefusal(film(HOST_LIMIT_BYTES + 1), host)).toBe('size')
  })

  const file = fc.record({
    kind: fc.constantFrom('image' as const, 'video' as const, 'audio' as const),
    format: fc.constantFrom('jpeg', 'bmp', 'mp4', undefined),
    sizeBytes: fc.oneof(fc.nat(30_000_000), fc.nat(120_000_000), fc.constant(0)),
    isAudio: fc.boolean(),
  })
  const anyHost = fc.record({
    name: fc.constant('studio'),
    refusedKinds: fc.subarray(['image' as const, 'video' as const, 'audio' as const]),
  })

  it('is one answer for all: within the limit, the largest first, and as few as can be', () => {
    fc.assert(
      fc.property(fc.array(file, { maxLength: 6 }), fc.nat(50_000_000), anyHost, (files, limit, given) => {
        const { atHost, nowhere } = placeFiles(files, limit, given)
        expect(placeFiles(structuredClone(files), limit, { ...given })).toEqual({ atHost, nowhere })
        const inside = files.filter((_, index) => !atHost.has(index) && !nowhere.has(index))
        const total = inside.reduce((sum, { sizeBytes }) => sum + inlineBytes(sizeBytes), 0)
        expect(inside.some(({ isAudio }) => isAudio)).toBe(false)
        for (const index of atHost) expect(hostRefusal(files[index] as TravellingFile, given)).toBeNull()
        const mayGo = inside.filter((one) => hostRefusal(one, given) === null)
        const held = [...atHost].map((index) => files[index] as TravellingFile).filter((one) => !one.isAudio)
        if (nowhere.size === 0) {
          expect(total <= limit || inside.length === 0).toBe(true)
          if (total > limit - REST) expect(mayGo).toEqual([])
        }
        const smallest = Math.min(...held.map(({ sizeBytes }) => sizeBytes))
        for (const { sizeBytes } of mayGo) expect(sizeBytes).toBeLessThanOrEqual(smallest)
        if (held.length > 0 && nowhere.size === 0)
          expect(total + inlineBytes(smallest)).toBeGreaterThan(limit - REST)
      }),
      { seed: 20_261_120, numRuns: 3000 },
    )
  })
})

describe('rows of an account with a host', () => {
  const check = (given: ReturnType<typeof good>, more: Partial<AccountRules> = {}) =>
    checkOrder(given, { family: 'vtrix', fileHosts: ['studio', 'night'], ...more }).problems.filter(
      ({ code }) => code === 'reference-needs-address',
    )
  const big = () =>
    good(V, (given) => void Object.assign(given, { references: [video({ sizeBytes: 90_000_000 })] }))
  const loud = () => good(V, (given) => void Object.assign(given, { audio: song() }))

  it('are good, where they are refused without one', () => {
    for (const row of [big(), loud()]) {
      expect(check(row)).toHaveLength(1)
      expect(check(row, { fileHost: host })).toEqual([])
    }
    const address = good(V, (given) => void Object.assign(given, { audio: addressed(song()) }))
    expect(check(address)).toEqual([])
  })

  it('say which host does not take what, and offer another one', () => {
    const refusing = { fileHost: { name: 'studio', refusedKinds: ['audio' as const, 'video' as const] } }
    const [ofSound] = check(loud(), refusing)
    expect(ofSound?.what).toContain("“studio”, which holds this account's files, takes no audio")
    expect(ofSound?.fixes?.flatMap((fix) => (fix.type === 'file-host' ? fix.account : []))).toEqual(['night'])
    const [ofFilm] = check(big(), refusing)
    expect(ofFilm?.what).toContain("“studio”, which holds this account's files, takes no video")
    const bitmap = picture({ format: 'bmp', sizeBytes: 10_000_000 })
    const bitmaps = good(
      V,
      (given) => void Object.assign(given, { references: [bitmap, { ...bitmap, name: 'b.bmp' }] }),
    )
    const [ofBitmaps] = check(bitmaps, { fileHost: host })
    expect(ofBitmaps?.what).toContain('takes no BMP pictures')
    // No host takes them: none is offered.
    expect(ofBitmaps?.fixes ?? []).toEqual([])
    expect(check(bitmaps)[0]?.fixes ?? []).toEqual([])
  })

  it('every host that is offered makes its very problem go away', () => {
    const bytes = fc.oneof(fc.nat(12_000_000), fc.nat(130_000_000))
    const facts = fc.oneof(
      bytes.map((sizeBytes) => video({ sizeBytes })),
      fc
        .tuple(bytes, fc.constantFrom('jpeg', 'bmp'))
        .map(([sizeBytes, format]) => picture({ sizeBytes, format })),
    )
    let offered = 0
    fc.assert(
      fc.property(
        fc.array(facts, { minLength: 1, maxLength: 5 }),
        fc.option(
          bytes.map((sizeBytes) => song({ sizeBytes })),
          { nil: undefined },
        ),
        fc.option(fc.subarray(['image' as const, 'video' as const, 'audio' as const]), { nil: undefined }),
        (references, audio, refusedKinds) => {
          const row = good(V, (given) => {
            given.references = references.map((each, index) => ({ ...each, name: `file-${index}` }))
            if (audio) given.audio = audio
          })
          const rules = refusedKinds ? { fileHost: { name: 'studio', refusedKinds } } : {}
          for (const found of check(row, rules))
            for (const fix of found.fixes ?? []) {
              if (fix.type !== 'file-host') continue
              offered += 1
              const after = check(row, { fileHost: { name: fix.account, refusedKinds: [] } })
              expect(after.filter(({ place }) => place.column === found.place.column)).toEqual([])
            }
        },
      ),
      { seed: 20_261_120, numRuns: 1000 },
    )
    expect(offered).toBeGreaterThan(300)
  })
})
