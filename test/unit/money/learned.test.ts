import { describe, expect, it } from 'vitest'
import { type ChargedLine, learnPrices } from '../../../src/main/core/money/learned.ts'

const line = (more: Partial<ChargedLine> = {}): ChargedLine => ({
  model: 'wan26_r2v',
  quality: '720p',
  seconds: 5,
  isSilent: false,
  chargedMicros: 500_000,
  ...more,
})

describe('prices learned from charged clips', () => {
  it('one clip is enough; its price is of one second', () => {
    expect(learnPrices([line()])).toEqual({
      prices: { 'wan26_r2v:720p': 100_000 },
      counts: { 'wan26_r2v:720p': 1 },
    })
  })

  it('takes the median, so that one odd charge decides nothing', () => {
    const lines = [500_000, 90_000_000, 510_000].map((chargedMicros) => line({ chargedMicros }))
    expect(learnPrices(lines)).toEqual({
      prices: { 'wan26_r2v:720p': 102_000 },
      counts: { 'wan26_r2v:720p': 3 },
    })
    expect(learnPrices(lines.slice(0, 2)).prices).toEqual({ 'wan26_r2v:720p': 9_050_000 })
  })

  it('keeps models, tiers and silent clips apart', () => {
    const { prices } = learnPrices([
      line(),
      line({ quality: '1080p', chargedMicros: 750_000 }),
      line({ isSilent: true, chargedMicros: 250_000 }),
      line({ model: 'other', seconds: 2 }),
    ])
    expect(prices).toEqual({
      'wan26_r2v:720p': 100_000,
      'wan26_r2v:1080p': 150_000,
      'wan26_r2v:720p:silent': 50_000,
      'other:720p': 250_000,
    })
  })

  it('rounds up to whole micros, so that a cap is never passed by rounding', () => {
    expect(learnPrices([line({ seconds: 3, chargedMicros: 200_000 })]).prices).toEqual({
      'wan26_r2v:720p': 66_667,
    })
  })

  it('learns nothing from lines without a length or a charge', () => {
    const lines = [line({ seconds: 0 }), line({ chargedMicros: 0 }), line({ seconds: Number.NaN })]
    expect(learnPrices(lines)).toEqual({ prices: {}, counts: {} })
    expect(learnPrices([])).toEqual({ prices: {}, counts: {} })
  })
})
