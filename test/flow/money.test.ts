import { afterEach, describe, expect, it } from 'vitest'
import { i2v, vtrix, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

/** A silent 2 s clip at 720p costs the minimum: 6 credits. */
const cheap = (prompt: string) => i2v(prompt, { generate_audio: 'no' })
const CREDIT = 1_000_000

describe('caps', () => {
  it('a run pauses before the job that would pass its cap, and goes on when the cap is raised', async () => {
    world = await World.open()
    const id = await world.run([cheap('one'), cheap('two'), cheap('three')], { capMicros: 13 * CREDIT })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done', 'queued'])
    const run = await world.client.runs.get({ id })
    expect(run).toMatchObject({ isPaused: true, countedMicros: 12 * CREDIT })
    expect(run.problem?.code).toBe('cap-reached')
    expect((await world.client.runs.attention({ id })).needs[0]?.code).toBe('cap-reached')
    await world.client.runs.resume({ id, capMicros: 18 * CREDIT })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done', 'done'])
    expect(world.tasks()).toHaveLength(3)
  })

  it('what may have been charged counts like what was charged', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('vtrix', server.url, { prices: { wan26_r2v: 100_000 } })
    const rows = [vtrix('one [accept then-cut]'), vtrix('two')]
    // Two seconds at 0.10 USD: 13.6 credits each.
    const id = await world.run(rows, { accounts: ['vtrix-1'], capMicros: 20 * CREDIT })
    await world.settle()
    expect(await world.states()).toEqual(['unconfirmed', 'queued'])
    expect(await world.client.runs.get({ id })).toMatchObject({
      countedMicros: 13.6 * CREDIT,
      isPaused: true,
    })
    expect(server.ledger.tasks()).toHaveLength(1)
  })

  it.each([
    ['exactly', 40_800_000, ['done', 'unconfirmed', 'done', 'queued']],
    ['a micro short of', 40_799_999, ['done', 'unconfirmed', 'queued', 'queued']],
  ])('with charged, unknown and reserved money in play: %s the cap', async (_, capMicros, states) => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('vtrix', server.url, { prices: { wan26_r2v: 100_000 }, limits: { inFlight: 1 } })
    const rows = [vtrix('one'), vtrix('two [accept then-cut]'), vtrix('three'), vtrix('four')]
    const id = await world.run(rows, { accounts: ['vtrix-1'], capMicros })
    await world.settle()
    expect(await world.states()).toEqual(states)
    const run = await world.client.runs.get({ id })
    expect(run.countedMicros).toBe(states[2] === 'done' ? 40_800_000 : 27_200_000)
    expect(run).toMatchObject({
      isPaused: true,
      problem: { code: 'cap-reached', place: { jobId: states[2] === 'done' ? 4 : 3 } },
    })
    expect(run.problem?.what).toContain('The next clip (about 13.6 credits) would pass the cap')
    // Another word from the person, and it goes on where it stopped.
    await world.client.runs.resume({ id, capMicros: 54_400_000 })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'unconfirmed', 'done', 'done'])
  })

  it('an account’s own cap holds over all its runs', async () => {
    world = await World.open()
    await world.client.accounts.update({ name: 'practice', capMicros: 7 * CREDIT })
    await world.run([cheap('one')], { name: 'first' })
    await world.settle()
    const id = await world.run([cheap('two')], { name: 'second' })
    await world.settle()
    expect((await world.states()).sort()).toEqual(['done', 'queued'])
    expect((await world.client.runs.attention({ id })).needs[0]?.code).toBe('cap-reached')
  })

  it('what was reserved under an account’s cap is sent, also when the next row finds the cap full at once', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('vtrix', server.url, { prices: { wan26_r2v: 100_000 }, capMicros: 300_000 })
    // Rows without uploads, 0.2 USD each: they are taken in one go, and the cap is full after the first.
    await world.run([vtrix('one'), vtrix('two'), vtrix('three'), vtrix('four')], { accounts: ['vtrix-1'] })
    await world.settle()
    expect((await world.states()).sort()).toEqual(['done', 'queued', 'queued', 'queued'])
    expect(server.ledger.tasks()).toHaveLength(1)
  })

  it('a cap cannot be kept without a price, so the sheet is refused before anything is sent', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('vtrix', server.url)
    await expect(
      world.run([vtrix('one')], { accounts: ['vtrix-1'], capMicros: CREDIT }),
    ).rejects.toMatchObject({ data: { code: 'price-unknown' } })
    expect(server.ledger.requests()).toEqual([])
  })

  it('a price that is higher than the confirmed one stops the run', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('evolink', server.url, { prices: { 'wan2.6-image-to-video-flash': 1 } })
    const id = await world.run([cheap('one'), cheap('two'), cheap('three'), cheap('four'), cheap('five')], {
      accounts: ['evolink-1'],
    })
    await world.settle()
    const run = await world.client.runs.get({ id })
    expect(run.problem?.code).toBe('price-changed')
    expect(server.ledger.tasks().length).toBeLessThan(5)
    expect((await world.states()).filter((state) => state === 'done')).toHaveLength(
      server.ledger.tasks().length,
    )
  })
})

describe('a soft cap', () => {
  const noticed = () => {
    const said: string[] = []
    world.app.core.changes.listen((event) => {
      if (event.type === 'app.noticed') said.push(`${event.problem.code} ${event.problem.level}`)
    })
    return said
  }

  it('of a run is said once when it is passed, and by how much; everything is bought', async () => {
    world = await World.open()
    const said = noticed()
    const rows = ['one', 'two', 'three', 'four'].map(cheap)
    const id = await world.run(rows, { capMicros: 13 * CREDIT, capMode: 'soft' })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done', 'done', 'done'])
    expect(said).toEqual(['cap-reached warning'])
    const run = await world.client.runs.get({ id })
    expect(run).toMatchObject({ isPaused: false, problem: null, countedMicros: 24 * CREDIT })
    const { needs, waits } = await world.client.runs.attention({ id })
    expect(needs).toEqual([])
    expect(waits).toMatchObject([{ code: 'cap-reached', level: 'warning', place: { runId: id } }])
    expect(waits[0]?.what).toContain('passed by 11 credits: 24 of 13')
  })

  it('that is met to the last digit is not passed', async () => {
    world = await World.open()
    const said = noticed()
    const id = await world.run([cheap('one'), cheap('two')], { capMicros: 12 * CREDIT, capMode: 'soft' })
    await world.settle()
    expect(said).toEqual([])
    expect((await world.client.runs.attention({ id })).waits).toEqual([])
  })

  it('of an account is said once, over all its runs', async () => {
    world = await World.open()
    await world.client.accounts.update({
      name: 'practice',
      capMicros: 7 * CREDIT,
      options: { capMode: 'soft' },
    })
    const said = noticed()
    await world.run([cheap('one'), cheap('two')], { name: 'first' })
    const id = await world.run([cheap('three')], { name: 'second' })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done', 'done'])
    expect(said).toEqual(['cap-reached warning'])
    const { waits } = await world.client.runs.attention({ id })
    expect(waits).toMatchObject([{ code: 'cap-reached', level: 'warning', place: { account: 'practice' } }])
    expect(waits[0]?.what).toContain('passed by 11 credits: 18 of 7')
  })

  it('of an account that a hard one had stopped goes on', async () => {
    world = await World.open()
    await world.client.accounts.update({ name: 'practice', capMicros: 7 * CREDIT })
    await world.run([cheap('one'), cheap('two')])
    await world.settle()
    expect((await world.states()).sort()).toEqual(['done', 'queued'])
    await world.client.accounts.update({ name: 'practice', options: { capMode: 'soft' } })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done'])
  })

  it('beside a hard one: the hard one stops', async () => {
    world = await World.open()
    await world.client.accounts.update({ name: 'practice', capMicros: 13 * CREDIT })
    const rows = ['one', 'two', 'three'].map(cheap)
    const id = await world.run(rows, { capMicros: 6 * CREDIT, capMode: 'soft' })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done', 'queued'])
    expect((await world.client.runs.attention({ id })).needs[0]).toMatchObject({
      code: 'cap-reached',
      place: { account: 'practice' },
    })
  })
})

describe('the ledger', () => {
  it('agrees with the provider’s, row by row', async () => {
    world = await World.open()
    await world.run([cheap('one'), i2v('two'), vtrix('three'), cheap('four [fail code=service_error]')])
    await world.settle()
    const jobs = await world.jobs()
    expect(jobs.map((job) => job.state)).toEqual(['done', 'done', 'done', 'failed'])
    for (const job of jobs.slice(0, 3)) {
      const task = world.tasks().find((one) => one.id === job.remoteId)
      const charged = task?.currency === 'usd' ? (task.chargedMicros ?? 0) * 68 : task?.chargedMicros
      expect(job.chargedMicros).toBe(charged)
      expect(job.countedMicros).toBe(charged)
    }
    expect(jobs[3]).toMatchObject({ countedMicros: 0 })
    const sums = await world.client.ledger.summary({})
    expect(sums.reduce((sum, line) => sum + line.jobs, 0)).toBe(4)
  })

  it('a failed task of a provider that does not say what failing costs still counts', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('vtrix', server.url, { prices: { wan26_r2v: 100_000 } })
    await world.run([vtrix('one [fail code=001028095]')], { accounts: ['vtrix-1'] })
    await world.settle()
    const [job] = await world.jobs()
    expect(job).toMatchObject({ state: 'failed', countedMicros: 200_000, chargedMicros: null })
  })
})
