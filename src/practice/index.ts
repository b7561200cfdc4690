import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Books, openBooks } from './books.ts'
import { announceEnd } from './callbacks.ts'
import { openClipShelf } from './clips.ts'
import { type Desk, json, type PracticeClock, type Settings } from './desk.ts'
import { createLedger, type PracticeLedger, toTaskRow } from './ledger.ts'
import { settleDue, stateOf } from './life.ts'
import { createLimiter } from './limits.ts'
import { ROUTES, type Route } from './routes.ts'
import { createPracticeServer } from './server.ts'

export type { CallbackRow, RequestRow, UploadRecord } from './books.ts'
export type { PracticeClock } from './desk.ts'
export type { PracticeLedger, TaskRow } from './ledger.ts'

export interface PracticeOptions {
  /** Durable state lives here; made if missing. One running provider per folder. */
  folder: string
  /** Task life follows `now()`; there is no other timer than `sleep`. */
  clock: PracticeClock
  random: { next(): number; id(length: number): string }
  /** Folder of the master clips. */
  resources: string
  /** Default: the port used last time in this folder if it is free, else any free one. */
  port?: number
  /** Accepted keys. Default: one made at random and kept in the folder, readable by its owner only. */
  keys?: readonly string[] | undefined
  /** 1 is realistic; N makes tasks live N times faster. The lives of links, files and tasks stay. */
  speed?: number
  timing?: Partial<{
    queueMs: number
    renderMsPerSecond: number
    linkLifeMs: number
    fileLifeMs: number
    taskLifeMs: number
  }>
  limits?: Partial<{
    createsPerSecond: number
    readsPerSecond: number
    tasksInFlight: number
    filesQuota: number
    balanceCredits: number
    balanceUsd: number
    /** Largest request body of the Vtrix side; above it 413. */
    vtrixBodyBytes: number
  }>
  /** Which request envelope the Vtrix side takes; default both. */
  vtrixForm?: 'plain' | 'wrapped' | 'both'
  /** False refuses video and audio uploads with 40002, as the API pages say. Default true. */
  videoUploads?: boolean
  /** False skips fsync: enough against SIGKILL, not against a power cut. Default true. */
  syncWrites?: boolean
}

export interface Practice {
  /** Both families and the Files service live under this address. */
  url: string
  key: string
  ledger: PracticeLedger
  /** May be called twice; ends open connections. */
  stop(): Promise<void>
}

const HOUR_MS = 3_600_000

/** Starts the practice provider on 127.0.0.1. Rejects when the folder's journal is damaged or the port is taken. */
export async function startPractice(options: PracticeOptions): Promise<Practice> {
  await mkdir(join(options.folder, 'files'), { recursive: true })
  const keys = options.keys?.length
    ? options.keys
    : [await readOrMakeSecret(options.folder, 'key', 'practice-')]
  const secret = await readOrMakeSecret(options.folder, 'link-secret', '')
  const clips = await openClipShelf(options.resources)
  const books = await openBooks(options.folder, options.syncWrites ?? true)
  const stopping = new AbortController()
  const running = new Set<Promise<void>>()
  let base = ''
  const desk: Desk = {
    books,
    clips,
    clock: options.clock,
    newId: (length) => options.random.id(length),
    base: () => base,
    folder: options.folder,
    secret,
    settings: toSettings(options),
    limiter: createLimiter(() => options.clock.now(), {
      create: options.limits?.createsPerSecond,
      read: options.limits?.readsPerSecond,
    }),
    signal: stopping.signal,
    background(work) {
      running.add(work)
      void work.finally(() => running.delete(work))
    },
  }
  const ledger = createLedger(books, (task) => stateOf(desk, task))
  const server = createPracticeServer({ desk, keys, routes: [...ROUTES, ...ledgerRoutes(ledger)] })
  try {
    base = `http://127.0.0.1:${await listenSomewhere(server, options)}`
  } catch (error) {
    await books.close()
    throw error
  }
  resumeCallbacks(desk, books)
  let stopped: Promise<void> | undefined
  return {
    url: base,
    key: keys[0] ?? '',
    ledger,
    stop: () => {
      stopped ??= stopAll(server, stopping, running, books)
      return stopped
    },
  }
}

async function stopAll(
  server: Server,
  stopping: AbortController,
  running: ReadonlySet<Promise<void>>,
  books: Books,
): Promise<void> {
  stopping.abort(new Error('The practice provider was stopped.'))
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  await closed
  await Promise.all(running)
  await books.close()
}

function toSettings(options: PracticeOptions): Settings {
  const { timing = {}, limits = {} } = options
  const speed = options.speed !== undefined && options.speed > 0 ? options.speed : 1
  return {
    // A five second clip takes a little over a minute, as the vendor's pages say (one to five minutes).
    queueMs: (timing.queueMs ?? 5000) / speed,
    renderMsPerSecond: (timing.renderMsPerSecond ?? 12_000) / speed,
    speed,
    linkLifeMs: timing.linkLifeMs ?? 24 * HOUR_MS,
    fileLifeMs: timing.fileLifeMs ?? 72 * HOUR_MS,
    taskLifeMs: timing.taskLifeMs ?? 24 * HOUR_MS,
    tasksInFlight: limits.tasksInFlight ?? Number.POSITIVE_INFINITY,
    filesQuota: limits.filesQuota ?? 2000,
    balanceMicros: {
      credits: Math.round((limits.balanceCredits ?? 100_000) * 1_000_000),
      usd: Math.round((limits.balanceUsd ?? 1000) * 1_000_000),
    },
    vtrixBodyBytes: limits.vtrixBodyBytes ?? 20 * 1024 * 1024,
    vtrixForm: options.vtrixForm ?? 'both',
    takesVideoUploads: options.videoUploads ?? true,
  }
}

/** The two doors for the app and the command line: the same rows that tests read in memory. */
function ledgerRoutes(ledger: PracticeLedger): Route[] {
  const common = { method: 'GET', family: 'practice', bodyBytes: 0 } as const
  return [
    {
      ...common,
      path: /^\/practice\/tasks$/,
      handle: (desk, call) => {
        settleDue(desk)
        const since = Number(call.query.get('since') ?? 0)
        const tasks = [...desk.books.tasks.values()].filter((task) => !(task.createdAt < since))
        return json(200, { data: tasks.map((task) => toTaskRow(task, stateOf(desk, task))) })
      },
    },
    {
      ...common,
      path: /^\/practice\/ledger$/,
      handle: () =>
        json(200, {
          requests: ledger.requests(),
          tasks: ledger.tasks(),
          uploads: ledger.uploads(),
          callbacks: ledger.callbacks(),
        }),
    },
  ]
}

function resumeCallbacks(desk: Desk, books: Books): void {
  const done = new Set(books.callbacks.filter((row) => row.isLast).map((row) => row.taskId))
  for (const task of books.tasks.values()) {
    if (task.callbackUrl !== undefined && !done.has(task.id))
      desk.background(announceEnd(desk, task, task.callbackUrl))
  }
}

/** A secret of this folder. Written whole or not at all, so that a killed start leaves no empty key behind. */
async function readOrMakeSecret(folder: string, name: string, prefix: string): Promise<string> {
  const path = join(folder, name)
  const found = await readFile(path, 'utf8').catch(() => '')
  if (found.trim() !== '') return found.trim()
  const made = `${prefix}${randomBytes(24).toString('hex')}`
  await writeFile(`${path}.part`, `${made}\n`, { mode: 0o600 })
  await rename(`${path}.part`, path)
  return made
}

async function listenSomewhere(server: Server, options: PracticeOptions): Promise<number> {
  if (options.port !== undefined) return listen(server, options.port)
  const path = join(options.folder, 'port')
  const last = Number(await readFile(path, 'utf8').catch(() => '0'))
  const isUsable = Number.isInteger(last) && last > 0 && last < 65_536
  const port = isUsable ? await listen(server, last).catch(() => listen(server, 0)) : await listen(server, 0)
  await writeFile(path, `${port}\n`)
  return port
}

/** SECURITY: loopback only; nobody else on the network may spend practice money or read prompts. */
function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}
