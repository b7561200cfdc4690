import { type Problem, problem } from '../../../shared/problem.ts'
import { apply } from '../jobs/apply.ts'
import type { Report } from '../jobs/engine.ts'
import type { JobRecord } from '../store/jobs.ts'
import { type Core, notFound } from './context.ts'

/** A job by its id. Throws `not-found`. */
export function mustFind(core: Core, id: number): JobRecord {
  const job = core.engine.store.jobs.get(id)
  if (!job) throw notFound(`The row ${id}`)
  return job
}

/** Applies one change to many jobs; those that cannot take it are told, the others go on. */
export function touch(
  core: Core,
  ids: readonly number[],
  change: (job: JobRecord) => Report | Problem | Problem[] | null,
) {
  let touched = 0
  const refused: Problem[] = []
  core.engine.store.write(() => {
    for (const id of ids) {
      const answer = change(mustFind(core, id))
      if (answer === null) continue
      if (Array.isArray(answer)) refused.push(...answer)
      else if ('code' in answer) refused.push(answer)
      else {
        apply(core.engine, id, answer)
        touched += 1
      }
    }
  })
  core.scheduler.wake()
  return { touched, refused }
}

/** Why one row cannot take a change; it stays as it is. */
export const impossible = (job: JobRecord, what: string, next: string): Problem =>
  problem('not-possible', `Row ${job.row} ${what}`, next, { jobId: job.id, row: job.row }, 'warning')
