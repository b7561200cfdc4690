import { afterEach, describe, expect, it } from 'vitest'
import { turn, until } from '../support/hand-clock.ts'
import { i2v, vtrix, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

async function unconfirmed() {
  world = await World.open({ secrets: {} })
  const server = await world.stranger()
  await world.account('vtrix', server.url, { prices: { wan26_r2v: 100_000 } })
  await world.run([vtrix('a calm lake [accept then-cut]')], { accounts: ['vtrix-1'] })
  await world.settle()
  const [job] = await world.jobs()
  expect(job).toMatchObject({ state: 'unconfirmed', countedMicros: 200_000 })
  return { server, id: (job as { id: number }).id }
}

describe('a person resolves an unconfirmed row', () => {
  it('“it exists”: the task is watched and its clip archived, nothing is bought again', async () => {
    const { server, id } = await unconfirmed()
    const remoteId = server.ledger.tasks()[0]?.id as string
    await world.client.jobs.reconcile({ id, answer: { type: 'exists', remoteId } })
    await world.settle()
    expect(await world.states()).toEqual(['done'])
    expect(server.ledger.tasks()).toHaveLength(1)
  })

  it('“it was not created”: the row is sent again under a new key', async () => {
    const { server, id } = await unconfirmed()
    await world.client.jobs.reconcile({ id, answer: { type: 'not-created' } })
    await world.settle()
    expect(await world.states()).toEqual(['done'])
    expect(server.ledger.tasks()).toHaveLength(2)
    const { attempts } = await world.client.jobs.get({ id })
    expect(attempts.map((attempt) => attempt.outcome)).toEqual(['absent', 'accepted'])
    expect(new Set(attempts.map((attempt) => attempt.idempotencyKey)).size).toBe(2)
  })

  it('“leave it”: the row ends, its money still counts', async () => {
    const { server, id } = await unconfirmed()
    await world.client.jobs.reconcile({ id, answer: { type: 'leave' } })
    await world.settle()
    expect(await world.jobs()).toMatchObject([{ state: 'cancelled', countedMicros: 200_000 }])
    expect(server.ledger.tasks()).toHaveLength(1)
  })

  it('a retry of what failed never touches it, and releasing it is refused', async () => {
    const { server, id } = await unconfirmed()
    const answer = await world.client.jobs.release({ ids: [id] })
    expect(answer.touched).toBe(0)
    expect(answer.refused[0]?.what).toContain('unconfirmed')
    await world.client.runs.retryFailed({ id: 1 })
    await world.settle()
    expect(server.ledger.tasks()).toHaveLength(1)
  })

  it('a task that belongs to another row is not given to this one', async () => {
    const { server, id } = await unconfirmed()
    await world.run([vtrix('another')], { accounts: ['vtrix-1'], name: 'other' })
    await world.settle()
    const other = (await world.jobs()).find((job) => job.state === 'done')?.remoteId as string
    await expect(
      world.client.jobs.reconcile({ id, answer: { type: 'exists', remoteId: other } }),
    ).rejects.toMatchObject({ data: { code: 'not-possible' } })
    expect(server.ledger.tasks()).toHaveLength(2)
  })
})

describe('pausing, cancelling, retrying', () => {
  it('a paused run buys nothing more but archives what was bought', async () => {
    world = await World.open({ practice: { timing: { queueMs: 60_000, renderMsPerSecond: 1000 } } })
    await world.client.accounts.update({ name: 'practice', limits: { inFlight: 1 } })
    const id = await world.run([i2v('one'), i2v('two')])
    await until(() => world.tasks().length === 1, 'the first was bought')
    await world.client.runs.pause({ id })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'queued'])
    await world.client.runs.resume({ id })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done'])
  })

  it('a cancelled row that was not sent costs nothing; one that was is only watched no longer', async () => {
    world = await World.open({ practice: { timing: { queueMs: 60_000, renderMsPerSecond: 1000 } } })
    await world.client.accounts.update({ name: 'practice', limits: { inFlight: 1 } })
    await world.run([i2v('one'), i2v('two')])
    await until(async () => (await world.states())[0] === 'generating', 'the first was accepted')
    const ids = (await world.jobs()).map((job) => job.id)
    await world.client.jobs.cancel({ ids })
    await world.settle()
    const [first, second] = await world.jobs()
    expect(first?.state).toBe('cancelled')
    expect(first?.countedMicros).toBeGreaterThan(0)
    expect(second).toMatchObject({ state: 'cancelled', countedMicros: 0 })
    await world.client.jobs.refetch({ ids: [ids[0] as number] })
    await world.clock.advance(120_000)
    await world.settle()
    expect(await world.states()).toEqual(['done', 'cancelled'])
    expect(world.tasks()).toHaveLength(1)
  })

  it('retrying what failed buys it again once, and nothing else', async () => {
    world = await World.open()
    const id = await world.run([i2v('one'), i2v('two [fail code=service_error]')])
    await world.settle()
    expect(await world.states()).toEqual(['done', 'failed'])
    expect(await world.client.runs.retryFailed({ id })).toMatchObject({ touched: 1 })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done'])
    expect(world.tasks()).toHaveLength(3)
  })

  it('a higher priority goes first', async () => {
    world = await World.open()
    await world.client.accounts.update({ name: 'practice', limits: { inFlight: 1 } })
    await world.client.accounts.pause({ name: 'practice' })
    await world.run([i2v('one'), i2v('two'), i2v('three')])
    const last = (await world.jobs()).at(-1)?.id as number
    await world.client.jobs.prioritise({ ids: [last], priority: 5 })
    await world.client.accounts.resume({ name: 'practice' })
    await world.settle()
    expect(world.tasks().map((task) => task.prompt)).toEqual(['three', 'one', 'two'])
  })

  it('the same sheet again buys nothing; a changed row buys only itself', async () => {
    world = await World.open()
    const rows = [i2v('one', { id: 'a' }), i2v('two', { id: 'b' })]
    await world.run(rows)
    await world.settle()
    const again = await world.client.runs.create({ path: world.sheet(rows), archiveFolder: world.archive })
    expect(again).toMatchObject({ isNew: false, created: 0, same: 2 })
    const changed = [i2v('one', { id: 'a' }), i2v('two, but red', { id: 'b' })]
    const third = await world.client.runs.create({ path: world.sheet(changed), archiveFolder: world.archive })
    expect(third).toMatchObject({ created: 1, same: 1, changed: 1 })
    await world.settle()
    expect(world.tasks().map((task) => task.prompt)).toEqual(['one', 'two', 'two, but red'])
    expect((await world.client.clips.page({})).total).toBe(3)
  })
})

describe('a person who watches', () => {
  it('has heard of every change that an answer to "what does it wait for" already counts', async () => {
    world = await World.open()
    const told = new Set<number>()
    const leave = new AbortController()
    const watching = (async () => {
      for await (const event of await world.client.app.watch(undefined, { signal: leave.signal }))
        if (event.type === 'jobs.changed') for (const id of event.ids) told.add(id)
    })().catch(() => undefined)
    const id = await world.run([i2v('one'), i2v('two')], { isHeld: true })
    const ids = (await world.jobs(id)).map((job) => job.id)
    await world.client.runs.attention({ id })
    told.clear()
    // Time stands still from here: changes are gathered for a while, and that while does not pass.
    await world.client.jobs.cancel({ ids })
    expect((await world.client.runs.attention({ id })).moving).toBe(0)
    await turn()
    expect([...told].sort()).toEqual(ids)
    leave.abort()
    await watching
  })
})
