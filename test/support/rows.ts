import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { NewAccount } from '../../src/main/core/store/accounts.ts'
import type { AttemptRecord } from '../../src/main/core/store/attempts.ts'
import type { JobRecord } from '../../src/main/core/store/jobs.ts'
import type { NewRun } from '../../src/main/core/store/runs.ts'
import { openStore, type Store } from '../../src/main/core/store/store.ts'
import { factsOf, NOW, newAccount, newJob, newRun } from './plain-rows.ts'

export * from './plain-rows.ts'

/** A folder that is gone when the test is over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'reelsheet-store-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A fresh store in a folder of its own; closed and gone when the test is over. */
export function freshStore(): Store & { path: string } {
  const path = join(temporaryFolder(), 'reelsheet.db')
  const store = openStore(path)
  onTestFinished(() => store.close())
  return Object.assign(store, { path })
}

/** An account, a run and any number of jobs and attempts in a store. */
export function plantIn(store: Store) {
  let tasks = 0
  const plant = {
    account: (more: Partial<NewAccount> = {}) => store.accounts.insert(newAccount(more)),
    run: (more: Partial<NewRun> = {}) => store.runs.insert(newRun(more)),
    /** A job in any state, with the facts that the state asks for. */
    job(runId: number, accountId: number, more: Partial<JobRecord> = {}): JobRecord {
      const { state = 'queued', ...rest } = more
      const id = store.jobs.insert(newJob(runId, accountId, { ...rest, state: 'queued' }))
      store.jobs.indexText(id - 1)
      const job = store.jobs.get(id) as JobRecord
      const next = { ...job, ...factsOf(state, `task-${++tasks}`), ...rest, version: job.version + 1 }
      if (!store.jobs.save(next)) throw new Error('a fresh job could not be saved')
      return next
    },
    /** An attempt of a job with its line in the ledger; sent when `sentAt` is given. */
    attempt(job: JobRecord, more: { sentAt?: number; body?: Record<string, unknown> } = {}): AttemptRecord {
      const account = store.accounts.get(job.accountId)
      const id = store.attempts.insert({
        jobId: job.id,
        accountId: job.accountId,
        idempotencyKey: `rs-${job.id}-${store.attempts.ofJob(job.id).length}`,
        bodyJson: JSON.stringify(more.body ?? { model: job.model, prompt: job.prompt }),
        bodySha256: 'd'.repeat(64),
        now: NOW,
      })
      store.ledger.open({
        attemptId: id,
        jobId: job.id,
        runId: job.runId,
        accountId: job.accountId,
        model: job.model,
        currency: account?.currency ?? 'credits',
        estimateMicros: job.estimateMicros,
        now: NOW,
      })
      if (more.sentAt !== undefined) store.attempts.markSent(id, more.sentAt)
      return store.attempts.ofJob(job.id).at(-1) as AttemptRecord
    },
  }
  return plant
}
export type Plant = ReturnType<typeof plantIn>
