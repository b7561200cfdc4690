import { ledgerTable } from '../money/ledger-table.ts'
import { namesIn } from '../money/names.ts'
import { sumLedger } from '../money/sums.ts'
import type { LedgerDetail } from '../store/exports.ts'
import type { Store } from '../store/store.ts'
import { turnOfLoop } from '../system.ts'
import { formatOf, writeTable } from '../tables/write.ts'
import { type Core, calls, notFound } from './context.ts'

/** Read and written in a few milliseconds. */
const LINES_A_TURN = 500

export const ledger = {
  summary: calls.ledger.summary.handler(({ context, input }) => {
    checkRun(context, input.runId)
    return sumLedger(context.engine.store, input.runId, input.by)
  }),
  export: calls.ledger.export.handler(async ({ context, input: { runId, file, format } }) => {
    checkRun(context, runId)
    const { store, disk } = context.engine
    const options = { path: file, format: formatOf(file, format), title: 'Ledger', disk }
    return { rows: await writeTable(ledgerTable(linePages(store, runId), namesIn(store)), options) }
  }),
}

function checkRun({ engine }: Core, runId: number | null): void {
  if (runId !== null && !engine.store.runs.get(runId)) throw notFound(`The run ${runId}`)
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
