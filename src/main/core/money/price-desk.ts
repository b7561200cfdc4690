import * as z from 'zod'
import { findModel } from '../../../shared/models/catalogue.ts'
import { type LiveModel, readLiveRule } from '../../../shared/models/live-rules.ts'
import { estimate, isSilent } from '../../../shared/models/price.ts'
import type { Estimate, ReferenceFacts, ResolvedOrder } from '../../../shared/models/types.ts'
import type { Engine } from '../jobs/engine.ts'
import type { AccountRecord } from '../store/accounts.ts'
import { type LearnedPrices, learnPrices } from './learned.ts'

const HOUR_MS = 3_600_000
/** A rule is asked for again after a day, or earlier where it says so itself. */
const KEPT_MS = 24 * HOUR_MS
/** After a failure, and after a rule that was stale when it came, the provider is left alone for a while. */
const LEFT_ALONE_MS = HOUR_MS / 6
/** A check never waits longer for prices that it can do without. */
const PATIENCE_MS = 5_000

const KeptRule = z.object({
  baseUrl: z.string().nullable(),
  fetchedAt: z.int(),
  /** Until when the provider calls it fresh; null = not told. */
  freshUntil: z.int().nullable(),
  /** Null = there was none to be had. */
  rule: z.unknown(),
})
type KeptRule = z.infer<typeof KeptRule>

type Ports = Pick<Engine, 'store' | 'clock' | 'log' | 'providerFor'>

/**
 * Prices orders from everything that is known: the account's own table, the provider's live rules, the dated
 * table, and what earlier clips were charged. Lives for one check.
 */
export class PriceDesk {
  private readonly ports: Ports
  private readonly isKept: boolean
  private readonly rules = new Map<string, LiveModel>()
  private readonly learned = new Map<number, LearnedPrices>()

  /** `isKept` false: rules that are fetched are used and not written down, because only looking is allowed. */
  constructor(ports: Ports, isKept = true) {
    this.ports = ports
    this.isKept = isKept
  }

  /**
   * Brings the live rules of these models up to date, for at most five seconds. Never throws: without a rule
   * the dated table stands, and the estimate's note says so.
   */
  async ask(wanted: Iterable<{ account: AccountRecord; model: string }>): Promise<void> {
    const asks = new Map<string, (signal: AbortSignal) => Promise<void>>()
    for (const { account, model } of wanted) {
      if (account.family !== 'evolink' || findModel(model)?.family !== 'evolink') continue
      const name = nameOf(account, model)
      if (this.rules.has(name) || this.take(account, model)) continue
      asks.set(name, (signal) => this.fetch(account, model, signal))
    }
    if (asks.size > 0) await this.within([...asks.values()])
  }

  /** What an order would probably cost on an account. */
  price(order: ResolvedOrder, facts: readonly ReferenceFacts[], account: AccountRecord): Estimate {
    const liveRule = this.rules.get(nameOf(account, order.model))
    return estimate(order, facts, {
      family: findModel(order.model)?.family ?? 'evolink',
      isPractice: account.family === 'practice',
      currency: account.currency,
      prices: account.prices,
      learned: this.learnedOf(account.id),
      ...(liveRule && { liveRule }),
    })
  }

  /** Whether the provider's own rules of now are known for a model. */
  hasLiveRule(account: AccountRecord, model: string): boolean {
    return this.rules.has(nameOf(account, model))
  }

  private learnedOf(accountId: number): LearnedPrices {
    const known = this.learned.get(accountId)
    if (known) return known
    const lines = this.ports.store.ledger.charged(accountId).map(({ model, chargedMicros, order }) => ({
      model,
      chargedMicros,
      quality: String(order.quality),
      seconds: Number(order.duration),
      isSilent: isSilent(order),
    }))
    const learned = learnPrices(lines)
    this.learned.set(accountId, learned)
    return learned
  }

  /** Takes a rule that is still fresh from the store. True: the provider need not be asked. */
  private take(account: AccountRecord, model: string): boolean {
    const kept = KeptRule.safeParse(this.ports.store.settings.get(nameOf(account, model)))
    if (!kept.success || kept.data.baseUrl !== account.baseUrl) return false
    if (!isFresh(kept.data, this.ports.clock.now())) return false
    const rule = readLiveRule({ model: kept.data.rule }, model)
    if (rule) this.rules.set(nameOf(account, model), rule)
    return true
  }

  private async fetch(account: AccountRecord, model: string, signal: AbortSignal): Promise<void> {
    const { log, clock } = this.ports
    let answer: unknown
    try {
      const provider = this.ports.providerFor(account, model)
      if (!provider?.priceRule) return
      answer = await provider.priceRule(model, signal)
    } catch (error) {
      log.info('no live price rule', { account: account.name, model, error: (error as Error).name })
    }
    const rule = readLiveRule(answer, model)
    if (rule) this.rules.set(nameOf(account, model), rule)
    const { baseUrl } = account
    this.keep(nameOf(account, model), {
      baseUrl,
      fetchedAt: clock.now(),
      freshUntil: freshUntil(answer),
      rule: rule ?? null,
    })
  }

  private keep(name: string, kept: KeptRule): void {
    if (!this.isKept) return
    try {
      this.ports.store.settings.set(name, kept)
    } catch (error) {
      this.ports.log.warn('a live price rule was not kept', { error: (error as Error).name })
    }
  }

  /** All together, and never longer than patience lasts: what comes later is not waited for. */
  private async within(asks: readonly ((signal: AbortSignal) => Promise<void>)[]): Promise<void> {
    const tooLong = new AbortController()
    const isDone = new AbortController()
    const patience = this.ports.clock.sleep(PATIENCE_MS, isDone.signal).then(
      () => tooLong.abort(new Error('the check goes on without live prices')),
      () => undefined,
    )
    await Promise.race([patience, Promise.all(asks.map((ask) => ask(tooLong.signal)))])
    isDone.abort()
  }
}

const nameOf = (account: AccountRecord, model: string): string => `price-rule ${account.id} ${model}`

function isFresh({ fetchedAt, freshUntil, rule }: KeptRule, now: number): boolean {
  const age = now - fetchedAt
  // A clock that was set back says nothing of the age.
  if (age < 0 || age >= KEPT_MS) return false
  if (age < LEFT_ALONE_MS) return true
  return rule !== null && (freshUntil === null || now < freshUntil)
}

const Stamped = z.object({ meta: z.object({ fresh_until: z.string().max(40) }) })

/** `meta.fresh_until` of an answer, epoch ms; null = not told in a form that can be read. */
function freshUntil(answer: unknown): number | null {
  const read = Stamped.safeParse(answer)
  const at = read.success ? Date.parse(read.data.meta.fresh_until) : Number.NaN
  return Number.isNaN(at) ? null : at
}
