import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { probe, probeBytes } from '../../src/main/core/references/probe.ts'
import { createReferenceStore } from '../../src/main/core/references/store.ts'
import { type FuzzDoor, fastClock, insist, insistProblemError } from './door.ts'
import { bytesOf, type Mutant, mutantOf } from './hostile.ts'

export const MEDIA_FILES = [
  'resources/practice/480-832.mp4',
  'resources/sample/media/aurora.mp4',
  'resources/sample/media/deep-dive.mp4',
  'resources/sample/media/glass-garden.jpg',
  'resources/sample/media/paper-boat.png',
  'resources/sample/media/ringed-planet.webp',
  'resources/sample/media/waltz.mp3',
  'test/fixtures/media/rotated.mp4',
  'test/fixtures/media/small.mov',
  'test/fixtures/media/small.webm',
  'test/fixtures/media/sound-only.mp4',
  'test/fixtures/media/twenty-minutes.mp4',
]

/** Pictures whose headers promise far more than they hold. */
const claimed = fc.record({
  format: fc.constantFrom('png', 'bmp', 'gif', 'webp', 'jpeg', 'png-real'),
  width: fc.constantFrom(0, 1, 16_383, 16_384, 60_000, 65_535, 0x7fff_ffff, 0xffff_ffff),
  height: fc.constantFrom(0, 1, 2_000, 16_383, 60_000, 65_535, 0x7fff_ffff, 0xffff_ffff),
})
type Claim = typeof claimed extends fc.Arbitrary<infer One> ? One : never

export function claimBytes({ format, width, height }: Claim): Buffer {
  switch (format) {
    case 'bmp': {
      const header = Buffer.alloc(138)
      header.write('BM')
      header.writeUInt32LE(54, 10)
      header.writeUInt32LE(40, 14)
      header.writeUInt32LE(width >>> 0, 18)
      header.writeUInt32LE(height >>> 0, 22)
      header.writeUInt16LE(24, 28)
      return header
    }
    case 'gif': {
      const header = Buffer.alloc(64)
      header.write('GIF89a')
      header.writeUInt16LE(width & 0xffff, 6)
      header.writeUInt16LE(height & 0xffff, 8)
      return header
    }
    case 'webp': {
      const header = Buffer.alloc(64)
      header.write('RIFF')
      header.writeUInt32LE(56, 4)
      header.write('WEBPVP8X', 8)
      header.writeUInt32LE(10, 16)
      header.writeUIntLE(width & 0xff_ffff, 24, 3)
      header.writeUIntLE(height & 0xff_ffff, 27, 3)
      return header
    }
    case 'jpeg':
      return Buffer.from([
        0xff,
        0xd8,
        0xff,
        0xc0,
        0,
        17,
        8,
        (height >> 8) & 255,
        height & 255,
        (width >> 8) & 255,
        width & 255,
        3,
        1,
        0x22,
        0,
        2,
        0x11,
        1,
        3,
        0x11,
        1,
        0xff,
        0xd9,
      ])
    case 'png-real':
      return png(width, height, deflateSync(Buffer.alloc(4_000_000)))
    default:
      return png(width, height, Buffer.alloc(20))
  }
}

function png(width: number, height: number, data: Buffer): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width >>> 0, 0)
  header.writeUInt32BE(height >>> 0, 4)
  header.set([8, 0, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const size = Buffer.alloc(4)
  size.writeUInt32BE(data.length)
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([size, body, check])
}

function crc32(bytes: Buffer): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1
  }
  return (crc ^ 0xffff_ffff) >>> 0
}

type Input =
  | { mutant: Mutant; name: string }
  | { claim: Claim; name: string }
  | { random: Uint8Array; name: string }

const name = fc.constantFrom('media', 'a.mp4', 'a.png', 'a.jpg', '-rf', 'media 你好.mov', 'a'.repeat(200))

const STORED = /^[0-9a-f]{64}$/

/** References: whatever a person (or a page in the browser) brings as a picture, a film or a sound. */
export const door: FuzzDoor<Input> = {
  name: 'media',
  memoryMb: 512,
  inputs: { short: 40, long: 2_500 },
  arbitrary: fc.oneof(
    { weight: 10, arbitrary: fc.record({ mutant: mutantOf(MEDIA_FILES), name }) },
    { weight: 2, arbitrary: fc.record({ claim: claimed, name }) },
    { weight: 1, arbitrary: fc.record({ random: fc.uint8Array({ maxLength: 600 }), name }) },
  ),
  attack: async (input, { inside, saw }) => {
    const bytes =
      'mutant' in input ? bytesOf(input.mutant) : 'claim' in input ? claimBytes(input.claim) : input.random
    const file = join(inside, input.name)
    writeFileSync(file, bytes)
    try {
      const facts = await probe(file, fastClock).catch(
        (error: unknown) => void saw(insistProblemError(error)),
      )
      await probeBytes(bytes, 'inline data', fastClock).catch(
        (error: unknown) => void saw(insistProblemError(error)),
      )
      if (facts) insistFacts(facts, bytes.length)
      const stored = await createReferenceStore(join(inside, 'references'))
        .add(file)
        .catch((error: unknown) => void insistProblemError(error))
      if (stored) insist(STORED.test(stored.sha256), 'a hash that is none')
    } finally {
      rmSync(join(inside, 'references'), { recursive: true, force: true })
      rmSync(file, { force: true })
    }
  },
}

/** Facts go into a database whose columns take whole numbers, and into prices. */
function insistFacts(facts: Awaited<ReturnType<typeof probe>>, sizeBytes: number): void {
  insist(facts.sizeBytes === sizeBytes, 'another size than the file has')
  for (const [fact, value] of Object.entries(facts)) {
    if (typeof value !== 'number') continue
    insist(Number.isFinite(value) && value >= 0, `${fact} is ${value}`)
    insist(value <= Number.MAX_SAFE_INTEGER, `${fact} is ${value}, which nothing can be`)
    insist(fact === 'framesPerSecond' || Number.isInteger(value), `${fact} is ${value}, no whole number`)
  }
}
