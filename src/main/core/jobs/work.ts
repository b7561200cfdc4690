import type { JobRecord } from '../store/jobs.ts'
import { gather } from '../system.ts'
import { makeDurable, reportFault, tellFault } from './durable.ts'
import type { Engine, Report } from './engine.ts'
import type { Paces } from './limits.ts'

/** Reports that are written in one transaction: more would keep the event loop from everything else. */
const MOST_TOGETHER = 16

interface Reported {
  reports: [jobId: number, report: Report][]
  stored(): void
  failed(error: unknown): void
}

/** The steps under way, one a job, and what they report. */
export class Work {
  readonly #engine: Engine
  readonly #paces: Paces
  readonly #lookAgain: () => void
  readonly #running = new Map<number, Promise<void>>()
  readonly #stopSteps = new AbortController()
  readonly #reported: Reported[] = []
  #isStoring = false

  constructor(engine: Engine, paces: Paces, lookAgain: () => void) {
    this.#engine = engine
    this.#paces = paces
    this.#lookAgain = lookAgain
  }

  /** Aborted when reads and transfers are to be cut off. */
  get signal(): AbortSignal {
    return this.#stopSteps.signal
  }

  /** Jobs that a step works on at this moment. */
  get size(): number {
    return this.#running.size
  }

  get ids(): number[] {
    return [...this.#running.keys()]
  }

  /** Whether a step works on the job; what it reports is still to come. */
  has(jobId: number): boolean {
    return this.#running.has(jobId)
  }

  /** The first `most` of these ids that no step works on. */
  free(ids: readonly number[], most: number): number[] {
    return ids.filter((id) => !this.#running.has(id)).slice(0, Math.max(0, most))
  }

  cutOff(): void {
    this.#stopSteps.abort(new Error('stopping'))
  }

  /** Resolves when everything under way has been stored. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running.values())
  }

  /** Begins a step; its jobs are looked at again once what it reports is durable. */
  begin(jobs: JobRecord[], step: () => Promise<Map<number, Report>>): void {
    const one = this.#carryOut(jobs, step)
      .catch((error: unknown) => tellFault(this.#engine, error))
      .finally(() => {
        for (const job of jobs) this.#running.delete(job.id)
        this.#lookAgain()
      })
    for (const job of jobs) this.#running.set(job.id, one)
  }

  async #carryOut(jobs: JobRecord[], step: () => Promise<Map<number, Report>>): Promise<void> {
    let reports: Map<number, Report>
    try {
      reports = await step()
    } catch (error) {
      if (this.signal.aborted) return
      this.#engine.log.error('step failed', { jobId: jobs[0]?.id, error: String((error as Error).stack) })
      reports = new Map(jobs.map((job) => [job.id, reportFault(this.#engine, job)]))
    }
    if (this.signal.aborted) reports = new Map([...reports].filter(([, report]) => !isCutOff(report)))
    await this.#store(reports)
    for (const [jobId, report] of reports) this.#follow(jobs, jobId, report)
    if ([...reports.values()].some((report) => report.attempt)) this.#engine.checkpoint('submit.stored')
    if ([...reports.values()].some((report) => report.clip)) this.#engine.checkpoint('download.stored')
  }

  /** What is reported within a few turns of the event loop shares its transaction: one sync of the disk for all of it. */
  async #store(reports: ReadonlyMap<number, Report>): Promise<void> {
    const all = [...reports]
    const parts = Array.from({ length: Math.ceil(all.length / MOST_TOGETHER) }, (_, index) =>
      all.slice(index * MOST_TOGETHER, (index + 1) * MOST_TOGETHER),
    )
    const stored = parts.map(
      (part) =>
        new Promise<void>((stored, failed) => void this.#reported.push({ reports: part, stored, failed })),
    )
    if (!this.#isStoring) void this.#storeReported()
    await Promise.all(stored)
  }

  async #storeReported(): Promise<void> {
    this.#isStoring = true
    while (this.#reported.length > 0) {
      await gather()
      const group = this.#takeGroup()
      const all = new Map(group.flatMap(({ reports }) => reports))
      // Not waited for: trouble with these holds up no others.
      makeDurable(this.#engine, all, this.signal).then(
        () => group.forEach(({ stored }) => void stored()),
        (error: unknown) => group.forEach(({ failed }) => void failed(error)),
      )
    }
    this.#isStoring = false
  }

  #takeGroup(): Reported[] {
    let count = 0
    let size = 0
    while (count < this.#reported.length && size < MOST_TOGETHER)
      size += this.#reported[count++]?.reports.length ?? 0
    return this.#reported.splice(0, count)
  }

  #follow(jobs: JobRecord[], jobId: number, report: Report): void {
    const job = jobs.find((one) => one.id === jobId)
    if (job && report.pace) this.#paces.follow(job.accountId, report.pace, this.#engine.clock.now())
  }
}

/** A wait that only our own stop has caused is not written down: the row goes on where it was. */
function isCutOff(report: Report): boolean {
  return report.event.type === 'set-back' && !report.attempt && !report.account
}
