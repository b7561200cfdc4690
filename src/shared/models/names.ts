import type { Fix } from '../problem.ts'
import type { Chosen } from './fields.ts'
import { anyOf, type Findings, levelOf } from './findings.ts'
import type { Model, ReferenceFacts } from './types.ts'

/**
 * How a prompt speaks of the row's references: `character1` … in their order, or `Image 1`, `Video 1` counted apart.
 * Only the spellings that the pages print count as names: none prints a Chinese one for `character1`.
 */

/** What `checkNames` looks for; a prompt without it and at most one reference cannot break a rule of names. */
const ANY_NAME = /character\d|(?:image|video)\s?\d/iu

export const mayName = (prompt: string): boolean => ANY_NAME.test(prompt)

export function checkNames(
  model: Model,
  chosen: Chosen,
  references: readonly ReferenceFacts[],
  findings: Findings,
): void {
  const { naming } = model
  const { prompt } = chosen
  if (naming === undefined || typeof prompt !== 'string') return
  // Of no references, or too many, another rule speaks; who is called what is only known when they are right.
  if (references.length === 0 || references.length > model.references.maximum) return
  const names = naming.style === 'characterN' ? characterNames(references) : kindNames(references)
  if (mayName(prompt) && refuseNamesOfNothing(model, prompt, names, findings)) return
  if (references.length > 1) missNames(model, prompt, names, references, findings)
}

type Kind = 'character' | 'Image' | 'Video'

/** A name with a number that no reference has. True: there is one. */
function refuseNamesOfNothing(
  model: Model,
  prompt: string,
  names: readonly string[],
  findings: Findings,
): boolean {
  const { naming } = model
  if (naming === undefined) return false
  const known = new Set(names)
  const wrong = namesIn(prompt, naming.style).filter(({ name }) => !known.has(name))
  if (wrong.length === 0) return false
  const words = [...new Set(wrong.map(({ name }) => name))].slice(0, 5)
  findings.add({
    code: 'rule-broken',
    // `image 2` may be two plain words; written as the page prints it, it is a name.
    level: wrong.some(({ isExact }) => isExact) ? levelOf(naming.basis) : 'warning',
    column: 'prompt',
    value: prompt,
    sources: naming.sources,
    what: `The prompt speaks of ${allOf(words)}, and the row’s ${names.length === 1 ? 'only reference is' : 'references are'} ${allOf(names)}. The clip would be paid without what is meant there${naming.basis === 'assumed' ? ' (the names are those of the model’s maker)' : ''}.`,
    next: `Add what is missing as a reference, or write ${anyOf(names)}.`,
    fixes: renameOne(prompt, wrong, names),
  })
  return true
}

/** `a`, `a and b`. */
const allOf = (words: readonly string[]): string => anyOf(words).replace(/ or (?=\S+(?: \d+)?$)/, ' and ')

/** One wrong name, and one reference of its kind that the prompt does not name: that one is meant. */
function renameOne(prompt: string, wrong: readonly Named[], names: readonly string[]): Fix[] {
  const unnamed = names.filter((name) => !mentions(prompt, name))
  const [meant] = unnamed
  if (meant === undefined || unnamed.length > 1 || new Set(wrong.map(({ name }) => name)).size > 1) return []
  if (!wrong.every(({ kind }) => meant.startsWith(kind))) return []
  let value = ''
  let from = 0
  for (const { at, length } of wrong) {
    value += prompt.slice(from, at) + meant
    from = at + length
  }
  return [{ type: 'set', label: `Write ${meant}`, column: 'prompt', value: value + prompt.slice(from) }]
}

interface Named {
  name: string
  kind: Kind
  at: number
  length: number
  /** Written letter for letter as the page prints it. */
  isExact: boolean
}

function namesIn(prompt: string, style: string): Named[] {
  const pattern =
    style === 'characterN'
      ? /(?<![a-z0-9_])(character)(\d{1,3})(?!\d)/giu
      : /(?<![a-z0-9_])(image|video)\s?(\d{1,3})(?![\d:.,]?\d)/giu
  return [...prompt.matchAll(pattern)].map(({ 0: text, 1: word = '', 2: digits, index }) => {
    const kind = KINDS[word.toLowerCase()] ?? 'character'
    const name = kind === 'character' ? `character${Number(digits)}` : `${kind} ${Number(digits)}`
    return { name, kind, at: index, length: text.length, isExact: kind === 'character' || text === name }
  })
}

const KINDS: Readonly<Record<string, Kind>> = { character: 'character', image: 'Image', video: 'Video' }

/** With several references the prompt should say which does what. */
function missNames(
  model: Model,
  prompt: string,
  names: readonly string[],
  references: readonly ReferenceFacts[],
  findings: Findings,
): void {
  const { naming } = model
  if (naming === undefined) return
  // Chinese prompts name references of Wan 2.7 in Chinese forms that the page does not print.
  if (naming.style !== 'characterN' && /\p{Script=Han}/u.test(prompt)) return
  const missing = names.filter((name) => !mentions(prompt, name))
  if (missing.length === 0) return
  findings.add({
    code: 'rule-broken',
    level: 'warning',
    column: 'prompt',
    value: prompt,
    sources: naming.sources,
    what: `The row has ${references.length} references, and the prompt does not name ${anyOf(missing)}: the model may not use ${missing.length === 1 ? 'it' : 'them'} as you mean${naming.basis === 'assumed' ? ' (the names are those of the model’s maker)' : ''}.`,
    next: `Write ${anyOf(missing)} into the prompt where each is meant, in the order of the references.`,
    fixes: joinNames(prompt, names, naming.style),
  })
}

/** `character 1` and `Character_1` are written together when that alone names every reference. */
function joinNames(prompt: string, names: readonly string[], style: string): Fix[] {
  if (style !== 'characterN') return []
  const value = prompt.replace(/(?<![a-z0-9_])character[\s_-]{1,3}(?=\d)/giu, 'character')
  if (value === prompt || !names.every((name) => mentions(value, name))) return []
  return [{ type: 'set', label: 'Write the names without a space', column: 'prompt', value }]
}

const characterNames = (references: readonly ReferenceFacts[]): string[] =>
  references.map((_, index) => `character${index + 1}`)

function kindNames(references: readonly ReferenceFacts[]): string[] {
  const counts = { image: 0, video: 0, audio: 0 }
  return references.flatMap(({ kind }) => {
    counts[kind] += 1
    return kind === 'audio' ? [] : [`${kind === 'image' ? 'Image' : 'Video'} ${counts[kind]}`]
  })
}

/** `character1` is not named by `character10`. */
function mentions(prompt: string, name: string): boolean {
  const pattern = name.replace(' ', '\\s?')
  return new RegExp(`${pattern}(?!\\d)`, 'i').test(prompt)
}
