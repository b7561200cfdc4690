import { type ChildProcess, spawn } from 'node:child_process'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Jump, WorldTime } from './clock.ts'
import type { DiskFault } from './disk.ts'
import type { Sample } from './sample.ts'

const CORE = join(import.meta.dirname, 'core.ts')
const LOAD = join(import.meta.dirname, 'load.ts')
export const RESOURCES = resolve(import.meta.dirname, '../../resources')

/** Where a life ends without warning: at the n-th pass of a site (or of a checkpoint's name), or at a count of all. */
export type Kill = { at: string; nth: number } | { tick: number }

/** What a person may ask of a life besides its runs (see `errands.ts`). */
export type Errand =
  | 'repair'
  | 'add references'
  | 'change accounts'
  | 'check a sheet with mistakes'
  | 'check clips'
  | 'export the run'
  | 'fetch again'
  | 'import again'
  | 'leave what is unconfirmed'
  | 'look at media'
  | 'move to another model'
  | 'pause and go on'
  | 'rebuild the library'
  | 'release what is held'
  | 'retry what failed'

/** When a run is to begin, world milliseconds after its import. */
export interface Timing {
  startMs?: number
  takeBackMs?: number
  /** Right after the import, and in each life, its person takes it back, gives it another time and starts it. */
  isPlannedAnew?: boolean
}

/** What one life of the core is to do. */
export interface LifeOrder {
  seed: string
  /** From 1; lives of one folder follow each other. */
  number: number
  home: string
  archive: string
  resources: string
  time: WorldTime
  skippedMs: number
  jumps?: Jump[]
  accounts: {
    name: string
    family: 'evolink' | 'vtrix'
    baseUrl: string
    filesUrl?: string
    limits?: Record<string, number>
    prices?: Record<string, number>
    proxyUrl?: string
    options?: Record<string, unknown>
  }[]
  runs: ({ name: string; sheet: string; capMicros: number | null; nameTemplate?: string } & Timing)[]
  kill?: Kill | null
  disk?: DiskFault[]
  /** Says what the process uses; `{ sample: true }` asks for one more. */
  isSampled?: boolean
  /** It goes on so long at least, world milliseconds since the world began, though nothing moves. */
  staysMs?: number
  /** What a person asks of this life: a repair before it begins, all else once nothing moves. */
  errands?: Errand[]
}

/** What a life says while it lasts. */
export type Said =
  | { type: 'log'; level: string; message: string; fields: unknown }
  | { type: 'refused'; code: string; what: string }
  /** `notBefore`: nothing of it may be ordered before, epoch ms of the world; null = at once. */
  | { type: 'imported'; runId: number; notBefore: number | null }
  | { type: 'working' }
  | { type: 'shown'; job: number; version: number; state: string; remoteId: string | null }
  | { type: 'idle'; forMs: number; elapsedMs: number }
  /** A worker thread passed a site for the first time. */
  | { type: 'beside'; site: string }
  /** On order: before anything is opened, whenever asked, when all has settled, and after the core has stopped. */
  | { type: 'sample'; when: 'before' | 'asked' | 'settled' | 'stopped'; sample: Sample }
  /** What came of an errand, in words. */
  | { type: 'errand'; errand: Errand; answer: string }
  | {
      type: 'end'
      /** `stuck`: something is still to move, and nothing is ever due. */
      how: 'settled' | 'stopped' | 'stuck'
      ticks: number
      passes: Record<string, number>
      active: string[]
    }

/** A life that is over. */
export interface Life {
  order: LifeOrder
  said: Said[]
  /** Everything it wrote that is none of the above: crashes, warnings. */
  stderr: string
  signal: NodeJS.Signals | null
  code: number | null
  /** It hung, and was ended for that. */
  isOverdue: boolean
  /** Real milliseconds, monotonic, of this process. */
  startedAt: number
  endedAt: number
}

export interface LifeOptions {
  order: LifeOrder
  keys: Record<string, string>
  /** File of prepared sources; none = the core as it stands. */
  sources?: string | undefined
  /** A core made by `makeProgram`, instead of the sources. */
  program?: string | undefined
  /** Called for each line as it is said. */
  heard?: (said: Said, life: Living) => void
  /** A command that the core is run under, such as a tracer with its arguments. */
  under?: string[]
  /** More of the environment. */
  env?: Record<string, string>
  /** Further arguments for Node. */
  nodeArgs?: string[]
  /** Ends a life that hangs, real milliseconds. */
  longestMs?: number
}

export interface Living {
  child: ChildProcess
  send(message: { skippedMs: number } | { stop: true } | { [word: string]: unknown }): void
}

/** Lives one life to its end. */
export function live(options: LifeOptions): Promise<Life> {
  const { order, keys, sources, program, heard, under = [], nodeArgs = [], longestMs = 120_000 } = options
  return new Promise((done, fail) => {
    const startedAt = performance.now()
    const preload = sources ? ['--import', LOAD] : []
    const [command, ...args] = [...under, process.execPath, ...nodeArgs, ...preload, program ?? CORE]
    const child = spawn(command as string, args, {
      env: {
        ...process.env,
        REELSHEET_PROOF_LIFE: JSON.stringify(order),
        REELSHEET_PROOF_KEYS: JSON.stringify(keys),
        ...(sources && { REELSHEET_PROOF_SOURCES: sources }),
        ...(program && { NODE_COMPILE_CACHE: join(dirname(program), 'cache') }),
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    const said: Said[] = []
    let stderr = ''
    const living: Living = {
      child,
      send: (message) => {
        if (child.connected) child.send(message, () => {})
      },
    }
    let isOverdue = false
    const tooLong = setTimeout(() => {
      isOverdue = true
      child.kill('SIGKILL')
    }, longestMs)
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
    lines.on('line', (line) => {
      try {
        const one = JSON.parse(line) as Said
        said.push(one)
        heard?.(one, living)
      } catch {
        stderr += `${line}\n`
      }
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    child.on('error', fail)
    child.on('close', (code, signal) => {
      clearTimeout(tooLong)
      done({ order, said, stderr, signal, code, isOverdue, startedAt, endedAt: performance.now() })
    })
  })
}
