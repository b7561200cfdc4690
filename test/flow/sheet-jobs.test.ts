import { mkdirSync, writeFileSync } from 'node:fs'
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { problemOf } from '../../src/main/core/handlers/context.ts'
import { i2v, SAMPLE_MEDIA, vtrix, World } from '../support/world.ts'

let world: World
beforeEach(async () => {
  world = await World.open()
})
afterEach(() => world.close())

type Check = Parameters<World['client']['sheets']['check']>[0]
type Options = NonNullable<Check['options']>
type Rows = Parameters<World['sheet']>[0]

const t2v = (prompt: string, more: Record<string, string | number> = {}) => ({
  prompt,
  model: 'wan2.6-text-to-video',
  duration: 5,
  ...more,
})
const check = (rows: Rows, options: Options = {}) =>
  world.client.sheets.check({ path: world.sheet(rows), options })
const create = (rows: Rows, options: Options = {}, more: Record<string, unknown> = {}) =>
  world.client.runs.create({ path: world.sheet(rows), archiveFolder: world.archive, options, ...more })
const refusal = async (asked: Promise<unknown>) =>
  problemOf(
    await asked.then(
      () => new Error('nothing was refused'),
      (error: unknown) => error,
    ),
  )
const hold = () => world.client.accounts.pause({ name: 'practice' })
const jobLines = async () =>
  (await world.jobs()).map(({ id }) => {
    const job = world.app.core.engine.store.jobs.get(id)
    return [job?.row, job?.take, job?.rowKey, job?.prompt]
  })

describe('a row that makes several jobs', () => {
  it('is counted and priced before, and bought as counted, each clip under a name of its own', async () => {
    const rows = [t2v('a {red|blue} {{thing}}', { thing: 'boat', id: 'a' }), t2v('a plain one')]
    const before = await check(rows, { expansion: { takes: 2 } })
    expect(before).toMatchObject({ rowCount: 2, jobCount: 6, ready: 6, fresh: 6 })
    expect(before.prices[0]?.jobs).toBe(6)
    expect(before.rows.map(({ row, variant, rowKey }) => [row, variant, rowKey])).toEqual([
      [1, 1, 'a'],
      [1, 2, 'a#2'],
      [1, 3, 'a#3'],
      [1, 4, 'a#4'],
      [2, 1, null],
      [2, 2, null],
    ])
    await create(rows, { expansion: { takes: 2 } })
    await world.settle()
    expect(world.tasks().map((task) => task.prompt)).toEqual([
      'a red boat',
      'a red boat',
      'a blue boat',
      'a blue boat',
      'a plain one',
      'a plain one',
    ])
    expect(new Set(await world.states())).toEqual(new Set(['done']))
    const clips = (await world.client.clips.page({})).clips.map(({ path }) => path)
    expect(new Set(clips).size).toBe(6)
  })

  it('of which more takes are asked for later, only the new ones are bought', async () => {
    const rows = [t2v('one', { id: 'a' }), t2v('two')]
    await create(rows)
    await world.settle()
    const more = await create(rows, { expansion: { takes: 3 } })
    expect(more).toMatchObject({ created: 4, same: 2, changed: 0, gone: 0 })
    await world.settle()
    expect(world.tasks()).toHaveLength(6)
    const lines = await jobLines()
    expect(lines.map(([row, take]) => `${row}/${take}`)).toEqual(['1/1', '1/2', '1/3', '2/1', '2/2', '2/3'])
    expect(await create(rows, { expansion: { takes: 3 } })).toMatchObject({ created: 0, same: 6 })
  })

  it('gives each take a seed where the model takes one, and says it in the manifest', async () => {
    await hold()
    const { runId } = await create([vtrix('one')], { expansion: { takes: 3 } })
    const { store } = world.app.core.engine
    const jobs = store.jobs.ofRun(runId)
    const seeds = jobs.map(({ order }) => order.seed)
    expect(seeds[0]).toBeUndefined()
    expect(new Set(seeds).size).toBe(3)
    expect(store.runs.get(runId)?.headers).toContain('seed')
    expect(jobs.map(({ cells }) => cells.seed)).toEqual(['', String(seeds[1]), String(seeds[2])])
  })

  it('never gives two jobs the same row and take, however a sheet changes', async () => {
    await hold()
    await create([t2v('{a|b|c}'), t2v('d')])
    await create([t2v('d'), t2v('{a|x|c}')], { expansion: { takes: 2 } })
    await create([t2v('new {1|2}', { id: 'q' }), t2v('{a|b}'), t2v('d')])
    const lines = (await jobLines()).map(([row, take]) => `${row}/${take}`)
    expect(new Set(lines).size).toBe(lines.length)
  })

  it('tells what is wrong with all of them once, and what is wrong with one at that one', async () => {
    const found = await check([t2v('{a|b|c}', { duration: 99 }), t2v('ok', { duration: '{5|77}' })])
    expect(found).toMatchObject({ jobCount: 5, ready: 1, withProblems: 4 })
    expect(found.rows.map(({ problems, isReady }) => [isReady, problems.length])).toEqual([
      [false, 1],
      [false, 0],
      [false, 0],
      [true, 0],
      [false, 1],
    ])
    const created = await create([t2v('{a|b|c}', { duration: 99 }), t2v('ok', { duration: '{5|77}' })])
    expect(created).toMatchObject({ created: 1, withProblems: 4 })
    expect(created.problems).toHaveLength(2)
  })

  it('that cannot be made is a row with a problem; the others go on', async () => {
    const found = await check(
      [t2v('a', { 'ref 1': '', mood: 'x|y', light: '1|2|3' }), t2v('b', { mood: 'x', light: '1|2' })],
      { expansion: { pairing: { mode: 'one-to-one', columns: ['mood', 'light'] } } },
    )
    expect(found).toMatchObject({ rowCount: 2, jobCount: 2, ready: 2, withProblems: 1 })
    expect(found.rows[0]?.problems[0]?.what).toContain('different lengths')
  })

  it('is refused when nobody can mean so many, before any is made', async () => {
    const cell = Array.from({ length: 7 }, () => '{0|1|2|3|4|5|6|7|8|9}').join('')
    const found = await refusal(check([t2v(cell)]))
    expect(found).toMatchObject({ code: 'too-many-jobs' })
    expect(found.what).toContain('10,000,000 jobs')
    const endless = '{0|1}'.repeat(2_000)
    expect(await refusal(check([t2v(endless)]))).toMatchObject({ code: 'too-many-jobs' })
  })

  it('needs the number above 10,000 jobs, and never makes more than were confirmed', async () => {
    await hold()
    const many = [t2v('{0|1|2|3|4|5|6|7|8|9}'.repeat(4)), t2v('one more')]
    expect(await refusal(create(many))).toMatchObject({ code: 'too-many-jobs' })
    const short = { confirmedJobs: 10_000 }
    expect((await refusal(create(many, {}, short))).what).toContain('now makes 10,001 jobs; 10,000 were')
    expect(await refusal(create([t2v('{1|2}')], {}, { confirmedJobs: 1 }))).toMatchObject({
      code: 'too-many-jobs',
    })
    expect(await world.jobs()).toEqual([])
    const made = await create(many, { choices: 'every' } as Options, { confirmedJobs: 10_001 })
    expect(made.created).toBe(10_001)
  }, 60_000)
})

describe('folders and patterns', () => {
  beforeEach(async () => {
    const folder = join(world.folder, 'sheets/shots')
    await mkdir(folder, { recursive: true })
    for (const name of ['2.jpg', '10.jpg', '1.jpg'])
      await copyFile(join(SAMPLE_MEDIA, 'lake-at-dusk.jpg'), join(folder, name))
    await mkdir(join(world.folder, 'sheets/empty'))
  })
  const paired: Options = { expansion: { pairing: { mode: 'every', columns: ['ref 1'] } } }

  it('of a paired column stand for their files, as people count', async () => {
    await hold()
    await create([i2v('one', { 'ref 1': 'shots' }), i2v('two', { 'ref 1': 'shots/1*.jpg' })], paired)
    const { store } = world.app.core.engine
    const used = (await world.jobs()).map(({ id }) => [
      store.jobs.get(id)?.row,
      store.jobs.references(id)[0]?.name,
    ])
    expect(used).toEqual([
      [1, join('shots', '1.jpg')],
      [1, join('shots', '2.jpg')],
      [1, join('shots', '10.jpg')],
      [2, join('shots', '1.jpg')],
      [2, join('shots', '10.jpg')],
    ])
  })

  it('that hold nothing are a problem of their row, in a sentence', async () => {
    const rows = ['empty', 'none/*.jpg', 'shots'].map((text) => i2v(text, { 'ref 1': text }))
    const found = await check(rows, paired)
    expect(found).toMatchObject({ jobCount: 3, ready: 3, withProblems: 2 })
    expect(found.rows.slice(0, 2).map(({ problems }) => problems[0]?.place.column)).toEqual([
      'ref 1',
      'ref 1',
    ])
    expect(found.rows[0]?.problems[0]?.what).toContain('names no picture')
  })

  it('of a column that takes one file say how many there are, and how each makes a job', async () => {
    const found = await check([i2v('one', { 'ref 1': 'shots' }), i2v('two', { 'ref 1': 'shots/1*.jpg' })])
    expect(found.ready).toBe(0)
    expect(found.rows.map(({ problems }) => problems[0]?.what)).toEqual([
      expect.stringContaining('"shots" stands for 3 files'),
      expect.stringContaining('"shots/1*.jpg" stands for 2 files'),
    ])
    expect(found.rows[0]?.problems[0]?.next).toContain('--pair')
  })

  it('of a pairing that the sheet has no column for stop the sheet', async () => {
    const columns = { pairing: { mode: 'every' as const, columns: ['nowhere'] } }
    expect(await refusal(check([i2v('a')], { expansion: columns }))).toMatchObject({ code: 'column-unknown' })
  })
})

describe('defaults', () => {
  it('fill empty cells and columns that are not there, choices too, and come out in the manifest', async () => {
    await hold()
    const rows = [t2v('one', { duration: '' }), t2v('two', { duration: 10 })]
    const { runId } = await create(rows, { defaults: { seconds: '5', quality: '{720p|1080p}' } })
    const { store } = world.app.core.engine
    expect(store.jobs.ofRun(runId).map(({ order }) => [order.duration, order.quality])).toEqual([
      [5, '720p'],
      [5, '1080p'],
      [10, '720p'],
      [10, '1080p'],
    ])
    expect(store.runs.get(runId)?.headers).toEqual(['prompt', 'model', 'duration', 'quality'])
    expect(store.jobs.ofRun(runId)[1]?.cells.quality).toBe('1080p')
  })

  it('have a column of their own where a person left that one out', async () => {
    const rows = [t2v('one', { duration: 99 })]
    const found = await check(rows, { mapping: { duration: '' }, defaults: { duration: '5' } })
    expect(found).toMatchObject({ ready: 1, withProblems: 0 })
  })

  it('of no field stop the sheet', async () => {
    const found = await refusal(check([t2v('a')], { defaults: { colour: 'red' } }))
    expect(found).toMatchObject({ code: 'column-unknown' })
    expect(found.what).toContain('"colour" is no field')
  })
})

describe('what a person says of columns', () => {
  const rows = [{ Shot: 'a boat', engine: 'wan2.6-text-to-video', 'How long': 5 }]
  const mapping = { Shot: 'prompt', engine: 'model', 'How long': 'duration' }

  it('is remembered for the same columns once a sheet was imported with it', async () => {
    await hold()
    expect((await refusal(check(rows))).code).toBe('column-missing')
    expect((await check(rows, { mapping })).ready).toBe(1)
    expect((await refusal(check(rows))).code).toBe('column-missing')
    await create(rows, { mapping })
    const other = world.sheet([{ 'how long': 10, ENGINE: 'wan2.6-text-to-video', shot: 'a bird' }], 'other')
    const again = await world.client.sheets.check({ path: other })
    expect(again.ready).toBe(1)
    expect(again.columns.map(({ confidence }) => confidence)).toEqual(Array(3).fill('remembered'))
    const more = world.sheet([{ ...rows[0], note: 'x' }] as Rows, 'more')
    expect((await refusal(world.client.sheets.check({ path: more }))).code).toBe('column-missing')
  })

  it('is added to what was said before', async () => {
    await hold()
    await create(rows, { mapping })
    await create([{ Shot: 'a bird', engine: 'wan2.6-text-to-video', 'How long': 5 }], {
      mapping: { 'How long': '' },
      defaults: { duration: '10' },
    })
    const found = await check(rows)
    expect(found.columns.map(({ field }) => field)).toEqual(['prompt', 'model', null])
  })

  it('of a column twice, or of two for one field, stops the sheet', async () => {
    const found = await refusal(check(rows, { mapping: { ...mapping, 'How long': 'prompt' } }))
    expect(found).toMatchObject({ code: 'sheet-unreadable' })
  })

  it('is kept for the newest 200 sets of columns', async () => {
    const { settings } = world.app.core.engine.store
    const { recallMapping, rememberMapping } = await import('../../src/main/core/sheets/remembered.ts')
    for (let set = 0; set < 205; set += 1) rememberMapping(settings, [`h${set}`], { [`h${set}`]: 'prompt' })
    expect(recallMapping(settings, ['h4'])).toEqual({})
    expect(recallMapping(settings, ['H5'])).toEqual({ h5: 'prompt' })
  })
})

describe('pasted cells and named runs', () => {
  const text = 'prompt\tmodel\tduration\na boat\twan2.6-text-to-video\t5\n'
  const paste = (more: Record<string, unknown> = {}) =>
    world.client.runs.create({ pasted: { text }, archiveFolder: world.archive, ...more })

  it('are new each time, unless a run is named', async () => {
    await hold()
    const first = await paste()
    const { store } = world.app.core.engine
    expect(store.runs.get(first.runId)).toMatchObject({ sheetPath: null, name: 'pasted' })
    expect(await paste()).toMatchObject({ isNew: true, created: 1 })
    expect(await paste({ runId: first.runId })).toMatchObject({ isNew: false, created: 0, same: 1 })
    expect(await refusal(paste({ runId: 99 }))).toMatchObject({ code: 'not-found' })
  })

  it('look for files in their folder', async () => {
    const sheet = 'prompt\tmodel\tduration\tref 1\na\twan2.6-image-to-video-flash\t2\tlake-at-dusk.jpg\n'
    const found = await world.client.sheets.check({ pasted: { text: sheet, folder: SAMPLE_MEDIA } })
    expect(found).toMatchObject({ ready: 1, path: null })
  })

  it('and a file together are a question, and neither is too', async () => {
    const path = world.sheet([t2v('a')])
    expect((await refusal(world.client.sheets.check({ path, pasted: { text } }))).code).toBe('wrong-use')
    expect((await refusal(world.client.sheets.check({}))).code).toBe('wrong-use')
  })
})

describe('a sheet imported again', () => {
  it('says how many rows were bought in another version', async () => {
    await create([t2v('one', { id: 'a' }), t2v('two', { id: 'b' }), t2v('three', { id: 'c' })])
    await world.settle()
    const found = await check([t2v('1', { id: 'a' }), t2v('2', { id: 'b' }), t2v('three', { id: 'c' })])
    expect(found).toMatchObject({ changed: 2, same: 1, fresh: 2 })
    expect(found.problems.map(({ what }) => what)).toEqual([
      expect.stringContaining('2 rows were bought in another version'),
    ])
  })

  it('replaces what waits, in each of its states, and buys only the new version', async () => {
    await hold()
    await create([t2v('{one|two}', { id: 'a' })], {}, { isHeld: true })
    await create([t2v('{one|three}', { id: 'a' })])
    await world.client.accounts.resume({ name: 'practice' })
    const { runId } = await create([t2v('{one|three}', { id: 'a' })])
    await world.client.runs.start({ id: runId })
    await world.settle()
    expect(world.tasks().map((task) => task.prompt)).toEqual(['three', 'one'])
  })

  it('that changed on disk since it was checked is not bought', async () => {
    const path = world.sheet([t2v('one')])
    const { sha256 } = await world.client.sheets.check({ path })
    await copyFile(world.sheet([t2v('other')], 'other'), path)
    const asked = world.client.runs.create({ path, archiveFolder: world.archive, sheetSha256: sha256 })
    const found = await refusal(asked)
    expect(found.code).toBe('not-possible')
    expect(found.what).toContain('changed on disk')
    expect(await world.jobs()).toEqual([])
  })

  it('keeps what was confirmed, its cap and when it may begin', async () => {
    const start = world.clock.now() + 3_600_000
    const { runId } = await create(
      [t2v('one')],
      {},
      { startAt: start, capMicros: 500_000_000, capMode: 'soft' },
    )
    const run = () => world.app.core.engine.store.runs.get(runId)
    const [first] = world.app.core.engine.store.jobs.ofRun(runId)
    expect(run()).toMatchObject({ capMode: 'soft', startAt: start, startedAt: null })
    expect(run()?.approvedMicros).toBe(first?.estimateMicros)
    expect(first?.runAt).toBe(start)
    await create([t2v('one'), t2v('two')])
    expect(run()?.approvedMicros).toBe(2 * (first?.estimateMicros ?? 0))
    expect(world.app.core.engine.store.jobs.ofRun(runId).map(({ runAt }) => runAt)).toEqual([start, start])
    await world.settle(60_000)
    expect(world.tasks()).toEqual([])
    await world.settle()
    expect(world.tasks()).toHaveLength(2)
  })

  it('cannot begin in the past, nor its new rows later when others were ordered', async () => {
    const now = world.clock.now()
    const late = await refusal(create([t2v('one')], {}, { startAt: now - 3_600_000 }))
    expect(late).toMatchObject({ code: 'wrong-use' })
    await create([t2v('one')], {}, { startAt: now - 1_000 })
    await world.settle()
    expect(world.tasks()).toHaveLength(1)
    const more = create([t2v('one'), t2v('two')], {}, { startAt: world.clock.now() + 3_600_000 })
    expect(await refusal(more)).toMatchObject({ code: 'not-possible' })
    expect(await world.jobs()).toHaveLength(1)
  })

  it('orders nothing for as long as it may be taken back', async () => {
    const { runId } = await create([t2v('one')], {}, { takeBackMs: 5_000 })
    await world.settle(4_999)
    expect(world.tasks()).toEqual([])
    expect(await world.client.runs.takeBack({ id: runId })).toMatchObject({ touched: 1, refused: [] })
    await world.settle()
    expect(world.tasks()).toEqual([])
  })
})

describe('what would be uploaded', () => {
  it('counts each file once and says what the file service still takes', async () => {
    const rows = [i2v('one'), i2v('two'), i2v('three', { 'ref 1': join(SAMPLE_MEDIA, 'paper-boat.png') })]
    const found = await check(rows)
    const sizes = await Promise.all(
      ['lake-at-dusk.jpg', 'paper-boat.png'].map(
        async (name) => (await readFile(join(SAMPLE_MEDIA, name))).length,
      ),
    )
    const [plan] = found.uploads
    expect(found.uploads).toHaveLength(1)
    expect(plan).toMatchObject({
      account: 'practice',
      files: 2,
      sizeBytes: (sizes[0] ?? 0) + (sizes[1] ?? 0),
    })
    expect(plan?.remainingFiles).toBeGreaterThan(0)
    await create(rows)
    await world.settle()
    expect((await check([i2v('four')])).uploads).toEqual([])
  })

  it('of a Vtrix row is what goes to its host, which is warned of when it takes fewer', async () => {
    await world.close()
    world = await World.open({ secrets: {} })
    const server = await world.stranger({ limits: { filesQuota: 1 } })
    await world.account('evolink', server.url)
    await world.account('vtrix', server.url, { options: { fileHost: 'evolink-1' } })
    const sound = (name: string) => vtrix(name, { audio: join(SAMPLE_MEDIA, name), account: 'vtrix-1' })
    const rows = [sound('waltz.mp3'), vtrix('inside', { account: 'vtrix-1' }), sound('waltz.mp3')]
    const found = await check(rows)
    expect(found.uploads).toEqual([
      { account: 'evolink-1', files: 1, sizeBytes: expect.any(Number), remainingFiles: 1 },
    ])
    expect(found.problems).toEqual([])
    const more = ['one', 'two'].map((name) =>
      i2v(name, {
        account: 'evolink-1',
        'ref 1': join(SAMPLE_MEDIA, name === 'one' ? 'paper-boat.png' : 'lake-at-dusk.jpg'),
      }),
    )
    const warned = await check([...rows, ...more])
    expect(warned.uploads[0]).toMatchObject({ account: 'evolink-1', files: 3 })
    expect(warned.problems).toEqual([
      expect.objectContaining({
        code: 'upload-refused',
        level: 'warning',
        what: expect.stringContaining(
          'need 3 files at the file service of the account "evolink-1", which takes only 1 more',
        ),
      }),
    ])
  })

  it('is nothing where files travel inside the request', async () => {
    expect((await check([vtrix('one')])).uploads).toEqual([])
  })
})

describe('bad input', () => {
  const file = (name: string, content: string | Buffer): string => {
    mkdirSync(join(world.folder, 'sheets'), { recursive: true })
    writeFileSync(join(world.folder, 'sheets', name), content)
    return join(world.folder, 'sheets', name)
  }
  it.each([
    ['a column named __proto__', 'prompt,__proto__\na,b\n', 'sheet-unreadable', '__proto__'],
    [
      '5,000 columns',
      `${Array.from({ length: 5_000 }, (_, at) => `c${at}`).join(',')}\na\n`,
      'sheet-unreadable',
      '5000 columns',
    ],
    ['no prompt', 'model\nwan2.6-text-to-video\n', 'column-missing', 'prompt'],
  ])('%s is refused in a sentence', async (_, content, code, word) => {
    const found = await refusal(world.client.sheets.check({ path: file('bad.csv', content) }))
    expect(found.code).toBe(code)
    expect(found.what).toContain(word)
  })

  it('a picture that is named CSV is refused in a sentence', async () => {
    const path = file('picture.csv', await readFile(join(SAMPLE_MEDIA, 'paper-boat.png')))
    expect(await refusal(world.client.sheets.check({ path }))).toMatchObject({ code: 'sheet-unreadable' })
  })

  it('a cell of 10 MB is a problem of its row, or of the sheet', async () => {
    const path = file(
      'long.csv',
      `prompt,model,duration\n${'x'.repeat(10_000_000)},wan2.6-text-to-video,5\nb,wan2.6-text-to-video,5\n`,
    )
    const found = await world.client.sheets.check({ path }).then(
      ({ rows }) => rows[0]?.problems[0]?.code,
      (error: unknown) => problemOf(error).code,
    )
    expect(found).toMatch(/value-invalid|sheet-unreadable/u)
  })

  it('defaults named __proto__ are no field', async () => {
    const defaults = JSON.parse('{"__proto__": "x"}') as Record<string, string>
    expect(await refusal(check([t2v('a')], { defaults }))).toBeDefined()
  })

  it('a sheet that is gone between check and import is refused', async () => {
    const path = world.sheet([t2v('a')])
    await world.client.sheets.check({ path })
    await rm(path)
    const asked = world.client.runs.create({ path, archiveFolder: world.archive })
    expect(await refusal(asked)).toMatchObject({ code: 'sheet-missing' })
  })
})
