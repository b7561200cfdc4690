import type { OnReadOpts, Socket } from 'node:net'

/** The most that one read from a connection takes. */
const BLOCK_BYTES = 256 * 1024
/** With less room than this left, a block is full: reads of a few bytes cost as much as large ones. */
const LEAST_ROOM_BYTES = 32 * 1024
/** Blocks kept for later; more than one transfer has in flight would only be idle memory. */
const MAX_FREE_BLOCKS = 32

interface Block {
  bytes: Uint8Array<ArrayBuffer>
  /** Bytes of it that hold what came. */
  filledBytes: number
  /** Bytes of it that nobody needs any more. */
  givenBackBytes: number
  /** No connection reads into it any more. */
  isFull: boolean
}

/**
 * The memory that connections read into, used again and again. Left to itself a connection makes a new buffer
 * for each read; a large file is tens of thousands of them, and collecting those costs more than the transfer.
 *
 * A block is used again only when every byte read into it was given back. What never comes back (heads of answers,
 * bodies given up, bytes that a stream copied) makes its block ordinary garbage, which is always safe.
 */
export class ReadBlocks {
  readonly #blocks = new WeakMap<ArrayBufferLike, Block>()
  readonly #free: Block[] = []
  /** The block that the connection which just read goes on with. */
  #next: Block | undefined

  /** For `net.connect` and `tls.connect`; may be shared by any number of connections. */
  readonly onread: OnReadOpts

  constructor() {
    const filled = (bytes: Uint8Array, count: number) => this.#filled(bytes, count)
    this.onread = {
      buffer: () => this.#lend(),
      callback(this: Socket, count: number, bytes: Uint8Array): boolean {
        filled(bytes, count)
        return this.push(Buffer.from(bytes.buffer, bytes.byteOffset, count))
      },
    } as OnReadOpts
  }

  /** Says that these chunks, or parts of chunks, are not needed any more: each byte once. */
  giveBack(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      const block = this.#blocks.get(chunk.buffer)
      if (!block) continue
      block.givenBackBytes += chunk.byteLength
      this.#keepIfDone(block)
    }
  }

  /** Node asks for the next piece of memory right after each read, and once per new connection. */
  #lend(): Uint8Array {
    const block = this.#next ?? this.#free.pop() ?? this.#create()
    this.#next = undefined
    return block.bytes.subarray(block.filledBytes)
  }

  #create(): Block {
    const block = { bytes: new Uint8Array(BLOCK_BYTES), filledBytes: 0, givenBackBytes: 0, isFull: false }
    this.#blocks.set(block.bytes.buffer, block)
    return block
  }

  #filled(bytes: Uint8Array, count: number): void {
    const block = this.#blocks.get(bytes.buffer)
    if (!block) return
    block.filledBytes += count
    block.isFull = BLOCK_BYTES - block.filledBytes < LEAST_ROOM_BYTES
    this.#next = block.isFull ? undefined : block
  }

  #keepIfDone(block: Block): void {
    if (!block.isFull || block.givenBackBytes !== block.filledBytes) return
    if (this.#free.length >= MAX_FREE_BLOCKS) return
    block.filledBytes = 0
    block.givenBackBytes = 0
    block.isFull = false
    this.#free.push(block)
  }
}
