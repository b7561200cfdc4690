import { join } from 'node:path'
import type { Engine, StepInput } from '../../src/main/core/jobs/engine.ts'
import type { Provider } from '../../src/main/core/provider/provider.ts'
import { createReferenceStore } from '../../src/main/core/references/store.ts'
import type { AttemptRecord } from '../../src/main/core/store/attempts.ts'
import type { JobRecord } from '../../src/main/core/store/jobs.ts'
import { freshStore, NOW, plantIn, temporaryFolder } from './rows.ts'

/** A provider that answers by script, one function a call; whatever is not scripted must not be called. */
export function scriptedProvider(
  script: Partial<Omit<Provider, 'can'>> & { can?: Partial<Provider['can']> } = {},
): Provider {
  const unasked = (call: string) => (): never => {
    throw new Error(`${call} was not expected`)
  }
  const { can, ...calls } = script
  return {
    can: {
      idempotencyMs: null,
      batchRead: false,
      listTasks: false,
      credits: false,
      upload: false,
      inlineReferences: false,
      failedIsFree: false,
      ...can,
    },
    create: unasked('create'),
    read: unasked('read'),
    probe: unasked('probe'),
    ...calls,
  }
}

export interface StepBench {
  engine: Engine
  input: StepInput & { attempt: AttemptRecord }
  job: JobRecord
  attempt: AttemptRecord
}

/**
 * A step's surroundings: a real store with one account, one job and its sent attempt, a clock that stands
 * still at `NOW` and a chance that is always one half.
 */
export function stepBench(
  state: JobRecord['state'],
  provider: Provider,
  more: Partial<JobRecord> & { sentAt?: number; body?: Record<string, unknown> } = {},
): StepBench {
  const store = freshStore()
  const plant = plantIn(store)
  const { sentAt = NOW, body, ...facts } = more
  const accountId = plant.account()
  const job = plant.job(plant.run(), accountId, { state, ...facts })
  const attempt = plant.attempt(job, { sentAt, ...(body && { body }) })
  const account = store.accounts.get(accountId)
  if (!account) throw new Error('the account was just planted')
  const quiet = () => undefined
  const engine: Engine = {
    store,
    references: createReferenceStore(join(temporaryFolder(), 'references')),
    get agents(): Engine['agents'] {
      throw new Error('this step does not transfer')
    },
    clock: { now: () => NOW, sleep: () => Promise.reject(new Error('this step does not sleep')) },
    random: { next: () => 0.5, id: (length) => 'x'.repeat(length) },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    secrets: { read: () => undefined, write: () => '', remove: quiet },
    checkpoint: quiet,
    providerFor: () => provider,
    changed: quiet,
    progressed: quiet,
    noticed: quiet,
    userAgent: 'Reelsheet/test',
    appVersion: 'test',
  }
  return { engine, job, attempt, input: { job, account, provider, attempt } }
}
