import { expect, test } from 'vitest'
import { openStore } from '../../src/main/core/store/store.ts'
import { startStoreChild } from '../support/child.ts'
import { freshStore, plantIn } from '../support/rows.ts'

function plantedStore() {
  const store = freshStore()
  const plant = plantIn(store)
  plant.account()
  const runId = plant.run()
  store.close()
  return { path: store.path, runId }
}

const COUNT = 10_000

test('a process killed in the middle of one import of 10,000 rows leaves none of them', async () => {
  const { path, runId } = plantedStore()
  const child = startStoreChild('insert', path, String(COUNT))
  expect(await child.line()).toBe('ready')
  expect(await child.line()).toBe('half')
  await child.kill()
  const store = openStore(path)
  try {
    expect(store.jobs.count({ runId })).toBe(0)
    expect(store.jobs.count({ search: 'row' })).toBe(0)
    store.write(() => undefined)
  } finally {
    store.close()
  }
})

test('every row that was said to be stored is there after the kill, whole and searchable', async () => {
  const { path, runId } = plantedStore()
  const child = startStoreChild('commit', path)
  let last = 0
  while (last < 50) last = Number(await child.line())
  await child.kill()
  const store = openStore(path)
  try {
    const ids = store.jobs.ids({ runId })
    expect(ids.length).toBeGreaterThanOrEqual(last)
    expect(ids).toEqual(Array.from({ length: ids.length }, (_, index) => index + 1))
    expect(store.jobs.count({ search: 'paper boat' })).toBe(ids.length)
  } finally {
    store.close()
  }
})
