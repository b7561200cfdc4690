import type { Balance } from '../../../shared/account.ts'
import type { Problem } from '../../../shared/problem.ts'

/**
 * One provider family, as the steps see it. An adapter speaks the provider's language and decides
 * nothing: it answers, or throws one of the four errors below.
 */
export interface Provider {
  readonly can: {
    /** Milliseconds for which a repeat with the same key is answered with the first task; null = no such key. */
    readonly idempotencyMs: number | null
    readonly batchRead: boolean
    readonly listTasks: boolean
    /** The list surely shows every task: what is not in it was not created. Only the practice provider can say so. */
    readonly listIsComplete?: boolean
    readonly credits: boolean
    readonly upload: boolean
    /** References travel inside the request as `data:` addresses. */
    readonly inlineReferences: boolean
    /** A failed task is known to cost nothing. */
    readonly failedIsFree: boolean
  }
  /** Sends one create request. Throws Refused, Busy, Unreachable or Unconfirmed. */
  create(request: CreateRequest, signal: AbortSignal): Promise<Accepted>
  /**
   * Reads tasks; an id that the provider does not know is `forgotten`. An id that is absent from the
   * map could not be read this time (another one could): ask again later. Throws Refused, Busy or
   * Unreachable when nothing could be read.
   */
  read(remoteIds: readonly string[], signal: AbortSignal): Promise<Map<string, TaskReading>>
  /** Tasks created at or after `since` (epoch ms), newest first. */
  list?(since: number, signal: AbortSignal): Promise<ListedTask[]>
  credits?(signal: AbortSignal): Promise<Balance>
  /** The provider's published price rule of a model, as it came; asked for without the key. */
  priceRule?(model: string, signal: AbortSignal): Promise<unknown>
  /** Uploads one reference. Uploading is free and may be repeated. */
  upload?(file: UploadRequest, signal: AbortSignal): Promise<Uploaded>
  /** Places used and free at the file service. */
  fileQuota?(signal: AbortSignal): Promise<FileQuota>
  /** One page of the files stored at the file service, from page 1. */
  listFiles?(page: number, signal: AbortSignal): Promise<StoredFile[]>
  /** Removes one uploaded file; a file that is gone already is no error. */
  deleteFile?(fileId: string, signal: AbortSignal): Promise<void>
  /** Cheapest call that shows whether base address and key work. */
  probe(signal: AbortSignal): Promise<void>
}

export interface CreateRequest {
  /**
   * The body as stored with the attempt: a `data:` address is written
   * `data:<type>;sha256=<hex>` here and replaced by the bytes while the body is streamed out.
   */
  body: Record<string, unknown>
  idempotencyKey: string
  /** Opens a stored reference by hash; used for inline references. */
  openReference(sha256: string): { sizeBytes: number; stream(): NodeJS.ReadableStream }
}

export interface Accepted {
  remoteId: string
  isReplayed: boolean
  reservedMicros: number | null
  estimatedMs: number | null
  /** Which Vtrix envelope worked, to be remembered for the account. */
  vtrixForm?: 'plain' | 'wrapped'
}

export type TaskReading =
  | { state: 'running'; progress: number | null; estimatedMs: number | null }
  | { state: 'succeeded'; urls: string[]; chargedMicros: number | null }
  | {
      state: 'failed'
      code: string
      message: string
      /** Reasons outside the input: the same order may succeed later (a new paid task). */
      isTransient: boolean
      chargedMicros: number | null
      isRefunded: boolean | null
    }
  | { state: 'forgotten' }

export interface ListedTask {
  remoteId: string
  model: string
  createdAt: number
  state: string
  /** The body it was created with, in the attempts' form; only the practice provider tells it. */
  body?: Record<string, unknown>
}

export interface UploadRequest {
  sha256: string
  name: string
  mediaType: string
  sizeBytes: number
  stream(): NodeJS.ReadableStream
  onProgress(sentBytes: number): void
}

export interface Uploaded {
  url: string
  expiresAt: number | null
  fileId: string | null
}

export interface FileQuota {
  usedFiles: number | null
  maxFiles: number | null
  remainingFiles: number | null
}

export interface StoredFile {
  fileId: string
  name: string | null
  sizeBytes: number | null
  /** Epoch ms; null = not told. */
  uploadedAt: number | null
}

/** Whose reason it is: a refusal for the account's reason never fails a job. */
export type RefusalScope = 'job' | 'account'

export type RefusalKind =
  | 'invalid_request'
  | 'content'
  | 'auth'
  | 'balance'
  | 'balance_or_forbidden'
  | 'key_limit'
  | 'forbidden'
  | 'not_found'
  | 'feature_missing'
  | 'too_large'
  | 'upload_too_large'
  | 'upload_type_refused'
  | 'upload_quota'
  | 'upload_source_unreachable'

/** Surely refused: nothing was created, nothing was charged. Give up, or pause the account. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly kind: RefusalKind
  readonly scope: RefusalScope
  readonly problem: Problem
  readonly status: number | null
  /** Epoch ms at which the reason is said to end (a daily limit's reset); null = not told. */
  readonly until: number | null
  /** Size of the request that was too large, bytes; null where size is not the reason. */
  readonly sentBytes: number | null
  /** What the provider said, cut and cleaned; '' = nothing that can be read. */
  readonly said: string
  constructor(
    given: {
      kind: RefusalKind
      scope: RefusalScope
      problem: Problem
      status?: number | null
      until?: number | null
      sentBytes?: number | null
      said?: string
    },
    options?: ErrorOptions,
  ) {
    super(given.problem.what, options)
    this.kind = given.kind
    this.scope = given.scope
    this.problem = given.problem
    this.status = given.status ?? null
    this.until = given.until ?? null
    this.sentBytes = given.sentBytes ?? null
    this.said = given.said ?? ''
  }
}

/** Surely not done, and said to be worth another try: wait as told. `retryAfterMs` null = no time was named. */
export class Busy extends Error {
  override readonly name = 'Busy'
  readonly retryAfterMs: number | null
  readonly problem: Problem
  /** True for 429: the account's pace is halved. */
  readonly isRateLimit: boolean
  constructor(
    given: { problem: Problem; retryAfterMs: number | null; isRateLimit: boolean },
    options?: ErrorOptions,
  ) {
    super(given.problem.what, options)
    this.retryAfterMs = given.retryAfterMs
    this.problem = given.problem
    this.isRateLimit = given.isRateLimit
  }
}

/** Surely not received (or, for reads, simply worth repeating): back off and try again. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
  readonly problem: Problem
  /** No connection at all (offline, DNS, refused), as opposed to a fault of the server. */
  readonly isOffline: boolean
  constructor(given: { problem: Problem; isOffline: boolean }, options?: ErrorOptions) {
    super(given.problem.what, options)
    this.problem = given.problem
    this.isOffline = given.isOffline
  }
}

/** A create call whose effect is not known: it may have been created and charged. Find out first. */
export class Unconfirmed extends Error {
  override readonly name = 'Unconfirmed'
  readonly problem: Problem
  /** Wait before the one repeat under the same key, ms; null = the default. */
  readonly retryAfterMs: number | null
  /** False when the provider said that a repeat cannot help (the key belongs to another body). */
  readonly mayRepeat: boolean
  constructor(
    given: { problem: Problem; retryAfterMs?: number | null; mayRepeat?: boolean },
    options?: ErrorOptions,
  ) {
    super(given.problem.what, options)
    this.problem = given.problem
    this.retryAfterMs = given.retryAfterMs ?? null
    this.mayRepeat = given.mayRepeat ?? true
  }
}
