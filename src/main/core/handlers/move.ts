import { FIELDS, findModel, nearestModels, parameterOf } from '../../../shared/models/catalogue.ts'
import { moveToModel as moveValues } from '../../../shared/models/successor.ts'
import type { Estimate, Model, ReferenceFacts, ResolvedOrder } from '../../../shared/models/types.ts'
import { checkOrder } from '../../../shared/models/validate.ts'
import { type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import { amount } from '../jobs/claim.ts'
import type { Report } from '../jobs/engine.ts'
import { canMove } from '../jobs/machine.ts'
import { hostRules } from '../jobs/placement.ts'
import { PriceDesk } from '../money/price-desk.ts'
import { factsOf } from '../sheets/media-desk.ts'
import { rulesOf } from '../sheets/row-desk.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { JobRecord } from '../store/jobs.ts'
import type { Store } from '../store/store.ts'
import type { Core } from './context.ts'
import { impossible, mustFind, touch } from './touch.ts'

/**
 * Orders rows from another model. A row is moved whole or stays as it is, with its problems told; nothing
 * that may have been bought is touched. Throws `model-unknown`.
 */
export async function moveToModel(core: Core, ids: readonly number[], modelId: string) {
  const to = findModel(modelId)
  if (!to) throw unknownModel(modelId)
  const { store } = core.engine
  const wanted = new Map<number, AccountRecord>()
  for (const id of ids) {
    const account = store.accounts.get(mustFind(core, id).accountId)
    if (account) wanted.set(account.id, account)
  }
  const prices = new PriceDesk(core.engine, core.isOwner)
  await prices.ask([...wanted.values()].map((account) => ({ account, model: to.id })))
  return touch(core, ids, (job) => moveReport(job, to, store, prices))
}

function moveReport(job: JobRecord, to: Model, store: Store, prices: PriceDesk): Report | Problem[] | null {
  const account = store.accounts.get(job.accountId)
  const obstacle = obstacleOf(job, to, account, store)
  if (obstacle || !account) return obstacle ? [obstacle] : null
  if (job.model === to.id) return null
  const { references, audio } = mediaOf(job, store)
  const rules = rulesOf(account, to.family, hostRules(account, store))
  const moved = moveValues(chosenOf(job, to), to.id, rules)
  const checked = checkOrder({ values: moved.values, references, ...(audio && { audio }) }, rules)
  const found = [...moved.problems, ...checked.problems]
  const errors = found.filter(({ level }) => level === 'error')
  if (errors.length > 0 || !checked.order) return errors.map((one) => ofRow(one, job))
  const estimate = prices.price(checked.order, references, account)
  return report(job, checked.order, estimate, found)
}

/** Why a row cannot be moved at all; null = it can. */
function obstacleOf(
  job: JobRecord,
  to: Model,
  account: AccountRecord | undefined,
  store: Store,
): Problem | null {
  if (!canMove(job.state, 'moved')) {
    return impossible(job, `is ${job.state}: it is bought, or may be.`, 'Only rows that wait can be moved.')
  }
  if (job.link !== null || (job.state === 'cancelled' && job.remoteId !== null)) {
    return impossible(
      job,
      `has a task at the provider (${job.remoteId}) whose clip may still be fetched.`,
      'Fetch it with "reelsheet refetch", or order the other clip with a new row.',
    )
  }
  if (store.attempts.undecided(job.id)) {
    return impossible(
      job,
      'has a request written down that is sent again by itself.',
      'Cancel the row first; a cancelled row can be moved.',
    )
  }
  if (account && account.family !== 'practice' && account.family !== to.family) {
    return impossible(
      job,
      `is bought on "${account.name}", which does not sell ${to.id}.`,
      `Choose a model that ${account.family} sells.`,
    )
  }
  return null
}

/**
 * What the row chose, as far as it is known: a value that the old model only fills in itself is no wish, so
 * it stops nothing where the new model has no such field.
 */
function chosenOf({ model, order }: JobRecord, to: Model): Record<string, unknown> {
  const from = findModel(model)
  const values: Record<string, unknown> = { model }
  for (const field of FIELDS) {
    const value = order[field]
    if (value === undefined) continue
    const isFilledIn = field === 'generation_mode' || value === (from && parameterOf(from, field))?.alwaysSent
    if (isFilledIn && parameterOf(to, field) === undefined && !FRAME.has(field)) continue
    values[field] = value
  }
  return values
}

/** These say one thing in different ways; the new model's table translates them. */
const FRAME: ReadonlySet<string> = new Set(['size', 'aspect_ratio', 'quality'])

/** Facts of the row's stored references, in its order. */
function mediaOf(job: JobRecord, store: Store): { references: ReferenceFacts[]; audio?: ReferenceFacts } {
  const all = store.jobs.references(job.id).map(({ role, referenceId, name, kind }) => {
    const stored = referenceId === null ? undefined : store.references.get(referenceId)
    return { role, facts: stored ? { ...factsOf(stored), name } : { name, kind, isAddress: true } }
  })
  const audio = all.find(({ role }) => role === 'audio')?.facts
  const references = all.filter(({ role }) => role === 'reference').map(({ facts }) => facts)
  return audio ? { references, audio } : { references }
}

function report(job: JobRecord, order: ResolvedOrder, estimate: Estimate, found: Problem[]): Report {
  const [before, after] = [job.estimateMicros, estimate.highMicros ?? null]
  const isHeld = before === null || after === null || after > before
  const willWait = isHeld || job.state !== 'queued'
  return {
    event: {
      type: 'moved',
      order: { model: order.model, order: { ...order }, estimateMicros: after },
      isHeld,
      problem: willWait ? waits(job, order.model, estimate, found) : (found[0] ?? null),
    },
    facts: {
      by: 'a person',
      from: job.model,
      to: order.model,
      beforeMicros: before,
      afterMicros: after,
      changes: found.map(({ what }) => what),
    },
  }
}

/** Money is spent on the price that a person has seen, so the new one is shown first. */
function waits(
  job: JobRecord,
  model: string,
  { currency, ...estimate }: Estimate,
  found: Problem[],
): Problem {
  const price = (micros: number | null | undefined): string =>
    micros === null || micros === undefined ? 'a price that is not known' : `${amount(micros)} ${currency}`
  const changes = found.map(({ what }) => ` ${what}`).join('')
  return problem(
    'price-changed',
    `Row ${job.row} was moved from ${job.model} to ${model}: up to ${price(estimate.highMicros)} instead of ${price(job.estimateMicros)}. It is held, and nothing is bought for it.${changes}`,
    `Release it with "reelsheet release ${job.id}", or cancel it.`,
    { jobId: job.id, row: job.row, model },
    'warning',
  )
}

const ofRow = (one: Problem, job: JobRecord): Problem => ({
  ...one,
  what: `Row ${job.row} stays as it is. ${one.what}`,
  place: { ...one.place, row: job.row, jobId: job.id },
})

const unknownModel = (modelId: string): ProblemError =>
  new ProblemError(
    problem(
      'model-unknown',
      `"${modelId}" is not a model that Reelsheet knows. Nothing was changed.`,
      `Nearest are ${nearestModels(modelId).join(', ')}.`,
      { model: modelId },
    ),
  )
