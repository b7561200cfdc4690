import { afterEach, describe, expect, it } from 'vitest'
import { PriceDesk } from '../../src/main/core/money/price-desk.ts'
import { until } from '../support/hand-clock.ts'
import { type Script, startScriptedServer } from '../support/scripted-server.ts'
import { i2v, SAMPLE_MEDIA, STRANGER_KEY, vtrix, World } from '../support/world.ts'

let world: World
const ending: (() => Promise<void>)[] = []
afterEach(async () => {
  await world.close()
  for (const end of ending.splice(0)) await end()
})

const HOUR = 3_600_000
const FLASH = 'wan2.6-image-to-video-flash'
const RULE_PATH = `/v1/catalog/models/${FLASH}/pricing-rules`
/** Five seconds at 1080p with sound: 5 x 2.38 x 1.67 credits. */
const DATED = 19_873_000

const row = (more: Record<string, string | number> = {}) =>
  i2v('a calm lake', { duration: 5, quality: '1080p', ...more })

async function check(rows: Record<string, string | number>[] = [row()], account = 'evolink-1') {
  const found = await world.client.sheets.check({ path: world.sheet(rows), accounts: [account] })
  expect(found.rows.flatMap(({ problems }) => problems.filter((one) => one.level === 'error'))).toEqual([])
  return found.rows.map(({ estimate }) => estimate)
}

/** An account whose provider answers as scripted. */
async function scripted(...steps: Script[]) {
  world = await World.open({ secrets: {} })
  const server = await startScriptedServer(...steps)
  ending.push(() => server.stop())
  await world.account('evolink', server.url)
  return server
}

const constant = (value: string) => ({ op: 'constant', value })
const ruleOf = (quantity: unknown, uc = '23800') => ({
  status: 200,
  body: {
    meta: { schema_version: '2' },
    model: {
      model_id: FLASH,
      pricing_status: 'available',
      components: [
        {
          rate: { uc },
          quantity_rule: quantity,
          rounding: { point: 'per_component_subtotal', mode: 'half_up' },
        },
      ],
    },
  },
})
const duration = { op: 'variable', name: 'duration_seconds' }

/** A check also asks what the file service still takes, which is no matter of prices. */
const rulesAsked = <T extends { path: string }>(requests: readonly T[]): T[] =>
  requests.filter(({ path }) => !path.startsWith('/api/v1/files/'))

describe('live price rules', () => {
  it('are read from the provider without the key, and are what it then charges', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('evolink', server.url)
    const media = { 'ref 1': `${SAMPLE_MEDIA}/deep-dive.mp4` }
    const rows = [
      row(),
      row({ quality: '720p', generate_audio: 'no' }),
      { prompt: 'b', model: 'wan2.6-reference-video', duration: 5, ...media },
      { prompt: 'c', model: 'wan2.7-reference-video', duration: 5, ...media },
    ]
    const estimates = await check(rows)
    for (const estimate of estimates) {
      expect(estimate).toMatchObject({ basis: 'published' })
      expect(estimate?.note).toContain('live')
    }
    expect(estimates[0]?.highMicros).toBe(DATED)
    const asked = rulesAsked(server.ledger.requests())
    expect(asked.map((one) => one.path).toSorted()).toEqual(
      [FLASH, 'wan2.6-reference-video', 'wan2.7-reference-video'].map(
        (model) => `/v1/catalog/models/${model}/pricing-rules`,
      ),
    )
    expect(asked.every((one) => one.keyName === null && one.status === 200)).toBe(true)
    await world.run(rows, { accounts: ['evolink-1'] })
    await world.settle()
    const charged = (await world.jobs()).map((job) => job.chargedMicros)
    expect(charged).toEqual(estimates.map((estimate) => estimate?.highMicros))
  })

  it('beat the dated table, and the account’s own price beats both', async () => {
    await scripted(ruleOf(duration, '10000'))
    expect(await check()).toMatchObject([{ highMicros: 5_000_000, basis: 'published' }])
    await world.client.accounts.update({ name: 'evolink-1', prices: { [FLASH]: 7 } })
    expect(await check()).toMatchObject([{ highMicros: 35, basis: 'account' }])
  })

  it('are asked for once, and again when they are no longer fresh', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('evolink', server.url)
    const asked = () => rulesAsked(server.ledger.requests()).length
    await check()
    await check()
    expect(asked()).toBe(1)
    await world.restart()
    await check()
    expect(asked()).toBe(1)
    await world.clock.advance(HOUR)
    await check()
    expect(asked()).toBe(2)
  })

  it('without a date of their own they are kept for a day, of this address only', async () => {
    const server = await scripted(ruleOf(duration))
    await check()
    await world.clock.advance(24 * HOUR - 1)
    await check()
    expect(rulesAsked(server.requests)).toHaveLength(1)
    await world.clock.advance(1)
    await check()
    expect(rulesAsked(server.requests)).toHaveLength(2)
    const baseUrl = server.url.replace('127.0.0.1', 'localhost')
    await world.client.accounts.update({ name: 'evolink-1', baseUrl })
    await check()
    expect(rulesAsked(server.requests)).toHaveLength(3)
    expect(JSON.stringify(rulesAsked(server.requests).map(({ headers }) => headers))).not.toContain(
      STRANGER_KEY,
    )
  })

  it('a base that has none is asked once for one and once for all, and never again', async () => {
    const server = await scripted({ status: 404, body: { error: { code: 404, message: 'no' } } })
    const [estimate] = await check()
    expect(estimate).toMatchObject({ highMicros: DATED })
    expect(estimate?.note).toContain('2026-10-10')
    expect(rulesAsked(server.requests).map(({ path }) => path)).toEqual([
      RULE_PATH,
      '/v1/catalog/pricing-rules',
    ])
    const account = (await world.client.accounts.list()).find((one) => one.name === 'evolink-1')
    expect(account?.options.missingFeatures).toEqual(['price-rules'])
    await world.clock.advance(24 * HOUR)
    await check()
    expect(rulesAsked(server.requests)).toHaveLength(2)
  })

  it('are picked out of the list of all where a base has only that', async () => {
    const { model } = ruleOf(duration, '10000').body
    await scripted({ status: 404, body: {} }, { status: 200, body: { meta: {}, models: [{}, model] } })
    expect(await check()).toMatchObject([{ highMicros: 5_000_000 }])
  })

  it.each<[string, Script]>([
    ['an operation that nobody knows', ruleOf({ op: 'power', args: [duration, constant('2')] })],
    ['a fault of the server', { status: 500, body: {} }],
    ['a page instead of data', { status: 200, text: '<html>hello</html>' }],
    ['a rule without end', { status: 200, body: { model: 'x'.repeat(300_000) } }],
    ['a cut connection', 'half-then-cut'],
  ])('%s: the dated table stands, without a word of trouble', async (_what, step) => {
    const server = await scripted(step)
    const path = world.sheet([row()])
    const found = await world.client.sheets.check({ path, accounts: ['evolink-1'] })
    expect(found).toMatchObject({ ready: 1, problems: [], rows: [{ problems: [] }] })
    expect(found.rows[0]?.estimate).toMatchObject({ highMicros: DATED, basis: 'published' })
    expect(found.rows[0]?.estimate?.note).toContain('2026-10-10')
    await check()
    expect(rulesAsked(server.requests)).toHaveLength(1)
  })

  it('a silent server holds a check up for five seconds and no longer', async () => {
    const server = await scripted('silence')
    const checking = check()
    await until(() => rulesAsked(server.requests).length === 1, 'the rule was asked for')
    let isDone = false
    void checking.then(() => {
      isDone = true
    })
    await world.clock.advance(4_999)
    expect(isDone).toBe(false)
    await world.clock.advance(1)
    expect(await checking).toMatchObject([{ highMicros: DATED }])
  })

  it('are never asked for on the practice account', async () => {
    world = await World.open()
    await check([row()], 'practice')
    expect(rulesAsked(world.ledger.requests())).toEqual([])
  })

  it('who only looks uses them and writes nothing down', async () => {
    const server = await scripted(ruleOf(duration, '10000'))
    const { engine } = world.app.core
    const account = engine.store.accounts.byName('evolink-1')
    if (!account) throw new Error('the account was just added')
    const order = { model: FLASH, prompt: 'x', duration: 5, quality: '1080p', generate_audio: true }
    for (const _time of [1, 2]) {
      const desk = new PriceDesk(engine, false)
      await desk.ask([{ account, model: FLASH }])
      expect(desk.price(order, [], account).highMicros).toBe(5_000_000)
    }
    expect(rulesAsked(server.requests)).toHaveLength(2)
  })
})

describe('learned prices', () => {
  async function bought() {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('vtrix', server.url)
    expect(await check([vtrix('one')], 'vtrix-1')).toMatchObject([{ basis: 'none' }])
    await world.run([vtrix('one')], { accounts: ['vtrix-1'], name: 'first' })
    await world.settle()
    expect(await world.states()).toEqual(['done'])
  }

  it('come from what clips were charged, and say how many they rest on', async () => {
    await bought()
    const [estimate] = await check([vtrix('two', { duration: 5 })], 'vtrix-1')
    expect(estimate).toMatchObject({ basis: 'learned', highMicros: 500_000, currency: 'usd' })
    expect(estimate?.note).toContain('one charged clip')
    expect(await check([vtrix('two', { size: '1920*1080' })], 'vtrix-1')).toMatchObject([{ basis: 'none' }])
  })

  it('are good enough for a cap', async () => {
    await bought()
    // Two seconds at 0.10 USD: 13.6 credits each, so the second does not fit.
    const more = { accounts: ['vtrix-1'], name: 'second', capMicros: 20_000_000 }
    const id = await world.run([vtrix('two'), vtrix('three')], more)
    await world.settle()
    expect(await world.states(id)).toEqual(['done', 'queued'])
    expect((await world.client.runs.get({ id })).problem?.code).toBe('cap-reached')
  })
})
