import path from 'node:path'
import type { RunCreated } from '../../../shared/contract.ts'
import { DEFAULT_NAME_TEMPLATE } from '../../../shared/run.ts'
import type { Engine } from '../jobs/engine.ts'
import { PriceDesk } from '../money/price-desk.ts'
import type { RunRecord } from '../store/runs.ts'
import { checkSheet, type ImportInput, isFresh, isReady, type ReadySheet } from './check.ts'
import { cancelReplaced, newJobRow, Takes } from './new-jobs.ts'
import { Once } from './read.ts'
import { refuseBadFolder, refuseIfNeeded, refuseLateStart } from './refusals.ts'
import { rememberMapping } from './remembered.ts'
import { total } from './sheet-check.ts'
import { storeMedia } from './store-media.ts'
import { indexSomeWords, indexWords } from './words.ts'

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
  if (before) refuseLateStart(engine, input, before)
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
const startOf = (run: RunRecord, { takeBackMs }: ImportInput, now: number): number =>
  Math.max(now, run.startAt ?? now + takeBackMs)

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
  if (input.startAt !== null) {
    store.runs.schedule(before.id, input.startAt)
    store.jobs.postpone(before.id, input.startAt)
  }
  return store.runs.get(before.id) as RunRecord
}

/** Rows of the earlier sheet keep the columns that their names and the manifest are made of. */
const allHeaders = ({ sheet }: ReadySheet, before: RunRecord): string[] => [
  ...new Set([...sheet.headers, ...before.headers]),
]

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
