import { createHash } from 'node:crypto'
import { buildRequest } from '../../../shared/models/request.ts'
import type { ResolvedOrder } from '../../../shared/models/types.ts'
import { type Problem, problem } from '../../../shared/problem.ts'
import type { Provider } from '../provider/provider.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { AttemptRecord } from '../store/attempts.ts'
import type { JobRecord } from '../store/jobs.ts'
import { toCreditMicros } from '../store/ledger.ts'
import type { RunRecord } from '../store/runs.ts'
import type { Store } from '../store/store.ts'
import { amount } from './amount.ts'
import type { Engine } from './engine.ts'
import { holderOf, type PlacedFile, placeJob } from './placement.ts'
import { UPLOAD_MARGIN_MS } from './policy.ts'
import { expectedMicros } from './price-moves.ts'

export { amount }

type CapJob = Pick<JobRecord, 'id' | 'estimateMicros' | 'model'>
type CapAccount = Pick<AccountRecord, 'name' | 'currency' | 'capMicros' | 'countedMicros'> & {
  options: Pick<AccountRecord['options'], 'capMode'>
}
type CapRun = Pick<RunRecord, 'id' | 'name' | 'capMicros' | 'capMode' | 'countedMicros'>

/**
 * Why a run or its account must wait before this job is bought, its estimate being what it is expected to cost;
 * nothing = it fits. A soft cap keeps nothing back.
 */
export function capProblem(
  job: CapJob,
  account: CapAccount,
  run: CapRun,
): { run?: Problem; account?: Problem } {
  const runCap = run.capMode === 'hard' ? run.capMicros : null
  const accountCap = account.options.capMode === 'hard' ? account.capMicros : null
  if (runCap === null && accountCap === null) return {}
  if (job.estimateMicros === null) {
    return {
      run: problem(
        'price-unknown',
        `The price of ${job.model} on the account "${account.name}" is not known, so the cap of the run "${run.name}" could not be kept. Nothing more is bought.`,
        `Set a price with "reelsheet accounts update ${account.name} --price ${job.model}=…", or remove the cap.`,
        { jobId: job.id, account: account.name, model: job.model },
      ),
    }
  }
  const credits = toCreditMicros(account.currency, job.estimateMicros)
  if (runCap !== null && run.countedMicros + credits > runCap) {
    return {
      run: problem(
        'cap-reached',
        `The next clip (about ${amount(credits)} credits) would pass the cap of the run "${run.name}": ${amount(run.countedMicros)} of ${amount(runCap)} credits are reserved, charged or may have been charged. Nothing more is bought; what is under way is finished and archived.`,
        'Raise the cap with "reelsheet resume --cap", or leave the rest.',
        { jobId: job.id },
      ),
    }
  }
  if (accountCap !== null && account.countedMicros + job.estimateMicros > accountCap) {
    return {
      account: problem(
        'cap-reached',
        `The next clip (about ${amount(job.estimateMicros)}) would pass the cap of the account "${account.name}": ${amount(account.countedMicros)} of ${amount(accountCap)} are reserved, charged or may have been charged. Nothing more is bought on it.`,
        `Raise it with "reelsheet accounts update ${account.name} --cap …".`,
        { jobId: job.id, account: account.name },
      ),
    }
  }
  return {}
}

/**
 * Asks the caps before a job is reserved, in the transaction that reserves it. When it does not fit, its
 * run or account waits from here on; what is reserved already is still sent. True = it fits.
 */
export function fitsCaps(engine: Engine, job: JobRecord): boolean {
  const { store } = engine
  const account = store.accounts.get(job.accountId)
  const run = store.runs.get(job.runId)
  if (!account || !run) return false
  const stop = capProblem({ ...job, estimateMicros: expectedMicros(store, job) }, account, run)
  if (stop.account) {
    store.accounts.update({ ...account, stops: 'spending', stopsUntilAt: null, problem: stop.account })
  }
  if (stop.run) {
    store.runs.setPause(run.id, true, stop.run)
    store.jobs.setRunPause(run.id, true, false)
  }
  return !stop.account && !stop.run
}

/**
 * Soft caps that a job passes when it is reserved now: said at that moment and, as long as money counts, not
 * again. Both are told where both are passed.
 */
export function softCapsPassed(job: CapJob, account: CapAccount, run: CapRun): Problem[] {
  const micros = job.estimateMicros ?? 0
  const passed: Problem[] = []
  if (run.capMode === 'soft' && passes(run, toCreditMicros(account.currency, micros))) {
    passed.push(softCap(`run "${run.name}"`, amount(run.capMicros ?? 0), 'credits', { runId: run.id }))
  }
  if (account.options.capMode === 'soft' && passes(account, micros)) {
    const place = { account: account.name }
    passed.push(softCap(`account "${account.name}"`, amount(account.capMicros ?? 0), account.currency, place))
  }
  return passed
}

const passes = (
  { capMicros, countedMicros }: Pick<CapRun, 'capMicros' | 'countedMicros'>,
  micros: number,
): boolean => capMicros !== null && countedMicros <= capMicros && countedMicros + micros > capMicros

const softCap = (whose: string, cap: string, unit: string, place: Problem['place']): Problem =>
  problem(
    'cap-reached',
    `The soft cap of the ${whose} is passed: it was ${cap} ${unit}. Clips are bought all the same.`,
    'Pause the run with "reelsheet pause" if that is enough, or make the cap a hard one.',
    place,
    'warning',
  )

/** The body as it will be stored and sent, with the addresses of its references; null when one is missing. */
export function buildBody(
  job: JobRecord,
  account: AccountRecord,
  provider: Provider,
  store: Store,
  now: number,
): Record<string, unknown> | null {
  const files = new Map(
    placeJob(job.id, account, provider, store).map((file) => [
      `${file.link.role} ${file.link.position}`,
      file,
    ]),
  )
  const references: { kind: 'image' | 'video' | 'audio'; url: string }[] = []
  let audio: { url: string } | undefined
  for (const reference of store.jobs.references(job.id)) {
    const file = files.get(`${reference.role} ${reference.position}`)
    const url =
      reference.referenceId === null ? reference.address : file && addressOf(file, account, store, now)
    if (url == null) return null
    if (reference.role === 'audio') audio = { url }
    else references.push({ kind: reference.kind, url })
  }
  const order = job.order as unknown as ResolvedOrder
  return buildRequest(order, audio ? { references, audio } : { references }).body
}

/** A file inside the request is named by its hash; its bytes are put in while the request is sent. */
function addressOf(
  { reference, way }: PlacedFile,
  account: AccountRecord,
  store: Store,
  now: number,
): string | null {
  if (!reference) return null
  if (way === 'inside') return `data:${reference.mediaType};sha256=${reference.sha256}`
  const holder = holderOf(way, account, store)
  return (holder && store.references.freshUpload(reference.id, holder.id, now, UPLOAD_MARGIN_MS)?.url) ?? null
}

const KEY_LETTERS = 24

/**
 * Writes down the next create request of a job: a new attempt, or the one that surely never arrived when
 * its body is still the same (its key then still names it). Its estimate counts against the caps from here
 * on. Call inside the transaction that moves the job to `submitting`.
 */
export function writeAttempt(
  job: JobRecord,
  account: AccountRecord,
  body: Record<string, unknown>,
  { store, random, clock, noticed }: Engine,
): void {
  const now = clock.now()
  const estimateMicros = expectedMicros(store, job)
  const run = store.runs.get(job.runId)
  // Read again: rows that were taken before it in the same breath count by now.
  const counted = store.accounts.get(account.id)
  if (run && counted) {
    for (const passed of softCapsPassed({ ...job, estimateMicros }, counted, run)) noticed(passed)
  }
  const bodyJson = JSON.stringify(body)
  const bodySha256 = createHash('sha256').update(bodyJson).digest('hex')
  const open = store.attempts.undecided(job.id)
  if (open && isSameRequest(open, bodySha256)) {
    store.ledger.settle(open.id, { standing: 'open' }, now)
    return
  }
  if (open) {
    store.attempts.decide(open.id, 'not-sent', now)
    store.ledger.settle(open.id, { standing: 'released' }, now)
  }
  const attemptId = store.attempts.insert({
    jobId: job.id,
    accountId: account.id,
    idempotencyKey: `rs-${job.runId}-${job.id}-${random.id(KEY_LETTERS)}`,
    bodyJson,
    bodySha256,
    now,
  })
  store.ledger.open({
    attemptId,
    jobId: job.id,
    runId: job.runId,
    accountId: account.id,
    model: job.model,
    currency: account.currency,
    estimateMicros,
    now,
  })
}

/** Whether what was written down is still what would be sent: an upload may have died while the row waited. */
export function isStale(
  attempt: AttemptRecord,
  job: JobRecord,
  account: AccountRecord,
  provider: Provider,
  { store, clock }: Engine,
): boolean {
  const body = buildBody(job, account, provider, store, clock.now())
  return JSON.stringify(body) !== JSON.stringify(attempt.body)
}

const isSameRequest = (attempt: AttemptRecord, bodySha256: string): boolean =>
  attempt.outcome === 'open' && attempt.sentAt === null && attempt.bodySha256 === bodySha256
