import { isSilent } from '../../../shared/models/price.ts'
import { type Problem, problem } from '../../../shared/problem.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { JobRecord } from '../store/jobs.ts'
import { toCreditMicros } from '../store/ledger.ts'
import type { RunPrice, RunPriceKey } from '../store/run-prices.ts'
import type { RunRecord } from '../store/runs.ts'
import type { Store } from '../store/store.ts'
import { amount } from './amount.ts'

/** What a clip costs beside what it is compared with: its estimate, or the milliseconds that were ordered. */
export interface Proportion {
  micros: number
  /** At least 1. */
  basis: number
}

/** So many hundredths above what was agreed to are borne; more stops the run. */
const BORNE_PERCENT = 10

/** More than any cap can be. */
const MOST_MICROS = BigInt(Number.MAX_SAFE_INTEGER)

/** Whether one price is above another, to the last digit. */
export const isDearer = (one: Proportion, other: Proportion): boolean =>
  BigInt(one.micros) * BigInt(other.basis) > BigInt(other.micros) * BigInt(one.basis)

/** Whether a price is more than 10 % above what was agreed to, to the last digit. */
export const isMoved = (told: Proportion, agreed: Proportion): boolean =>
  BigInt(told.micros) * BigInt(agreed.basis) * 100n >
  BigInt(agreed.micros) * BigInt(told.basis) * BigInt(100 + BORNE_PERCENT)

/** What an estimate comes to at a price, micros, rounded up: a cap must not be passed by rounding. */
export function scaled(basis: number, { micros, basis: of }: Proportion): number {
  const whole = (BigInt(basis) * BigInt(micros) + BigInt(of) - 1n) / BigInt(of)
  return whole > MOST_MICROS ? Number(MOST_MICROS) : Number(whole)
}

type Priced = Pick<JobRecord, 'runId' | 'accountId' | 'model' | 'order' | 'estimateMicros'>

const keyOf = ({ runId, accountId, model, order, estimateMicros }: Priced): RunPriceKey => ({
  runId,
  accountId,
  name: `${model}:${String(order.quality)}${isSilent(order) ? ':silent' : ''}`,
  isEstimated: estimateMicros !== null,
})

/** Null = neither an estimate nor a length to compare with. */
function basisOf({ estimateMicros, order }: Priced): number | null {
  if (estimateMicros !== null) return Math.max(1, estimateMicros)
  const ms = Math.round(Number(order.duration) * 1000)
  return ms > 0 ? ms : null
}

/** What a clip is expected to cost by now: its estimate, or more where others of its run turned out dearer. */
export function expectedMicros({ runPrices }: Store, job: Priced): number | null {
  if (job.estimateMicros === null) return null
  const known = runPrices.get(keyOf(job))
  if (!known) return job.estimateMicros
  const dearest = { micros: known.dearestMicros, basis: known.dearestBasis }
  return Math.max(job.estimateMicros, scaled(job.estimateMicros, dearest))
}

export interface ToldPrice {
  micros: number
  verb: 'reserved' | 'charged'
}

/**
 * Remembers what a clip was told to cost. A price that is more than 10 % above what was agreed to pauses its
 * run; where nobody knew a price, what the run's first clip of the kind cost is what was agreed to.
 */
export function notePrice(store: Store, job: JobRecord, told: ToldPrice): void {
  const basis = basisOf(job)
  if (basis === null) return
  const is = { micros: told.micros, basis }
  const key = keyOf(job)
  const known = store.runPrices.get(key) ?? firstPrice(is, key.isEstimated)
  const dearest = { micros: known.dearestMicros, basis: known.dearestBasis }
  const next = isDearer(is, dearest) ? { ...known, dearestMicros: is.micros, dearestBasis: is.basis } : known
  store.runPrices.set(key, next)
  const agreed = { micros: known.agreedMicros, basis: known.agreedBasis }
  if (isMoved(is, agreed)) pauseForPrice(store, job, told, scaled(basis, agreed))
}

function firstPrice(is: Proportion, isEstimated: boolean): RunPrice {
  const agreed = isEstimated ? { micros: 1, basis: 1 } : is
  return {
    agreedMicros: agreed.micros,
    agreedBasis: agreed.basis,
    dearestMicros: agreed.micros,
    dearestBasis: agreed.basis,
  }
}

/** A run that waits for another reason keeps it: the next clip says this again. */
function pauseForPrice(store: Store, job: JobRecord, told: ToldPrice, agreedMicros: number): void {
  const run = store.runs.get(job.runId)
  const account = store.accounts.get(job.accountId)
  if (!run || !account) return
  if (run.isPaused && run.problem && run.problem.code !== 'price-changed') return
  store.runs.setPause(run.id, true, dearer(run, account, job, told, agreedMicros))
  store.jobs.setRunPause(run.id, true)
}

function dearer(
  run: RunRecord,
  account: AccountRecord,
  job: JobRecord,
  { micros, verb }: ToldPrice,
  agreedMicros: number,
): Problem {
  const more = amount(toCreditMicros(account.currency, micros - agreedMicros))
  const beside =
    job.estimateMicros === null
      ? `where the first of its kind came to ${amount(agreedMicros)}`
      : `that was ${agreedMicros === job.estimateMicros ? 'estimated' : 'agreed to'} at ${amount(agreedMicros)}`
  const whole =
    run.approvedMicros === null
      ? ''
      : ` The whole run was agreed to at ${amount(run.approvedMicros)} credits.`
  return problem(
    'price-changed',
    `The account "${account.name}" ${verb} ${amount(micros)} ${account.currency} for a clip ${beside}: ${more} credits more, which is over ${BORNE_PERCENT} %.${whole} The run waits; what is under way is finished and archived.`,
    'Look at the new price, then go on at it with "reelsheet resume", or cancel the rest.',
    { jobId: job.id, account: account.name, model: job.model },
  )
}

/** A person goes on after a run was paused for its price: what clips of that kind cost by now is agreed to. */
export function agreeToPrice(store: Store, run: RunRecord): void {
  const { jobId } = run.problem?.place ?? {}
  const job = run.problem?.code === 'price-changed' && jobId !== undefined ? store.jobs.get(jobId) : undefined
  if (!job) return
  const known = store.runPrices.get(keyOf(job))
  if (!known) return
  store.runPrices.set(keyOf(job), {
    ...known,
    agreedMicros: known.dearestMicros,
    agreedBasis: known.dearestBasis,
  })
}
