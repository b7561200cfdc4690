import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../support/hand-clock.ts'
import { i2v, vtrix, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const posts = () => world.ledger.requests().filter(({ method }) => method === 'POST')
/** On this computer's own clock. */
const timeOf = (at: number) => new Date(at).toTimeString().slice(0, 5)
const quiet = (name: string, fromMs: number, toMs: number) =>
  world.client.accounts.update({
    name,
    options: {
      quietHours: [{ from: timeOf(world.clock.now() + fromMs), to: timeOf(world.clock.now() + toMs) }],
    },
  })

describe('in an account’s quiet hours', () => {
  it('nothing is uploaded or ordered; it goes on by itself when they end, and says so', async () => {
    world = await World.open()
    await quiet('practice', -HOUR, 9 * HOUR)
    const id = await world.run([i2v('one'), i2v('two')])
    await world.settle(9 * HOUR - MINUTE)
    expect(posts()).toEqual([])
    const attention = await world.client.runs.attention({ id })
    expect(attention).toMatchObject({ moving: 2, waiting: 0, needs: [] })
    expect(attention.waits).toMatchObject([
      { code: 'quiet-hours', level: 'info', place: { account: 'practice' } },
    ])
    const until = new Date(world.clock.now() + 9 * HOUR)
    expect(attention.waits[0]?.what).toContain(`until ${until.getFullYear()}-`)
    expect(attention.waits[0]?.what).toContain(`${timeOf(until.getTime())}: nothing is ordered`)
    await world.settle(10 * HOUR)
    expect(await world.states()).toEqual(['done', 'done'])
    expect((await world.client.runs.attention({ id })).waits).toEqual([])
  })

  it('wakes at their end and not up to a minute later', async () => {
    world = await World.open()
    await quiet('practice', -HOUR, 2 * HOUR)
    await world.run([i2v('one')])
    expect(await world.app.core.scheduler.rest()).toBe(world.clock.now() + 2 * HOUR)
  })

  it('what was ordered before is read and archived, and what was lost is repeated', async () => {
    world = await World.open({ practice: { timing: { queueMs: 0, renderMsPerSecond: 60_000 } } })
    await world.run([i2v('one'), i2v('lost [accept then-cut]')])
    const creates = () => posts().filter(({ path }) => /generations/.test(path)).length
    await until(() => creates() === 1, 'the first order')
    await world.clock.advance(100)
    await until(() => creates() === 2, 'both orders')
    await quiet('practice', -HOUR, 9 * HOUR)
    await world.run([i2v('three')], { name: 'other' })
    await world.settle(5 * HOUR)
    expect((await world.states()).sort()).toEqual(['done', 'done', 'queued'])
    // The repeat of the lost one went out under its key.
    expect(creates()).toBe(3)
    expect(world.tasks()).toHaveLength(2)
  })

  it('what was written down and has not left waits in the queue, and counts nothing meanwhile', async () => {
    world = await World.open()
    await world.client.accounts.update({
      name: 'practice',
      limits: { inFlight: 20, submitsPerSecond: 1, pollsPerSecond: 20, downloadsAtOnce: 4, uploadsAtOnce: 4 },
    })
    const id = await world.run(Array.from({ length: 6 }, (_, at) => i2v(`${at}`, { generate_audio: 'no' })))
    await until(async () => {
      const { counts } = await world.client.runs.get({ id })
      return (counts.submitting ?? 0) + (counts.queued ?? 0) === 5 && (counts.submitting ?? 0) > 0
    }, 'one sent and others written down')
    await quiet('practice', -HOUR, 9 * HOUR)
    await world.settle(5 * HOUR)
    expect((await world.states()).sort()).toEqual(['done', ...Array(5).fill('queued')])
    expect(await world.client.runs.get({ id })).toMatchObject({ countedMicros: 6_000_000 })
    const waiting = (await world.jobs()).filter(({ problem }) => problem !== null)
    expect(waiting.length).toBeGreaterThan(0)
    for (const { problem } of waiting) expect(problem).toMatchObject({ code: 'quiet-hours', level: 'info' })
    await world.settle(10 * HOUR)
    expect(world.tasks()).toHaveLength(6)
  })

  it('only that account waits', async () => {
    world = await World.open()
    await world.account('vtrix', (await world.stranger()).url, { prices: { wan26_r2v: 100_000 } })
    await quiet('practice', -HOUR, 9 * HOUR)
    await world.run([i2v('one', { account: 'practice' }), vtrix('two', { account: 'vtrix-1' })])
    await world.settle(5 * HOUR)
    expect(await world.states()).toEqual(['queued', 'done'])
  })

  it('a run that starts at a time in them has begun, and orders when they end, however late that is seen', async () => {
    world = await World.open()
    const startAt = world.clock.now() + HOUR
    await quiet('practice', -HOUR, 3 * HOUR)
    const id = await world.run([i2v('one')], { startAt })
    await world.settle(2 * HOUR)
    expect(await world.client.runs.get({ id })).toMatchObject({ startAt: null, startedAt: startAt })
    world.clock.jump(10 * HOUR)
    await world.settle(HOUR)
    expect(await world.states()).toEqual(['done'])
  })

  it('that are changed hold from then on', async () => {
    world = await World.open()
    await quiet('practice', -HOUR, 9 * HOUR)
    await world.run([i2v('one')])
    await world.settle(HOUR)
    await world.client.accounts.update({ name: 'practice', options: { quietHours: [] } })
    await world.settle(MINUTE)
    expect(await world.states()).toEqual(['done'])
  })

  it('that fill the day a person is told: nothing would ever go on', async () => {
    world = await World.open()
    await quiet('practice', 0, 0)
    const id = await world.run([i2v('one')])
    await world.settle()
    expect(await world.client.runs.attention({ id })).toMatchObject({
      moving: 0,
      waiting: 1,
      needs: [{ code: 'quiet-hours', level: 'error' }],
      waits: [],
    })
    expect(posts()).toEqual([])
  })
})
