import { PriceDesk } from '../money/price-desk.ts'
import { checkSheet } from '../sheets/check.ts'
import { toSheetCheck } from '../sheets/sheet-check.ts'
import { calls } from './context.ts'

export const sheets = {
  check: calls.sheets.check.handler(async ({ context: { engine, isOwner }, input }) =>
    toSheetCheck(await checkSheet(engine, input, new PriceDesk(engine, isOwner), true)),
  ),
}
