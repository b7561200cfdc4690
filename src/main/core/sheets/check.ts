import { createHash } from 'node:crypto'
import path from 'node:path'
import type { CheckedRow, PriceLine, SheetCheck } from '../../../shared/check.ts'
import { findModel } from '../../../shared/models/catalogue.ts'
import type { Estimate, Family, ReferenceKind, ResolvedOrder } from '../../../shared/models/types.ts'
import { checkOrder } from '../../../shared/models/validate.ts'
import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import type { Sheet, SheetRow } from '../../../shared/sheet.ts'
import type { PriceDesk } from '../money/price-desk.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { JobRecord } from '../store/jobs.ts'
import { toCreditMicros } from '../store/ledger.ts'
import type { Store } from '../store/store.ts'
import { matchRows } from './match.ts'
import { type Media, MediaDesk } from './media-desk.ts'
import { readSheet } from './read.ts'

/** One row with everything that is needed to buy it. */
export interface ReadyRow {
  sheetRow: SheetRow
  account: AccountRecord | null
  order: ResolvedOrder | null
  estimate: Estimate | null
  references: Media[]
  audio: Media | null
  problems: Problem[]
  /** Names what is ordered, whatever it is called: equal fingerprints order the same clip. */
  fingerprint: string
  /** The job of an earlier import of this sheet, where there is one. */
  job: JobRecord | null
  /** Every job that an earlier version of the row made. */
  earlier: JobRecord[]
  standing: 'new' | 'same' | 'changed'
}

export interface ReadySheet {
  sheet: Sheet
  path: string
  rows: ReadyRow[]
  /** Jobs of the earlier import whose row is gone. */
  gone: JobRecord[]
  runId: number | null
}

/**
 * Reads a sheet and checks every row against model, media and account: all that can be known before any
 * money is spent. Nothing of the sheet is written. Throws a `ProblemError` for what stops the whole sheet.
 */
export async function checkSheet(
  store: Store,
  input: { path: string; accounts: readonly string[] },
  prices: PriceDesk,
): Promise<ReadySheet> {
  const file = path.resolve(input.path)
  const sheet = await readSheet(file)
  const accounts = chooseAccounts(store, input.accounts)
  const desk = new MediaDesk(path.dirname(file), store)
  const rows: ReadyRow[] = []
  for (const sheetRow of sheet.rows) rows.push(await checkRow(sheetRow, accounts, store, desk))
  for (const found of sheet.problems) {
    rows.find((row) => row.sheetRow.row === found.place.row)?.problems.push(found)
  }
  await priceRows(rows, prices)
  const run = store.runs.bySheet(file)
  const gone = run ? matchRows(rows, store.jobs.ofRun(run.id), (job) => orderedBy(job, store)) : []
  return { sheet, path: file, rows, gone, runId: run?.id ?? null }
}

async function priceRows(rows: readonly ReadyRow[], prices: PriceDesk): Promise<void> {
  const wanted = rows.flatMap(({ account, order }) =>
    account && order ? [{ account, model: order.model }] : [],
  )
  await prices.ask(wanted)
  for (const row of rows) {
    const { account, order, references } = row
    if (!account || !order) continue
    row.estimate = prices.price(
      order,
      references.map((media) => media.facts),
      account,
    )
  }
}

type Chosen = Partial<Record<Family | 'practice', AccountRecord>>

/** At most one account a family. With none named, the practice account is used as long as it is the only one. */
function chooseAccounts(store: Store, names: readonly string[]): Chosen {
  const chosen: Chosen = {}
  for (const name of names) {
    const account = store.accounts.byName(name)
    if (!account) {
      throw new ProblemError(
        problem(
          'account-unknown',
          `There is no account "${name}". Nothing was spent.`,
          'See "reelsheet accounts list".',
          {
            account: name,
          },
        ),
      )
    }
    if (chosen[account.family]) {
      throw new ProblemError(
        problem(
          'wrong-use',
          `Two ${account.family} accounts were named: "${chosen[account.family]?.name}" and "${name}".`,
          'Name one for each provider, and write the other into the rows’ account column.',
        ),
      )
    }
    chosen[account.family] = account
  }
  if (names.length > 0) return chosen
  const all = store.accounts.list()
  const [first] = all
  return all.length === 1 && first?.family === 'practice' ? { practice: first } : {}
}

async function checkRow(
  sheetRow: SheetRow,
  accounts: Chosen,
  store: Store,
  desk: MediaDesk,
): Promise<ReadyRow> {
  const problems: Problem[] = []
  const model = findModel(sheetRow.values.model ?? '')
  const account = accountFor(sheetRow, model?.family, accounts, store, problems)
  const references = await desk.all(sheetRow.references, problems)
  const audio = sheetRow.audio ? ((await desk.all([sheetRow.audio], problems, 'audio'))[0] ?? null) : null
  const hasMissing =
    references.length < sheetRow.references.length || (sheetRow.audio !== null && audio === null)
  const facts = references.map((media) => media.facts)
  const checked = checkOrder(
    {
      values: sheetRow.values,
      references: facts,
      ...(audio && { audio: audio.facts }),
    },
    rulesOf(account, model?.family),
  )
  const found = hasMissing ? checked.problems.filter((one) => !isAboutMedia(one)) : checked.problems
  const isBad = hasMissing || problems.some((one) => one.level === 'error')
  const order = isBad || !account ? null : (checked.order ?? null)
  return {
    sheetRow,
    account,
    order,
    estimate: null,
    references,
    audio,
    problems: [...problems, ...found].map((one) => ({
      ...one,
      place: { ...one.place, row: sheetRow.row },
    })),
    fingerprint: order ? fingerprintOf(order, references, audio) : '',
    job: null,
    earlier: [],
    standing: 'new',
  }
}

/** A file that cannot be read is its own problem: what the rules say of too few files only follows from it. */
const isAboutMedia = ({ place }: Problem): boolean => /^(ref|audio$)/.test(place.column ?? '')

/** What an account's rows may order. */
export function rulesOf(account: AccountRecord | null, family: Family | undefined) {
  return {
    family: family ?? (account?.family === 'vtrix' ? 'vtrix' : 'evolink'),
    ...(account && {
      extendedDurations: account.options.extendedDurations,
      requestLimitBytes: account.options.requestLimitBytes,
      needsAddressKinds: needsAddress(account),
      retiredModels: account.options.retiredModels,
    }),
  } as const
}

/** Kinds that this account's file service does not take, as far as is known. */
function needsAddress({ family, filesUrl, options }: AccountRecord): ReferenceKind[] {
  if (family === 'evolink' && filesUrl === null) return ['image', 'video', 'audio']
  return family === 'evolink' ? options.uploadRefusedKinds : []
}

function accountFor(
  { values }: SheetRow,
  family: Family | undefined,
  accounts: Chosen,
  store: Store,
  problems: Problem[],
): AccountRecord | null {
  const named = values.account
  if (named !== undefined) return namedAccount(named, family, store, problems)
  if (family === undefined) return null
  const account = accounts[family] ?? accounts.practice
  if (account) return account
  problems.push(
    problem(
      'account-missing',
      `No account was named for ${values.model ?? 'this model'}, which ${family} sells.`,
      `Name one with --account, or in the row’s account column.`,
      { column: 'account' },
    ),
  )
  return null
}

function namedAccount(
  name: string,
  family: Family | undefined,
  store: Store,
  problems: Problem[],
): AccountRecord | null {
  const account = store.accounts.byName(name)
  const place = { column: 'account', value: name }
  if (!account) {
    problems.push(
      problem('account-unknown', `There is no account "${name}".`, 'See "reelsheet accounts list".', place),
    )
    return null
  }
  if (family && account.family !== 'practice' && account.family !== family) {
    problems.push(
      problem(
        'account-missing',
        `The account "${name}" is a ${account.family} account; this row’s model is sold by ${family}.`,
        `Name a ${family} account, or another model.`,
        place,
      ),
    )
    return null
  }
  return account
}

type Source = Pick<Media, 'sha256' | 'address'>

function fingerprintOf(order: object, references: readonly Source[], audio: Source | null): string {
  const sources = references.map((media) => media.sha256 ?? media.address)
  const sorted = Object.fromEntries(Object.entries(order).sort(([a], [b]) => (a < b ? -1 : 1)))
  const text = JSON.stringify([sorted, sources, audio ? (audio.sha256 ?? audio.address) : null])
  return createHash('sha256').update(text).digest('hex')
}

/**
 * What a job orders now. A job that was moved to another model keeps the fingerprint of its row, so that the
 * unchanged sheet buys nothing again; this one recognises it in a sheet that was changed the same way.
 */
function orderedBy(job: JobRecord, store: Store): string {
  const sources = store.jobs.references(job.id).map(({ role, referenceId, address }) => {
    const stored = referenceId === null ? undefined : store.references.get(referenceId)
    return { role, sha256: stored?.sha256 ?? null, address }
  })
  const audio = sources.find(({ role }) => role === 'audio') ?? null
  return fingerprintOf(
    job.order,
    sources.filter(({ role }) => role === 'reference'),
    audio,
  )
}

/** What a person sees of a checked sheet. */
export function toSheetCheck({ sheet, path: file, rows, gone, runId }: ReadySheet): SheetCheck {
  const isReady = (row: ReadyRow) => row.order !== null && !row.problems.some((one) => one.level === 'error')
  const fresh = rows.filter((row) => isReady(row) && row.standing !== 'same')
  return {
    path: file,
    sha256: sheet.sha256,
    rowCount: rows.length,
    ready: rows.filter(isReady).length,
    withProblems: rows.filter((row) => !isReady(row)).length,
    same: rows.filter((row) => row.standing === 'same').length,
    changed: rows.filter((row) => row.standing === 'changed').length,
    fresh: fresh.length,
    gone: gone.length,
    runId,
    prices: priceLines(fresh),
    totalCreditMicros: total(fresh),
    problems: sheet.problems.filter((one) => one.place.row === undefined),
    rows: rows.map((row) => toCheckedRow(row, isReady(row))),
  }
}

function toCheckedRow(row: ReadyRow, isReady: boolean): CheckedRow {
  const { values } = row.sheetRow
  return {
    row: row.sheetRow.row,
    rowKey: values.id ?? null,
    name: values.name ?? null,
    model: values.model ?? null,
    prompt: values.prompt ?? '',
    account: row.account?.name ?? null,
    isReady,
    estimate: row.estimate,
    problems: row.problems,
    standing: row.standing,
    jobId: row.job?.id ?? null,
  }
}

/** New rows' highest estimates in micro-credits; null when one has no price. */
export function total(rows: ReadyRow[]): number | null {
  let sum = 0
  for (const { estimate: found } of rows) {
    if (found?.highMicros === undefined) return null
    sum += toCreditMicros(found.currency, found.highMicros)
  }
  return sum
}

function priceLines(rows: ReadyRow[]): PriceLine[] {
  const lines = new Map<string, PriceLine>()
  for (const { account, order, estimate: found } of rows) {
    if (!account || !order || !found) continue
    const key = `${account.name} ${order.model}`
    const line = lines.get(key) ?? {
      account: account.name,
      model: order.model,
      jobs: 0,
      billableMs: 0,
      currency: found.currency,
      lowMicros: 0,
      highMicros: 0,
      note: found.note,
    }
    lines.set(key, {
      ...line,
      jobs: line.jobs + 1,
      billableMs: line.billableMs + found.billableMs,
      lowMicros: addUp(line.lowMicros, found.lowMicros),
      highMicros: addUp(line.highMicros, found.highMicros),
    })
  }
  return [...lines.values()]
}

const addUp = (sum: number | null, more: number | undefined): number | null =>
  sum === null || more === undefined ? null : sum + more
