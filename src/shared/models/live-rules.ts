import * as z from 'zod'
import { add, compare, decimal, divide, multiply, type Ratio, ratio, roundHalfUp, roundUp } from './ratio.ts'

/**
 * EvoLink's live price rules (`GET /v1/catalog/pricing-rules`) as data. A rule is a small tree; it is
 * walked, never executed, and anything unknown, too deep or too large gives no price at all.
 * Shape as recorded by https://github.com/deeplearning-goethe/evolink-cli on 2026-10-10.
 */

export type Variables = Readonly<Record<string, Ratio | string | boolean>>

const MAXIMUM_DEPTH = 24
const MAXIMUM_NODES = 300

const Money = z.object({ uc: z.string().max(30) })
const Tier = z.object({ when: z.unknown(), rate: Money, minimum_charge: Money.optional() })
const Component = z.object({
  id: z.string().max(100).optional(),
  pricing_status: z.string().optional(),
  condition: z.unknown().optional(),
  rate: Money,
  minimum_charge: Money.optional(),
  quantity_rule: z.unknown(),
  rounding: z.object({ point: z.literal('per_component_subtotal'), mode: z.enum(['half_up', 'ceil']) }),
  tiers: z.array(Tier).max(20).default([]),
})
const LiveModel = z.object({
  model_id: z.string().max(100),
  pricing_status: z.string().optional(),
  components: z.array(Component).min(1).max(20),
})
/** One model's published rule, as far as it is used. */
export type LiveModel = z.infer<typeof LiveModel>

/** Picks one model's rule out of an answer, in either of its two forms; undefined when there is none to be used. */
export function readLiveRule(answer: unknown, modelId: string): LiveModel | undefined {
  const envelope = z
    .object({ models: z.array(z.unknown()).max(5000).optional(), model: z.unknown().optional() })
    .safeParse(answer)
  if (!envelope.success) return undefined
  for (const each of [envelope.data.model, ...(envelope.data.models ?? [])]) {
    if (typeof each !== 'object' || each === null) continue
    if ((each as { model_id?: unknown }).model_id !== modelId) continue
    const read = LiveModel.safeParse(each)
    return read.success ? read.data : undefined
  }
  return undefined
}

/** The charge in uc, or undefined when any part of the rule is not understood. */
export function chargeByLiveRule(rule: LiveModel, variables: Variables): bigint | undefined {
  if (rule.pricing_status !== undefined && rule.pricing_status !== 'available') return undefined
  let total = 0n
  for (const component of rule.components) {
    const charge = chargeOf(component, variables)
    if (charge === undefined) return undefined
    total += charge
  }
  return total
}

function chargeOf(component: z.infer<typeof Component>, variables: Variables): bigint | undefined {
  if (component.pricing_status !== undefined && component.pricing_status !== 'available') return undefined
  // A condition says whether the rule fits at all: unless it plainly holds, there is no estimate.
  if (component.condition !== undefined && evaluate(component.condition, variables) !== true) return undefined
  let { rate, minimum_charge: minimum } = component
  for (const tier of component.tiers) {
    const fits = evaluate(tier.when, variables)
    if (typeof fits !== 'boolean') return undefined
    if (!fits) continue
    rate = tier.rate
    minimum = tier.minimum_charge ?? minimum
    break
  }
  const quantity = evaluate(component.quantity_rule, variables)
  const perUnit = decimal(rate.uc)
  const least = minimum === undefined ? ratio(0) : decimal(minimum.uc)
  if (!isNumber(quantity) || perUnit === undefined || least === undefined) return undefined
  const exact = multiply(quantity, perUnit)
  if (exact.over < 0n) return undefined
  const subtotal = component.rounding.mode === 'ceil' ? roundUp(exact) : roundHalfUp(exact)
  const floor = roundUp(least)
  return subtotal > floor ? subtotal : floor
}

type Value = Ratio | string | boolean

const isNumber = (value: Value | undefined): value is Ratio => typeof value === 'object'

/** The value of a rule; undefined for an unknown operation or variable, a wrong type, or a tree that is too big. */
export function evaluate(rule: unknown, variables: Variables): Value | undefined {
  let nodes = 0
  const walk = (node: unknown, depth: number): Value | undefined => {
    nodes += 1
    if (depth > MAXIMUM_DEPTH || nodes > MAXIMUM_NODES) return undefined
    if (typeof node !== 'object' || node === null) return undefined
    const { op, args, name, value, key, values } = node as Record<string, unknown>
    const all = (): (Value | undefined)[] =>
      Array.isArray(args) && args.length <= MAXIMUM_NODES ? args.map((each) => walk(each, depth + 1)) : []
    switch (op) {
      case 'constant':
        return constantOf(value)
      case 'variable':
        return typeof name === 'string' && Object.hasOwn(variables, name) ? variables[name] : undefined
      case 'add':
        return fold(all(), add)
      case 'multiply':
        return fold(all(), multiply)
      case 'divide':
        return args !== undefined && Array.isArray(args) && args.length === 2
          ? fold(all(), divide)
          : undefined
      case 'min':
        return fold(all(), (a, b) => (compare(a, b) <= 0 ? a : b))
      case 'lookup':
        return lookup(walk(key, depth + 1), values)
      case 'if':
        return choose(all())
      case 'eq':
        return compareValues(all(), (order) => order === 0)
      case 'gte':
        return compareValues(all(), (order) => order >= 0)
      default:
        return undefined
    }
  }
  return walk(rule, 0)
}

/** Numbers come as text; a text that is no number stays text (`eq` compares it). */
function constantOf(value: unknown): Value | undefined {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return ratio(value)
  if (typeof value !== 'string' || value.length > 100) return undefined
  return decimal(value) ?? value
}

function fold(
  values: (Value | undefined)[],
  join: (a: Ratio, b: Ratio) => Ratio | undefined,
): Ratio | undefined {
  const [first, ...rest] = values
  if (!isNumber(first)) return undefined
  let result: Ratio | undefined = first
  for (const each of rest) {
    if (!isNumber(each) || result === undefined) return undefined
    result = join(result, each)
  }
  return result
}

function lookup(key: Value | undefined, values: unknown): Value | undefined {
  if (typeof values !== 'object' || values === null) return undefined
  const text = typeof key === 'string' ? key : typeof key === 'boolean' ? String(key) : undefined
  return text !== undefined && Object.hasOwn(values, text)
    ? constantOf((values as Record<string, unknown>)[text])
    : undefined
}

function choose(values: (Value | undefined)[]): Value | undefined {
  const [condition, then, otherwise] = values
  if (values.length !== 3 || typeof condition !== 'boolean') return undefined
  return condition ? then : otherwise
}

/** Numbers by size; texts and booleans only by being equal. */
function compareValues(
  values: (Value | undefined)[],
  holds: (order: number) => boolean,
): boolean | undefined {
  const [a, b] = values
  if (values.length !== 2 || a === undefined || b === undefined) return undefined
  if (isNumber(a) && isNumber(b)) return holds(compare(a, b))
  if (isNumber(a) || isNumber(b)) return undefined
  // Only equality has a meaning here: `gte` of texts is not understood.
  return holds(0) && !holds(1) ? a === b : undefined
}
