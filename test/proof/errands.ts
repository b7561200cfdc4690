/** What a person may ask of a life besides its runs; each may be asked again by the next life. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { App } from '../../src/main/core/app.ts'
import { serveClip } from '../../src/main/core/media/clip.ts'
import { serveReference } from '../../src/main/core/media/reference.ts'
import { addUpload } from '../../src/main/core/media/upload.ts'
import { repairFolder } from '../../src/main/core/repair.ts'
import { ProblemError } from '../../src/shared/problem.ts'
import type { Errand, LifeOrder } from './life.ts'

/** Goes back to a backup if the database is damaged, as a person would who reads what the app says. */
export function repairIfAsked({ home, number, errands }: LifeOrder, now: number): void {
  if (!errands?.includes('repair')) return
  try {
    repairFolder(home, `life ${number}`, now)
  } catch (error) {
    // It is whole: this was done in an earlier life.
    if (!(error instanceof ProblemError) || error.problem.code !== 'not-possible') throw error
  }
}

/** Does one errand and says in words what came of it; a refusal is an answer too. */
export async function runErrand(errand: Errand, app: App, order: LifeOrder): Promise<string> {
  if (errand === 'repair') throw new Error('a repair is asked for before anything else')
  try {
    return JSON.stringify(await ERRANDS[errand](app, order))
  } catch (error) {
    if ('data' in (error as object)) return JSON.stringify((error as { data: unknown }).data)
    if (error instanceof ProblemError) return JSON.stringify(error.problem)
    throw error
  }
}

const ERRANDS: Record<Exclude<Errand, 'repair'>, (app: App, order: LifeOrder) => Promise<unknown>> = {
  'check clips': ({ client }: App) => client.clips.check({}),
  'rebuild the library': ({ client }: App, { archive }: LifeOrder) =>
    client.clips.rebuild({ folder: archive }),
  'export the run': ({ client }: App, { home, number }: LifeOrder) =>
    client.runs.export({ id: 1, file: join(dirname(home), `export-${number}.csv`) }),
  'import again': async ({ client }: App, { runs, archive }: LifeOrder) => {
    const path = String(runs[0]?.sheet)
    const lines = readFileSync(path, 'utf8').split('\n')
    // A column that means nothing: the sheet is another one, its rows are the same.
    writeFileSync(path, lines.map((line, at) => `${line},"${at === 0 ? 'shelf' : 'upper'}"`).join('\n'))
    const { created, same } = await client.runs.create({ path, archiveFolder: archive })
    if (created !== 0) throw new Error(`${created} rows were made once more, and ${same} were known`)
    return same
  },
  'retry what failed': ({ client }: App) => client.runs.retryFailed({ id: 1 }),
  'pause and go on': async ({ client }: App) => {
    await client.runs.pause({ id: 1 })
    await client.jobs.pause({ ids: [1] })
    await client.accounts.pause({ name: 'evolink-1' })
    await client.accounts.resume({ name: 'evolink-1' })
    await client.jobs.resume({ ids: [1] })
    await client.jobs.prioritise({ ids: [1], priority: 5 })
    return await client.runs.resume({ id: 1, capMicros: null })
  },
  'move to another model': async (app: App) => {
    const ids = await idsIn(app, 'failed')
    return ids.length > 0 ? await app.client.jobs.moveToModel({ ids, model: 'wan2.6-image-to-video' }) : null
  },
  'release what is held': async (app: App) => {
    const ids = await idsIn(app, 'held')
    return ids.length > 0 ? await app.client.jobs.release({ ids }) : null
  },
  'leave what is unconfirmed': async (app: App) => {
    for (const id of await idsIn(app, 'unconfirmed'))
      await app.client.jobs.reconcile({ id, answer: { type: 'leave' } })
    return null
  },
  'fetch again': async (app: App) => {
    const ids = [...(await idsIn(app, 'failed')), ...(await idsIn(app, 'cancelled'))]
    return ids.length > 0 ? await app.client.jobs.refetch({ ids }) : null
  },
  'change accounts': async ({ client }: App) => {
    const tested = [await client.accounts.test({ name: 'evolink-1' })]
    tested.push(await client.accounts.test({ name: 'vtrix-1' }))
    await client.accounts.update({ name: 'vtrix-1', key: 'sk-another' })
    await client.accounts.update({ name: 'vtrix-1', capMicros: null })
    await client.settings.set({ nameTemplate: '{run}/{row:000}-{slug}-{take}' })
    return tested
  },
  'add references': async ({ client, core }: App, { home, resources }: LifeOrder) => {
    const media = join(resources, '../sample/media')
    const copy = join(dirname(home), 'from a browser.jpg')
    const added = await client.references.add({ path: join(media, 'ringed-planet.webp') })
    if (!existsSync(copy)) writeFileSync(copy, 'no picture at all')
    await addUpload(core, copy, 'broken.jpg').catch(() => null)
    return [added, await addUpload(core, join(media, 'glass-garden.jpg'), 'glass.jpg')]
  },
  'look at media': async ({ client, core }: App) => {
    const sizes: number[] = []
    const { clips } = await client.clips.page({})
    for (const range of [undefined, 'bytes=0-99', 'bytes=99999999-']) {
      for (const { id } of clips)
        sizes.push(await sizeOf(await serveClip(core, String(id), { method: 'GET', range })))
      for (const { id } of await client.references.list({}))
        sizes.push(await sizeOf(await serveReference(core, String(id), { method: 'GET', range })))
    }
    const tag = `"${clips[0]?.sha256}"`
    sizes.push(await sizeOf(await serveClip(core, '1', { method: 'GET', ifNoneMatch: tag })))
    sizes.push(await sizeOf(await serveClip(core, '1', { method: 'HEAD' })))
    return sizes
  },
  'check a sheet with mistakes': async ({ client }: App, { home, resources }: LifeOrder) => {
    const path = join(dirname(home), 'mistakes.csv')
    const broken = join(dirname(home), 'broken.png')
    writeFileSync(broken, Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'))
    const lake = join(resources, '../sample/media/lake-at-dusk.jpeg')
    // A good one is among them, whose file is not at its provider yet: the service is asked how many it takes.
    const garden = join(resources, '../sample/media/glass-garden.jpg')
    const cells = [lake, broken, dirname(home), 'https://example.invalid/a.jpg', 'nowhere.jpg', garden]
    const rows = cells.map((cell, row) => `"mistake ${row}",wan2.6-image-to-video-flash,evolink-1,"${cell}"`)
    writeFileSync(path, ['prompt,model,account,ref 1', ...rows].join('\n'))
    return (await client.sheets.check({ path })).rows.length
  },
}

async function idsIn(
  { client }: App,
  state: 'failed' | 'held' | 'cancelled' | 'unconfirmed',
): Promise<number[]> {
  return (await client.jobs.page({ states: [state] })).jobs.map(({ id }) => id)
}

const sizeOf = async (answer: Response): Promise<number> => (await answer.arrayBuffer()).byteLength
