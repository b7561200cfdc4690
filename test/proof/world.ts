import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Practice, type PracticeOptions, startPractice } from '../../src/practice/index.ts'
import { chanceOf } from './chance.ts'
import { type Jump, WorldClock, type WorldTime } from './clock.ts'
import type { DiskFault } from './disk.ts'
import {
  type Errand,
  type Kill,
  type Life,
  type LifeOptions,
  type LifeOrder,
  live,
  RESOURCES,
  type Timing,
} from './life.ts'
import { Network, type Rule } from './network.ts'

const MEDIA = join(RESOURCES, 'sample/media')

export type Row = Record<string, string | number>

/** Everything of one case, decided beforehand; `seed` replays it. */
export interface Script {
  seed: string
  /** Rows of each run's sheet; most cases have one run. */
  runs: ({ name: string; rows: Row[]; capMicros?: number; nameTemplate?: string } & Timing)[]
  provider?: Partial<Omit<PracticeOptions, 'folder' | 'clock' | 'random' | 'resources' | 'keys'>>
  rules?: Rule[]
  /** Limits of both accounts; generous unless a case is about them. */
  limits?: Record<string, number>
  /** World milliseconds per real one. */
  rate?: number
  /** What is different about an account. */
  accounts?: {
    [name: string]: {
      baseUrl?: string
      filesUrl?: string
      proxyUrl?: string
      options?: Record<string, unknown>
    }
  }
  /** The archive folder is not there yet: the core makes it. */
  isArchiveNew?: boolean
  /** Files of another hand that lie in the archive beforehand, by relative path. */
  strangers?: Record<string, string>
}

/** How one life of a case differs from a plain one. */
export interface LifePlan {
  kill?: Kill | null
  disk?: DiskFault[]
  jumps?: Jump[]
  sources?: string
  program?: string
  errands?: Errand[]
  staysMs?: number
  under?: string[]
  env?: Record<string, string>
  nodeArgs?: string[]
  /** Says what its process uses; run with `--expose-gc`. */
  isSampled?: boolean
  longestMs?: number
  /** Told of each line it says; may stop it, change the network, and so on. */
  heard?: LifeOptions['heard']
}

/** By path; of a file that is smaller than any clip also its text. */
export type FileState = Map<string, { sha256: string; sizeBytes: number; text?: string }>

/**
 * One seeded world: a practice provider, the network to it, a data folder, an archive, and the core living and
 * dying in processes of its own. What happened is kept as evidence for the judge.
 */
export class ProofWorld {
  readonly script: Script
  readonly folder = mkdtempSync(join(tmpdir(), 'reelsheet-proof-'))
  /** Those that are over, in the order in which they ended. */
  readonly lives: Life[] = []
  /** The archive's files after each life. */
  readonly snapshots: FileState[] = []
  /** Which of the snapshots show what a loss of power left; what was not synced may be gone in them. */
  readonly powerLosses = new Set<number>()
  readonly time: WorldTime
  readonly clock: WorldClock
  readonly keys: Record<string, string>
  #begun = 0
  provider!: Practice
  network!: Network

  private constructor(script: Script) {
    this.script = script
    this.time = { realZero: Date.now(), worldZero: Date.UTC(2026, 10, 20, 8), rate: script.rate ?? 50 }
    this.clock = new WorldClock(this.time)
    // A canary for each account: found anywhere, it tells which one leaked.
    const key = (name: string) =>
      `sk-${createHash('sha256').update(`${script.seed}/${name}`).digest('hex').slice(0, 40)}`
    this.keys = { 'evolink-1': key('evolink-1'), 'vtrix-1': key('vtrix-1') }
  }

  static async open(script: Script): Promise<ProofWorld> {
    const world = new ProofWorld(script)
    for (const run of script.runs) world.#writeSheet(run.name, run.rows)
    if (!script.isArchiveNew) mkdirSync(world.archive)
    for (const [path, text] of Object.entries(script.strangers ?? {})) {
      mkdirSync(join(world.archive, path, '..'), { recursive: true })
      writeFileSync(join(world.archive, path), text)
    }
    world.snapshots.push(world.#snapshot())
    await world.startProvider()
    world.network = await Network.open(world.provider.url, world.clock, script.rules)
    return world
  }

  get home(): string {
    return join(this.folder, 'home')
  }
  get archive(): string {
    return join(this.folder, 'archive')
  }
  get providerFolder(): string {
    return join(this.folder, 'provider')
  }

  async startProvider(): Promise<void> {
    const chance = chanceOf(`${this.script.seed}/provider`)
    let made = 0
    this.provider = await startPractice({
      folder: this.providerFolder,
      resources: join(RESOURCES, 'practice'),
      clock: this.clock,
      random: {
        next: () => chance.next(),
        id: (length) => {
          made += 1
          return `${made.toString(36)}z${chance.next().toString(36).slice(2)}`
            .padEnd(length, '0')
            .slice(0, length)
        },
      },
      keys: Object.values(this.keys),
      syncWrites: false,
      timing: { queueMs: 500, renderMsPerSecond: 500 },
      limits: { createsPerSecond: 1000, readsPerSecond: 1000, tasksInFlight: 1000, filesQuota: 1000 },
      ...this.script.provider,
    })
  }

  /** Lives one life to its end and keeps what it left. */
  async live(plan: LifePlan = {}): Promise<Life> {
    // Two lives may go on at once: each has ids of its own.
    this.#begun += 1
    const life = await live({
      order: this.order(plan),
      keys: this.keys,
      ...plan,
      // What a killed life leaves in the machine's temporary folder goes with the world.
      env: { TMPDIR: this.#temporary(), ...plan.env },
      heard: (said, living) => {
        plan.heard?.(said, living)
        if (said.type !== 'idle') return
        // What passed since it was said has passed already.
        const leftMs = said.forMs - (this.clock.elapsed() - said.elapsedMs)
        this.clock.skipTo(this.clock.skippedMs + Math.max(0, leftMs))
        living.send({ skippedMs: this.clock.skippedMs })
      },
    })
    this.lives.push(life)
    this.snapshots.push(this.#snapshot())
    return life
  }

  /** Says that the power went, and that the folders are now as it left them. */
  losePower(): void {
    this.powerLosses.add(this.snapshots.length)
    this.snapshots.push(this.#snapshot())
  }

  order(plan: LifePlan): LifeOrder {
    const limits = {
      inFlight: 50,
      submitsPerSecond: 50,
      pollsPerSecond: 50,
      downloadsAtOnce: 4,
      uploadsAtOnce: 2,
      ...this.script.limits,
    }
    const { url } = this.network
    return {
      seed: this.script.seed,
      number: this.#begun,
      home: this.home,
      archive: this.archive,
      resources: join(RESOURCES, 'practice'),
      time: this.time,
      skippedMs: this.clock.skippedMs,
      accounts: [
        {
          name: 'evolink-1',
          family: 'evolink',
          baseUrl: url,
          filesUrl: url,
          limits,
          ...this.script.accounts?.['evolink-1'],
        },
        // What the practice provider charges for 720p; without a price there is no cap.
        {
          name: 'vtrix-1',
          family: 'vtrix',
          baseUrl: url,
          limits,
          prices: { wan26_r2v: 100_000 },
          ...this.script.accounts?.['vtrix-1'],
        },
      ],
      runs: this.script.runs.map(({ name, capMicros, nameTemplate, rows: _rows, ...timing }) => ({
        ...timing,
        name,
        ...(nameTemplate && { nameTemplate }),
        sheet: join(this.folder, `${name}.csv`),
        capMicros: capMicros ?? null,
      })),
      kill: plan.kill ?? null,
      ...(plan.isSampled && { isSampled: true }),
      ...(plan.disk && { disk: plan.disk }),
      ...(plan.jumps && { jumps: plan.jumps }),
      ...(plan.staysMs !== undefined && { staysMs: plan.staysMs }),
      ...(plan.errands && { errands: plan.errands }),
    }
  }

  async close(): Promise<void> {
    await this.network.close()
    await this.provider.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  #temporary(): string {
    const folder = join(this.folder, 'temporary')
    mkdirSync(folder, { recursive: true })
    return folder
  }

  #writeSheet(name: string, rows: Row[]): void {
    const headers = [...new Set(rows.flatMap((row) => Object.keys(row)))]
    const cell = (value: string | number | undefined) => `"${String(value ?? '').replaceAll('"', '""')}"`
    const lines = [headers.map(cell), ...rows.map((row) => headers.map((header) => cell(row[header])))]
    writeFileSync(join(this.folder, `${name}.csv`), lines.map((line) => line.join(',')).join('\n'))
  }

  #snapshot(): FileState {
    return filesUnder(this.archive)
  }
}

const SMALL_BYTES = 200

/** Every file below a folder with its hash, by relative path. */
export function filesUnder(folder: string): FileState {
  const files: FileState = new Map()
  if (!existsSync(folder)) return files
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const bytes = readWhileThere(path)
    if (!bytes) continue
    files.set(path.slice(folder.length + 1), {
      sha256: createHash('sha256').update(bytes).digest('hex'),
      sizeBytes: bytes.length,
      ...(bytes.length <= SMALL_BYTES && { text: bytes.toString('latin1') }),
    })
  }
  return files
}

/** Another life may be at work in the folder meanwhile. */
function readWhileThere(path: string): Buffer | null {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** A cheap row that goes to EvoLink, with one uploaded picture. */
export const evolinkRow = (prompt: string, more: Row = {}): Row => ({
  prompt,
  account: 'evolink-1',
  model: 'wan2.6-image-to-video-flash',
  duration: 2,
  'ref 1': join(MEDIA, 'lake-at-dusk.jpg'),
  ...more,
})

/** A cheap row that goes to Vtrix, with its picture inside the request. */
export const vtrixRow = (prompt: string, more: Row = {}): Row => ({
  prompt,
  account: 'vtrix-1',
  model: 'wan26_r2v',
  duration: 2,
  size: '1280*720',
  'ref 1': join(MEDIA, 'lake-at-dusk.jpg'),
  ...more,
})
