import type { CheckedRow, SheetCheck } from '../../../shared/check.ts'
import type { Job } from '../../../shared/job.ts'
import { number } from './spending.ts'
import { clean, formatTable, shorten } from './words.ts'

/** Rows of one kind that are shown one by one. */
const SHOWN = 20
const WIDEST_PROMPT = 50
const KINDS = ['new', 'changed', 'gone', 'same'] as const

export interface DifferenceLine {
  kind: (typeof KINDS)[number]
  /** Data row of the sheet; for one that is gone, of the sheet as it was. */
  row: number
  /** Which job of its row, from 1. */
  variant: number
  id: string | null
  prompt: string
  jobId: number | null
  note: string
}

/** A sheet beside its earlier import: what is new, changed, gone and the same, in the order of the sheet. */
export function listDifference(rows: readonly CheckedRow[], gone: readonly Job[]): DifferenceLine[] {
  const standing = rows.map(
    (row): DifferenceLine => ({
      kind: row.standing,
      row: row.row,
      variant: row.variant,
      id: row.rowKey,
      prompt: row.prompt,
      jobId: row.jobId,
      note: row.isReady ? '' : 'has problems',
    }),
  )
  const left = gone.map(
    (job): DifferenceLine => ({
      kind: 'gone',
      row: job.row,
      variant: 1,
      id: job.rowKey,
      prompt: job.prompt,
      jobId: job.id,
      note: `stays as it is: ${job.state}`,
    }),
  )
  return [...standing, ...left]
}

/** The first of each kind, for a person; the lines after it say how many more there are. */
export function differenceTable(lines: readonly DifferenceLine[]): string {
  const isMany = new Set(lines.filter(({ variant }) => variant > 1).map(({ row }) => row))
  const more: string[] = []
  const shown = KINDS.flatMap((kind) => {
    const own = lines.filter((line) => line.kind === kind)
    if (own.length > SHOWN) more.push(`… and ${number(own.length - SHOWN)} more ${kind}`)
    return own.slice(0, SHOWN)
  })
  const rows = shown.map(({ kind, row, variant, id, prompt, jobId, note }) => [
    kind,
    `${row}${isMany.has(row) ? `#${variant}` : ''}`,
    shorten(clean(id ?? ''), 24),
    jobId === null ? '' : `${jobId}`,
    shorten(clean(prompt), WIDEST_PROMPT),
    note,
  ])
  return [formatTable(['', '>row', 'id', '>job', 'prompt', ''], rows), ...more].join('\n')
}

/**
 * Jobs of the earlier import that no row of the sheet stands for. Those that a changed version of their row
 * replaced are not gone.
 */
export function pickGone(jobs: readonly Job[], check: Pick<SheetCheck, 'rows' | 'gone'>): Job[] {
  const matched = new Set(check.rows.map(({ jobId }) => jobId))
  const ids = new Set(check.rows.map(({ rowKey }) => rowKey).filter((id) => id !== null))
  return jobs
    .filter(({ id, rowKey }) => !matched.has(id) && (rowKey === null || !ids.has(rowKey)))
    .filter(({ state, problem }) => state !== 'cancelled' || problem?.code !== 'row-repeated')
    .slice(0, check.gone)
}
