import { ProblemError, problem } from '../../../shared/problem.ts'
import { type Unsuitable, whyNoHost } from '../jobs/placement.ts'
import { forgetFull } from '../steps/upload-host.ts'
import type { AccountRecord } from '../store/accounts.ts'
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

/** So many rows that wait for a host are due at once when it is mended; those behind come one after the other. */
const MOST_WOKEN = 200

/** An account was added or changed: rows that wait for it as their host need not wait any longer. */
export function wakeHosted(core: Core, name: string): void {
  const { store, clock, changed } = core.engine
  const mended = store.accounts.byName(name)
  if (!mended) return
  forgetFull(store, mended.id)
  const held = store.accounts.list().filter((one) => one.options.fileHost !== null)
  for (const { id, options } of held) {
    if (id !== mended.id && options.fileHost !== name) continue
    for (const jobId of store.jobs.endWaitsForOthers(id, clock.now(), MOST_WOKEN)) changed(jobId)
  }
  core.scheduler.wake()
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
