import type { PriceView } from '../../../../shared/check.ts'
import { EXIT } from '../exit-code.ts'
import { formatMoney } from '../money.ts'
import { type Session, withLook } from '../session.ts'
import { formatTable } from '../words.ts'

/** What clips cost on every account, or on one, and where each price is from. */
export function prices(session: Session, account: string | undefined): Promise<number> {
  return withLook(session, async (client) => {
    const found = await client.prices.list(account === undefined ? {} : { account })
    for (const price of found) session.out.record('price', price)
    session.out.sum({ prices: found.length })
    const notes = [...new Set(found.map(({ note }) => note))]
    session.out.say(
      formatTable(
        HEADINGS,
        found.map((price) => [...toRow(price), `${1 + notes.indexOf(price.note)}`]),
      ),
    )
    session.out.say()
    for (const [index, note] of notes.entries()) session.out.tell(`from ${index + 1}: ${note}`)
    session.out.tell(
      'Seconds of reference videos are billed on top by the rule of each model: "reelsheet check" prices every row.',
    )
    return EXIT.archived
  })
}

const HEADINGS = ['account', 'model', 'tier', 'sound', '>a second', '>5 s', '>10 s', '>at least', 'from']

function toRow({ account, model, quality, isSilent, perSecondMicros, minimumMicros, currency }: PriceView) {
  const money = (micros: number) => formatMoney(micros, currency)
  const clip = (seconds: number) =>
    perSecondMicros === null ? '' : money(Math.max(minimumMicros ?? 0, perSecondMicros * seconds))
  return [
    account,
    model,
    quality,
    isSilent ? 'without' : '',
    perSecondMicros === null ? 'not known' : money(perSecondMicros),
    clip(5),
    clip(10),
    minimumMicros === null ? '' : money(minimumMicros),
  ]
}
