import type { LedgerDetail } from '../store/exports.ts'
import { type Cell, moneyCell, type Page, type Table } from '../tables/table.ts'
import { localTime } from './days.ts'
import type { Names } from './names.ts'

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
