import { exportLedger } from '../money/ledger-table.ts'
import { sumLedger } from '../money/sums.ts'
import { type Core, calls, notFound } from './context.ts'

export const ledger = {
  summary: calls.ledger.summary.handler(({ context, input }) => {
    checkRun(context, input.runId)
    return sumLedger(context.engine.store, input.runId, input.by)
  }),
  export: calls.ledger.export.handler(async ({ context, input: { runId, ...target } }) => {
    checkRun(context, runId)
    return { rows: await exportLedger(context.engine, runId, target) }
  }),
}

function checkRun({ engine }: Core, runId: number | null): void {
  if (runId !== null && !engine.store.runs.get(runId)) throw notFound(`The run ${runId}`)
}
