import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Account } from '../../../../shared/account.ts'
import type { SheetCheck } from '../../../../shared/check.ts'
import type { RunCreated } from '../../../../shared/contract.ts'
import { type Problem, ProblemError, problem } from '../../../../shared/problem.ts'
import type { Run } from '../../../../shared/run.ts'
import type { App } from '../../../core/app.ts'
import { keyVariable } from '../../secrets.ts'
import { askYes } from '../ask.ts'
import { addUp, close } from '../closing.ts'
import { EXIT } from '../exit-code.ts'
import { follow } from '../follow.ts'
import { formatMoney } from '../money.ts'
import type { Client, Session } from '../session.ts'
import { withOwner } from '../session.ts'
import { clean, count, quoted } from '../words.ts'
import { explainTest } from './accounts.ts'
import { sayPrices, sayRowProblems } from './check.ts'

export interface RunOptions {
  account: string[]
  archive?: string | undefined
  capMicros?: number | undefined
  template?: string | undefined
  name?: string | undefined
  yes: boolean
  strict: boolean
  /** Order although an account cannot be reached now. */
  offline: boolean
}

/** From here on writing the rows takes seconds. */
const MANY_ROWS = 10_000

/** `run SHEET`: checks, shows the price, asks, orders, and stays until nothing moves any more. */
export function run(session: Session, sheet: string, options: RunOptions): Promise<number> {
  return withOwner(session, (app) => runSheet(session, app, resolve(sheet), options))
}

async function runSheet(session: Session, app: App, path: string, options: RunOptions): Promise<number> {
  const { out } = session
  const { client } = app
  const check = await client.sheets.check({ path, accounts: options.account })
  sayRowProblems(session, check)
  out.sum({ rows: check.rowCount, withProblems: check.withProblems })
  const before = check.runId === null ? null : await client.runs.get({ id: check.runId })
  const isNothingNew = check.fresh === 0 && before !== null
  if (!isNothingNew && check.fresh > 0) {
    const accounts = await usedAccounts(client, check)
    sayPrices(session, check)
    await checkAccounts(session, client, accounts, options)
    sayCap(session, check, options)
    if (!(await mayGoOn(session, check, accounts, options))) return declined(session)
  }
  if (check.fresh > MANY_ROWS)
    out.hint(`Writing down ${count(check.fresh, 'row')} before the first is ordered …`)
  const created = await client.runs.create({
    path,
    accounts: options.account,
    archiveFolder: resolve(options.archive ?? before?.archiveFolder ?? defaultArchive(session)),
    isStrict: options.strict,
    capMicros: options.capMicros ?? null,
    confirmedCreditMicros: check.totalCreditMicros,
    ...(options.name !== undefined && { name: options.name }),
    ...(options.template !== undefined && { nameTemplate: options.template }),
  })
  return work(session, app, created, options)
}

async function work(session: Session, app: App, created: RunCreated, options: RunOptions): Promise<number> {
  const { out } = session
  const { client } = app
  const made = await client.runs.get({ id: created.runId })
  sayStart(session, made, created, options)
  out.sum({ runId: made.id, created: created.created, same: created.same, archiveFolder: made.archiveFolder })
  if (made.isPaused && created.created === 0 && options.capMicros !== undefined) {
    await client.runs.resume({ id: made.id, capMicros: options.capMicros })
  }
  await app.start()
  const ending = await follow(session, client, [made.id])
  const exitCode = await close(session, client, ending, created.withProblems)
  if (ending.isInterrupted) await sayInterrupted(session, app, ending.runs)
  return exitCode
}

/** Stops taking work, lets requests in flight settle and says how to go on. */
export async function sayInterrupted({ out }: Session, app: App, runs: readonly Run[]): Promise<void> {
  out.hint(
    'Stopping: requests in flight settle first. Ctrl-C again ends at once; nothing is lost either way.',
  )
  await app.stop()
  const name = runs.length === 1 && runs[0] ? ` ${quoted(runs[0].name)}` : ''
  out.hint(`Stopped. Go on with: reelsheet resume${name}`)
}

function sayStart({ out }: Session, made: Run, created: RunCreated, options: RunOptions): void {
  const wanted = options.archive === undefined ? null : resolve(options.archive)
  if (!created.isNew && wanted !== null && wanted !== made.archiveFolder) {
    out.hint(
      `The clips of this sheet's run are in ${made.archiveFolder}, and new ones go there too; ${wanted} is not used.`,
    )
  }
  if (created.created > 0) {
    out.say(
      `Run "${clean(made.name)}": ${count(created.created, 'row')} ordered, clips go to ${made.archiveFolder}`,
    )
    return
  }
  const counts = addUp([made])
  const unfinished =
    Object.values(counts).reduce((sum, number) => sum + number, 0) -
    counts.done -
    counts.failed -
    counts.cancelled
  const archived = `${count(counts.done, 'row')} ${counts.done === 1 ? 'is' : 'are'} already archived in ${made.archiveFolder}`
  if (unfinished === 0) out.say(`Nothing is new: ${archived}; no task was created.`)
  else
    out.say(
      `Nothing is new: ${archived}; ${count(unfinished, 'row')} not finished yet, going on with ${unfinished === 1 ? 'it' : 'them'}.`,
    )
}

async function usedAccounts(client: Client, check: SheetCheck): Promise<Account[]> {
  const names = new Set(check.prices.map(({ account }) => account))
  return (await client.accounts.list()).filter(({ name }) => names.has(name))
}

/** Troubles that are over by themselves, so that rows may be ordered in spite of them. */
const PASSING: readonly Problem['code'][] = ['rate-limited', 'model-unavailable', 'balance-low']

/** Address and key are tried before anything is ordered: a wrong one then costs nothing, not even a doubt. */
async function checkAccounts(
  { out }: Session,
  client: Client,
  accounts: readonly Account[],
  { offline }: RunOptions,
): Promise<void> {
  for (const { name, family, hasKey } of accounts) {
    if (family === 'practice') continue
    if (!hasKey) throw new ProblemError(keyMissing(name))
    const { works, balance, problem: found } = await client.accounts.test({ name })
    if (balance && balance.remainingMicros !== null) {
      out.record('balance', { account: name, ...balance })
      out.say(`Balance of ${name}: ${formatMoney(balance.remainingMicros, balance.currency)}`)
    }
    if (works || !found) continue
    const isUnreachable = found.code === 'unreachable' || found.level === 'info'
    if (PASSING.includes(found.code) || (isUnreachable && offline))
      out.trouble({ ...found, level: 'warning' })
    else throw new ProblemError(notOrdered(found, name))
  }
}

const keyMissing = (name: string): Problem =>
  problem(
    'key-missing',
    `The account "${name}" has no key here. Nothing was ordered and nothing was spent.`,
    `Set ${keyVariable(name)}, or keep one with "reelsheet accounts update ${name} --ask-key".`,
    { account: name },
  )

function notOrdered(found: Problem, name: string): Problem {
  const told = explainTest(found, name)
  const wait =
    found.code === 'unreachable'
      ? ' Or add --offline to order anyway: the rows then wait for the connection.'
      : ''
  return {
    ...told,
    what: `${told.what} So the account "${name}" cannot be used now, and nothing was ordered.`,
    next: `${told.next}${wait}`,
  }
}

function sayCap({ out }: Session, check: SheetCheck, { capMicros }: RunOptions): void {
  if (capMicros === undefined) return
  out.record('cap', { capMicros })
  out.say(`Cap: ${formatMoney(capMicros, 'credits')}`)
  if (check.totalCreditMicros !== null && check.totalCreditMicros > capMicros) {
    out.hint('The rows may cost more than the cap: the run then stops before it is passed, and says so.')
  }
}

async function mayGoOn(
  session: Session,
  check: SheetCheck,
  accounts: readonly Account[],
  options: RunOptions,
): Promise<boolean> {
  if (options.yes || accounts.every(({ family }) => family === 'practice')) return true
  const price =
    check.totalCreditMicros === null
      ? 'a price that is not known'
      : `up to ${formatMoney(check.totalCreditMicros, 'credits')}`
  return confirmSpending(session, `Order ${count(check.fresh, 'clip')} for ${price}?`)
}

/** Throws `wrong-use` when nobody can be asked. */
export async function confirmSpending(session: Session, question: string): Promise<boolean> {
  if (!session.canAsk) {
    throw new ProblemError(
      problem(
        'wrong-use',
        'This would spend money, and there is no terminal to ask on. Nothing was ordered and nothing was spent.',
        'Look at the prices and add --yes.',
      ),
    )
  }
  return askYes(question, session.signal)
}

export function declined({ out }: Session): number {
  out.hint('Nothing was ordered and nothing was spent.')
  return EXIT.interrupted
}

/** The person's folder for films where there is one, else a folder beside the data. */
function defaultArchive({ home, environment }: Session): string {
  const films = join(environment.HOME ?? homedir(), process.platform === 'darwin' ? 'Movies' : 'Videos')
  const hasFilms = existsSync(films) && statSync(films).isDirectory()
  return hasFilms ? join(films, 'Reelsheet') : join(home, 'archive')
}
