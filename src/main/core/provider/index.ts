import { ProblemError, problem } from '../../../shared/problem.ts'
import type { Clock, Logger } from '../ports.ts'
import { CALL_TIMEOUTS, type Caller, type CallTimeouts, createCaller } from './caller.ts'
import { createEvolink } from './evolink/adapter.ts'
import { createHttp, type Http, type HttpOptions } from './http.ts'
import { isLoopback } from './http-route.ts'
import { withPracticeList } from './practice.ts'
import type { Provider } from './provider.ts'
import { createVtrix } from './vtrix/adapter.ts'

export type { CallTimeouts } from './caller.ts'
export { CALL_TIMEOUTS } from './caller.ts'

/** What an adapter needs of an account. */
export interface ProviderAccount {
  name: string
  family: 'evolink' | 'vtrix'
  baseUrl: string
  /** EvoLink's file service; null = none. Used only where the account's key may go. */
  filesUrl: string | null
  proxyUrl: string | null
  /** Read for every call and kept nowhere. */
  key(): string | undefined
  /** Read for every call, so that what an answer taught (a form, a limit) counts at once. */
  options(): ProviderAccountOptions
}

export interface ProviderAccountOptions {
  vtrixForm?: 'plain' | 'wrapped' | undefined
  requestLimitBytes: number
  missingFeatures: readonly string[]
}

export interface ProviderDeps {
  clock: Clock
  log: Logger
  /** `Reelsheet/<version> (+address)` */
  userAgent: string
  /** An optional call turned out to be missing on this base: worth remembering for the account. */
  onFeatureMissing?(feature: string): void
  timeouts?: Partial<CallTimeouts>
  environment?: HttpOptions['environment']
  lookup?: HttpOptions['lookup']
}

export type ClosableProvider = Provider & { close(): Promise<void> }

/**
 * Opens the adapter of an account's family. Connections are kept until `close()`; make one per account
 * and model family. Throws `ProblemError` for an address that no key may be sent to.
 */
export function createProvider(account: ProviderAccount, deps: ProviderDeps): ClosableProvider {
  const { provider, http } = open(account, deps)
  return Object.assign(provider, { close: () => http.close() })
}

/**
 * Opens the practice provider in the voice of a model's family. `account.baseUrl` is the practice
 * address; its file service lives there too. Tasks can be listed for both families, with their bodies.
 */
export function createPracticeProvider(
  account: Omit<ProviderAccount, 'filesUrl' | 'proxyUrl'>,
  deps: ProviderDeps,
): ClosableProvider {
  const { provider, caller, http } = open({ ...account, filesUrl: account.baseUrl, proxyUrl: null }, deps)
  const listed = withPracticeList(provider, caller, account.family, account.name)
  return Object.assign(listed, { close: () => http.close() })
}

function open(
  account: ProviderAccount,
  deps: ProviderDeps,
): { provider: Provider; caller: Caller; http: Http } {
  requireSafeAddress(account.baseUrl, account.name)
  const http = createHttp({
    clock: deps.clock,
    log: deps.log,
    userAgent: deps.userAgent,
    proxyUrl: account.proxyUrl,
    ...(deps.environment ? { environment: deps.environment } : {}),
    ...(deps.lookup ? { lookup: deps.lookup } : {}),
  })
  const caller = createCaller({
    family: account.family,
    provider: account.family === 'evolink' ? 'EvoLink' : 'Vtrix',
    account: account.name,
    baseUrl: account.baseUrl,
    key: account.key,
    http,
    clock: deps.clock,
    log: deps.log,
    timeouts: { ...CALL_TIMEOUTS, ...deps.timeouts },
  })
  const provider =
    account.family === 'evolink' ? openEvolink(account, caller, deps) : openVtrix(account, caller, deps)
  return { provider, caller, http }
}

function openEvolink(account: ProviderAccount, caller: Caller, deps: ProviderDeps): Provider {
  return createEvolink({
    caller,
    account: account.name,
    filesUrl: keyMayGoTo(account.filesUrl, account.baseUrl) ? account.filesUrl : null,
    missingFeatures: account.options().missingFeatures,
    onFeatureMissing: (feature) => deps.onFeatureMissing?.(feature),
  })
}

function openVtrix(account: ProviderAccount, caller: Caller, _deps: ProviderDeps): Provider {
  return createVtrix({
    caller,
    account: account.name,
    settings: () => {
      const { vtrixForm, requestLimitBytes } = account.options()
      return { form: vtrixForm, requestLimitBytes }
    },
  })
}

/**
 * SECURITY: a key goes only to hosts of its own account: the same site as the base address (so a
 * mirror's key never reaches EvoLink's file service), or loopback with loopback.
 */
export function keyMayGoTo(filesUrl: string | null, baseUrl: string): boolean {
  if (filesUrl === null || !URL.canParse(filesUrl)) return false
  const files = new URL(filesUrl)
  const base = new URL(baseUrl)
  if (isLoopback(base.hostname)) return isLoopback(files.hostname)
  return files.protocol === 'https:' && siteOf(files.hostname) === siteOf(base.hostname)
}

/** The last two labels of a name, three under endings such as `com.cn`; a numeric address is its own site. */
function siteOf(hostname: string): string {
  if (/^[\d.]+$|^\[/.test(hostname)) return hostname
  const labels = hostname.toLowerCase().replace(/\.$/, '').split('.')
  const isSharedEnding =
    /^(com?|net|org|ac|gov|edu)$/.test(labels.at(-2) ?? '') && labels.at(-1)?.length === 2
  return labels.slice(isSharedEnding ? -3 : -2).join('.')
}

/** SECURITY: without TLS a key could be read on the way; only loopback needs none. */
function requireSafeAddress(baseUrl: string, account: string): void {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : null
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))) return
  throw new ProblemError(
    problem(
      'address-refused',
      `The base address of account “${account}” is not an https address, so its key cannot be sent there safely. Nothing was sent.`,
      'Give an address that begins with https:// (http:// works for this computer only).',
      { account },
    ),
  )
}
