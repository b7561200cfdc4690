import { afterAll, describe, expect, it } from 'vitest'
import { powerCases, tidyPower } from './power.ts'
import { loseArchive } from './power-archive.ts'
import { whyNoTrace } from './power-trace.ts'

describe('the archive loses power at any call', () => {
  const BATCHES = 10
  const EACH = 20

  it.each(Array.from({ length: BATCHES }, (_, batch) => batch))('cases of batch %i', async (batch) => {
    let losses = 0
    for (let number = 1; number <= EACH; number++) {
      const seed = `archive/${batch * EACH + number}`
      const lost = await loseArchive(seed)
      expect(lost.violations, seed).toEqual([])
      losses += lost.losses
    }
    expect(losses).toBeGreaterThanOrEqual(EACH)
  })
})

const reason = whyNoTrace()
const cases = powerCases({ isLong: false, seed: '1' })

describe.skipIf(reason !== null)(
  `the core loses power at any moment${reason ? ` (left out: ${reason})` : ''}`,
  () => {
    afterAll(tidyPower)

    it.each(cases)('$name', async ({ run }) => {
      const { violations, counts } = await run()
      expect(violations).toEqual([])
      expect(counts['power losses']).toBeGreaterThan(0)
    })
  },
)
