import { PriceDesk } from '../money/price-desk.ts'
import { checkSheet, toSheetCheck } from '../sheets/check.ts'
import { calls } from './context.ts'

export const sheets = {
  check: calls.sheets.check.handler(async ({ context, input }) =>
    toSheetCheck(
      await checkSheet(
        context.engine.store,
        input,
        new PriceDesk(context.engine, context.isOwner),
        context.engine.clock,
      ),
    ),
  ),
}
