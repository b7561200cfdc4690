import { describe, expect, it } from 'vitest'
import {
  CATALOGUE_VERSION,
  FIELDS,
  findModel,
  MODELS,
  nearestModels,
} from '../../../src/shared/models/catalogue.ts'
import { frameOf, sizesOf, tierOfSize, WAN26_SIZES, WAN27_SIZES } from '../../../src/shared/models/sizes.ts'
import { SOURCES } from '../../../src/shared/models/sources.ts'
import { MODEL_IDS } from './orders.ts'

describe('catalogue', () => {
  it('has the ten documented models, the first release’s four first', () => {
    expect(MODELS.map((each) => each.id).toSorted()).toEqual(MODEL_IDS.toSorted())
    expect(MODELS.filter((each) => each.inFirstRelease).map((each) => each.id)).toEqual([
      'wan2.6-reference-video',
      'wan2.6-reference-video-flash',
      'wan2.6-image-to-video-flash',
      'wan26_r2v',
    ])
    expect(MODELS.slice(0, 4).every((each) => each.inFirstRelease)).toBe(true)
    expect(CATALOGUE_VERSION).toMatch(/^\d{4}-\d\d-\d\d\.\d+$/)
  })

  it.each(MODELS.map((model) => [model.id, model] as const))(
    '%s: every fact has a page and a help text',
    (_id, model) => {
      const facts = [
        ...model.parameters,
        ...model.slots,
        ...(model.audio === undefined ? [] : [model.audio]),
        ...model.notOffered.map((each) => ({ ...each, help: each.why })),
      ]
      for (const fact of facts) {
        expect(fact.sources.length, fact.path).toBeGreaterThan(0)
        for (const id of fact.sources) expect(SOURCES[id]).toMatch(/^https:\/\//)
        expect(fact.help, fact.path).toMatch(/\.$/)
      }
      for (const slot of [...model.slots, ...(model.audio === undefined ? [] : [model.audio])])
        for (const kind of slot.kinds) expect(slot.limits[kind]?.sources.length).toBeGreaterThan(0)
      expect(model.sources.length).toBeGreaterThan(0)
      expect(model.output.sources.length).toBeGreaterThan(0)
      if (model.successor !== undefined) expect(findModel(model.successor)).toBeDefined()
    },
  )

  it.each(MODELS.map((model) => [model.id, model] as const))(
    '%s: fields are canonical, paths unique, defaults allowed',
    (_id, model) => {
      const fields = model.parameters.map((each) => each.field)
      expect(new Set(fields).size).toBe(fields.length)
      for (const field of fields) expect(FIELDS).toContain(field)
      const paths = model.parameters.map((each) => each.path)
      expect(new Set(paths).size).toBe(paths.length)
      for (const { values, minimum, maximum, default: byDefault, alwaysSent, extended } of model.parameters)
        for (const value of [byDefault, alwaysSent]) {
          if (value === undefined) continue
          if (values !== undefined) expect(values).toContain(value)
          if (typeof value !== 'number') continue
          expect(value).toBeGreaterThanOrEqual(minimum ?? value)
          expect(value).toBeLessThanOrEqual(maximum ?? value)
          expect(value).toBeGreaterThanOrEqual(extended?.minimum ?? value)
        }
    },
  )

  it('always sends what decides a price or a shape', () => {
    for (const model of MODELS) {
      const sent = model.parameters.filter((each) => each.alwaysSent !== undefined).map((each) => each.field)
      const deciding = ['duration', 'quality', 'aspect_ratio', 'size'] as const
      for (const field of deciding)
        if (model.parameters.some((each) => each.field === field)) expect(sent, model.id).toContain(field)
    }
  })

  it('prints the frames of Wan 2.6 and 2.7', () => {
    expect(sizesOf(WAN26_SIZES)).toEqual([
      '1280*720',
      '720*1280',
      '960*960',
      '1088*832',
      '832*1088',
      '1920*1080',
      '1080*1920',
      '1440*1440',
      '1632*1248',
      '1248*1632',
    ])
    expect(sizesOf(WAN27_SIZES)).toEqual([
      '1280*720',
      '720*1280',
      '960*960',
      '1104*832',
      '832*1104',
      '1920*1080',
      '1080*1920',
      '1440*1440',
      '1648*1248',
      '1248*1648',
    ])
  })

  it.each([
    ['Wan 2.6', WAN26_SIZES],
    ['Wan 2.7', WAN27_SIZES],
  ])('%s: every size names one tier and ratio, and its sides are near the ratio', (_title, table) => {
    for (const [quality, row] of Object.entries(table))
      for (const [ratio, size] of Object.entries(row)) {
        expect(tierOfSize(table, size)).toEqual({ quality, ratio })
        const frame = frameOf(size)
        const [wide = 0, high = 0] = ratio.split(':').map(Number)
        expect((frame?.width ?? 0) / (frame?.height ?? 1)).toBeCloseTo(wide / high, 1)
      }
  })

  it('vr-10: tells people to put one subject into each file', () => {
    expect(findModel('wan26_r2v')?.slots[0]?.help).toContain('one subject per file')
  })

  it('finds names that are nearly right', () => {
    expect(nearestModels('wan 2.6 reference video')[0]).toBe('wan2.6-reference-video')
    expect(nearestModels('wan2.6-r2v', 'vtrix')).toEqual(['wan26_r2v'])
    expect(nearestModels('x'.repeat(100_000))).toHaveLength(3)
  })
})
