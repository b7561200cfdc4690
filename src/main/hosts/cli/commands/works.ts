import { ProblemError, problem } from '../../../../shared/problem.ts'
import type { Run } from '../../../../shared/run.ts'
import { EXIT } from '../exit-code.ts'
import { everyJob } from '../follow.ts'
import { type Client, findRun, type Session, withOwner } from '../session.ts'
import { clean, count } from '../words.ts'
import { priceOf } from './changes.ts'
import { confirmSpending, declined } from './confirm.ts'
import { workOn } from './run.ts'

/** `resume [RUN]`: everything that was stopped or paused goes on, until nothing moves any more. */
export function resume(
  session: Session,
  name: string | undefined,
  capMicros: number | undefined,
): Promise<number> {
  return withOwner(session, async (app) => {
    const { client } = app
    const all = await client.runs.list()
    const runs = name === undefined ? all.filter(isUnfinished) : [await findRun(client, name)]
    if (capMicros !== undefined && name === undefined && runs.length !== 1) throw oneRun()
    if (runs.length === 0) {
      session.out.say('Nothing is unfinished.')
      session.out.sum({ counts: {}, archived: 0, created: 0 })
      return EXIT.archived
    }
    await freeAccounts(client)
    for (const run of runs) {
      // A start that was missed is a question about this run; only its own name answers it.
      if (name === undefined && run.problem?.code === 'start-missed') continue
      if (run.isPaused || capMicros !== undefined || (name !== undefined && isDue(run))) {
        await client.runs.resume({ id: run.id, ...(capMicros !== undefined && { capMicros }) })
      }
      await freeJobs(client, run)
    }
    for (const run of runs) session.out.say(`Going on with "${clean(run.name)}".`)
    session.out.sum({ created: 0 })
    return workOn(
      session,
      app,
      runs.map(({ id }) => id),
    )
  })
}

/** A time to start that passed while nothing was running: the person who names the run means now. */
const isDue = ({ startAt }: Run): boolean => startAt !== null && startAt <= Date.now()

const isUnfinished = ({ counts }: Run): boolean =>
  Object.entries(counts).some(
    ([state, number]) => number > 0 && !['done', 'failed', 'cancelled'].includes(state),
  )

const oneRun = (): ProblemError =>
  new ProblemError(
    problem(
      'wrong-use',
      'A cap belongs to one run. Nothing was changed.',
      'Name the run: reelsheet resume RUN --cap N. See "reelsheet status".',
    ),
  )

/** What stopped an account is tried again; what still stands stops it again, with nothing spent. */
async function freeAccounts(client: Client): Promise<void> {
  for (const { name, isPaused, problem: found } of await client.accounts.list()) {
    if (isPaused || found) await client.accounts.resume({ name })
  }
}

async function freeJobs(client: Client, run: Run): Promise<void> {
  // Looking at every row takes long in a large run, and is only needed when some row waits.
  if ((await client.runs.attention({ id: run.id })).waiting === 0) return
  const ids: number[] = []
  for await (const job of everyJob(client, { runId: run.id })) if (job.isPaused) ids.push(job.id)
  if (ids.length > 0) await client.jobs.resume({ ids })
}

export function retry(
  session: Session,
  name: string,
  given: { failed: boolean; yes: boolean },
): Promise<number> {
  if (!given.failed) {
    throw new ProblemError(
      problem(
        'wrong-use',
        'Say which rows to buy again. Nothing was ordered.',
        'Add --failed for the failed ones.',
      ),
    )
  }
  return withOwner(session, async (app) => {
    const { client } = app
    const run = await findRun(client, name)
    const ids: number[] = []
    for await (const job of everyJob(client, { runId: run.id, states: ['failed'] })) ids.push(job.id)
    if (ids.length === 0) {
      session.out.say(`No row of "${clean(run.name)}" has failed.`)
      return EXIT.archived
    }
    const price = await priceOf(client, ids)
    session.out.record('prices', { ...price.sums, isKnown: price.isKnown, rows: ids.length })
    session.out.say(`Buying ${count(ids.length, 'failed row')} again may cost ${price.words}.`)
    const isFree = given.yes || price.isPractice
    if (!isFree && !(await confirmSpending(session, 'Buy them again?'))) return declined(session)
    const { touched } = await client.runs.retryFailed({ id: run.id })
    session.out.sum({ retried: touched })
    return workOn(session, app, [run.id])
  })
}
