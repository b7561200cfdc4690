import fc from 'fast-check'
import type { FuzzDoor } from '../door.ts'

/** Broken on purpose: ends the process. */
export const door: FuzzDoor<number> = {
  name: 'planted-exits',
  memoryMb: 128,
  inputs: { short: 20, long: 20 },
  arbitrary: fc.integer({ min: 0, max: 100 }),
  attack: async (input) => {
    if (input > 30) process.exit(3)
  },
}
