import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { problemOf } from '../../src/main/core/handlers/context.ts'
import type { ExportFormat } from '../../src/shared/contract.ts'
import { SAMPLE_MEDIA, World } from '../support/world.ts'

let world: World
let other: World | undefined
beforeEach(async () => {
  world = await World.open()
})
afterEach(async () => {
  await world.close()
  await other?.close()
  other = undefined
})

type Rows = Parameters<World['sheet']>[0]
const t2v = (prompt: string, more: Record<string, string | number> = {}) => ({
  prompt,
  model: 'wan2.6-text-to-video',
  duration: 5,
  ...more,
})
const create = (rows: Rows, more: Record<string, unknown> = {}) =>
  world.client.runs.create({ path: world.sheet(rows), archiveFolder: world.archive, ...more })
const exported = async (runId: number, name = 'manifest.csv') => {
  const file = join(world.folder, name)
  await world.client.runs.export({ id: runId, file })
  return file
}
const again = (path: string, options: Record<string, unknown> = {}, into = world) =>
  into.client.runs.create({ path, archiveFolder: into.archive, options })

describe('a manifest', () => {
  const rows = [t2v('good'), t2v('bad [400]', { id: 'b' }), t2v('let go'), t2v('{x|y} [400]')]
  let runId: number
  beforeEach(async () => {
    const made = await create(rows, { options: { expansion: { choices: 'literal' } }, isHeld: true })
    runId = made.runId
    const jobs = await world.jobs()
    await world.client.jobs.cancel({
      ids: jobs.filter(({ prompt }) => prompt === 'let go').map(({ id }) => id),
    })
    await world.client.runs.start({ id: runId })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'failed', 'cancelled', 'failed'])
  })

  it('orders again what failed or was let go, in the run that it is of, and tells of the rest once', async () => {
    const path = await exported(runId)
    const found = await world.client.sheets.check({ path })
    expect(found).toMatchObject({ isManifest: true, runId, jobCount: 4, fresh: 3, same: 1, gone: 0 })
    expect(found.problems.map(({ level, what }) => [level, what])).toEqual([
      ['info', expect.stringContaining('One row of this manifest is archived')],
    ])
    const made = await again(path)
    expect(made).toMatchObject({ runId, isNew: false, created: 3, same: 1 })
    expect(world.app.core.engine.store.jobs.ofRun(runId).map(({ row, take }) => `${row}/${take}`)).toEqual([
      '1/1',
      '2/1',
      '2/2',
      '3/1',
      '3/2',
      '4/1',
      '4/2',
    ])
    expect(await again(path)).toMatchObject({ created: 0, same: 4 })
    await world.settle()
    expect(await again(path)).toMatchObject({ created: 0, same: 4 })
    expect(world.tasks().map((task) => task.prompt)).toEqual(['good', 'bad [400]', 'let go', '{x|y} [400]'])
  })

  it('orders only what failed where that is asked for', async () => {
    expect(await again(await exported(runId), { isFailedOnly: true })).toMatchObject({ created: 2, same: 2 })
    const sheet = world.sheet([t2v('a')], 'plain')
    const refused = await again(sheet, { isFailedOnly: true }).catch(problemOf)
    expect(refused).toMatchObject({ code: 'wrong-use' })
  })

  it('that is older than what happened since orders nothing that may have been bought', async () => {
    const path = await exported(runId)
    const ids = (await world.jobs()).filter(({ state }) => state === 'cancelled').map(({ id }) => id)
    await world.client.jobs.release({ ids })
    await world.settle()
    expect(world.tasks()).toHaveLength(2)
    expect(await again(path)).toMatchObject({ created: 2, same: 2 })
    expect(await again(await exported(runId, 'newer.csv'), { isFailedOnly: true })).toMatchObject({
      created: 0,
    })
  })

  it('of another computer makes a run of what failed, and buys nothing twice', async () => {
    const path = await exported(runId)
    other = await World.open()
    const there = join(other.folder, 'from-elsewhere.csv')
    writeFileSync(there, readFileSync(path))
    expect(await again(there, {}, other)).toMatchObject({ isNew: true, created: 3, same: 1 })
    await other.settle()
    // What was refused there too is asked for once more; what was made there is not.
    expect(await again(there, {}, other)).toMatchObject({ isNew: false, created: 2, same: 2 })
    expect(await again(there, {}, other)).toMatchObject({ created: 0, same: 4 })
    await other.settle()
    renameSync(there, join(other.folder, 'renamed.csv'))
    expect(await again(join(other.folder, 'renamed.csv'), {}, other)).toMatchObject({ created: 0 })
  })

  it('whose charged or running rows were marked as failed by hand is not believed', async () => {
    const path = await exported(runId)
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('done', 'failed'))
    expect(await again(path)).toMatchObject({ created: 3, same: 1 })
  })

  it('orders a failed task again, but none whose end nobody knows', async () => {
    const tasks = [t2v('task [fail code=service_error]'), t2v('lost [forget]')]
    const path = world.sheet(tasks, 'tasks')
    const made = await world.client.runs.create({ path, archiveFolder: world.archive })
    await world.settle()
    const states = await world.states(made.runId)
    expect(states).toEqual(['failed', 'failed'])
    const file = await exported(made.runId, 'tasks-manifest.csv')
    const found = await world.client.sheets.check({ path: file })
    expect(found.rows.map(({ standing, problems }) => [standing, problems.length])).toEqual([
      ['new', 0],
      ['same', 0],
    ])
    other = await World.open()
    const there = join(other.folder, 'tasks.csv')
    writeFileSync(there, readFileSync(file))
    const elsewhere = await other.client.sheets.check({ path: there })
    expect(elsewhere.rows.map(({ problems }) => problems[0]?.code)).toEqual([
      'outcome-unknown',
      'outcome-unknown',
    ])
    expect(elsewhere.rows[0]?.problems[0]).toMatchObject({ level: 'warning' })
  })

  it('made of two runs by hand buys nothing twice either', async () => {
    const path = world.sheet([t2v('task [fail code=service_error]')], 'second')
    const second = await world.client.runs.create({ path, archiveFolder: world.archive })
    await world.settle()
    const first = readFileSync(await exported(runId), 'utf8')
    const more = readFileSync(await exported(second.runId, 'second-manifest.csv'), 'utf8')
    const [head, ...rest] = more.trimEnd().split('\r\n')
    expect(first.split('\r\n')[0]).toBe(`${head?.replace('duration,', 'duration,id,')}`)
    const lines = rest.map((line) => line.replace(',5,', ',5,,'))
    const both = join(world.folder, 'both.csv')
    writeFileSync(both, `${first.trimEnd()}\r\n${lines.join('\r\n')}\r\n`)
    expect(await again(both)).toMatchObject({ created: 4, same: 1 })
    await world.settle()
    expect(await again(both)).toMatchObject({ created: 0, same: 5 })
  })

  it('is read as it stands: braces are letters, and takes make no more of it', async () => {
    const path = await exported(runId)
    const found = await world.client.sheets.check({ path, options: { expansion: { takes: 3 } } })
    expect(found.jobCount).toBe(4)
    expect(found.rows[3]?.prompt).toBe('{x|y} [400]')
    expect(found.problems.map(({ level }) => level)).toContain('warning')
  })

  it('finds files that lie far from it among the stored ones, and guesses among none', async () => {
    const row = (prompt: string, file: string) => ({
      prompt: `${prompt} [400]`,
      model: 'wan2.6-image-to-video-flash',
      duration: 2,
      'ref 1': file,
    })
    for (const [folder, file] of [
      ['one', 'lake-at-dusk.jpg'],
      ['two', 'glass-garden.jpg'],
    ] as const) {
      mkdirSync(join(world.folder, 'sheets', folder), { recursive: true })
      writeFileSync(join(world.folder, 'sheets', folder, 'lake.jpg'), readFileSync(join(SAMPLE_MEDIA, file)))
    }
    const sheet = world.sheet([row('a', 'one/lake.jpg'), row('b', 'two/lake.jpg')], 'pictures')
    const made = await world.client.runs.create({ path: sheet, archiveFolder: world.archive })
    await world.settle()
    mkdirSync(join(world.folder, 'far'))
    const path = await exported(made.runId, 'far/m.csv')
    const found = await world.client.sheets.check({ path })
    expect(found).toMatchObject({ ready: 2, fresh: 2, runId: made.runId })
    const jobs = world.app.core.engine.store.jobs.ofRun(made.runId)
    expect(found.rows.map(({ jobId }) => jobId)).toEqual(jobs.map(({ id }) => id))
    writeFileSync(path, readFileSync(path, 'utf8').replace('one/lake.jpg', 'lake.jpg'))
    const unclear = await world.client.sheets.check({ path })
    expect(unclear.rows.map(({ problems }) => problems[0]?.code)).toEqual(['reference-missing', undefined])
  })
})

describe.each(['csv', 'xlsx', 'json'] as ExportFormat[])('a manifest as %s', (format) => {
  const prompt = fc
    .array(
      fc.constantFrom(
        'a',
        'Ä',
        '猫',
        '😀',
        '=',
        '+',
        '-',
        '@',
        "'",
        '"',
        ',',
        ';',
        '|',
        '{',
        '}',
        '{a|b}',
        '{{model}}',
        ' ',
        '\n',
        '\r\n',
        '\t',
        '1',
        '#',
      ),
      { minLength: 1, maxLength: 30 },
    )
    .map((parts) => `p${parts.join('')}`)
  const row = fc.record({
    prompt: fc.oneof(prompt, fc.constantFrom('=1+1', "'=quoted", '007', '1e5', 'TRUE', '{only|text}')),
    duration: fc.constantFrom(5, 10, 15),
    quality: fc.constantFrom('720p', '1080p', ''),
    aspect: fc.constantFrom('16:9', '9:16', ''),
    note: fc.constantFrom('', '=SUM(A1)', "'x", 'state', '2026-11-20'),
  })

  it('gives back the same prompts and parameters', async () => {
    await world.client.accounts.pause({ name: 'practice' })
    let number = 0
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), async (given) => {
        number += 1
        const rows = given.map(({ prompt: text, duration, quality, aspect, note }) =>
          t2v(text, { duration, quality, 'aspect ratio': aspect, note }),
        )
        const options = { expansion: { choices: number % 2 ? ('literal' as const) : ('every' as const) } }
        const path = world.sheet(rows, `sheet ${number}`)
        const made = await world.client.runs.create({
          path,
          archiveFolder: world.archive,
          options,
          isHeld: true,
        })
        const { store } = world.app.core.engine
        const jobs = store.jobs.ofRun(made.runId)
        const file = join(world.folder, `m${number}.${format}`)
        await world.client.runs.export({ id: made.runId, file, format })
        const read = await world.client.sheets.check({ path: file, runId: made.runId })
        // A job is found by what it orders alone: none of these rows has an id.
        expect(read).toMatchObject({ isManifest: true, runId: made.runId, fresh: 0, same: jobs.length })
        expect(read.rows.map((one) => one.jobId)).toEqual(jobs.map(({ id }) => id))
      }),
      { numRuns: format === 'xlsx' ? 4 : 12 },
    )
  }, 120_000)
})
