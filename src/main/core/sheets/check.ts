import path from 'node:path'
import type * as z from 'zod'
import type { UploadPlan } from '../../../shared/check.ts'
import type { RunCreate, SheetInput } from '../../../shared/contract.ts'
import type { JobState } from '../../../shared/job.ts'
import type { Estimate } from '../../../shared/models/types.ts'
import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import type { Engine } from '../jobs/engine.ts'
import type { PriceDesk } from '../money/price-desk.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { EarlierJob } from '../store/jobs.ts'
import type { RunRecord } from '../store/runs.ts'
import type { Store } from '../store/store.ts'
import { turnOfLoop } from '../system.ts'
import { noticeEdited } from './edited.ts'
import { fingerprintOf } from './fingerprint.ts'
import { matchManifest, runOfManifest } from './manifest-match.ts'
import { matchRows } from './match.ts'
import { MediaDesk } from './media-desk.ts'
import { type OpenSheet, readSheet } from './read.ts'
import { recallMapping } from './remembered.ts'
import { type ReadyRow, RowDesk } from './row-desk.ts'
import { isTurn } from './steps.ts'
import { explainUploads, planUploads } from './uploads.ts'

export type SheetRequest = z.infer<typeof SheetInput>
export type ImportInput = z.infer<typeof RunCreate>
export type CheckPorts = Pick<Engine, 'store' | 'clock' | 'references' | 'providerFor'>

export interface ReadySheet {
  sheet: OpenSheet
  /** Null for what was pasted. */
  path: string | null
  /** Every job of the sheet, in order. */
  rows: ReadyRow[]
  /** Jobs of the earlier import. */
  earlier: readonly EarlierJob[]
  /** Those among them whose row is gone. */
  gone: readonly EarlierJob[]
  runId: number | null
  uploads: UploadPlan[]
  /** About the sheet as a whole. */
  problems: Problem[]
}

/**
 * Reads a sheet and checks every job of it against model, media and account: all that can be known before any
 * money is spent. Nothing of the sheet is written. `isPlanning`: what would be uploaded is told as well, for which the
 * file services are asked. Throws a `ProblemError` for what stops the whole sheet.
 */
export async function checkSheet(
  ports: CheckPorts,
  input: Pick<SheetRequest, 'path' | 'pasted' | 'runId' | 'accounts' | 'options'>,
  prices: PriceDesk,
  isPlanning = false,
): Promise<ReadySheet> {
  const { store, clock } = ports
  const { source, folder } = sourceOf(input)
  const { options } = input
  const sheet = await readSheet(source, options, {
    clock,
    folder,
    remembered: (headers) => recallMapping(store.settings, headers),
  })
  if (options.isFailedOnly && !sheet.isManifest) throw noManifest(sheet)
  const media = new MediaDesk(folder, ports, sheet.isManifest)
  const { isFitting } = options
  const desk = new RowDesk(store, media, input.accounts, { columns: sheet.columns, isFitting })
  const rows: ReadyRow[] = []
  for (const sheetRow of sheet.rows) {
    if (isTurn(rows.length)) await turnOfLoop()
    const row = await desk.check(sheetRow)
    const found = sheet.ofRows.get(sheetRow)
    if (found) row.problems.push(...found)
    rows.push(row)
  }
  const compared = await compare(ports, input, sheet, rows)
  const [uploads] = await Promise.all([
    isPlanning ? planUploads(ports, rows.filter(isFresh)) : [],
    priceRows(rows, prices),
  ])
  const whole = sheet.problems.filter((one) => one.place.row === undefined)
  return {
    sheet,
    path: sheet.path,
    rows,
    ...compared,
    uploads,
    problems: [...whole, ...compared.problems, ...explainUploads(uploads)],
  }
}

/** Exactly one of a file and pasted cells. */
function sourceOf({ path: file, pasted }: Pick<SheetRequest, 'path' | 'pasted'>) {
  if (file !== undefined && pasted === undefined) {
    const whole = path.resolve(file)
    return { source: { path: whole }, folder: path.dirname(whole) }
  }
  if (pasted !== undefined && file === undefined) {
    return { source: { text: pasted.text }, folder: path.resolve(pasted.folder ?? '.') }
  }
  throw new ProblemError(
    problem(
      'wrong-use',
      file === undefined
        ? 'No sheet was named. Nothing was started and nothing was spent.'
        : 'Both a file and pasted cells were given. Nothing was started and nothing was spent.',
      'Name a file, or paste cells.',
    ),
  )
}

const noManifest = (sheet: OpenSheet): ProblemError =>
  new ProblemError(
    problem(
      'wrong-use',
      `The failed rows of a manifest were asked for, and ${sheet.path ?? 'what was pasted'} is none. Nothing was started and nothing was spent.`,
      'Write one with "reelsheet export RUN --out FILE", or buy the failed rows of a run again with "reelsheet retry RUN --failed".',
    ),
  )

/** May be bought. */
export const isReady = (row: ReadyRow): boolean =>
  row.order !== null && !row.problems.some((one) => one.level === 'error')

/** Would be bought. */
export const isFresh = (row: ReadyRow): boolean => row.standing !== 'same' && isReady(row)

type Compared = Pick<ReadySheet, 'earlier' | 'gone' | 'runId' | 'problems'>

/** Compares the rows with an earlier import: each gets its job and its standing. */
async function compare(
  { store }: CheckPorts,
  input: Pick<SheetRequest, 'runId' | 'options'>,
  sheet: OpenSheet,
  rows: readonly ReadyRow[],
): Promise<Compared> {
  const { ours } = sheet
  const { isFailedOnly } = input.options
  const run = earlierRun(store, input, sheet, rows)
  if (!run && !ours) return { earlier: [], gone: [], runId: null, problems: [] }
  const earlier = run ? store.jobs.earlierOf(run.id) : []
  const found = { earlier, runId: run?.id ?? null }
  const ordered = (job: EarlierJob) => orderedBy(job, store)
  if (ours) {
    const problems = await matchManifest(rows, earlier, { ours, store, isFailedOnly }, ordered)
    return { ...found, gone: [], problems }
  }
  const gone = await noticeEdited(rows, matchRows(rows, earlier, ordered), store)
  return { ...found, gone, problems: explainBought(rows) }
}

function earlierRun(
  store: Store,
  { runId, options: { isFailedOnly } }: Pick<SheetRequest, 'runId' | 'options'>,
  { path: file, ours }: OpenSheet,
  rows: readonly ReadyRow[],
): RunRecord | undefined {
  if (runId !== undefined) {
    const run = store.runs.get(runId)
    if (run) return run
    const what = `There is no run ${runId} to compare the sheet with. Nothing was started and nothing was spent.`
    throw new ProblemError(problem('not-found', what, 'See "reelsheet runs" for those there are.'))
  }
  const ofPath = file === null ? undefined : store.runs.bySheet(file)
  return ours ? runOfManifest(rows, { ours, store, isFailedOnly }, ofPath) : ofPath
}

const BOUGHT: readonly JobState[] = ['submitting', 'unconfirmed', 'generating', 'downloading', 'done']

function explainBought(rows: readonly ReadyRow[]): Problem[] {
  const count = rows.filter(
    (row) => row.standing === 'changed' && row.job && BOUGHT.includes(row.job.state) && isReady(row),
  ).length
  if (count === 0) return []
  const one = count === 1
  const what = one
    ? 'One row was bought in another version; as it is now it makes one clip more, which is paid for as well.'
    : `${count.toLocaleString('en')} rows were bought in another version; as they are now they make ${count.toLocaleString('en')} clips more, which are paid for as well.`
  const next = `Where the first clip is enough, make the ${one ? 'row' : 'rows'} what ${one ? 'it was' : 'they were'}.`
  return [problem('row-repeated', what, next, {}, 'warning')]
}

async function priceRows(rows: readonly ReadyRow[], prices: PriceDesk): Promise<void> {
  await prices.ask(wantedPrices(rows))
  const known = new Map<object, Estimate>()
  for (const [at, row] of rows.entries()) {
    if (isTurn(at)) await turnOfLoop()
    const { account, order, references, alike } = row
    if (!account || !order) continue
    row.estimate = (alike && known.get(alike)) ?? null
    if (row.estimate) continue
    const facts = references.map((media) => media.facts)
    row.estimate = prices.price(order, facts, account)
    if (alike) known.set(alike, row.estimate)
  }
}

function wantedPrices(rows: readonly ReadyRow[]) {
  const wanted = new Map<string, { account: AccountRecord; model: string }>()
  const seen = new Set<object>()
  for (const { account, order, alike } of rows) {
    if (!account || !order || (alike && seen.has(alike))) continue
    if (alike) seen.add(alike)
    wanted.set(`${account.id} ${order.model}`, { account, model: order.model })
  }
  return wanted.values()
}

/**
 * What a job orders now. A job that was moved to another model keeps the fingerprint of its row, so that the
 * unchanged sheet buys nothing again; this one recognises it in a sheet that was changed the same way.
 */
function orderedBy({ id, fingerprint }: EarlierJob, store: Store): string {
  const job = store.jobs.get(id)
  if (!job) return fingerprint
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
