import type { CheckedRow, PriceLine, SheetCheck } from '../../../shared/check.ts'
import { toCreditMicros } from '../store/ledger.ts'
import { isFresh, isReady, type ReadySheet } from './check.ts'
import { Once } from './read.ts'
import type { ReadyRow } from './row-desk.ts'

/** What a person sees of a checked sheet. */
export function toSheetCheck({
  sheet,
  path: file,
  rows,
  gone,
  runId,
  uploads,
  problems,
}: ReadySheet): SheetCheck {
  const fresh = rows.filter(isFresh)
  const ready = rows.filter(isReady).length
  const once = new Once()
  return {
    path: file,
    sha256: sheet.sha256,
    columns: sheet.columns,
    worksheets: sheet.worksheets,
    isManifest: sheet.isManifest,
    rowCount: sheet.rowCount,
    jobCount: sheet.jobCount,
    ready,
    withProblems: rows.length - ready,
    same: rows.filter((row) => row.standing === 'same').length,
    changed: rows.filter((row) => row.standing === 'changed').length,
    fresh: fresh.length,
    gone: gone.length,
    runId,
    prices: priceLines(fresh),
    uploads,
    totalCreditMicros: total(fresh),
    problems,
    rows: rows.map((row) => toCheckedRow(row, once)),
  }
}

function toCheckedRow(row: ReadyRow, once: Once): CheckedRow {
  const { values, row: number, variant } = row.sheetRow
  return {
    row: number,
    variant,
    rowKey: values.id ?? null,
    name: values.name ?? null,
    model: values.model ?? null,
    prompt: values.prompt ?? '',
    account: row.account?.name ?? null,
    isReady: isReady(row),
    estimate: row.estimate,
    // What is wrong with several jobs of a row alike is told with the first of them.
    problems: row.problems.length === 0 ? row.problems : once.of(number, row.problems),
    standing: row.standing,
    jobId: row.job?.id ?? null,
  }
}

/** New rows' highest estimates in micro-credits; null when one has no price. */
export function total(rows: ReadyRow[]): number | null {
  let sum = 0
  for (const { estimate: found } of rows) {
    if (found?.highMicros === undefined) return null
    sum += toCreditMicros(found.currency, found.highMicros)
  }
  return sum
}

function priceLines(rows: ReadyRow[]): PriceLine[] {
  const lines = new Map<string, PriceLine>()
  for (const { account, order, estimate: found } of rows) {
    if (!account || !order || !found) continue
    const key = `${account.name} ${order.model}`
    const line = lines.get(key) ?? {
      account: account.name,
      model: order.model,
      jobs: 0,
      billableMs: 0,
      currency: found.currency,
      lowMicros: 0,
      highMicros: 0,
      note: found.note,
    }
    lines.set(key, {
      ...line,
      jobs: line.jobs + 1,
      billableMs: line.billableMs + found.billableMs,
      lowMicros: addUp(line.lowMicros, found.lowMicros),
      highMicros: addUp(line.highMicros, found.highMicros),
    })
  }
  return [...lines.values()]
}

const addUp = (sum: number | null, more: number | undefined): number | null =>
  sum === null || more === undefined ? null : sum + more
