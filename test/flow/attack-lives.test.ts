import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { realDisk } from '../../src/main/core/archive/disk.ts'
import { until } from '../support/hand-clock.ts'
import { i2v, vtrix, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const HOUR = 3_600_000
const slow = { timing: { queueMs: 60_000, renderMsPerSecond: 1000 } }

describe('a row that was let go', () => {
  it('goes again after a pause of its run that ended meanwhile', async () => {
    world = await World.open()
    await world.client.accounts.pause({ name: 'practice' })
    const id = await world.run([i2v('a calm lake')])
    await world.client.runs.pause({ id })
    await world.client.jobs.cancel({ ids: [1] })
    await world.client.runs.resume({ id })
    await world.client.jobs.release({ ids: [1] })
    await world.client.accounts.resume({ name: 'practice' })
    await world.settle()
    expect(await world.states()).toEqual(['done'])
  })

  it('while its clip is being fetched still keeps the clip that arrives', async () => {
    let isHeld = true
    let letGo = (): void => {}
    world = await World.open({
      disk: {
        ...realDisk,
        open: async (path, ...rest) => {
          if (isHeld && path.endsWith('.part')) await new Promise<void>((resolve) => (letGo = resolve))
          isHeld = false
          return await realDisk.open(path, ...rest)
        },
      },
    })
    await world.run([i2v('a calm lake')])
    const rested = world.settle()
    await until(async () => (await world.states())[0] === 'downloading', 'it is being fetched')
    await until(() => world.app.core.scheduler.busy > 0, 'a step works on it')
    await world.client.jobs.cancel({ ids: [1] })
    const released = await world.client.jobs.release({ ids: [1] })
    expect(released).toMatchObject({ touched: 0, refused: [{ code: 'not-possible' }] })
    letGo()
    await rested
    await world.settle()
    expect(await world.states()).toEqual(['done'])
    expect((await world.client.clips.page({})).total).toBe(1)
    expect(readdirSync(join(world.archive, 'sheet'))).toHaveLength(2)
    expect(world.tasks()).toHaveLength(1)
  })

  it('is not set going on an account that was removed: nobody would work on it', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger(slow)
    await world.account('evolink', server.url)
    const id = await world.run([i2v('one'), i2v('two [400]')], { accounts: ['evolink-1'] })
    await until(async () => (await world.states())[0] === 'generating', 'one is being made')
    await world.settle(20_000)
    await world.client.jobs.cancel({ ids: [1] })
    await world.client.accounts.remove({ name: 'evolink-1' })
    await world.account('evolink', server.url)
    expect(await world.client.jobs.refetch({ ids: [1] })).toMatchObject({ touched: 0 })
    expect(await world.client.jobs.release({ ids: [1] })).toMatchObject({ touched: 0 })
    expect(await world.client.runs.retryFailed({ id })).toMatchObject({ touched: 0 })
    await world.settle()
    expect(await world.states()).toEqual(['cancelled', 'failed'])
  })
})

describe('retrying what failed', () => {
  it('does not buy what was paid for already: its output is fetched again, or a person names the row', async () => {
    world = await World.open()
    const id = await world.run([i2v('one [forget]'), i2v('two [fail code=service_error]')])
    await world.settle()
    expect(await world.states()).toEqual(['failed', 'failed'])
    const answer = await world.client.runs.retryFailed({ id })
    expect(answer.touched).toBe(1)
    expect(answer.refused).toMatchObject([{ code: 'not-possible', place: { jobId: 1 } }])
    await world.settle()
    expect(await world.states()).toEqual(['failed', 'done'])
    expect(world.tasks().filter((task) => task.prompt.startsWith('one'))).toHaveLength(1)
    expect(await world.client.jobs.release({ ids: [1] })).toMatchObject({ touched: 1 })
  })
})

describe('an output is not given up while its link lives', () => {
  for (const fault of ['[cut=20KB x12]', '[link 404 x12]']) {
    it(fault, async () => {
      world = await World.open()
      await world.run([i2v(`a calm lake ${fault}`)])
      await world.settle(20 * HOUR)
      expect(await world.states()).toEqual(['done'])
      expect(world.tasks()).toHaveLength(1)
    })
  }
})

describe('references', () => {
  const uploadsOf = (server: { ledger: { requests(): readonly { path: string }[] } }) =>
    server.ledger.requests().filter((one) => one.path.includes('/upload/')).length

  it('of a file service whose addresses live for less than two hours are used all the same', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger({ timing: { queueMs: 0, renderMsPerSecond: 1000, fileLifeMs: HOUR } })
    await world.account('evolink', server.url)
    await world.run([i2v('one'), i2v('two')], { accounts: ['evolink-1'] })
    await world.settle(2 * HOUR)
    expect(await world.states()).toEqual(['done', 'done'])
    expect(uploadsOf(server)).toBe(1)
  })

  it('of a file service whose addresses are dead at once: tried again later and later, not in a circle', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger({
      timing: { queueMs: 0, renderMsPerSecond: 1000, fileLifeMs: -HOUR },
    })
    await world.account('evolink', server.url)
    await world.run([i2v('one')], { accounts: ['evolink-1'] })
    await world.settle(HOUR)
    expect((await world.jobs())[0]?.problem).not.toBeNull()
    expect(uploadsOf(server)).toBeLessThan(40)
    expect(server.ledger.tasks()).toEqual([])
  })

  it('that died while their row waited to be sent are uploaded again before anything is bought', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('evolink', server.url, { limits: { inFlight: 2, submitsPerSecond: 0.01 } })
    await world.run([i2v('one'), i2v('two')], { accounts: ['evolink-1'] })
    await until(async () => (await world.states()).includes('submitting'), 'one waits to be sent')
    await until(() => server.ledger.tasks().length === 1, 'the other was sent')
    await until(async () => (await world.states()).includes('generating'), 'and accepted')
    await world.settle(50_000)
    expect((await world.states()).sort()).toEqual(['done', 'submitting'])
    const clock = world.clock as unknown as { time: number }
    clock.time += 71 * HOUR
    await world.settle(2 * HOUR)
    expect(uploadsOf(server)).toBe(2)
    expect(server.ledger.tasks()).toHaveLength(2)
    expect(await world.states()).toEqual(['done', 'done'])
  })

  it('that vanished from the store end their row with a name, unbought', async () => {
    for (const [family, row] of [
      ['evolink', i2v],
      ['vtrix', vtrix],
    ] as const) {
      world = await World.open({ secrets: {} })
      const server = await world.stranger()
      await world.account(family, server.url)
      await world.client.accounts.pause({ name: `${family}-1` })
      await world.run([row('a calm lake')], { accounts: [`${family}-1`] })
      rmSync(join(world.home, 'references'), { recursive: true })
      mkdirSync(join(world.home, 'references'))
      await world.client.accounts.resume({ name: `${family}-1` })
      await world.settle(HOUR)
      const [job] = await world.jobs()
      expect(job).toMatchObject({ state: 'failed', countedMicros: 0 })
      expect(job?.problem?.code).toBe('reference-missing')
      expect(server.ledger.tasks()).toEqual([])
      if (family === 'evolink') await world.close()
    }
  })

  it('under two names are one upload, and a shared one outlives the row that began it', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('evolink', server.url)
    const twin = join(world.folder, 'twin.png')
    copyFileSync(i2v('')['ref 1'], twin)
    await world.run([i2v('one'), i2v('two', { 'ref 1': twin })], { accounts: ['evolink-1'] })
    await until(async () => (await world.states()).every((state) => state === 'uploading'), 'both upload')
    await world.client.jobs.cancel({ ids: [1] })
    await world.settle()
    expect(await world.states()).toEqual(['cancelled', 'done'])
    expect(uploadsOf(server)).toBe(1)
    expect(server.ledger.tasks()).toHaveLength(1)
  })
})
