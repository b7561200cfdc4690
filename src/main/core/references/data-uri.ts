import { Readable, Transform, type TransformCallback } from 'node:stream'

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
  const input = source.stream()
  const encoder = new Base64Encoder()
  input.on('error', (error) => encoder.destroy(error))
  input.pipe(encoder)
  try {
    yield* encoder as AsyncIterable<Buffer>
  } finally {
    if ('destroy' in input && typeof input.destroy === 'function') input.destroy()
  }
  if (encoder.bytesIn !== source.sizeBytes) {
    throw new Error(`a reference gave ${encoder.bytesIn} bytes where ${source.sizeBytes} were promised`)
  }
}

/** Base64 of a byte stream: whole groups of three go on at once, one or two bytes wait for the next chunk. */
export class Base64Encoder extends Transform {
  bytesIn = 0
  #rest: Buffer = Buffer.alloc(0)

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.bytesIn += chunk.length
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const whole = bytes.length - (bytes.length % 3)
    for (let at = 0; at < whole; at += SLICE_BYTES) {
      this.push(Buffer.from(bytes.toString('base64', at, Math.min(at + SLICE_BYTES, whole)), 'latin1'))
    }
    // A copy: the caller may use the chunk's memory again.
    this.#rest = Buffer.from(bytes.subarray(whole))
    done()
  }

  override _flush(done: TransformCallback): void {
    if (this.#rest.length > 0) this.push(Buffer.from(this.#rest.toString('base64'), 'latin1'))
    done()
  }
}
