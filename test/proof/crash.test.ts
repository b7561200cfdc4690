import { afterAll, describe, expect, it } from 'vitest'
import { proof } from './crash.ts'

const cases = await proof.cases({ isLong: false, seed: '1' })

describe.concurrent('the core, killed without warning and started again', () => {
  for (const { name, run } of cases) {
    it(name, async () => {
      expect((await run()).violations).toEqual([])
    })
  }
  afterAll(() => void proof.close?.())
})
