import type { PriceLine, SheetCheck } from '../../../shared/check.ts'
import { findModel } from '../../../shared/models/catalogue.ts'
import type { Problem } from '../../../shared/problem.ts'
import { CREDITS_PER_USD } from '../../../shared/run.ts'
import { formatRange } from './money.ts'
import { clean, formatBytes, shorten } from './words.ts'

/** Above so many jobs a yes is not enough: their number is typed. */
export const MANY_JOBS = 10_000
const MOST_RISKS = 6
const WIDEST_SENTENCE = 160

type Plan = Pick<SheetCheck, 'rowCount' | 'jobCount' | 'fresh' | 'withProblems' | 'same'>

/** `12 rows make 96 jobs: 90 to order, 4 with problems, 2 ordered before.` */
export function jobsLine(plan: Plan): string {
  const { fresh, withProblems, same } = plan
  const parts = [
    `${number(fresh)} to order`,
    ...(withProblems > 0 ? [`${number(withProblems)} with problems`] : []),
    ...(same > 0 ? [`${number(same)} ordered before`] : []),
  ]
  return `${rowsAndJobs(plan)}: ${parts.join(', ')}.`
}

/** `12 rows`, or `12 rows make 96 jobs` where they are not the same. */
export function rowsAndJobs({ rowCount, jobCount }: Pick<Plan, 'rowCount' | 'jobCount'>): string {
  const made = jobCount === rowCount ? '' : ` ${rowCount === 1 ? 'makes' : 'make'} ${many(jobCount, 'job')}`
  return `${many(rowCount, 'row')}${made}`
}

export const number = (value: number): string => value.toLocaleString('en')
export const many = (value: number, noun: string): string =>
  `${number(value)} ${noun}${value === 1 ? '' : 's'}`

/** From the lowest to the highest, in credits; null = some price is not known. */
export function priceRange(prices: readonly PriceLine[]): { lowMicros: number; highMicros: number } | null {
  let [lowMicros, highMicros] = [0, 0]
  for (const { currency, lowMicros: low, highMicros: high } of prices) {
    if (high === null) return null
    const rate = currency === 'usd' ? CREDITS_PER_USD : 1
    lowMicros += (low ?? high) * rate
    highMicros += high * rate
  }
  return { lowMicros, highMicros }
}

/** A price for a question: `up to 12 credits`, `8 – 12 credits`, `a price that is not known`. */
export function priceWords(prices: readonly PriceLine[]): string {
  const range = priceRange(prices)
  if (range === null) return 'a price that is not known'
  const { lowMicros, highMicros } = range
  const words = formatRange(lowMicros, highMicros, 'credits')
  return lowMicros === highMicros ? `up to ${words}` : words
}

/** What is brought to file services before the first order. */
export function uploadLines(uploads: SheetCheck['uploads']): string[] {
  return uploads
    .filter(({ files }) => files > 0)
    .map(({ account, files, sizeBytes, remainingFiles }) => {
      const rest =
        remainingFiles === null ? '' : `; its file service still takes ${many(remainingFiles, 'file')}`
      return `Uploads to ${account}: ${many(files, 'file')}, ${formatBytes(sizeBytes)}${rest}.`
    })
}

export interface Risk {
  kind: Problem['code'] | 'rows-left-out'
  jobs: number
  what: string
}

/** What could go otherwise than wished, the most rows first: one line a kind. */
export function listRisks(found: Pick<SheetCheck, 'rows' | 'prices' | 'uploads' | 'withProblems'>): Risk[] {
  const ordered = found.rows.filter(({ isReady, standing }) => isReady && standing !== 'same')
  const warned = [...warningsByKind(ordered), ...goingAway(ordered)].sort((a, b) => b.jobs - a.jobs)
  const risks = [...leftOut(found), ...unknownPrices(found.prices), ...fullServices(found.uploads), ...warned]
  return risks.slice(0, MOST_RISKS)
}

type Rows = SheetCheck['rows']

function leftOut({ rows, withProblems }: Pick<SheetCheck, 'rows' | 'withProblems'>): Risk[] {
  if (withProblems === 0) return []
  const kinds = new Map<string, number>()
  for (const row of rows) {
    if (row.isReady) continue
    const codes = new Set(row.problems.filter(({ level }) => level === 'error').map(({ code }) => code))
    for (const code of codes) kinds.set(KINDS[code] ?? code, (kinds.get(KINDS[code] ?? code) ?? 0) + 1)
  }
  const named = [...kinds].sort(([, a], [, b]) => b - a).map(([kind, jobs]) => `${number(jobs)} ${kind}`)
  const is = withProblems === 1 ? 'is' : 'are'
  const what = `${number(withProblems)} of them ${is} not ordered, because of problems: ${named.slice(0, 4).join(', ')}.`
  return [{ kind: 'rows-left-out', jobs: withProblems, what }]
}

const KINDS: Partial<Record<string, string>> = {
  'value-required': 'without a value that is needed',
  'value-invalid': 'with a value that cannot be',
  'rule-broken': 'against a rule of their model',
  'model-unknown': 'with an unknown model',
  'model-retired': 'with a model that is gone',
  'account-unknown': 'with an unknown account',
  'account-missing': 'without an account',
  'reference-missing': 'with a reference that is missing',
  'reference-unreadable': 'with a reference that cannot be read',
  'reference-kind': 'with a reference of another kind',
  'reference-limit': 'with a reference that breaks a limit',
  'reference-needs-address': 'with a reference that needs an address',
  'reference-changed': 'with a reference that was changed',
  'address-refused': 'with an address that may not be used',
}

function unknownPrices(prices: SheetCheck['prices']): Risk[] {
  const open = prices.filter(({ highMicros }) => highMicros === null)
  const jobs = open.reduce((sum, line) => sum + line.jobs, 0)
  if (jobs === 0) return []
  const named = [...new Set(open.map(({ model, account }) => `${model} on ${account}`))].join(', ')
  return [
    { kind: 'price-unknown', jobs, what: `The price of ${many(jobs, 'job')} is not known: ${clean(named)}.` },
  ]
}

function fullServices(uploads: SheetCheck['uploads']): Risk[] {
  return uploads
    .filter(({ files, remainingFiles }) => remainingFiles !== null && files > remainingFiles)
    .map(({ account, files, remainingFiles }) => ({
      kind: 'upload-refused' as const,
      jobs: files - (remainingFiles ?? 0),
      what: `The file service of ${account} takes only ${number(remainingFiles ?? 0)} of the ${many(files, 'file')}: rows whose files do not fit wait.`,
    }))
}

/** Warnings of the rows that are ordered; of each kind the first sentence. */
function warningsByKind(rows: Rows): Risk[] {
  const kinds = new Map<Problem['code'], Risk>()
  for (const { problems } of rows) {
    const own = new Map(problems.filter(({ level }) => level === 'warning').map((one) => [one.code, one]))
    for (const [code, { what }] of own) {
      const kind = kinds.get(code)
      if (kind) kind.jobs += 1
      else kinds.set(code, { kind: code, jobs: 1, what: shorten(clean(what), WIDEST_SENTENCE) })
    }
  }
  return [...kinds.values()].map((risk) => ({ ...risk, what: `${many(risk.jobs, 'job')}: ${risk.what}` }))
}

/** Models that have a successor are being switched off, here sooner, there later. */
function goingAway(rows: Rows): Risk[] {
  const successors = new Map<string, string>()
  let jobs = 0
  for (const { model, problems } of rows) {
    const successor = model === null ? undefined : findModel(model)?.successor
    if (model === null || successor === undefined) continue
    // Said already, and more surely.
    if (problems.some(({ code }) => code === 'model-retired')) continue
    successors.set(model, successor)
    jobs += 1
  }
  if (jobs === 0) return []
  const named = [...successors].map(([model, successor]) => `${model} (then ${successor})`).join(', ')
  const what = `${many(jobs, 'job')}: providers are switching off ${named}.`
  return [{ kind: 'model-retired', jobs, what }]
}
