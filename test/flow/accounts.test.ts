import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { i2v, SAMPLE_MEDIA, STRANGER_KEY, vtrix, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const at = { accounts: ['evolink-1', 'vtrix-1'] }

async function openWithStranger(options: Parameters<World['stranger']>[0] = {}) {
  world = await World.open({ secrets: {} })
  const server = await world.stranger(options)
  await world.account('evolink', server.url)
  await world.account('vtrix', server.url)
  return server
}

describe('accounts of real families at a stranger’s address', () => {
  it('both families run, with uploads, and the server refuses no field', async () => {
    const server = await openWithStranger()
    await world.run([i2v('a calm lake'), vtrix('character1 by a lake')], at)
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done'])
    expect(server.ledger.tasks()).toHaveLength(2)
    expect(server.ledger.uploads()).toHaveLength(1)
    expect(world.ledger.tasks()).toHaveLength(0)
  })

  it('a reference is uploaded once and its address used again until two hours before it dies', async () => {
    const server = await openWithStranger()
    const uploads = () => server.ledger.requests().filter((one) => one.path.includes('/upload/')).length
    await world.run([i2v('one'), i2v('two')], at)
    await world.settle()
    expect(uploads()).toBe(1)
    await world.clock.advance(69 * 3_600_000)
    await world.run([i2v('three')], { ...at, name: 'later' })
    await world.settle()
    expect(uploads()).toBe(1)
    await world.clock.advance(3_600_000)
    await world.run([i2v('four')], { ...at, name: 'last' })
    await world.settle()
    expect(uploads()).toBe(2)
    expect(await world.states()).toEqual(['done', 'done', 'done', 'done'])
  })

  it('a wrong key pauses the account, not the rows; a right one lets them go on', async () => {
    const server = await openWithStranger({ keys: ['sk-another'] })
    const runId = await world.run([i2v('a calm lake'), i2v('a wild sea')], at)
    await world.settle()
    expect(await world.states()).not.toContain('failed')
    const account = (await world.client.accounts.list()).find((one) => one.name === 'evolink-1')
    expect(account?.problem?.code).toBe('key-refused')
    const attention = await world.client.runs.attention({ id: runId })
    expect(attention).toMatchObject({ moving: 0, waiting: 2 })
    expect(attention.needs[0]?.code).toBe('key-refused')
    expect(server.ledger.tasks()).toHaveLength(0)
  })

  it('a balance that is too low pauses the account and every row keeps its place', async () => {
    await openWithStranger({ limits: { balanceCredits: 7 } })
    const runId = await world.run([i2v('one'), i2v('two'), i2v('three')], { ...at })
    await world.settle()
    const states = await world.states()
    expect(states).not.toContain('failed')
    const attention = await world.client.runs.attention({ id: runId })
    expect(attention.needs.map((need) => need.code)).toContain('balance-low')
    expect(attention.moving).toBe(0)
  })

  it('a Files service that refuses videos is remembered, and asks for an address', async () => {
    const server = await openWithStranger({ videoUploads: false })
    await world.run(
      [
        {
          prompt: 'character1 dances',
          model: 'wan2.6-reference-video-flash',
          duration: 2,
          'ref 1': join(SAMPLE_MEDIA, 'colony.mp4'),
        },
      ],
      at,
    )
    await world.settle()
    const [job] = await world.jobs()
    expect(job).toMatchObject({ state: 'failed', attempt: 0, countedMicros: 0 })
    const account = (await world.client.accounts.list()).find((one) => one.name === 'evolink-1')
    expect(account?.options.uploadRefusedKinds).toEqual(['video'])
    expect(server.ledger.tasks()).toHaveLength(0)
  })

  it('a full Files service: our own unused files make room, files in use stay', async () => {
    const server = await openWithStranger({ limits: { filesQuota: 1 } })
    await world.run([i2v('one')], at)
    await world.settle()
    await world.run([i2v('two', { 'ref 1': join(SAMPLE_MEDIA, 'paper-boat.png') })], { ...at, name: 'more' })
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done'])
    expect(server.ledger.tasks()).toHaveLength(2)
  })

  it('the wrapped Vtrix form is sent once after a refusal of the shape, and remembered', async () => {
    const server = await openWithStranger({ vtrixForm: 'wrapped' })
    await world.run([vtrix('one'), vtrix('two')], at)
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done'])
    expect(server.ledger.tasks()).toHaveLength(2)
    const account = (await world.client.accounts.list()).find((one) => one.name === 'vtrix-1')
    expect(account?.options.vtrixForm).toBe('wrapped')
  })

  it('an unreachable address counts no attempt and spends nothing; the rows wait', async () => {
    world = await World.open({ secrets: {} })
    await world.account('vtrix', 'http://127.0.0.1:9')
    const runId = await world.run([vtrix('a calm lake')], { accounts: ['vtrix-1'] })
    await world.settle(10 * 60_000)
    const [job] = await world.jobs()
    expect(job).toMatchObject({ state: 'queued', attempt: 0, countedMicros: 0 })
    expect(job?.problem?.code).toBe('unreachable')
    expect((await world.client.runs.attention({ id: runId })).isOffline).toBe(true)
  })

  it('the key appears in no file, log, event or error', async () => {
    const server = await openWithStranger()
    await world.run(
      [i2v('a calm lake [accept then-cut]'), vtrix('by a lake [502 created]'), i2v('refused [400]')],
      at,
    )
    await world.settle(3_600_000)
    await world.client.accounts.test({ name: 'evolink-1' })
    const details = await Promise.all(
      (await world.jobs()).map((job) => world.client.jobs.get({ id: job.id })),
    )
    expect(JSON.stringify([world.logged, details, await world.client.accounts.list()])).not.toContain(
      STRANGER_KEY,
    )
    await world.app.stop()
    for (const file of files(world.folder)) {
      if (file.includes('stranger-')) continue
      expect(readFileSync(file).includes(STRANGER_KEY), file).toBe(false)
    }
    expect(server.ledger.requests().filter((request) => request.leakedKey)).toEqual([])
  })
})

function files(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? files(path) : [path]
  })
}
