import { afterEach, describe, expect, it } from 'vitest'
import { apply } from '../../src/main/core/jobs/apply.ts'
import { i2v, vtrix, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const CREDIT = 1_000_000
/** Vtrix charges 0.20 USD for two seconds at 720p, and tells it when the clip is finished. */
const rows = (count: number) => Array.from({ length: count }, (_, at) => vtrix(`boat ${at + 1}`))
const get = (id: number) => world.client.runs.get({ id })

/** A run whose person believes that a second costs so many micro-dollars. */
async function believing(perSecondMicros: number | null, count: number, more: Record<string, unknown> = {}) {
  world = await World.open()
  const { url } = await world.stranger()
  const prices = perSecondMicros === null ? {} : { wan26_r2v: perSecondMicros }
  await world.account('vtrix', url, { limits: { inFlight: 1 }, prices })
  return world.run(rows(count), { accounts: ['vtrix-1'], ...more })
}

describe('a price that turns out higher than agreed', () => {
  it('by less than 10 % goes on; what it came to is counted and shown', async () => {
    // 0.18182 estimated, 0.20 charged.
    const id = await believing(90_910, 3)
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done', 'done'])
    expect(await get(id)).toMatchObject({ problem: null, countedMicros: 3 * 13.6 * CREDIT })
    const [first] = await world.jobs()
    expect(first).toMatchObject({ estimateMicros: 181_820, chargedMicros: 200_000 })
  })

  it('by a micro more than 10 % pauses the run, and says both prices and what was agreed to', async () => {
    const id = await believing(90_909, 3)
    await world.settle()
    const { problem, isPaused } = await get(id)
    expect(isPaused).toBe(true)
    expect(problem).toMatchObject({
      code: 'price-changed',
      place: { account: 'vtrix-1', model: 'wan26_r2v' },
    })
    expect(problem?.what).toContain('charged 0.2 usd for a clip that was estimated at 0.1818')
    expect(problem?.what).toContain('over 10 %')
    expect(problem?.what).toContain('The whole run was agreed to at 37.0909 credits.')
    expect((await world.client.runs.attention({ id })).needs[0]?.code).toBe('price-changed')
    // The next row may have left before the charge was told; the third had no chance to.
    expect((await world.states())[2]).toBe('queued')
  })

  it('is agreed to by going on, and does not stop the same run again', async () => {
    const id = await believing(50_000, 4)
    await world.settle()
    expect((await get(id)).problem?.code).toBe('price-changed')
    await world.client.runs.resume({ id })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done', 'done', 'done'])
    expect((await get(id)).problem).toBeNull()
  })

  it('stops the run again when it rises by more than 10 % above that', async () => {
    const id = await believing(50_000, 4)
    await world.settle()
    await world.client.runs.resume({ id })
    tellCharge(2, 220_001)
    expect((await get(id)).problem).toMatchObject({ code: 'price-changed' })
    expect((await get(id)).problem?.what).toContain('agreed to at 0.2')
  })

  it('within 10 % of what was agreed to since does not', async () => {
    const id = await believing(50_000, 4)
    await world.settle()
    await world.client.runs.resume({ id })
    tellCharge(2, 220_000)
    expect((await get(id)).problem).toBeNull()
  })

  it('is said also where a person had paused the run, and not in place of another reason', async () => {
    const id = await believing(50_000, 2)
    await world.client.runs.pause({ id })
    tellCharge(1, 200_000)
    expect((await get(id)).problem?.code).toBe('price-changed')
    const { store } = world.app.core.engine
    const other = (await get(id)).problem
    if (other) store.write(() => store.runs.setPause(id, true, { ...other, code: 'cap-reached' }))
    tellCharge(2, 900_000)
    expect((await get(id)).problem?.code).toBe('cap-reached')
  })

  it('counts for the caps of what is still to come: a hard cap holds', async () => {
    // Estimated 0.19 (12.92 credits), charged 0.20 (13.6): two fit under 40.4, by the estimates three would.
    const id = await believing(95_000, 3, { capMicros: 40_400_000 })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done', 'queued'])
    const run = await get(id)
    expect(run.problem).toMatchObject({ code: 'cap-reached' })
    expect(run.problem?.what).toContain('about 13.6 credits')
    expect(run.countedMicros).toBe(27_200_000)
  })

  it('is agreed to for its own kind only: silent clips say nothing of those with sound', async () => {
    world = await World.open()
    const { url } = await world.stranger()
    const model = 'wan2.6-image-to-video-flash'
    const prices = { [`${model}:720p:silent`]: 1, [`${model}:720p`]: CREDIT }
    await world.account('evolink', url, { prices, limits: { inFlight: 1 } })
    const silent = { generate_audio: 'no', account: 'evolink-1' }
    const rows = [i2v('one', silent), i2v('two', { account: 'evolink-1' }), i2v('three', silent)]
    const id = await world.run(rows)
    for (const states of [
      ['done', 'queued', 'queued'],
      ['done', 'done', 'queued'],
    ]) {
      await world.settle()
      expect(await world.states()).toEqual(states)
      expect((await get(id)).problem?.code).toBe('price-changed')
      await world.client.runs.resume({ id })
    }
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done', 'done'])
  })
})

describe('a price that nobody knew', () => {
  it('is what the first clip costs; more than 10 % above it pauses the run', async () => {
    const id = await believing(null, 3)
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done', 'done'])
    expect((await get(id)).problem).toBeNull()
    tellCharge(3, 220_000)
    expect((await get(id)).problem).toBeNull()
    tellCharge(3, 220_001)
    const { problem } = await get(id)
    expect(problem).toMatchObject({ code: 'price-changed' })
    expect(problem?.what).toContain('for a clip where the first of its kind came to 0.2')
  })
})

/** What a provider says of a finished clip's price, as its answer would be written down. */
function tellCharge(jobId: number, chargedMicros: number): void {
  const { engine } = world.app.core
  const { store } = engine
  const job = store.jobs.get(jobId)
  const account = job && store.accounts.get(job.accountId)
  if (!job || !account) throw new Error('no such row')
  let attempt = store.attempts.ofJob(jobId).at(-1)
  if (!attempt) {
    const id = store.attempts.insert({
      jobId,
      accountId: account.id,
      idempotencyKey: `rs-${jobId}`,
      bodyJson: '{}',
      bodySha256: 'd'.repeat(64),
      now: world.clock.now(),
    })
    const { runId, accountId, model, estimateMicros } = job
    const now = world.clock.now()
    store.ledger.open({ attemptId: id, jobId, runId, accountId, model, currency: 'usd', estimateMicros, now })
    attempt = store.attempts.ofJob(jobId).at(-1)
  }
  const attemptId = attempt?.id ?? 0
  store.write(() =>
    apply(engine, jobId, {
      // Whatever state it is in: the money is written down, and the event does not apply.
      event: {
        type: 'looked',
        problem: { code: 'internal', level: 'info', what: '', next: '', place: {} },
        lookAt: 0,
      },
      ledger: { attemptId, entry: { standing: 'charged', chargedMicros } },
    }),
  )
}
