import type { ExportFormat } from '../../../shared/contract.ts'
import { ProblemError, problem } from '../../../shared/problem.ts'
import type { Engine } from '../jobs/engine.ts'
import { remembering } from '../money/names.ts'
import type { OutcomeRow } from '../store/exports.ts'
import type { RunRecord } from '../store/runs.ts'
import type { Store } from '../store/store.ts'
import { turnOfLoop } from '../system.ts'
import { formatOf, writeTable } from '../tables/write.ts'
import { type ManifestRow, manifestTable } from './manifest.ts'

/** Rows that are read and written at once: fewer where they are wide or their texts long. */
const MOST_ROWS = 100
const FIRST_ROWS = 10
const CHARACTERS_A_TURN = 100_000

/**
 * Writes a run's manifest; the file's ending decides the format unless it is said. Returns how many rows it has.
 * A row that changes meanwhile is written as it was or as it became. Throws `ProblemError` (see `writeTable`,
 * and `not-found` for a run without rows).
 */
export async function exportRun(
  { store, disk }: Pick<Engine, 'store' | 'disk'>,
  run: RunRecord,
  { file, format }: { file: string; format?: ExportFormat | undefined },
): Promise<number> {
  if (store.exports.outcomes(run.id, null, 1).length === 0) {
    throw new ProblemError(
      problem('not-found', `The run "${run.name}" has no rows to export.`, 'Choose another run.'),
    )
  }
  const table = manifestTable(run.headers, outcomePages(store, run.id))
  return writeTable(table, { path: file, format: formatOf(file, format), title: 'Manifest', disk })
}

async function* outcomePages(store: Store, runId: number): AsyncGenerator<ManifestRow[]> {
  const currencyOf = remembering((id) => store.accounts.get(id)?.currency ?? 'credits')
  let limit = FIRST_ROWS
  for (let after: OutcomeRow | null = null; ; await turnOfLoop()) {
    const page: OutcomeRow[] = store.exports.outcomes(runId, after, limit)
    if (page.length === 0) return
    yield page.map((row) => manifestRow(row, currencyOf(row.accountId)))
    limit = nextLimit(page)
    after = page.at(-1) ?? null
  }
}

/** As many rows like these as a turn of the loop should take. */
function nextLimit(page: readonly OutcomeRow[]): number {
  const characters = page.reduce((sum, row) => sum + sizeOf(row), 0)
  const fitting = Math.floor((CHARACTERS_A_TURN * page.length) / Math.max(1, characters))
  return Math.min(MOST_ROWS, Math.max(1, fitting))
}

/** What a cell costs beside its text. */
const CELL_CHARACTERS = 20

const sizeOf = ({ cells }: OutcomeRow): number =>
  Object.values(cells).reduce((sum, cell) => sum + cell.length + CELL_CHARACTERS, 0)

function manifestRow(
  { remoteId, durationMs, sha256, clipProblem, ...row }: OutcomeRow,
  currency: ManifestRow['currency'],
): ManifestRow {
  return {
    ...row,
    currency,
    clipFile: row.path === null ? null : `${row.archiveFolder}/${row.path}`,
    clipSha256: sha256,
    taskId: remoteId,
    clipDurationMs: durationMs,
    problem: row.problem ?? clipProblem,
  }
}
