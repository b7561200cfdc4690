import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { SheetCheck } from '../../../../shared/check.ts'
import type { RunCreated } from '../../../../shared/contract.ts'
import { ProblemError, problem } from '../../../../shared/problem.ts'
import type { Run } from '../../../../shared/run.ts'
import type { App } from '../../../core/app.ts'
import { addUp, close } from '../closing.ts'
import { EXIT } from '../exit-code.ts'
import { follow } from '../follow.ts'
import type { Client, Session } from '../session.ts'
import { withOwner } from '../session.ts'
import { many, priceWords } from '../spending.ts'
import { formatStart, parseStart } from '../start-time.ts'
import { TAKE_BACK_MS } from '../take-back.ts'
import { clean, count, quoted } from '../words.ts'
import { sayRowProblems } from './check.ts'
import {
  type Answer,
  type AskGiven,
  accountsNamed,
  checkAccounts,
  declined,
  mayOrder,
  mayStillGo,
  needsOf,
  sayCap,
  sayPlan,
} from './confirm.ts'
import { readSource, type SheetGiven, type SheetSource, toSheetRequest } from './sheet-options.ts'

export interface MakeGiven extends SheetGiven {
  archive?: string
  cap?: number
  softCap?: boolean
  template?: string
  name?: string
  strict: boolean
  at?: string
}

export interface RunGiven extends MakeGiven, AskGiven {}

/** From here on writing the rows takes seconds. */
const MANY_ROWS = 10_000

/** `run SHEET`: checks, shows the price, asks, orders, and stays until nothing moves any more. */
export async function run(session: Session, sheet: string, given: RunGiven): Promise<number> {
  refuseLonelySoftCap(given)
  const startAt = given.at === undefined ? null : parseStart(given.at, Date.now())
  const source = await readSource(session, sheet)
  return withOwner(session, (app) => runSheet(session, app, source, given, startAt))
}

async function runSheet(
  session: Session,
  app: App,
  source: SheetSource,
  given: RunGiven,
  startAt: number | null,
): Promise<number> {
  const { out } = session
  const { client } = app
  const request = await toSheetRequest(client, source, given)
  const check = await checkFor(session, client, request)
  refuseBadSheet(check)
  const before = check.runId === null ? null : await client.runs.get({ id: check.runId })
  let answer: Answer = { isYes: true, isAsked: false }
  if (check.fresh > 0) {
    const accounts = await accountsNamed(client, new Set(check.prices.map(({ account }) => account)))
    sayPlan(session, check)
    await checkAccounts(session, client, { accounts, needs: needsOf(check.prices), isOffline: given.offline })
    sayCap(session, check, given)
    if (startAt !== null) out.say(`It starts at ${formatStart(startAt, Date.now())}.`)
    answer = await mayOrder(session, accounts, given, {
      jobs: check.fresh,
      question: `Order ${many(check.fresh, 'clip')} for ${priceWords(check.prices)}?`,
    })
    if (!answer.isYes) return declined(session)
  }
  if (check.fresh > MANY_ROWS)
    out.hint(`Writing down ${many(check.fresh, 'row')} before the first is ordered …`)
  const takeBackMs = answer.isAsked && startAt === null ? TAKE_BACK_MS : 0
  const created = await client.runs.create({
    ...toCreate(session, request, check, given, before),
    startAt,
    takeBackMs,
  })
  const made = await client.runs.get({ id: created.runId })
  sayStart(session, made, created, given)
  out.sum({ runId: made.id, created: created.created, same: created.same, archiveFolder: made.archiveFolder })
  if (created.created > 0 && !(await isKept(session, client, made, takeBackMs))) return EXIT.interrupted
  return work(session, app, made, created, given)
}

type SheetRequest = Awaited<ReturnType<typeof toSheetRequest>>

/** Reads and checks the sheet, and says what is wrong with it. */
export async function checkFor(session: Session, client: Client, request: SheetRequest): Promise<SheetCheck> {
  const check = await client.sheets.check(request)
  sayRowProblems(session, check)
  session.out.sum({ rows: check.rowCount, jobs: check.jobCount, withProblems: check.withProblems })
  return check
}

/** What is wrong with a sheet as a whole could order the wrong clips in every row: nobody is asked for a yes. */
export function refuseBadSheet({ problems }: SheetCheck): void {
  const errors = problems.filter(({ level, place }) => level === 'error' && place.row === undefined)
  const [first] = errors
  if (!first) return
  throw new ProblemError({
    ...first,
    what: `${errors.length === 1 ? 'Something is' : `${errors.length} things are`} wrong with the sheet as a whole (named above). Nothing was ordered and nothing was spent.`,
    next: 'Mend it, or what was typed about it, and try again.',
  })
}

/** Everything that `runs.create` is told, whether the rows are ordered at once or not. */
export function toCreate(
  session: Session,
  request: SheetRequest,
  check: SheetCheck,
  given: MakeGiven,
  before: Run | null,
) {
  return {
    ...request,
    archiveFolder: resolve(given.archive ?? before?.archiveFolder ?? defaultArchive(session)),
    isStrict: given.strict,
    capMicros: given.cap ?? null,
    capMode: given.softCap ? ('soft' as const) : ('hard' as const),
    confirmedCreditMicros: check.totalCreditMicros,
    confirmedJobs: check.jobCount,
    sheetSha256: check.sha256,
    ...(given.name !== undefined && { name: given.name }),
    ...(given.template !== undefined && { nameTemplate: given.template }),
  }
}

export function refuseLonelySoftCap({ softCap, cap }: Pick<MakeGiven, 'softCap' | 'cap'>): void {
  if (!softCap || cap !== undefined) return
  throw new ProblemError(
    problem(
      'wrong-use',
      '--soft-cap says what happens at the cap, and no cap is given. Nothing was ordered.',
      'Add --cap AMOUNT, or leave --soft-cap out.',
    ),
  )
}

/** False when the rows were taken back in the seconds after the yes: nothing was ordered by then. */
async function isKept(session: Session, client: Client, made: Run, takeBackMs: number): Promise<boolean> {
  const { out, signal } = session
  if (takeBackMs > 0 ? await mayStillGo(session) : !signal.aborted) return true
  const { touched, refused } = await client.runs.takeBack({ id: made.id })
  for (const one of refused) out.trouble(one)
  out.sum({ takenBack: touched })
  out.hint(
    `Taken back: ${refused.length === 0 ? 'nothing was ordered and nothing was spent' : 'nothing more is ordered'}. ${many(touched, 'row')} ${touched === 1 ? 'is' : 'are'} held; start ${touched === 1 ? 'it' : 'them'} later with: reelsheet start ${quoted(made.name)}`,
  )
  return false
}

async function work(
  session: Session,
  app: App,
  made: Run,
  created: RunCreated,
  given: RunGiven,
): Promise<number> {
  const { client } = app
  if (made.isPaused && created.created === 0 && given.cap !== undefined) {
    await client.runs.resume({ id: made.id, capMicros: given.cap })
  }
  return workOn(session, app, [made.id], created.withProblems)
}

/** Starts the work and stays until nothing of these runs moves any more, or the person stops it. */
export async function workOn(
  session: Session,
  app: App,
  runIds: readonly number[],
  withProblems = 0,
): Promise<number> {
  await app.start()
  const ending = await follow(session, app.client, runIds)
  const exitCode = await close(session, app.client, ending, withProblems)
  if (ending.isInterrupted) await sayInterrupted(session, app, ending.runs)
  return exitCode
}

/** Stops taking work, lets requests in flight settle and says how to go on. */
async function sayInterrupted({ out }: Session, app: App, runs: readonly Run[]): Promise<void> {
  out.hint(
    'Stopping: requests in flight settle first. Ctrl-C again ends at once; nothing is lost either way.',
  )
  await app.stop()
  const name = runs.length === 1 && runs[0] ? ` ${quoted(runs[0].name)}` : ''
  out.hint(`Stopped. Go on with: reelsheet resume${name}`)
  const now = Date.now()
  for (const { startAt, name: scheduled } of runs) {
    if (startAt === null || startAt <= now) continue
    out.hint(
      `"${clean(scheduled)}" starts at ${formatStart(startAt, now)}, and only while Reelsheet is at work.`,
    )
  }
}

function sayStart({ out }: Session, made: Run, created: RunCreated, given: RunGiven): void {
  const wanted = given.archive === undefined ? null : resolve(given.archive)
  if (!created.isNew && wanted !== null && wanted !== made.archiveFolder) {
    out.hint(
      `The clips of this sheet's run are in ${made.archiveFolder}, and new ones go there too; ${wanted} is not used.`,
    )
  }
  if (created.created > 0) {
    const done = made.startAt === null ? 'ordered' : 'to be ordered'
    out.say(
      `Run "${clean(made.name)}": ${count(created.created, 'row')} ${done}, clips go to ${made.archiveFolder}`,
    )
    return
  }
  const counts = addUp([made])
  const { held } = counts
  const unfinished =
    Object.values(counts).reduce((sum, number) => sum + number, 0) -
    counts.done -
    counts.failed -
    counts.cancelled -
    held
  const archived = `${count(counts.done, 'row')} ${counts.done === 1 ? 'is' : 'are'} already archived in ${made.archiveFolder}`
  if (unfinished === 0) out.say(`Nothing is new: ${archived}; no task was created.`)
  else
    out.say(
      `Nothing is new: ${archived}; ${count(unfinished, 'row')} not finished yet, going on with ${unfinished === 1 ? 'it' : 'them'}.`,
    )
  if (held > 0) {
    out.say(
      `${count(held, 'row')} ${held === 1 ? 'is' : 'are'} held and ${held === 1 ? 'waits' : 'wait'} to be started: reelsheet start ${quoted(made.name)}`,
    )
  }
  if (given.at !== undefined) {
    out.hint(`No row is new, so --at changes nothing. See: reelsheet schedule ${quoted(made.name)} --at TIME`)
  }
}

/** The person's folder for films where there is one, else a folder beside the data. */
function defaultArchive({ home, environment }: Session): string {
  const films = join(environment.HOME ?? homedir(), process.platform === 'darwin' ? 'Movies' : 'Videos')
  const hasFilms = existsSync(films) && statSync(films).isDirectory()
  return hasFilms ? join(films, 'Reelsheet') : join(home, 'archive')
}
