import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Problem, ProblemError, problem } from '../../../../shared/problem.ts'
import { repairFolder } from '../../../core/repair.ts'
import { EXIT } from '../exit-code.ts'
import { formatMoney } from '../money.ts'
import { type Client, findRun, type Session, withOwner } from '../session.ts'
import { clean, count, quoted } from '../words.ts'
import { confirmSpending, declined } from './confirm.ts'
import { runIdOf } from './looks.ts'

export function pause(session: Session, name: string): Promise<number> {
  return withOwner(session, async ({ client }) => {
    const run = await client.runs.pause({ id: (await findRun(client, name)).id })
    session.out.record('run', run)
    session.out.say(`"${clean(run.name)}" is paused. Go on with: reelsheet resume ${quoted(run.name)}`)
    return EXIT.archived
  })
}

export interface ReconcileGiven {
  task?: string
  notCreated?: boolean
  leave?: boolean
}

export function reconcile(session: Session, id: number, given: ReconcileGiven): Promise<number> {
  const answers = [given.task !== undefined, given.notCreated === true, given.leave === true]
  if (answers.filter(Boolean).length !== 1) {
    throw new ProblemError(
      problem(
        'wrong-use',
        'Say one thing of what became of the order. Nothing was changed.',
        'Give --task ID when it exists, --not-created when it does not, or --leave.',
      ),
    )
  }
  return withOwner(session, async ({ client }) => {
    const answer =
      given.task !== undefined
        ? { type: 'exists' as const, remoteId: given.task }
        : { type: given.notCreated ? ('not-created' as const) : ('leave' as const) }
    const job = await client.jobs.reconcile({ id, answer })
    session.out.record('job', job)
    session.out.say(`Row ${job.row} (job ${job.id}) is ${job.state} now.`)
    if (job.problem) session.out.problem(job.problem, job.row)
    if (answer.type !== 'leave') session.out.hint(`Go on with: reelsheet resume ${job.runId}`)
    return EXIT.archived
  })
}

type Touched = { touched: number; refused: Problem[] }

function sayTouched({ out }: Session, { touched, refused }: Touched, done: string): number {
  out.sum({ touched, refused: refused.length })
  for (const one of refused) out.problem(one)
  out.say(`${count(touched, 'row')} ${done}.`)
  return refused.length > 0 ? EXIT.wrongUse : EXIT.archived
}

export function cancel(session: Session, ids: number[]): Promise<number> {
  return withOwner(session, async ({ client }) => {
    const exitCode = sayTouched(session, await client.jobs.cancel({ ids }), 'cancelled')
    for (const id of ids) {
      const { job } = await client.jobs.get({ id })
      if (job.problem) session.out.problem(job.problem, job.row)
    }
    return exitCode
  })
}

export function release(session: Session, ids: number[], isSure: boolean): Promise<number> {
  return withOwner(session, async ({ client }) => {
    const price = await priceOf(client, ids)
    if (
      !isSure &&
      !price.isPractice &&
      !(await confirmSpending(session, `Buy ${count(ids.length, 'row')} (again) for ${price.words}?`))
    ) {
      return declined(session)
    }
    const exitCode = sayTouched(session, await client.jobs.release({ ids }), 'back in the queue')
    session.out.hint('Go on with: reelsheet resume')
    return exitCode
  })
}

/** `move JOB… --model ID`: the new price is seen before anything is bought at it. */
export function move(session: Session, ids: number[], model: string): Promise<number> {
  return withOwner(session, async ({ client }) => {
    const exitCode = sayTouched(session, await client.jobs.moveToModel({ ids, model }), `moved to ${model}`)
    const held: number[] = []
    for (const id of ids) {
      const { job } = await client.jobs.get({ id })
      if (job.model !== model) continue
      session.out.record('job', job)
      if (job.state === 'held') held.push(id)
      if (job.problem) session.out.problem(job.problem, job.row)
    }
    session.out.hint(
      held.length > 0 ? `Buy them with: reelsheet release ${held.join(' ')}` : 'Go on with: reelsheet resume',
    )
    return exitCode
  })
}

/** What buying these rows (again) may cost. */
export async function priceOf(client: Client, ids: readonly number[]) {
  const families = new Map((await client.accounts.list()).map(({ id, family }) => [id, family]))
  const sums = { credits: 0, usd: 0 }
  let isKnown = true
  let isPractice = true
  for (const id of ids) {
    const { job } = await client.jobs.get({ id })
    if (job.estimateMicros === null) isKnown = false
    sums[job.currency] += job.estimateMicros ?? 0
    if (families.get(job.accountId) !== 'practice') isPractice = false
  }
  const parts = (['credits', 'usd'] as const)
    .filter((currency) => sums[currency] > 0)
    .map((currency) => `up to ${formatMoney(sums[currency], currency)}`)
  const words = isKnown ? parts.join(' and ') || 'nothing' : 'a price that is not known'
  return { words, isPractice, sums, isKnown }
}

export function refetch(session: Session, ids: number[]): Promise<number> {
  return withOwner(session, async ({ client }) => {
    const exitCode = sayTouched(
      session,
      await client.jobs.refetch({ ids }),
      'looked at again; this costs nothing',
    )
    session.out.hint('Go on with: reelsheet resume')
    return exitCode
  })
}

export function checkClips(session: Session, runName: string | undefined): Promise<number> {
  return withOwner(session, async ({ client }) => {
    const { problems, ...counts } = await client.clips.check({ runId: await runIdOf(client, runName) })
    for (const one of problems) session.out.problem(one)
    session.out.sum(counts)
    session.out.say(
      `${count(counts.whole, 'clip')} whole, ${counts.missing} missing, ${counts.changed} changed.`,
    )
    return problems.length > 0 ? EXIT.personNeeded : EXIT.archived
  })
}

export function rebuildClips(session: Session, folder: string): Promise<number> {
  if (!existsSync(resolve(folder))) {
    throw new ProblemError(
      problem(
        'folder-missing',
        `The folder ${resolve(folder)} does not exist. Nothing was changed.`,
        'Check the name, or plug in its drive.',
      ),
    )
  }
  return withOwner(session, async ({ client }) => {
    const { added, known, problems } = await client.clips.rebuild({ folder: resolve(folder) })
    for (const one of problems) session.out.problem(one)
    session.out.sum({ added, known })
    session.out.say(`${count(added, 'clip')} added, ${known} known already.`)
    return problems.length > 0 ? EXIT.personNeeded : EXIT.archived
  })
}

export async function repair(session: Session): Promise<number> {
  const { keptAside, restored } = repairFolder(session.home, 'the command line (repair)', Date.now())
  session.out.sum({ keptAside, restored })
  if (keptAside) session.out.say(`The damaged database is kept as ${keptAside}.`)
  if (restored) {
    session.out.say(`The backup ${restored} took its place.`)
    session.out.say(
      'Rows that waited in it are held: they may have been bought since. Look at "reelsheet status", then release or cancel them.',
    )
  } else {
    session.out.say('There is no backup that can be read; the next start makes an empty database.')
  }
  session.out.say('Clips that are newer than the backup: reelsheet clips rebuild FOLDER')
  return EXIT.archived
}
