import pc from 'picocolors'
import { type Job, JobState } from '../../../shared/job.ts'
import { findModel } from '../../../shared/models/catalogue.ts'
import type { Problem } from '../../../shared/problem.ts'
import type { Run } from '../../../shared/run.ts'
import { EXIT, exitCodeOf } from './exit-code.ts'
import { type Ending, everyJob } from './follow.ts'
import { formatMoney } from './money.ts'
import type { Client, Session } from './session.ts'
import { count, formatProblem, formatTable, quoted } from './words.ts'

const MOST_NAMED = 20

type LedgerSum = Awaited<ReturnType<Client['ledger']['summary']>>[number]

/** The end of a command that worked: what became of every row, the money, and what a person has to do. */
export async function close(
  session: Session,
  client: Client,
  { runs, attentions, isInterrupted }: Ending,
  withProblems = 0,
): Promise<number> {
  const { out } = session
  const counts = addUp(runs)
  const waiting = attentions.reduce((sum, one) => sum + one.waiting, 0)
  const exitCode = isInterrupted ? EXIT.interrupted : exitCodeOf({ counts, waiting, withProblems })
  const money = (await Promise.all(runs.map(({ id }) => client.ledger.summary({ runId: id })))).flat()
  out.sum({ counts, archived: counts.done, waiting })
  if (runs.length === 1 && runs[0]) out.sum({ runId: runs[0].id, archiveFolder: runs[0].archiveFolder })
  if (isInterrupted) return exitCode
  out.say()
  out.say(countsTable(counts))
  const practice = await practiceNames(client)
  for (const line of moneyLines(money, practice)) out.say(line)
  for (const run of runs) {
    if ((run.counts.done ?? 0) > 0) out.say(`${count(run.counts.done ?? 0, 'clip')} in ${run.archiveFolder}`)
  }
  if (withProblems > 0) {
    out.tell(
      `${count(withProblems, 'row')} of the sheet ${withProblems === 1 ? 'has' : 'have'} problems (named above) and ${withProblems === 1 ? 'was' : 'were'} not ordered. Mend the sheet and run it again: only what is new is ordered.`,
    )
  }
  for (const [index, run] of runs.entries()) {
    await sayFailed(session, client, run)
    await sayNeeds(session, client, run, attentions[index]?.needs ?? [])
  }
  return exitCode
}

/** Counts of every state over some runs, those with none as zero. */
export function addUp(runs: readonly Pick<Run, 'counts'>[]): Record<JobState, number> {
  const sums = Object.fromEntries(JobState.options.map((state) => [state, 0])) as Record<JobState, number>
  for (const { counts } of runs) for (const state of JobState.options) sums[state] += counts[state] ?? 0
  return sums
}

function countsTable(counts: Record<JobState, number>): string {
  const rows = JobState.options
    .filter((state) => counts[state] > 0)
    .map((state) => [state, `${counts[state]}`])
  return formatTable(['state', '>rows'], rows)
}

async function practiceNames(client: Client): Promise<string[]> {
  const accounts = await client.accounts.list()
  return accounts.filter(({ family }) => family === 'practice').map(({ name }) => name)
}

/** What a currency's rows were charged, beside their estimate. */
export function moneyLines(sums: readonly LedgerSum[], practice: readonly string[]): string[] {
  return (['credits', 'usd'] as const).flatMap((currency) => {
    const own = sums.filter((sum) => sum.currency === currency)
    if (own.length === 0) return []
    const isPractice = own.every(({ account }) => account !== null && practice.includes(account))
    const add = (pick: (sum: LedgerSum) => number | null) =>
      own.reduce((all, one) => all + (pick(one) ?? 0), 0)
    const unknown = add((one) => (one.standing === 'unknown' ? one.countedMicros : 0))
    const doubt = unknown > 0 ? `, up to ${formatMoney(unknown, currency)} may have been charged` : ''
    const bought = own.filter(({ standing }) => standing !== 'released')
    const isUnknown = bought.some(({ estimateMicros }) => estimateMicros === null)
    const estimate = isUnknown
      ? 'no estimate: not every price is known'
      : `estimated ${formatMoney(
          bought.reduce((all, one) => all + (one.estimateMicros ?? 0), 0),
          currency,
        )}`
    return [
      `charged ${formatMoney(
        add((one) => one.chargedMicros),
        currency,
      )} (${estimate}${doubt})${isPractice ? ', all of it practice: no money' : ''}`,
    ]
  })
}

async function sayFailed({ out }: Session, client: Client, run: Run): Promise<void> {
  const failed = run.counts.failed ?? 0
  if (failed === 0) return
  out.say()
  out.say(pc.red(`${count(failed, 'row')} failed:`))
  for await (const job of everyJob(client, { runId: run.id, states: ['failed'] }, MOST_NAMED)) {
    if (job.problem) out.tell(`  ${formatProblem(job.problem, job.row)}`)
  }
  if (failed > MOST_NAMED)
    out.say(`  … and ${failed - MOST_NAMED} more: reelsheet jobs --run ${run.id} --state failed`)
  out.say(`  To buy them again: reelsheet retry ${quoted(run.name)} --failed`)
}

async function sayNeeds(
  { out }: Session,
  client: Client,
  run: Run,
  needs: readonly Problem[],
): Promise<void> {
  if (needs.length === 0) return
  out.say()
  out.say(pc.yellow('This needs you:'))
  for (const need of needs.slice(0, MOST_NAMED)) {
    const job = need.code === 'outcome-unknown' ? await jobOf(client, run, need) : undefined
    out.record('need', { runId: run.id, problem: need, command: commandFor(need, run, job) })
    out.tell(`  ${formatProblem(need, job?.row)}`)
    out.say(`    ${commandFor(need, run, job)}`)
  }
  if (needs.length > MOST_NAMED) out.say(`  … and ${needs.length - MOST_NAMED} more: reelsheet status`)
}

async function jobOf(client: Client, run: Run, need: Problem): Promise<Job | undefined> {
  if (need.place.jobId !== undefined) return (await client.jobs.get({ id: need.place.jobId })).job
  for await (const job of everyJob(client, { runId: run.id, states: ['unconfirmed'] })) {
    if (job.problem?.what === need.what) return job
  }
  return undefined
}

/** The exact command that a person types for a need. */
export function commandFor(need: Problem, run: Pick<Run, 'id' | 'name'>, job?: Pick<Job, 'id'>): string {
  const account = need.place.account
  switch (need.code) {
    case 'outcome-unknown':
      return job
        ? `reelsheet reconcile ${job.id} --task ID   (or --not-created, or --leave)`
        : `reelsheet jobs --run ${run.id} --state unconfirmed`
    case 'cap-reached':
      return account === undefined
        ? `reelsheet resume ${quoted(run.name)} --cap N`
        : `reelsheet accounts update ${account} --cap N, then reelsheet resume ${quoted(run.name)}`
    case 'price-unknown':
      return `reelsheet accounts update ${account ?? 'NAME'} --price ${need.place.model ?? 'MODEL'}=AMOUNT, then reelsheet resume ${quoted(run.name)}`
    case 'key-refused':
    case 'key-missing':
      return `reelsheet accounts update ${account ?? 'NAME'} --ask-key, then reelsheet resume ${quoted(run.name)}`
    case 'model-retired':
      return `reelsheet jobs --run ${run.id} --state held, then reelsheet move JOB… --model ${successorOf(need)}`
    case 'price-changed':
      // Of a row that was moved to another model, or of the whole run.
      return need.place.row === undefined
        ? `reelsheet resume ${quoted(run.name)}   (or reelsheet cancel JOB…)`
        : `reelsheet jobs --run ${run.id} --state held, then reelsheet release JOB… (or reelsheet cancel JOB…)`
    case 'quiet-hours':
      return `reelsheet accounts update ${account ?? 'NAME'} --quiet none, then reelsheet resume ${quoted(run.name)}`
    case 'start-missed':
      return `reelsheet resume ${quoted(run.name)}   (or reelsheet schedule ${quoted(run.name)} --at TIME)`
    case 'not-possible':
      // Rows that were imported, or taken back, are named by one of them; those from a backup by none.
      if (need.place.jobId !== undefined) return `reelsheet start ${quoted(run.name)}`
      return `reelsheet jobs --run ${run.id} --state held, then reelsheet release JOB (or reelsheet cancel JOB)`
    default:
      return `reelsheet resume ${quoted(run.name)}`
  }
}

const successorOf = ({ place }: Problem): string => findModel(place.model ?? '')?.successor ?? 'MODEL'
