import type { ExportFormat } from '../../../shared/contract.ts'
import type { Engine } from '../jobs/engine.ts'
import type { LedgerDetail } from '../store/exports.ts'
import type { Store } from '../store/store.ts'
import { turnOfLoop } from '../system.ts'
import { type Cell, moneyCell, type Page, type Table } from '../tables/table.ts'
import { formatOf, writeTable } from '../tables/write.ts'
import { localTime } from './days.ts'
import { type Names, namesIn } from './names.ts'

export const LEDGER_COLUMNS = [
  'time',
  'run',
  'row',
  'take',
  'account',
  'model',
  'task id',
  'standing',
  'estimate',
  'reserved',
  'charged',
  'released',
  'may have been charged',
  'counted',
  'currency',
] as const

/** The ledger as a table: a line for each attempt, the oldest first, amounts in whole units of its currency. */
export const ledgerTable = (pages: AsyncIterable<readonly LedgerDetail[]>, names: Names): Table => ({
  columns: LEDGER_COLUMNS,
  pages: toPages(pages, names),
})

async function* toPages(pages: AsyncIterable<readonly LedgerDetail[]>, names: Names): AsyncGenerator<Page> {
  for await (const page of pages) {
    yield page.map((line) => ({ name: `the attempt ${line.attemptId}`, cells: toCells(line, names) }))
  }
}

/** In the order of `LEDGER_COLUMNS`. */
function toCells(line: LedgerDetail, names: Names): Cell[] {
  const held = line.reservedMicros ?? line.estimateMicros
  return [
    localTime(line.at),
    { words: names.runs(line.runId) },
    { decimal: String(line.row) },
    { decimal: String(line.take) },
    names.accounts(line.accountId),
    { words: line.model },
    line.remoteId === null ? null : { words: line.remoteId },
    line.standing,
    moneyCell(line.estimateMicros),
    moneyCell(line.reservedMicros),
    moneyCell(line.chargedMicros),
    moneyCell(line.standing === 'released' ? held : null),
    moneyCell(line.standing === 'unknown' ? line.countedMicros : null),
    moneyCell(line.countedMicros),
    line.currency,
  ]
}

/** Read and written in a few milliseconds. */
const LINES_A_TURN = 250

/** Writes the ledger, or that of one run; returns how many lines it has. Throws `ProblemError` (see `writeTable`). */
export function exportLedger(
  { store, disk }: Pick<Engine, 'store' | 'disk'>,
  runId: number | null,
  { file, format }: { file: string; format?: ExportFormat | undefined },
): Promise<number> {
  const table = ledgerTable(linePages(store, runId), namesIn(store))
  return writeTable(table, { path: file, format: formatOf(file, format), title: 'Ledger', disk })
}

async function* linePages(store: Store, runId: number | null): AsyncGenerator<LedgerDetail[]> {
  for (let after = 0; ; await turnOfLoop()) {
    const page = store.exports.lines(runId, after, LINES_A_TURN)
    const last = page.at(-1)
    if (!last) return
    yield page
    after = last.attemptId
  }
}
