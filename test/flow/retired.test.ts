import { afterEach, describe, expect, it } from 'vitest'
import { i2v, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const FLASH = 'wan2.6-image-to-video-flash'
const SUCCESSOR = 'wan2.7-image-to-video'

/** A real account with one order at a time, and four rows of one model: the first is refused as unknown. */
async function refusedModel() {
  world = await World.open({ secrets: {} })
  const server = await world.stranger()
  await world.account('evolink', server.url, { limits: { inFlight: 1 } })
  const rows = ['one [404]', 'two', 'three'].map((prompt) => i2v(prompt))
  const runId = await world.run(rows, { accounts: ['evolink-1'] })
  await world.settle()
  const creates = () => server.ledger.requests().filter((one) => one.path === '/v1/videos/generations')
  return { server, runId, rows, creates }
}

const options = async () =>
  (await world.client.accounts.list()).find((one) => one.name === 'evolink-1')?.options

describe('a model that the provider does not know any more', () => {
  it('is sent once: the row fails naming the successor, those behind it are held', async () => {
    const { runId, creates } = await refusedModel()
    const [first, ...others] = await world.jobs()
    expect(first).toMatchObject({ state: 'failed', problem: { code: 'model-retired' } })
    expect(first?.problem?.next).toContain(SUCCESSOR)
    for (const job of others) {
      expect(job).toMatchObject({ state: 'held', problem: { code: 'model-retired' }, countedMicros: 0 })
      expect(job.problem?.next).toContain(SUCCESSOR)
    }
    expect(creates()).toHaveLength(1)
    expect(await options()).toMatchObject({ retiredModels: [FLASH] })
    expect(await world.client.runs.attention({ id: runId })).toMatchObject({ moving: 0, waiting: 2 })
  })

  it('rows that were about to be sent side by side are not sent either', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('evolink', server.url, { limits: { inFlight: 3, submitsPerSecond: 1 } })
    await world.run([i2v('one [404]'), i2v('two'), i2v('three')], { accounts: ['evolink-1'] })
    await world.settle()
    expect(await world.states()).toEqual(['failed', 'held', 'held'])
    expect(server.ledger.tasks()).toEqual([])
    expect((await world.jobs()).map((job) => job.countedMicros)).toEqual([0, 0, 0])
  })

  it('the next check says it before anything is sent', async () => {
    await refusedModel()
    const path = world.sheet([i2v('four')], 'next')
    const check = await world.client.sheets.check({ path, accounts: ['evolink-1'] })
    expect(check).toMatchObject({ ready: 0, rows: [{ problems: [{ code: 'model-retired' }] }] })
    expect(check.rows[0]?.problems[0]?.what).toContain('refused')
  })

  it('is tried again once the account was told to forget it', async () => {
    const { runId } = await refusedModel()
    await world.client.accounts.update({ name: 'evolink-1', options: { retiredModels: [] } })
    await world.client.runs.start({ id: runId })
    await world.settle()
    expect(await world.states()).toEqual(['failed', 'done', 'done'])
  })

  it('changing one option keeps what was learned', async () => {
    await refusedModel()
    await world.client.accounts.update({ name: 'evolink-1', options: { extendedDurations: true } })
    expect(await options()).toMatchObject({ retiredModels: [FLASH], extendedDurations: true })
  })

  it('another base address starts with nothing learned', async () => {
    const { server } = await refusedModel()
    await world.client.accounts.update({
      name: 'evolink-1',
      baseUrl: server.url.replace('127.0.0.1', 'localhost'),
    })
    expect(await options()).toMatchObject({ retiredModels: [] })
  })

  it('a scripted refusal of the practice provider teaches nothing', async () => {
    world = await World.open()
    await world.run([i2v('one [404]'), i2v('two')])
    await world.settle()
    expect(await world.states()).toEqual(['failed', 'done'])
  })
})
