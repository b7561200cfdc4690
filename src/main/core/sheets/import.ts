import path from 'node:path'
import type * as z from 'zod'
import type { RunCreate, RunCreated } from '../../../shared/contract.ts'
import type { JobState } from '../../../shared/job.ts'
import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import { DEFAULT_NAME_TEMPLATE } from '../../../shared/run.ts'
import { preflight } from '../archive/check.ts'
import {
  checkPathLength,
  longestPossible,
  type NameTemplate,
  parseTemplate,
  renderName,
} from '../archive/names.ts'
import { amount } from '../jobs/amount.ts'
import { apply } from '../jobs/apply.ts'
import type { Engine } from '../jobs/engine.ts'
import { PriceDesk } from '../money/price-desk.ts'
import { fitStored, keepFitted } from '../references/copies.ts'
import { getReference, recordReference } from '../references/keep.ts'
import { pictureLimits } from '../references/limits.ts'
import type { ProbedMedia } from '../references/media.ts'
import type { NewJobRow } from '../store/job-inserts.ts'
import { type EarlierJob, type NewJob, PAUSED_BY_RUN } from '../store/jobs.ts'
import type { RunRecord } from '../store/runs.ts'
import { checkSheet, isFresh, isReady, type ReadySheet } from './check.ts'
import { nameOf } from './edited.ts'
import { FIT_BACKGROUND, type Media } from './media-desk.ts'
import { Once } from './read.ts'
import { rememberMapping } from './remembered.ts'
import type { ReadyRow } from './row-desk.ts'
import { total } from './sheet-check.ts'
import { indexSomeWords, indexWords } from './words.ts'

export type ImportInput = z.infer<typeof RunCreate>

/** A clip's room is not known before it is made; eight megabits a second is ample for 1080p. */
const BYTES_PER_SECOND = 1_000_000

/** One import at a time: two of one sheet at once would each find no run of it and buy every row twice. */
const underWay = new WeakMap<Engine['store'], Promise<unknown>>()

export function importSheet(engine: Engine, input: ImportInput): Promise<RunCreated> {
  const before = underWay.get(engine.store) ?? Promise.resolve()
  const mine = before.then(() => importNext(engine, input))
  underWay.set(
    engine.store,
    mine.catch(() => undefined),
  )
  return mine
}

/**
 * Makes a run of a sheet, or brings the earlier run of the same sheet up to date: new and changed rows
 * become jobs, rows that stand already are never bought again. References are stored first, then all rows
 * are written in one transaction.
 */
async function importNext(engine: Engine, input: ImportInput): Promise<RunCreated> {
  const ready = await checkSheet(engine, input, new PriceDesk(engine))
  const bad = ready.rows.filter((row) => !isReady(row))
  const wanted = ready.rows.filter(isFresh)
  refuseIfNeeded(input, ready, bad, wanted)
  const before = ready.runId === null ? undefined : engine.store.runs.get(ready.runId)
  const folder = before?.archiveFolder ?? path.resolve(input.archiveFolder)
  const template = before?.nameTemplate ?? input.nameTemplate ?? DEFAULT_NAME_TEMPLATE
  const name = before?.name ?? freeName(engine.store, input, ready.path)
  if (wanted.length > 0) await refuseBadFolder(engine, folder, template, name, ready, wanted)
  const ids = await storeMedia(engine, wanted)
  const { runId, created } = engine.store.write(() => {
    const now = engine.clock.now()
    const price = total(wanted)
    const run = before
      ? updateRun(engine, input, ready, before, price)
      : createRun(engine, input, ready, { archiveFolder: folder, nameTemplate: template, name }, price)
    rememberMapping(
      engine.store.settings,
      ready.sheet.headers.slice(0, ready.sheet.width),
      input.options.mapping,
    )
    cancelReplaced(engine, ready)
    const takes = new Takes(ready.earlier)
    const runAt = startOf(run, input, now)
    engine.store.jobs.insertMany(wanted, (row) =>
      newJobRow(row, run, { ids, takes, now, runAt, isHeld: input.isHeld }),
    )
    indexSomeWords(engine.store)
    if (!input.isHeld && run.startAt === null) engine.store.runs.start(run.id, now)
    return { runId: run.id, created: wanted.length }
  })
  void indexWords(engine)
  const once = new Once()
  return {
    runId,
    isNew: !before,
    created,
    same: ready.rows.filter((row) => row.standing === 'same').length,
    changed: ready.rows.filter((row) => row.standing === 'changed').length,
    gone: ready.gone.length,
    withProblems: bad.length,
    problems: bad.flatMap((row) =>
      once.of(
        row.sheetRow.row,
        row.problems.filter((one) => one.level === 'error'),
      ),
    ),
  }
}

/** When a run's new rows may be ordered: at its time, or when they can no longer be taken back. */
const startOf = (run: RunRecord, { startAt, takeBackMs }: ImportInput, now: number): number =>
  Math.max(now, run.startAt ?? startAt ?? now + takeBackMs)

/**
 * Numbers for new jobs: of a row's jobs each has its own. A row's first jobs have the numbers of its choices and
 * takes; those that come later go on from the highest.
 */
class Takes {
  private readonly highest = new Map<number, number>()

  constructor(earlier: readonly EarlierJob[]) {
    for (const { row, take } of earlier) {
      if (take > (this.highest.get(row) ?? 0)) this.highest.set(row, take)
    }
  }

  next(row: number, variant: number): number {
    const highest = this.highest.get(row)
    if (highest === undefined) return variant
    this.highest.set(row, highest + 1)
    return highest + 1
  }
}

/**
 * The earlier run of the sheet, brought up to date. A manifest stays what it is: a look at its run, whose columns and
 * sheet it does not replace.
 */
function updateRun(
  { store }: Engine,
  input: ImportInput,
  ready: ReadySheet,
  before: RunRecord,
  price: number | null,
): RunRecord {
  const { sheet } = ready
  const isOwn = before.sheetPath === sheet.path
  if (isOwn || !sheet.isManifest) store.runs.setSheet(before.id, sheet.sha256, allHeaders(ready, before))
  if (input.capMicros !== null) {
    store.runs.setCap(before.id, input.capMicros)
    store.runs.setCapMode(before.id, input.capMode)
  }
  const approved = before.approvedMicros === null || price === null ? null : before.approvedMicros + price
  store.runs.setApproved(before.id, approved)
  if (input.startAt !== null && !store.runs.isBought(before.id)) {
    store.runs.schedule(before.id, input.startAt)
    store.jobs.postpone(before.id, input.startAt)
  }
  return store.runs.get(before.id) as RunRecord
}

/** Rows of the earlier sheet keep the columns that their names and the manifest are made of. */
const allHeaders = ({ sheet }: ReadySheet, before: RunRecord): string[] => [
  ...new Set([...sheet.headers, ...before.headers]),
]

function refuseIfNeeded(input: ImportInput, ready: ReadySheet, bad: ReadyRow[], wanted: ReadyRow[]): void {
  const { sheet } = ready
  const place = ready.path === null ? {} : { file: ready.path }
  const called = ready.path === null ? 'the pasted table' : path.basename(ready.path)
  if (input.sheetSha256 !== undefined && input.sheetSha256 !== sheet.sha256) {
    throw new ProblemError(
      problem(
        'not-possible',
        `${ready.path ?? 'The pasted table'} is another now than when it was checked: the sheet changed on disk meanwhile. Nothing was started and nothing was spent.`,
        'Check it again, then confirm what it makes now.',
        place,
      ),
    )
  }
  if (input.isStrict && bad.length > 0) {
    throw new ProblemError(
      problem(
        'rule-broken',
        `${bad.length} of ${ready.rows.length} row(s) have problems and --strict was asked for. Nothing was started and nothing was spent.`,
        'Mend them (see "reelsheet check"), or run without --strict: the good rows then run and the others wait.',
        place,
      ),
    )
  }
  if (wanted.length === 0 && ready.runId === null) {
    throw new ProblemError(
      problem(
        'rule-broken',
        `No row of ${called} can be run. Nothing was started and nothing was spent.`,
        bad[0]?.problems[0]
          ? `Row ${bad[0].sheetRow.row}: ${bad[0].problems[0].what}`
          : (ready.problems.find(({ code }) => code === 'row-repeated')?.what ?? 'See "reelsheet check".'),
        place,
      ),
    )
  }
  refuseUnconfirmedJobs(input, wanted.length, called, place)
  const sum = total(wanted)
  const confirmed = input.confirmedCreditMicros
  if (confirmed !== undefined && confirmed !== null && (sum ?? 0) > confirmed) {
    throw new ProblemError(
      problem(
        'price-changed',
        `The sheet now costs up to ${amount(sum ?? 0)} credits; ${amount(confirmed)} were confirmed. Nothing was started and nothing was spent.`,
        'Look at the prices again and confirm them.',
        place,
      ),
    )
  }
  if (sum === null && input.capMicros !== null) {
    const unpriced = wanted.find((row) => row.estimate?.highMicros === undefined)
    throw new ProblemError(
      problem(
        'price-unknown',
        `The price of ${unpriced?.order?.model} on the account "${unpriced?.account?.name}" is not known, so a cap cannot be kept. Nothing was started and nothing was spent.`,
        `Set it with "reelsheet accounts update ${unpriced?.account?.name} --price ${unpriced?.order?.model}:720p=0.10", or run without --cap.`,
        place,
      ),
    )
  }
}

/** So many jobs are made without being asked about once more. */
export const MOST_UNCONFIRMED = 10_000

function refuseUnconfirmedJobs(
  { confirmedJobs }: ImportInput,
  jobs: number,
  called: string,
  place: Problem['place'],
): void {
  if (jobs <= (confirmedJobs ?? MOST_UNCONFIRMED)) return
  const many = jobs.toLocaleString('en')
  const what =
    confirmedJobs === undefined
      ? `${called} makes ${many} jobs; more than ${MOST_UNCONFIRMED.toLocaleString('en')} are made only when their number was confirmed.`
      : `${called} now makes ${many} jobs; ${confirmedJobs.toLocaleString('en')} were confirmed.`
  const next = 'Look at what the sheet makes, then confirm that number of jobs.'
  throw new ProblemError(
    problem('too-many-jobs', `${what} Nothing was started and nothing was spent.`, next, place),
  )
}

/** No paid job without a template that names it, a folder that takes it and room for it. */
async function refuseBadFolder(
  { disk }: Engine,
  folder: string,
  template: string,
  run: string,
  ready: ReadySheet,
  wanted: ReadyRow[],
): Promise<void> {
  const parsed = parseTemplate(template, ready.sheet.headers)
  if (!parsed.template) throw new ProblemError(parsed.problems[0] as Problem)
  const seconds = wanted.reduce((sum, row) => sum + (row.order?.duration ?? 0), 0)
  const found = await preflight(
    folder,
    {
      bytesNeeded: seconds * BYTES_PER_SECOND,
      longestName: longestName(folder, parsed.template, run, wanted),
    },
    disk ? { disk } : {},
  )
  if (found) throw new ProblemError(found)
}

/**
 * The longest clip name these rows can get, to be tried on the folder before anything is bought. Where any name
 * of the template would fit, no row's own is made.
 */
function longestName(folder: string, template: NameTemplate, run: string, rows: ReadyRow[]): string {
  const any = longestPossible(template)
  if (checkPathLength(folder, any, process.platform) === null) return any
  let longest = ''
  for (const { sheetRow, order } of rows) {
    const { values, cells } = sheetRow
    const name = renderName(template, {
      run,
      row: sheetRow.row,
      take: 99,
      prompt: order?.prompt ?? '',
      model: order?.model ?? '',
      seed: order?.seed ?? null,
      date: '2000-01-01',
      name: values.name ?? null,
      id: values.id ?? null,
      account: values.account ?? '',
      columns: cells,
    })
    if (sizeOf(name) > sizeOf(longest)) longest = name
  }
  return longest
}

/** Windows counts characters, the others bytes. */
const sizeOf = (name: string): number =>
  process.platform === 'win32' ? name.length : Buffer.byteLength(name)

/** Stores every local file of the rows once; returns its row's id by content hash. */
async function storeMedia(engine: Engine, rows: ReadyRow[]): Promise<Map<string, number>> {
  const ids = new Map<string, number>()
  for (const row of rows) {
    for (const media of row.audio ? [...row.references, row.audio] : row.references) {
      await storeOne(engine, media, ids)
    }
  }
  return ids
}

async function storeOne(engine: Engine, media: Media, ids: Map<string, number>): Promise<void> {
  if (media.sha256 === null || ids.has(media.sha256)) return
  if (media.fitted) await storeFitted(engine, media, media.fitted, ids)
  else if (media.referenceId !== null) ids.set(media.sha256, media.referenceId)
  if (!media.probed || media.fitted) return
  const stored = media.bytes
    ? await engine.references.addBytes(media.bytes)
    : await engine.references.add(media.file as string)
  if (stored.sha256 !== media.sha256) throw changedMeanwhile(media)
  ids.set(stored.sha256, recordMedia(engine, media, stored.sha256, media.probed))
}

/** The picture itself is stored first; its copy is made again from that, and is the same. */
async function storeFitted(
  engine: Engine,
  media: Media,
  { source, model }: NonNullable<Media['fitted']>,
  ids: Map<string, number>,
): Promise<void> {
  await storeOne(engine, source, ids)
  const original = getReference(engine.store, ids.get(source.sha256 ?? '') ?? 0)
  const copy = await fitStored(engine, original, pictureLimits(model), FIT_BACKGROUND)
  const kept = copy && (await keepFitted(engine, original, copy))
  if (!kept || kept.sha256 !== media.sha256) throw changedMeanwhile(source)
  ids.set(kept.sha256, kept.id)
}

/** The database's row of one stored file. */
const recordMedia = (engine: Engine, media: Media, sha256: string, probed: ProbedMedia): number =>
  recordReference(engine, sha256, probed, {
    name: media.file ? path.basename(media.file) : `${sha256.slice(0, 12)}.${probed.format}`,
    originalPath: media.file,
  })

const changedMeanwhile = (media: Media): ProblemError =>
  new ProblemError(
    problem(
      'reference-unreadable',
      `${media.text} changed while it was being read. Nothing was started and nothing was spent.`,
      'Wait until whatever writes it has finished, then run the sheet again.',
      { file: media.file ?? media.text },
    ),
  )

function createRun(
  { store, clock }: Engine,
  { capMicros, capMode, startAt }: ImportInput,
  { sheet }: ReadySheet,
  named: Pick<RunRecord, 'archiveFolder' | 'nameTemplate' | 'name'>,
  approvedMicros: number | null,
): RunRecord {
  const id = store.runs.insert({
    ...named,
    sheetPath: sheet.path,
    sheetSha256: sheet.sha256,
    headers: sheet.headers,
    capMicros,
    capMode,
    approvedMicros,
    startAt,
    createdAt: clock.now(),
  })
  return store.runs.get(id) as RunRecord
}

function freeName(store: Engine['store'], input: ImportInput, sheet: string | null): string {
  const own = sheet === null ? 'pasted' : path.basename(sheet, path.extname(sheet))
  const name = (input.name ?? own).slice(0, 100)
  let candidate = name
  for (let number = 2; store.runs.isNameTaken(candidate); number++) candidate = `${name} ${number}`
  return candidate
}

/** What no longer stands for its row is not bought any more, where it was not bought yet. */
function cancelReplaced(engine: Engine, { rows }: ReadySheet): void {
  for (const row of rows.filter(isReady)) {
    for (const job of row.earlier) {
      if (row.standing === 'changed' || job !== row.job) cancelUnbought(engine, job.id)
    }
  }
}

function cancelUnbought(engine: Engine, jobId: number): void {
  // Read again: the row may have been bought since the sheet was compared.
  const job = engine.store.jobs.get(jobId)
  if (!job || !UNBOUGHT.includes(job.state)) return
  const attempt = engine.store.attempts.undecided(jobId)
  const replaced: Problem = problem(
    'row-repeated',
    'A changed version of this row took its place before it was bought.',
    'Nothing to do.',
    { jobId, row: job.row },
    'info',
  )
  apply(engine, jobId, {
    event: { type: 'cancelled', problem: replaced },
    ...(attempt && {
      attempt: { id: attempt.id, outcome: 'not-sent' },
      ledger: { attemptId: attempt.id, entry: { standing: 'released' } },
    }),
  })
}

const UNBOUGHT: readonly JobState[] = ['held', 'queued', 'uploading']

/** What the new jobs of an import have in common. */
interface NewJobs {
  ids: ReadonlyMap<string, number>
  takes: Takes
  now: number
  runAt: number
  isHeld: boolean
}

function newJobRow(row: ReadyRow, run: RunRecord, { ids, takes, now, runAt, isHeld }: NewJobs): NewJobRow {
  const { sheetRow, account, order } = row
  // What is bought again belongs to the row that it was, wherever a manifest lists it.
  const number = row.standing === 'new' && row.job ? row.job.row : sheetRow.row
  if (!account || !order) throw new Error('a row without an order is not ready')
  const references = row.references.map((media, index) => link('reference', index + 1, media, ids))
  if (row.audio) references.push(link('audio', 1, row.audio, ids))
  const job: NewJob = {
    runId: run.id,
    accountId: account.id,
    parentId: row.job?.id ?? null,
    row: number,
    rowKey: sheetRow.values.id ?? null,
    take: takes.next(number, sheetRow.variant),
    fingerprint: row.fingerprint,
    name: sheetRow.values.name ?? null,
    state: isHeld ? 'held' : 'queued',
    pauses: run.isPaused ? PAUSED_BY_RUN : 0,
    runAt,
    model: order.model,
    prompt: order.prompt ?? '',
    order: order as unknown as Record<string, unknown>,
    cells: sheetRow.cells,
    estimateMicros: row.estimate?.highMicros ?? null,
    problem: row.problems.find((one) => one.level === 'warning') ?? null,
    createdAt: now,
  }
  return { job, references }
}

function link(role: 'reference' | 'audio', position: number, media: Media, ids: ReadonlyMap<string, number>) {
  const referenceId = media.sha256 === null ? null : (ids.get(media.sha256) ?? null)
  return {
    role,
    position,
    referenceId,
    address: media.address,
    name: nameOf(media),
    kind: media.facts.kind,
  }
}
