import { describe, expect, test } from 'vitest'
import { DOORS } from './doors.ts'
import { attackDoor, loadDoor } from './harness.ts'

describe('the harness catches a door that', () => {
  test.each([
    ['hangs', 'hang', 'hang'],
    ['waits for ever', 'waits', 'hang'],
    ['throws something bare', 'throws', 'threw'],
    ['forgets a promise that fails', 'rejects', 'unhandled'],
    ['ends the process', 'exits', 'exit'],
    ['eats memory', 'eats-memory', 'memory'],
    ['fills the heap', 'eats-heap', 'memory'],
    ['writes outside of its folder', 'writes-outside', 'outside'],
    ['says the key', 'leaks', 'leak'],
    ['writes the key into a file', 'leaks-into-file', 'leak'],
  ])('%s', async (_what, name, kind) => {
    const { violations } = await attackDoor(`planted/${name}.ts`, {
      seed: 7,
      count: 60,
      most: 1,
      isShrunk: false,
    })
    expect(violations[0]).toMatchObject({ kind, seed: 7 })
  })

  test('an input that fails is made as small as it can be, and fails again by its number', async () => {
    const { violations } = await attackDoor('planted/throws.ts', { seed: 7, count: 60, most: 1 })
    const [found] = violations
    expect(found?.input).toBe('"x"')
    const again = await attackDoor('planted/throws.ts', { seed: 7, count: 1, from: found?.index ?? -1 })
    expect(again.violations).toHaveLength(1)
  })
})

describe('hostile input', () => {
  test.each(DOORS)('%s', async (name) => {
    const door = await loadDoor(`${name}.ts`)
    const { violations, inputs } = await attackDoor(`${name}.ts`, { seed: 1, count: door.inputs.short })
    expect(violations).toEqual([])
    expect(inputs).toBe(door.inputs.short)
  })
})
