import { afterEach, describe, expect, it } from 'vitest'
import { i2v, vtrix, World } from '../support/world.ts'

const FAULTS = [
  '',
  '[429 after=2]',
  '[429]',
  '[503 after=1]',
  '[503]',
  '[500]',
  '[502]',
  '[504]',
  '[502 created]',
  '[500 created]',
  '[accept then-cut]',
  '[accept half]',
  '[accept no-id]',
  '[accept html]',
  '[cut]',
  '[cut-early]',
  '[running x3]',
  '[read 500]',
  '[read 429 after=1]',
  '[read html]',
  '[read no-link]',
  '[status=strange]',
  '[result-data]',
  '[fail code=service_error]',
  '[expire]',
  '[link 404]',
  '[html]',
  '[cut=20KB]',
  '[no-range]',
  '[changed]',
  '[short]',
  '[redirect]',
  '[redirect private]',
]
const ROWS = 80
const FAST = { inFlight: 20, submitsPerSecond: 50, pollsPerSecond: 50 }

/** The same numbers for the same seed, so that a failing mix replays. */
function chances(seed: number): () => number {
  let state = seed * 7919
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

function mixedRows(seed: number): Record<string, string | number>[] {
  const chance = chances(seed)
  const fault = () => FAULTS[Math.floor(chance() * FAULTS.length)] ?? ''
  return Array.from({ length: ROWS }, (_, row) => {
    const prompt = `row ${row} of mix ${seed} ${fault()}${chance() < 0.4 ? fault() : ''}`
    const kind = chance()
    if (kind < 0.4) return i2v(prompt, { account: 'evolink-1' })
    return kind < 0.7 ? i2v(prompt, { account: 'practice' }) : vtrix(prompt, { account: 'practice' })
  })
}

let world: World
afterEach(() => world.close())

describe('many rows, each with one or two faults, over quits and starts', () => {
  for (const seed of [1, 2, 3]) {
    it(`mix ${seed}: bought at most once, every task watched by its own row, nothing left hanging`, async () => {
      world = await World.open({ secrets: {} })
      const server = await world.stranger()
      await world.account('evolink', server.url, { limits: FAST })
      await world.client.accounts.update({ name: 'practice', limits: FAST })
      const id = await world.run(mixedRows(seed), { accounts: ['practice'] })
      for (let quit = 0; quit < 3; quit++) {
        await world.settle(20_000)
        await world.restart()
      }
      await world.settle(48 * 3_600_000)

      const tasks = [...world.ledger.tasks(), ...server.ledger.tasks()]
      expect(new Set(tasks.map((task) => task.prompt)).size).toBe(tasks.length)
      const jobs = await world.jobs(id)
      for (const job of jobs) {
        const task = tasks.find((one) => one.id === job.remoteId)
        if (job.remoteId) expect(task?.prompt, `job ${job.id} watches another row’s task`).toBe(job.prompt)
        expect(job.problem?.code, job.problem?.what).not.toBe('internal')
      }
      expect(jobs.filter((job) => !['done', 'failed', 'unconfirmed'].includes(job.state))).toEqual([])
      expect((await world.client.runs.attention({ id })).moving).toBe(0)
      expect(world.logged.filter((line) => line.level === 'error')).toEqual([])
      const { whole, problems } = await world.client.clips.check({ runId: id })
      expect({ whole, problems }).toEqual({
        whole: jobs.filter((job) => job.state === 'done').length,
        problems: [],
      })
    })
  }
})
