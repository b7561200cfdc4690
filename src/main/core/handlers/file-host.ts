import { ProblemError, problem } from '../../../shared/problem.ts'
import { type Unsuitable, whyNoHost } from '../jobs/placement.ts'
import { forgetFull } from '../steps/upload-host.ts'
import type { AccountRecord } from '../store/accounts.ts'
import { turnOfLoop } from '../system.ts'
import type { Core } from './context.ts'

/**
 * Throws a `ProblemError` where the account that a person named cannot hold the files of another one. Asked when it
 * is named: what happens to the named account later, its rows wait for.
 */
export function checkFileHost(
  core: Core,
  account: Pick<AccountRecord, 'name' | 'family' | 'baseUrl'>,
  hostName: string | null | undefined,
): void {
  if (hostName === null || hostName === undefined) return
  const { store } = core.engine
  const host = store.accounts.byName(hostName)
  if (!host) throw refusal(account.name, hostName, `There is no account "${hostName}" to hold files`)
  const why = whyNoHost(account, host)
  if (why) throw refusal(account.name, hostName, REASONS[why](account.name, hostName))
  if (!core.hasKey(host))
    throw refusal(
      account.name,
      hostName,
      `The account "${hostName}" has no key here, so it cannot hold files`,
    )
}

/** So many rows in one turn of the event loop: a hundred thousand may wait for one host. */
const WOKEN_AT_ONCE = 500

/**
 * An account was added or changed: rows that wait for it as their host need not wait any longer. The first are due
 * when this returns; should the app end before the last, those come when they would have been looked at again.
 */
export function wakeHosted(core: Core, name: string): void {
  const { store } = core.engine
  const mended = store.accounts.byName(name)
  if (!mended) return
  forgetFull(store, mended.id)
  for (const { id, options } of store.accounts.list())
    if (options.fileHost !== null && (id === mended.id || options.fileHost === name)) void wakeRows(core, id)
}

async function wakeRows({ engine, scheduler }: Core, accountId: number): Promise<void> {
  const { store, clock, changed, log } = engine
  const now = clock.now()
  try {
    for (;;) {
      const ids = store.jobs.endWaitsForOthers(accountId, now, WOKEN_AT_ONCE)
      for (const id of ids) changed(id)
      scheduler.wake()
      if (ids.length < WOKEN_AT_ONCE) return
      await turnOfLoop()
    }
  } catch (error) {
    // A full disk, or the app is being closed: the rows come by themselves.
    log.warn('rows that wait for a host were not woken', { error: (error as Error).name })
  }
}

const REASONS: Record<Unsuitable, (name: string, host: string) => string> = {
  'needs-none': (name) => `The account "${name}" has a file service of its own and needs no other account`,
  'not-evolink': (_name, host) => `The account "${host}" is a Vtrix account, and Vtrix has no file service`,
  'no-files': (_name, host) => `The account "${host}" has no file service that its key may be sent to`,
  'out-of-reach': (name, host) =>
    `What the account "${host}" holds lies on this computer, where the provider of "${name}" cannot fetch it`,
}

const refusal = (account: string, value: string, what: string): ProblemError =>
  new ProblemError(
    problem(
      'wrong-use',
      `${what}. Nothing was changed.`,
      'Name an EvoLink account that has a key and a file service ("reelsheet accounts list"), or none.',
      { account, value },
    ),
  )
