import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { NewJobRow } from '../../src/main/core/store/job-inserts.ts'
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
  const numbers = Array.from({ length: rows }, (_, index) => from + index)
  store.write(() => store.jobs.insertMany(numbers, toRow))
}

/** With as many references as its number shows, so that neither table fills its statements evenly. */
const toRow = (row: number): NewJobRow => ({
  job: newJob(runId, accountId, { row, fingerprint: `print ${row}` }),
  references: Array.from({ length: Math.abs(row % 4) }, (_, index) => ({
    role: 'reference',
    position: index + 1,
    referenceId: null,
    address: `https://example.com/${row}-${index + 1}.jpg`,
    name: `still ${index + 1}`,
    kind: 'image',
  })),
})

describe('many rows at once', () => {
  test('leave the schema as it was, and every index whole', () => {
    const before = inspect()
    putIn(MANY)
    putIn(10, MANY + 1)
    expect(inspect()).toEqual({ schema: before.schema, faults: 'ok' })
  })

  test('have each its own values and references, whatever their number', () => {
    const numbers = [1_537, 50, 49, 1]
    let all = 0
    for (const count of numbers) {
      putIn(count, all + 1)
      all += count
    }
    const wanted = Array.from({ length: all }, (_, index) => toRow(index + 1))
    const jobs = wanted.map((_, index) => store.jobs.get(index + 1))
    expect(jobs).toMatchObject(wanted.map(({ job }) => job))
    expect(jobs.map((job) => store.jobs.references(job?.id ?? 0))).toEqual(
      wanted.map(({ references }, index) => references.map((one) => ({ ...one, jobId: index + 1 }))),
    )
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
        store.jobs.insertMany(
          Array.from({ length: MANY }, (_, index) => MANY - 1 - index),
          toRow,
        ),
      ),
    ).toThrow('CHECK constraint failed')
    expect(inspect()).toEqual({ schema: before.schema, faults: 'ok' })
    expect(store.jobs.countsOfRun(runId)).toEqual({})
    putIn(MANY)
    expect(store.jobs.countsOfRun(runId)).toEqual({ queued: MANY })
  })
})
