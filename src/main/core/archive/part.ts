import { createHash, type Hash } from 'node:crypto'
import type { Clock } from '../ports.ts'
import { strongValidator } from './answer.ts'
import type { Disk, DiskFile } from './disk.ts'
import { hashFile } from './hash.ts'
import { waitForHashTurn } from './hash-turns.ts'
import { notesPathOf, type PartNotes, readNotes, removePart, writeNotes } from './notes.ts'

/** What the server said of the file a part belongs to. */
export interface FileFacts {
  etag: string | null
  lastModified: string | null
  totalBytes: number | null
  contentType: string | null
}
const NOTHING_KNOWN: FileFacts = { etag: null, lastModified: null, totalBytes: null, contentType: null }

/** Where a part's bytes come from: names the output, and the link without its signature. */
export interface PartSource {
  identity: string
  urlHash: string
}

/**
 * What may be fetched again after a power loss: the price of not syncing after every write. No more than was synced
 * before, so that the first bytes are soon safe, and a large file does not wait for the disk all the time.
 */
const LEAST_SYNC_BYTES = 16 * 1024 * 1024
const MOST_SYNC_BYTES = 64 * 1024 * 1024
const SYNC_EVERY_MS = 5_000

/**
 * An unfinished download on disk: `<name>.part` and its notes. Bytes are hashed while earlier ones are
 * written; every so often what is there is synced and noted, so that a later try goes on from
 * a place that is surely whole.
 */
export class Part {
  facts: FileFacts = NOTHING_KNOWN
  /** Bytes appended, all of them hashed; the last few may still be on their way to the disk. */
  position = 0
  isComplete = false
  readonly #disk: Disk
  readonly #path: string
  readonly #source: PartSource
  readonly #clock: Clock
  /** Neither a part nor notes were there when the work began. */
  #isFirstTry = false
  #file: DiskFile | undefined
  #hash: Hash = createHash('sha256')
  #writtenBytes = 0
  /** Everything appended so far is written, or a write has failed; never rejects. */
  #writing: Promise<void> = Promise.resolve()
  #writeFault: { error: unknown } | undefined
  #syncedBytes = 0
  #syncedAt: number
  #syncing: Promise<void> | undefined
  #syncFault: unknown

  private constructor(disk: Disk, path: string, source: PartSource, clock: Clock) {
    this.#disk = disk
    this.#path = path
    this.#source = source
    this.#clock = clock
    this.#syncedAt = clock.now()
  }

  /** Takes up what an earlier try left, if its notes can be trusted; else starts with nothing. */
  static async open(
    disk: Disk,
    path: string,
    source: PartSource,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<Part> {
    const part = new Part(disk, path, source, clock)
    const [entry, notesEntry] = await Promise.all([disk.stat(path), disk.stat(notesPathOf(path))])
    part.#isFirstTry = !entry && !notesEntry
    if (part.#isFirstTry) return part
    const notes = await readNotes(disk, path)
    if (notes && entry?.kind === 'file' && canBuildOn(notes, entry.sizeBytes, source))
      await part.#takeUp(notes, signal)
    return part
  }

  async #takeUp(notes: PartNotes, signal: AbortSignal): Promise<void> {
    this.#file = await this.#disk.open(this.#path, 'edit')
    try {
      const found = await hashFile(this.#file, this.#hash, notes.syncedBytes, signal)
      if (found !== notes.syncedBytes) return await this.restart()
      await this.#file.truncate(found)
    } catch (error) {
      await this.close()
      throw error
    }
    this.position = notes.syncedBytes
    this.#writtenBytes = notes.syncedBytes
    this.#syncedBytes = notes.syncedBytes
    this.isComplete = notes.isComplete || notes.syncedBytes === notes.totalBytes
    this.facts = notes
  }

  /** Forgets everything received so far. */
  async restart(): Promise<void> {
    await this.#writing
    await this.#settleSync()
    this.#hash = createHash('sha256')
    this.#writeFault = undefined
    this.position = 0
    this.#writtenBytes = 0
    this.#syncedBytes = 0
    this.isComplete = false
    this.facts = NOTHING_KNOWN
    await this.close()
    await removePart(this.#disk, this.#path)
  }

  /**
   * Hashes chunks while they and those before them are written; returns when only these may still be on their way.
   * A write that fails shows at a later call or at `flush`, and only what was written before it counts then.
   * `onWritten`: the chunks are not needed any more.
   */
  async append(chunks: readonly Uint8Array[], onWritten?: () => void): Promise<void> {
    this.#throwFaults()
    this.#file ??= await this.#create()
    // Before the write begins: what is written is given back, and may be read into again before it is hashed.
    await waitForHashTurn(lengthOf(chunks))
    const before = this.#writing
    this.#writing = this.#writeAfter(before, this.#file, chunks, onWritten)
    for (const chunk of chunks) this.#hash.update(chunk)
    await before
    this.#throwFaults()
    this.#syncNowAndThen()
  }

  /** One after the other: whatever fails, the file holds a beginning without holes. */
  #writeAfter(
    before: Promise<void>,
    file: DiskFile,
    chunks: readonly Uint8Array[],
    onWritten: (() => void) | undefined,
  ): Promise<void> {
    const from = this.position
    const end = from + lengthOf(chunks)
    this.position = end
    const write = async () => {
      if (this.#writeFault) return
      await file.write(chunks, from)
      this.#writtenBytes = end
      onWritten?.()
    }
    return before.then(write).catch((error: unknown) => {
      this.#writeFault ??= { error }
    })
  }

  /** Returns when everything appended is in the file (not yet synced); throws what a write or a sync met. */
  async flush(): Promise<void> {
    await this.#writing
    this.#throwFaults()
  }

  #throwFaults(): void {
    if (this.#writeFault) throw this.#writeFault.error
    if (this.#syncFault) throw this.#syncFault
  }

  async #create(): Promise<DiskFile> {
    if (!this.#isFirstTry) await removePart(this.#disk, this.#path)
    this.#isFirstTry = false
    return await this.#disk.open(this.#path, 'create')
  }

  /** Syncs beside the transfer, one at a time; a fault shows at the next append. */
  #syncNowAndThen(): void {
    const atRiskBytes = this.#writtenBytes - this.#syncedBytes
    const isDue =
      atRiskBytes >= Math.min(Math.max(LEAST_SYNC_BYTES, this.#syncedBytes), MOST_SYNC_BYTES) ||
      this.#clock.now() - this.#syncedAt >= SYNC_EVERY_MS
    if (!isDue || this.#syncing) return
    this.#syncing = this.#sync()
      .catch((error: unknown) => {
        this.#syncFault = error
      })
      .finally(() => {
        this.#syncing = undefined
      })
  }

  async #sync(): Promise<void> {
    const upTo = this.#writtenBytes
    this.#syncedAt = this.#clock.now()
    await this.#file?.sync()
    this.#syncedBytes = upTo
    // Notes lost to a power loss only cost bytes, so they are not synced themselves.
    await writeNotes(this.#disk, this.#path, this.notes(), false)
  }

  async #settleSync(): Promise<void> {
    await this.#syncing
    this.#syncFault = undefined
  }

  /**
   * Makes everything received so far count for the next try. A part without bytes, or whose server gave
   * nothing to recognise the file by, is worth nothing and is removed.
   */
  async keep(): Promise<void> {
    await this.#writing
    if (this.#syncing) await this.#syncing
    if (this.#syncFault) throw this.#syncFault
    // Bytes that the disk did not take never came, whatever was thought of them before.
    if (this.#writeFault) this.isComplete = false
    this.position = this.#writtenBytes
    const isWorthKeeping = this.position > 0 && (this.isComplete || strongValidator(this.facts) !== null)
    if (!isWorthKeeping) return await this.restart()
    if (this.#syncedBytes === this.position && !this.isComplete) return
    await this.#sync()
  }

  async close(): Promise<void> {
    await this.#writing
    if (this.#syncing) await this.#syncing
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  /** SHA-256 (hex) of everything in the part. */
  digest(): string {
    return this.#hash.copy().digest('hex')
  }

  notes(): PartNotes {
    const { etag, lastModified, totalBytes, contentType } = this.facts
    return {
      reelsheetPart: 1,
      ...this.#source,
      etag,
      lastModified,
      totalBytes,
      contentType,
      syncedBytes: this.#syncedBytes,
      isComplete: this.isComplete && this.#syncedBytes === this.position,
      placing: null,
    }
  }
}

const lengthOf = (chunks: readonly Uint8Array[]): number =>
  chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)

/**
 * Only bytes of the same output count. A fresh link to the same output may be spelled differently; then only a strong ETag with a known size can
 * show that it is the same file.
 */
function canBuildOn(notes: PartNotes, sizeBytes: number, source: PartSource): boolean {
  if (notes.identity !== source.identity) return false
  if (notes.syncedBytes === 0 || sizeBytes < notes.syncedBytes) return false
  if (notes.totalBytes !== null && notes.syncedBytes > notes.totalBytes) return false
  if (notes.isComplete) return true
  if (strongValidator(notes) === null) return false
  return notes.urlHash === source.urlHash || (notes.etag !== null && notes.totalBytes !== null)
}
