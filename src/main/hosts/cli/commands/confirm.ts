import type { Account } from '../../../../shared/account.ts'
import type { SheetCheck } from '../../../../shared/check.ts'
import { type Problem, ProblemError, problem } from '../../../../shared/problem.ts'
import { keyVariable } from '../../secrets.ts'
import { askNumber, askYes } from '../ask.ts'
import { EXIT } from '../exit-code.ts'
import { formatMoney } from '../money.ts'
import type { Client, Session } from '../session.ts'
import { jobsLine, listRisks, MANY_JOBS, number, uploadLines } from '../spending.ts'
import { countDown, TAKE_BACK_MS } from '../take-back.ts'
import { explainTest } from './accounts.ts'
import { sayPrices } from './check.ts'

/** How a person is asked before something is bought. */
export interface AskGiven {
  yes: boolean
  /** Order although an account cannot be reached now. */
  offline: boolean
  /** With `yes`: at most so many jobs. */
  jobs?: number
}

/** Jobs, price, uploads and what could go otherwise: everything there is to know before a yes. */
export function sayPlan(session: Session, check: SheetCheck): void {
  const { out } = session
  out.say(jobsLine(check))
  out.say()
  sayPrices(session, check)
  if (check.uploads.length > 0) out.record('uploads', { uploads: check.uploads })
  for (const line of uploadLines(check.uploads)) out.say(line)
  const risks = listRisks(check)
  if (risks.length === 0) return
  out.record('risks', { risks })
  out.say('To know before:')
  for (const { what } of risks) out.tell(`  ${what}`)
}

export async function accountsNamed(client: Client, names: ReadonlySet<string>): Promise<Account[]> {
  return (await client.accounts.list()).filter(({ name }) => names.has(name))
}

/** What the rows may cost on each account at most, micros of its currency, where that is known. */
export type Needs = ReadonlyMap<string, number>

export function needsOf(prices: SheetCheck['prices']): Needs {
  const needs = new Map<string, number>()
  for (const { account, highMicros } of prices)
    needs.set(account, (needs.get(account) ?? 0) + (highMicros ?? 0))
  return needs
}

/** Troubles that are over by themselves, so that rows may be ordered in spite of them. */
const PASSING: readonly Problem['code'][] = ['rate-limited', 'model-unavailable', 'balance-low']

/** Address and key are tried before anything is ordered: a wrong one then costs nothing, not even a doubt. */
export async function checkAccounts(
  { out }: Session,
  client: Client,
  { accounts, needs, isOffline }: { accounts: readonly Account[]; needs: Needs; isOffline: boolean },
): Promise<void> {
  for (const { name, family, hasKey } of accounts) {
    if (family === 'practice') continue
    if (!hasKey) throw new ProblemError(keyMissing(name))
    const { works, balance, problem: found } = await client.accounts.test({ name })
    if (balance && balance.remainingMicros !== null) {
      out.record('balance', { account: name, ...balance })
      out.say(`Balance of ${name}: ${formatMoney(balance.remainingMicros, balance.currency)}`)
      const need = needs.get(name) ?? 0
      if (need > balance.remainingMicros) {
        out.hint(
          `That may not be enough: these rows may cost up to ${formatMoney(need, balance.currency)} there. What the balance does not cover waits, and nothing is lost.`,
        )
      }
    }
    if (works || !found) continue
    const isUnreachable = found.code === 'unreachable' || found.level === 'info'
    if (PASSING.includes(found.code) || (isUnreachable && isOffline))
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

export function sayCap(
  { out }: Session,
  check: SheetCheck,
  { cap, softCap }: { cap?: number; softCap?: boolean },
): void {
  if (cap === undefined) return
  out.record('cap', { capMicros: cap, capMode: softCap ? 'soft' : 'hard' })
  out.say(
    `Cap: ${formatMoney(cap, 'credits')}${softCap ? ', soft: the run says so when it is passed, and goes on' : ''}`,
  )
  if (softCap || check.totalCreditMicros === null || check.totalCreditMicros <= cap) return
  out.hint('The rows may cost more than the cap: the run then stops before it is passed, and says so.')
}

export interface Answer {
  isYes: boolean
  /** A person said so on a terminal, and may take it back. */
  isAsked: boolean
}

/** Asks for a yes, and above so many jobs for their number too. What costs no money needs no yes. */
export async function mayOrder(
  session: Session,
  accounts: readonly Account[],
  given: AskGiven,
  { jobs, question }: { jobs: number; question: string },
): Promise<Answer> {
  const isFree = accounts.every(({ family }) => family === 'practice')
  const isAsked = !given.yes && !isFree
  if (isAsked && !(await confirmSpending(session, question))) return { isYes: false, isAsked }
  if (jobs <= MANY_JOBS || (given.jobs !== undefined && given.jobs >= jobs)) return { isYes: true, isAsked }
  const isTooFew = given.jobs !== undefined
  if (isTooFew || given.yes || !session.canAsk) throw tooManyJobs(jobs, isFree, isTooFew)
  const typed = await askNumber(
    `That is more than ${number(MANY_JOBS)} jobs. Type their number to go on:`,
    session.signal,
  )
  if (typed !== null && typed !== jobs) session.out.hint(`There are ${number(jobs)}, not ${number(typed)}.`)
  return { isYes: typed === jobs, isAsked }
}

const tooManyJobs = (jobs: number, isFree: boolean, isTooFew: boolean): ProblemError =>
  new ProblemError(
    problem(
      'too-many-jobs',
      `These are ${number(jobs)} jobs${isTooFew ? ', more than --jobs allows' : ''}. Nothing was ordered and nothing was spent.`,
      `If so many are meant, add ${isFree ? '' : '--yes '}--jobs ${jobs}.`,
    ),
  )

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

/** The seconds after a yes in which Ctrl-C takes it back; false when it was. */
export async function mayStillGo({ out, signal }: Session): Promise<boolean> {
  const isKept = await countDown({
    seconds: TAKE_BACK_MS / 1_000,
    show: (left) => out.replace(`Starting in ${left} … press Ctrl-C to take it back`),
    signal,
  })
  out.replace('')
  return isKept
}

export function declined({ out }: Session): number {
  out.hint('Nothing was ordered and nothing was spent.')
  return EXIT.interrupted
}
