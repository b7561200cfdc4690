import { join } from 'node:path'
import type { Fault } from './faults.ts'
import { parseFaults } from './faults.ts'
import { type Journal, openJournal } from './journal.ts'

export type Family = 'evolink' | 'vtrix'
export type Currency = 'credits' | 'usd'
export type TaskState = 'pending' | 'processing' | 'completed' | 'failed' | 'cancelled'

/** One request as it came in. The key itself is never kept, only the start of its hash. */
export interface RequestRow {
  at: number
  method: string
  path: string
  family: Family | 'files' | 'results' | 'practice' | 'other'
  keyName: string | null
  /** The HTTP status, or how the connection was ended instead. */
  status: number | string
  bytesIn: number
  taskId?: string
  /** Tasks that a read asked for. */
  reads?: string[]
  download?: string
  idempotencyKey?: string
  promptStart?: string
  /** True when an Authorization header came to a result link, where no key belongs. */
  leakedKey?: boolean
}

/** What was decided when a task was created; never changed afterwards. */
export interface TaskRecord {
  id: string
  family: Family
  model: string
  prompt: string
  /** The request's body with every data URI shortened to `data:<mime>;sha256=<hex>`. */
  request: unknown
  bodyHash: string
  keyName: string
  idempotencyKey?: string
  callbackUrl?: string
  createdAt: number
  startsAt: number
  endsAt: number
  end: { state: 'completed' | 'failed' | 'cancelled'; code?: string; message?: string }
  currency: Currency
  reservedMicros: number
  width: number
  height: number
  seconds: number
  sound: boolean
}

/** A task with what happened to it since. */
export interface Task extends TaskRecord {
  faults: Fault[]
  faultCounts: number[]
  settledAt?: number
  chargedMicros: number
  releasedMicros: number
  link: { generation: number; at: number; isDead: boolean }
  reads: number
  downloads: number
  isChanged: boolean
}

export interface UploadRecord {
  id: string
  path: string
  name: string
  originalName: string
  mime: string
  sizeBytes: number
  uploadedAt: number
  expiresAt: number
  kind: 'image' | 'video' | 'audio'
  format: string
  width?: number
  height?: number
  durationMs?: number
  hasAlpha?: boolean
}

export interface CallbackRow {
  at: number
  taskId: string
  url: string
  attempt: number
  /** The status, or why there was none. */
  outcome: string
  isLast: boolean
}

/** The faults of one intent: requests with the same content join it until it was answered cleanly. */
export interface Cycle {
  id: string
  content: string
  counts: number[]
  isClosed: boolean
}

export type Entry =
  | { kind: 'request'; row: RequestRow }
  | { kind: 'task'; task: TaskRecord }
  | { kind: 'mark'; id: string; counts: number[]; isChanged?: boolean }
  | { kind: 'settle'; id: string; at: number; chargedMicros: number; releasedMicros: number }
  | { kind: 'link'; id: string; generation: number; at: number; isDead: boolean }
  | { kind: 'cycle'; cycle: Cycle; key?: string }
  | { kind: 'upload'; upload: UploadRecord }
  | { kind: 'upload-removed'; id: string }
  | { kind: 'callback'; row: CallbackRow }

/** Everything the provider knows, in memory, and on disk before an answer leaves. */
export interface Books {
  requests: RequestRow[]
  tasks: Map<string, Task>
  /** `<key name>:<idempotency key>` to task id. */
  bound: Map<string, string>
  cycles: Map<string, Cycle>
  cycleOfKey: Map<string, string>
  openCycleOf: Map<string, string>
  uploads: Map<string, UploadRecord>
  uploadAt: Map<string, string>
  callbacks: CallbackRow[]
  unsettled: Set<Task>
  totals: Record<Currency, { reservedMicros: number; chargedMicros: number }>
  /** Applies an entry at once and queues it for the journal. */
  record(entry: Entry): void
  flush(): Promise<void>
  close(): Promise<void>
}

/** Losing one of these in a power cut would be losing money or an output; the rest is only counting. */
const CRITICAL: ReadonlySet<Entry['kind']> = new Set(['task', 'settle', 'cycle', 'upload', 'upload-removed'])

/** Opens the folder's journal and replays it. */
export async function openBooks(folder: string, syncWrites: boolean): Promise<Books> {
  const path = join(folder, 'journal.jsonl')
  const { journal, entries } = await openJournal<Entry>({ path, syncWrites })
  const books = createBooks(journal)
  for (const entry of entries) apply(books, entry)
  return books
}

function createBooks(journal: Journal<Entry>): Books {
  const books: Books = {
    requests: [],
    tasks: new Map(),
    bound: new Map(),
    cycles: new Map(),
    cycleOfKey: new Map(),
    openCycleOf: new Map(),
    uploads: new Map(),
    uploadAt: new Map(),
    callbacks: [],
    unsettled: new Set(),
    totals: {
      credits: { reservedMicros: 0, chargedMicros: 0 },
      usd: { reservedMicros: 0, chargedMicros: 0 },
    },
    record(entry) {
      apply(books, entry)
      journal.append(entry, CRITICAL.has(entry.kind))
    },
    flush: () => journal.flush(),
    close: () => journal.close(),
  }
  return books
}

function apply(books: Books, entry: Entry): void {
  switch (entry.kind) {
    case 'request':
      applyRequest(books, entry.row)
      return
    case 'task':
      applyTask(books, entry.task)
      return
    case 'mark': {
      const task = books.tasks.get(entry.id)
      if (!task) return
      task.faultCounts = entry.counts
      if (entry.isChanged) task.isChanged = true
      return
    }
    case 'settle':
      applySettle(books, entry)
      return
    case 'link': {
      const task = books.tasks.get(entry.id)
      if (task) task.link = { generation: entry.generation, at: entry.at, isDead: entry.isDead }
      return
    }
    case 'cycle':
      applyCycle(books, entry.cycle, entry.key)
      return
    case 'upload':
      books.uploads.set(entry.upload.id, entry.upload)
      books.uploadAt.set(`${entry.upload.path}/${entry.upload.name}`, entry.upload.id)
      return
    case 'upload-removed': {
      const upload = books.uploads.get(entry.id)
      books.uploads.delete(entry.id)
      if (upload && books.uploadAt.get(`${upload.path}/${upload.name}`) === entry.id)
        books.uploadAt.delete(`${upload.path}/${upload.name}`)
      return
    }
    case 'callback':
      books.callbacks.push(entry.row)
      return
    default:
      return
  }
}

function applyRequest(books: Books, row: RequestRow): void {
  books.requests.push(row)
  for (const id of row.reads ?? []) {
    const task = books.tasks.get(id)
    if (task) task.reads += 1
  }
  const downloaded = row.download === undefined ? undefined : books.tasks.get(row.download)
  if (downloaded) downloaded.downloads += 1
}

function applyTask(books: Books, record: TaskRecord): void {
  const task: Task = {
    ...record,
    faults: parseFaults(record.prompt),
    faultCounts: [],
    chargedMicros: 0,
    releasedMicros: 0,
    link: { generation: 0, at: record.endsAt, isDead: false },
    reads: 0,
    downloads: 0,
    isChanged: false,
  }
  books.tasks.set(task.id, task)
  books.unsettled.add(task)
  books.totals[task.currency].reservedMicros += task.reservedMicros
  if (task.idempotencyKey !== undefined) books.bound.set(`${task.keyName}:${task.idempotencyKey}`, task.id)
}

function applySettle(books: Books, entry: Extract<Entry, { kind: 'settle' }>): void {
  const task = books.tasks.get(entry.id)
  if (!task || task.settledAt !== undefined) return
  task.settledAt = entry.at
  task.chargedMicros = entry.chargedMicros
  task.releasedMicros = entry.releasedMicros
  task.link.at = entry.at
  books.unsettled.delete(task)
  books.totals[task.currency].reservedMicros -= task.reservedMicros
  books.totals[task.currency].chargedMicros += entry.chargedMicros
}

function applyCycle(books: Books, cycle: Cycle, key: string | undefined): void {
  books.cycles.set(cycle.id, cycle)
  if (key !== undefined) books.cycleOfKey.set(key, cycle.id)
  if (!cycle.isClosed) books.openCycleOf.set(cycle.content, cycle.id)
  else if (books.openCycleOf.get(cycle.content) === cycle.id) books.openCycleOf.delete(cycle.content)
}
