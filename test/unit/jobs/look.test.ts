import { describe, expect, test } from 'vitest'
import { LOOK_FOR_MS } from '../../../src/main/core/jobs/policy.ts'
import type { ListedTask, Provider } from '../../../src/main/core/provider/provider.ts'
import { look } from '../../../src/main/core/steps/look.ts'
import { NEVER } from '../../../src/main/core/steps/submit.ts'
import { NOW, plantIn } from '../../support/rows.ts'
import { scriptedProvider, stepBench } from '../../support/step-bench.ts'

const never = new AbortController().signal
const MODEL = 'wan2.6-text-to-video'
const MINUTE = 60_000

const listed = (more: Partial<ListedTask> = {}): ListedTask => ({
  remoteId: 'task-found',
  model: MODEL,
  createdAt: NOW,
  state: 'running',
  ...more,
})

interface Given {
  tasks: ListedTask[]
  /** What became of another row's request, sent at the same time. */
  rival?: 'on its way' | 'unknown' | 'left' | 'absent' | 'refused' | undefined
  isComplete?: boolean
  sentAt?: number
  resentAt?: number
  claimed?: string
}

async function search({ tasks, rival, isComplete = false, sentAt = NOW, resentAt, claimed }: Given) {
  const can: Partial<Provider['can']> = { listTasks: true, listIsComplete: isComplete }
  const provider = scriptedProvider({ can, list: async () => tasks })
  const bench = stepBench('unconfirmed', provider, { sentAt })
  const { store } = bench.engine
  if (claimed) {
    const plant = plantIn(store)
    const other = plant.job(bench.job.runId, bench.job.accountId, { state: 'submitting', row: 2 })
    store.attempts.decide(plant.attempt(other, { sentAt: NOW }).id, 'accepted', NOW, { remoteId: claimed })
  }
  if (rival) {
    const plant = plantIn(store)
    const other = plant.job(bench.job.runId, bench.job.accountId, { state: 'submitting', row: 3 })
    const sent = plant.attempt(other, { sentAt: NOW })
    if (rival !== 'on its way') store.attempts.decide(sent.id, rival, NOW)
  }
  const attempt = { ...bench.attempt, resentAt: resentAt ?? null }
  const report = await look({ ...bench.input, attempt }, bench.engine, never)
  return { ...report, body: attempt.body, attemptId: attempt.id }
}

describe('a list that may be incomplete', () => {
  test('one task that nothing else can explain is the one', async () => {
    const report = await search({ tasks: [listed()] })
    expect(report.event).toMatchObject({ type: 'found', remoteId: 'task-found' })
    expect(report.attempt).toEqual({ id: report.attemptId, outcome: 'found', remoteId: 'task-found' })
    expect(report.ledger?.entry).toEqual({ standing: 'reserved' })
  })

  test.each<[string, Given]>([
    ['an empty list proves nothing', { tasks: [] }],
    ['two candidates are one too many', { tasks: [listed(), listed({ remoteId: 'task-other' })] }],
    ['a second unconfirmed row could have made it', { tasks: [listed()], rival: 'unknown' }],
    ['a row whose request is on its way could have made it', { tasks: [listed()], rival: 'on its way' }],
    ['a row that was left could have made it', { tasks: [listed()], rival: 'left' }],
    ['a person may be wrong about a row that was not created', { tasks: [listed()], rival: 'absent' }],
    ['another model’s task is not ours', { tasks: [listed({ model: 'wan2.5' })] }],
    ['a task from before the request is not ours', { tasks: [listed({ createdAt: NOW - 3 * MINUTE })] }],
    ['a task from long after it is not ours', { tasks: [listed({ createdAt: NOW + 6 * MINUTE })] }],
    ['a task that another job has is not ours', { tasks: [listed()], claimed: 'task-found' }],
  ])('%s', async (_, given) => {
    const report = await search(given)
    expect(report.event).toMatchObject({ type: 'looked', problem: { code: 'outcome-unknown' } })
    expect(report).not.toHaveProperty('attempt')
    expect(report).not.toHaveProperty('ledger')
  })

  test('a row that was surely refused is no rival', async () => {
    expect((await search({ tasks: [listed()], rival: 'refused' })).event.type).toBe('found')
  })

  test('the window begins with the first sending and ends with the repeat', async () => {
    const early = listed({ createdAt: NOW - MINUTE })
    const late = listed({ createdAt: NOW + 8 * MINUTE })
    expect((await search({ tasks: [early] })).event.type).toBe('found')
    expect((await search({ tasks: [late], resentAt: NOW + 4 * MINUTE })).event.type).toBe('found')
  })

  test('candidates are named for the person who decides', async () => {
    const report = await search({ tasks: [listed(), listed({ remoteId: 'task-other' })] })
    expect(report.event).toMatchObject({
      problem: { what: expect.stringContaining('task-found, task-other') },
    })
  })

  test('after an hour it is left to a person', async () => {
    const young = await search({ tasks: [], sentAt: NOW - LOOK_FOR_MS + 1 })
    const old = await search({ tasks: [], sentAt: NOW - LOOK_FOR_MS })
    if (young.event.type !== 'looked' || old.event.type !== 'looked') throw new Error('expected a look')
    expect(young.event.lookAt).toBeLessThanOrEqual(NOW + 5 * MINUTE)
    expect(old.event.lookAt).toBe(NEVER)
  })
})

describe('a list that is surely complete', () => {
  test('the task with the very body that was sent is the one, rival or not', async () => {
    const body = { model: MODEL, prompt: 'a paper boat in the rain' }
    const tasks = [listed({ remoteId: 'task-other', body: { ...body, prompt: 'x' } }), listed({ body })]
    for (const rival of [undefined, 'unknown'] as const) {
      const report = await search({ tasks, isComplete: true, rival })
      expect(report.body).toEqual(body)
      expect(report.event).toMatchObject({ type: 'found', remoteId: 'task-found' })
    }
  })

  test('without such a task nothing was bought, and the row goes back', async () => {
    const report = await search({ tasks: [listed({ body: { prompt: 'another' } })], isComplete: true })
    expect(report.event).toEqual({ type: 'released' })
    expect(report.attempt).toEqual({ id: report.attemptId, outcome: 'absent' })
    expect(report.ledger?.entry).toEqual({ standing: 'released' })
  })
})
