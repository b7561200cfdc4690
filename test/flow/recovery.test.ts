import { afterEach, describe, expect, it } from 'vitest'
import { i2v, vtrix, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

describe('start after a quit', () => {
  it('goes on with what was under way, buys nothing twice and loses no time', async () => {
    world = await World.open({ practice: { timing: { queueMs: 60_000, renderMsPerSecond: 1000 } } })
    await world.run([i2v('one'), vtrix('two'), i2v('three [cut=20KB]')])
    await world.settle(20_000)
    expect(new Set(await world.states())).toEqual(new Set(['generating']))
    await world.restart()
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done', 'done'])
    expect(world.tasks()).toHaveLength(3)
  })

  it('after a day away the tasks are forgotten: each is named, none is bought again', async () => {
    world = await World.open({
      practice: { timing: { queueMs: 60_000, renderMsPerSecond: 1000, taskLifeMs: 24 * 3_600_000 } },
    })
    await world.run([i2v('one')])
    await world.settle(20_000)
    await world.app.stop()
    await world.clock.advance(49 * 3_600_000)
    await world.start()
    await world.settle()
    const [job] = await world.jobs()
    expect(job).toMatchObject({ state: 'failed' })
    expect(job?.problem?.code).toBe('task-forgotten')
    expect(world.tasks()).toHaveLength(1)
  })

  it('start and stop may be called twice', async () => {
    world = await World.open()
    await world.app.start()
    await world.app.stop()
    await world.app.stop()
    await world.start()
    expect(await world.client.runs.list()).toEqual([])
  })

  it('a history says what happened to a row, in order', async () => {
    world = await World.open()
    await world.run([i2v('a calm lake [429 after=2]')])
    await world.settle()
    const [job] = await world.jobs()
    const { events, attempts } = await world.client.jobs.get({ id: job?.id ?? 0 })
    expect(events.map((event) => event.type)).toEqual(['ready', 'set-back', 'accepted', 'rendered', 'saved'])
    expect(events.map((event) => event.at)).toEqual([...events.map((event) => event.at)].sort())
    expect(attempts).toHaveLength(1)
    expect(attempts[0]?.outcome).toBe('accepted')
  })
})
