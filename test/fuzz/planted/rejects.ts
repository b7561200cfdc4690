import fc from 'fast-check'
import type { FuzzDoor } from '../door.ts'

/** Broken on purpose: forgets a promise that fails. */
export const door: FuzzDoor<number> = {
  name: 'planted-rejects',
  memoryMb: 128,
  inputs: { short: 20, long: 20 },
  arbitrary: fc.integer({ min: 0, max: 100 }),
  attack: async (input) => {
    if (input > 30) void Promise.reject(new Error('nobody hears this'))
  },
}
