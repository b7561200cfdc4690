import { type Answer, type Call, type Desk, json } from './desk.ts'
import { evolinkError } from './evolink-view.ts'
import { EVOLINK_RATES, QUALITY_PERCENT, type Rate } from './prices.ts'

/**
 * EvoLink's public price rules, told as data for the prices that this provider really charges. The form is read
 * from the rules that https://github.com/deeplearning-goethe/evolink-cli recorded on 2026-10-10.
 */

/** How long a rule calls itself fresh. */
const FRESH_MS = 3_600_000
const UC_PER_CREDIT = 10_000

type Node = Record<string, unknown>
const variable = (name: string): Node => ({ op: 'variable', name })
const constant = (value: string): Node => ({ op: 'constant', value })
const apply = (op: string, ...args: Node[]): Node => ({ op, args })

const QUALITY: Node = {
  op: 'lookup',
  key: variable('quality'),
  values: Object.fromEntries(
    Object.entries(QUALITY_PERCENT).map(([quality, percent]) => [quality, String(percent / 100)]),
  ),
}
const SOUND = apply('if', variable('generate_audio'), constant('1'), constant('0.5'))

const SECONDS: Record<Rate['input'], Node> = {
  none: variable('duration_seconds'),
  'capped-per-video': apply('add', variable('input_seconds'), variable('output_seconds')),
  'capped-in-sum': apply(
    'add',
    apply('min', variable('input_seconds'), constant('5')),
    variable('output_seconds'),
  ),
}

const amount = (uc: number) => ({ uc: String(uc), credits: String(uc / UC_PER_CREDIT) })

function ruleOf(model: string, rate: Rate) {
  const factors = rate.hasSoundPrice ? [QUALITY, SOUND] : [QUALITY]
  return {
    model_id: model,
    pricing_status: 'available',
    components: [
      {
        id: 'video',
        pricing_status: 'available',
        rate: amount(rate.ucPerSecond),
        minimum_charge: amount(rate.minimumUc),
        quantity_rule: apply('multiply', SECONDS[rate.input], ...factors),
        rounding: { point: 'per_component_subtotal', mode: 'half_up' },
        tiers: [],
      },
    ],
  }
}

function metaOf(desk: Desk) {
  const now = desk.clock.now()
  return {
    schema_version: '2',
    price_scope: 'public_default',
    currency: 'credits',
    updated_at: new Date(now).toISOString(),
    fresh_until: new Date(now + FRESH_MS).toISOString(),
  }
}

/** `GET /v1/catalog/pricing-rules`, without a key */
export function listPriceRules(desk: Desk): Answer {
  const models = Object.entries(EVOLINK_RATES).map(([model, rate]) => ruleOf(model, rate))
  return json(200, { meta: metaOf(desk), models })
}

/** `GET /v1/catalog/models/{model_id}/pricing-rules`, without a key */
export function getPriceRule(desk: Desk, call: Call): Answer {
  const model = call.path.split('/').at(-2) ?? ''
  const rate = Object.hasOwn(EVOLINK_RATES, model) ? EVOLINK_RATES[model] : undefined
  if (!rate) return evolinkError(404, { code: 'model_not_found', message: 'No such model' })
  return json(200, { meta: metaOf(desk), model: ruleOf(model, rate) })
}
