import { isFinal, type Job, type JobState } from '../../../shared/job.ts'

export interface Move {
  job: Job
  /** Null when the job is only looked at. */
  from: JobState | null
}

export interface Transfer {
  jobId: number
  direction: 'up' | 'down'
  doneBytes: number
  totalBytes: number | null
}

const WORKING: readonly JobState[] = ['downloading', 'generating', 'submitting', 'uploading', 'unconfirmed']

/** What the live view knows of the jobs that are under way: told by id, read again, compared. */
export class Board {
  private readonly states = new Map<number, JobState>()
  private readonly unfinished = new Map<number, Job>()
  private readonly transfers = new Map<number, Transfer>()

  /** Takes a job as it is now; tells when its state moved. */
  take(job: Job): Move | null {
    // Queued rows are not read before they move: there may be a hundred thousand.
    const from = this.states.get(job.id) ?? 'queued'
    this.states.set(job.id, job.state)
    if (isFinal(job.state)) this.unfinished.delete(job.id)
    else this.unfinished.set(job.id, job)
    if (from === job.state) return null
    this.transfers.delete(job.id)
    return { job, from }
  }

  transfer(transfer: Transfer): void {
    if (this.unfinished.has(transfer.jobId)) this.transfers.set(transfer.jobId, transfer)
  }

  transferOf(jobId: number): Transfer | undefined {
    return this.transfers.get(jobId)
  }

  /** Jobs that something happens with, those nearest to their clip first. */
  working(): Job[] {
    return [...this.unfinished.values()]
      .filter((job) => WORKING.includes(job.state))
      .sort((a, b) => WORKING.indexOf(a.state) - WORKING.indexOf(b.state) || a.row - b.row)
  }

  /** Jobs whose last call could not connect. */
  offline(): Job[] {
    return [...this.unfinished.values()].filter((job) => job.problem?.code === 'unreachable')
  }

  /** When the first link dies that is not fetched yet; null when none is waiting. */
  nextLinkExpiry(): number | null {
    let first: number | null = null
    for (const { linkExpiresAt } of this.unfinished.values()) {
      if (linkExpiresAt !== null && (first === null || linkExpiresAt < first)) first = linkExpiresAt
    }
    return first
  }
}
