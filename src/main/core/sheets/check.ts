import path from 'node:path'
import type { CheckedRow, PriceLine, SheetCheck } from '../../../shared/check.ts'
import type { Estimate } from '../../../shared/models/types.ts'
import type { Sheet } from '../../../shared/sheet.ts'
import type { PriceDesk } from '../money/price-desk.ts'
import type { Clock } from '../ports.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { EarlierJob } from '../store/jobs.ts'
import { toCreditMicros } from '../store/ledger.ts'
import type { Store } from '../store/store.ts'
import { turnOfLoop } from '../system.ts'
import { fingerprintOf } from './fingerprint.ts'
import { matchRows } from './match.ts'
import { MediaDesk } from './media-desk.ts'
import { readSheet } from './read.ts'
import { type ReadyRow, RowDesk } from './row-desk.ts'

export interface ReadySheet {
  sheet: Sheet
  path: string
  rows: ReadyRow[]
  /** Jobs of the earlier import whose row is gone. */
  gone: EarlierJob[]
  runId: number | null
}

/** Downloads and polls go on while a long sheet is checked: some ten milliseconds of work between turns. */
const ROWS_AT_ONCE = 1_000

/**
 * Reads a sheet and checks every row against model, media and account: all that can be known before any
 * money is spent. Nothing of the sheet is written. Throws a `ProblemError` for what stops the whole sheet.
 */
export async function checkSheet(
  store: Store,
  input: { path: string; accounts: readonly string[] },
  prices: PriceDesk,
  clock: Clock,
): Promise<ReadySheet> {
  const file = path.resolve(input.path)
  const sheet = await readSheet({ path: file }, { hiddenRows: 'skip' }, { clock })
  const desk = new RowDesk(store, new MediaDesk(path.dirname(file), store), input.accounts, sheet.columns)
  const rows: ReadyRow[] = []
  for (const sheetRow of sheet.rows) {
    if (rows.length % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await turnOfLoop()
    rows.push(await desk.check(sheetRow))
  }
  // Rows are numbered from 1, in order.
  for (const found of sheet.problems) rows[(found.place.row ?? 0) - 1]?.problems.push(found)
  await priceRows(rows, prices)
  const run = store.runs.bySheet(file)
  const gone = run ? matchRows(rows, store.jobs.earlierOf(run.id), (job) => orderedBy(job, store)) : []
  return { sheet, path: file, rows, gone, runId: run?.id ?? null }
}

async function priceRows(rows: readonly ReadyRow[], prices: PriceDesk): Promise<void> {
  await prices.ask(wantedPrices(rows))
  const known = new Map<object, Estimate>()
  for (const row of rows) {
    const { account, order, references, alike } = row
    if (!account || !order) continue
    row.estimate = (alike && known.get(alike)) ?? null
    if (row.estimate) continue
    const facts = references.map((media) => media.facts)
    row.estimate = prices.price(order, facts, account)
    if (alike) known.set(alike, row.estimate)
  }
}

function wantedPrices(rows: readonly ReadyRow[]) {
  const wanted = new Map<string, { account: AccountRecord; model: string }>()
  const seen = new Set<object>()
  for (const { account, order, alike } of rows) {
    if (!account || !order || (alike && seen.has(alike))) continue
    if (alike) seen.add(alike)
    wanted.set(`${account.id} ${order.model}`, { account, model: order.model })
  }
  return wanted.values()
}

/**
 * What a job orders now. A job that was moved to another model keeps the fingerprint of its row, so that the
 * unchanged sheet buys nothing again; this one recognises it in a sheet that was changed the same way.
 */
function orderedBy({ id, fingerprint }: EarlierJob, store: Store): string {
  const job = store.jobs.get(id)
  if (!job) return fingerprint
  const sources = store.jobs.references(job.id).map(({ role, referenceId, address }) => {
    const stored = referenceId === null ? undefined : store.references.get(referenceId)
    return { role, sha256: stored?.sha256 ?? null, address }
  })
  const audio = sources.find(({ role }) => role === 'audio') ?? null
  return fingerprintOf(
    job.order,
    sources.filter(({ role }) => role === 'reference'),
    audio,
  )
}

/** What a person sees of a checked sheet. */
export function toSheetCheck({ sheet, path: file, rows, gone, runId }: ReadySheet): SheetCheck {
  const isReady = (row: ReadyRow) => row.order !== null && !row.problems.some((one) => one.level === 'error')
  const fresh = rows.filter((row) => isReady(row) && row.standing !== 'same')
  return {
    path: file,
    sha256: sheet.sha256,
    rowCount: rows.length,
    ready: rows.filter(isReady).length,
    withProblems: rows.filter((row) => !isReady(row)).length,
    same: rows.filter((row) => row.standing === 'same').length,
    changed: rows.filter((row) => row.standing === 'changed').length,
    fresh: fresh.length,
    gone: gone.length,
    runId,
    prices: priceLines(fresh),
    totalCreditMicros: total(fresh),
    problems: sheet.problems.filter((one) => one.place.row === undefined),
    rows: rows.map((row) => toCheckedRow(row, isReady(row))),
  }
}

function toCheckedRow(row: ReadyRow, isReady: boolean): CheckedRow {
  const { values } = row.sheetRow
  return {
    row: row.sheetRow.row,
    rowKey: values.id ?? null,
    name: values.name ?? null,
    model: values.model ?? null,
    prompt: values.prompt ?? '',
    account: row.account?.name ?? null,
    isReady,
    estimate: row.estimate,
    problems: row.problems,
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
