import type { AccountOptions } from '../../../shared/account.ts'
import type { Problem } from '../../../shared/problem.ts'
import type { TransferAgents } from '../archive/transfer.ts'
import type { Ports } from '../ports.ts'
import type { Provider } from '../provider/provider.ts'
import type { ReferenceStore } from '../references/store.ts'
import type { AccountRecord, Stops } from '../store/accounts.ts'
import type { AttemptRecord } from '../store/attempts.ts'
import type { NewClip } from '../store/clips.ts'
import type { JobRecord } from '../store/jobs.ts'
import type { LedgerEntry } from '../store/ledger.ts'
import type { UploadRecord } from '../store/references.ts'
import type { Store } from '../store/store.ts'
import type { DomainEvent } from './machine.ts'

/** What the engine's parts share. */
export interface Engine extends Ports {
  store: Store
  references: ReferenceStore
  agents: TransferAgents
  /** The adapter for an account and a model; null when the account's family does not sell it. */
  providerFor(account: AccountRecord, model: string): Provider | null
  /** Told after each durable change of a job. */
  changed(jobId: number): void
  /** Told while bytes move, with totals where they are known. */
  progressed(transfer: Transfer): void
  /** Told what a person should see at once. */
  noticed(problem: Problem): void
  userAgent: string
  appVersion: string
}

export interface Transfer {
  jobId: number
  direction: 'up' | 'down'
  doneBytes: number
  totalBytes: number | null
}

/**
 * What a step found out: the job's event, and the facts that must become durable in the same
 * transaction. A step never writes; the scheduler applies this.
 */
export interface Report {
  event: DomainEvent
  attempt?: AttemptChange
  ledger?: { attemptId: number; entry: LedgerEntry }
  clip?: NewClip
  account?: { stops: Stops; problem: Problem; until: number | null }
  /** `retiredModels` are added to those that are known. */
  learned?: Partial<AccountOptions>
  /** What was found out of another account: of the one that holds the files of this one. */
  host?: { accountId: number } & Pick<Report, 'account' | 'learned'>
  /** What the answer says about the account's pace. */
  pace?: { type: 'slow'; retryAfterMs: number } | { type: 'offline' | 'online' | 'taken' | 'doubtful' }
  /** More for the job's history. */
  facts?: Record<string, unknown>
}

export type AttemptChange =
  | { id: number; unsent: true }
  /** The repeat did not arrive for sure; the first request is as much in doubt as before. */
  | { id: number; unrepeated: true }
  | { id: number; outcome: AttemptRecord['outcome']; remoteId?: string; problem?: Problem }

export interface StepInput {
  job: JobRecord
  account: AccountRecord
  provider: Provider
}

export type KeepUpload = (upload: Omit<UploadRecord, 'id'>) => void
