import { afterAll, describe, expect, it } from 'vitest'
import { proof } from './mutants.ts'

const cases = await proof.cases({ isLong: false, seed: '1' })

afterAll(async () => {
  // The list with the check that caught each, as the run of the suite should show it.
  for (const line of (await proof.close?.()) ?? []) console.log(line)
})

describe.concurrent('a core that is broken on purpose is seen by the judge, and the whole core is not accused', () => {
  for (const one of cases) {
    it(one.name, async () => {
      const { violations } = await one.run()
      expect(violations).toEqual([])
    })
  }
})
