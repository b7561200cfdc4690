import { pipeline } from 'node:stream/promises'
import { crc32, createDeflateRaw } from 'node:zlib'
import type { Draft } from './table.ts'

/**
 * A zip archive that is written while its files are made: none of them is ever in memory. Sizes and checksum of a
 * file are known at its end and then written into its head, so that readers of every kind find them there.
 * Layout: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.7 and 4.3.12 to 4.3.16.
 */
export class ZipWriter {
  private readonly draft: Draft
  private readonly entries: Entry[] = []

  constructor(draft: Draft) {
    this.draft = draft
  }

  /** Adds a file. Throws `TooLarge` when it passes what a zip without extensions can hold. */
  async add(name: string, pieces: AsyncIterable<string> | Iterable<string>): Promise<void> {
    const entry: Entry = { name, checksum: 0, sizeBytes: 0, packedBytes: 0, position: this.draft.position }
    await this.draft.write(localHead(entry))
    const start = this.draft.position
    await pipeline(measure(pieces, entry), createDeflateRaw({ level: LEVEL }), async (packed) => {
      for await (const chunk of packed) {
        await this.draft.write(chunk as Uint8Array)
        limit(this.draft.position)
      }
    })
    entry.packedBytes = this.draft.position - start
    await this.draft.patch(entry.position, localHead(entry))
    this.entries.push(entry)
  }

  async end(): Promise<void> {
    const start = this.draft.position
    for (const entry of this.entries) await this.draft.write(centralHead(entry))
    limit(this.draft.position)
    await this.draft.write(endOfArchive(this.entries.length, start, this.draft.position - start))
  }
}

/** Past this a zip needs extensions that not every program knows. */
export class TooLarge extends Error {}

interface Entry {
  name: string
  checksum: number
  sizeBytes: number
  packedBytes: number
  position: number
}

/** Half the time of the usual level, for a few hundredths more bytes. */
const LEVEL = 3
const MOST_BYTES = 0xffff_ffff
/** Packing in small steps leaves the thread that packs free for others in between. */
const PIECE_BYTES = 65_536

function limit(bytes: number): void {
  if (bytes > MOST_BYTES) throw new TooLarge('The archive passes 4 GiB.')
}

async function* measure(pieces: AsyncIterable<string> | Iterable<string>, entry: Entry) {
  for await (const piece of pieces) {
    const bytes = Buffer.from(piece)
    entry.checksum = crc32(bytes, entry.checksum)
    entry.sizeBytes += bytes.byteLength
    limit(entry.sizeBytes)
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
  }
}

/** 1980-01-01, the earliest there is: equal tables give equal files. */
const EARLIEST_DATE = 0x21
const NEEDED_VERSION = 20
const NAMES_ARE_UTF8 = 0x0800
const DEFLATE = 8

/** Fields that the head of a file and its line in the directory share, in their order. */
function facts({ checksum, packedBytes, sizeBytes, name }: Entry): Buffer {
  const bytes = Buffer.alloc(24)
  bytes.writeUInt16LE(NEEDED_VERSION, 0)
  bytes.writeUInt16LE(NAMES_ARE_UTF8, 2)
  bytes.writeUInt16LE(DEFLATE, 4)
  bytes.writeUInt16LE(EARLIEST_DATE, 8)
  bytes.writeUInt32LE(checksum, 10)
  bytes.writeUInt32LE(packedBytes, 14)
  bytes.writeUInt32LE(sizeBytes, 18)
  bytes.writeUInt16LE(Buffer.byteLength(name), 22)
  return bytes
}

const localHead = (entry: Entry): Buffer =>
  Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), facts(entry), Buffer.alloc(2), Buffer.from(entry.name)])

function centralHead(entry: Entry): Buffer {
  const rest = Buffer.alloc(16)
  rest.writeUInt32LE(entry.position, 12)
  const madeBy = Buffer.from([NEEDED_VERSION, 0])
  return Buffer.concat([
    Buffer.from('PK\x01\x02', 'latin1'),
    madeBy,
    facts(entry),
    rest,
    Buffer.from(entry.name),
  ])
}

function endOfArchive(count: number, position: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(22)
  bytes.write('PK\x05\x06', 'latin1')
  bytes.writeUInt16LE(count, 8)
  bytes.writeUInt16LE(count, 10)
  bytes.writeUInt32LE(sizeBytes, 12)
  bytes.writeUInt32LE(position, 16)
  return bytes
}
