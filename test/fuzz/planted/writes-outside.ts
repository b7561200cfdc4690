import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import type { FuzzDoor } from '../door.ts'

/** Broken on purpose: takes a name as it comes. */
export const door: FuzzDoor<string> = {
  name: 'planted-writes-outside',
  memoryMb: 128,
  inputs: { short: 40, long: 40 },
  arbitrary: fc.constantFrom('clip', 'take', '../clip'),
  attack: async (name, { inside }) => writeFileSync(join(inside, `${name}.txt`), 'bytes'),
}
