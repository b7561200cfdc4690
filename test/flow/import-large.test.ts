import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { problemOf } from '../../src/main/core/handlers/context.ts'
import { until } from '../support/hand-clock.ts'
import { i2v, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const MANY = 3_500
const rows = Array.from({ length: MANY }, (_, index) => ({
  prompt: `a heron number${index}`,
  model: 'wan2.6-text-to-video',
  duration: 5,
}))

const found = async (search: string): Promise<number> =>
  (await world.client.jobs.page({ search, limit: 1 })).total

describe('a large import', () => {
  it('is found by its words, the last rows a moment later', async () => {
    world = await World.open()
    await world.client.accounts.pause({ name: 'practice' })
    await world.client.runs.create({ path: world.sheet(rows), archiveFolder: world.archive })
    expect(await found('number0')).toBe(1)
    await until(async () => (await found('heron')) === MANY, 'all rows are found')
    expect(await found(`number${MANY - 1}`)).toBe(1)
  })

  it('is found after a restart, too, when the app was stopped right away', async () => {
    world = await World.open()
    await world.client.accounts.pause({ name: 'practice' })
    await world.client.runs.create({ path: world.sheet(rows), archiveFolder: world.archive })
    await world.restart()
    await until(async () => (await found('heron')) === MANY, 'all rows are found')
  })

  it('gives each row what it orders, though most are checked together', async () => {
    world = await World.open()
    await world.client.accounts.pause({ name: 'practice' })
    const mixed = rows.map((row, index) => ({ ...row, duration: index % 2 ? 5 : 10, id: `id ${index}` }))
    await world.client.runs.create({ path: world.sheet(mixed), archiveFolder: world.archive })
    const { jobs } = world.app.core.engine.store
    for (const id of [1, 2, MANY - 1, MANY]) {
      const job = jobs.get(id)
      const duration = id % 2 ? 10 : 5
      expect(job).toMatchObject({ prompt: `a heron number${id - 1}`, rowKey: `id ${id - 1}` })
      expect(job?.order).toMatchObject({ prompt: `a heron number${id - 1}`, duration })
    }
    expect(jobs.get(1)?.estimateMicros).toBe(2 * (jobs.get(2)?.estimateMicros ?? 0))
    expect(new Set(jobs.earlierOf(1).map((job) => job.fingerprint)).size).toBe(MANY)
  })
})

describe.skipIf(process.platform === 'win32')('names that do not fit into the archive folder', () => {
  const LIMIT = 4095
  /** A folder of just this many bytes, whatever the world's own is. */
  function folderOf(bytes: number): string {
    let folder = world.archive
    while (folder.length + 202 < bytes) folder = join(folder, 'd'.repeat(200))
    return join(folder, 'd'.repeat(bytes - folder.length - 1))
  }
  const create = (bytes: number, more: Record<string, unknown>) =>
    world.client.runs
      .create({
        path: world.sheet([i2v('a boat of twenty let'), i2v('灯'.repeat(13))]),
        archiveFolder: folderOf(bytes),
        ...more,
      })
      .catch((error: unknown) => problemOf(error).code)

  it('are refused by the name that the run will have', async () => {
    world = await World.open()
    const more = { nameTemplate: '{run}/{row}.mp4', name: 'n'.repeat(60) }
    expect(await create(LIMIT - 60, more)).toBe('path-too-long')
    expect(world.tasks()).toEqual([])
  })

  it('are refused by their bytes, not by their characters', async () => {
    world = await World.open()
    expect(await create(LIMIT - 50, { nameTemplate: '{slug}.mp4' })).toBe('path-too-long')
    expect(world.tasks()).toEqual([])
  })
})
