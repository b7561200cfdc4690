import { expect, it } from 'vitest'
import { waitForHashTurn } from '../../../src/main/core/archive/hash-turns.ts'

it('lets the event loop turn between the batches of many downloads', async () => {
  const seen: string[] = []
  let goesOn = true
  const turn = () => {
    seen.push('turn')
    if (goesOn) setImmediate(turn)
  }
  setImmediate(turn)
  const hash = async () => {
    await waitForHashTurn(1024 * 1024)
    seen.push('hash')
  }
  await Promise.all([hash(), hash(), hash(), hash()])
  goesOn = false
  expect(seen.filter((one) => one === 'hash')).toHaveLength(4)
  expect(seen.join(' ')).not.toContain('hash hash')
})
