import type { Job, JobState, StateCounts } from '../../../shared/job.ts'
import type { Sqlite } from './open.ts'
import { fromRow, type Row } from './rows.ts'

/** Where a row stands in the order of every list: run by run, then as in the sheet. */
export interface JobKey {
  runId: number
  row: number
  take: number
  id: number
}

export interface JobFilter {
  runId?: number | undefined
  states?: readonly JobState[] | undefined
  search?: string | undefined
}

/** A job as lists show it, with the take that its place in the order needs. */
export type JobLine = Job & { take: number }

/** What a filter finds, asked in parts; its words are looked up once. */
export interface Selection {
  page(after: JobKey | null, limit: number): JobLine[]
  count(): number
  /** Every id, in order. */
  ids(): number[]
}

export const SEARCH = 'SELECT rowid FROM jobs_text WHERE jobs_text MATCH @search'

/**
 * A search that finds at most one row in so many looks its rows up and sorts them; one that finds more walks
 * the rows in order and stops when the page is full. Reading a row by its id costs about as much as passing
 * this many in an index.
 */
const SPARSE = 64

const KEY = 'id, run_id, row, take'
const ORDER = 'ORDER BY run_id, row, take, id'
/** What a list shows of a job: no cells, no address, and its money and clip summed up. */
const LINES = `SELECT jobs.id, run_id, account_id, accounts.name AS account_name, row, take, row_key, jobs.name, state, pauses,
    priority, run_at, model, prompt, order_json, attempt, setbacks, progress, remote_id, link_expires_at,
    estimate_micros, accounts.currency, jobs.problem_json, jobs.created_at, finished_at, version,
    (SELECT coalesce(sum(counted_micros), 0) FROM ledger WHERE job_id = jobs.id) AS counted_micros,
    (SELECT sum(charged_micros) FROM ledger WHERE job_id = jobs.id) AS charged_micros,
    (SELECT clips.id FROM clips WHERE job_id = jobs.id) AS clip_id
  FROM jobs CROSS JOIN accounts ON accounts.id = jobs.account_id WHERE jobs.id IN (SELECT value FROM json_each(?))`

/**
 * The ids of a filter without words, in order. Each state is read in order from `jobs_view` and they are
 * merged, so that the first page costs the same however many rows there are; the plan test holds it to that.
 */
export function keysQuery(filter: JobFilter, after: JobKey | null): string {
  const inRun = filter.runId === undefined ? '' : 'AND run_id = @runId'
  const legs = filter.states?.length
    ? [...new Set(filter.states)].map(
        (_, index) => `INDEXED BY jobs_view WHERE state = @state${index} ${inRun}`,
      )
    : [`INDEXED BY jobs_run WHERE 1 ${inRun}`]
  const all = legs.map((leg) => `SELECT ${KEY} FROM jobs ${leg} ${beyond(filter, after)}`)
  return `${all.join(' UNION ALL ')} ${ORDER} LIMIT @limit`
}

/** Within one run the run's own number would keep the index from jumping to the key. */
function beyond({ runId }: JobFilter, after: JobKey | null): string {
  if (!after) return ''
  if (after.runId === runId) return 'AND (row, take, id) > (@afterRow, @afterTake, @afterId)'
  return 'AND (run_id, row, take, id) > (@afterRunId, @afterRow, @afterTake, @afterId)'
}

const EVERYTHING = -1

/** Lists of jobs: pages by key, their totals and their search. */
export function createJobPages(db: Sqlite) {
  // A filter has few shapes; each is prepared once.
  const prepared = new Map<string, ReturnType<Sqlite['prepare']>>()
  const prepare = (sql: string): ReturnType<Sqlite['prepare']> => {
    const known = prepared.get(sql) ?? db.prepare(sql)
    prepared.set(sql, known)
    return known
  }
  const lines = db.prepare(LINES)
  const search = db.prepare(SEARCH).pluck()
  const countsOfRun = db.prepare(
    'SELECT state, sum(jobs) AS n FROM job_counts WHERE run_id = ? GROUP BY state',
  )
  const countsOfAll = db.prepare('SELECT state, sum(jobs) AS n FROM job_counts GROUP BY state')

  /** Jobs as lists show them, in the order of their ids' list. */
  function readLines(ids: readonly number[]): JobLine[] {
    const found = new Map<number, JobLine>()
    for (const row of lines.all(JSON.stringify(ids))) {
      const { pauses, ...line } = fromRow<JobLine & { pauses: number }>(row)
      found.set(line.id, { ...line, isPaused: pauses !== 0 })
    }
    return ids.map((id) => found.get(id)).filter((line) => line !== undefined)
  }

  const keys = (filter: JobFilter, after: JobKey | null) => prepare(keysQuery(filter, after)).pluck()

  function countStates({ runId, states }: JobFilter): number {
    const counts = readCounts(runId === undefined ? countsOfAll.all() : countsOfRun.all(runId))
    const wanted = states?.length ? new Set(states) : null
    return Object.entries(counts)
      .filter(([state]) => wanted === null || wanted.has(state as JobState))
      .reduce((sum, [, count]) => sum + count, 0)
  }

  function everything(filter: JobFilter): Selection {
    const values = valuesOf(filter)
    return {
      page: (after, limit) =>
        readLines(keys(filter, after).all({ ...values, ...afterValues(after), limit }) as number[]),
      count: () => countStates(filter),
      ids: () => keys(filter, null).all({ ...values, limit: EVERYTHING }) as number[],
    }
  }

  /** The rows of the hits are looked up, and sorted here. */
  function fewHits(filter: JobFilter, hits: readonly number[]): Selection {
    const { where, values } = conditions(filter)
    const among = `FROM jobs WHERE id IN (SELECT value FROM json_each(@hits)) ${where}`
    const given = { ...values, hits: JSON.stringify(hits) }
    const page = (after: JobKey | null, limit: number) =>
      prepare(`SELECT ${KEY} ${among} ${beyond(filter, after)} ${ORDER} LIMIT @limit`)
        .pluck()
        .all({ ...given, ...afterValues(after), limit }) as number[]
    return {
      page: (after, limit) => readLines(page(after, limit)),
      count: () =>
        where === '' ? hits.length : (prepare(`SELECT count(*) ${among}`).pluck().get(given) as number),
      ids: () => page(null, EVERYTHING),
    }
  }

  /** The rows are walked in order and each is compared with the hits. */
  function manyHits(filter: JobFilter, hits: readonly number[]): Selection {
    const isHit = new Uint8Array(hits.reduce((most, id) => Math.max(most, id), 0) + 1)
    for (const id of hits) isHit[id] = 1
    const values = valuesOf(filter)
    const all = () =>
      (keys(filter, null).all({ ...values, limit: EVERYTHING }) as number[]).filter((id) => isHit[id] === 1)
    return {
      page(after, limit) {
        const found: number[] = []
        const walk = keys(filter, after).iterate({ ...values, ...afterValues(after), limit: EVERYTHING })
        for (const id of walk as IterableIterator<number>) {
          if (isHit[id] === 1) found.push(id)
          if (found.length >= limit) break
        }
        return readLines(found)
      },
      count: () => (conditions(filter).where === '' ? hits.length : all().length),
      ids: all,
    }
  }

  return {
    select(filter: JobFilter): Selection {
      const match = toMatch(filter.search ?? '')
      if (!match) return everything(filter)
      const hits = search.all({ search: match }) as number[]
      const isSparse = hits.length * SPARSE <= countStates({ runId: filter.runId })
      return isSparse ? fewHits(filter, hits) : manyHits(filter, hits)
    },
    /** One job as lists show it. */
    line: (id: number): JobLine | undefined => readLines([id])[0],
    countsOfRun: (runId: number) => readCounts(countsOfRun.all(runId)),
    countsOfAll: () => readCounts(countsOfAll.all()),
  }
}
export type JobPages = ReturnType<typeof createJobPages>

/** States that no job is in are left out. */
const readCounts = (rows: unknown[]): Partial<StateCounts> =>
  Object.fromEntries(
    (rows as { state: JobState; n: number }[]).filter(({ n }) => n > 0).map(({ state, n }) => [state, n]),
  )

/** The values of `keysQuery`. */
function valuesOf({ runId, states }: JobFilter): Row {
  const values: Row = runId === undefined ? {} : { runId }
  for (const [index, state] of [...new Set(states)].entries()) values[`state${index}`] = state
  return values
}

const afterValues = (after: JobKey | null): Row =>
  after ? { afterRunId: after.runId, afterRow: after.row, afterTake: after.take, afterId: after.id } : {}

function conditions(filter: JobFilter): { where: string; values: Row } {
  const parts = filter.runId === undefined ? [] : ['AND run_id = @runId']
  const states = [...new Set(filter.states)]
  if (states.length > 0) parts.push(`AND state IN (${states.map((_, index) => `@state${index}`).join(', ')})`)
  return { where: parts.join(' '), values: valuesOf(filter) }
}

/** Every word as a prefix, quoted: what a person types is never read as search syntax. '' = no words. */
export function toMatch(search: string): string {
  return search
    .replaceAll('\0', ' ')
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => `"${word.replaceAll('"', '""')}"*`)
    .join(' ')
}
