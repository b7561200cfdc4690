import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fingerprints, fingerprintOf } from '../../../src/main/core/sheets/fingerprint.ts'

const order = { prompt: 'A boat "sails"', model: 'wan2.6-image-to-video-flash', duration: 5, quality: '720p' }
const address = { sha256: null, address: 'https://example.com/a.jpg' }
const file = { sha256: 'ab'.repeat(32), address: null }

describe('fingerprints', () => {
  it('stay what they are: rows of earlier imports are recognised by them', () => {
    expect(fingerprintOf(order, [file, address], null)).toBe(
      'b5ff1cce16caac26f7e7be306a586e969536c6f4d82353bf682c51d98582fd16',
    )
    expect(fingerprintOf(order, [], address)).toBe(
      '7b9b3998a38169c40893a8e3c9666022af709e232e1f5b3d2eaceea154c18893',
    )
  })

  it('of orders that differ in their prompt alone are those of the orders', () => {
    const prompt = fc.oneof(
      fc.string(),
      fc.constantFrom('', '"prompt":""', '\\"prompt\\":\\"\\"', '\ud800', '\u2028'),
    )
    fc.assert(
      fc.property(fc.array(prompt, { minLength: 1, maxLength: 4 }), prompt, (prompts, negative) => {
        const fingerprints = new Fingerprints()
        const alike = {}
        for (const one of prompts) {
          const mine = { ...order, negative_prompt: negative, prompt: one }
          expect(fingerprints.of(mine, [file], null, alike)).toBe(fingerprintOf(mine, [file], null))
        }
      }),
    )
  })
})
