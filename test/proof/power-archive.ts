/**
 * The archive alone, losing power at any call: one download from a real server through the disk port, cut off one
 * to three times, each time with what was not synced lost by chance. Needs no tracer, so it runs everywhere.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Disk, realDisk } from '../../src/main/core/archive/disk.ts'
import { TransferBroken } from '../../src/main/core/archive/errors.ts'
import {
  type ArchivedClip,
  type ArchiveRequest,
  archiveOutput,
} from '../../src/main/core/archive/store-clip.ts'
import { createTransferAgents, DEFAULT_TRANSFER_LIMITS } from '../../src/main/core/archive/transfer.ts'
import type { Clock } from '../../src/main/core/ports.ts'
import { type Act, cutAfter, type MediaServer, serve, startMediaServer } from '../support/media-server.ts'
import { type Chance, chanceOf } from './chance.ts'
import { PowerDisk, PowerGone } from './power-disk.ts'
import { compareWithDisk, materialise, PowerModel } from './power-model.ts'
import { type FileState, filesUnder } from './world.ts'

const CLIP = readFileSync(join(import.meta.dirname, '../unit/archive/clips/sound.mp4'))
const CLIP_HASH = hash(CLIP)
const NAME = 'night/001-fox-1.mp4'
const STRANGER = 'somebody else’s film'
const PLACEHOLDER = 'Reelsheet keeps this name for '
/** More calls than one download makes: then the power goes after it has ended. */
const MOST_CALLS = 45

export interface ArchiveLosses {
  violations: string[]
  losses: number
  /** How often the power went only after the clip was called archived. */
  afterwards: number
  dropped: number
}

/** One case; `change` may break the disk's promises, to be caught. */
export async function loseArchive(
  seed: string,
  change: (disk: Disk) => Disk = (disk) => disk,
): Promise<ArchiveLosses> {
  const chance = chanceOf(seed)
  const one = await Case.open(chance)
  try {
    const result: ArchiveLosses = { violations: [], losses: chance.between(1, 3), afterwards: 0, dropped: 0 }
    let archived: ArchivedClip | undefined
    for (let number = 1; number <= result.losses; number++) {
      const lost = await one.lose(archived, change)
      result.violations.push(...lost.violations)
      result.dropped += lost.dropped
      if (lost.archived && !archived) result.afterwards += 1
      archived = lost.archived ?? archived
    }
    result.violations.push(...(await one.finish(archived)))
    return result
  } finally {
    await one.close()
  }
}

class Case {
  readonly #chance: Chance
  readonly #folder = mkdtempSync(join(tmpdir(), 'reelsheet-power-'))
  readonly #server: MediaServer
  readonly #agents = createTransferAgents()
  readonly #isTaken: boolean
  readonly #hasLinks: boolean

  private constructor(chance: Chance, server: MediaServer) {
    this.#chance = chance
    this.#server = server
    this.#isTaken = chance.isSo(0.3)
    this.#hasLinks = chance.isSo(0.75)
    if (!this.#isTaken) return
    mkdirSync(join(this.#folder, 'night'))
    writeFileSync(join(this.#folder, NAME), STRANGER)
  }

  static async open(chance: Chance): Promise<Case> {
    const file = { body: CLIP, etag: '"v1"' }
    const acts: Act[] = chance.isSo(0.5) ? [cutAfter(file, chance.between(1, CLIP.length - 1))] : []
    return new Case(chance, await startMediaServer(...acts, serve(file)))
  }

  async lose(before: ArchivedClip | undefined, change: (disk: Disk) => Disk) {
    const model = new PowerModel(this.#folder)
    const power = new PowerDisk(model, this.#chance.between(1, MOST_CALLS), this.#chance.isSo(0.5))
    const violations: string[] = []
    const archived = await this.#archive(change(power.port())).catch((error: unknown) => {
      // A break of the way is told as it happened; the power itself must not be taken for anything else.
      if (!(error instanceof PowerGone || power.isGone || error instanceof TransferBroken))
        violations.push(`it is given up: ${String(error)}`)
      return undefined
    })
    violations.push(...compareWithDisk(model))
    const survivors = model.lose(this.#chance)
    materialise(model, survivors)
    violations.push(...this.#judge(archived ?? before))
    return { archived, violations, dropped: survivors.dropped + survivors.torn }
  }

  /** The power stays on: it must end with exactly one clip, fetched again only if it was not archived yet. */
  async finish(before: ArchivedClip | undefined): Promise<string[]> {
    const asked = this.#server.asked.length
    let archived: ArchivedClip | undefined
    let trouble: unknown
    for (let again = 0; !archived && again < 3; again++)
      archived = await this.#archive(realDisk).catch((error: unknown) => {
        trouble = error
        return undefined
      })
    if (!archived) return [`the clip does not come through: ${String(trouble)}`]
    const violations = this.#judge(archived)
    if (before && archived.path !== before.path)
      violations.push(`${before.path} was archived again as ${archived.path}`)
    if (before && this.#server.asked.length > asked) violations.push(`${before.path} was fetched again`)
    const expected = [archived.path, archived.sidecarPath, ...(this.#isTaken ? [NAME] : [])].sort()
    const there = [...filesUnder(this.#folder).keys()].sort()
    if (there.join() !== expected.join())
      violations.push(`left: ${there.join(', ')}; expected: ${expected.join(', ')}`)
    return violations
  }

  async close(): Promise<void> {
    await this.#agents.close()
    await this.#server.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #archive(disk: Disk): Promise<ArchivedClip> {
    return await archiveOutput(this.#request(this.#hasLinks ? disk : withoutLinks(disk)))
  }

  /** What is there under a final name is whole, whether or not it is recorded; what is recorded is there. */
  #judge(archived: ArchivedClip | undefined): string[] {
    const files = filesUnder(this.#folder)
    const found: string[] = []
    if (this.#isTaken && files.get(NAME)?.sha256 !== hash(STRANGER))
      found.push('the stranger’s file was touched')
    for (const [path, { sha256 }] of files) {
      if (/\.(part|part\.json|tmp)$/.test(path) || (this.#isTaken && path === NAME)) continue
      if (path.endsWith('.json')) found.push(...this.#judgeSidecar(path))
      else if (sha256 !== CLIP_HASH && !this.#isPlaceholder(path)) found.push(`${path} is not the whole clip`)
    }
    if (archived) found.push(...judgeArchived(files, archived))
    return found
  }

  #judgeSidecar(path: string): string[] {
    const text = readFileSync(join(this.#folder, path), 'utf8')
    if (this.#isPlaceholder(path)) return []
    try {
      const { clip } = JSON.parse(text) as { clip: { sha256: string } }
      return clip.sha256 === CLIP_HASH ? [] : [`${path} names another hash`]
    } catch {
      return [`${path} is torn: ${JSON.stringify(text.slice(0, 40))}`]
    }
  }

  /** Without hard links a name is kept by a small file; nothing of it may have been written yet. */
  #isPlaceholder(path: string): boolean {
    if (this.#hasLinks) return false
    const text = readFileSync(join(this.#folder, path), 'latin1')
    if (text.length > 200 || /^\0*$/.test(text)) return text.length <= 200
    return text.startsWith(PLACEHOLDER) || PLACEHOLDER.startsWith(text)
  }

  #request(disk: Disk): ArchiveRequest {
    return {
      ...DEFAULT_TRANSFER_LIMITS,
      url: `${this.#server.base}/v/clip.mp4`,
      folder: this.#folder,
      wantedName: NAME,
      takenByOthers: () => false,
      order: { width: 192, height: 108, durationSeconds: 2, expectsSound: true },
      sidecar: FACTS,
      allowLoopback: true,
      userAgent: 'Reelsheet/test',
      onProgress: () => undefined,
      agents: this.#agents,
      checkpoint: () => undefined,
      clock: new SeededClock(this.#chance.fork('clock')),
      signal: new AbortController().signal,
      disk,
    }
  }
}

function judgeArchived(files: FileState, { path, sidecarPath, sha256 }: ArchivedClip): string[] {
  const found: string[] = []
  if (files.get(path)?.sha256 !== sha256)
    found.push(`${path} was called archived and is not there, or not whole`)
  if (!files.has(sidecarPath)) found.push(`${sidecarPath} was called written and is not there`)
  return found
}

/** Time passes by chance whenever somebody looks, so that bytes are synced on the way; nothing ever takes too long. */
class SeededClock implements Clock {
  readonly #chance: Chance
  #now = Date.UTC(2026, 10, 20, 8)

  constructor(chance: Chance) {
    this.#chance = chance
  }

  now(): number {
    this.#now += this.#chance.between(0, 4_000)
    return this.#now
  }

  sleep(_ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }
}

const withoutLinks = (disk: Disk): Disk => ({
  ...disk,
  link: () => Promise.reject(Object.assign(new Error('no links here'), { code: 'ENOTSUP' })),
})

function hash(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

const FACTS: ArchiveRequest['sidecar'] = {
  prompt: 'A fox',
  model: 'wan26_r2v',
  family: 'vtrix',
  account: 'one',
  task: { id: 'task-1', output: 0 },
  order: {},
  references: [],
  run: { id: 1, name: 'night' },
  job: { id: 1, row: 1, rowKey: null, name: null, take: 1 },
  times: { createdAt: '2026-11-20T08:00:00.000Z', submittedAt: null, finishedAt: null },
  price: { currency: 'usd', estimatedMicros: null, reservedMicros: null, chargedMicros: null },
  appVersion: '0.0.0-proof',
}
