import type { SheetCheck } from '../../../../shared/check.ts'
import type { Run } from '../../../../shared/run.ts'
import { differenceTable, listDifference, pickGone } from '../difference.ts'
import { EXIT } from '../exit-code.ts'
import { everyJob } from '../follow.ts'
import { type Client, type Session, withLook, withOwner } from '../session.ts'
import { many } from '../spending.ts'
import { formatStart, parseStart } from '../start-time.ts'
import { clean, quoted } from '../words.ts'
import { declined, mayOrder, sayCap, sayPlan } from './confirm.ts'
import { checkFor, type MakeGiven, refuseBadSheet, refuseLonelySoftCap, toCreate } from './run.ts'
import { readSource, toSheetRequest } from './sheet-options.ts'

export interface ImportGiven extends MakeGiven {
  dryRun: boolean
  jobs?: number
}

/** `import SHEET`: makes the run and orders nothing; with `--dry-run` only says what it would make. */
export async function importSheet(session: Session, sheet: string, given: ImportGiven): Promise<number> {
  refuseLonelySoftCap(given)
  const startAt = given.at === undefined ? null : parseStart(given.at, Date.now())
  const source = await readSource(session, sheet)
  const open = async (client: Client) => {
    const request = await toSheetRequest(client, source, given)
    return { request, check: await checkFor(session, client, request) }
  }
  if (given.dryRun) {
    return withLook(session, async (client) => {
      const { check } = await open(client)
      await sayBefore(session, client, check, given)
      session.out.say('Nothing was written and nothing was ordered.')
      return exitCodeFor(check)
    })
  }
  return withOwner(session, async ({ client }) => {
    const { request, check } = await open(client)
    refuseBadSheet(check)
    const before = await sayBefore(session, client, check, given)
    // Nothing is bought yet, so only a number that nobody expects is asked about.
    const question = { jobs: check.fresh, question: '' }
    const { isYes } = await mayOrder(session, [], { yes: false, offline: true, ...jobsOf(given) }, question)
    if (!isYes) return declined(session)
    const made = await client.runs.create({
      ...toCreate(session, request, check, given, before),
      isHeld: true,
      startAt,
    })
    const run = await client.runs.get({ id: made.runId })
    session.out.record('run', run)
    session.out.sum({ ...countsOf(check), runId: run.id, created: made.created, held: run.counts.held ?? 0 })
    sayImported(session, run, made.created)
    return exitCodeFor(check)
  })
}

const jobsOf = ({ jobs }: ImportGiven) => (jobs === undefined ? {} : { jobs })

/** What the sheet would change, and what that would cost; the earlier run where there is one. */
async function sayBefore(
  session: Session,
  client: Client,
  check: SheetCheck,
  given: ImportGiven,
): Promise<Run | null> {
  const before = check.runId === null ? null : await client.runs.get({ id: check.runId })
  session.out.sum(countsOf(check))
  await sayDifference(session, client, check, before)
  if (check.fresh > 0) {
    sayPlan(session, check)
    sayCap(session, check, given)
  }
  return before
}

const COUNTS = [
  'rowCount',
  'jobCount',
  'ready',
  'withProblems',
  'fresh',
  'changed',
  'same',
  'gone',
  'runId',
] as const satisfies readonly (keyof SheetCheck)[]

const countsOf = (check: SheetCheck) => ({
  ...Object.fromEntries(COUNTS.map((name) => [name, check[name]])),
  counts: {},
})

async function sayDifference(
  { out }: Session,
  client: Client,
  check: SheetCheck,
  before: Run | null,
): Promise<void> {
  const jobs = []
  if (before !== null && check.gone > 0) {
    for await (const job of everyJob(client, { runId: before.id })) jobs.push(job)
  }
  const lines = listDifference(check.rows, pickGone(jobs, check))
  for (const line of lines) out.record('row', line)
  const whole =
    before === null
      ? 'This sheet was not imported before: every row is new.'
      : `Compared with run "${clean(before.name)}":`
  out.say(whole)
  if (before !== null && lines.length > 0) out.say(differenceTable(lines))
  if (check.gone > 0) {
    out.tell('Rows that are gone from the sheet keep what they have; cancel those that are not bought yet.')
  }
  out.say()
}

function sayImported({ out }: Session, run: Run, created: number): void {
  const held = run.counts.held ?? 0
  if (created === 0 && held === 0) {
    out.say(`Nothing is new in run "${clean(run.name)}", and nothing was ordered.`)
    return
  }
  out.say(
    `Run "${clean(run.name)}": ${many(created, 'row')} imported, ${many(held, 'row')} held. Nothing was ordered and nothing was spent.`,
  )
  const when = run.startAt === null ? '' : `, from ${formatStart(run.startAt, Date.now())} on`
  out.say(`Order them${when} with: reelsheet start ${quoted(run.name)}`)
}

const exitCodeFor = ({ withProblems, rowCount, problems }: SheetCheck): number =>
  withProblems === 0 && rowCount > 0 && !problems.some(({ level }) => level === 'error')
    ? EXIT.archived
    : EXIT.wrongUse
