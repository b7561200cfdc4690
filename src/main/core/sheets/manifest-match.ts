import { type Problem, problem } from '../../../shared/problem.ts'
import type { EarlierJob, JobRecord } from '../store/jobs.ts'
import type { RunRecord } from '../store/runs.ts'
import type { Store } from '../store/store.ts'
import { turnOfLoop } from '../system.ts'
import { matchRows, type OrderedBy } from './match.ts'
import type { OurColumns } from './own-columns.ts'
import type { ReadyRow } from './row-desk.ts'
import { isTurn } from './steps.ts'

export interface ManifestPorts {
  ours: OurColumns
  store: Store
  isFailedOnly: boolean
}

/** So many rows say which run a manifest is of. */
const MOST_ASKED = 200

/**
 * The run that a manifest was written of, or that went on with it, if it is in this database: by its tasks, by its
 * file, else by the orders that it would make, all of which must be there.
 */
export function runOfManifest(
  rows: readonly ReadyRow[],
  { ours, store, isFailedOnly }: ManifestPorts,
  ofPath: RunRecord | undefined,
): RunRecord | undefined {
  const tasks = rows.map((row) => cellOf(row, ours, 'task id')).filter((id) => id !== '')
  for (const id of tasks.slice(0, MOST_ASKED)) {
    const job = jobOfTask(id, store)
    if (job) return store.runs.get(job.runId)
  }
  if (ofPath) return ofPath
  const wanted = rows.filter((row) => row.fingerprint !== '' && mayOrder(row, ours, isFailedOnly))
  const orders = [...new Set(wanted.map(({ fingerprint }) => fingerprint))]
  const asked = orders.slice(0, MOST_ASKED).map((order) => new Set(store.jobs.runsThatOrder(order)))
  const runs = [...(asked[0] ?? [])].filter((id) => asked.every((each) => each.has(id)))
  return runs.length === 0 ? undefined : store.runs.get(Math.max(...runs))
}

function jobOfTask(remoteId: string, store: Store): JobRecord | undefined {
  for (const { id } of store.accounts.list()) {
    const job = store.jobs.byTask(id, remoteId)
    if (job) return job
  }
  return undefined
}

const cellOf = ({ sheetRow }: ReadyRow, ours: OurColumns, name: Parameters<OurColumns['get']>[0]): string =>
  (sheetRow.cells[ours.get(name) ?? ''] ?? '').trim()

/**
 * Decides which rows of a manifest may be ordered: those that surely ended without being paid for, by its own word
 * and, where their jobs are known, by what is known of them now. All others stand as they are. Returns what a person
 * is told of them.
 */
export async function matchManifest(
  rows: readonly ReadyRow[],
  jobs: readonly EarlierJob[],
  { ours, store, isFailedOnly }: ManifestPorts,
  orderedBy: OrderedBy,
): Promise<Problem[]> {
  matchTasks(rows, jobs, ours)
  const taken = new Set(rows.map(({ job }) => job))
  matchRows(
    rows.filter(({ job }) => !job),
    jobs.filter((job) => !taken.has(job)),
    orderedBy,
  )
  const followed = store.jobs.parents()
  let kept = 0
  for (const [at, row] of rows.entries()) {
    if (isTurn(at)) await turnOfLoop()
    const isWanted = mayOrder(row, ours, isFailedOnly) && mayBuyAgain(row, ours, store, followed)
    if (!isWanted) kept += 1
    // Whatever its cells are by now: the clip of such a row is ordered anew.
    row.standing = isWanted ? 'new' : 'same'
  }
  return kept === 0 ? [] : [explainKept(kept, rows.length, isFailedOnly)]
}

function matchTasks(rows: readonly ReadyRow[], jobs: readonly EarlierJob[], ours: OurColumns): void {
  const byTask = new Map(jobs.map((job) => [job.remoteId, job]))
  for (const row of rows) {
    const job = byTask.get(cellOf(row, ours, 'task id'))
    if (!job) continue
    Object.assign(row, { job, earlier: [job] })
    byTask.delete(job.remoteId)
  }
}

/** By the manifest's own words. A task that was cancelled here may be made and charged all the same. */
function mayOrder(row: ReadyRow, ours: OurColumns, isFailedOnly: boolean): boolean {
  const state = cellOf(row, ours, 'state').toLowerCase()
  if (/[1-9]/u.test(cellOf(row, ours, 'charged')) || cellOf(row, ours, 'clip sha256') !== '') return false
  if (state === 'failed') return true
  return state === 'cancelled' && !isFailedOnly && cellOf(row, ours, 'task id') === ''
}

/** By what is known of its job now, in whichever run it is. */
function mayBuyAgain(row: ReadyRow, ours: OurColumns, store: Store, followed: ReadonlySet<number>): boolean {
  const task = cellOf(row, ours, 'task id')
  const ofTask = task === '' ? undefined : jobOfTask(task, store)
  const ofRow = row.job ? store.jobs.get(row.job.id) : undefined
  if (task !== '' && !ofTask && !ofRow) row.problems.push(unknownTask(row, task))
  return [ofTask, ofRow].every((job) => !job || (!followed.has(job.id) && surelyCostNothing(job, store)))
}

function surelyCostNothing({ id, state, remoteId, problem: found }: JobRecord, store: Store): boolean {
  if (state !== 'failed' && state !== 'cancelled') return false
  if (remoteId !== null) return state === 'failed' && found?.code === 'task-failed'
  return store.ledger.ofJob(id).every(({ standing }) => standing === 'released')
}

function unknownTask({ sheetRow: { row } }: ReadyRow, task: string): Problem {
  const shown = task.slice(0, 128)
  return problem(
    'outcome-unknown',
    `Row ${row} failed as the task ${shown}, which is not in this database; if the provider charged for it, the row is paid for twice.`,
    'Look for the task at the provider, or import the manifest where the run was made.',
    { row, remoteId: shown },
    'warning',
  )
}

function explainKept(kept: number, all: number, isFailedOnly: boolean): Problem {
  const rows = kept === 1 ? 'One row' : `${kept.toLocaleString('en')} of ${all.toLocaleString('en')} rows`
  const are = kept === 1 ? 'is' : 'are'
  const which = isFailedOnly ? 'no failed row, or' : 'archived or under way, or'
  return problem(
    'row-repeated',
    `${rows} of this manifest ${are} ${which} may have been paid for, and ${are} not ordered again.`,
    'Nothing to do. A clip that is wanted once more is ordered from the sheet, as a row of its own.',
    {},
    'info',
  )
}
