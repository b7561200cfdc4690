import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { createPracticeProvider } from '../../../src/main/core/provider/index.ts'
import { Unconfirmed } from '../../../src/main/core/provider/provider.ts'
import { systemRandom } from '../../../src/main/core/system.ts'
import { startPractice } from '../../../src/practice/index.ts'
import { createRequest, EVOLINK_BODY, errorOf, handClock, hashOf, log, never, VTRIX_BODY } from './bench.ts'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function setUp() {
  const folder = await mkdtemp(join(tmpdir(), 'reelsheet-practice-'))
  open.push(() => rm(folder, { recursive: true, force: true }))
  const clock = handClock()
  const resources = fileURLToPath(new URL('../../../resources/practice/', import.meta.url))
  const practice = await startPractice({ folder, clock, random: systemRandom, resources, syncWrites: false })
  open.push(practice.stop)
  const speak = (family: 'evolink' | 'vtrix') => {
    const provider = createPracticeProvider(
      {
        name: 'practice',
        family,
        baseUrl: practice.url,
        key: () => practice.key,
        options: () => ({ requestLimitBytes: 20_000_000, missingFeatures: [] }),
      },
      { clock, log, userAgent: 'Reelsheet/0.1.0', environment: {} },
    )
    open.push(() => provider.close())
    return provider
  }
  return { practice, clock, speak }
}

test('an order lost on the way is found in the list of the practice provider, with the body of its attempt', async () => {
  const { clock, speak } = await setUp()
  const startedAt = clock.now()
  for (const [family, body] of [
    ['evolink', { ...EVOLINK_BODY, prompt: 'a cat [accept then-cut]' }],
    ['vtrix', { ...VTRIX_BODY, input: { ...VTRIX_BODY.input, prompt: 'a cat [accept then-cut]' } }],
  ] as const) {
    const provider = speak(family)
    expect(await errorOf(provider.create(createRequest(body), never()))).toBeInstanceOf(Unconfirmed)
    const found = (await provider.list?.(startedAt, never())) ?? []
    expect(found).toEqual([
      {
        remoteId: expect.any(String),
        model: body.model,
        createdAt: startedAt,
        state: expect.any(String),
        body,
      },
    ])
    expect(await provider.list?.(startedAt + 1, never())).toEqual([])
    expect(
      (await provider.read([found[0]?.remoteId ?? ''], never())).get(found[0]?.remoteId ?? ''),
    ).toMatchObject({
      state: 'running',
    })
    expect(provider.can.listTasks).toBe(true)
    await provider.probe(never())
  }
})

test('references inside a Vtrix request come back in the list in the form of the attempt', async () => {
  const { practice, speak } = await setUp()
  const { default: sharp } = await import('sharp')
  const picture = await sharp({ create: { width: 400, height: 400, channels: 3, background: '#456' } })
    .png()
    .toBuffer()
  const reference = `data:image/png;sha256=${hashOf(picture)}`
  const body = { ...VTRIX_BODY, input: { ...VTRIX_BODY.input, reference_urls: [reference] } }
  const provider = speak('vtrix')
  const { remoteId } = await provider.create(createRequest(body, [picture]), never())
  expect(await provider.list?.(0, never())).toMatchObject([{ remoteId, body }])
  expect(practice.ledger.tasks()).toHaveLength(1)
})

test('the same key gives the first task again', async () => {
  const { practice, speak } = await setUp()
  const provider = speak('evolink')
  const first = await provider.create(createRequest(EVOLINK_BODY), never())
  const again = await provider.create(createRequest(EVOLINK_BODY), never())
  expect([first.isReplayed, again.isReplayed]).toEqual([false, true])
  expect(again.remoteId).toBe(first.remoteId)
  expect(practice.ledger.tasks()).toHaveLength(1)
})
