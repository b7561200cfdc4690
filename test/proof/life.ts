import { type ChildProcess, spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Jump, WorldTime } from './clock.ts'
import type { DiskFault } from './disk.ts'

const CORE = join(import.meta.dirname, 'core.ts')
const LOAD = join(import.meta.dirname, 'load.ts')
export const RESOURCES = resolve(import.meta.dirname, '../../resources')

/** Where a life ends without warning: at the n-th pass of a site (or of a checkpoint's name), or at a count of all. */
export type Kill = { at: string; nth: number } | { tick: number }

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
  }[]
  runs: { name: string; sheet: string; capMicros: number | null }[]
  kill?: Kill | null
  disk?: DiskFault[]
}

/** What a life says while it lasts. */
export type Said =
  | { type: 'log'; level: string; message: string; fields: unknown }
  | { type: 'refused'; code: string; what: string }
  | { type: 'imported'; runId: number }
  | { type: 'working' }
  | { type: 'shown'; job: number; version: number; state: string; remoteId: string | null }
  | { type: 'idle'; forMs: number; elapsedMs: number }
  | {
      type: 'end'
      how: 'settled' | 'stopped'
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
  /** Real milliseconds, monotonic, of this process. */
  startedAt: number
  endedAt: number
}

export interface LifeOptions {
  order: LifeOrder
  keys: Record<string, string>
  /** File of prepared sources; none = the core as it stands. */
  sources?: string | undefined
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
  send(message: { skippedMs: number } | { stop: true }): void
}

/** Lives one life to its end. */
export function live(options: LifeOptions): Promise<Life> {
  const { order, keys, sources, heard, under = [], nodeArgs = [], longestMs = 120_000 } = options
  return new Promise((done, fail) => {
    const startedAt = performance.now()
    const preload = sources ? ['--import', LOAD] : []
    const [command, ...args] = [...under, process.execPath, ...nodeArgs, ...preload, CORE]
    const child = spawn(command as string, args, {
      env: {
        ...process.env,
        REELSHEET_PROOF_LIFE: JSON.stringify(order),
        REELSHEET_PROOF_KEYS: JSON.stringify(keys),
        ...(sources && { REELSHEET_PROOF_SOURCES: sources }),
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
    const tooLong = setTimeout(() => child.kill('SIGKILL'), longestMs)
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
      done({ order, said, stderr, signal, code, startedAt, endedAt: performance.now() })
    })
  })
}
