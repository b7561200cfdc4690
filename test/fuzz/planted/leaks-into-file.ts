import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { CANARY, type FuzzDoor } from '../door.ts'

/** Broken on purpose: writes the key down where it may write. */
export const door: FuzzDoor<number> = {
  name: 'planted-leaks-into-file',
  memoryMb: 128,
  inputs: { short: 5, long: 5 },
  arbitrary: fc.integer({ min: 0, max: 100 }),
  attack: async (_input, { inside }) => writeFileSync(join(inside, 'reelsheet.log'), `key ${CANARY}\n`),
}
