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

/** Read and written in a few milliseconds. */
const ROWS_A_TURN = 100

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
  for (let after: OutcomeRow | null = null; ; await turnOfLoop()) {
    const page: OutcomeRow[] = store.exports.outcomes(runId, after, ROWS_A_TURN)
    if (page.length === 0) return
    yield page.map((row) => manifestRow(row, currencyOf(row.accountId)))
    after = page.at(-1) ?? null
  }
}

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
