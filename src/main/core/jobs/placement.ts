import { type Placed, placeFiles } from '../../../shared/models/file-host.ts'
import type { Reference } from '../../../shared/reference.ts'
import { isLoopback } from '../provider/http-route.ts'
import { keyMayGoTo } from '../provider/index.ts'
import type { Provider } from '../provider/provider.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { NewJobReference } from '../store/jobs.ts'
import type { Store } from '../store/store.ts'

/**
 * How a stored file of a job reaches the provider: inside the request, by its address at the file service of the
 * job's own account or of its host, or not at all.
 */
export type Way = 'inside' | 'own' | 'host' | 'nowhere'

export interface PlacedFile {
  link: NewJobReference
  /** Undefined: the record of a stored file is gone. */
  reference: Reference | undefined
  way: Way
}

/** The account that a person chose to hold an account's files; its record is undefined where it was removed. */
export interface Host {
  name: string
  account: AccountRecord | undefined
}

export function hostOf(account: AccountRecord, store: Store): Host | null {
  const name = account.options.fileHost
  return name === null ? null : { name, account: store.accounts.byName(name) }
}

export type Unsuitable = 'needs-none' | 'not-evolink' | 'no-files' | 'out-of-reach'

/**
 * Why one account cannot hold the files of another; null = it can. Practice holds for practice alone: real
 * providers cannot fetch what lies on this computer.
 */
export function whyNoHost(
  { family, baseUrl }: Pick<AccountRecord, 'family' | 'baseUrl'>,
  host: Pick<AccountRecord, 'family' | 'filesUrl' | 'baseUrl'>,
): Unsuitable | null {
  if (family === 'evolink') return 'needs-none'
  if (host.family === 'vtrix') return 'not-evolink'
  if (host.family === 'evolink' && !keyMayGoTo(host.filesUrl, host.baseUrl ?? '')) return 'no-files'
  const isHere = (url: string | null) => url === null || isLoopback(new URL(url).hostname)
  return isHere(host.filesUrl) && !isHere(baseUrl) ? 'out-of-reach' : null
}

/** Accounts that a person may choose as host of this one. */
export const hostsFor = (account: AccountRecord, accounts: readonly AccountRecord[]): AccountRecord[] =>
  accounts.filter((host) => whyNoHost(account, host) === null && host.problem?.code !== 'key-missing')

/** The host as the rules of a row ask for it; null = none was chosen. */
export function hostRules(account: AccountRecord, store: Store) {
  const host = hostOf(account, store)
  return host && { name: host.name, refusedKinds: host.account?.options.uploadRefusedKinds ?? [] }
}

/**
 * Where the stored files of a job go. Decided from sizes and settings alone, so that the same job has the same
 * answer when its files are brought up, when its request is written down and before it leaves.
 */
export function placeJob(
  jobId: number,
  account: AccountRecord,
  provider: Pick<Provider, 'can'>,
  store: Store,
): PlacedFile[] {
  const stored = store.jobs
    .references(jobId)
    .filter(({ referenceId }) => referenceId !== null)
    .map((link) => ({ link, reference: store.references.get(link.referenceId as number) }))
  if (!provider.can.inlineReferences) return stored.map((file) => ({ ...file, way: 'own' }))
  const files = stored.map(({ link, reference }) => ({
    kind: reference?.kind ?? link.kind,
    format: reference?.format,
    sizeBytes: reference?.sizeBytes ?? 0,
    isAudio: link.role === 'audio',
  }))
  const placed = placeFiles(files, account.options.requestLimitBytes, hostRules(account, store))
  return stored.map((file, index) => ({ ...file, way: wayOf(placed, index) }))
}

const wayOf = ({ atHost, nowhere }: Placed, index: number): Way =>
  nowhere.has(index) ? 'nowhere' : atHost.has(index) ? 'host' : 'inside'

/** The account at whose file service a file lies or is to lie; undefined = none, or none any more. */
export const holderOf = (way: Way, account: AccountRecord, store: Store): AccountRecord | undefined =>
  way === 'own' ? account : way === 'host' ? hostOf(account, store)?.account : undefined
