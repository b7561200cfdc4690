import { type Job, staysHeld } from '../../../../shared/job.ts'
import type { App } from '../../../core/app.ts'
import { EXIT } from '../exit-code.ts'
import { everyJob } from '../follow.ts'
import { formatMoney } from '../money.ts'
import { type Client, findRun, type Session, withOwner } from '../session.ts'
import { many } from '../spending.ts'
import { formatStart, parseStart } from '../start-time.ts'
import { clean, quoted } from '../words.ts'
import { type AskGiven, accountsNamed, checkAccounts, declined, mayOrder, mayStillGo } from './confirm.ts'
import { workOn } from './run.ts'

/** `start RUN`: orders the rows of an imported run, after its price and a question. */
export function start(session: Session, name: string, given: AskGiven): Promise<number> {
  return withOwner(session, async (app) => {
    const { out } = session
    const { client } = app
    const run = await findRun(client, name)
    const held = await heldJobs(client, run.id)
    if (held.others > 0) {
      out.hint(
        `${many(held.others, 'row')} ${held.others === 1 ? 'is' : 'are'} held for a reason of ${held.others === 1 ? 'its' : 'their'} own and ${held.others === 1 ? 'stays' : 'stay'} so: reelsheet jobs --run ${run.id} --state held`,
      )
    }
    if (held.jobs.length === 0) {
      out.sum({ started: 0 })
      out.say(
        `No row of "${clean(run.name)}" waits to be started. Go on with it: reelsheet resume ${quoted(run.name)}`,
      )
      return held.others > 0 ? EXIT.personNeeded : EXIT.archived
    }
    const price = sumUp(held.jobs)
    const accounts = await accountsNamed(client, new Set(held.jobs.map(({ accountName }) => accountName)))
    out.record('prices', { ...price.sums, isKnown: price.isKnown, rows: held.jobs.length })
    out.say(`Starting ${many(held.jobs.length, 'row')} of "${clean(run.name)}" may cost ${price.words}.`)
    if (run.capMicros !== null)
      out.say(`Cap: ${formatMoney(run.capMicros, 'credits')}${run.capMode === 'soft' ? ', soft' : ''}`)
    await checkAccounts(session, client, { accounts, needs: price.needs, isOffline: given.offline })
    const now = Date.now()
    const isLater = run.startAt !== null && run.startAt > now
    if (isLater) out.say(`It starts at ${formatStart(run.startAt ?? now, now)}.`)
    const answer = await mayOrder(session, accounts, given, {
      jobs: held.jobs.length,
      question: `Order ${many(held.jobs.length, 'clip')} for ${price.words}?`,
    })
    if (!answer.isYes) return declined(session)
    // The rows are still held meanwhile: there is nothing to undo.
    const isKept = answer.isAsked && !isLater ? await mayStillGo(session) : !session.signal.aborted
    if (!isKept) return takenBack(session, run.name)
    return go(session, app, run.id)
  })
}

function takenBack({ out }: Session, name: string): number {
  out.hint(
    `Taken back: nothing was ordered and nothing was spent. Start it later with: reelsheet start ${quoted(name)}`,
  )
  return EXIT.interrupted
}

interface Held {
  /** Held by the import, or taken back. */
  jobs: Job[]
  /** Held for a reason that a person has to look at row by row: from a backup, with another price. */
  others: number
}

async function heldJobs(client: Client, runId: number): Promise<Held> {
  const jobs: Job[] = []
  let others = 0
  for await (const job of everyJob(client, { runId, states: ['held'] })) {
    if (staysHeld(job.problem)) others += 1
    else jobs.push(job)
  }
  return { jobs, others }
}

async function go(session: Session, app: App, runId: number): Promise<number> {
  const { touched, refused } = await app.client.runs.start({ id: runId })
  for (const one of refused) session.out.problem(one)
  session.out.sum({ runId, started: touched })
  return workOn(session, app, [runId])
}

/** What rows may cost at most, in words, by currency and by account. */
export function sumUp(jobs: readonly Pick<Job, 'estimateMicros' | 'currency' | 'accountName'>[]) {
  const sums = { credits: 0, usd: 0 }
  const needs = new Map<string, number>()
  let isKnown = true
  for (const { estimateMicros, currency, accountName } of jobs) {
    if (estimateMicros === null) isKnown = false
    sums[currency] += estimateMicros ?? 0
    needs.set(accountName, (needs.get(accountName) ?? 0) + (estimateMicros ?? 0))
  }
  const parts = (['credits', 'usd'] as const)
    .filter((currency) => sums[currency] > 0)
    .map((currency) => `up to ${formatMoney(sums[currency], currency)}`)
  const words = isKnown ? parts.join(' and ') || 'nothing' : 'a price that is not known'
  return { words, sums, isKnown, needs }
}

/** `schedule RUN --at TIME|now`: another time for a run whose first order has not left. */
export function schedule(session: Session, name: string, given: { at: string }): Promise<number> {
  const now = Date.now()
  const startAt = /^now$/i.test(given.at.trim()) ? null : parseStart(given.at, now)
  return withOwner(session, async ({ client }) => {
    const { out } = session
    const run = await client.runs.schedule({ id: (await findRun(client, name)).id, startAt })
    out.record('run', run)
    out.sum({ runId: run.id, startAt: run.startAt })
    if ((run.counts.held ?? 0) > 0) {
      out.hint(`Its held rows are ordered only after: reelsheet start ${quoted(run.name)}`)
    }
    if (run.startAt === null) {
      out.say(
        `"${clean(run.name)}" starts as soon as Reelsheet is at work: reelsheet resume ${quoted(run.name)}`,
      )
      return EXIT.archived
    }
    out.say(`"${clean(run.name)}" starts at ${formatStart(run.startAt, now)}.`)
    out.hint(`Reelsheet has to be at work then: reelsheet resume ${quoted(run.name)}`)
    return EXIT.archived
  })
}
