import * as z from 'zod'
import { Problem } from './problem.ts'

/** One word, true now. `run_at` says when the job is next due. */
export const JobState = z.enum([
  'held',
  'queued',
  'uploading',
  'submitting',
  'unconfirmed',
  'generating',
  'downloading',
  'done',
  'failed',
  'cancelled',
])
export type JobState = z.infer<typeof JobState>

export const FINAL_STATES = ['done', 'failed', 'cancelled'] as const satisfies readonly JobState[]
/** States in which a task of ours may be unfinished at the provider. */
export const IN_FLIGHT_STATES = [
  'uploading',
  'submitting',
  'generating',
] as const satisfies readonly JobState[]

/**
 * Why a held row stays held when its run is started: it comes from a backup and may have been bought since, or it
 * has a price that nobody has seen. Such rows are released one by one.
 */
export const STAYS_HELD = ['not-possible', 'price-changed'] as const satisfies readonly Problem['code'][]
export const staysHeld = (problem: Problem | null): boolean =>
  problem !== null && (STAYS_HELD as readonly Problem['code'][]).includes(problem.code)

export const isFinal = (state: JobState): boolean => (FINAL_STATES as readonly JobState[]).includes(state)

/** How many jobs are in each state. */
export const StateCounts = z.record(JobState, z.int().nonnegative())
export type StateCounts = z.infer<typeof StateCounts>

export const JobReference = z.object({
  /** Place in the row, from 1; the audio reference has role `audio`. */
  position: z.int().positive(),
  role: z.enum(['reference', 'audio']),
  referenceId: z.int().nullable(),
  /** A public address instead of a stored reference. */
  address: z.string().nullable(),
  name: z.string(),
  kind: z.enum(['image', 'video', 'audio']),
})
export type JobReference = z.infer<typeof JobReference>

export const Job = z.object({
  id: z.int(),
  runId: z.int(),
  accountId: z.int(),
  accountName: z.string(),
  /** Data row of the sheet, from 1. */
  row: z.int(),
  /** The row's own id, where the sheet has one. */
  rowKey: z.string().nullable(),
  name: z.string().nullable(),
  state: JobState,
  isPaused: z.boolean(),
  priority: z.int(),
  runAt: z.int(),
  model: z.string(),
  prompt: z.string(),
  /** The resolved order, as it is or will be sent. */
  order: z.record(z.string(), z.unknown()),
  attempt: z.int(),
  setbacks: z.int(),
  progress: z.number().min(0).max(1).nullable(),
  remoteId: z.string().nullable(),
  /** When the output's link dies; null = no output yet. */
  linkExpiresAt: z.int().nullable(),
  estimateMicros: z.int().nullable(),
  /** What this job counts against its caps now. */
  countedMicros: z.int(),
  chargedMicros: z.int().nullable(),
  currency: z.enum(['credits', 'usd']),
  problem: Problem.nullable(),
  clipId: z.int().nullable(),
  createdAt: z.int(),
  finishedAt: z.int().nullable(),
  version: z.int(),
})
export type Job = z.infer<typeof Job>

export const JobEvent = z.object({
  id: z.int(),
  jobId: z.int(),
  at: z.int(),
  type: z.string(),
  from: JobState.nullable(),
  to: JobState.nullable(),
  problem: Problem.nullable(),
  facts: z.record(z.string(), z.unknown()),
})
export type JobEvent = z.infer<typeof JobEvent>

export const Attempt = z.object({
  id: z.int(),
  jobId: z.int(),
  number: z.int(),
  idempotencyKey: z.string(),
  bodySha256: z.string(),
  createdAt: z.int(),
  sentAt: z.int().nullable(),
  /** The one repeat under the same key, where the provider takes keys. */
  resentAt: z.int().nullable(),
  outcome: z.enum(['open', 'accepted', 'refused', 'not-sent', 'unknown', 'found', 'absent', 'left']),
  remoteId: z.string().nullable(),
})
export type Attempt = z.infer<typeof Attempt>

/** An attempt's line in the ledger. `counted` is what stands against the caps now. */
export const LedgerLine = z.object({
  attemptId: z.int(),
  jobId: z.int(),
  runId: z.int(),
  accountId: z.int(),
  currency: z.enum(['credits', 'usd']),
  standing: z.enum(['open', 'reserved', 'charged', 'released', 'unknown']),
  estimateMicros: z.int().nullable(),
  reservedMicros: z.int().nullable(),
  chargedMicros: z.int().nullable(),
  countedMicros: z.int(),
  at: z.int(),
})
export type LedgerLine = z.infer<typeof LedgerLine>
