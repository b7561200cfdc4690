import { afterEach, describe, expect, it } from 'vitest'
import type { Problem } from '../../src/shared/problem.ts'
import { until } from '../support/hand-clock.ts'
import { i2v, vtrix, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const rows = (count: number) => Array.from({ length: count }, (_, at) => i2v(`lake ${at + 1}`))
const creates = () =>
  world.ledger.requests().filter(({ method, path }) => method === 'POST' && /generations/.test(path))
const get = (id: number) => world.client.runs.get({ id })
const codes = (problems: readonly Problem[]) => problems.map(({ code }) => code)

describe('a run that starts at a time', () => {
  it('orders and uploads nothing before, then begins by itself, and says so meanwhile', async () => {
    world = await World.open()
    const startAt = world.clock.now() + 14 * HOUR
    const id = await world.run(rows(2), { startAt })
    await world.settle(14 * HOUR - 1)
    expect(world.ledger.requests().filter(({ method }) => method === 'POST')).toEqual([])
    expect(await get(id)).toMatchObject({ startAt, startedAt: null, isPaused: false })
    const attention = await world.client.runs.attention({ id })
    expect(attention).toMatchObject({ moving: 2, waiting: 0, needs: [] })
    expect(attention.waits).toMatchObject([{ code: 'starts-later', level: 'info', place: { runId: id } }])
    await world.settle(15 * HOUR)
    expect(await world.states()).toEqual(['done', 'done'])
    expect(await get(id)).toMatchObject({ startAt: null, startedAt: startAt, problem: null })
    expect((await world.client.runs.attention({ id })).waits).toEqual([])
  })

  it('begins up to five minutes late without asking', async () => {
    world = await World.open()
    const startAt = world.clock.now() + HOUR
    await world.run(rows(1), { startAt })
    await world.app.stop()
    await world.clock.advanceTo(startAt + 5 * MINUTE)
    await world.start()
    await world.settle()
    expect(await world.states()).toEqual(['done'])
  })

  it('that was missed because the app was closed buys nothing and asks; resume starts it', async () => {
    world = await World.open()
    const startAt = world.clock.now() + HOUR
    const id = await world.run(rows(3), { startAt })
    await world.app.stop()
    await world.clock.advanceTo(startAt + 5 * MINUTE + 1)
    await world.start()
    await world.settle()
    expect(world.ledger.requests().filter(({ method }) => method === 'POST')).toEqual([])
    const run = await get(id)
    expect(run).toMatchObject({ isPaused: true, startedAt: null, problem: { code: 'start-missed' } })
    expect(run.problem?.what).toMatch(/was to start at \d{4}-\d\d-\d\d \d\d:\d\d/)
    expect(await world.client.runs.attention({ id })).toMatchObject({ moving: 0, waiting: 3 })
    expect(codes((await world.client.runs.attention({ id })).needs)).toEqual(['start-missed'])
    await world.client.runs.resume({ id })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done', 'done'])
    expect(await get(id)).toMatchObject({ startAt: null, problem: null, isPaused: false })
  })

  it('that was missed because the computer slept buys nothing, whichever account is looked at first', async () => {
    world = await World.open()
    await world.account('vtrix', (await world.stranger()).url, { prices: { wan26_r2v: 100_000 } })
    const startAt = world.clock.now() + HOUR
    const mixed = [i2v('one', { account: 'practice' }), vtrix('two', { account: 'vtrix-1' })]
    const id = await world.run(mixed, { startAt })
    const noticed: string[] = []
    world.app.core.changes.listen((event) => {
      if (event.type === 'app.noticed') noticed.push(event.problem.code)
    })
    await world.app.core.scheduler.rest()
    // Asleep: no look in between, and one when it wakes.
    world.clock.jump(9 * HOUR)
    await world.settle()
    expect(await world.states()).toEqual(['queued', 'queued'])
    expect(creates()).toEqual([])
    expect((await get(id)).problem?.code).toBe('start-missed')
    expect(noticed).toEqual(['start-missed'])
    const later = world.clock.now() + HOUR
    await world.client.runs.schedule({ id, startAt: later })
    expect(await get(id)).toMatchObject({ startAt: later, isPaused: false, problem: null })
    await world.settle(HOUR - 1)
    expect(creates()).toEqual([])
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done'])
  })

  it('is not missed while a person has it paused: going on after its time starts it', async () => {
    world = await World.open()
    const startAt = world.clock.now() + HOUR
    const id = await world.run(rows(1), { startAt })
    await world.client.runs.pause({ id })
    await world.settle()
    await world.clock.advance(4 * HOUR)
    await world.settle()
    expect(await get(id)).toMatchObject({ isPaused: true, problem: null })
    await world.client.runs.resume({ id })
    await world.settle()
    expect(await world.states()).toEqual(['done'])
  })

  it('keeps its time when it is paused and goes on before', async () => {
    world = await World.open()
    const startAt = world.clock.now() + HOUR
    const id = await world.run(rows(1), { startAt })
    await world.client.runs.pause({ id })
    await world.client.runs.resume({ id })
    await world.settle(HOUR - 1)
    expect(creates()).toEqual([])
    await world.settle()
    expect(await world.states()).toEqual(['done'])
  })

  it('stands by the clock that is shown: set back, it starts at the same time of day', async () => {
    world = await World.open()
    const startAt = world.clock.now() + 2 * HOUR
    const id = await world.run(rows(1), { startAt })
    await world.clock.advance(HOUR)
    await world.settle(0)
    world.clock.jump(-30 * MINUTE)
    await world.settle(0)
    expect((await world.jobs())[0]?.runAt).toBe(startAt)
    await world.settle(90 * MINUTE - 1)
    expect(creates()).toEqual([])
    expect(await get(id)).toMatchObject({ startAt })
    await world.settle()
    expect(await world.states()).toEqual(['done'])
  })

  it('asks when the clock was set far ahead of its time', async () => {
    world = await World.open()
    const id = await world.run(rows(1), { startAt: world.clock.now() + HOUR })
    await world.settle(0)
    world.clock.jump(26 * HOUR)
    await world.settle()
    expect(creates()).toEqual([])
    expect((await get(id)).problem?.code).toBe('start-missed')
  })

  it('that is held is ordered neither at its time nor asked about; started after it, it begins at once', async () => {
    world = await World.open()
    const id = await world.run(rows(2), { startAt: world.clock.now() + HOUR, isHeld: true })
    await world.settle()
    await world.clock.advance(5 * HOUR)
    await world.settle()
    expect(await world.states()).toEqual(['held', 'held'])
    expect((await get(id)).problem).toBeNull()
    expect(await world.client.runs.start({ id })).toEqual({ touched: 2, refused: [] })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done'])
    expect(await get(id)).toMatchObject({ startAt: null, problem: null })
  })

  it('that is held and started before its time waits for it, row by row as well', async () => {
    world = await World.open()
    const id = await world.run(rows(3), { startAt: world.clock.now() + HOUR, isHeld: true })
    await world.client.jobs.release({ ids: [2] })
    await world.client.runs.start({ id })
    await world.settle(HOUR - 1)
    expect(creates()).toEqual([])
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done', 'done'])
  })

  it('holds for a row that is due too early, whoever made it so', async () => {
    world = await World.open()
    const startAt = world.clock.now() + HOUR
    await world.run(rows(2), { startAt })
    const { store } = world.app.core.engine
    store.write(() => store.jobs.postpone(1, 0))
    world.app.core.scheduler.wake()
    await world.settle(HOUR - 1)
    expect(creates()).toEqual([])
    expect((await world.jobs()).map(({ runAt }) => runAt)).toEqual([startAt, startAt])
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done'])
  })
})

describe('another time to start, given by an import', () => {
  it('holds for a row whose references are on their way', async () => {
    world = await World.open()
    const id = await world.run(rows(1))
    await until(async () => (await get(id)).counts.uploading === 1, 'an upload')
    const startAt = world.clock.now() + HOUR
    const { store } = world.app.core.engine
    store.write(() => store.runs.schedule(id, startAt))
    await world.settle(HOUR - 1)
    expect(creates()).toEqual([])
    expect(await get(id)).toMatchObject({ startAt, countedMicros: 0, counts: { queued: 1 } })
    await world.settle()
    expect(await world.states()).toEqual(['done'])
  })
})

describe('another time to start', () => {
  it('is taken as often as one likes, and at once', async () => {
    world = await World.open()
    const now = world.clock.now()
    const id = await world.run(rows(1), { startAt: now + HOUR })
    await world.client.runs.schedule({ id, startAt: now + 3 * HOUR })
    await world.settle(3 * HOUR - 1)
    expect(creates()).toEqual([])
    await world.client.runs.schedule({ id, startAt: null })
    expect(await get(id)).toMatchObject({ startAt: null, startedAt: world.clock.now() })
    await world.settle(MINUTE)
    expect(await world.states()).toEqual(['done'])
  })

  it('takes a run that was about to begin out of its accounts again', async () => {
    world = await World.open()
    const id = await world.run(rows(8), { takeBackMs: 5_000 })
    const startAt = world.clock.now() + HOUR
    await world.clock.advance(4_999)
    await world.client.runs.schedule({ id, startAt })
    expect((await world.jobs()).map(({ state, runAt }) => [state, runAt])).toEqual(
      rows(8).map(() => ['queued', startAt]),
    )
    await world.settle(HOUR - 5_000)
    expect(creates()).toEqual([])
    await world.settle()
    expect(creates()).toHaveLength(8)
  })

  it('is refused once something was ordered, and changes nothing', async () => {
    world = await World.open()
    const id = await world.run(rows(1))
    await world.settle()
    const refusal = world.client.runs.schedule({ id, startAt: world.clock.now() + HOUR })
    await expect(refusal).rejects.toMatchObject({ data: { code: 'not-possible' } })
    expect(await get(id)).toMatchObject({ startAt: null })
  })

  it.each([
    ['has passed', -2 * MINUTE],
    ['lies two years ahead', 730 * 24 * HOUR],
    ['no calendar has', 9e15],
    ['no calendar has, before all', -9e15],
  ])('that %s is refused', async (_, afterMs) => {
    world = await World.open()
    const startAt = world.clock.now() + HOUR
    const id = await world.run(rows(1), { startAt })
    const refusal = world.client.runs.schedule({ id, startAt: world.clock.now() + afterMs })
    await expect(refusal).rejects.toMatchObject({ data: { code: 'wrong-use' } })
    expect(await get(id)).toMatchObject({ startAt })
  })

  it('leaves a run paused that its person paused', async () => {
    world = await World.open()
    const id = await world.run(rows(1), { startAt: world.clock.now() + HOUR })
    await world.client.runs.pause({ id })
    await world.client.runs.schedule({ id, startAt: world.clock.now() + 2 * HOUR })
    expect(await get(id)).toMatchObject({ isPaused: true })
  })
})

describe('five seconds to take it back', () => {
  it('no request leaves before they are over', async () => {
    world = await World.open()
    await world.run(rows(5), { takeBackMs: 5_000 })
    await world.settle(4_999)
    expect(world.ledger.requests().filter(({ method }) => method === 'POST')).toEqual([])
    await world.settle()
    expect(creates()).toHaveLength(5)
  })

  it('holds everything, and nothing was spent; started later it runs', async () => {
    world = await World.open()
    const id = await world.run(rows(4), { takeBackMs: 5_000 })
    await world.clock.advance(4_000)
    expect(await world.client.runs.takeBack({ id })).toEqual({ touched: 4, refused: [] })
    expect(await get(id)).toMatchObject({ startedAt: null, countedMicros: 0, counts: { held: 4 } })
    await world.settle()
    expect(creates()).toEqual([])
    expect((await world.jobs()).map(({ problem }) => problem)).toEqual([null, null, null, null])
    expect(await world.client.runs.start({ id })).toEqual({ touched: 4, refused: [] })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done', 'done', 'done'])
    const detail = await world.client.jobs.get({ id: 1 })
    expect(detail.events.map(({ type }) => type).slice(0, 2)).toEqual(['held', 'released'])
  })

  it('goes on after a restart within the window, and begins when it is over', async () => {
    world = await World.open()
    await world.run(rows(1), { takeBackMs: 5_000 })
    await world.restart()
    await world.settle(4_999)
    expect(creates()).toEqual([])
    await world.settle()
    expect(await world.states()).toEqual(['done'])
  })

  it('begins when the app was closed over its end: it was confirmed', async () => {
    world = await World.open()
    await world.run(rows(1), { takeBackMs: 5_000 })
    await world.app.stop()
    await world.clock.advance(9 * HOUR)
    await world.start()
    await world.settle()
    expect(await world.states()).toEqual(['done'])
  })

  it('is as long when the clock is set back', async () => {
    world = await World.open()
    await world.run(rows(1), { takeBackMs: 5_000 })
    await world.settle(0)
    world.clock.jump(-HOUR)
    await world.settle(4_999)
    expect(creates()).toEqual([])
    await world.settle(MINUTE)
    expect(await world.states()).toEqual(['done'])
  })

  it('takes back what is written down and has not left, with its money', async () => {
    // Orders leave one a second: the others wait with their request written down.
    world = await World.open()
    await world.client.accounts.update({ name: 'practice', limits: { ...LIMITS, submitsPerSecond: 1 } })
    const id = await world.run(rows(9).map((row) => ({ ...row, generate_audio: 'no' })))
    await until(() => creates().length === 1, 'the first order')
    await until(async () => (await get(id)).counts.submitting !== undefined, 'a written request')
    const answer = await world.client.runs.takeBack({ id })
    expect(answer.touched).toBe(8)
    expect(answer.refused).toMatchObject([{ code: 'not-possible', level: 'warning', place: { runId: id } }])
    expect(answer.refused[0]?.what).toContain('One row')
    await world.settle()
    expect(creates()).toHaveLength(1)
    expect(await get(id)).toMatchObject({ counts: { done: 1, held: 8 }, countedMicros: 6_000_000 })
    for (const job of (await world.jobs()).slice(1)) {
      const { attempts, ledger } = await world.client.jobs.get({ id: job.id })
      expect(attempts.every(({ outcome, sentAt }) => outcome === 'not-sent' && sentAt === null)).toBe(true)
      expect(ledger.every(({ standing }) => standing === 'released')).toBe(true)
    }
    await world.client.runs.start({ id })
    await world.settle()
    expect(creates()).toHaveLength(9)
    expect(await get(id)).toMatchObject({ counts: { done: 9 } })
  })

  it('takes back what is being uploaded; what the upload brings buys nothing', async () => {
    world = await World.open()
    const id = await world.run(rows(3))
    await until(async () => ((await get(id)).counts.uploading ?? 0) > 0, 'an upload')
    expect((await world.client.runs.takeBack({ id })).touched).toBe(3)
    await world.settle()
    expect(creates()).toEqual([])
    expect(await world.states()).toEqual(['held', 'held', 'held'])
  })

  it('leaves rows that were finished', async () => {
    world = await World.open()
    const id = await world.run(rows(2))
    await world.settle()
    expect(await world.client.runs.takeBack({ id })).toEqual({ touched: 0, refused: [] })
    expect(await world.states()).toEqual(['done', 'done'])
    expect((await get(id)).startedAt).not.toBeNull()
  })
})

const LIMITS = {
  inFlight: 20,
  pollsPerSecond: 20,
  downloadsAtOnce: 4,
  uploadsAtOnce: 4,
  submitsPerSecond: 20,
}
