import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { exportLedger } from '../../src/main/core/money/ledger-table.ts'
import { sumLedger } from '../../src/main/core/money/sums.ts'
import { exportRun } from '../../src/main/core/sheets/export.ts'
import type { RunRecord } from '../../src/main/core/store/runs.ts'
import type { LedgerGroup } from '../../src/shared/contract.ts'
import { freshStore, NOW, plantIn, temporaryFolder } from '../support/rows.ts'

const DAY = 24 * 3_600_000
/** Noon: the same day in every zone that a test may run in, but for the farthest. */
const NOON = Date.UTC(2026, 10, 20, 12)

/** Two runs on two accounts of two currencies, with every standing that there is. */
function plantLedger() {
  const store = freshStore()
  const plant = plantIn(store)
  const [credits, usd] = [plant.account({ name: 'evo' }), plant.account({ name: 'vtr', currency: 'usd' })]
  const [one, two] = [plant.run({ name: 'one' }), plant.run({ name: 'two' })]
  const line = (
    runId: number,
    accountId: number,
    row: number,
    model: string,
    entry: Parameters<typeof store.ledger.settle>[1],
    at: number,
  ) => {
    const job = plant.job(runId, accountId, { row, model, estimateMicros: row * 1_000_000 })
    const { id } = plant.attempt(job)
    store.ledger.settle(id, entry, at)
    return job
  }
  line(one, credits, 1, 'a', { standing: 'charged', chargedMicros: 900_000 }, NOON)
  line(one, credits, 2, 'b', { standing: 'charged', chargedMicros: 1_900_000 }, NOON + DAY)
  line(one, usd, 3, 'a', { standing: 'charged', chargedMicros: 500_000 }, NOON)
  line(one, credits, 4, 'a', { standing: 'unknown', reservedMicros: 4_500_000 }, NOON)
  line(two, credits, 1, 'a', { standing: 'released' }, NOON)
  line(two, credits, 2, 'a', { standing: 'charged', chargedMicros: 70_000 }, NOON)
  return { store, one, two, credits, usd }
}

type Group = (typeof LedgerGroup.options)[number]

describe('sums of the ledger', () => {
  const sumsBy = async (by: Group[], runOnly = false) => {
    const { store, one } = plantLedger()
    const sums = await sumLedger(store, runOnly ? one : null, by)
    return sums.map((sum) => [
      ...by.map((group) => sum[group]),
      sum.currency,
      sum.standing,
      sum.jobs,
      sum.chargedMicros,
      sum.countedMicros,
    ])
  }

  test('of everything keep currencies and standings apart', async () => {
    expect(await sumsBy([])).toEqual([
      ['credits', 'charged', 3, 2_870_000, 2_870_000],
      ['credits', 'released', 1, null, 0],
      ['credits', 'unknown', 1, null, 4_500_000],
      ['usd', 'charged', 1, 500_000, 500_000],
    ])
  })

  test('go by run, model, account and day, and by any of them together', async () => {
    expect(await sumsBy(['run'])).toEqual([
      ['one', 'credits', 'charged', 2, 2_800_000, 2_800_000],
      ['one', 'credits', 'unknown', 1, null, 4_500_000],
      ['one', 'usd', 'charged', 1, 500_000, 500_000],
      ['two', 'credits', 'charged', 1, 70_000, 70_000],
      ['two', 'credits', 'released', 1, null, 0],
    ])
    expect((await sumsBy(['model'])).map(([model, , standing, jobs]) => [model, standing, jobs])).toEqual([
      ['a', 'charged', 2],
      ['a', 'released', 1],
      ['a', 'unknown', 1],
      ['a', 'charged', 1],
      ['b', 'charged', 1],
    ])
    expect((await sumsBy(['account'])).map(([account, currency]) => `${account} ${currency}`)).toEqual([
      'evo credits',
      'evo credits',
      'evo credits',
      'vtr usd',
    ])
    expect((await sumsBy(['day'], true)).map(([day, , standing, jobs]) => [day, standing, jobs])).toEqual([
      ['2026-11-20', 'charged', 1],
      ['2026-11-20', 'unknown', 1],
      ['2026-11-20', 'charged', 1],
      ['2026-11-21', 'charged', 1],
    ])
    expect(await sumsBy(['account', 'day', 'model', 'run'], true)).toHaveLength(4)
  })

  test('say what was not asked for as null', async () => {
    const { store } = plantLedger()
    const [sum] = await sumLedger(store, null, ['model'])
    expect(sum).toMatchObject({ run: null, day: null, account: null, model: 'a', estimateMicros: 3_000_000 })
    expect(sum).not.toHaveProperty('key')
  })

  test('of thousands of lines are the sums of all their parts', async () => {
    const store = freshStore()
    const plant = plantIn(store)
    const [account, run, other] = [plant.account(), plant.run(), plant.run({ name: 'other' })]
    const jobs = [run, other].map((id) => plant.job(id, account, { estimateMicros: 1 }))
    store.write(() => {
      for (let number = 1; number <= 8_642; number += 1) {
        const job = jobs[number % 2]
        if (!job) throw new Error('planted')
        const attemptId = store.attempts.insert({
          jobId: job.id,
          accountId: account,
          idempotencyKey: `key-${number}`,
          bodyJson: '{}',
          bodySha256: 'd'.repeat(64),
          now: NOW,
        })
        store.attempts.decide(attemptId, 'not-sent', NOW)
        const line = { attemptId, jobId: job.id, runId: job.runId, accountId: account, model: 'a', now: NOW }
        store.ledger.open({ ...line, currency: 'credits', estimateMicros: number })
      }
    })
    expect(await sumLedger(store, run, ['day', 'run'])).toMatchObject([
      { jobs: 4_321, estimateMicros: 4_321 * 4_322, countedMicros: 4_321 * 4_322 },
    ])
    expect(await sumLedger(store, null, [])).toMatchObject([{ jobs: 8_642 }])
  })

  test('of a removed account are told from those of the one that has its name now', async () => {
    const { store, credits } = plantLedger()
    const account = store.accounts.get(credits)
    if (!account) throw new Error('planted')
    store.accounts.update({ ...account, removedAt: NOW })
    const names = (await sumLedger(store, null, ['account'])).map((sum) => sum.account)
    expect(new Set(names)).toEqual(new Set(['evo (removed)', 'vtr']))
  })
})

describe('the ledger in a file', () => {
  test('has a line for each order, with all that is known of its money', async () => {
    const { store, one } = plantLedger()
    const file = join(temporaryFolder(), 'ledger.json')
    expect(await exportLedger({ store }, null, { file })).toBe(6)
    const lines = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>[]
    expect(Object.keys(lines[0] ?? {})).toEqual([
      'time',
      'run',
      'row',
      'take',
      'account',
      'model',
      'task id',
      'standing',
      'estimate',
      'reserved',
      'charged',
      'released',
      'may have been charged',
      'counted',
      'currency',
    ])
    expect(lines[2]).toMatchObject({ run: 'one', row: 3, account: 'vtr', charged: 0.5, currency: 'usd' })
    expect(lines[3]).toMatchObject({
      reserved: 4.5,
      charged: null,
      'may have been charged': 4.5,
      counted: 4.5,
    })
    expect(lines[4]).toMatchObject({ standing: 'released', estimate: 1, released: 1, counted: 0 })
    expect(lines.map(({ time }) => Date.parse(String(time)))).toEqual(
      [0, DAY, 0, 0, 0, 0].map((more) => NOON + more),
    )
    const ofRun = join(temporaryFolder(), 'ledger.csv')
    expect(await exportLedger({ store }, one, { file: ofRun })).toBe(4)
  })
})

describe('a run in a file', () => {
  test('has its rows in the order of the sheet, each with its clip and the sum of its charges', async () => {
    const store = freshStore()
    const plant = plantIn(store)
    const account = plant.account({ currency: 'usd' })
    const run = plant.run({ headers: ['prompt', 'note'] })
    const cells = (prompt: string) => ({ cells: { prompt, note: '' } })
    const takes = [
      plant.job(run, account, { row: 2, take: 2, ...cells('second, again'), estimateMicros: null }),
      plant.job(run, account, { row: 2, take: 1, ...cells('second'), estimateMicros: 2_000_000 }),
      plant.job(run, account, { row: 1, state: 'done', ...cells('first'), estimateMicros: 1_500_000 }),
    ]
    const done = takes[2]
    if (!done) throw new Error('planted')
    for (const chargedMicros of [700_000, 800_000]) {
      const { id } = plant.attempt(done)
      store.attempts.decide(id, 'refused', NOW)
      store.ledger.settle(id, { standing: 'charged', chargedMicros }, NOW)
    }
    const file = join(temporaryFolder(), 'run.json')
    const record = store.runs.get(run) as RunRecord
    expect(await exportRun({ store }, record, { file })).toBe(3)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject([
      { prompt: 'first', state: 'done', estimate: 1.5, charged: 1.5, currency: 'usd' },
      { prompt: 'second', estimate: 2, charged: null, currency: 'usd' },
      { prompt: 'second, again', estimate: null, currency: null },
    ])
    await expect(exportRun({ store }, record, { file: `${file}.txt` })).rejects.toMatchObject({
      problem: { code: 'wrong-use' },
    })
  })

  test('of any number of pages misses none and doubles none', async () => {
    const store = freshStore()
    const plant = plantIn(store)
    const [account, run, other] = [plant.account(), plant.run(), plant.run({ name: 'other' })]
    store.write(() => {
      for (let row = 400; row >= 1; row -= 1) {
        plant.job(row % 9 ? run : other, account, { row, cells: { prompt: `${row}` } })
      }
    })
    const file = join(temporaryFolder(), 'run.json')
    await exportRun({ store }, store.runs.get(run) as RunRecord, { file })
    const wanted = Array.from({ length: 400 }, (_, index) => index + 1).filter((row) => row % 9)
    expect(
      (JSON.parse(readFileSync(file, 'utf8')) as { prompt: string }[]).map((row) => Number(row.prompt)),
    ).toEqual(wanted)
  })
})
