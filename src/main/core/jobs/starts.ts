import { type Problem, problem } from '../../../shared/problem.ts'
import type { RunRecord } from '../store/runs.ts'
import type { Engine } from './engine.ts'

/** A start that is seen later than that was missed: the app was closed, or the computer slept. */
export const MISSED_AFTER_MS = 5 * 60_000

/**
 * Begins the runs whose time has come, before anything is bought at the same look. A start that was missed is not
 * made up for in silence: the run pauses and asks.
 */
export function beginDue({ store, log, noticed }: Engine, now: number): void {
  const due = store.runs.dueToStart(now)
  if (due.length === 0) return
  const missed = due.flatMap((run) => missedStart(run, now) ?? [])
  store.write(() => {
    for (const run of due) {
      const reason = missedStart(run, now)
      if (!reason) {
        store.runs.begin(run.id, now)
        continue
      }
      store.runs.setPause(run.id, true, reason)
      store.jobs.setRunPause(run.id, true)
    }
  })
  for (const reason of missed) {
    log.info('a start was missed', { runId: reason.place.runId })
    noticed(reason)
  }
}

function missedStart({ id, name, startAt }: RunRecord, now: number): Problem | null {
  if (startAt === null || now - startAt <= MISSED_AFTER_MS) return null
  return problem(
    'start-missed',
    `The run "${name}" was to start at ${localTime(startAt)}, and Reelsheet was not at work then: it was closed, or the computer slept. Nothing was ordered and nothing was spent.`,
    'Start it now with "reelsheet resume", or give it another time with "reelsheet schedule".',
    { runId: id },
  )
}

/** `2026-11-20 22:00` on this computer's clock. */
export function localTime(at: number): string {
  const day = new Date(at)
  const two = (number: number) => String(number).padStart(2, '0')
  const date = `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`
  return `${date} ${two(day.getHours())}:${two(day.getMinutes())}`
}
