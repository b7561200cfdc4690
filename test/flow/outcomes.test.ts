import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../support/hand-clock.ts'
import { i2v, vtrix, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

/** What the provider's ledger says of one row: tasks made, charges made. */
function bought(): { tasks: number; charged: number } {
  const tasks = world.tasks()
  return { tasks: tasks.length, charged: tasks.filter((task) => task.chargedMicros > 0).length }
}

interface Case {
  fault: string
  /** State at the end, with the practice provider's complete ledger to look in. */
  ends: string
  attempts: number
}

const SURE: Case[] = [
  { fault: '', ends: 'done', attempts: 1 },
  { fault: '[429 after=2]', ends: 'done', attempts: 1 },
  { fault: '[429]', ends: 'done', attempts: 1 },
  { fault: '[429 after=2 x5]', ends: 'done', attempts: 1 },
  { fault: '[503 after=1]', ends: 'done', attempts: 1 },
  { fault: '[400]', ends: 'failed', attempts: 1 },
  { fault: '[400 code=content_policy_violation]', ends: 'failed', attempts: 1 },
  { fault: '[404]', ends: 'failed', attempts: 1 },
  { fault: '[413]', ends: 'failed', attempts: 1 },
]

/** May have been created: never resent on a guess, whatever really happened. */
const UNCLEAR: string[] = [
  '[accept then-cut]',
  '[accept half]',
  '[accept no-id]',
  '[accept html]',
  '[500 created]',
  '[502 created]',
  '[503 created]',
  '[504 created]',
  '[500]',
  '[502]',
  '[503]',
  '[504]',
  '[cut]',
]

for (const [family, row] of [
  ['evolink', i2v],
  ['vtrix', vtrix],
] as const) {
  describe(`section 7 through the engine, ${family}`, () => {
    for (const { fault, ends, attempts } of SURE) {
      it(`${fault || 'accepted'}: ${ends}, bought at most once`, async () => {
        world = await World.open()
        await world.run([row(`a calm lake ${fault}`)])
        await world.settle()
        const [job] = await world.jobs()
        expect(job).toMatchObject({ state: ends, attempt: attempts })
        expect(bought()).toEqual(ends === 'done' ? { tasks: 1, charged: 1 } : { tasks: 0, charged: 0 })
        if (ends === 'failed') expect(job?.countedMicros).toBe(0)
      })
    }

    for (const fault of UNCLEAR) {
      it(`${fault}: one task, one charge, one clip`, async () => {
        world = await World.open()
        await world.run([row(`a calm lake ${fault}`)])
        await world.settle()
        const [job] = await world.jobs()
        expect(job?.state).toBe('done')
        expect(bought()).toEqual({ tasks: 1, charged: 1 })
        expect((await world.client.clips.page({})).total).toBe(1)
      })
    }
  })
}

describe('section 7 through the engine: silence', () => {
  it('a create that never answers is cut off after its time and looked for', async () => {
    world = await World.open()
    await world.run([vtrix('a calm lake [hang]')])
    const settled = world.settle()
    await until(() => world.tasks().length === 1, 'the task was made')
    await world.clock.advance(61_000)
    await settled
    expect(await world.states()).toEqual(['done'])
    expect(bought()).toEqual({ tasks: 1, charged: 1 })
  })
})
