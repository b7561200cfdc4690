import type { Account, AccountFamily } from '../../../../shared/account.ts'
import { type Problem, ProblemError, problem } from '../../../../shared/problem.ts'
import { keyFromEnvironment, keyVariable } from '../../secrets.ts'
import { askSecret } from '../ask.ts'
import { EXIT } from '../exit-code.ts'
import { formatMoney } from '../money.ts'
import { type Client, type Session, withLook, withOwner } from '../session.ts'
import { formatProblem, formatTable } from '../words.ts'
import {
  type AccountGiven,
  changes,
  refuseAddresses,
  refuseName,
  refuseTaken,
  refuseUnknownPrices,
  sayLonelyCapMode,
  wrong,
} from './account-options.ts'

export function add(session: Session, name: string, given: AccountGiven): Promise<number> {
  return withOwner(session, async ({ client }) => {
    refuseName(name)
    const family = given.family as AccountFamily
    refuseAddresses(family, given)
    await refuseUnknownPrices(client, given.price)
    refuseTaken(await client.accounts.list(), name)
    const key = family === 'practice' ? undefined : await newKey(session, name)
    const account = await client.accounts.add({
      name,
      family,
      ...changes(given),
      ...(key !== undefined && { key }),
    })
    sayAccount(session, account, 'added')
    sayLonelyCapMode(session, account, given)
    if (account.family === 'evolink' && account.filesUrl === null && given.files === undefined) {
      session.out.hint(
        'It has no file service: references must be addresses. Name one with --files URL, or --files none to say so.',
      )
    }
    return EXIT.archived
  })
}

export function update(session: Session, name: string, given: AccountGiven): Promise<number> {
  return withOwner(session, async ({ client }) => {
    const before = await find(client, name)
    refuseAddresses(before.family, given)
    await refuseUnknownPrices(client, given.price)
    const key = given.askKey ? await askedKey(session, name) : undefined
    const account = await client.accounts.update({
      name,
      ...changes(given),
      ...(key !== undefined && { key }),
    })
    sayAccount(session, account, 'changed')
    sayLonelyCapMode(session, account, given)
    return EXIT.archived
  })
}

/** Undefined when the environment has it: such a key is read each time and never kept. */
async function newKey(session: Session, name: string): Promise<string | undefined> {
  if (keyFromEnvironment(name, session.environment) !== undefined) return undefined
  return askedKey(session, name)
}

async function askedKey(session: Session, name: string): Promise<string> {
  if (!session.canAsk) {
    throw wrong(
      `The account "${name}" needs its key, and there is no terminal to ask on.`,
      `Set ${keyVariable(name)} and try again.`,
    )
  }
  const key = await askSecret(`Key of ${name} (not shown): `, session.signal)
  if (key === '') throw wrong('No key was given.', 'Try again, and paste the key when asked.')
  return key
}

async function find(client: Client, name: string): Promise<Account> {
  const account = (await client.accounts.list()).find((one) => one.name === name)
  if (account) return account
  throw new ProblemError(
    problem('account-unknown', `There is no account "${name}".`, 'See "reelsheet accounts list".', {
      account: name,
    }),
  )
}

export function list(session: Session): Promise<number> {
  return withLook(session, async (client) => {
    const accounts = await client.accounts.list()
    for (const account of accounts) session.out.record('account', account)
    const rows = accounts.map((account) => [
      account.name,
      account.family,
      account.baseUrl ?? 'on this machine',
      keyWords(session, account),
      `${account.limits.inFlight}`,
      formatMoney(account.countedMicros, account.currency),
      capWords(account),
      quietWords(account),
      account.options.fileHost ?? '',
      account.isPaused ? 'paused' : account.problem ? account.problem.code : 'ready',
    ])
    session.out.say(formatTable(...withoutEmpty(LIST_HEADINGS, rows)))
    for (const { problem: found } of accounts) if (found) session.out.tell(formatProblem(found))
    return EXIT.archived
  })
}

const LIST_HEADINGS = [
  'account',
  'family',
  'address',
  'key',
  '>in flight',
  '>spent',
  '>cap',
  'quiet hours',
  'file host',
  'standing',
] as const
const SELDOM: readonly string[] = ['quiet hours', 'file host']

/** What few accounts have takes no room where none has it. */
function withoutEmpty(
  headings: readonly string[],
  rows: readonly string[][],
): [headings: string[], rows: string[][]] {
  const isShown = (_: string, column: number): boolean =>
    !SELDOM.includes(headings[column] ?? '') || rows.some((row) => row[column] !== '')
  return [headings.filter(isShown), rows.map((row) => row.filter(isShown))]
}

const capWords = ({ capMicros, currency, options }: Account): string =>
  capMicros === null ? '' : `${formatMoney(capMicros, currency)}${options.capMode === 'soft' ? ', soft' : ''}`

const quietWords = ({ options }: Account): string =>
  options.quietHours.map(({ from, to }) => (from === to ? 'always' : `${from}–${to}`)).join(', ')

function keyWords({ environment }: Session, account: Account): string {
  if (account.family === 'practice') return 'needs none'
  if (keyFromEnvironment(account.name, environment) !== undefined) return 'from the environment'
  return account.hasKey ? 'kept' : 'missing'
}

/** Asks the provider. The practice account's provider is tried by starting it, with nothing else at work. */
export function test(session: Session, name: string): Promise<number> {
  return withOwner(session, async ({ client }) => {
    const account = await find(client, name)
    if (account.family === 'practice') {
      session.out.sum({ works: true })
      session.out.say(
        `${name}: its provider is part of Reelsheet and runs on this machine; there is no key or network to test.`,
      )
      return EXIT.archived
    }
    const tested = await client.accounts.test({ name })
    session.out.record('test', { account: name, works: tested.works, balance: tested.balance })
    session.out.sum({ works: tested.works })
    if (tested.problem) session.out.trouble(explainTest(tested.problem, name))
    if (!tested.works) return EXIT.personNeeded
    const rest = tested.balance?.remainingMicros ?? null
    const balance =
      rest === null ? '' : ` Balance: ${formatMoney(rest, tested.balance?.currency ?? account.currency)}.`
    session.out.say(`${name}: address and key work.${balance}`)
    return EXIT.archived
  })
}

/** What a person does about an account that did not work just now: here nothing is tried again by itself. */
export function explainTest(found: Problem, name: string): Problem {
  const address = `the base address ("reelsheet accounts list"; change it with "reelsheet accounts update ${name} --base URL")`
  const told: Problem = { ...found, level: 'error' }
  if (found.level === 'info') {
    return {
      ...told,
      code: 'provider-fault',
      next: `Its API may have another path: look at ${address}. Clips can be ordered from an address without this call: add --offline to "reelsheet run".`,
    }
  }
  if (found.code === 'unreachable') return { ...told, next: `Look at the network and at ${address}.` }
  if (found.code === 'provider-fault') {
    return { ...told, next: `Look whether the API is at ${address}, or try again later.` }
  }
  if (found.code !== 'key-refused') return told
  return { ...told, next: `Set ${keyVariable(name)}, or use "reelsheet accounts update ${name} --ask-key".` }
}

export function remove(session: Session, name: string): Promise<number> {
  return withOwner(session, async ({ client }) => {
    await find(client, name)
    await client.accounts.remove({ name })
    session.out.say(`${name} was removed, with its kept key. Its spending stays in the ledger.`)
    return EXIT.archived
  })
}

export function pause(session: Session, name: string, isPaused: boolean): Promise<number> {
  return withOwner(session, async ({ client }) => {
    await find(client, name)
    const account = isPaused ? await client.accounts.pause({ name }) : await client.accounts.resume({ name })
    sayAccount(session, account, isPaused ? 'paused' : 'resumed')
    if (!isPaused) session.out.hint('Its rows go on with: reelsheet resume')
    return EXIT.archived
  })
}

function sayAccount(session: Session, account: Account, done: string): void {
  session.out.record('account', account)
  const kept =
    account.family === 'practice'
      ? ''
      : keyFromEnvironment(account.name, session.environment) !== undefined
        ? ` Its key comes from ${keyVariable(account.name)} and is not kept.`
        : account.hasKey
          ? ` Its key is kept ${account.keyKept ?? ''}.`
          : ` It has no key here: set ${keyVariable(account.name)}.`
  session.out.say(
    `${account.name} (${account.family}, ${account.baseUrl ?? 'on this machine'}) was ${done}.${kept}`,
  )
}
