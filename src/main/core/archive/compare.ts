import { type Problem, problem } from '../../../shared/problem.ts'
import type { ClipFacts } from './container.ts'

export interface OrderedClip {
  /** Undefined = the order leaves it to the provider. */
  width?: number | undefined
  height?: number | undefined
  durationSeconds: number | null
  expectsSound?: boolean | undefined
}

/** Sound is cut into frames of its own, so a whole clip may be a little longer or shorter than ordered. */
const DURATION_TOLERANCE_MS = 150

/** Where a clip differs from what was ordered, as a warning (the clip is kept all the same); null = it agrees. */
export function compareWithOrder(facts: ClipFacts, order: OrderedClip, file?: string): Problem | null {
  const differences = [
    ...compareSize(facts, order),
    ...compareDuration(facts, order),
    ...compareSound(facts, order),
  ]
  if (differences.length === 0) return null
  return problem(
    'clip-differs',
    `The clip is not quite what was ordered: ${differences.join('; ')}. It is archived whole, and charged as the provider says.`,
    'Look at it. If it will not do, ask the provider with the task id, or run the row again (that is paid again).',
    file === undefined ? {} : { file },
    'warning',
  )
}

function compareSize(facts: ClipFacts, order: OrderedClip): string[] {
  const isWrong =
    (order.width !== undefined && order.width !== facts.width) ||
    (order.height !== undefined && order.height !== facts.height)
  const ordered = `${order.width ?? facts.width} x ${order.height ?? facts.height}`
  return isWrong ? [`${ordered} pixels were ordered, ${facts.width} x ${facts.height} came`] : []
}

function compareDuration(facts: ClipFacts, { durationSeconds }: OrderedClip): string[] {
  if (durationSeconds === null) return []
  const isWrong = Math.abs(facts.durationMs - durationSeconds * 1000) > DURATION_TOLERANCE_MS
  return isWrong ? [`${durationSeconds} s were ordered, ${(facts.durationMs / 1000).toFixed(2)} s came`] : []
}

function compareSound(facts: ClipFacts, { expectsSound }: OrderedClip): string[] {
  if (expectsSound === undefined || expectsSound === facts.hasSound) return []
  return [expectsSound ? 'sound was ordered, none came' : 'no sound was ordered, some came']
}
