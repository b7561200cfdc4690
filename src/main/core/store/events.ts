import type { JobEvent, JobState } from '../../../shared/job.ts'
import type { Problem } from '../../../shared/problem.ts'
import type { Sqlite } from './open.ts'
import { fromRow, toJson } from './rows.ts'

/** Every statement over `events`: a job's history, one line a change. */
export function createEvents(db: Sqlite) {
  const insert = db.prepare(
    `INSERT INTO events (job_id, at, type, from_state, to_state, problem_json, facts_json)
     VALUES (@jobId, @at, @type, @from, @to, @problemJson, @factsJson)`,
  )
  const ofJob = db.prepare(
    'SELECT id, job_id, at, type, from_state AS "from", to_state AS "to", problem_json, facts_json FROM events WHERE job_id = ? ORDER BY id',
  )
  const latest = db
    .prepare('SELECT facts_json FROM events WHERE job_id = ? AND type = ? ORDER BY id DESC LIMIT 1')
    .pluck()
  const last = db.prepare('SELECT at FROM events ORDER BY id DESC LIMIT 1').pluck()
  return {
    add(event: {
      jobId: number
      at: number
      type: string
      from: JobState | null
      to: JobState | null
      problem: Problem | null
      facts?: Record<string, unknown>
    }): void {
      const { problem, facts, ...rest } = event
      insert.run({ ...rest, problemJson: toJson(problem), factsJson: JSON.stringify(facts ?? {}) })
    },
    /** When the newest line was written; null = there is none. */
    lastAt: () => (last.get() as number | undefined) ?? null,
    /** What was kept with the newest line of a type; undefined = there is none. */
    latestFacts(jobId: number, type: string): JobEvent['facts'] | undefined {
      const facts = latest.get(jobId, type) as string | undefined
      return facts === undefined ? undefined : JSON.parse(facts)
    },
    ofJob: (jobId: number) => ofJob.all(jobId).map((row) => fromRow<JobEvent>(row)),
  }
}
export type Events = ReturnType<typeof createEvents>
