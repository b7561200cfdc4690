import type { Disk } from './archive/disk.ts'

/**
 * What the core cannot own and a host (or a test) hands in. Nothing in the core asks the
 * machine for time, chance, secrets or a console except through these.
 */
export interface Clock {
  /** Epoch milliseconds, UTC. */
  now(): number
  /** Resolves after `ms`; rejects with `signal.reason` when aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Milliseconds that have passed since some moment: nobody can set it. A clock without it is never set. */
  elapsed?(): number
}

/** The same clock, showing only what passed: for time limits, which a clock that is set must not end or prolong. */
export function steady(clock: Clock): Clock {
  const { elapsed } = clock
  if (!elapsed) return clock
  return { now: () => elapsed.call(clock), sleep: (ms, signal) => clock.sleep(ms, signal) }
}

export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** `length` characters of a-z and 0-9, unguessable in production. */
  id(length: number): string
}

/** Facts, not sentences: a constant message and fields. Never a key, a prompt or a signed address. */
export interface Logger {
  debug(message: string, fields?: Fields): void
  info(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  error(message: string, fields?: Fields): void
}
export type Fields = Record<string, string | number | boolean | null | undefined>

/** Account keys, by account name. Values never leave the core except in an `Authorization` header. */
export interface Secrets {
  read(account: string): string | undefined
  /** Returns how the key is kept, in words for a person ("until quit", "in a file only you can read"). */
  write(account: string, key: string): string
  remove(account: string): void
}

/**
 * Called as each named durable step is passed. Production does nothing; the crash tests kill the
 * process here. The names are the list of places where a crash must be harmless.
 */
export type Checkpoint = (point: CheckpointName) => void
export const CHECKPOINTS = [
  'upload.started',
  'upload.answered',
  'upload.stored',
  'submit.claimed',
  'submit.marked-sent',
  'submit.answered',
  'submit.stored',
  'download.started',
  'download.received',
  'download.synced',
  'download.verified',
  'download.noted',
  'download.named',
  'download.sidecar',
  'download.stored',
] as const
export type CheckpointName = (typeof CHECKPOINTS)[number]

export interface Ports {
  clock: Clock
  random: Random
  log: Logger
  secrets: Secrets
  checkpoint: Checkpoint
  /** The archive's file calls; the real disk unless a test breaks one. */
  disk?: Disk
}
