import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { fileQuotaOf } from '../../src/main/core/providers.ts'
import type { Practice, PracticeOptions } from '../../src/practice/index.ts'
import { HOST_LIMIT_BYTES } from '../../src/shared/models/file-host.ts'
import { until } from '../support/hand-clock.ts'
import { SAMPLE_MEDIA, vtrix, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const KEYS = { evolink: 'sk-of-the-host-0123456789', vtrix: 'sk-of-vtrix-9876543210' }
const MUSIC = join(SAMPLE_MEDIA, 'waltz.mp3')
const PICTURE = join(SAMPLE_MEDIA, 'lake-at-dusk.jpg')
const FILM = join(SAMPLE_MEDIA, 'deep-dive.mp4')
const MINUTE = 60_000

/** One server that speaks for both providers and takes the key of each; it tells whose came with which request. */
async function open(
  more: Partial<PracticeOptions> = {},
  options: Record<string, unknown> = { fileHost: 'studio' },
): Promise<Practice> {
  world = await World.open({ secrets: { studio: KEYS.evolink, 'vtrix-1': KEYS.vtrix } })
  const server = await world.stranger({ keys: [KEYS.evolink, KEYS.vtrix], ...more })
  const { url } = server
  await world.client.accounts.add({ name: 'studio', family: 'evolink', baseUrl: url, filesUrl: url })
  await world.client.accounts.add({
    name: 'vtrix-1',
    family: 'vtrix',
    baseUrl: url,
    prices: { wan26_r2v: 100_000 },
    options,
  })
  return server
}

const at = { accounts: ['vtrix-1'] }
const loud = (prompt = 'character1 dances', more: Record<string, string | number> = {}) =>
  vtrix(prompt, { audio: MUSIC, ...more })

const update = (options: Record<string, unknown>) =>
  world.client.accounts.update({ name: 'vtrix-1', options })

/** The bodies that were created, as they are written down. */
const bodies = () =>
  world.app.core.engine.store.jobs
    .page({}, null, 100)
    .flatMap(({ id }) => world.app.core.engine.store.attempts.ofJob(id))

const inputOf = (body: Record<string, unknown>) =>
  body.input as { reference_urls: string[]; audio_url?: string }

describe('an account that holds files for another', () => {
  it('takes the sounds, with its own key; the pictures travel inside the request', async () => {
    const server = await open()
    await world.run([loud()], at)
    await world.settle()
    expect(await world.states()).toEqual(['done'])
    expect(server.ledger.uploads().map(({ mime }) => mime)).toEqual(['audio/mpeg'])
    const [attempt] = bodies()
    const { reference_urls: references, audio_url: audio } = inputOf(attempt?.body ?? {})
    expect(references?.[0]).toMatch(/^data:image\/jpeg;sha256=/)
    expect(audio).toMatch(/^http:\/\/127\.0\.0\.1/)
    const keysOf = (path: RegExp) =>
      new Set(
        server.ledger
          .requests()
          .filter((one) => path.test(one.path))
          .map((one) => one.keyName),
      )
    const [ofFiles, ofVtrix] = [keysOf(/\/files\/upload/), keysOf(/^\/model\//)]
    expect(ofFiles.size).toBe(1)
    expect(ofVtrix.size).toBe(1)
    expect(ofFiles).not.toEqual(ofVtrix)
    expect(ofVtrix.has(null)).toBe(false)
  })

  it('takes the largest references first where the request would be too large, the same each time', async () => {
    const server = await open({}, { fileHost: 'studio', requestLimitBytes: 300_000 })
    const row = vtrix('character1 and character2 dive', { 'ref 1': PICTURE, 'ref 2': FILM })
    const check = await world.client.sheets.check({ path: world.sheet([row]), ...at })
    expect(check.rows[0]?.problems.filter(({ level }) => level === 'error')).toEqual([])
    await world.run([row, { ...row, prompt: 'character2 dives, character1 looks on' }], at)
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done'])
    // One upload serves both rows.
    expect(server.ledger.uploads().map(({ mime }) => mime)).toEqual(['video/mp4'])
    for (const { body } of bodies()) {
      const [picture, film] = inputOf(body).reference_urls
      expect(picture).toMatch(/^data:image\/jpeg;sha256=/)
      expect(film).toMatch(/^http:/)
    }
    expect(bodies()).toHaveLength(2)
  })

  it('is never assumed: without one the row is refused before anything is sent, and offered', async () => {
    const server = await open({}, {})
    const path = world.sheet([loud()])
    const check = await world.client.sheets.check({ path, ...at })
    const [found] = check.rows[0]?.problems ?? []
    expect(found).toMatchObject({ code: 'reference-needs-address' })
    expect(found?.fixes).toContainEqual({
      type: 'file-host',
      label: 'Let the account “studio” hold the file',
      account: 'studio',
    })
    await update({ fileHost: 'studio' })
    expect((await world.client.sheets.check({ path, ...at })).ready).toBe(1)
    await world.run([loud()], { ...at, isHeld: true })
    await update({ fileHost: null })
    const [job] = await world.jobs()
    await world.client.jobs.release({ ids: [job?.id as number] })
    await world.settle()
    const [after] = await world.jobs()
    expect(after).toMatchObject({ state: 'failed', attempt: 0, countedMicros: 0 })
    expect(after?.problem?.what).toContain('no account was chosen to hold its files')
    expect(server.ledger.tasks()).toEqual([])
    expect(server.ledger.uploads()).toEqual([])
  })

  it('is asked again two hours before an address dies, and not before', async () => {
    const server = await open()
    await world.run([loud('one')], at)
    await world.settle()
    await world.clock.advance(69 * 60 * MINUTE)
    await world.run([loud('two')], { ...at, name: 'two' })
    await world.settle()
    expect(server.ledger.requests().filter(({ path }) => path.includes('upload'))).toHaveLength(1)
    await world.clock.advance(2 * 60 * MINUTE)
    await world.run([loud('three')], { ...at, name: 'three' })
    await world.settle()
    expect(server.ledger.requests().filter(({ path }) => path.includes('upload'))).toHaveLength(2)
    expect(await world.states()).toEqual(['done', 'done', 'done'])
  })

  it.each<[string, () => Promise<unknown>, () => Promise<unknown>, RegExp]>([
    [
      'paused',
      () => world.client.accounts.pause({ name: 'studio' }),
      () => world.client.accounts.resume({ name: 'studio' }),
      /"studio" is paused/,
    ],
    [
      'removed',
      () => world.client.accounts.remove({ name: 'studio' }),
      () => {
        const baseUrl = world.app.core.engine.store.accounts.byName('vtrix-1')?.baseUrl as string
        return world.client.accounts.add({ name: 'studio', family: 'evolink', baseUrl, filesUrl: baseUrl })
      },
      /"studio" does not exist any more/,
    ],
    [
      'without a file service',
      () => world.client.accounts.update({ name: 'studio', filesUrl: null }),
      () => {
        const baseUrl = world.app.core.engine.store.accounts.byName('vtrix-1')?.baseUrl as string
        return world.client.accounts.update({ name: 'studio', filesUrl: baseUrl })
      },
      /"studio" has no file service/,
    ],
  ])(
    '%s: rows that need it wait by name, the others go on, and all do when it is mended',
    async (_what, harm, mend, sentence) => {
      const server = await open()
      await world.run([loud('one'), loud('two'), vtrix('character1 is quiet')], { ...at, isHeld: true })
      await harm()
      await world.client.jobs.release({ ids: (await world.jobs()).map(({ id }) => id) })
      await world.settle(5 * MINUTE)
      const waiting = await world.jobs()
      expect(waiting.map(({ state }) => state)).toEqual(['queued', 'queued', 'done'])
      expect(waiting[0]).toMatchObject({ attempt: 0, countedMicros: 0, problem: { level: 'warning' } })
      expect(waiting[0]?.problem?.what).toMatch(sentence)
      expect(waiting[0]?.problem?.what).toContain('"vtrix-1"')
      expect(server.ledger.tasks()).toHaveLength(1)
      expect(world.app.core.engine.store.accounts.byName('vtrix-1')).toMatchObject({ stops: 'nothing' })
      await mend()
      // At once, and not when they would have been looked at again.
      await world.settle(MINUTE / 2)
      expect(await world.states()).toEqual(['done', 'done', 'done'])
      expect(server.ledger.tasks()).toHaveLength(3)
    },
  )

  it('whose key is refused stops itself and not the account it holds files for', async () => {
    const server = await open({ keys: [KEYS.vtrix] })
    await world.run([loud('one'), vtrix('character1 is quiet')], at)
    await world.settle(5 * MINUTE)
    const [loudRow, quiet] = await world.jobs()
    expect(quiet?.state).toBe('done')
    expect(loudRow).toMatchObject({ state: 'queued', attempt: 0, problem: { code: 'key-refused' } })
    expect(loudRow?.problem?.what).toContain('"studio"')
    const { store } = world.app.core.engine
    expect(store.accounts.byName('studio')?.stops).toBe('everything')
    expect(store.accounts.byName('vtrix-1')?.stops).toBe('nothing')
    expect(server.ledger.tasks()).toHaveLength(1)
  })

  it('that is full: the row says so by name, others go on, and it goes on when there is room', async () => {
    const server = await open({ limits: { filesQuota: 0 } })
    await world.client.accounts.update({ name: 'vtrix-1', limits: { inFlight: 1 } })
    await world.run([loud('one'), loud('two'), vtrix('character1 is quiet')], at)
    await world.settle(5 * MINUTE)
    const [one, two, quiet] = await world.jobs()
    expect(quiet?.state).toBe('done')
    for (const row of [one, two]) {
      expect(row).toMatchObject({ state: 'queued', attempt: 0, problem: { code: 'upload-refused' } })
      expect(row?.problem?.what).toContain('The account "studio", which holds files for "vtrix-1"')
    }
    // The second row does not send its file to learn the same.
    expect(server.ledger.requests().filter(({ path }) => path.includes('upload'))).toHaveLength(1)
    const { store } = world.app.core.engine
    expect(store.accounts.byName('studio')).toMatchObject({ stops: 'nothing', problem: null })
    // Whatever a person does to the host, it is asked again.
    await world.client.accounts.resume({ name: 'studio' })
    await world.settle(MINUTE / 2)
    expect(server.ledger.requests().filter(({ path }) => path.includes('upload'))).toHaveLength(2)
  })

  it('that refuses a kind is remembered as such, and the row is refused by its name', async () => {
    const server = await open({ videoUploads: false })
    await world.run([loud('one'), vtrix('character1 is quiet')], at)
    await world.settle()
    const [one, quiet] = await world.jobs()
    expect(quiet?.state).toBe('done')
    expect(one).toMatchObject({ state: 'failed', attempt: 0, countedMicros: 0 })
    expect(one?.problem?.what).toContain('"studio"')
    const { store } = world.app.core.engine
    expect(store.accounts.byName('studio')?.options.uploadRefusedKinds).toEqual(['audio'])
    expect(store.accounts.byName('vtrix-1')?.options.uploadRefusedKinds).toEqual([])
    expect(server.ledger.tasks()).toHaveLength(1)
    const check = await world.client.sheets.check({ path: world.sheet([loud('two')]), ...at })
    expect(check.rows[0]?.problems[0]?.what).toMatch(
      /“studio”, which holds this account's files, takes no audio/,
    )
  })

  it('wakes all rows that wait for it, however many, and none that wait for something else', async () => {
    await open()
    const { store } = world.app.core.engine
    const many = 1_300
    await world.run(
      Array.from({ length: many }, (_, row) => loud(`character1 sings ${row}`)),
      { ...at, isHeld: true },
    )
    await world.client.accounts.pause({ name: 'studio' })
    await world.client.accounts.pause({ name: 'vtrix-1' })
    await world.client.jobs.release({ ids: store.jobs.ids({}) })
    const later = world.clock.now() + 40 * MINUTE
    const waits = { code: 'account-paused', level: 'warning', what: 'It waits.', next: 'Wait.' } as const
    store.write(() => {
      for (const [index, job] of store.jobs.inState('queued').entries()) {
        const account = index === 0 ? 'vtrix-1' : 'studio'
        store.jobs.save({
          ...job,
          runAt: later,
          problem: { ...waits, place: { account } },
          version: job.version + 1,
        })
      }
    })
    await world.client.accounts.resume({ name: 'studio' })
    const due = () => store.jobs.inState('queued').filter(({ runAt }) => runAt < later).length
    await until(() => due() === many - 1, 'all are due')
    expect(store.jobs.inState('queued')[0]?.runAt).toBe(later)
  })

  it('forgets what one file service refused when it gets another', async () => {
    const { url } = await open()
    const { store } = world.app.core.engine
    const refused = () => store.accounts.byName('studio')?.options.uploadRefusedKinds
    await world.client.accounts.update({ name: 'studio', options: { uploadRefusedKinds: ['audio'] } })
    await world.client.accounts.update({ name: 'studio', filesUrl: url })
    expect(refused()).toEqual(['audio'])
    await world.client.accounts.update({ name: 'studio', filesUrl: `${url}/other` })
    expect(refused()).toEqual([])
  })

  it('keeps what rows of the other account still need when it makes room', async () => {
    const server = await open({ limits: { filesQuota: 1 } })
    await world.run([loud('character1 hums')], { ...at, isHeld: true })
    await world.client.accounts.pause({ name: 'vtrix-1' })
    await world.client.jobs.release({ ids: (await world.jobs()).map(({ id }) => id) })
    // Its sound was brought up by an earlier row.
    await world.client.accounts.resume({ name: 'vtrix-1' })
    await world.settle()
    const { store } = world.app.core.engine
    const studio = store.accounts.byName('studio')?.id as number
    expect(store.references.unusedUploads(studio)).toHaveLength(1)
    await world.run([loud('character1 sings')], { ...at, name: 'more', isHeld: true })
    await world.client.jobs.release({
      ids: (await world.jobs()).filter((one) => one.state === 'held').map(({ id }) => id),
    })
    expect(store.references.unusedUploads(studio)).toEqual([])
    await world.settle()
    expect(server.ledger.uploads()).toHaveLength(1)
  })

  it('a request that was refused for the account keeps its body, and its files are brought up anew when they die', async () => {
    const server = await open({ limits: { balanceUsd: 0 } })
    await world.run([loud()], at)
    await world.settle(5 * MINUTE)
    const before = bodies()
    expect(before).toHaveLength(1)
    await world.client.accounts.resume({ name: 'vtrix-1' })
    await world.settle(5 * MINUTE)
    const [same, ...more] = bodies()
    expect(more).toEqual([])
    expect(same?.bodySha256).toBe(before[0]?.bodySha256)
    await world.clock.advance(71 * 60 * MINUTE)
    await world.client.accounts.resume({ name: 'vtrix-1' })
    await world.settle(5 * MINUTE)
    // Brought up anew under its own name, it has the address that it had.
    expect(server.ledger.requests().filter(({ path }) => path.includes('upload'))).toHaveLength(2)
    expect(bodies().map(({ bodySha256 }) => bodySha256)).toEqual([same?.bodySha256])
    expect(server.ledger.tasks()).toEqual([])
  })
})

describe('naming a host', () => {
  it.each<[string, string, string, RegExp]>([
    ['an account that does not exist', 'vtrix-1', 'nobody', /no account "nobody"/],
    ['a Vtrix account', 'vtrix-1', 'vtrix-1', /Vtrix has no file service/],
    ['an account without a key', 'vtrix-1', 'keyless', /no key/],
    ['an account without a file service', 'vtrix-1', 'bare', /no file service that its key may be sent to/],
    ['a file service that is another’s', 'vtrix-1', 'mirror', /no file service that its key may be sent to/],
    ['files on this computer for a provider elsewhere', 'far', 'studio', /cannot fetch it/],
    ['practice for a provider elsewhere', 'far', 'practice', /cannot fetch it/],
    ['for an account that needs none', 'studio', 'studio', /file service of its own/],
  ])('refuses %s', async (_what, name, fileHost, sentence) => {
    await open()
    const family = 'evolink'
    await world.client.accounts.add({ name: 'keyless', family })
    await world.client.accounts.add({ name: 'bare', family, baseUrl: 'https://mirror.example/api' })
    const filesUrl = 'https://files-api.evolink.ai'
    await world.client.accounts.add({ name: 'mirror', family, baseUrl: 'https://mirror.example', filesUrl })
    await world.client.accounts.add({ name: 'far', family: 'vtrix' })
    const before = await world.client.accounts.list()
    await expect(world.client.accounts.update({ name, options: { fileHost } })).rejects.toThrow(sentence)
    await expect(
      world.client.accounts.add({ name: 'new', family: 'vtrix', options: { fileHost: 'nobody' } }),
    ).rejects.toThrow(/no account "nobody"/)
    expect(await world.client.accounts.list()).toEqual(before)
  })

  it('practice can hold for practice, so that such rows can be tried', async () => {
    world = await World.open()
    const path = world.sheet([loud()])
    const [found] =
      (await world.client.sheets.check({ path, accounts: ['practice'] })).rows[0]?.problems ?? []
    expect(found?.fixes).toContainEqual(expect.objectContaining({ type: 'file-host', account: 'practice' }))
    await world.client.accounts.update({ name: 'practice', options: { fileHost: 'practice' } })
    await world.run([loud()], { accounts: ['practice'] })
    await world.settle()
    expect(await world.states()).toEqual(['done'])
  })
})

describe('places at a file service', () => {
  const quota = (name: string) => {
    const { engine } = world.app.core
    const account = engine.store.accounts.byName(name)
    if (!account) throw new Error(`there is no ${name}`)
    return fileQuotaOf(engine, account)
  }

  it('are told for accounts that have one, practice as well, and for no other', async () => {
    await open({ limits: { filesQuota: 7 } })
    expect(await quota('studio')).toEqual({ usedFiles: 0, maxFiles: 7, remainingFiles: 7 })
    expect(await quota('practice')).toMatchObject({ usedFiles: 0 })
    expect(await quota('vtrix-1')).toBeNull()
    await world.run([loud()], at)
    await world.settle()
    expect(await quota('studio')).toMatchObject({ usedFiles: 1, remainingFiles: 6 })
  })

  it('are not known while the key is refused, and that is no error', async () => {
    await open({ keys: [KEYS.vtrix] })
    expect(await quota('studio')).toBeNull()
  })

  it('are waited for two seconds and no longer', async () => {
    await open()
    const { engine } = world.app.core
    const account = engine.store.accounts.byName('studio')
    if (!account) throw new Error('there is no studio')
    let isDone = false
    let signal: AbortSignal | undefined
    const silent = {
      fileQuota: (given: AbortSignal) => {
        signal = given
        return new Promise<never>((_resolve, reject) =>
          given.addEventListener('abort', () => reject(given.reason)),
        )
      },
    }
    const asked = fileQuotaOf({ clock: engine.clock, providerFor: () => silent }, account).then((told) => {
      isDone = true
      return told
    })
    await world.clock.advance(1_999)
    expect(isDone).toBe(false)
    await world.clock.advance(1)
    expect(await asked).toBeNull()
    expect(signal?.aborted).toBe(true)
  })
})

it('the limit of a held file is below that of the models', () => {
  expect(HOST_LIMIT_BYTES).toBeLessThan(100_000_000)
})
