import { type Account, AccountLimits, AccountOptions } from '../../../shared/account.ts'
import type { AccountAdd } from '../../../shared/contract.ts'
import { ProblemError, problem } from '../../../shared/problem.ts'
import type { Refused } from '../provider/provider.ts'
import type { AccountRecord } from '../store/accounts.ts'
import { type Core, calls, notFound } from './context.ts'
import { checkFileHost, wakeHosted } from './file-host.ts'

/** Where each family lives (sources: https://docs.evolink.ai, https://docs.vtrix.ai). */
const BASES = {
  evolink: { baseUrl: 'https://api.evolink.ai', filesUrl: 'https://files-api.evolink.ai' },
  vtrix: { baseUrl: 'https://cloud.vtrix.ai', filesUrl: null },
  practice: { baseUrl: null, filesUrl: null },
} as const

/** Assumed safe paces; neither provider publishes numbers. */
const LIMITS = {
  evolink: { inFlight: 3, submitsPerSecond: 1, pollsPerSecond: 2, downloadsAtOnce: 4, uploadsAtOnce: 2 },
  vtrix: { inFlight: 2, submitsPerSecond: 1, pollsPerSecond: 2, downloadsAtOnce: 4, uploadsAtOnce: 2 },
  practice: { inFlight: 6, submitsPerSecond: 20, pollsPerSecond: 20, downloadsAtOnce: 4, uploadsAtOnce: 4 },
} as const

export function toAccount(account: AccountRecord, core: Core): Account {
  const { stops: _stops, stopsUntilAt: _until, removedAt: _removedAt, ...rest } = account
  return { ...rest, hasKey: core.hasKey(account) }
}

function mustFind(core: Core, name: string): AccountRecord {
  const account = core.engine.store.accounts.byName(name)
  if (!account) throw notFound(`The account "${name}"`)
  return account
}

/** Adds an account. Its key goes to the host's secret store and nowhere else. */
export function addAccount(core: Core, input: AccountAdd): Account {
  const { store, clock, secrets } = core.engine
  if (store.accounts.byName(input.name)) {
    throw new ProblemError(
      problem(
        'wrong-use',
        `There is already an account "${input.name}".`,
        'Choose another name, or update it.',
        {
          account: input.name,
        },
      ),
    )
  }
  const base = BASES[input.family]
  const { name, family } = input
  checkFileHost(core, { name, family, baseUrl: input.baseUrl ?? base.baseUrl }, input.options?.fileHost)
  const id = store.accounts.insert({
    name: input.name,
    family: input.family,
    baseUrl: input.baseUrl?.replace(/\/+$/, '') ?? base.baseUrl,
    filesUrl: filesUrlOf(input, base.filesUrl),
    proxyUrl: input.proxyUrl ?? null,
    currency: input.family === 'vtrix' ? 'usd' : 'credits',
    prices: input.prices ?? {},
    limits: AccountLimits.parse({ ...LIMITS[input.family], ...input.limits }),
    options: AccountOptions.parse(input.options ?? {}),
    capMicros: input.capMicros ?? null,
    keyKept: input.key ? secrets.write(input.name, input.key) : null,
    createdAt: clock.now(),
  })
  return toAccount(store.accounts.get(id) as AccountRecord, core)
}

/** A key is only ever sent to the file service that belongs to its own base. */
function filesUrlOf(input: AccountAdd, ofFamily: string | null): string | null {
  if (input.filesUrl !== undefined) return input.filesUrl?.replace(/\/+$/, '') ?? null
  if (input.family !== 'evolink') return null
  return input.baseUrl === undefined || input.baseUrl === BASES.evolink.baseUrl ? ofFamily : null
}

export const accounts = {
  list: calls.accounts.list.handler(({ context }) =>
    context.engine.store.accounts.list().map((account) => toAccount(account, context)),
  ),
  add: calls.accounts.add.handler(({ context, input }) => {
    const account = addAccount(context, input)
    context.scheduler.wake()
    wakeHosted(context, account.name)
    return account
  }),
  update: calls.accounts.update.handler(({ context, input }) => {
    const { store, secrets } = context.engine
    const account = mustFind(context, input.name)
    const baseUrl = input.baseUrl?.replace(/\/+$/, '')
    if (isOtherBase(account, baseUrl)) refuseWhileBought(account, store.accounts.countBought(account.id))
    checkFileHost(context, { ...account, baseUrl: baseUrl ?? account.baseUrl }, input.options?.fileHost)
    const next: AccountRecord = {
      ...account,
      baseUrl: baseUrl ?? account.baseUrl,
      filesUrl: input.filesUrl === undefined ? account.filesUrl : input.filesUrl,
      proxyUrl: input.proxyUrl === undefined ? account.proxyUrl : input.proxyUrl,
      prices: { ...account.prices, ...input.prices },
      limits: AccountLimits.parse({ ...account.limits, ...input.limits }),
      options: AccountOptions.parse({
        ...account.options,
        ...(isOtherBase(account, baseUrl) && { missingFeatures: [], retiredModels: [] }),
        ...(isOtherFiles(account, input) && { uploadRefusedKinds: [] }),
        ...input.options,
      }),
      capMicros: input.capMicros === undefined ? account.capMicros : input.capMicros,
      keyKept: input.key ? secrets.write(account.name, input.key) : account.keyKept,
      ...(input.key || input.capMicros !== undefined || isSoftened(account, input) ? FREE : {}),
    }
    store.accounts.update(next)
    context.forgetProvider(account.id)
    context.scheduler.wake()
    wakeHosted(context, account.name)
    return toAccount(store.accounts.get(account.id) as AccountRecord, context)
  }),
  remove: calls.accounts.remove.handler(({ context, input }) => {
    const { store, secrets, clock } = context.engine
    const account = mustFind(context, input.name)
    const unfinished = store.accounts.countUnfinished(account.id)
    if (unfinished > 0) {
      throw new ProblemError(
        problem(
          'not-possible',
          `The account "${account.name}" still has ${unfinished} unfinished row(s); without its key their clips could be lost.`,
          'Finish or cancel them first.',
          { account: account.name },
        ),
      )
    }
    secrets.remove(account.name)
    // The row stays for the ledger; the name becomes free.
    store.accounts.update({
      ...account,
      name: `${account.name}~${account.id}`,
      keyKept: null,
      removedAt: clock.now(),
    })
    context.forgetProvider(account.id)
    return { removed: true }
  }),
  test: calls.accounts.test.handler(async ({ context, input, signal }) => {
    const account = mustFind(context, input.name)
    const model = account.family === 'vtrix' ? 'wan26_r2v' : 'wan2.6-reference-video'
    const provider = context.engine.providerFor(account, model)
    if (!provider) throw notFound(`A provider for "${account.name}"`)
    const stop = signal ?? new AbortController().signal
    try {
      await provider.probe(stop)
      const balance = provider.credits ? await provider.credits(stop) : null
      return { works: true, balance, problem: null }
    } catch (error) {
      const found = (error as Partial<Refused>).problem
      if (!found) throw error
      return { works: false, balance: null, problem: found }
    }
  }),
  pause: calls.accounts.pause.handler(({ context, input }) => setPause(context, input.name, true)),
  resume: calls.accounts.resume.handler(({ context, input }) => setPause(context, input.name, false)),
}

/** A cap that only warns from now on holds nothing back any more. */
const isSoftened = ({ problem: found }: AccountRecord, { options }: Partial<AccountAdd>): boolean =>
  found?.code === 'cap-reached' && options?.capMode === 'soft'

/** What one address refused says nothing of another. */
const isOtherBase = (account: AccountRecord, baseUrl: string | undefined): boolean =>
  baseUrl !== undefined && baseUrl !== account.baseUrl

/** Nor does what one file service refused. */
const isOtherFiles = (account: AccountRecord, { baseUrl, filesUrl }: Partial<AccountAdd>): boolean =>
  isOtherBase(account, baseUrl?.replace(/\/+$/, '')) ||
  (filesUrl !== undefined && filesUrl !== account.filesUrl)

/** Task ids mean nothing at another address: asked there, every task would seem forgotten. */
function refuseWhileBought(account: AccountRecord, rows: number): void {
  if (rows === 0) return
  throw new ProblemError(
    problem(
      'not-possible',
      `The account "${account.name}" has ${rows} row(s) at ${account.baseUrl ?? 'its provider'} that are paid for or may be; at another address their clips could not be found. Nothing was changed.`,
      'Wait until they are archived, or add another account for the new address.',
      { account: account.name },
    ),
  )
}

const FREE = { stops: 'nothing', stopsUntilAt: null, problem: null } as const

function setPause(core: Core, name: string, isPaused: boolean): Account {
  const { store } = core.engine
  const account = mustFind(core, name)
  store.accounts.update({ ...account, isPaused, ...(isPaused ? {} : FREE) })
  core.scheduler.wake()
  if (!isPaused) wakeHosted(core, name)
  return toAccount(store.accounts.get(account.id) as AccountRecord, core)
}
