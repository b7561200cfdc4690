import type { PriceView } from '../../../shared/check.ts'
import { MODELS, parameterOf } from '../../../shared/models/catalogue.ts'
import type { Estimate, Model, ResolvedOrder } from '../../../shared/models/types.ts'
import type { AccountRecord } from '../store/accounts.ts'
import { turnOfLoop } from '../system.ts'
import type { PriceDesk } from './price-desk.ts'

/**
 * What a second costs on each account, for every model and tier that it can order, and without sound where that
 * costs something else. Asks for live rules first, for as long as the desk has patience.
 */
export async function listPrices(desk: PriceDesk, accounts: readonly AccountRecord[]): Promise<PriceView[]> {
  await desk.ask(accounts.flatMap((account) => modelsOf(account).map(({ id }) => ({ account, model: id }))))
  const views: PriceView[] = []
  for (const account of accounts) {
    for (const model of modelsOf(account)) views.push(...viewsOf(desk, account, model))
    await turnOfLoop()
  }
  return views
}

/** A practice account orders from both families. */
const modelsOf = ({ family, options }: AccountRecord): Model[] =>
  MODELS.filter(
    (model) =>
      model.lifecycle === 'active' &&
      !options.retiredModels.includes(model.id) &&
      (family === 'practice' || family === model.family),
  )

function viewsOf(desk: PriceDesk, account: AccountRecord, model: Model): PriceView[] {
  return tiersOf(model).flatMap((quality) => {
    const withSound = viewOf(desk, account, model, { quality })
    if (parameterOf(model, 'generate_audio') === undefined) return [withSound]
    const silent = viewOf(desk, account, model, { quality, generate_audio: false, expectsSound: false })
    return isSamePrice(withSound, silent) ? [withSound] : [withSound, { ...silent, isSilent: true }]
  })
}

function tiersOf(model: Model): string[] {
  const values = parameterOf(model, 'quality')?.values?.map(String)
  return values ?? Object.keys(model.output.sizes ?? {})
}

const isSamePrice = (one: PriceView, other: PriceView): boolean =>
  one.perSecondMicros === other.perSecondMicros &&
  one.minimumMicros === other.minimumMicros &&
  one.note === other.note

type Chosen = Pick<ResolvedOrder, 'quality' | 'generate_audio' | 'expectsSound'>

function viewOf(desk: PriceDesk, account: AccountRecord, model: Model, chosen: Chosen): PriceView {
  const at = (duration: number): Estimate =>
    desk.price({ ...chosen, model: model.id, prompt: '', duration }, [], account)
  const { basis, note } = at(longestOf(model))
  const found = rateOf(at, model)
  return {
    account: account.name,
    model: model.id,
    quality: chosen.quality,
    isSilent: false,
    currency: account.currency,
    perSecondMicros: found?.perSecondMicros ?? null,
    minimumMicros: found?.minimumMicros ?? null,
    basis,
    note: [
      ...(isWithoutLive(desk, account, model, basis) ? [NO_LIVE] : []),
      note,
      ...(found === null ? [BY_LENGTH] : []),
    ].join(' '),
  }
}

const NO_LIVE = "The provider's live prices could not be had now."
const BY_LENGTH = 'A second costs more or less by the length of the clip: "reelsheet check" prices each row.'

const isWithoutLive = (
  desk: PriceDesk,
  account: AccountRecord,
  model: Model,
  basis: Estimate['basis'],
): boolean => basis === 'published' && account.family !== 'practice' && !desk.hasLiveRule(account, model.id)

interface Rate {
  perSecondMicros: number | null
  minimumMicros: number | null
}

/** Charges are rounded to a ten-thousandth of a credit. */
const ROUNDING_MICROS = 100

/**
 * The price of a second and the least charge, from what clips of every length cost that the model takes. Null when
 * no price of a second explains them all: a rule may have steps.
 */
function rateOf(at: (seconds: number) => Estimate, model: Model): Rate | null {
  const lengths = lengthsOf(model)
  const longest = at(longestOf(model))
  if (longest.highMicros === undefined) return { perSecondMicros: null, minimumMicros: null }
  const perSecondMicros = Math.round(longest.highMicros / longestOf(model))
  const least = leastOf(at, longest)
  const fits = lengths.every((seconds) => {
    const expected = Math.max(least, perSecondMicros * seconds)
    return Math.abs((at(seconds).highMicros ?? Number.NaN) - expected) <= ROUNDING_MICROS
  })
  return fits ? { perSecondMicros, minimumMicros: least === 0 ? null : least } : null
}

/** What a clip of no length would cost, where the same source still knows: the least charge. */
function leastOf(at: (seconds: number) => Estimate, longest: Estimate): number {
  const nothing = at(0)
  return nothing.note === longest.note ? (nothing.highMicros ?? 0) : 0
}

function lengthsOf(model: Model): number[] {
  const duration = parameterOf(model, 'duration')
  if (duration?.values) return duration.values.map(Number)
  const [first, last] = [duration?.minimum ?? 1, duration?.maximum ?? 10]
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

const longestOf = (model: Model): number => Math.max(...lengthsOf(model))
