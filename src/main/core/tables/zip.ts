import { Readable } from 'node:stream'
import { ZipFile } from 'yazl'
import type { Draft } from './table.ts'

export interface ZipEntry {
  name: string
  pieces: AsyncIterable<string> | Iterable<string>
}

/** Past this a zip needs extensions that not every spreadsheet program knows. */
export class TooLarge extends Error {}

/**
 * Writes a zip archive while its files are made, one after the other: none of them is ever in memory. Throws
 * what making a piece throws, or `TooLarge`.
 */
export async function writeZip(entries: readonly ZipEntry[], draft: Draft): Promise<void> {
  const zip = new ZipFile()
  const sources = entries.map(({ pieces }) => Readable.from(toBytes(pieces), { objectMode: false }))
  for (const [index, { name }] of entries.entries()) {
    zip.addReadStreamLazy(name, OPTIONS, (give) => give(null, sources[index] as Readable))
  }
  zip.end()
  const packed = zip.outputStream as Readable
  // The archive does not end by itself when one of its files does not.
  for (const source of sources) source.on('error', (cause) => packed.destroy(cause))
  try {
    for await (const chunk of packed) {
      await draft.write(chunk as Uint8Array)
      limit(draft.position)
    }
  } finally {
    for (const source of sources) source.destroy()
  }
}

/** A fixed date, the earliest that a zip can say: equal tables give equal files. */
const OPTIONS = {
  mtime: new Date(315_532_800_000),
  forceDosTimestamp: true,
  // Half the time of the usual level, for a few hundredths more bytes.
  compressionLevel: 3,
}
const MOST_BYTES = 0xffff_ffff
/** Packing in small steps leaves the thread that packs free for others in between. */
const PIECE_BYTES = 65_536

function limit(bytes: number): void {
  if (bytes > MOST_BYTES) throw new TooLarge('The archive passes 4 GiB.')
}

async function* toBytes(pieces: AsyncIterable<string> | Iterable<string>): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0
  for await (const piece of pieces) {
    const bytes = Buffer.from(piece)
    sizeBytes += bytes.byteLength
    limit(sizeBytes)
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
  }
}
