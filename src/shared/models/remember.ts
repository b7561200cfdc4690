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
  const good = new Map<string, ResolvedOrder>()
  return (input) => {
    if (!isPromptFree(input)) return checkOrder(input, account)
    const key = describe(input)
    const known = good.get(key)
    if (known !== undefined)
      return { order: { ...known, prompt: input.values.prompt as string }, problems: [], alike: known }
    const checked = checkOrder(input, account)
    if (checked.order === undefined || checked.problems.length > 0) return checked
    good.set(key, checked.order)
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

function describe({ values, references, audio }: OrderInput): string {
  let key = ''
  for (const field in values) {
    if (APART.has(field)) continue
    const value = values[field]
    // What is no text, number or boolean is never a good value, and need not be told from another.
    key += `${field}\u0000${typeof value}\u0000${typeof value === 'object' ? '' : String(value)}\u0001`
  }
  for (const reference of references) key += `\u0002${describeFile(reference)}`
  return audio === undefined ? key : `${key}\u0003${describeFile(audio)}`
}

/** All that rules look at. Of a name that is its beginning, which shows what kind of address it is. */
function describeFile(facts: ReferenceFacts): string {
  const { kind, format, sizeBytes, width, height, durationMs, hasTransparency, isAddress, expiresInMs } =
    facts
  const scheme = isAddress === true ? /^\s*[a-z][a-z0-9+.-]*:/i.exec(facts.name)?.[0] : undefined
  return `${kind} ${format} ${sizeBytes} ${width} ${height} ${durationMs} ${hasTransparency} ${isAddress} ${expiresInMs} ${scheme}`
}
