import fc from 'fast-check'
import { CANARY, type FuzzDoor } from '../door.ts'

/** Broken on purpose: quotes the key in an answer. */
export const door: FuzzDoor<number> = {
  name: 'planted-leaks',
  memoryMb: 128,
  inputs: { short: 20, long: 20 },
  arbitrary: fc.integer({ min: 0, max: 100 }),
  attack: async (input, { saw }) => saw({ deep: { down: input > 30 ? `Bearer ${CANARY}` : 'nothing' } }),
}
