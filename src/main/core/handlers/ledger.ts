import { calls } from './context.ts'

export const ledger = {
  summary: calls.ledger.summary.handler(({ context, input }) => {
    const { store } = context.engine
    return store.ledger.summary(input.runId).map(({ runId, accountId, ...sum }) => ({
      ...sum,
      run: store.runs.get(runId)?.name ?? '?',
      account: store.accounts.get(accountId)?.name ?? '?',
    }))
  }),
}
