import { findModel, parameterOf } from './catalogue.ts'
import { isAbsent } from './cells.ts'
import { mayName } from './names.ts'
import type { AccountRules, Checked, ReferenceFacts, ResolvedOrder } from './types.ts'
import { checkOrder, type OrderInput } from './validate.ts'

export interface CheckedAlike extends Checked {
  /** The same object for all good orders that differ in nothing but prompt and names, so also in no price. */
  alike?: ResolvedOrder
}

/**
 * `checkOrder` for many orders of one account. Most rows of a sheet differ from others in their prompt alone:
 * of orders without a finding that are otherwise equal only the first is checked in full, the others get its
 * fields with their own prompt.
 */
export function rememberChecks(account: AccountRules): (input: OrderInput) => CheckedAlike {
  const kinds = new Kinds()
  return (input) => {
    if (!isPromptFree(input)) return checkOrder(input, account)
    const kind = kinds.of(input)
    if (kind === undefined) return checkOrder(input, account)
    const known = kind.good
    if (known !== undefined)
      return { order: { ...known, prompt: input.values.prompt as string }, problems: [], alike: known }
    const checked = checkOrder(input, account)
    if (checked.order === undefined || checked.problems.length > 0) return checked
    kind.good = checked.order
    return { ...checked, alike: checked.order }
  }
}

/** Whether no rule that looks at the prompt can find anything, so that the rest decides alone. */
function isPromptFree({ values, references }: OrderInput): boolean {
  const { prompt, model: id } = values
  if (typeof prompt !== 'string' || isAbsent(prompt) || typeof id !== 'string') return false
  const model = findModel(id)
  const parameter = model && parameterOf(model, 'prompt')
  if (model === undefined || parameter?.type !== 'text') return false
  if (parameter.values !== undefined || parameter.doubtful !== undefined) return false
  if (prompt.length > (parameter.maximumLength ?? Number.POSITIVE_INFINITY)) return false
  return model.naming === undefined || (references.length < 2 && !mayName(prompt))
}

/** Never reach a rule: what a row is called, and its prompt, which `isPromptFree` looks at. */
const APART: ReadonlySet<string> = new Set(['prompt', 'name', 'id', 'account'])

/** What follows the values: neither is the name of a field. */
const [REFERENCE, AUDIO, OTHER] = [Symbol('reference'), Symbol('audio'), Symbol('other')]

/** Orders that are equal as far as they were looked at; what is looked at next tells them apart. */
interface Kind {
  good?: ResolvedOrder
  next: Map<unknown, Kind>
}

/** Where more rows differ (by a seed of their own), remembering them would help none and take room. */
const MOST_KINDS = 20_000

/** Told apart step by step and not by one key: joining a row's values to a text costs more than checking them. */
class Kinds {
  private readonly all: Kind = { next: new Map() }
  private readonly describe = rememberFiles()
  private made = 0

  /** Undefined for a new kind when there are too many. */
  of({ values, references, audio }: OrderInput): Kind | undefined {
    let kind: Kind | undefined = this.all
    for (const field in values) {
      if (APART.has(field)) continue
      const value = values[field]
      // What is no text, number or boolean is never a good value, and need not be told from another.
      kind = this.step(this.step(kind, field), typeof value === 'object' ? OTHER : value)
    }
    for (const reference of references) kind = this.step(this.step(kind, REFERENCE), this.describe(reference))
    return audio === undefined ? kind : this.step(this.step(kind, AUDIO), this.describe(audio))
  }

  private step(from: Kind | undefined, more: unknown): Kind | undefined {
    const known = from?.next.get(more)
    if (known || !from || this.made === MOST_KINDS) return known
    const kind: Kind = { next: new Map() }
    from.next.set(more, kind)
    this.made += 1
    return kind
  }
}

type Describe = (facts: ReferenceFacts) => string

/** `describeFile`, once for each file: many rows use the same. */
function rememberFiles(): Describe {
  const known = new WeakMap<ReferenceFacts, string>()
  return (facts) => {
    let text = known.get(facts)
    if (text === undefined) {
      text = describeFile(facts)
      // An address hardly ever stands in two rows.
      if (facts.isAddress !== true) known.set(facts, text)
    }
    return text
  }
}

/** All that rules look at. Of a name that is its beginning, which shows what kind of address it is. */
function describeFile(facts: ReferenceFacts): string {
  const { kind, format, sizeBytes, width, height, durationMs, hasTransparency, isAddress, expiresInMs } =
    facts
  const scheme = isAddress === true ? /^\s*[a-z][a-z0-9+.-]*:/i.exec(facts.name)?.[0] : undefined
  return `${kind} ${format} ${sizeBytes} ${width} ${height} ${durationMs} ${hasTransparency} ${isAddress} ${expiresInMs} ${scheme}`
}
