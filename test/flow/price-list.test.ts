import { afterEach, describe, expect, it } from 'vitest'
import { PriceDesk } from '../../src/main/core/money/price-desk.ts'
import type { PriceView } from '../../src/shared/check.ts'
import { MODELS } from '../../src/shared/models/catalogue.ts'
import { until } from '../support/hand-clock.ts'
import { type Script, startScriptedServer } from '../support/scripted-server.ts'
import { World } from '../support/world.ts'

let world: World
const ending: (() => Promise<void>)[] = []
afterEach(async () => {
  await world.close()
  for (const end of ending.splice(0)) await end()
})

const FLASH = 'wan2.6-image-to-video-flash'
const CREDIT = 1_000_000

const list = (account?: string) => world.client.prices.list(account === undefined ? {} : { account })
const brief = (prices: PriceView[], model: string) =>
  prices
    .filter((price) => price.model === model)
    .map(({ quality, isSilent, perSecondMicros, minimumMicros }) => [
      quality,
      isSilent ? 'silent' : 'sound',
      perSecondMicros,
      minimumMicros,
    ])

async function scripted(...steps: Script[]) {
  world = await World.open({ secrets: {} })
  const server = await startScriptedServer(...steps)
  ending.push(() => server.stop())
  await world.account('evolink', server.url)
  return server
}

const constant = (value: string) => ({ op: 'constant', value })
const duration = { op: 'variable', name: 'duration_seconds' }
const ruleOf = (quantity: unknown) => ({
  status: 200,
  body: {
    model: {
      model_id: FLASH,
      components: [
        {
          rate: { uc: '10000' },
          minimum_charge: { uc: '30000' },
          quantity_rule: quantity,
          rounding: { point: 'per_component_subtotal', mode: 'half_up' },
        },
      ],
    },
  },
})

describe('the list of prices', () => {
  it('has every model and tier of the practice account, and silence where it is cheaper', async () => {
    world = await World.open()
    const prices = await list()
    expect(new Set(prices.map(({ model }) => model))).toEqual(new Set(MODELS.map(({ id }) => id)))
    expect(brief(prices, FLASH)).toEqual([
      ['720p', 'sound', 2.38 * CREDIT, 6 * CREDIT],
      ['720p', 'silent', 1.19 * CREDIT, 6 * CREDIT],
      ['1080p', 'sound', 3_974_600, 6 * CREDIT],
      ['1080p', 'silent', 1_987_300, 6 * CREDIT],
    ])
    // Sound costs nothing there; and its dollars are shown in the account's credits.
    expect(brief(prices, 'wan26_r2v')).toEqual([
      ['720p', 'sound', 6_800_000, null],
      ['1080p', 'sound', 10_200_000, null],
    ])
    expect(brief(prices, 'wan2.5-text-to-video').map(([quality]) => quality)).toEqual([
      '480p',
      '720p',
      '1080p',
    ])
    expect(new Set(prices.map(({ basis }) => basis))).toEqual(new Set(['practice']))
    expect(world.ledger.requests()).toEqual([])
  })

  it.each(['practice', 'evolink-1'])('is what clips of any length are estimated at: %s', async (name) => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('evolink', server.url)
    const { engine } = world.app.core
    const account = engine.store.accounts.byName(name)
    if (!account) throw new Error('the account was just added')
    const prices = await list(name)
    const desk = new PriceDesk(engine)
    await desk.ask(prices.map(({ model }) => ({ account, model })))
    for (const { model, quality, isSilent, perSecondMicros, minimumMicros } of prices) {
      const sound = isSilent ? { generate_audio: false, expectsSound: false } : {}
      for (let duration = 2; duration <= 15; duration += 1) {
        const estimate = desk.price({ model, prompt: '', quality, duration, ...sound }, [], account)
        const expected = Math.max(minimumMicros ?? 0, duration * (perSecondMicros ?? 0))
        expect([model, quality, duration, expected]).toEqual([model, quality, duration, estimate.highMicros])
      }
    }
    expect(prices.length).toBeGreaterThan(15)
  })

  it('takes the provider’s live rules, and has no model of another family', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('evolink', server.url)
    const prices = await list('evolink-1')
    expect(new Set(prices.map(({ note }) => note))).toEqual(new Set(["By the provider's live price rules."]))
    expect(brief(prices, FLASH)[0]).toEqual(['720p', 'sound', 2.38 * CREDIT, 6 * CREDIT])
    expect(brief(prices, 'wan26_r2v')).toEqual([])
    expect(prices.some(({ account }) => account !== 'evolink-1')).toBe(false)
  })

  it('says which table stands when the live rules are late, after five seconds', async () => {
    const server = await scripted('silence')
    const listing = list('evolink-1')
    await until(() => server.requests.length > 0, 'the rules were asked for')
    await world.clock.advance(5_000)
    const prices = await listing
    expect(brief(prices, FLASH)[0]).toEqual(['720p', 'sound', 2.38 * CREDIT, 6 * CREDIT])
    for (const { note, basis } of prices) {
      expect(basis).toBe('published')
      expect(note).toMatch(/live prices could not be had.+2026-10-10/)
    }
  })

  it('takes the account’s own prices before all others, silence apart', async () => {
    const server = await scripted({ status: 500, body: {} })
    const prices = { [`${FLASH}:720p`]: 7, [`${FLASH}:720p:silent`]: 5, [`${FLASH}:1080p`]: 9 }
    await world.client.accounts.update({ name: 'evolink-1', prices })
    expect(brief(await list('evolink-1'), FLASH)).toEqual([
      ['720p', 'sound', 7, null],
      ['720p', 'silent', 5, null],
      ['1080p', 'sound', 9, null],
    ])
    expect(server.requests.length).toBeGreaterThan(0)
  })

  it('does not invent a price of a second where the rule has steps', async () => {
    const isLong = { op: 'gte', args: [duration, constant('10')] }
    const cheaper = {
      op: 'multiply',
      args: [duration, { op: 'if', args: [isLong, constant('0.5'), constant('1')] }],
    }
    await scripted(ruleOf(cheaper))
    const price = (await list('evolink-1')).find(({ model }) => model === FLASH)
    expect(price).toMatchObject({ perSecondMicros: null, minimumMicros: null, basis: 'published' })
    expect(price?.note).toContain('by the length of the clip')
  })

  it('leaves a model out that the provider refused as unknown', async () => {
    await scripted({ status: 500, body: {} })
    const account = () => world.app.core.engine.store.accounts.byName('evolink-1')
    expect(brief(await list('evolink-1'), FLASH)).toHaveLength(4)
    const found = account()
    if (!found) throw new Error('the account was just added')
    world.app.core.engine.store.accounts.update({
      ...found,
      options: { ...found.options, retiredModels: [FLASH] },
    })
    expect(brief(await list('evolink-1'), FLASH)).toEqual([])
  })

  it('says that no price is known, and of whom nobody knows', async () => {
    world = await World.open({ secrets: {} })
    const server = await world.stranger()
    await world.account('vtrix', server.url)
    expect(await list('vtrix-1')).toMatchObject([
      {
        model: 'wan26_r2v',
        quality: '720p',
        isSilent: false,
        perSecondMicros: null,
        currency: 'usd',
        basis: 'none',
      },
      { quality: '1080p', perSecondMicros: null },
    ])
    await expect(list('nobody')).rejects.toMatchObject({ data: { code: 'not-found' } })
  })
})
