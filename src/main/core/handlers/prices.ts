import { PriceDesk } from '../money/price-desk.ts'
import { listPrices } from '../money/price-list.ts'
import type { AccountRecord } from '../store/accounts.ts'
import { type Core, calls, notFound } from './context.ts'

export const prices = {
  list: calls.prices.list.handler(({ context, input }) =>
    listPrices(new PriceDesk(context.engine, context.isOwner), accountsOf(context, input.account)),
  ),
}

function accountsOf({ engine: { store } }: Core, name: string | undefined): AccountRecord[] {
  if (name === undefined) return store.accounts.list()
  const account = store.accounts.byName(name)
  if (!account) throw notFound(`The account "${name}"`)
  return [account]
}
