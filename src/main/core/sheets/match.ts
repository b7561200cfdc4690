import type { EarlierJob } from '../store/jobs.ts'

/** What matching reads of a row, and writes into it. */
export interface Matchable {
  sheetRow: { values: Readonly<Record<string, string | undefined>> }
  /** '' = the row cannot be ordered as it is. */
  fingerprint: string
  job: EarlierJob | null
  /** Every job that an earlier version of the row made. */
  earlier: EarlierJob[]
  standing: 'new' | 'same' | 'changed'
}

/** Ended by a changed version of its row before it was bought: it stands for nothing any more. */
const isReplaced = ({ state, problem }: EarlierJob): boolean =>
  state === 'cancelled' && problem?.code === 'row-repeated'

/** What a job orders now; another fingerprint than its row's once it was moved to another model. */
export type OrderedBy = (job: EarlierJob) => string

/**
 * Matches rows with the jobs of an earlier import: by id and order, then by the order alone (equal rows by
 * their count), so that ids which come, go or change places buy nothing again, and last by the id alone: a
 * changed row. Returns the jobs that no row stands for any more; what a
 * changed row took the place of is not among them.
 */
export function matchRows(
  rows: readonly Matchable[],
  jobs: readonly EarlierJob[],
  orderedBy: OrderedBy,
): EarlierJob[] {
  const oldestFirst = [...jobs].sort((a, b) => a.id - b.id)
  const left = new Set(oldestFirst)
  const byId = group(oldestFirst, (job) => job.rowKey)
  matchIds(rows, byId, left, (row, versions) => exactly(row, versions, orderedBy))
  matchContent(rows, left, ({ fingerprint }) => fingerprint)
  matchContent(rows, left, orderedBy)
  // The newest version stands for the row; what it replaced came before it.
  matchIds(rows, byId, left, (row, versions) => {
    const job = versions.at(-1)
    return job && { job, standing: row.fingerprint === '' ? 'same' : 'changed' }
  })
  return oldestFirst.filter((job) => left.has(job) && !isReplaced(job))
}

type Match = Pick<Matchable, 'job' | 'standing'> | undefined

function matchIds(
  rows: readonly Matchable[],
  byId: ReadonlyMap<string, EarlierJob[]>,
  left: Set<EarlierJob>,
  choose: (row: Matchable, versions: EarlierJob[]) => Match,
): void {
  for (const row of rows) {
    const id = row.sheetRow.values.id
    if (row.job || id === undefined) continue
    const versions = (byId.get(id) ?? []).filter((job) => left.has(job))
    const match = choose(row, versions)
    if (!match) continue
    for (const job of versions) left.delete(job)
    Object.assign(row, match, { earlier: versions })
  }
}

/** A version that ordered just this, even if it is not the newest. */
function exactly(row: Matchable, versions: EarlierJob[], orderedBy: OrderedBy): Match {
  const standing = versions.filter((job) => !isReplaced(job)).reverse()
  const job =
    standing.find(({ fingerprint }) => fingerprint === row.fingerprint) ??
    standing.find((one) => orderedBy(one) === row.fingerprint)
  return job && { job, standing: 'same' }
}

function matchContent(rows: readonly Matchable[], left: Set<EarlierJob>, keyOf: OrderedBy): void {
  const open = rows.filter((row) => !row.job && row.fingerprint !== '')
  if (open.length === 0) return
  const byContent = group([...left].reverse(), (job) => (isReplaced(job) ? null : keyOf(job)))
  for (const row of open) {
    const job = byContent.get(row.fingerprint)?.pop()
    if (!job) continue
    left.delete(job)
    Object.assign(row, { job, earlier: [job], standing: 'same' })
  }
}

function group(
  jobs: readonly EarlierJob[],
  keyOf: (job: EarlierJob) => string | null,
): Map<string, EarlierJob[]> {
  const groups = new Map<string, EarlierJob[]>()
  for (const job of jobs) {
    const key = keyOf(job)
    if (key === null) continue
    const known = groups.get(key)
    if (known) known.push(job)
    else groups.set(key, [job])
  }
  return groups
}
