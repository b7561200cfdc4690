import type { Problem } from '../../../shared/problem.ts'
import type { Provider } from '../provider/provider.ts'
import { download } from '../steps/download.ts'
import { look } from '../steps/look.ts'
import { type Polled, poll } from '../steps/poll.ts'
import { isWithin, NEVER } from '../steps/submit.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { JobRecord } from '../store/jobs.ts'
import type { Engine, Report } from './engine.ts'
import type { Pace } from './limits.ts'
import { LOOK_FOR_MS } from './policy.ts'
import type { Work } from './work.ts'

/** Ids that one batch read takes (source: https://github.com/deeplearning-goethe/evolink-cli). */
const BATCH = 50

/** What is with the provider already: read, looked for, fetched. Free, so it may begin at any time. */
export class Watch {
  readonly #engine: Engine
  readonly #work: Work
  readonly #downloading = new Map<number, number>()

  constructor(engine: Engine, work: Work) {
    this.#engine = engine
    this.#work = work
  }

  startDownloads(account: AccountRecord, now: number): void {
    const { store } = this.#engine
    const running = this.#downloading.get(account.id) ?? 0
    const slots = account.limits.downloadsAtOnce - running
    if (slots <= 0) return
    const due = store.jobs.dueDownloads(account.id, now, slots + running)
    for (const job of store.jobs.getAll(this.#work.free(due, slots))) {
      this.#count(account.id, 1)
      const provider = this.#engine.providerFor(account, job.model)
      this.#work.begin([job], async () => {
        try {
          const report = await download({ job, account, provider }, this.#engine, this.#work.signal)
          return new Map([[job.id, report]])
        } finally {
          this.#count(account.id, -1)
        }
      })
    }
  }

  #count(accountId: number, change: 1 | -1): void {
    this.#downloading.set(accountId, (this.#downloading.get(accountId) ?? 0) + change)
  }

  /** False when reads are due that the pace holds back. */
  startPolls(account: AccountRecord, pace: Pace, now: number): boolean {
    const { jobs } = this.#engine.store
    const due = jobs.dueWorking(account.id, 'generating', now, BATCH * 4 + this.#work.size)
    for (const batch of this.#batches(account, jobs.getAll(this.#work.free(due, BATCH * 4)))) {
      if (!pace.takePoll(now)) return false
      this.#work.begin(
        batch.polled.map(({ job }) => job),
        () => poll(batch.polled, batch.provider, this.#engine, this.#work.signal),
      )
    }
    return true
  }

  #batches(account: AccountRecord, due: JobRecord[]): { provider: Provider; polled: Polled[] }[] {
    const groups = new Map<Provider, Polled[]>()
    for (const job of due) {
      const provider = this.#engine.providerFor(account, job.model)
      const attempt = this.#engine.store.attempts.byTask(account.id, job.remoteId as string)
      if (!provider || !attempt) continue
      const group = groups.get(provider) ?? []
      group.push({ job, attempt })
      groups.set(provider, group)
    }
    return [...groups].flatMap(([provider, polled]) => {
      const size = provider.can.batchRead ? BATCH : 1
      return Array.from({ length: Math.ceil(polled.length / size) }, (_, index) => ({
        provider,
        polled: polled.slice(index * size, (index + 1) * size),
      }))
    })
  }

  /** Looks for the task of one unconfirmed row: two that were ordered alike must not both find the same one. */
  startLooks(account: AccountRecord, now: number): void {
    const { store } = this.#engine
    const due = store.jobs.dueWorking(account.id, 'unconfirmed', now, 20)
    if (due.some((id) => this.#work.has(id))) return
    for (const job of store.jobs.getAll(due.slice(0, 1))) {
      const provider = this.#engine.providerFor(account, job.model)
      const attempt = store.attempts.undecided(job.id)
      if (!provider?.list || !attempt) continue
      this.#work.begin([job], async () => {
        const looking = look({ job, account, provider, attempt }, this.#engine, this.#work.signal)
        const report = await looking.catch((error: unknown) => this.#lookLater(job, error))
        return new Map([[job.id, report]])
      })
    }
  }

  #lookLater(job: JobRecord, error: unknown): Report {
    this.#engine.log.warn('could not look for a task', { jobId: job.id, error: (error as Error).name })
    const now = this.#engine.clock.now()
    const sentAt = this.#engine.store.attempts.undecided(job.id)?.sentAt ?? now
    const lookAt = isWithin(now - sentAt, LOOK_FOR_MS) ? now + 30_000 : NEVER
    return { event: { type: 'looked', problem: job.problem as Problem, lookAt } }
  }
}
