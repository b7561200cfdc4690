import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { i2v, SAMPLE_MEDIA, vtrix, World } from '../support/world.ts'

let world: World
beforeEach(async () => {
  world = await World.open()
  mkdirSync(join(world.folder, 'sheets'))
})
afterEach(() => world.close())

type Rows = Parameters<World['sheet']>[0]
const beside = (name: string) => join(world.folder, 'sheets', name)
const put = (source: string, name: string) => copyFileSync(join(SAMPLE_MEDIA, source), beside(name))
const create = (rows: Rows, more: Record<string, unknown> = {}) =>
  world.client.runs.create({ path: world.sheet(rows), archiveFolder: world.archive, ...more })
const check = (rows: Rows, more: Record<string, unknown> = {}) =>
  world.client.sheets.check({ path: world.sheet(rows), ...more })

describe('a picture that breaks a limit', () => {
  const rows = [i2v('small', { 'ref 1': 'small.png' }), i2v('again', { 'ref 1': 'small.png' })]
  const options = { isFitting: true }
  beforeEach(async () => {
    const bytes = await sharp({ create: { width: 200, height: 120, channels: 4, background: '#0804' } })
      .png()
      .toBuffer()
    writeFileSync(beside('small.png'), bytes)
  })

  it('is replaced by its fitted copy where that was asked for, which is told, and its clip is bought', async () => {
    const before = await check(rows, { options })
    expect(before).toMatchObject({ ready: 2, withProblems: 0 })
    expect(before.rows[0]?.problems).toEqual([
      expect.objectContaining({
        level: 'info',
        what: expect.stringContaining('fitted copy: scaled from 200 x 120'),
      }),
    ])
    expect(await world.client.references.list({})).toEqual([])
    await create(rows, { options })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done'])
    const stored = await world.client.references.list({})
    const original = stored.find(({ name }) => name === 'small.png')
    const copy = stored.find(({ sourceId }) => sourceId === original?.id)
    expect(stored).toHaveLength(2)
    expect(copy?.change).toContain('scaled from 200 x 120')
    const used = world.app.core.engine.store.jobs.references(1)
    expect(used[0]).toMatchObject({ referenceId: copy?.id, name: 'small.png' })
    expect(await create(rows, { options })).toMatchObject({ created: 0, same: 2 })
  })

  it('is a problem that offers the copy where it was not', async () => {
    const found = await check(rows)
    expect(found.ready).toBe(0)
    expect(found.rows[0]?.problems.flatMap(({ fixes }) => fixes ?? [])).toContainEqual(
      expect.objectContaining({ type: 'fit', column: 'ref 1' }),
    )
  })
})

describe('a reference that was edited after the import', () => {
  it.each([
    ['with an id', { id: 'a' }],
    ['without an id', {}],
  ])('makes its row a changed one %s, and is named', async (_, more) => {
    put('lake-at-dusk.jpg', 'lake.jpg')
    const rows = [i2v('one', { 'ref 1': 'lake.jpg', ...more }), i2v('two')]
    await create(rows)
    await world.settle()
    put('glass-garden.jpg', 'lake.jpg')
    const found = await check(rows)
    expect(found).toMatchObject({ changed: 1, same: 1, gone: 0, fresh: 1 })
    expect(found.rows[0]?.problems).toEqual([
      expect.objectContaining({
        code: 'reference-changed',
        level: 'warning',
        what: expect.stringContaining('lake.jpg is another file than the one that was ordered'),
      }),
    ])
    expect(found.problems.map(({ what }) => what)).toEqual([expect.stringContaining('One row was bought')])
    put('lake-at-dusk.jpg', 'lake.jpg')
    expect(await create(rows)).toMatchObject({ created: 0, same: 2 })
  })

  it('and was not bought yet is replaced: only the new picture is sent', async () => {
    put('lake-at-dusk.jpg', 'lake.jpg')
    await world.client.accounts.pause({ name: 'practice' })
    const rows = [i2v('one', { 'ref 1': 'lake.jpg' })]
    await create(rows)
    put('glass-garden.jpg', 'lake.jpg')
    expect(await create(rows)).toMatchObject({ created: 1, changed: 1, gone: 0 })
    expect(await create(rows)).toMatchObject({ created: 0, same: 1, gone: 0 })
    await world.client.accounts.resume({ name: 'practice' })
    await world.settle()
    expect(await world.states()).toEqual(['cancelled', 'done'])
    expect(world.tasks()).toHaveLength(1)
  })
})

describe('a stored copy that is deleted between check and submit', () => {
  it.each([
    ['a file service', i2v('one')],
    ['a request that holds it', vtrix('one')],
  ])('is found before %s is asked: a sentence, and nothing is spent', async (_, row) => {
    const { runId } = await create([row], { isHeld: true })
    const folder = join(world.home, 'references')
    for (const shelf of readdirSync(folder)) rmSync(join(folder, shelf), { recursive: true })
    await world.client.runs.start({ id: runId })
    await world.settle()
    expect(world.tasks()).toEqual([])
    const [job] = await world.jobs(runId)
    expect(job?.problem).toMatchObject({ code: 'reference-missing' })
    expect(job?.problem?.what).toContain('is gone')
    expect(world.app.core.engine.store.runs.get(runId)?.countedMicros).toBe(0)
  })
})
