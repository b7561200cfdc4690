import fc from 'fast-check'
import type { FuzzDoor } from '../door.ts'

/** Broken on purpose: throws a bare error for texts with an x. */
export const door: FuzzDoor<string> = {
  name: 'planted-throws',
  memoryMb: 128,
  inputs: { short: 60, long: 60 },
  arbitrary: fc.string({ unit: fc.constantFrom('a', 'b', 'x') }),
  attack: async (input) => {
    if (input.includes('x')) throw new TypeError('x is not a function')
  },
}
