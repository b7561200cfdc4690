import path from 'node:path'
import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import { preflight } from '../archive/check.ts'
import {
  checkPathLength,
  longestPossible,
  type NameTemplate,
  parseTemplate,
  renderName,
} from '../archive/names.ts'
import { amount } from '../jobs/amount.ts'
import type { Engine } from '../jobs/engine.ts'
import type { RunRecord } from '../store/runs.ts'
import type { ImportInput, ReadySheet } from './check.ts'
import type { ReadyRow } from './row-desk.ts'
import { total } from './sheet-check.ts'

/** A clip's room is not known before it is made; eight megabits a second is ample for 1080p. */
const BYTES_PER_SECOND = 1_000_000

/** Throws a `ProblemError` for what was not confirmed, or cannot be kept; nothing was written by then. */
export function refuseIfNeeded(
  input: ImportInput,
  ready: ReadySheet,
  bad: ReadyRow[],
  wanted: ReadyRow[],
): void {
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

/** A time to start is for a run of which nothing was ordered yet: a start that is missed must be asked about. */
export function refuseLateStart({ store }: Engine, { startAt }: ImportInput, { id, name }: RunRecord): void {
  if (startAt === null || !store.runs.isBought(id)) return
  const what = `The run "${name}" has ordered clips already, so its new rows cannot wait for a time of their own. Nothing was changed and nothing was spent.`
  const next = 'Import the sheet held, and start the run when it is time.'
  throw new ProblemError(problem('not-possible', what, next, { runId: id }))
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
export async function refuseBadFolder(
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
