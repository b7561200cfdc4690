import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../support/hand-clock.ts'
import { i2v, SAMPLE_MEDIA, vtrix, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const FLASH = 'wan2.6-image-to-video-flash'
const SUCCESSOR = 'wan2.7-image-to-video'
/** Two seconds at 720p: 2 x 5.44 credits, the minimum. */
const NEW_PRICE = 10_880_000

const ids = async () => (await world.jobs()).map((job) => job.id)
const move = async (model = SUCCESSOR, which?: number[]) =>
  world.client.jobs.moveToModel({ ids: which ?? (await ids()), model })
const events = async (id: number) => (await world.client.jobs.get({ id })).events

describe('moving rows to another model', () => {
  it('rows of a retired model are checked, priced anew, held, and bought once they are released', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('evolink', server.url, { limits: { inFlight: 1 } })
    await world.run([i2v('one [404]'), i2v('two')], { accounts: ['evolink-1'] })
    await world.settle()
    expect(await world.states()).toEqual(['failed', 'held'])
    expect(await move()).toEqual({ touched: 2, refused: [] })
    for (const job of await world.jobs()) {
      expect(job).toMatchObject({
        state: 'held',
        model: SUCCESSOR,
        order: { model: SUCCESSOR, duration: 2, quality: '720p', prompt_extend: true },
        estimateMicros: NEW_PRICE,
        finishedAt: null,
        problem: { code: 'price-changed' },
      })
      expect((await events(job.id)).at(-1)).toMatchObject({
        type: 'moved',
        to: 'held',
        facts: { from: FLASH, to: SUCCESSOR, afterMicros: NEW_PRICE },
      })
    }
    expect(server.ledger.tasks()).toEqual([])
    // The first would be refused again: its prompt says so, whatever the model.
    await world.client.jobs.release({ ids: (await ids()).slice(1) })
    await world.settle()
    expect(await world.states()).toEqual(['held', 'done'])
    expect(server.ledger.tasks().map((task) => task.model)).toEqual([SUCCESSOR])
    expect((await world.jobs())[1]).toMatchObject({ chargedMicros: NEW_PRICE, countedMicros: NEW_PRICE })
  })

  it('a row in the queue stays there when it costs no more, and is held when it does', async () => {
    world = await World.open()
    await world.client.accounts.pause({ name: 'practice' })
    await world.run([i2v('one')])
    const [dear] = await ids()
    await move(SUCCESSOR, [dear as number])
    expect(await world.states()).toEqual(['held'])
    await world.client.jobs.release({ ids: [dear as number] })
    expect(await world.states()).toEqual(['queued'])
    await move(FLASH)
    expect(await world.jobs()).toMatchObject([{ state: 'queued', model: FLASH, problem: null }])
    await world.client.accounts.resume({ name: 'practice' })
    await world.settle()
    expect(world.tasks().map((task) => task.model)).toEqual([FLASH])
  })

  it('a row with a price that nobody has seen is not started together with its run', async () => {
    world = await World.open()
    const runId = await world.run([i2v('one'), i2v('two')], { isHeld: true })
    const [dear] = await ids()
    await move(SUCCESSOR, [dear as number])
    const { touched, refused } = await world.client.runs.start({ id: runId })
    expect({ touched, refused: refused.map(({ what }) => what) }).toEqual({
      touched: 1,
      refused: [expect.stringContaining('1 held row(s) were not started')],
    })
    await world.settle()
    expect(await world.states()).toEqual(['held', 'done'])
  })

  it('a row that the new model does not take stays as it is, with every reason', async () => {
    world = await World.open()
    await world.run([i2v('one', { generate_audio: 'no', shot_type: 'multi' }), i2v('two')], { isHeld: true })
    const before = await world.jobs()
    const answer = await move()
    expect(answer.touched).toBe(1)
    expect(answer.refused.map((one) => one.place.column).toSorted()).toContain('generate_audio')
    for (const one of answer.refused) expect(one.place).toMatchObject({ row: 1, jobId: before[0]?.id })
    const after = await world.jobs()
    expect(after[0]).toEqual(before[0])
    expect(after[1]?.model).toBe(SUCCESSOR)
  })

  it('stored references are held against the new model’s limits', async () => {
    world = await World.open()
    await world.run([i2v('one')], { isHeld: true })
    const { touched, refused } = await move('wan2.6-reference-video')
    expect(touched).toBe(0)
    expect(refused.map(({ code }) => code)).toContain('reference-kind')
  })

  it('a failed task may be ordered from another model', async () => {
    world = await World.open()
    await world.run([i2v('one [fail code=service_error]')])
    await world.settle()
    expect(await world.states()).toEqual(['failed'])
    expect(await move()).toMatchObject({ touched: 1 })
    await world.client.jobs.release({ ids: await ids() })
    await world.settle()
    // The prompt makes this one fail too, but it is another order.
    expect(world.tasks().map((task) => task.model)).toEqual([FLASH, SUCCESSOR])
    const { attempts } = await world.client.jobs.get({ id: (await ids())[0] as number })
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted'])
  })

  it('what is bought, or may be, is never moved', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('vtrix', server.url, { prices: { wan26_r2v: 100_000 } })
    await world.run([i2v('one', { account: 'practice' })])
    await world.run([vtrix('two [accept then-cut]')], { accounts: ['vtrix-1'], name: 'other' })
    await world.settle()
    expect((await world.states()).toSorted()).toEqual(['done', 'unconfirmed'])
    const { touched, refused } = await move()
    expect(touched).toBe(0)
    expect(refused.map(({ code }) => code)).toEqual(['not-possible', 'not-possible'])
  })

  it('a cancelled row whose task may still bring a clip is kept for fetching it', async () => {
    world = await World.open({ practice: { timing: { queueMs: 60_000, renderMsPerSecond: 1000 } } })
    await world.run([i2v('one')])
    await until(async () => (await world.states())[0] === 'generating', 'it was accepted')
    await world.client.jobs.cancel({ ids: await ids() })
    const { touched, refused } = await move()
    expect({ touched, code: refused[0]?.code }).toEqual({ touched: 0, code: 'not-possible' })
    expect((await world.jobs())[0]?.remoteId).not.toBeNull()
  })

  it('a row whose request is written down is left alone until it is cancelled', async () => {
    world = await World.open()
    await world.run([i2v('one [429 after=3600]')])
    await world.settle(60_000)
    expect(await world.states()).toEqual(['queued'])
    expect((await move()).refused[0]?.next).toContain('Cancel')
    await world.client.jobs.cancel({ ids: await ids() })
    expect(await move()).toMatchObject({ touched: 1 })
    expect(await world.states()).toEqual(['held'])
  })

  it('an account’s rows are not moved to what it does not sell, and no model is invented', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('vtrix', server.url)
    await world.run([vtrix('one')], { accounts: ['vtrix-1'], isHeld: true })
    expect((await move()).refused[0]?.what).toContain('vtrix-1')
    await expect(move('wan9')).rejects.toMatchObject({ data: { code: 'model-unknown' } })
  })
})

describe('the sheet of rows that were moved', () => {
  const again = (rows: Record<string, string | number>[]) =>
    world.client.runs.create({ path: world.sheet(rows), archiveFolder: world.archive })

  it.each([
    ['without ids', [{}, {}]],
    ['with ids', [{ id: 'a' }, { id: 'b' }]],
  ])('buys nothing again, whether it names the old model or the new one (%s)', async (_which, more) => {
    world = await World.open()
    const rows = more.map((one) => i2v('the same lake', { ...one, prompt_extend: 'yes' }))
    await world.run(rows, { isHeld: true })
    await move()
    await world.client.jobs.release({ ids: await ids() })
    await world.settle()
    expect(await again(rows)).toMatchObject({ created: 0, same: 2, changed: 0, gone: 0 })
    const renamed = rows.map((row) => ({ ...row, model: SUCCESSOR }))
    expect(await again(renamed)).toMatchObject({ created: 0, same: 2, changed: 0, gone: 0 })
    await world.settle()
    expect(world.tasks()).toHaveLength(2)
    const changed = renamed.map((row) => ({ ...row, prompt: 'another lake' }))
    expect(await again(changed)).toMatchObject({ created: 2 })
  })

  it('references count by what is in them', async () => {
    world = await World.open()
    await world.run([i2v('one')], { isHeld: true })
    await move()
    const other = join(SAMPLE_MEDIA, 'glass-garden.jpg')
    const answer = await again([i2v('one', { model: SUCCESSOR, prompt_extend: 'yes', 'ref 1': other })])
    expect(answer).toMatchObject({ created: 1, same: 0 })
  })
})
