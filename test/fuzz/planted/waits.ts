import fc from 'fast-check'
import type { FuzzDoor } from '../door.ts'

/** Broken on purpose: waits for what never comes. */
export const door: FuzzDoor<number> = {
  name: 'planted-waits',
  memoryMb: 128,
  inputs: { short: 20, long: 20 },
  arbitrary: fc.integer({ min: 0, max: 100 }),
  attack: (input) => (input > 30 ? new Promise(() => {}) : Promise.resolve()),
}
