import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countedMicros, type LedgerEntry, toCreditMicros } from '../../src/main/core/store/ledger.ts'
import type { Store } from '../../src/main/core/store/store.ts'
import { freshStore, NOW, plantIn } from '../support/rows.ts'

interface Line {
  attemptId: number
  runId: number
  accountId: number
  currency: 'credits' | 'usd'
  estimateMicros: number | null
  reservedMicros: number | null
  chargedMicros: number | null
  standing: LedgerEntry['standing']
}

const some = fc.option(fc.nat(5_000_000), { nil: null })
const opening = fc.record({
  act: fc.constant('open' as const),
  run: fc.nat(1),
  account: fc.nat(1),
  estimateMicros: some,
})
const settling = fc.record({
  act: fc.constant('settle' as const),
  line: fc.nat(30),
  standing: fc.constantFrom('open', 'reserved', 'charged', 'released', 'unknown'),
  reservedMicros: some,
  chargedMicros: some,
})

/** The sums as they should be, from the lines alone. */
function expectSums(store: Store, lines: Line[]): void {
  for (const run of store.runs.list()) {
    const own = lines.filter(({ runId }) => runId === run.id)
    expect(run.countedMicros).toBe(
      own.reduce((sum, line) => sum + toCreditMicros(line.currency, countedMicros(line)), 0),
    )
  }
  for (const account of store.accounts.list()) {
    const own = lines.filter(({ accountId }) => accountId === account.id)
    expect(account.countedMicros).toBe(own.reduce((sum, line) => sum + countedMicros(line), 0))
  }
}

describe('the sums of runs and accounts', () => {
  test('are the sums of their lines after anything that can happen to them', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(opening, settling), { maxLength: 30 }), (acts) => {
        const store = freshStore()
        const plant = plantIn(store)
        const currencies = ['credits', 'usd'] as const
        const accounts = currencies.map((currency) => plant.account({ name: currency, currency }))
        const runs = [plant.run({ name: 'one' }), plant.run({ name: 'two' })]
        const lines: Line[] = []
        store.write(() => {
          for (const act of acts) {
            if (act.act === 'open') {
              const [runId, accountId] = [runs[act.run] as number, accounts[act.account] as number]
              const currency = currencies[act.account] as 'credits' | 'usd'
              const job = plant.job(runId, accountId, {
                estimateMicros: act.estimateMicros,
                row: lines.length + 1,
              })
              const { id } = plant.attempt(job)
              const amounts = {
                estimateMicros: act.estimateMicros,
                reservedMicros: null,
                chargedMicros: null,
              }
              lines.push({ attemptId: id, runId, accountId, currency, ...amounts, standing: 'open' })
              continue
            }
            const line = lines[act.line % Math.max(1, lines.length)]
            if (!line) continue
            store.ledger.settle(line.attemptId, act, NOW)
            line.standing = act.standing
            line.reservedMicros = act.reservedMicros ?? line.reservedMicros
            line.chargedMicros = act.chargedMicros ?? line.chargedMicros
          }
        })
        expectSums(store, lines)
        store.close()
      }),
      { numRuns: 60 },
    )
  })

  test('follow a clip from estimate to reserve to charge, and a release gives back', () => {
    const store = freshStore()
    const plant = plantIn(store)
    const [account, run] = [plant.account({ currency: 'usd' }), plant.run()]
    const { id } = plant.attempt(plant.job(run, account, { estimateMicros: 1_000_000 }))
    const counted = () => [store.accounts.get(account)?.countedMicros, store.runs.get(run)?.countedMicros]
    expect(counted()).toEqual([1_000_000, 68_000_000])
    store.ledger.settle(id, { standing: 'reserved', reservedMicros: 1_200_000 }, NOW)
    expect(counted()).toEqual([1_200_000, 81_600_000])
    store.ledger.settle(id, { standing: 'charged', chargedMicros: 900_000 }, NOW)
    expect(counted()).toEqual([900_000, 61_200_000])
    store.ledger.settle(id, { standing: 'released' }, NOW)
    expect(counted()).toEqual([0, 0])
  })

  test('taken by parts add up to them', () => {
    const store = freshStore()
    const plant = plantIn(store)
    const [account, run] = [plant.account(), plant.run()]
    const other = plant.run({ name: 'other' })
    for (let row = 1; row <= 4; row += 1) {
      const { id } = plant.attempt(plant.job(run, account, { row, estimateMicros: row * 1000 }))
      if (row % 2) store.ledger.settle(id, { standing: 'charged', chargedMicros: row * 900 }, NOW)
    }
    plant.attempt(plant.job(other, account, { row: 1, estimateMicros: 7 }))
    const nothing = { byRun: false, byAccount: false, byModel: false, byDay: false }
    const brief = (parts: ReturnType<Store['ledger']['sums']>) =>
      parts.map(({ standing, jobs, countedMicros: counted, lastAttemptId: last }) => [
        standing,
        jobs,
        counted,
        last,
      ])
    expect(brief(store.ledger.sums(run, nothing, 0, 100))).toEqual([
      ['charged', 2, 3600, 3],
      ['open', 2, 6000, 4],
    ])
    expect(brief(store.ledger.sums(null, nothing, 0, 3))).toEqual([
      ['charged', 2, 3600, 3],
      ['open', 1, 2000, 2],
    ])
    expect(brief(store.ledger.sums(null, nothing, 3, 3))).toEqual([['open', 2, 4007, 5]])
    expect(store.ledger.sums(null, { ...nothing, byRun: true }, 3, 3).map(({ runId }) => runId)).toEqual([
      run,
      other,
    ])
    expect(store.accounts.get(account)?.countedMicros).toBe(9607)
  })
})
