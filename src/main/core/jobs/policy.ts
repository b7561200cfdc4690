/** When to do something again. Numbers in, number out. */

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** A finished task's link lives a day (source: https://docs.evolink.ai/en/api-manual/video-series/wan2.6/wan2.6-reference-video). */
export const LINK_LIFE_MS = 24 * HOUR
/** An upload is used again until two hours before it dies: a job may wait that long at the provider. */
export const UPLOAD_MARGIN_MS = 2 * HOUR
/** Reads in a row that must say "no such task" before it counts as forgotten. */
export const FORGOTTEN_AFTER = 3
/** Reads in a row of a finished task without a link before a person is told. */
export const NO_OUTPUT_AFTER = 5
/** Wait before the one repeat of an unclear create under its own key. */
export const REPEAT_AFTER_MS = 500
/** How long an unconfirmed job is looked for by itself before it only waits for a person. */
export const LOOK_FOR_MS = 20 * MINUTE

/** Grows by two from 2 s to 5 min; `chance` in [0, 1) spreads it by ± 25 %. */
export function backOffMs(setbacks: number, chance: number): number {
  const step = Math.min(5 * MINUTE, 2 * SECOND * 2 ** Math.min(setbacks, 12))
  return Math.round(step * (0.75 + chance / 2))
}

export interface PollFacts {
  /** Milliseconds since the task was accepted. */
  elapsedMs: number
  /** What the provider said it would take; null = not told. */
  estimatedMs: number | null
  progress: number | null
}

/**
 * Wait until the next read of a task: at first about as long as nothing can be finished, then every
 * 10 s, after two minutes every 15 s, and slower the longer nothing comes.
 * (source: https://docs.evolink.ai/en/api-manual/task-management/get-task-detail)
 */
export function pollDelayMs({ elapsedMs, estimatedMs, progress }: PollFacts, chance: number): number {
  const spread = 0.9 + chance / 5
  const first = Math.min(15 * SECOND, Math.max(SECOND, (estimatedMs ?? 15 * SECOND) / 4))
  if (elapsedMs <= 0) return Math.round(first * spread)
  const left = estimatedMs === null ? null : estimatedMs * (1 - (progress ?? 0))
  let wait = elapsedMs < 2 * MINUTE ? 10 * SECOND : 15 * SECOND
  if (elapsedMs > 15 * MINUTE) wait = 30 * SECOND
  if (elapsedMs > HOUR) wait = 2 * MINUTE
  // A short task is not waited for as long as a long one.
  if (left !== null && elapsedMs < 2 * MINUTE) wait = Math.min(wait, Math.max(SECOND, left / 2))
  return Math.round(wait * spread)
}

/** Wait between looks for an unconfirmed job's task: quickly at first, then every few minutes. */
export const lookDelayMs = (looksSoFarMs: number): number =>
  Math.round(Math.min(5 * MINUTE, Math.max(10 * SECOND, looksSoFarMs / 2)))
