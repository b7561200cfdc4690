import type { AccountOptions } from '../../../shared/account.ts'
import { problem } from '../../../shared/problem.ts'
import type { AccountRecord } from '../store/accounts.ts'
import { type JobRecord, PAUSED_BY_RUN } from '../store/jobs.ts'
import { toCreditMicros } from '../store/ledger.ts'
import { amount, buildBody, fitsCaps, writeAttempt } from './claim.ts'
import { reserveClipName } from './clip-name.ts'
import type { Engine, Report } from './engine.ts'
import { advance, type DomainEvent } from './machine.ts'
import { backOffMs } from './policy.ts'

/** Events that happen every few seconds and say nothing new: they leave no line in the history. */
const QUIET: readonly DomainEvent['type'][] = ['still-running', 'looked', 'claimed']

/**
 * Makes a report durable: job, attempt, ledger, clip, account and history in one transaction, guarded by
 * the job's version. Returns the job as it now is; when somebody else wrote first (a person cancelled) the
 * job is read again and the event tried on what is there, so that a task id that came back is never lost.
 */
export function apply(engine: Engine, jobId: number, report: Report): JobRecord {
  const job = engine.store.join(() => write(engine, jobId, report))
  engine.changed(jobId)
  return job
}

function write(engine: Engine, jobId: number, report: Report): JobRecord {
  const { store, clock } = engine
  const now = clock.now()
  let job = mustGet(engine, jobId)
  // Read again where the facts may have paused its run: that counts its jobs' versions up.
  if (writeFacts(engine, job, report, now)) job = mustGet(engine, jobId)
  const reserved = report.event.type === 'ready' ? reserve(engine, job) : 'yes'
  if (reserved !== 'yes') job = mustGet(engine, jobId)
  const event = reserved === 'stale' ? deadOnArrival(engine, job) : report.event
  let next = advance(job, event, now)
  if (!next) {
    engine.log.info('event did not apply', { jobId, state: job.state, event: event.type })
    return job
  }
  if (event.type === 'released') {
    const isPaused = store.runs.get(job.runId)?.isPaused ?? false
    next = { ...next, pauses: (next.pauses & ~PAUSED_BY_RUN) | (isPaused ? PAUSED_BY_RUN : 0) }
  }
  if (reserved === 'no') next = { ...next, state: 'queued' }
  if (next.state === 'downloading' && next.clipName === null) {
    next = { ...next, clipName: reserveClipName(next, store, now) }
  }
  if (!store.jobs.save(next)) throw new Error(`job ${jobId} changed inside its own transaction`)
  if (report.clip) store.clips.insert(report.clip)
  if (!QUIET.includes(event.type)) {
    store.events.add({
      jobId,
      at: now,
      type: event.type,
      from: job.state,
      to: next.state,
      problem: next.problem,
      facts: report.facts ?? {},
    })
  }
  return next
}

function mustGet({ store }: Engine, jobId: number): JobRecord {
  const job = store.jobs.get(jobId)
  if (!job) throw new Error(`job ${jobId} is gone`)
  return job
}

/**
 * What is true whatever became of the job meanwhile: the attempt's outcome, the money, the account. True: the run
 * may have been paused by it.
 */
function writeFacts(engine: Engine, job: JobRecord, report: Report, now: number): boolean {
  const { store } = engine
  const change = report.attempt
  if (change && 'unsent' in change) store.attempts.markUnsent(change.id)
  else if (change && 'unrepeated' in change) store.attempts.markUnrepeated(change.id)
  else if (change) store.attempts.decide(change.id, change.outcome, now, change)
  const price = report.ledger ? toldPrice(engine, job, report.ledger) : null
  if (report.ledger) store.ledger.settle(report.ledger.attemptId, report.ledger.entry, now)
  if (price) stopOnDearerPrice(engine, job, price)
  const account = report.account || report.learned ? store.accounts.get(job.accountId) : undefined
  if (account) learn(engine, account, report)
  const host = report.host && store.accounts.get(report.host.accountId)
  if (report.host && host) learn(engine, host, report.host)
  return price !== null
}

function learn({ store }: Engine, account: AccountRecord, report: Pick<Report, 'account' | 'learned'>): void {
  store.accounts.update({
    ...account,
    options: withLearned(account.options, report.learned),
    ...(report.account && stoppedBy(account, report.account)),
  })
}

/** Several rows may be refused side by side: what one teaches is added to what the others taught. */
function withLearned(options: AccountOptions, learned: Report['learned']): AccountOptions {
  const retiredModels = [...new Set([...options.retiredModels, ...(learned?.retiredModels ?? [])])]
  return { ...options, ...learned, retiredModels }
}

function stoppedBy(account: AccountRecord, trouble: NonNullable<Report['account']>): Partial<AccountRecord> {
  const isWorse = account.stops === 'everything' && trouble.stops === 'spending'
  return isWorse ? {} : { stops: trouble.stops, stopsUntilAt: trouble.until, problem: trouble.problem }
}

interface ToldPrice {
  micros: number
  verb: 'reserved' | 'charged'
}

/** The first word that a provider says of a clip's price: what it reserves, or where it reserves nothing its charge. */
function toldPrice(
  { store }: Engine,
  job: JobRecord,
  { attemptId, entry }: NonNullable<Report['ledger']>,
): ToldPrice | null {
  if (entry.reservedMicros != null) return { micros: entry.reservedMicros, verb: 'reserved' }
  if (entry.standing !== 'charged' || entry.chargedMicros == null) return null
  const line = store.ledger.ofJob(job.id).find((one) => one.attemptId === attemptId)
  return line?.reservedMicros == null ? { micros: entry.chargedMicros, verb: 'charged' } : null
}

/** A price above the one that was confirmed stops the run: the cap was given for another price. */
function stopOnDearerPrice({ store }: Engine, job: JobRecord, { micros: toldMicros, verb }: ToldPrice): void {
  if (job.estimateMicros === null || toldMicros <= job.estimateMicros) return
  const run = store.runs.get(job.runId)
  const account = store.accounts.get(job.accountId)
  if (!run || !account || run.isPaused) return
  const [was, is] = [job.estimateMicros, toldMicros].map((micros) => amount(micros))
  store.runs.setPause(
    run.id,
    true,
    problem(
      'price-changed',
      `The account "${account.name}" ${verb} ${is} ${account.currency} for a clip that was estimated at ${was} (${amount(
        toCreditMicros(account.currency, toldMicros - job.estimateMicros),
      )} credits more). The run waits; what is under way is finished and archived.`,
      'Look at the new price, then continue with "reelsheet resume", or set it with "reelsheet accounts update".',
      { jobId: job.id, account: account.name, model: job.model },
    ),
  )
  store.jobs.setRunPause(run.id, true)
}

/**
 * The references are up: the create request is written down in the same breath. `no` sends the row back:
 * several may have been uploading under one cap, and only what still fits is reserved. `stale`: an address
 * is dead already.
 */
function reserve(engine: Engine, job: JobRecord): 'yes' | 'no' | 'stale' {
  const account = engine.store.accounts.get(job.accountId)
  const provider = account && engine.providerFor(account, job.model)
  if (!provider || job.state !== 'uploading') return 'no'
  const body = buildBody(job, account, provider, engine.store, engine.clock.now())
  if (!body) return 'stale'
  if (!fitsCaps(engine, job)) return 'no'
  writeAttempt(job, account, body, engine)
  return 'yes'
}

/** Counted, so that it is tried later and later: uploading at once again would go in a circle. */
function deadOnArrival({ clock, random }: Engine, job: JobRecord): DomainEvent {
  const found = problem(
    'provider-fault',
    'The file service took the references of this row but gave addresses that have expired already. Nothing was bought.',
    'It is tried again by itself; if it stays, look at this computer’s date and time.',
    { jobId: job.id },
  )
  const retryAt = clock.now() + backOffMs(job.setbacks, random.next())
  return { type: 'set-back', problem: found, retryAt, counts: true }
}
