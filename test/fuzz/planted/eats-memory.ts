import fc from 'fast-check'
import type { FuzzDoor } from '../door.ts'

const eaten: Uint8Array[] = []

/** Broken on purpose: keeps 16 MB for every input, where no heap limit sees it. */
export const door: FuzzDoor<number> = {
  name: 'planted-eats-memory',
  memoryMb: 96,
  inputs: { short: 30, long: 30 },
  arbitrary: fc.integer({ min: 1, max: 255 }),
  attack: async (input) => {
    eaten.push(new Uint8Array(16_000_000).fill(input))
  },
}
