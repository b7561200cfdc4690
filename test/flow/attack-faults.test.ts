import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../support/hand-clock.ts'
import { i2v, vtrix, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const HOUR = 3_600_000
const cheap = (prompt: string) => i2v(prompt, { generate_audio: 'no' })
const full = () => Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
const faults = () => world.logged.filter((line) => line.message === 'a change could not be stored').length
/** More turns than any row needs: whoever waits for the disk says so in the log long before. */
const MANY_TURNS = 20_000_000

/** As `settle`, but time passes also while a step waits for the disk: each failed write is the signal. */
async function settleThrough(ms: number): Promise<void> {
  let isOver = false
  let seen = faults()
  const settled = world.settle(ms).finally(() => {
    isOver = true
  })
  while (!isOver) {
    await until(() => isOver || faults() > seen, 'a write failed, or all is done', MANY_TURNS)
    seen = faults()
    if (!isOver) await world.clock.advance(5_000)
  }
  await settled
}

const store = () => world.app.core.engine.store

describe('one row or account that goes wrong does not hold up the others', () => {
  it('a row that cannot even be written down waits with a problem; those behind it are bought', async () => {
    world = await World.open()
    await world.client.accounts.pause({ name: 'practice' })
    await world.run([i2v('one'), i2v('two')])
    const { attempts } = store()
    const insert = attempts.insert
    attempts.insert = (given) => {
      if (given.jobId === 1) throw new TypeError('a fault of our own')
      return insert(given)
    }
    await world.client.accounts.resume({ name: 'practice' })
    await world.settle(HOUR)
    const [first, second] = await world.jobs()
    expect(second?.state).toBe('done')
    expect(first).toMatchObject({ state: 'queued', countedMicros: 0, problem: { code: 'internal' } })
    attempts.insert = insert
    await world.settle()
    expect(await world.states()).toEqual(['done', 'done'])
  })

  it('an account whose address cannot be used leaves the others alone', async () => {
    world = await World.open({ secrets: {} })
    const { accounts } = store()
    const practice = accounts.byName('practice')
    if (!practice) throw new Error('there is a practice account')
    await world.account('vtrix', 'http://127.0.0.1:9')
    await world.client.accounts.pause({ name: 'practice' })
    await world.client.accounts.pause({ name: 'vtrix-1' })
    await world.run([vtrix('bad'), i2v('good', { account: 'practice' })], { accounts: ['vtrix-1'] })
    const bad = accounts.byName('vtrix-1')
    if (!bad) throw new Error('it was just added')
    // The account with the bad address comes first.
    const list = accounts.list
    accounts.list = () => list().reverse()
    accounts.update({ ...bad, baseUrl: 'http://not-safe.example' })
    await world.client.accounts.resume({ name: 'practice' })
    await world.client.accounts.resume({ name: 'vtrix-1' })
    await world.settle(HOUR)
    expect((await world.states())[1]).toBe('done')
  })

  it('a run at its cap does not make the rows of another run wait', async () => {
    world = await World.open()
    await world.client.accounts.pause({ name: 'practice' })
    await world.run([cheap('one'), cheap('two')], { name: 'capped', capMicros: 1 })
    const id = await world.run([cheap('three')], { name: 'free' })
    const began = world.clock.now()
    await world.client.accounts.resume({ name: 'practice' })
    await until(async () => (await world.states(id))[0] !== 'queued', 'the free run was begun')
    expect(world.clock.now()).toBe(began)
    await world.settle()
    expect(await world.states(id)).toEqual(['done'])
  })
})

describe('a fault of our own while an answer is kept', () => {
  it('leaves the row in doubt, never sent a second time, and the app running', async () => {
    world = await World.open({
      checkpoint: (point) => {
        if (point === 'submit.answered') isBroken = true
      },
    })
    let isBroken = false
    const { jobs } = store()
    const get = jobs.get
    await world.client.accounts.pause({ name: 'practice' })
    await world.run([vtrix('a calm lake')])
    let faults = 0
    jobs.get = (id) => {
      if (isBroken && faults < 3) {
        faults += 1
        throw new Error('a fault of our own')
      }
      return get(id)
    }
    await world.client.accounts.resume({ name: 'practice' })
    await world.settle(HOUR)
    expect(faults).toBe(3)
    expect(world.tasks()).toHaveLength(1)
    expect(await world.states()).toEqual(['done'])
  })
})

/** Every function through which the engine writes, one at a time and each time it is called. */
const WRITES = [
  ['write', (broken: () => void) => breakIn(store(), 'write', broken)],
  ['attempts.markSent', (broken: () => void) => breakIn(store().attempts, 'markSent', broken)],
  ['attempts.insert', (broken: () => void) => breakIn(store().attempts, 'insert', broken)],
  ['attempts.decide', (broken: () => void) => breakIn(store().attempts, 'decide', broken)],
  ['ledger.settle', (broken: () => void) => breakIn(store().ledger, 'settle', broken)],
  ['jobs.save', (broken: () => void) => breakIn(store().jobs, 'save', broken)],
  ['clips.insert', (broken: () => void) => breakIn(store().clips, 'insert', broken)],
  ['references.addUpload', (broken: () => void) => breakIn(store().references, 'addUpload', broken)],
] as const

function breakIn(target: object, name: string, broken: () => void): void {
  const functions = target as Record<string, (...given: unknown[]) => unknown>
  const real = functions[name] as (...given: unknown[]) => unknown
  functions[name] = (...given) => {
    broken()
    return real(...given)
  }
}

describe('a disk that is full at one write', () => {
  for (const [name, install] of WRITES) {
    it(`${name}: nothing is bought twice or lost, whichever call it is`, async () => {
      for (let at = 1; at <= 6; at++) {
        world = await World.open({ secrets: {} })
        const server = await world.stranger()
        await world.account('evolink', server.url)
        await world.account('vtrix', server.url)
        await world.client.accounts.pause({ name: 'evolink-1' })
        await world.client.accounts.pause({ name: 'vtrix-1' })
        await world.run([i2v('one'), vtrix('two')], { accounts: ['evolink-1', 'vtrix-1'] })
        await world.client.accounts.resume({ name: 'evolink-1' })
        let calls = 0
        install(() => {
          calls += 1
          if (calls === at || calls === at + 1) throw full()
        })
        await world.client.accounts.resume({ name: 'vtrix-1' })
        await settleThrough(HOUR)
        expect([at, await world.states()]).toEqual([at, ['done', 'done']])
        expect(
          server.ledger
            .tasks()
            .map(({ prompt }) => prompt)
            .sort(),
        ).toEqual(['one', 'two'])
        await world.close()
      }
      world = await World.open()
    })
  }
})

describe('any sequence of what people do', () => {
  const FAULTS = [
    '',
    '[429 after=2]',
    '[accept then-cut]',
    '[502]',
    '[400]',
    '[fail code=service_error]',
    '[402]',
    '[cut=20KB]',
  ]
  const action = fc.record({
    does: fc.constantFrom(
      'pause',
      'resume',
      'cancel',
      'refetch',
      'pauseRun',
      'resumeRun',
      'pauseAccount',
      'resumeAccount',
      'prioritise',
      'restart',
      'limits',
      'again',
    ),
    row: fc.integer({ min: 1, max: 4 }),
    waitMs: fc.constantFrom(0, 1, 300, 2000, 30_000),
    turns: fc.integer({ min: 0, max: 6 }),
  })

  it('buys each row at most once, keeps the cap, loses nothing and comes to rest', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...FAULTS), { minLength: 4, maxLength: 4 }),
        fc.array(action, { maxLength: 12 }),
        async (faults, actions) => {
          world = await World.open({ secrets: {} })
          try {
            const server = await world.stranger({ timing: { queueMs: 5000, renderMsPerSecond: 1000 } })
            await world.account('evolink', server.url)
            const rows = faults.map((fault, index) => cheap(`row ${index} ${fault}`))
            const more = { accounts: ['evolink-1'], capMicros: 19_000_000 }
            const id = await world.run(rows, more)
            for (const one of actions) {
              await doOne(one, id, rows, more)
              for (let turn = 0; turn < one.turns; turn++)
                await new Promise((resolve) => setImmediate(resolve))
              if (one.waitMs > 0) await world.settle(one.waitMs)
              const run = store().runs.get(id)
              expect(run?.countedMicros).toBeLessThanOrEqual(19_000_000)
            }
            await world.client.accounts.resume({ name: 'evolink-1' })
            await world.settle(3 * HOUR)
            const prompts = server.ledger.tasks().map(({ prompt }) => prompt)
            expect(new Set(prompts).size).toBe(prompts.length)
            const known = new Set((await world.jobs()).map(({ remoteId }) => remoteId))
            for (const job of await world.jobs()) {
              if (job.state !== 'unconfirmed') continue
              known.add(server.ledger.tasks().find(({ prompt }) => prompt === job.prompt)?.id ?? null)
            }
            for (const { id: task } of server.ledger.tasks()) expect(known).toContain(task)
            expect((await world.client.runs.attention({ id })).moving).toBe(0)
          } finally {
            await world.close()
          }
        },
      ),
      { numRuns: 12 },
    )
    world = await World.open()
  }, 120_000)

  async function doOne(
    { does, row }: { does: string; row: number },
    id: number,
    rows: Parameters<World['sheet']>[0],
    more: Record<string, unknown>,
  ): Promise<void> {
    const { client } = world
    const ids = [row]
    if (does === 'pause') await client.jobs.pause({ ids })
    else if (does === 'resume') await client.jobs.resume({ ids })
    else if (does === 'cancel') await client.jobs.cancel({ ids })
    else if (does === 'refetch') await client.jobs.refetch({ ids })
    else if (does === 'pauseRun') await client.runs.pause({ id })
    else if (does === 'resumeRun') await client.runs.resume({ id })
    else if (does === 'pauseAccount') await client.accounts.pause({ name: 'evolink-1' })
    else if (does === 'resumeAccount') await client.accounts.resume({ name: 'evolink-1' })
    else if (does === 'prioritise') await client.jobs.prioritise({ ids, priority: row })
    else if (does === 'restart') await world.restart()
    else if (does === 'limits') await client.accounts.update({ name: 'evolink-1', limits: { inFlight: row } })
    else await world.run(rows, more)
  }
})
