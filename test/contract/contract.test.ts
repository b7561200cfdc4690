import { inspect } from 'node:util'
import { ORPCError } from '@orpc/client'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { problemOf } from '../../src/main/core/handlers/context.ts'
import type { Client } from '../../src/renderer/api/connect.ts'
import { type AppEvent, contract } from '../../src/shared/contract.ts'
import { Problem } from '../../src/shared/problem.ts'
import { until } from '../support/hand-clock.ts'
import { i2v, World } from '../support/world.ts'
import { CASES, type CallName, isWatched } from './cases.ts'
import { type Speaker, TRANSPORTS } from './transports.ts'

const CALLS = Object.entries(contract).flatMap(([noun, verbs]) =>
  Object.keys(verbs).map((verb) => `${noun}.${verb}` as CallName),
)

it('every call of the contract has its case', () => {
  expect(Object.keys(CASES).toSorted()).toEqual(CALLS.toSorted())
})

/** What a call was refused with, as it arrived. */
async function refusalOf(call: Promise<unknown>): Promise<ORPCError<string, unknown>> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof ORPCError)) throw new Error('the call was not refused', { cause: error })
  return error
}

function callByName(client: Client, name: CallName, input: unknown): Promise<unknown> {
  const [noun = '', verb = ''] = name.split('.')
  const nouns = client as unknown as Record<string, Record<string, (input: unknown) => Promise<unknown>>>
  return nouns[noun]?.[verb]?.(input) ?? Promise.reject(new Error(`no call ${name}`))
}

/** Reads on to the news that tell of this id. */
async function nextWith(news: AsyncIterator<AppEvent>, id: number) {
  for (;;) {
    const { value, done } = await news.next()
    if (done) throw new Error('the stream ended')
    if (value.type === 'jobs.changed' && value.ids.includes(id)) return value
  }
}

describe.each(Object.entries(TRANSPORTS))('over %s', (name, open) => {
  describe('each call works', () => {
    let world: World
    let speaker: Speaker
    afterEach(async () => {
      await speaker.end()
      await world.close()
    })

    it.each(CALLS)('%s', async (call) => {
      world = await World.open()
      speaker = await open(world.app)
      await CASES[call].works(speaker.client, world)
    })
  })

  describe('refusals and streams', () => {
    let world: World
    let speaker: Speaker
    beforeAll(async () => {
      world = await World.open()
      speaker = await open(world.app)
    })
    afterAll(async () => {
      await speaker.end()
      await world.close()
    })

    it.each(CALLS.filter((call) => CASES[call].refuses))('%s names the field of bad input', async (call) => {
      const { input, field } = CASES[call].refuses as { input: unknown; field: string }
      const error = await refusalOf(callByName(speaker.client, call, input))
      expect(error.code).toBe('BAD_REQUEST')
      const { issues } = error.data as { issues: { path: (string | number)[] }[] }
      expect(issues.map((issue) => issue.path.join('.'))).toContain(field)
    })

    it('bad input is refused without repeating a key', async () => {
      const key = `sk-${'k'.repeat(5000)}`
      const error = await refusalOf(speaker.client.accounts.add({ name: 'studio', family: 'vtrix', key }))
      expect(error.code).toBe('BAD_REQUEST')
      expect(JSON.stringify(error.toJSON())).not.toContain('kkkk')
      expect(inspect(error, { depth: 10 })).not.toContain('kkkk')
    })

    it('a hundred thousand mistakes come back as a few', async () => {
      const ids = Array.from({ length: 100_000 }, () => 'x') as unknown as number[]
      const error = await refusalOf(speaker.client.jobs.cancel({ ids }))
      expect(error.code).toBe('BAD_REQUEST')
      expect(JSON.stringify(error.toJSON()).length).toBeLessThan(5_000)
      expect(problemOf(error).what.length).toBeLessThan(5_000)
    })

    it('a call that does not exist is refused', async () => {
      const stranger = speaker.client as unknown as { app: { shutDown?: () => Promise<unknown> } }
      await expect(
        Promise.resolve().then(() => stranger.app.shutDown?.() ?? Promise.reject(new Error('no such call'))),
      ).rejects.toBeDefined()
    })

    it('a Problem arrives whole: code, what, next, place', async () => {
      const path = `${world.folder}/nowhere.csv`
      const error = await refusalOf(speaker.client.sheets.check({ path }))
      expect(error).toMatchObject({ code: 'PROBLEM', defined: true })
      const found = Problem.strict().parse(error.data)
      expect(found).toMatchObject({ code: 'sheet-missing', level: 'error', place: { file: path } })
      expect(found.what).toContain('nowhere.csv')
      expect(found.next.length).toBeGreaterThan(10)
      expect(Object.keys(error.toJSON()).toSorted()).toEqual(['code', 'data', 'defined', 'message', 'status'])
      expect(error.message).toBe(found.what)
    })

    it('a Problem with places of a row arrives whole', async () => {
      const error = await refusalOf(speaker.client.jobs.pause({ ids: [424_242] }))
      expect(error.data).toMatchObject({ code: 'not-found', what: expect.stringContaining('424242') })
    })

    it('a mistake of ours arrives as `internal` with a log reference and none of its text', async () => {
      const { core } = world.app
      const { list } = core.engine.store.runs
      core.engine.store.runs.list = () => {
        throw new Error('leaky sk-live-9d3 at /secret/place')
      }
      const error = await refusalOf(speaker.client.runs.list())
      core.engine.store.runs.list = list
      const text = JSON.stringify([error.toJSON(), error.message, String(error.stack)])
      expect(text).not.toMatch(/leaky|sk-live|secret/)
      const found = Problem.parse(error.data)
      expect(found.code).toBe('internal')
      expect(found.next).toContain(found.place.logRef)
      expect(world.logged).toContainEqual({
        level: 'error',
        message: 'call failed',
        fields: expect.objectContaining({ call: 'runs.list', logRef: found.place.logRef }),
      })
    })

    it('news of a change arrives as ids, gathered; notices arrive at once', async () => {
      const news = await speaker.client.app.watch()
      const first = news.next()
      await until(() => isWatched(world), 'somebody watches')
      await world.clock.advance(100)
      await first
      world.app.core.engine.changed(7)
      world.app.core.engine.changed(8)
      await world.clock.advance(100)
      expect((await nextWith(news, 7)).ids).toEqual(expect.arrayContaining([7, 8]))
      const notice = {
        code: 'not-possible',
        level: 'warning',
        what: 'Look.',
        next: 'Here.',
        place: { row: 3 },
      } as const
      world.app.core.changes.notice(notice)
      expect((await news.next()).value).toEqual({ type: 'app.noticed', problem: notice })
      await news.return?.()
      await until(async () => !(await isWatched(world)), 'nobody watches any more')
    })

    it('a stream that is aborted leaves no listener', async () => {
      const stop = new AbortController()
      const news = await speaker.client.app.watch(undefined, { signal: stop.signal })
      const waiting = news.next().catch(() => undefined)
      await until(() => isWatched(world), 'somebody watches')
      stop.abort()
      await waiting
      await until(async () => !(await isWatched(world)), 'nobody watches any more')
    })

    it('many streams of one client are independent', async () => {
      const streams = await Promise.all(Array.from({ length: 20 }, () => speaker.client.app.watch()))
      const first = streams.map((stream) => stream.next())
      await until(() => isWatched(world), 'somebody watches')
      // Calls and streams of one line keep their order, so this answer proves that every stream stands.
      await speaker.client.app.hello()
      world.app.core.changes.notice({ code: 'not-possible', level: 'info', what: 'w', next: 'n', place: {} })
      const told = await Promise.all(first)
      expect(told.every((one) => one.value !== undefined)).toBe(true)
      await Promise.all(streams.map((stream) => stream.return?.()))
      await until(async () => !(await isWatched(world)), 'nobody watches any more')
    })

    it('a full page of long prompts arrives whole, in order', async () => {
      const runId = await world.run(
        Array.from({ length: 230 }, (_, index) =>
          i2v(`${index + 1} ${'a long and winding road '.repeat(40)}`),
        ),
        { isHeld: true, name: `long-${name.replace(' ', '-')}` },
      )
      const first = await speaker.client.jobs.page({ runId })
      const second = await speaker.client.jobs.page({ runId, after: first.next })
      expect(first.jobs).toHaveLength(200)
      expect(second.next).toBeNull()
      const prompts = [...first.jobs, ...second.jobs].map((job) => Number(job.prompt.split(' ')[0]))
      expect(prompts).toEqual(Array.from({ length: 230 }, (_, index) => index + 1))
    })

    it('a hundred thousand ids go through; one more is refused', async () => {
      const ids = Array.from({ length: 100_001 }, (_, index) => 900_000_000 + index)
      expect((await refusalOf(speaker.client.jobs.pause({ ids: ids.slice(1) }))).data).toMatchObject({
        code: 'not-found',
      })
      expect((await refusalOf(speaker.client.jobs.pause({ ids }))).code).toBe('BAD_REQUEST')
    })
  })

  it('streams end when the client goes', async () => {
    if (name === 'direct') return
    const world = await World.open()
    const speaker = await open(world.app)
    const news = await speaker.client.app.watch()
    const waiting = news.next().catch(() => undefined)
    await until(() => isWatched(world), 'somebody watches')
    speaker.leave()
    await waiting
    await until(async () => !(await isWatched(world)), 'nobody watches any more')
    await speaker.end()
    await world.close()
  })

  it('streams end when the core stops', async () => {
    const world = await World.open()
    const speaker = await open(world.app)
    const news = await speaker.client.app.watch()
    const waiting = news.next()
    await until(() => isWatched(world), 'somebody watches')
    world.app.core.changes.close()
    expect((await waiting).done).toBe(true)
    await speaker.end()
    await world.close()
  })
})
