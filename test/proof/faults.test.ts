import { afterAll, describe, expect, it } from 'vitest'
import { proof } from './faults.ts'

const cases = await proof.cases({ isLong: false, seed: '1' })

describe.concurrent('faults, alone and in pairs', () => {
  for (const { name, run } of cases) {
    it(name, async () => {
      expect((await run()).violations).toEqual([])
    })
  }
  afterAll(() => void proof.close?.())
})
