import path from 'node:path'
import type { RunCreated } from '../../../shared/contract.ts'
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
import { apply } from '../jobs/apply.ts'
import { amount } from '../jobs/claim.ts'
import type { Engine } from '../jobs/engine.ts'
import { PriceDesk } from '../money/price-desk.ts'
import type { NewJobRow } from '../store/job-inserts.ts'
import { type NewJob, PAUSED_BY_RUN } from '../store/jobs.ts'
import type { RunRecord } from '../store/runs.ts'
import { checkSheet, type ReadySheet, total } from './check.ts'
import type { Media } from './media-desk.ts'
import type { ReadyRow } from './row-desk.ts'
import { indexSomeWords, indexWords } from './words.ts'

export interface ImportInput {
  path: string
  accounts: readonly string[]
  archiveFolder: string
  name?: string | undefined
  nameTemplate?: string | undefined
  capMicros: number | null
  isStrict: boolean
  isHeld: boolean
  confirmedCreditMicros?: number | null | undefined
}

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
  const ready = await checkSheet(engine.store, input, new PriceDesk(engine), engine.clock)
  const bad = ready.rows.filter((row) => !isReady(row))
  const wanted = ready.rows.filter((row) => isReady(row) && row.standing !== 'same')
  refuseIfNeeded(input, ready, bad, wanted)
  const before = ready.runId === null ? undefined : engine.store.runs.get(ready.runId)
  const folder = before?.archiveFolder ?? path.resolve(input.archiveFolder)
  const template = before?.nameTemplate ?? input.nameTemplate ?? DEFAULT_NAME_TEMPLATE
  const name = before?.name ?? freeName(engine.store, input, ready.path)
  if (wanted.length > 0) await refuseBadFolder(engine, folder, template, name, ready, wanted)
  const ids = await storeMedia(engine, wanted)
  const { runId, created } = engine.store.write(() => {
    const run = before ?? createRun(engine, input, ready, folder, template, name)
    if (before) engine.store.runs.setSheet(before.id, ready.sheet.sha256, allHeaders(ready, before))
    if (before && input.capMicros !== null) engine.store.runs.setCap(before.id, input.capMicros)
    cancelReplaced(engine, ready)
    const now = engine.clock.now()
    engine.store.jobs.insertMany(wanted, (row) => newJobRow(row, run, ids, now, input.isHeld))
    indexSomeWords(engine.store)
    if (!input.isHeld) engine.store.runs.start(run.id, now)
    return { runId: run.id, created: wanted.length }
  })
  void indexWords(engine)
  return {
    runId,
    isNew: !before,
    created,
    same: ready.rows.filter((row) => row.standing === 'same').length,
    changed: ready.rows.filter((row) => row.standing === 'changed').length,
    gone: ready.gone.length,
    withProblems: bad.length,
    problems: bad.flatMap((row) => row.problems.filter((one) => one.level === 'error')),
  }
}

/** Rows of the earlier sheet keep the columns that their names and the manifest are made of. */
const allHeaders = ({ sheet }: ReadySheet, before: RunRecord): string[] => [
  ...new Set([...sheet.headers, ...before.headers]),
]

const isReady = (row: ReadyRow): boolean =>
  row.order !== null && !row.problems.some((one) => one.level === 'error')

function refuseIfNeeded(input: ImportInput, ready: ReadySheet, bad: ReadyRow[], wanted: ReadyRow[]): void {
  const place = { file: ready.path }
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
        `No row of ${path.basename(ready.path)} can be run. Nothing was started and nothing was spent.`,
        bad[0]?.problems[0]
          ? `Row ${bad[0].sheetRow.row}: ${bad[0].problems[0].what}`
          : 'See "reelsheet check".',
        place,
      ),
    )
  }
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
  for (const media of rows.flatMap((row) => (row.audio ? [...row.references, row.audio] : row.references))) {
    if (media.sha256 === null || ids.has(media.sha256)) continue
    if (media.referenceId !== null) ids.set(media.sha256, media.referenceId)
    if (!media.probed) continue
    const stored = media.bytes
      ? await engine.references.addBytes(media.bytes)
      : await engine.references.add(media.file as string)
    if (stored.sha256 !== media.sha256) throw changedMeanwhile(media)
    ids.set(stored.sha256, writeReference(engine, media, stored.sha256))
  }
  return ids
}

/** The database's row of one stored file. */
export function writeReference(engine: Engine, media: Media, sha256: string): number {
  const probed = media.probed
  if (!probed) throw new Error('a stored file is a probed one')
  return engine.store.references.add({
    sha256,
    kind: probed.kind,
    format: probed.format,
    mediaType: probed.mediaType,
    sizeBytes: probed.sizeBytes,
    width: probed.width,
    height: probed.height,
    durationMs: probed.durationMs,
    framesPerSecond: probed.framesPerSecond,
    hasSound: probed.hasSound,
    hasTransparency: probed.hasTransparency,
    name: media.file ? path.basename(media.file) : `${sha256.slice(0, 12)}.${probed.format}`,
    originalPath: media.file,
    createdAt: engine.clock.now(),
  })
}

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
  input: ImportInput,
  ready: ReadySheet,
  archiveFolder: string,
  nameTemplate: string,
  name: string,
): RunRecord {
  const id = store.runs.insert({
    name,
    sheetPath: ready.path,
    sheetSha256: ready.sheet.sha256,
    headers: ready.sheet.headers,
    archiveFolder,
    nameTemplate,
    capMicros: input.capMicros,
    createdAt: clock.now(),
  })
  return store.runs.get(id) as RunRecord
}

function freeName(store: Engine['store'], input: ImportInput, sheet: string): string {
  const name = (input.name ?? path.basename(sheet, path.extname(sheet))).slice(0, 100)
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

function newJobRow(
  row: ReadyRow,
  run: RunRecord,
  ids: ReadonlyMap<string, number>,
  now: number,
  isHeld: boolean,
): NewJobRow {
  const { sheetRow, account, order } = row
  if (!account || !order) throw new Error('a row without an order is not ready')
  const references = row.references.map((media, index) => link('reference', index + 1, media, ids))
  if (row.audio) references.push(link('audio', 1, row.audio, ids))
  const job: NewJob = {
    runId: run.id,
    accountId: account.id,
    parentId: row.job?.id ?? null,
    row: sheetRow.row,
    rowKey: sheetRow.values.id ?? null,
    take: row.job ? row.job.take + 1 : 1,
    fingerprint: row.fingerprint,
    name: sheetRow.values.name ?? null,
    state: isHeld ? 'held' : 'queued',
    pauses: run.isPaused ? PAUSED_BY_RUN : 0,
    runAt: now,
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
    name: media.text.startsWith('data:') ? 'inline data' : media.text,
    kind: media.facts.kind,
  }
}
