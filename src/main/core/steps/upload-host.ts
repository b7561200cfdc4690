import { hostRefusal } from '../../../shared/models/file-host.ts'
import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import type { Reference } from '../../../shared/reference.ts'
import type { Engine, Report, StepInput } from '../jobs/engine.ts'
import { hostOf, hostRules } from '../jobs/placement.ts'
import { backOffMs } from '../jobs/policy.ts'
import { Busy, type Provider, Refused, Unreachable } from '../provider/provider.ts'
import { FILES_MODEL } from '../providers.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { Store } from '../store/store.ts'
import { accountTrouble, isOfKind, KindRefused } from './trouble.ts'

/** What holds the files of another account is mended by a person or by time: looked at again after this. */
const HOST_WAIT_MS = 60_000
/** Of many rows that wait for one host some fifty a second are looked at, and no more. */
const MS_PER_WAITING_ROW = 20
/** A full service is left alone this long: each try sends a whole file for nothing. */
const FULL_FOR_MS = 10 * 60_000

/** The host cannot take anything now: the row waits in the queue, whoever's turn it is meanwhile. */
export class HostWaits extends Error {
  override readonly name = 'HostWaits'
  readonly waits: Problem
  readonly retryAt: number
  constructor(waits: Problem, retryAt: number) {
    super(waits.what)
    this.waits = waits
    this.retryAt = retryAt
  }
}

interface Full {
  until: number
  problem: Problem
}
/** Hosts that had no room, by account. In memory only: a new start tries again. */
const full = new WeakMap<Store, Map<number, Full>>()

/** Something about the account changed: it may have room again. */
export const forgetFull = (store: Store, accountId: number): void => void full.get(store)?.delete(accountId)

/** The account that holds the job's files, as it can be spoken to; throws `HostWaits` while it cannot. */
export function findHost(input: StepInput, engine: Engine) {
  const host = hostOf(input.account, engine.store)
  if (!host) throw new Error('no account holds the files of this one')
  const now = engine.clock.now()
  const provider = host.account && engine.providerFor(host.account, FILES_MODEL)
  const reason = whyNot(input, host.name, host.account, provider ?? null)
  if (reason) throw new HostWaits(reason, nextTryAt(input, host.account?.stopsUntilAt ?? null, engine))
  const account = host.account as AccountRecord
  const isFull = full.get(engine.store)?.get(account.id)
  if (isFull && isFull.until > now)
    throw new HostWaits(isFull.problem, nextTryAt(input, isFull.until, engine))
  return { account, provider: provider as Provider, isHost: true }
}

function whyNot(
  input: StepInput,
  name: string,
  host: AccountRecord | undefined,
  provider: Provider | null,
): Problem | null {
  if (!host)
    return waits(
      input,
      name,
      'account-missing',
      'does not exist any more',
      `Add it again under this name, or choose another with "reelsheet accounts update ${input.account.name} --file-host NAME".`,
    )
  if (host.isPaused)
    return waits(
      input,
      name,
      'account-paused',
      'is paused',
      `Resume it: "reelsheet accounts resume ${name}".`,
    )
  if (host.stops === 'everything')
    return waits(
      input,
      name,
      host.problem?.code ?? 'key-refused',
      host.problem?.code === 'key-missing' ? 'has no key here' : 'has a key that was refused',
      host.problem?.next ?? 'Give it a key that works.',
    )
  return provider?.upload
    ? null
    : waits(
        input,
        name,
        'account-missing',
        'has no file service',
        `Choose another with "reelsheet accounts update ${input.account.name} --file-host NAME".`,
      )
}

function waits(
  { job, account }: StepInput,
  name: string,
  code: Problem['code'],
  why: string,
  next: string,
): Problem {
  return problem(
    code,
    `This row needs the account "${name}" to hold its files for "${account.name}", and "${name}" ${why}. The row waits; nothing was bought.`,
    `${next} The row then goes on by itself.`,
    { jobId: job.id, account: name },
    'warning',
  )
}

/** The more rows wait the later each is looked at again; what was said to end at a time is not asked before. */
function nextTryAt({ account }: StepInput, endsAt: number | null, { store, clock }: Engine): number {
  const wait = Math.max(HOST_WAIT_MS, store.accounts.countUnfinished(account.id) * MS_PER_WAITING_ROW)
  return Math.max(clock.now() + wait, endsAt ?? 0)
}

/** A file that can travel neither inside the request nor by an address: found before anything is sent. */
export function withoutWay({ name, kind, format, sizeBytes }: Reference, input: StepInput, engine: Engine) {
  const host = hostRules(input.account, engine.store)
  const refusal = host && hostRefusal({ kind, format, sizeBytes }, host)
  const held = host
    ? `the account "${host.name}", which holds its files, does not take it either (${REASONS[refusal ?? 'size']})`
    : 'no account was chosen to hold its files'
  return {
    kind: 'upload_type_refused' as const,
    scope: 'job' as const,
    problem: problem(
      'reference-needs-address',
      `${name} cannot travel inside a request of the account "${input.account.name}", and ${held}. Nothing was bought.`,
      host
        ? 'Put the file at a public https address and write that address into the sheet.'
        : `Choose your EvoLink account as holder with "reelsheet accounts update ${input.account.name} --file-host NAME" and retry the row, or write a public https address into the sheet.`,
      { jobId: input.job.id, file: name, account: host?.name ?? input.account.name },
    ),
  }
}

const REASONS = {
  kind: 'it refused this kind of file',
  format: 'it takes no BMP pictures',
  size: 'it is too large',
} as const

/**
 * What the host's trouble means for the row. It is the row's own and not its account's: rows whose files travel
 * inside the request go on.
 */
export function reportHostTrouble(
  input: StepInput,
  host: AccountRecord,
  engine: Engine,
  error: unknown,
): Report {
  const { job } = input
  const now = engine.clock.now()
  const waitFor = (found: Problem, retryAt: number, counts: boolean): Report => ({
    event: { type: 'set-back', problem: forHost(found, input, host), retryAt, counts },
  })
  if (error instanceof Busy)
    return waitFor(error.problem, now + (error.retryAfterMs ?? 30_000), !error.isRateLimit)
  if (error instanceof Unreachable)
    return waitFor(error.problem, now + backOffMs(job.setbacks, engine.random.next()), true)
  if (isOfKind(error, 'upload_quota')) {
    const until = now + FULL_FOR_MS
    const found = forHost(error.problem, input, host)
    const known = full.get(engine.store) ?? new Map<number, Full>()
    full.set(engine.store, known.set(host.id, { until, problem: found }))
    return { event: { type: 'set-back', problem: found, retryAt: until, counts: false } }
  }
  if (error instanceof Refused && error.scope === 'account') {
    const trouble = accountTrouble(error, now)
    const retryAt = nextTryAt(input, trouble.until, engine)
    // Without a key that works the host does nothing of its own either; other troubles stop none of its rows.
    const ofHost = trouble.stops === 'everything' && { host: { accountId: host.id, account: trouble } }
    return { ...waitFor(error.problem, retryAt, false), ...ofHost }
  }
  if (error instanceof KindRefused) {
    const kinds = [...new Set([...host.options.uploadRefusedKinds, error.kind])]
    return {
      event: { type: 'refused', problem: forHost(error.refusal.problem, input, host) },
      host: { accountId: host.id, learned: { uploadRefusedKinds: kinds } },
    }
  }
  if (error instanceof Refused || error instanceof ProblemError) {
    return { event: { type: 'refused', problem: forHost(error.problem, input, host) } }
  }
  throw error
}

/** The sentence of a service, as it concerns a row of another account. */
function forHost(found: Problem, { job, account }: StepInput, host: AccountRecord): Problem {
  return {
    ...found,
    what: `The account "${host.name}", which holds files for "${account.name}": ${found.what}`,
    place: { ...found.place, jobId: job.id, account: host.name },
  }
}
