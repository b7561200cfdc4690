import { Readable } from 'node:stream'

/** Bytes whose number is known before the first one is read. */
export interface SizedSource {
  sizeBytes: number
  stream(): NodeJS.ReadableStream
}

export interface SizedStream {
  /** Exact number of bytes that `stream` gives. */
  length: number
  /** A new stream from the beginning, each time it is called. */
  stream(): Readable
}

/** A chunk of this many bytes, a multiple of 3, is the most that is encoded at once. */
const SLICE_BYTES = 3 * 16 * 1024

/**
 * `data:<type>;base64,…` of any size in flat memory (RFC 2397, https://www.rfc-editor.org/rfc/rfc2397). The
 * stream fails when the source gives more or fewer bytes than it promised: a length once sent cannot change.
 */
export function dataUri(source: SizedSource, mediaType: string): SizedStream {
  const start = `data:${mediaType};base64,`
  const length = Buffer.byteLength(start) + Math.ceil(source.sizeBytes / 3) * 4
  return { length, stream: () => Readable.from(encode(source, start), { objectMode: false }) }
}

async function* encode(source: SizedSource, start: string): AsyncGenerator<Buffer> {
  yield Buffer.from(start)
  let rest: Buffer = Buffer.alloc(0)
  let given = 0
  for await (const chunk of source.stream() as AsyncIterable<Buffer>) {
    given += chunk.length
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const whole = bytes.length - (bytes.length % 3)
    yield* slices(bytes, whole)
    // A copy of the one or two bytes that wait for the next chunk: the source may use its memory again.
    rest = Buffer.from(bytes.subarray(whole))
  }
  if (rest.length > 0) yield Buffer.from(rest.toString('base64'), 'latin1')
  if (given !== source.sizeBytes) {
    throw new Error(`a reference gave ${given} bytes where ${source.sizeBytes} were promised`)
  }
}

function* slices(bytes: Buffer, end: number): Generator<Buffer> {
  for (let at = 0; at < end; at += SLICE_BYTES) {
    yield Buffer.from(bytes.toString('base64', at, Math.min(at + SLICE_BYTES, end)), 'latin1')
  }
}
