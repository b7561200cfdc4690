import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/main/core/store/open.ts'
import type { Store } from '../../src/main/core/store/store.ts'
import { freshStore, newJob, type Plant, plantIn } from '../support/rows.ts'

const MANY = 1_500

let store: Store & { path: string }
let plant: Plant
let accountId: number
let runId: number

beforeEach(() => {
  store = freshStore()
  plant = plantIn(store)
  accountId = plant.account()
  runId = plant.run()
})

/** What the database is made of, and what SQLite finds wrong with it: every row must be in every index. */
function inspect(): { schema: unknown[]; faults: unknown } {
  const db = openDatabase(store.path)
  onTestFinished(() => void db.close())
  const schema = db.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name').all()
  return { schema, faults: db.pragma('integrity_check', { simple: true }) }
}

function putIn(rows: number, from = 1): void {
  store.write(() =>
    store.jobs.inBulk(rows, () => {
      for (let row = from; row < from + rows; row += 1) {
        const jobId = store.jobs.insert(newJob(runId, accountId, { row, fingerprint: `print ${row}` }))
        const address = 'https://example.com/a.jpg'
        store.jobs.insertReference({
          jobId,
          role: 'reference',
          position: 1,
          referenceId: null,
          address,
          name: address,
          kind: 'image',
        })
      }
    }),
  )
}

describe('many rows at once', () => {
  test('leave the schema as it was, and every index whole', () => {
    const before = inspect()
    putIn(MANY)
    putIn(10, MANY + 1)
    expect(inspect()).toEqual({ schema: before.schema, faults: 'ok' })
  })

  test('are counted like rows put in one by one', () => {
    putIn(10)
    expect(store.jobs.countsOfRun(runId)).toEqual({ queued: 10 })
    putIn(MANY, 11)
    expect(store.jobs.countsOfRun(runId)).toEqual({ queued: MANY + 10 })
    putIn(5, MANY + 11)
    expect(store.jobs.countsOfRun(runId)).toEqual({ queued: MANY + 15 })
  })

  test('are not there at all when one of them cannot be, and the next ones can', () => {
    const before = inspect()
    expect(() =>
      store.write(() =>
        store.jobs.inBulk(MANY, () => {
          for (let row = 1; row < MANY; row += 1) store.jobs.insert(newJob(runId, accountId, { row }))
          store.jobs.insert(newJob(runId, accountId, { row: 0 }))
        }),
      ),
    ).toThrow('CHECK constraint failed')
    expect(inspect()).toEqual({ schema: before.schema, faults: 'ok' })
    expect(store.jobs.countsOfRun(runId)).toEqual({})
    putIn(MANY)
    expect(store.jobs.countsOfRun(runId)).toEqual({ queued: MANY })
  })
})
