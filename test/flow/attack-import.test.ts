import { copyFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../support/hand-clock.ts'
import { i2v, vtrix, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

type Rows = Parameters<World['sheet']>[0]
const slow = { timing: { queueMs: 60_000, renderMsPerSecond: 1000 } }

const create = (rows: Rows, more: Record<string, unknown> = {}) =>
  world.client.runs.create({ path: world.sheet(rows), archiveFolder: world.archive, ...more })
const prompts = () => world.tasks().map((task) => task.prompt)

describe('the same sheet', () => {
  it('twice at the same moment is one run, bought once', async () => {
    world = await World.open()
    const path = world.sheet([i2v('one'), i2v('two')])
    const made = await Promise.all(
      [1, 2, 3].map(() => world.client.runs.create({ path, archiveFolder: world.archive })),
    )
    await world.settle()
    expect(new Set(made.map((one) => one.runId)).size).toBe(1)
    expect(made.map((one) => one.created).sort()).toEqual([0, 0, 2])
    expect(prompts().sort()).toEqual(['one', 'two'])
  })

  it('a refused import lets the next one in', async () => {
    world = await World.open()
    const path = world.sheet([i2v('one')])
    const [bad, good] = await Promise.allSettled([
      world.client.runs.create({ path, archiveFolder: world.archive, accounts: ['nobody'] }),
      world.client.runs.create({ path, archiveFolder: world.archive }),
    ])
    expect([bad?.status, good?.status]).toEqual(['rejected', 'fulfilled'])
  })

  it('with an id column added, removed or renamed buys nothing again', async () => {
    world = await World.open()
    await create([i2v('one'), i2v('two')])
    await world.settle()
    expect(await create([i2v('one', { id: 'a' }), i2v('two', { id: 'b' })])).toMatchObject({ created: 0 })
    expect(await create([i2v('one'), i2v('two')])).toMatchObject({ created: 0, same: 2 })
    await world.client.runs.create({
      path: world.sheet([i2v('x', { id: 'x' }), i2v('y', { id: 'y' })], 'other'),
      archiveFolder: world.archive,
    })
    await world.settle()
    const other = world.sheet([i2v('x'), i2v('y')], 'other')
    const again = await world.client.runs.create({ path: other, archiveFolder: world.archive })
    expect(again).toMatchObject({ created: 0, same: 2 })
    const renamed = world.sheet([i2v('y', { id: 'x' }), i2v('x', { id: 'z' })], 'other')
    const third = await world.client.runs.create({ path: renamed, archiveFolder: world.archive })
    await world.settle()
    expect(third).toMatchObject({ created: 0, same: 2 })
    expect(prompts().sort()).toEqual(['one', 'two', 'x', 'y'])
  })

  it('reordered, with equal rows, buys only what is new', async () => {
    world = await World.open()
    await create([i2v('one'), i2v('twin'), i2v('twin')])
    await world.settle()
    const again = await create([i2v('twin'), i2v('three'), i2v('twin'), i2v('one'), i2v('twin')])
    expect(again).toMatchObject({ created: 2, same: 3 })
    await world.settle()
    expect(prompts().sort()).toEqual(['one', 'three', 'twin', 'twin', 'twin'])
  })

  it('changed and changed back buys the first version once', async () => {
    world = await World.open()
    await create([i2v('first', { id: 'a' })])
    await world.settle()
    await create([i2v('second', { id: 'a' })])
    await world.settle()
    expect(await create([i2v('first', { id: 'a' })])).toMatchObject({ created: 0, same: 1 })
    await world.settle()
    expect(prompts()).toEqual(['first', 'second'])
  })

  it('changed back before the change was bought: the first version is bought, the second is not', async () => {
    world = await World.open()
    await world.client.accounts.pause({ name: 'practice' })
    await create([i2v('first', { id: 'a' })])
    await create([i2v('second', { id: 'a' })])
    await create([i2v('first', { id: 'a' })])
    await world.client.accounts.resume({ name: 'practice' })
    await world.settle()
    expect(prompts()).toEqual(['first'])
  })

  it('changed while a row’s references are on their way: only the new version is bought', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('evolink', server.url)
    const accounts = ['evolink-1']
    await world.client.accounts.pause({ name: 'evolink-1' })
    await create([i2v('first', { id: 'a' })], { accounts })
    const { jobs } = world.app.core.engine.store
    const job = jobs.get(1)
    if (!job) throw new Error('the row was just imported')
    jobs.save({ ...job, state: 'uploading', version: job.version + 1 })
    await create([i2v('second', { id: 'a' })], { accounts })
    await world.client.accounts.resume({ name: 'evolink-1' })
    await world.settle()
    expect(server.ledger.tasks().map((task) => task.prompt)).toEqual(['second'])
    expect(await world.states()).toEqual(['cancelled', 'done'])
  })

  it('never buys again what failed, was let go, is unsure or is being made', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger(slow)
    await world.account('vtrix', server.url)
    const rows = [vtrix('fails [400]'), vtrix('unsure [accept then-cut]'), vtrix('made'), vtrix('let go')]
    const accounts = ['vtrix-1']
    await create(rows, { accounts })
    await world.settle(20_000)
    expect((await world.states())[2]).toBe('generating')
    await world.client.jobs.cancel({ ids: [4] })
    for (let again = 0; again < 3; again++)
      expect(await create(rows, { accounts })).toMatchObject({ created: 0 })
    await world.settle()
    expect(await world.states()).toEqual(['failed', 'unconfirmed', 'done', 'cancelled'])
    expect(server.ledger.tasks()).toHaveLength(3)
  })

  it('without a column that its names are made of still archives what is under way', async () => {
    world = await World.open({ practice: slow })
    await create([i2v('one', { scene: 'A' })], { nameTemplate: '{run}/{scene}-{row}.mp4' })
    await until(async () => (await world.states())[0] === 'generating', 'it is being made')
    expect(await create([i2v('one')])).toMatchObject({ created: 0, same: 1 })
    await world.settle()
    expect(await world.states()).toEqual(['done'])
    expect((await world.client.clips.page({})).clips[0]?.path).toBe('sheet/A-1.mp4')
  })

  it('held stays held, and rows added to a paused run wait with it', async () => {
    world = await World.open()
    const { runId } = await create([i2v('one')], { isHeld: true })
    await world.settle()
    expect(await world.client.runs.attention({ id: runId })).toMatchObject({ moving: 0, waiting: 1 })
    await world.client.runs.pause({ id: runId })
    await create([i2v('one'), i2v('two')])
    await world.settle()
    expect(await world.states()).toEqual(['held', 'queued'])
    await world.client.runs.resume({ id: runId })
    await world.client.runs.start({ id: runId })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done'])
  })

  it('with thousands of equal rows is compared without waiting for it', async () => {
    world = await World.open()
    await world.client.accounts.pause({ name: 'practice' })
    const row = { prompt: 'a', model: 'wan2.6-text-to-video', duration: 5 }
    const rows = Array.from({ length: 10_000 }, (_, index) => ({
      ...row,
      note: index,
      prompt: `a ${index % 7}`,
    }))
    const first = await create(rows)
    expect(first).toMatchObject({ created: 10_000 })
    expect(await create(rows)).toMatchObject({ created: 0, same: 10_000 })
  }, 60_000)

  it('with hostile cells is data, nothing else', async () => {
    world = await World.open()
    const rows = [
      i2v('=cmd|calc', { id: '__proto__', name: '../../etc/passwd' }),
      i2v('two', { id: 'constructor', name: 'NUL' }),
      i2v('\u202e three', { id: ' toString ', name: 'a\u0007b' }),
    ]
    await create(rows)
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done', 'done'])
    for (const { path } of (await world.client.clips.page({})).clips)
      expect(path.startsWith('sheet/')).toBe(true)
    expect(await create(rows)).toMatchObject({ created: 0, same: 3 })
  })

  it('that grew between the check and the confirmation is not bought above what was confirmed', async () => {
    world = await World.open()
    const path = world.sheet([i2v('one')])
    const check = await world.client.sheets.check({ path })
    copyFileSync(world.sheet([i2v('one'), i2v('two')], 'grown'), path)
    await expect(
      world.client.runs.create({
        path,
        archiveFolder: world.archive,
        confirmedCreditMicros: check.totalCreditMicros,
      }),
    ).rejects.toMatchObject({ data: { code: 'price-changed' } })
    expect(world.tasks()).toEqual([])
  })
})
