import { dirname } from 'node:path'
import { type Disk, type DiskFile, realDisk } from '../../src/main/core/archive/disk.ts'
import type { FileNode, PowerModel } from './power-model.ts'

/** The power is gone: nothing more reaches the disk, and nobody hears an answer. */
export class PowerGone extends Error {
  constructor() {
    super('the power is gone')
  }
}

/**
 * The real disk with a model beside it that knows what is synced. At its `until`-th call the power goes: that call
 * may still be done (`isLastDone`) without an answer, and every later one fails.
 */
export class PowerDisk {
  /** Calls that change something or make it last, counted so far. */
  calls = 0
  readonly #model: PowerModel
  readonly #until: number
  readonly #isLastDone: boolean

  constructor(model: PowerModel, until = Number.POSITIVE_INFINITY, isLastDone = false) {
    this.#model = model
    this.#until = until
    this.#isLastDone = isLastDone
  }

  get isGone(): boolean {
    return this.calls >= this.#until
  }

  /** The port to hand to the archive. */
  port(): Disk {
    const model = this.#model
    return {
      ...realDisk,
      open: async (path, how) => {
        if (how !== 'create') {
          this.#assertOn()
          return this.#file(await realDisk.open(path, how), model.find(path) as FileNode)
        }
        return await this.#change(async () => {
          const file = await realDisk.open(path, how)
          const made = this.#file(file, model.createFile(path))
          // Nobody will hear that it is open.
          if (this.isGone) await file.close()
          return made
        })
      },
      stat: async (path) => {
        this.#assertOn()
        return await realDisk.stat(path)
      },
      makeFolder: (path) =>
        this.#change(async () => {
          const missing: string[] = []
          for (let above = path; !model.find(above); above = dirname(above)) missing.unshift(above)
          await realDisk.makeFolder(path)
          for (const one of missing) model.makeFolder(one)
        }),
      link: (from, to) =>
        this.#change(async () => {
          await realDisk.link(from, to)
          model.link(from, to)
        }),
      rename: (from, to) =>
        this.#change(async () => {
          await realDisk.rename(from, to)
          model.rename(from, to)
        }),
      remove: (path) =>
        this.#change(async () => {
          await realDisk.remove(path)
          if (model.find(path)) model.remove(path)
        }),
      syncFolder: (path) =>
        this.#change(async (began) => {
          const folder = model.find(path)
          if (folder) model.sync(folder, began)
        }),
    }
  }

  #file(file: DiskFile, node: FileNode): DiskFile {
    const model = this.#model
    return {
      ...file,
      write: (chunks, position) =>
        this.#change(async () => {
          await file.write(chunks, position)
          model.write(node, position, Buffer.concat(chunks))
        }),
      truncate: (sizeBytes) =>
        this.#change(async () => {
          await file.truncate(sizeBytes)
          model.truncate(node, sizeBytes)
        }),
      // No real sync, here and above: it would only take its time, and the model is what counts.
      sync: () => this.#change(async (began) => model.sync(node, began)),
    }
  }

  #assertOn(): void {
    if (this.isGone) throw new PowerGone()
  }

  async #change<T>(work: (began: number) => Promise<T>): Promise<T> {
    this.#assertOn()
    this.calls += 1
    if (!this.isGone) return await work(this.#model.now())
    // A sync that was cut off has promised nothing: it began before everything.
    if (this.#isLastDone) await work(-1)
    throw new PowerGone()
  }
}
