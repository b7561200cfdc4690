import { type Fix, type Problem, type ProblemCode, type ProblemLevel, problem } from '../problem.ts'
import { show } from './cells.ts'
import { addressOf, type SourceId } from './sources.ts'
import type { Basis, Model } from './types.ts'

/** Gathers what is wrong with one order. Every finding names its field, the value and the page of the rule. */
export class Findings {
  readonly problems: Problem[] = []
  readonly model: Model
  constructor(model: Model) {
    this.model = model
  }

  add(given: {
    code: ProblemCode
    column: string
    value?: unknown
    sources: readonly SourceId[]
    what: string
    next: string
    level?: ProblemLevel
    /** What would mend it, the best first. */
    fixes?: readonly Fix[]
  }): void {
    const value = show(given.value)
    const source = addressOf(given.sources)
    const found = problem(
      given.code,
      given.what,
      given.next,
      {
        column: given.column,
        ...(value === '' ? {} : { value }),
        model: this.model.id,
        ...(source === undefined ? {} : { source }),
      },
      given.level ?? 'error',
    )
    const fixes = distinct(given.fixes ?? [])
    this.problems.push(fixes.length === 0 ? found : { ...found, fixes })
  }

  get hasError(): boolean {
    return this.problems.some((each) => each.level === 'error')
  }
}

/** A cell is set to one value by one fix only. */
function distinct(fixes: readonly Fix[]): Fix[] {
  const seen = new Set<string>()
  return fixes.filter((fix) => {
    const key = fix.type === 'set' ? `${fix.column}\u0000${fix.value}` : fix.label
    return !seen.has(key) && seen.add(key)
  })
}

/** An assumed fact warns; a stated one refuses. */
export const levelOf = (basis: Basis): ProblemLevel => (basis === 'assumed' ? 'warning' : 'error')

/** `a`, `a or b`, `a, b or c`. */
export function anyOf(values: readonly (string | number)[]): string {
  if (values.length < 2) return values.join('')
  return `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`
}

/** Seconds for people: 1500 → `1.5`. */
export const seconds = (ms: number): string => String(Math.round(ms / 10) / 100)

/** Bytes for people, in decimal megabytes rounded up, so that a file over a limit never reads as the limit. */
export const megabytes = (bytes: number): string => `${Math.ceil(bytes / 10_000) / 100} MB`

/** `an aspect_ratio`, `a quality`. */
export const withArticle = (word: string): string => `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`
