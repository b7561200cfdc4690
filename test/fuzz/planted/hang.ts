import fc from 'fast-check'
import type { FuzzDoor } from '../door.ts'

/** Broken on purpose: never comes back for large numbers. */
export const door: FuzzDoor<number> = {
  name: 'planted-hang',
  memoryMb: 128,
  inputs: { short: 20, long: 20 },
  arbitrary: fc.integer({ min: 0, max: 100 }),
  attack: async (input) => {
    while (input > 30) input += 1
  },
}
