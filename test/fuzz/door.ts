import { setTimeout as wait } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { Arbitrary } from 'fast-check'
import type { Clock } from '../../src/main/core/ports.ts'
import { Problem, ProblemError } from '../../src/shared/problem.ts'

/** The key that the doors hold: whatever comes out of one is searched for it. */
export const CANARY = 'sk-canary-9d41c6e2b7f04a58b3'

/** A folder of one child's own, with neighbours that nothing may touch. */
export interface Sandbox {
  /** The only folder in which the door may make or change anything. */
  inside: string
  /** A neighbour of `inside`; a link may lead here, a write may not. */
  outside: string
  /** Takes everything that came out of the door, an answer, an error or a log line, to look for the canary. */
  saw(thing: unknown): void
}

/**
 * A place where bytes of strangers come in. A door is attacked in a process of its own; its module may be
 * loaded by the parent as well, so nothing is opened before `open`.
 */
export interface FuzzDoor<Input = unknown> {
  name: string
  /** How far the process may grow above what it has when it is open, MB. */
  memoryMb: number
  /** Inputs of the short form and of the long one. */
  inputs: { short: number; long: number }
  arbitrary: Arbitrary<Input>
  open?(sandbox: Sandbox): Promise<void>
  /** Resolves when the door did what it may do; throws `Broken`, or whatever the product let through. */
  attack(input: Input, sandbox: Sandbox): Promise<void>
  close?(): Promise<void>
  /** The door makes links or syncs by descriptor, which Node lets nobody do whom it keeps from writing elsewhere. */
  isUnfenced?: boolean
  /** Files that hold the canary by right, by the end of their path. */
  keyFiles?: readonly string[]
}

/** A property that does not hold. */
export class Broken extends Error {}

export function insist(isTrue: boolean, what: string): asserts isTrue {
  if (!isTrue) throw new Broken(what)
}

/** Words that show a value which nobody meant to put into a sentence. */
const GARBLED = /\bundefined\b|\[object |\bNaN\b|\n\s+at /

/** A `Problem` that a person can read: of the closed list, with two whole sentences, and no fault of ours. */
export function insistProblem(found: unknown, given = ''): Problem {
  const read = Problem.safeParse(found)
  insist(read.success, `no Problem: ${inspect(found, { depth: 3 }).slice(0, 300)}`)
  const { code, what, next } = read.data
  insist(code !== 'internal', `a fault of our own: ${what}`)
  insist(what.trim().length > 10 && next.trim().length > 5, `a Problem without words: ${inspect(found)}`)
  insist(what.length < 20_000 && next.length < 20_000, `a Problem of ${what.length + next.length} letters`)
  // What the contract itself says of an input that a program made is for programmers.
  const isForPrograms = what.startsWith('The call was refused: ')
  const isGarbled = (text: string): boolean => !isForPrograms && GARBLED.test(text) && !GARBLED.test(given)
  insist(!isGarbled(what) && !isGarbled(next), `a garbled sentence: ${what} ${next}`)
  return read.data
}

/** The same for what was thrown. */
export function insistProblemError(error: unknown, given = ''): Problem {
  if (!(error instanceof ProblemError)) throw error
  return insistProblem(error.problem, given)
}

/** Patience of 15 s with a parser on its thread lasts a fifth of a second here. */
export const fastClock: Clock = {
  now: () => performance.now() * 75,
  sleep: async (ms, signal) => void (await wait(ms / 75, undefined, signal ? { signal } : {})),
}
