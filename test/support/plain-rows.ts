import type { NewAccount } from '../../src/main/core/store/accounts.ts'
import type { NewClip } from '../../src/main/core/store/clips.ts'
import type { JobRecord, NewJob } from '../../src/main/core/store/jobs.ts'
import type { NewRun } from '../../src/main/core/store/runs.ts'
import { AccountOptions } from '../../src/shared/account.ts'
import { isFinal } from '../../src/shared/job.ts'
import { problem } from '../../src/shared/problem.ts'
import type { Reference } from '../../src/shared/reference.ts'

/** Rows for tests: whole and plain, with whatever a test wants otherwise. */

/** 2026-03-01T12:00:00Z, the moment at which every test begins. */
export const NOW = 1_772_366_400_000

export const TROUBLE = problem('provider-fault', 'Something broke.', 'Wait.')

export const newAccount = (more: Partial<NewAccount> = {}): NewAccount => ({
  name: 'practice',
  family: 'practice',
  baseUrl: null,
  filesUrl: null,
  proxyUrl: null,
  currency: 'credits',
  prices: {},
  limits: { inFlight: 5, submitsPerSecond: 5, pollsPerSecond: 5, downloadsAtOnce: 4, uploadsAtOnce: 2 },
  options: AccountOptions.parse({}),
  capMicros: null,
  keyKept: null,
  createdAt: NOW,
  ...more,
})

export const newRun = (more: Partial<NewRun> = {}): NewRun => ({
  name: 'harbour',
  sheetPath: '/sheets/harbour.csv',
  sheetSha256: 'a'.repeat(64),
  headers: ['prompt', 'model'],
  archiveFolder: '/archive',
  nameTemplate: '{run}/{row:000}-{slug}-{take}.mp4',
  capMicros: null,
  capMode: 'hard',
  approvedMicros: null,
  startAt: null,
  createdAt: NOW,
  ...more,
})

export const newJob = (runId: number, accountId: number, more: Partial<NewJob> = {}): NewJob => ({
  runId,
  accountId,
  parentId: null,
  row: 1,
  rowKey: null,
  take: 1,
  fingerprint: 'f'.repeat(64),
  name: null,
  state: 'queued',
  pauses: 0,
  runAt: NOW,
  model: 'wan2.6-text-to-video',
  prompt: 'a paper boat in the rain',
  order: { duration: 5 },
  cells: { prompt: 'a paper boat in the rain' },
  estimateMicros: 10_000_000,
  problem: null,
  createdAt: NOW,
  ...more,
})

export const newReference = (more: Partial<Reference> = {}): Omit<Reference, 'id'> => ({
  sha256: 'b'.repeat(64),
  kind: 'image',
  format: 'png',
  mediaType: 'image/png',
  sizeBytes: 100,
  width: 640,
  height: 480,
  durationMs: null,
  framesPerSecond: null,
  hasSound: null,
  hasTransparency: false,
  name: 'boat.png',
  originalPath: '/media/boat.png',
  sourceId: null,
  change: null,
  createdAt: NOW,
  ...more,
})

export const newClip = (more: Partial<NewClip> = {}): NewClip => ({
  jobId: null,
  runId: null,
  archiveFolder: '/archive',
  path: 'harbour/001-a-paper-boat-1.mp4',
  sidecarPath: 'harbour/001-a-paper-boat-1.json',
  sha256: 'c'.repeat(64),
  sizeBytes: 1000,
  width: 1280,
  height: 720,
  durationMs: 5000,
  hasSound: true,
  model: 'wan2.6-text-to-video',
  prompt: 'a paper boat in the rain',
  remoteId: 'task-1',
  problem: null,
  createdAt: NOW,
  ...more,
})

/** What a job in a state must have beside the state's word. */
export function factsOf(state: JobRecord['state'], name: string): Partial<JobRecord> {
  const hasTask = state === 'generating' || state === 'downloading' || state === 'done'
  const hasLink = state === 'downloading' || state === 'done'
  return {
    state,
    ...(hasTask && { remoteId: name, acceptedAt: NOW, attempt: 1, progress: 0.5 }),
    ...(hasLink && { link: `https://files.example/${name}.mp4`, linkExpiresAt: NOW + 86_400_000 }),
    ...(isFinal(state) && { finishedAt: NOW }),
    ...((state === 'failed' || state === 'unconfirmed') && { problem: TROUBLE, attempt: 1 }),
  }
}
