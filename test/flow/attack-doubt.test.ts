import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../support/hand-clock.ts'
import { i2v, vtrix, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const HOUR = 3_600_000

/** The machine slept: time has passed and nobody was woken meanwhile. */
function sleepThrough(ms: number): void {
  const clock = world.clock as unknown as { time: number }
  clock.time += ms
  world.app.core.scheduler.wake()
}

describe('the one repeat of a doubtful request', () => {
  it('is not sent once the provider no longer honours its key: that would be a second purchase', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('evolink', server.url)
    await world.run([i2v('a calm lake [accept then-cut]')], { accounts: ['evolink-1'] })
    await until(async () => (await world.jobs())[0]?.problem !== null, 'the answer was cut off')
    expect((await world.jobs())[0]?.state).toBe('submitting')
    sleepThrough(49 * HOUR)
    await world.settle(10 * 60_000)
    expect(server.ledger.tasks()).toHaveLength(1)
    expect(await world.states()).toEqual(['unconfirmed'])
  })

  it('waits while its account has no key, and goes out when it works again', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('evolink', server.url)
    const id = await world.run([i2v('a calm lake [accept then-cut]')], { accounts: ['evolink-1'] })
    await until(async () => (await world.jobs())[0]?.problem !== null, 'the answer was cut off')
    const { store } = world.app.core.engine
    const account = store.accounts.byName('evolink-1')
    if (!account) throw new Error('the account was just added')
    const found = { code: 'key-refused', what: 'No.', next: 'Key.', level: 'error', place: {} } as const
    store.accounts.update({ ...account, stops: 'everything', problem: found })
    await world.settle(10 * 60_000)
    expect(await world.states()).toEqual(['submitting'])
    expect(await world.client.runs.attention({ id })).toMatchObject({ moving: 0, waiting: 1 })
    await world.client.accounts.resume({ name: 'evolink-1' })
    await world.settle()
    expect(await world.states()).toEqual(['done'])
    expect(server.ledger.tasks()).toHaveLength(1)
  })

  it('is never sent where keys mean nothing, whatever the rows say', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('vtrix', server.url)
    await world.client.accounts.pause({ name: 'vtrix-1' })
    await world.run([vtrix('a calm lake')], { accounts: ['vtrix-1'] })
    const { store } = world.app.core.engine
    const job = store.jobs.get(1)
    if (!job) throw new Error('the row was just imported')
    const attempt = store.attempts.insert({
      jobId: 1,
      accountId: job.accountId,
      idempotencyKey: 'rs-1',
      bodyJson: '{}',
      bodySha256: 'a'.repeat(64),
      now: world.clock.now(),
    })
    store.ledger.open({
      attemptId: attempt,
      jobId: 1,
      runId: job.runId,
      accountId: job.accountId,
      model: job.model,
      currency: 'usd',
      estimateMicros: null,
      now: world.clock.now(),
    })
    store.attempts.markSent(attempt, world.clock.now())
    store.jobs.save({ ...job, state: 'submitting', version: job.version + 1 })
    await world.client.accounts.resume({ name: 'vtrix-1' })
    await world.settle(10 * 60_000)
    expect(server.ledger.tasks()).toHaveLength(0)
    expect(await world.states()).toEqual(['unconfirmed'])
  })
})

describe('an unconfirmed row', () => {
  async function unconfirmed(prompt: string) {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('evolink', server.url)
    const id = await world.run([i2v(prompt)], { accounts: ['evolink-1'] })
    return { server, id }
  }

  it('waits for a person once its account cannot be asked', async () => {
    const { id } = await unconfirmed('a calm lake [502 x2]')
    await until(async () => (await world.states())[0] === 'submitting', 'it is being sent')
    await until(async () => (await world.jobs())[0]?.problem !== null, 'the first answer was a fault')
    await world.clock.advance(1000)
    await until(async () => (await world.states())[0] === 'unconfirmed', 'it is in doubt')
    const { store } = world.app.core.engine
    const account = store.accounts.byName('evolink-1')
    if (!account) throw new Error('the account was just added')
    const found = { code: 'key-refused', what: 'No.', next: 'Key.', level: 'error', place: {} } as const
    store.accounts.update({ ...account, stops: 'everything', problem: found })
    await world.settle(10 * 60_000)
    expect(await world.client.runs.attention({ id })).toMatchObject({ moving: 0, waiting: 1 })
  })

  it('counts as moving as long as it is still looked for by itself', async () => {
    const { id } = await unconfirmed('a calm lake [502 x2]')
    await world.settle(10 * 60_000)
    const [job] = await world.jobs()
    expect(job?.state).toBe('unconfirmed')
    expect(job?.runAt).toBeLessThan(world.clock.now() + 10 * 60_000)
    expect(await world.client.runs.attention({ id })).toMatchObject({ moving: 1, waiting: 0 })
    await world.settle(2 * HOUR)
    expect(await world.client.runs.attention({ id })).toMatchObject({ moving: 0, waiting: 1 })
  })

  it('is left to a person when its provider cannot be asked for an hour', async () => {
    const { server, id } = await unconfirmed('a calm lake [502 x2]')
    await until(async () => (await world.jobs())[0]?.problem !== null, 'the first answer was a fault')
    await world.clock.advance(1000)
    await until(async () => (await world.states())[0] === 'unconfirmed', 'it is in doubt')
    await server.stop()
    await world.settle(3 * HOUR)
    expect(await world.client.runs.attention({ id })).toMatchObject({ moving: 0, waiting: 1 })
  })
})

describe('a purchase on its way while its account is changed', () => {
  it('is not cut off by new limits', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('vtrix', server.url)
    await world.run([vtrix('a calm lake [hang]')], { accounts: ['vtrix-1'] })
    await until(() => server.ledger.tasks().length === 1, 'the task was made')
    await world.client.accounts.update({ name: 'vtrix-1', limits: { inFlight: 9 } })
    await world.client.accounts.update({ name: 'vtrix-1', key: 'sk-another-key-of-the-account' })
    for (let turns = 0; turns < 300; turns++) await new Promise((resolve) => setImmediate(resolve))
    expect(await world.states()).toEqual(['submitting'])
    await world.clock.advance(61_000)
    await until(async () => (await world.states())[0] === 'unconfirmed', 'its time ran out')
  })

  it('an address is not changed under tasks that live at the old one', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger({ timing: { queueMs: 60_000, renderMsPerSecond: 1000 } })
    const other = await world.stranger()
    await world.account('evolink', server.url)
    await world.run([i2v('a calm lake')], { accounts: ['evolink-1'] })
    await until(async () => (await world.states())[0] === 'generating', 'it is being made')
    await expect(
      world.client.accounts.update({ name: 'evolink-1', baseUrl: other.url }),
    ).rejects.toMatchObject({ data: { code: 'not-possible' } })
    await world.client.accounts.update({ name: 'evolink-1', baseUrl: server.url })
    await world.settle()
    expect(await world.states()).toEqual(['done'])
    await world.client.accounts.update({ name: 'evolink-1', baseUrl: other.url })
  })
})
