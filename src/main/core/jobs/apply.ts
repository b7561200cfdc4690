import type { AccountOptions } from '../../../shared/account.ts'
import { problem } from '../../../shared/problem.ts'
import type { AccountRecord } from '../store/accounts.ts'
import { type JobRecord, PAUSED_BY_RUN } from '../store/jobs.ts'
import { buildBody, fitsCaps, writeAttempt } from './claim.ts'
import { reserveClipName } from './clip-name.ts'
import type { Engine, Report } from './engine.ts'
import { advance, type DomainEvent } from './machine.ts'
import { backOffMs } from './policy.ts'
import { notePrice, type ToldPrice } from './price-moves.ts'

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
    next = asItsRun(engine, next, now)
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

/** A released row waits as its run does: for a pause to end, or for the run's time to start. */
function asItsRun({ store }: Engine, job: JobRecord, now: number): JobRecord {
  const run = store.runs.get(job.runId)
  const pauses = (job.pauses & ~PAUSED_BY_RUN) | (run?.isPaused ? PAUSED_BY_RUN : 0)
  const startAt = run?.startAt ?? null
  // Whoever releases rows after the time has passed means now.
  if (startAt !== null && startAt <= now) store.runs.begin(job.runId, now)
  return { ...job, pauses, runAt: Math.max(job.runAt, startAt ?? 0) }
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
  if (price) notePrice(store, job, price)
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
