import type { SheetCheck } from '../../../../shared/check.ts'
import { CREDITS_PER_USD } from '../../../../shared/run.ts'
import { EXIT } from '../exit-code.ts'
import { formatMoney, formatRange } from '../money.ts'
import { type Finding, layOut, listFindings } from '../problem-table.ts'
import { type Session, withLook } from '../session.ts'
import { rowsAndJobs } from '../spending.ts'
import { formatProblem, formatSeconds, formatTable } from '../words.ts'
import { readSource, type SheetGiven, toSheetRequest } from './sheet-options.ts'

/** `check SHEET`: every problem by row and column, the counts and the prices. Nothing is written. */
export async function check(
  session: Session,
  sheet: string,
  given: SheetGiven,
  isAll = false,
): Promise<number> {
  const source = await readSource(session, sheet)
  return withLook(session, async (client) => {
    const found = await client.sheets.check(await toSheetRequest(client, source, given))
    const findings = sayRowProblems(session, found, isAll)
    sayPrices(session, found)
    const { rowCount, jobCount, ready, withProblems, same, changed, fresh, gone, runId } = found
    const isReady =
      withProblems === 0 && rowCount > 0 && !found.problems.some(({ level }) => level === 'error')
    const problems = findings.length
    session.out.sum({
      rowCount,
      jobCount,
      ready,
      withProblems,
      problems,
      same,
      changed,
      fresh,
      gone,
      runId,
      counts: {},
    })
    session.out.say(
      `${rowsAndJobs(found)}: ${ready} ready, ${withProblems} with problems${same > 0 ? `, ${same} ordered before` : ''}.`,
    )
    return isReady ? EXIT.archived : EXIT.wrongUse
  })
}

/** Lines that are written at once. */
const LINES_AT_ONCE = 1_000

/** What is wrong with the rows, then with the sheet; with `isAll` every problem, else some of each kind. */
export function sayRowProblems({ out }: Session, found: SheetCheck, isAll = false): Finding[] {
  const findings = listFindings(found)
  for (const one of findings) out.record('problem', one)
  if (out.isJson) return findings
  const table = layOut(
    findings.filter(({ row }) => row !== null),
    isAll,
  )
  if (table.entries.length > 0) out.say(table.heading)
  for (let from = 0; from < table.entries.length; from += LINES_AT_ONCE) {
    const entries = table.entries.slice(from, from + LINES_AT_ONCE)
    out.say(entries.map(({ line, sentence }) => `${line}\n${out.wrapped(`${INDENT}${sentence}`)}`).join('\n'))
  }
  for (const line of table.more) out.tell(`${INDENT}${line}`)
  if (table.more.length > 0) out.tell('See each one with "reelsheet check SHEET --all".')
  for (const line of table.sources) out.say(line)
  if (table.entries.length > 0) out.say()
  for (const one of found.problems) if (one.place.row === undefined) out.tell(formatProblem(one))
  return findings
}

/** Under the number of the row. */
const INDENT = '     '

/** What the new rows cost, by account and model. */
export function sayPrices({ out }: Session, { prices, totalCreditMicros, fresh }: SheetCheck): void {
  out.record('prices', { lines: prices, totalCreditMicros, fresh })
  if (prices.length === 0) return
  const rows = prices.map((line) => [
    line.account,
    line.model,
    `${line.jobs}`,
    formatSeconds(line.billableMs),
    formatRange(line.lowMicros, line.highMicros, line.currency),
  ])
  out.say(formatTable(['account', 'model', '>rows', '>billed', '>price'], rows))
  const total = totalCreditMicros === null ? 'not known' : formatMoney(totalCreditMicros, 'credits')
  const hasDollars = prices.some(({ currency, highMicros }) => currency === 'usd' && highMicros !== null)
  const rate = hasDollars && totalCreditMicros !== null ? `, with $1 as ${CREDITS_PER_USD} credits` : ''
  out.say(`Together at most: ${total}${rate}`)
  for (const line of priceNotes(prices)) out.tell(line)
  out.say()
}

/** Where the prices are from; with the model where they differ. */
export function priceNotes(prices: readonly { account: string; model: string; note: string }[]): string[] {
  const notes = [...new Set(prices.map(({ note }) => note))]
  if (notes.length < 2) return notes
  return notes.map((note) => {
    const own = prices.filter((line) => line.note === note)
    return `${own.map(({ account, model }) => `${model} on ${account}`).join(', ')}: ${note}`
  })
}
