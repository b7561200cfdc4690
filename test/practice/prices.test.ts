import { expect, test } from 'vitest'
import { inputMs, priceEvolink, priceVtrix, toAmountText } from '../../src/practice/prices.ts'

const R2V = 'wan2.6-reference-video'
const FLASH = `${R2V}-flash`
const I2V_FLASH = 'wan2.6-image-to-video-flash'

/** The published worked examples: model, reference seconds, duration, quality, sound, credits. */
test.each([
  [R2V, [12], 5, '720p', true, 47.6],
  [R2V, [2, 8], 10, '1080p', true, 115.2634],
  [FLASH, [3], 2, '720p', false, 9],
  [I2V_FLASH, [], 15, '1080p', true, 59.619],
  [I2V_FLASH, [], 2, '720p', false, 6],
])(
  '%s with references of %j s, %i s at %s, sound %s costs %d credits',
  (model, seconds, duration, quality, hasSound, credits) => {
    const referenceMs = seconds.map((value) => value * 1000)
    const micros = priceEvolink({ model, referenceMs, outputSeconds: duration, quality, hasSound })
    expect(micros).toBe(Math.round(credits * 1_000_000))
  },
)

test('the cap on input shrinks with the number of reference videos', () => {
  expect(inputMs(R2V, [12_000])).toBe(5000)
  expect(inputMs(R2V, [2000, 8000])).toBe(4500)
  expect(inputMs(R2V, [30_000, 30_000, 30_000])).toBe(4950)
})

test('a reference that nobody could measure counts with its cap', () => {
  expect(inputMs(R2V, [undefined, undefined])).toBe(5000)
  expect(inputMs(I2V_FLASH, [undefined])).toBe(0)
})

test('Wan 2.7 caps the sum of its references, not each of them', () => {
  expect(inputMs('wan2.7-reference-video', [1000, 3000])).toBe(4000)
  expect(inputMs('wan2.7-reference-video', [4000, 3000])).toBe(5000)
})

test('half a uc is rounded up, as the price catalogue says', () => {
  // 2.001 s x 23,800 uc x 1.67 = 79,531.746 uc; 2.0 s in: (2001 + 2000) ms x 47,600 = 190,447.6 uc.
  const charge = { referenceMs: [2001], outputSeconds: 2, quality: '720p', hasSound: true }
  expect(priceEvolink({ ...charge, model: R2V })).toBe(19_044_800)
})

test('Vtrix costs its invented price per second by the tier of the frame', () => {
  expect(priceVtrix(1280, 720, 5)).toBe(500_000)
  expect(priceVtrix(1088, 832, 5)).toBe(500_000)
  expect(priceVtrix(1440, 1440, 10)).toBe(1_500_000)
  expect(toAmountText(500_000)).toBe('0.50')
  expect(toAmountText(1_234_500)).toBe('1.2345')
})
