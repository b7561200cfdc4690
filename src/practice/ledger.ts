import type {
  Books,
  CallbackRow,
  Currency,
  Family,
  RequestRow,
  Task,
  TaskState,
  UploadRecord,
} from './books.ts'

/** One task as tests, the app and the command line read it. Amounts are whole micros of `currency`. */
export interface TaskRow {
  id: string
  family: Family
  model: string
  prompt: string
  request: unknown
  createdAt: number
  endsAt: number
  state: TaskState
  currency: Currency
  reservedMicros: number
  chargedMicros: number
  releasedMicros: number
  idempotencyKey: string | null
  reads: number
  downloads: number
  width: number
  height: number
  seconds: number
  sound: boolean
}

/** What the provider was asked and what it did; the same view that its journal gives after a restart. */
export interface PracticeLedger {
  requests(): readonly RequestRow[]
  tasks(): readonly TaskRow[]
  uploads(): readonly UploadRecord[]
  callbacks(): readonly CallbackRow[]
}

/** `stateOf` also settles what is due, so that a look at the ledger is never behind the clock. */
export function createLedger(books: Books, stateOf: (task: Task) => TaskState): PracticeLedger {
  return {
    requests: () => books.requests,
    tasks: () => [...books.tasks.values()].map((task) => toTaskRow(task, stateOf(task))),
    uploads: () => [...books.uploads.values()],
    callbacks: () => books.callbacks,
  }
}

export function toTaskRow(task: Task, state: TaskState): TaskRow {
  return {
    id: task.id,
    family: task.family,
    model: task.model,
    prompt: task.prompt,
    request: task.request,
    createdAt: task.createdAt,
    endsAt: task.endsAt,
    state,
    currency: task.currency,
    reservedMicros: task.reservedMicros,
    chargedMicros: task.chargedMicros,
    releasedMicros: task.releasedMicros,
    idempotencyKey: task.idempotencyKey ?? null,
    reads: task.reads,
    downloads: task.downloads,
    width: task.width,
    height: task.height,
    seconds: task.seconds,
    sound: task.sound,
  }
}
