import { basename, dirname, join, resolve, sep } from 'node:path'
import type { Problem } from '../../../shared/problem.ts'
import { compareWithOrder, type OrderedClip } from './compare.ts'
import type { ClipFacts } from './container.ts'
import { type Disk, realDisk } from './disk.ts'
import { ContentInvalid, DiskTrouble, onDisk } from './errors.ts'
import { inspectClip } from './inspect.ts'
import { nameCandidates } from './names.ts'
import { notesPathOf, type PartNotes, readNotes, removePart, writeNotes } from './notes.ts'
import { isWhole, nameExclusively, placeClip, recoverPlaced } from './place.ts'
import {
  isSameOutput,
  readSidecar,
  type Sidecar,
  type SidecarFacts,
  SidecarTaken,
  sidecarDraftOf,
  sidecarPathOf,
  writeSidecar,
} from './sidecar.ts'
import { type FetchRequest, fetchOutput } from './transfer.ts'

export interface ArchiveRequest extends Omit<FetchRequest, 'partPath' | 'identity'> {
  /** The archive folder. It must exist: a drive that is not there must not be filled in. */
  folder: string
  /** From `renderName`, reserved for this output by the caller, and the same again at every retry. */
  wantedName: string
  /** Whether a name is reserved for another clip; asked only for names other than `wantedName`. */
  takenByOthers(name: string): boolean
  order: OrderedClip
  sidecar: SidecarFacts
}

export interface ArchivedClip {
  /** Relative to the archive folder, with `/`. Differs from `wantedName` when a stranger's file had that name. */
  path: string
  sidecarPath: string
  sha256: string
  sizeBytes: number
  facts: ClipFacts
  /** Where the clip differs from the order; null = it agrees. */
  problem: Problem | null
}

/** A clip whose hash and name are decided. */
interface Verified {
  finalName: string
  sha256: string
  sizeBytes: number
}

/**
 * Takes one output from its link to a checked clip with its sidecar. Calling it again after a failure or a crash at
 * any point goes on from what is on disk and ends with exactly one clip and one sidecar, nothing replaced and
 * nothing left over. The caller stores the result and passes `download.stored` afterwards; until it has,
 * calling again with the same `wantedName` finds the finished clip by its sidecar.
 *
 * Throws what `fetchOutput` throws.
 */
export async function archiveOutput(request: ArchiveRequest): Promise<ArchivedClip> {
  const work = new Work(request)
  await work.openFolder()
  const noted = await work.findNoted()
  if (noted) return await work.finish(noted)
  const archived = await work.findArchived()
  if (archived) return archived
  const { verified, facts } = await work.fetchVerified()
  return await work.finish(verified, facts)
}

/** More takes of one name than any folder has. */
const MOST_CANDIDATES = 1_000

function isNameOf(name: string, wantedName: string): boolean {
  let tried = 0
  for (const candidate of nameCandidates(wantedName)) {
    if (candidate === name) return true
    tried += 1
    if (tried === MOST_CANDIDATES) return false
  }
  return false
}

class Work {
  readonly #request: ArchiveRequest
  readonly #disk: Disk
  readonly #partPath: string
  readonly #identity: string
  /** Nothing of an earlier try lies beside the part. */
  #isFirstTry = false
  /** No file had the wanted name, nor its sidecar's, when the work began. */
  #isNameFree = false

  constructor(request: ArchiveRequest) {
    const { account, family, task } = request.sidecar
    this.#request = request
    this.#disk = request.disk ?? realDisk
    this.#partPath = `${this.#pathOf(request.wantedName)}.part`
    this.#identity = `${family}/${account}/${task.id}/${task.output}`
  }

  async openFolder(): Promise<void> {
    const { folder } = this.#request
    const path = dirname(this.#partPath)
    if ((await onDisk(this.#partPath, () => this.#disk.stat(path)))?.kind === 'folder') return
    await onDisk(folder, async () => {
      const found = await this.#disk.stat(folder)
      if (found?.kind !== 'folder') throw new DiskTrouble('folder-missing', basename(folder))
    })
    await onDisk(this.#partPath, () => this.#makeFolders(path))
  }

  /** Makes the folders of the name, and syncs the ones above so that they survive a power loss. */
  async #makeFolders(path: string): Promise<void> {
    await this.#disk.makeFolder(path)
    const root = resolve(this.#request.folder)
    for (let above = dirname(path); above.length >= root.length; above = dirname(above)) {
      await this.#disk.syncFolder(above)
      if (above === root) break
    }
  }

  /** What an earlier try had verified and noted, if its bytes are still there. */
  async findNoted(): Promise<Verified | undefined> {
    const notes = await onDisk(this.#partPath, () => readNotes(this.#disk, this.#partPath))
    this.#isFirstTry = notes === undefined
    const placing = notes?.identity === this.#identity ? notes.placing : null
    // SECURITY: notes lie beside the clips, where anybody may edit them: only a name that we give counts.
    if (!placing || !isNameOf(placing.finalName, this.#request.wantedName)) return undefined
    const isThere = async (path: string) => await isWhole(this.#disk, path, placing)
    return await onDisk(this.#partPath, async () => {
      if ((await isThere(this.#partPath)) || (await isThere(this.#pathOf(placing.finalName)))) return placing
      // Bytes that no longer are what was verified are no start for another try.
      await removePart(this.#disk, this.#partPath)
      return undefined
    })
  }

  /** A clip that was finished but perhaps never stored: its sidecar names this very output. */
  async findArchived(): Promise<ArchivedClip | undefined> {
    for (const name of nameCandidates(this.#request.wantedName)) {
      const [clip, sidecar] = await this.#look(name)
      if (!clip && !sidecar) {
        this.#isNameFree = name === this.#request.wantedName
        return undefined
      }
      const found =
        clip && sidecar ? await readSidecar(sidecarPathOf(this.#pathOf(name)), this.#disk) : 'foreign'
      if (typeof found === 'string' || !isSameOutput(found, this.#request.sidecar)) continue
      const { sha256, sizeBytes } = found.clip
      if (!(await onDisk(name, () => isWhole(this.#disk, this.#pathOf(name), found.clip)))) continue
      const facts = await inspectClip(this.#pathOf(name), this.#request.clock, this.#disk)
      await this.#cleanUpAfter(`${name}.json`)
      return { path: name, sidecarPath: `${name}.json`, sha256, sizeBytes, facts, problem: found.problem }
    }
  }

  async #look(name: string) {
    const path = this.#pathOf(name)
    return await onDisk(path, () =>
      Promise.all([this.#disk.stat(path), this.#disk.stat(sidecarPathOf(path))]),
    )
  }

  async fetchVerified(): Promise<{ verified: Verified; facts: ClipFacts }> {
    const request = { ...this.#request, partPath: this.#partPath, identity: this.#identity }
    const { sha256, sizeBytes } = await fetchOutput(request)
    const facts = await this.#inspectPart()
    this.#request.checkpoint('download.verified')
    const finalName = this.#isNameFree ? this.#request.wantedName : await this.#freeName()
    const verified = { finalName, sha256, sizeBytes }
    await this.#note(verified)
    return { verified, facts }
  }

  /** Bytes that are no readable video are put aside once, for a person to look at: they were paid for. */
  async #inspectPart(): Promise<ClipFacts> {
    try {
      return await inspectClip(this.#partPath, this.#request.clock, this.#disk)
    } catch (error) {
      if (!(error instanceof ContentInvalid)) throw error
      const keptAs = await this.#putAside()
      throw new ContentInvalid(basename(this.#request.wantedName), error.finding, { keptAs, cause: error })
    }
  }

  async #putAside(): Promise<string> {
    const aside = `${this.#pathOf(this.#request.wantedName)}.unreadable`
    await onDisk(aside, async () => {
      await nameExclusively(this.#disk, this.#partPath, aside, this.#identity)
      await removePart(this.#disk, this.#partPath)
    })
    return basename(aside)
  }

  /** The first name that neither another clip nor any file on disk has. */
  async #freeName(): Promise<string> {
    const { wantedName, takenByOthers } = this.#request
    for (const name of nameCandidates(wantedName)) {
      if (name !== wantedName && takenByOthers(name)) continue
      const [clip, sidecar] = await this.#look(name)
      if (!clip && !sidecar) return name
    }
    return wantedName
  }

  /**
   * Written and synced before the clip is named, so that a crash between cannot make it a stranger. Takes the place
   * of the notes that the transfer left: nothing is fetched any more, so what the server said counts no longer.
   */
  async #note(placing: Verified): Promise<void> {
    await onDisk(this.#partPath, () => writeNotes(this.#disk, this.#partPath, this.#notesOf(placing), true))
    this.#request.checkpoint('download.noted')
  }

  #notesOf(placing: Verified): PartNotes {
    const { sizeBytes } = placing
    return {
      reelsheetPart: 1,
      identity: this.#identity,
      urlHash: '',
      etag: null,
      lastModified: null,
      totalBytes: sizeBytes,
      contentType: null,
      syncedBytes: sizeBytes,
      isComplete: true,
      placing,
    }
  }

  /** `known`: what the clip is, when this try has looked at its bytes. */
  async finish(verified: Verified, known?: ClipFacts): Promise<ArchivedClip> {
    const { finalName, sha256, sizeBytes } = await this.#place(verified, known !== undefined)
    const facts = known ?? (await inspectClip(this.#pathOf(finalName), this.#request.clock, this.#disk))
    const problem = compareWithOrder(facts, this.#request.order, finalName)
    const sidecarPath = await this.#describe({ finalName, sha256, sizeBytes }, facts, problem)
    this.#request.checkpoint('download.sidecar')
    await this.#cleanUp()
    return { path: finalName, sidecarPath, sha256, sizeBytes, facts, problem }
  }

  /** `isNew`: no earlier try can have made the name, so it is only asked for. */
  async #place(verified: Verified, isNew: boolean): Promise<Verified> {
    const { checkpoint } = this.#request
    let named = verified
    for (;;) {
      const places = {
        partPath: this.#partPath,
        finalPath: this.#pathOf(named.finalName),
        disk: this.#disk,
      }
      const isAsGiven = named === verified
      const found = isNew && isAsGiven ? 'free' : await recoverPlaced({ ...places, notes: named })
      if (found === 'placed') return named
      const outcome =
        found === 'free' ? await placeClip({ ...places, sha256: named.sha256, checkpoint }) : 'taken'
      if (outcome === 'placed') return named
      named = { ...named, finalName: await this.#freeName() }
      await this.#note(named)
    }
  }

  /** Writes the sidecar; where a stranger's file has its name, the next free one beside it. */
  async #describe(clip: Verified, facts: ClipFacts, problem: Problem | null): Promise<string> {
    const sidecar = this.#sidecarOf(clip, facts, problem)
    for (let number = 1; ; number++) {
      const name = `${clip.finalName}${number === 1 ? '' : `-${number}`}.json`
      const path = this.#pathOf(name)
      try {
        await writeSidecar(path, sidecar, this.#disk)
        return name
      } catch (error) {
        if (!(error instanceof SidecarTaken)) throw error
      }
      // An earlier try may have written it, at another time.
      const there = await readSidecar(path, this.#disk)
      if (typeof there === 'object' && isSameOutput(there, sidecar) && there.clip.sha256 === clip.sha256)
        return name
    }
  }

  #sidecarOf(clip: Verified, facts: ClipFacts, problem: Problem | null): Sidecar {
    const { sidecar, clock } = this.#request
    const { trackCount: _, ...about } = facts
    return {
      reelsheet: 1,
      ...sidecar,
      times: { ...sidecar.times, archivedAt: new Date(clock.now()).toISOString() },
      clip: { file: basename(clip.finalName), sha256: clip.sha256, sizeBytes: clip.sizeBytes, ...about },
      problem,
    }
  }

  async #cleanUp(): Promise<void> {
    await onDisk(this.#partPath, async () => {
      if (!this.#isFirstTry) return await removePart(this.#disk, this.#partPath)
      await this.#disk.remove(this.#partPath)
      await this.#disk.remove(notesPathOf(this.#partPath))
    })
  }

  /** A try that ended after its sidecar was named may have left the draft. */
  async #cleanUpAfter(sidecarPath: string): Promise<void> {
    await onDisk(this.#partPath, async () => {
      await this.#disk.remove(sidecarDraftOf(this.#pathOf(sidecarPath)))
      await removePart(this.#disk, this.#partPath)
    })
  }

  /** SECURITY: a name never leaves the archive folder, whoever made it. */
  #pathOf(name: string): string {
    const root = resolve(this.#request.folder)
    const path = resolve(join(root, name))
    if (!path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`))
      throw new RangeError('A clip name leads out of the archive folder.')
    return path
  }
}
