import { INPUT_CAP_MS, INPUT_TOTAL_CAP_MS, type InputRule } from './price-tables.ts'
import type { ReferenceFacts, ResolvedOrder } from './types.ts'

/** Billable milliseconds of the references: `low` = `high` when all lengths are known. */
export interface InputMs {
  low: number
  high: number
}

const NONE: InputMs = { low: 0, high: 0 }

/**
 * Billable input by a provider's rule. A video of unknown length (an address) counts 0 at least and its
 * cap at most.
 */
export function inputMs(rule: InputRule, references: readonly ReferenceFacts[]): InputMs {
  const videos = references.filter((each) => each.kind === 'video')
  if (rule === 'none' || videos.length === 0) return NONE
  if (rule === 'first-five') return capTotal(videos.map((each) => lengthOf(each, INPUT_TOTAL_CAP_MS)))
  return capTotal(videos.map((each) => lengthOf(each, capFor(videos.length))))
}

/** The model maker's own rule: pictures are free but shrink the cap of each video. Assumed for resellers. */
export function makerInputMs(references: readonly ReferenceFacts[]): InputMs {
  const videos = references.filter((each) => each.kind === 'video')
  return capTotal(videos.map((each) => lengthOf(each, capFor(references.length))))
}

export const outputMs = (order: ResolvedOrder): number => Math.max(0, Math.round(order.duration * 1000))

const capFor = (count: number): number => INPUT_CAP_MS[count] ?? 1000

function lengthOf({ durationMs }: ReferenceFacts, cap: number): InputMs {
  if (durationMs === undefined) return { low: 0, high: cap }
  const ms = Math.min(Math.max(0, Math.round(durationMs)), cap)
  return { low: ms, high: ms }
}

function capTotal(each: readonly InputMs[]): InputMs {
  const sum = (pick: (one: InputMs) => number): number =>
    Math.min(
      INPUT_TOTAL_CAP_MS,
      each.reduce((total, one) => total + pick(one), 0),
    )
  return { low: sum((one) => one.low), high: sum((one) => one.high) }
}
