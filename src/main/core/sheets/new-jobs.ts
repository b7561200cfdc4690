import type { JobState } from '../../../shared/job.ts'
import { type Problem, problem } from '../../../shared/problem.ts'
import { apply } from '../jobs/apply.ts'
import type { Engine } from '../jobs/engine.ts'
import type { NewJobRow } from '../store/job-inserts.ts'
import { type EarlierJob, type NewJob, PAUSED_BY_RUN } from '../store/jobs.ts'
import type { RunRecord } from '../store/runs.ts'
import { isReady, type ReadySheet } from './check.ts'
import { nameOf } from './edited.ts'
import type { Media } from './media-desk.ts'
import type { ReadyRow } from './row-desk.ts'

/**
 * Numbers for new jobs: of a row's jobs each has its own. A row's first jobs have the numbers of its choices and
 * takes; those that come later go on from the highest.
 */
export class Takes {
  private readonly highest = new Map<number, number>()

  constructor(earlier: readonly EarlierJob[]) {
    for (const { row, take } of earlier) {
      if (take > (this.highest.get(row) ?? 0)) this.highest.set(row, take)
    }
  }

  next(row: number, variant: number): number {
    const highest = this.highest.get(row)
    if (highest === undefined) return variant
    this.highest.set(row, highest + 1)
    return highest + 1
  }
}

/** What no longer stands for its row is not bought any more, where it was not bought yet. */
export function cancelReplaced(engine: Engine, { rows }: ReadySheet): void {
  for (const row of rows.filter(isReady)) {
    for (const job of row.earlier) {
      if (row.standing === 'changed' || job !== row.job) cancelUnbought(engine, job.id)
    }
  }
}

function cancelUnbought(engine: Engine, jobId: number): void {
  // Read again: the row may have been bought since the sheet was compared.
  const job = engine.store.jobs.get(jobId)
  if (!job || !UNBOUGHT.includes(job.state)) return
  const attempt = engine.store.attempts.undecided(jobId)
  const replaced: Problem = problem(
    'row-repeated',
    'A changed version of this row took its place before it was bought.',
    'Nothing to do.',
    { jobId, row: job.row },
    'info',
  )
  apply(engine, jobId, {
    event: { type: 'cancelled', problem: replaced },
    ...(attempt && {
      attempt: { id: attempt.id, outcome: 'not-sent' },
      ledger: { attemptId: attempt.id, entry: { standing: 'released' } },
    }),
  })
}

const UNBOUGHT: readonly JobState[] = ['held', 'queued', 'uploading']

/** What the new jobs of an import have in common. */
export interface NewJobs {
  ids: ReadonlyMap<string, number>
  takes: Takes
  now: number
  runAt: number
  isHeld: boolean
}

export function newJobRow(
  row: ReadyRow,
  run: RunRecord,
  { ids, takes, now, runAt, isHeld }: NewJobs,
): NewJobRow {
  const { sheetRow, account, order } = row
  // What is bought again belongs to the row that it was, wherever a manifest lists it.
  const number = row.standing === 'new' && row.job ? row.job.row : sheetRow.row
  if (!account || !order) throw new Error('a row without an order is not ready')
  const references = row.references.map((media, index) => link('reference', index + 1, media, ids))
  if (row.audio) references.push(link('audio', 1, row.audio, ids))
  const job: NewJob = {
    runId: run.id,
    accountId: account.id,
    parentId: row.job?.id ?? null,
    row: number,
    rowKey: sheetRow.values.id ?? null,
    take: takes.next(number, sheetRow.variant),
    fingerprint: row.fingerprint,
    name: sheetRow.values.name ?? null,
    state: isHeld ? 'held' : 'queued',
    pauses: run.isPaused ? PAUSED_BY_RUN : 0,
    runAt,
    model: order.model,
    prompt: order.prompt ?? '',
    order: order as unknown as Record<string, unknown>,
    cells: sheetRow.cells,
    estimateMicros: row.estimate?.highMicros ?? null,
    problem: row.problems.find((one) => one.level === 'warning') ?? null,
    createdAt: now,
  }
  return { job, references }
}

function link(role: 'reference' | 'audio', position: number, media: Media, ids: ReadonlyMap<string, number>) {
  const referenceId = media.sha256 === null ? null : (ids.get(media.sha256) ?? null)
  return {
    role,
    position,
    referenceId,
    address: media.address,
    name: nameOf(media),
    kind: media.facts.kind,
  }
}
