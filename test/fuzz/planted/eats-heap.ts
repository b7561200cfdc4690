import fc from 'fast-check'
import type { FuzzDoor } from '../door.ts'

/** Broken on purpose: fills the heap at one go. */
export const door: FuzzDoor<number> = {
  name: 'planted-eats-heap',
  memoryMb: 64,
  inputs: { short: 20, long: 20 },
  arbitrary: fc.integer({ min: 0, max: 100 }),
  attack: async (input) => {
    const kept: string[] = []
    while (input > 30) kept.push(`${kept.length}`.repeat(100).toUpperCase())
  },
}
