import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Client } from '../../src/renderer/api/connect.ts'
import type { Contract } from '../../src/shared/contract.ts'
import { until } from '../support/hand-clock.ts'
import { flat } from '../support/odd-pictures.ts'
import { i2v, SAMPLE_MEDIA, type World } from '../support/world.ts'

/** `noun.verb` of every call there is. */
export type CallName = {
  [Noun in keyof Contract & string]: `${Noun}.${keyof Contract[Noun] & string}`
}[keyof Contract & string]

export interface Case {
  /** The call as meant to be used, with what comes back. */
  works(client: Client, world: World): Promise<void>
  /** Input that is refused, and the field that the refusal names; null for a call without input. */
  refuses: { input: unknown; field: string } | null
}

const badId = { input: { id: 'one' }, field: 'id' }
const badIds = { input: { ids: [] }, field: 'ids' }
const badName = { input: { name: 'No Spaces Here' }, field: 'name' }

const rows = (count: number) => Array.from({ length: count }, (_, index) => i2v(`row number ${index + 1}`))

/** A run whose rows are held: nothing is bought. */
const held = (world: World, count = 2): Promise<number> => world.run(rows(count), { isHeld: true })

async function idsOf(world: World, runId: number): Promise<number[]> {
  return (await world.jobs(runId)).map((job) => job.id)
}

async function finished(world: World, row = i2v('a calm lake')): Promise<number> {
  const runId = await world.run([row])
  await world.settle()
  return runId
}

/** A row whose order may have reached the provider: the only kind that a person has to resolve. */
async function unconfirmed(world: World): Promise<number> {
  const server = await world.stranger()
  await world.account('vtrix', server.url)
  const runId = await world.run(
    [
      {
        prompt: 'by a lake [accept then-cut]',
        model: 'wan26_r2v',
        duration: 2,
        size: '1280*720',
        'ref 1': join(SAMPLE_MEDIA, 'lake-at-dusk.jpg'),
      },
    ],
    { accounts: ['vtrix-1'] },
  )
  await world.settle()
  expect(await world.states(runId)).toEqual(['unconfirmed'])
  return (await idsOf(world, runId))[0] as number
}

export const CASES: Record<CallName, Case> = {
  'app.hello': {
    refuses: null,
    works: async (client, world) => {
      const hello = await client.app.hello()
      expect(hello).toMatchObject({ version: '0.0.0-test', gestures: [], dataFolder: world.home })
    },
  },
  'app.watch': {
    refuses: null,
    works: async (client, world) => {
      const news = await client.app.watch()
      const first = news.next()
      await until(() => isWatched(world), 'somebody watches')
      const [id] = await idsOf(world, await held(world, 1))
      await client.jobs.pause({ ids: [id as number] })
      await world.clock.advance(100)
      expect((await first).value).toMatchObject({ type: 'jobs.changed', isAll: false })
      await news.return?.()
    },
  },
  'accounts.list': {
    refuses: null,
    works: async (client) => {
      expect(await client.accounts.list()).toMatchObject([
        { name: 'practice', family: 'practice', hasKey: true },
      ])
    },
  },
  'accounts.add': {
    refuses: { input: { name: 'studio', family: 'somebody' }, field: 'family' },
    works: async (client) => {
      const account = await client.accounts.add({ name: 'studio', family: 'vtrix', capMicros: 5_000_000 })
      expect(account).toMatchObject({ name: 'studio', currency: 'usd', capMicros: 5_000_000, hasKey: false })
      expect(account).not.toHaveProperty('key')
    },
  },
  'accounts.update': {
    refuses: { input: { name: 'practice', capMicros: -1 }, field: 'capMicros' },
    works: async (client) => {
      const account = await client.accounts.update({ name: 'practice', limits: { inFlight: 2 } })
      expect(account.limits.inFlight).toBe(2)
    },
  },
  'accounts.remove': {
    refuses: badName,
    works: async (client) => {
      await client.accounts.add({ name: 'studio', family: 'vtrix' })
      expect(await client.accounts.remove({ name: 'studio' })).toEqual({ removed: true })
      expect(await client.accounts.list()).toHaveLength(1)
    },
  },
  'accounts.test': {
    refuses: badName,
    works: async (client) => {
      expect(await client.accounts.test({ name: 'practice' })).toMatchObject({ works: true, problem: null })
    },
  },
  'accounts.pause': {
    refuses: badName,
    works: async (client) => {
      expect(await client.accounts.pause({ name: 'practice' })).toMatchObject({ isPaused: true })
    },
  },
  'accounts.resume': {
    refuses: badName,
    works: async (client) => {
      await client.accounts.pause({ name: 'practice' })
      expect(await client.accounts.resume({ name: 'practice' })).toMatchObject({ isPaused: false })
    },
  },
  'models.list': {
    refuses: null,
    works: async (client) => {
      const models = await client.models.list()
      expect(models.filter((model) => model.isInFirstRelease)).toHaveLength(4)
      expect(models.find((model) => model.id === 'wan26_r2v')?.parameters.length).toBeGreaterThan(3)
    },
  },
  'sheets.check': {
    refuses: { input: { path: '' }, field: 'path' },
    works: async (client, world) => {
      const check = await client.sheets.check({ path: world.sheet([...rows(2), i2v('x', { duration: 99 })]) })
      expect(JSON.stringify(check)).toContain('duration')
      expect(world.tasks()).toHaveLength(0)
    },
  },
  'runs.create': {
    refuses: { input: { path: 'sheet.csv', archiveFolder: 'clips', capMicros: 0.5 }, field: 'capMicros' },
    works: async (client, world) => {
      const created = await client.runs.create({
        path: world.sheet(rows(3)),
        archiveFolder: world.archive,
        isHeld: true,
      })
      expect(created).toMatchObject({ isNew: true, created: 3, same: 0, withProblems: 0, problems: [] })
    },
  },
  'runs.start': {
    refuses: badId,
    works: async (client, world) => {
      const id = await held(world)
      expect(await client.runs.start({ id })).toEqual({ touched: 2, refused: [] })
      expect((await client.runs.get({ id })).startedAt).not.toBeNull()
    },
  },
  'runs.takeBack': {
    refuses: badId,
    works: async (client, world) => {
      const id = await held(world)
      await client.runs.schedule({ id, startAt: world.clock.now() + 60_000 })
      await client.runs.start({ id })
      expect(await client.runs.takeBack({ id })).toEqual({ touched: 2, refused: [] })
      expect(await client.runs.get({ id })).toMatchObject({ counts: { held: 2 } })
    },
  },
  'runs.schedule': {
    refuses: { input: { id: 1, startAt: 'tomorrow' }, field: 'startAt' },
    works: async (client, world) => {
      const id = await held(world)
      const startAt = world.clock.now() + 60_000
      expect(await client.runs.schedule({ id, startAt })).toMatchObject({ id, startAt })
      expect(await client.runs.schedule({ id, startAt: null })).toMatchObject({ id, startAt: null })
    },
  },
  'runs.list': {
    refuses: null,
    works: async (client, world) => {
      const id = await held(world)
      expect(await client.runs.list()).toMatchObject([{ id, counts: { held: 2 }, isPaused: false }])
    },
  },
  'runs.get': {
    refuses: badId,
    works: async (client, world) => {
      const id = await held(world)
      expect(await client.runs.get({ id })).toMatchObject({ id, archiveFolder: world.archive })
    },
  },
  'runs.pause': {
    refuses: badId,
    works: async (client, world) => {
      const id = await held(world)
      expect(await client.runs.pause({ id })).toMatchObject({ id, isPaused: true })
    },
  },
  'runs.resume': {
    refuses: { input: { id: 1, capMicros: -1 }, field: 'capMicros' },
    works: async (client, world) => {
      const id = await held(world)
      await client.runs.pause({ id })
      expect(await client.runs.resume({ id, capMicros: 7 })).toMatchObject({ isPaused: false, capMicros: 7 })
    },
  },
  'runs.attention': {
    refuses: badId,
    works: async (client, world) => {
      const id = await held(world)
      expect(await client.runs.attention({ id })).toMatchObject({ moving: 0, waiting: 2, finished: 0 })
    },
  },
  'runs.retryFailed': {
    refuses: badId,
    works: async (client, world) => {
      const id = await finished(world, i2v('refused [400]'))
      expect(await client.runs.retryFailed({ id })).toEqual({ touched: 1, refused: [] })
    },
  },
  'runs.export': {
    refuses: { input: { id: 1, file: '' }, field: 'file' },
    works: async (client, world) => {
      const id = await held(world)
      const file = join(world.folder, 'manifest.csv')
      expect(await client.runs.export({ id, file })).toEqual({ rows: 2 })
      expect(readFileSync(file, 'utf8')).toContain('row number 2')
      const other = join(world.folder, 'manifest')
      expect(await client.runs.export({ id, file: other, format: 'json' })).toEqual({ rows: 2 })
      expect(JSON.parse(readFileSync(other, 'utf8'))).toMatchObject([{ state: 'held' }, { state: 'held' }])
    },
  },
  'jobs.page': {
    refuses: { input: { limit: 201 }, field: 'limit' },
    works: async (client, world) => {
      const runId = await held(world, 3)
      const first = await client.jobs.page({ runId, limit: 2 })
      expect(first).toMatchObject({ total: 3, jobs: [{ row: 1 }, { row: 2 }] })
      expect(await client.jobs.page({ runId, limit: 2, after: first.next })).toMatchObject({
        jobs: [{ row: 3 }],
        next: null,
      })
    },
  },
  'jobs.counts': {
    refuses: { input: { runId: 'one' }, field: 'runId' },
    works: async (client, world) => {
      const runId = await held(world)
      expect((await client.jobs.counts({ runId })).held).toBe(2)
    },
  },
  'jobs.get': {
    refuses: badId,
    works: async (client, world) => {
      const [id] = await idsOf(world, await finished(world))
      const detail = await client.jobs.get({ id: id as number })
      expect(detail).toMatchObject({ job: { id, state: 'done' }, attempts: [{ outcome: 'accepted' }] })
      expect(detail.clip?.path).toMatch(/\.mp4$/)
      expect(detail.request).toMatchObject({ model: 'wan2.6-image-to-video-flash' })
    },
  },
  'jobs.pause': {
    refuses: badIds,
    works: async (client, world) => {
      const ids = await idsOf(world, await held(world))
      expect(await client.jobs.pause({ ids })).toEqual({ touched: 2, refused: [] })
      expect(await world.jobs()).toMatchObject([{ isPaused: true }, { isPaused: true }])
    },
  },
  'jobs.resume': {
    refuses: badIds,
    works: async (client, world) => {
      const ids = await idsOf(world, await held(world))
      await client.jobs.pause({ ids })
      expect(await client.jobs.resume({ ids })).toEqual({ touched: 2, refused: [] })
    },
  },
  'jobs.cancel': {
    refuses: badIds,
    works: async (client, world) => {
      const ids = await idsOf(world, await held(world))
      expect(await client.jobs.cancel({ ids })).toEqual({ touched: 2, refused: [] })
      expect(await world.states()).toEqual(['cancelled', 'cancelled'])
    },
  },
  'jobs.release': {
    refuses: badIds,
    works: async (client, world) => {
      const ids = await idsOf(world, await held(world))
      expect(await client.jobs.release({ ids })).toEqual({ touched: 2, refused: [] })
      expect(await world.states()).not.toContain('held')
    },
  },
  'jobs.refetch': {
    refuses: badIds,
    works: async (client, world) => {
      const ids = await idsOf(world, await held(world, 1))
      const answer = await client.jobs.refetch({ ids })
      expect(answer).toMatchObject({ touched: 0, refused: [{ code: 'not-possible', place: { row: 1 } }] })
    },
  },
  'jobs.moveToModel': {
    refuses: { input: { ids: [1], model: '' }, field: 'model' },
    works: async (client, world) => {
      const ids = await idsOf(world, await held(world, 1))
      const model = 'wan2.7-image-to-video'
      expect(await client.jobs.moveToModel({ ids, model })).toEqual({ touched: 1, refused: [] })
      expect(await world.jobs()).toMatchObject([{ state: 'held', model, order: { model } }])
    },
  },
  'jobs.prioritise': {
    refuses: { input: { ids: [1], priority: 1001 }, field: 'priority' },
    works: async (client, world) => {
      const ids = await idsOf(world, await held(world, 1))
      expect(await client.jobs.prioritise({ ids, priority: 9 })).toEqual({ touched: 1, refused: [] })
      expect(await world.jobs()).toMatchObject([{ priority: 9 }])
    },
  },
  'jobs.reconcile': {
    refuses: {
      input: { id: 1, answer: { type: 'exists', remoteId: 'has spaces' } },
      field: 'answer.remoteId',
    },
    works: async (client, world) => {
      const id = await unconfirmed(world)
      expect(await client.jobs.reconcile({ id, answer: { type: 'leave' } })).toMatchObject({
        id,
        state: 'cancelled',
      })
    },
  },
  'clips.page': {
    refuses: { input: { limit: 0 }, field: 'limit' },
    works: async (client, world) => {
      const runId = await finished(world)
      const page = await client.clips.page({ runId })
      expect(page).toMatchObject({
        total: 1,
        next: null,
        clips: [{ runId, condition: 'whole', width: 1280 }],
      })
    },
  },
  'clips.check': {
    refuses: { input: { runId: 'one' }, field: 'runId' },
    works: async (client, world) => {
      await finished(world)
      expect(await client.clips.check({})).toEqual({ whole: 1, missing: 0, changed: 0, problems: [] })
      const [clip] = (await client.clips.page({})).clips
      rmSync(join(clip?.archiveFolder ?? '', clip?.path ?? ''))
      expect(await client.clips.check({})).toMatchObject({ missing: 1, problems: [{ code: 'clip-missing' }] })
    },
  },
  'clips.rebuild': {
    refuses: { input: { folder: '' }, field: 'folder' },
    works: async (client, world) => {
      await finished(world)
      expect(await client.clips.rebuild({ folder: world.archive })).toEqual({
        added: 0,
        known: 1,
        problems: [],
      })
    },
  },
  'references.list': {
    refuses: { input: { offset: -1 }, field: 'offset' },
    works: async (client, world) => {
      await held(world, 1)
      expect(await client.references.list({})).toMatchObject([{ kind: 'image', name: 'lake-at-dusk.jpg' }])
    },
  },
  'references.add': {
    refuses: { input: { path: '' }, field: 'path' },
    works: async (client, world) => {
      const path = join(world.folder, 'boat.png')
      copyFileSync(join(SAMPLE_MEDIA, 'paper-boat.png'), path)
      const { added, known, problems } = await client.references.add({ path })
      expect(added).toMatchObject([{ kind: 'image', format: 'png', name: 'boat.png', originalPath: path }])
      expect([known, problems]).toEqual([[], []])
      expect(existsSync(path)).toBe(true)
    },
  },
  'references.get': {
    refuses: badId,
    works: async (client, world) => {
      const runId = await held(world, 2)
      const [one] = await client.references.list({ search: 'LAKE', kind: 'image' })
      expect(await client.references.get({ id: one?.id ?? 0 })).toMatchObject({
        reference: { name: 'lake-at-dusk.jpg' },
        original: 'whole',
        jobs: 2,
        runs: [{ id: runId, jobs: 2 }],
        uploads: [],
        limits: [],
      })
    },
  },
  'references.fit': {
    refuses: { input: { id: 1, background: 'red' }, field: 'background' },
    works: async (client, world) => {
      const path = join(world.folder, 'wide.jpg')
      await flat(4000, 300).jpeg().toFile(path)
      const [wide] = (await client.references.add({ path })).added
      expect(await client.references.fit({ id: wide?.id ?? 0 })).toMatchObject({
        sourceId: wide?.id,
        width: 2000,
        height: 360,
        change: 'scaled from 4000 x 300 to 2000 x 360 on white',
      })
    },
  },
  'references.trim': {
    refuses: { input: { id: 1, maximumMs: 10 }, field: 'maximumMs' },
    works: async (client) => {
      const [film] = (await client.references.add({ path: join(SAMPLE_MEDIA, 'colony.mp4') })).added
      const cut = await client.references.trim({ id: film?.id ?? 0, maximumMs: 2000 })
      expect(cut).toMatchObject({ sourceId: film?.id, kind: 'video', hasSound: film?.hasSound })
      expect(cut.durationMs).toBeLessThanOrEqual(2000)
    },
  },
  'references.relink': {
    refuses: { input: { folder: '' }, field: 'folder' },
    works: async (client, world) => {
      const path = join(world.folder, 'boat.png')
      copyFileSync(join(SAMPLE_MEDIA, 'paper-boat.png'), path)
      await client.references.add({ path })
      mkdirSync(join(world.folder, 'elsewhere'))
      renameSync(path, join(world.folder, 'elsewhere', 'renamed.png'))
      const { found, missing, problems } = await client.references.relink({ folder: world.folder })
      expect(found).toMatchObject([
        { name: 'boat.png', originalPath: join(world.folder, 'elsewhere', 'renamed.png') },
      ])
      expect([missing, problems]).toEqual([[], []])
    },
  },
  'references.probe': {
    refuses: { input: { address: 'ftp://example.com/a.jpg' }, field: 'address' },
    works: async (client) => {
      const facts = await client.references.probe({ address: 'https://127.0.0.1/a.jpg' })
      expect(facts).toMatchObject({ kind: null, problem: { code: 'address-refused' } })
    },
  },
  'ledger.summary': {
    refuses: { input: { runId: 'one' }, field: 'runId' },
    works: async (client, world) => {
      const runId = await finished(world)
      const sums = await client.ledger.summary({ runId })
      expect(sums).toMatchObject([{ account: 'practice', currency: 'credits', standing: 'charged', jobs: 1 }])
      expect(sums[0]?.chargedMicros).toBeGreaterThan(0)
    },
  },
  'ledger.export': {
    refuses: { input: { file: 'ledger.csv', format: 'pdf' }, field: 'format' },
    works: async (client, world) => {
      const runId = await finished(world)
      const file = join(world.folder, 'ledger.xlsx')
      expect(await client.ledger.export({ runId, file })).toEqual({ rows: 1 })
      expect(readFileSync(file, 'latin1')).toMatch(/^PK/)
    },
  },
  'prices.list': {
    refuses: { input: { account: 'No Spaces Here' }, field: 'account' },
    works: async (client) => {
      const prices = await client.prices.list({ account: 'practice' })
      expect(prices).toContainEqual(
        expect.objectContaining({
          model: 'wan2.6-image-to-video',
          quality: '720p',
          perSecondMicros: 4_760_000,
        }),
      )
    },
  },
  'settings.get': {
    refuses: null,
    works: async (client) => {
      expect(await client.settings.get()).toHaveProperty('archiveFolder', null)
    },
  },
  'settings.set': {
    refuses: { input: { proxyUrl: 'no address' }, field: 'proxyUrl' },
    works: async (client) => {
      await client.settings.set({ archiveFolder: '/clips' })
      expect(await client.settings.get()).toHaveProperty('archiveFolder', '/clips')
    },
  },
}

/**
 * Whether anybody watches: only then does a change wait for the clock, to be told. Lets what waits already be
 * told first.
 */
export async function isWatched(world: World): Promise<boolean> {
  await world.clock.advance(100)
  const before = world.clock.waiting
  world.app.core.engine.changed(1)
  return world.clock.waiting > before
}
