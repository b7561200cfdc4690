import { findModel } from '../../shared/models/catalogue.ts'
import type { Family } from '../../shared/models/types.ts'
import type { Engine } from './jobs/engine.ts'
import type { Ports } from './ports.ts'
import { type ClosableProvider, createPracticeProvider, createProvider } from './provider/index.ts'
import type { FileQuota, Provider, TaskReading } from './provider/provider.ts'
import { jsonWithInline } from './references/inline.ts'
import type { AccountRecord } from './store/accounts.ts'
import { toCreditMicros } from './store/ledger.ts'
import type { Store } from './store/store.ts'

/** An adapter is found by a model; any one of EvoLink's finds the voice that has a file service. */
export const FILES_MODEL = 'wan2.6-reference-video'

/** A check waits no longer for what only warns. */
const QUOTA_PATIENCE_MS = 2_000

/**
 * Places used and free at an account's file service; null where it has none, or has not told within two seconds.
 * Never throws.
 */
export async function fileQuotaOf(
  {
    clock,
    providerFor,
  }: Pick<Engine, 'clock'> & {
    providerFor(account: AccountRecord, model: string): Pick<Provider, 'fileQuota'> | null
  },
  account: AccountRecord,
  signal?: AbortSignal,
): Promise<FileQuota | null> {
  const isDone = new AbortController()
  const tooLong = new AbortController()
  const patience = clock.sleep(QUOTA_PATIENCE_MS, isDone.signal).then(
    () => tooLong.abort(new Error('the check goes on without the quota')),
    () => undefined,
  )
  try {
    const provider = account.stops === 'everything' ? null : providerFor(account, FILES_MODEL)
    const asked = provider?.fileQuota?.(AbortSignal.any([tooLong.signal, ...(signal ? [signal] : [])]))
    return (await Promise.race([asked, patience])) ?? null
  } catch {
    return null
  } finally {
    isDone.abort()
  }
}

/** The practice provider as the adapters see it: its address and key. */
export interface PracticeDoor {
  url: string
  key: string
}

/** The practice account keeps one purse in credits; its Vtrix side tells prices in USD. */
function inCredits(reading: TaskReading): TaskReading {
  if (reading.state !== 'succeeded' && reading.state !== 'failed') return reading
  const { chargedMicros } = reading
  return { ...reading, chargedMicros: chargedMicros === null ? null : toCreditMicros('usd', chargedMicros) }
}

/** One adapter for each account and family, made on first use and closed together. */
export class Providers {
  private readonly made = new Map<string, ClosableProvider>()
  private readonly replaced: ClosableProvider[] = []
  private readonly ports: Ports
  private readonly store: Store
  private readonly userAgent: string
  private practice: PracticeDoor | null = null

  constructor(ports: Ports, store: Store, userAgent: string) {
    this.ports = ports
    this.store = store
    this.userAgent = userAgent
  }

  usePractice(door: PracticeDoor): void {
    this.practice = door
  }

  /** The adapter that speaks for an account and a model; null when the account cannot run the model now. */
  for(account: AccountRecord, model: string): Provider | null {
    const family = findModel(model)?.family
    if (!family || (account.family !== 'practice' && account.family !== family)) return null
    if (account.family === 'practice' && !this.practice) return null
    const key = `${account.id} ${family}`
    let provider = this.made.get(key)
    if (!provider) {
      provider =
        account.family === 'practice' ? this.makePractice(account, family) : this.make(account, family)
      this.made.set(key, provider)
    }
    return provider
  }

  /**
   * The account's address, key or proxy changed: its next call opens new connections. Calls under way end
   * on the old ones: cutting off a purchase would leave it in doubt.
   */
  forget(accountId: number): void {
    for (const [key, provider] of this.made) {
      if (!key.startsWith(`${accountId} `)) continue
      this.made.delete(key)
      this.replaced.push(provider)
    }
  }

  async close(): Promise<void> {
    const open = [...this.made.values(), ...this.replaced.splice(0)]
    this.made.clear()
    await Promise.all(open.map((provider) => provider.close()))
  }

  private deps(account: AccountRecord) {
    return {
      clock: this.ports.clock,
      log: this.ports.log,
      userAgent: this.userAgent,
      jsonWithInline,
      onFeatureMissing: (feature: string) => this.rememberMissing(account.id, feature),
    }
  }

  private make(account: AccountRecord, family: Family): ClosableProvider {
    const common = this.store.settings.get('proxyUrl')
    return createProvider(
      {
        name: account.name,
        family,
        baseUrl: account.baseUrl as string,
        filesUrl: account.filesUrl,
        proxyUrl: account.proxyUrl ?? (typeof common === 'string' ? common : null),
        key: () => this.ports.secrets.read(account.name),
        options: () => this.store.accounts.get(account.id)?.options ?? account.options,
      },
      this.deps(account),
    )
  }

  private makePractice(account: AccountRecord, family: Family): ClosableProvider {
    const door = this.practice as PracticeDoor
    const provider = createPracticeProvider(
      {
        name: account.name,
        family,
        baseUrl: door.url,
        key: () => door.key,
        options: () => this.store.accounts.get(account.id)?.options ?? account.options,
      },
      this.deps(account),
    )
    return {
      ...provider,
      // Its ledger is on this machine and whole: what is not in it was not bought.
      can: { ...provider.can, listIsComplete: true },
      read: async (ids, signal) => {
        const readings = await provider.read(ids, signal)
        return family === 'vtrix' ? new Map([...readings].map(([id, one]) => [id, inCredits(one)])) : readings
      },
    }
  }

  private rememberMissing(accountId: number, feature: string): void {
    const account = this.store.accounts.get(accountId)
    if (!account || account.options.missingFeatures.includes(feature)) return
    const missingFeatures = [...account.options.missingFeatures, feature]
    this.store.accounts.update({ ...account, options: { ...account.options, missingFeatures } })
  }
}
