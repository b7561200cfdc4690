import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { compareWithOrder } from '../../src/main/core/archive/compare.ts'
import { refuseContent, sniff } from '../../src/main/core/archive/content.ts'
import { inspectClip } from '../../src/main/core/archive/inspect.ts'
import { type FuzzDoor, fastClock, insist, insistProblem, insistProblemError } from './door.ts'
import { bytesOf, type Mutant, mutantOf } from './hostile.ts'

const CLIPS = [
  'resources/practice/480-832.mp4',
  'resources/practice/1280-720.mp4',
  'test/fixtures/media/rotated.mp4',
  'test/fixtures/media/small.mov',
  'test/fixtures/media/small.webm',
  'test/fixtures/media/sound-only.mp4',
  'test/fixtures/media/twenty-minutes.mp4',
]

type Input =
  | { mutant: Mutant; contentType: string | null }
  | { random: Uint8Array; contentType: string | null }
const contentType = fc.constantFrom(null, '', 'video/mp4', 'text/html; charset=x', ';;;', 'a'.repeat(9_000))

/** What came over a link: the container of a finished download. */
export const door: FuzzDoor<Input> = {
  name: 'containers',
  // The parser's own thread may fill 512 MB before it is ended.
  memoryMb: 900,
  inputs: { short: 40, long: 3_000 },
  arbitrary: fc.oneof(
    { weight: 8, arbitrary: fc.record({ mutant: mutantOf(CLIPS), contentType }) },
    { weight: 1, arbitrary: fc.record({ random: fc.uint8Array({ maxLength: 400 }), contentType }) },
  ),
  attack: async (input, { inside, saw }) => {
    const bytes = 'mutant' in input ? bytesOf(input.mutant) : Buffer.from(input.random)
    const file = join(inside, 'clip.mp4.part')
    writeFileSync(file, bytes)
    try {
      sniff(bytes.subarray(0, 512))
      saw(refuseContent(bytes.subarray(0, 512), input.contentType, input.contentType))
      const facts = await inspectClip(file, fastClock).catch(
        (error: unknown) => void saw(insistProblemError(error)),
      )
      if (!facts) return
      for (const [fact, value] of Object.entries(facts))
        if (typeof value === 'number')
          insist(
            Number.isFinite(value) && value >= 0 && value <= Number.MAX_SAFE_INTEGER,
            `${fact} is ${value}`,
          )
      insist(
        Number.isInteger(facts.width) && Number.isInteger(facts.height),
        'a size that is no whole number',
      )
      const order = { durationSeconds: 5, width: 480, height: 832, expectsSound: true }
      const differs = compareWithOrder(facts, order, 'clip.mp4')
      if (differs) insistProblem(differs)
    } finally {
      rmSync(file, { force: true })
    }
  },
}
