import type { Headers } from './answer.ts'

/** Above this the network waits for the disk; below the second figure it goes on. */
const PAUSE_ABOVE_BYTES = 3 * 1024 * 1024
const RESUME_BELOW_BYTES = 2 * 1024 * 1024
/** Taken at once: large enough for cheap writes, small enough that hashing it does not hold up other work. */
const BATCH_BYTES = 1024 * 1024

/** What a running exchange can be told. undici's controller fits. */
export interface Exchange {
  abort(reason: Error): void
  pause(): void
  resume(): void
}

interface Head {
  status: number
  headers: Headers
}

/**
 * One answer on its way: the network pushes, the transfer takes. Chunks are handed over as they came,
 * never copied. The first end, good or bad, counts.
 */
export class Body {
  #exchange: Exchange | undefined
  #chunks: Buffer[] = []
  #bufferedBytes = 0
  #isPaused = false
  #outcome: { fault: unknown } | 'ended' | undefined
  #head = Promise.withResolvers<Head>()
  #wake: (() => void) | undefined

  constructor() {
    // Whoever awaits the head hears of a fault; nobody has to.
    this.#head.promise.catch(() => undefined)
  }

  head(): Promise<Head> {
    return this.#head.promise
  }

  attach(exchange: Exchange): void {
    this.#exchange = exchange
    if (this.#outcome) exchange.abort(new Error('The exchange was given up.'))
  }

  begin(status: number, headers: Headers): void {
    this.#head.resolve({ status, headers })
  }

  push(chunk: Buffer): void {
    if (this.#outcome) return
    this.#chunks.push(chunk)
    this.#bufferedBytes += chunk.byteLength
    if (this.#bufferedBytes > PAUSE_ABOVE_BYTES && !this.#isPaused) {
      this.#isPaused = true
      this.#exchange?.pause()
    }
    this.#wake?.()
  }

  end(): void {
    this.#outcome ??= 'ended'
    this.#wake?.()
  }

  /** Ends the exchange with a fault; after a good end this does nothing. */
  fail(fault: unknown): void {
    if (this.#outcome) return
    this.#outcome = { fault }
    this.#head.reject(fault)
    this.#wake?.()
    this.#exchange?.abort(fault instanceof Error ? fault : new Error('The exchange was given up.'))
  }

  /**
   * The next chunks, at least `atLeastBytes` together unless the body ends before; none = the end.
   * Chunks that came before a fault are handed out first, so that they can be kept.
   */
  async take(atLeastBytes: number): Promise<Buffer[]> {
    while (this.#bufferedBytes < atLeastBytes && this.#outcome === undefined) await this.#more()
    if (this.#chunks.length === 0 && typeof this.#outcome === 'object') throw this.#outcome.fault
    return this.#takeBatch()
  }

  async #more(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = undefined
  }

  #takeBatch(): Buffer[] {
    let count = 0
    let length = 0
    while (count < this.#chunks.length && length < BATCH_BYTES)
      length += this.#chunks[count++]?.byteLength ?? 0
    const batch = this.#chunks.splice(0, count)
    this.#bufferedBytes -= length
    if (this.#isPaused && this.#bufferedBytes < RESUME_BELOW_BYTES) {
      this.#isPaused = false
      this.#exchange?.resume()
    }
    return batch
  }
}
