import { describe, expect, test } from 'vitest'
import { freshStore, NOW, newReference, plantIn } from '../support/rows.ts'

const sha = (letter: string): string => letter.repeat(64)

describe('the pool of references', () => {
  test('is listed by kind and by part of a name, the newest first', () => {
    const { references } = freshStore()
    references.add(newReference({ sha256: sha('1'), name: 'Lake 50%.png' }))
    references.add(newReference({ sha256: sha('2'), name: 'lake.mp4', kind: 'video' }))
    references.add(newReference({ sha256: sha('3'), name: 'boat.png' }))
    const names = (kind?: string, search?: string) =>
      references.list(10, 0, { kind, search }).map(({ name }) => name)
    expect(names()).toEqual(['boat.png', 'lake.mp4', 'Lake 50%.png'])
    expect(names('image')).toEqual(['boat.png', 'Lake 50%.png'])
    expect(names(undefined, 'LAKE')).toEqual(['lake.mp4', 'Lake 50%.png'])
    expect(names('image', '0%')).toEqual(['Lake 50%.png'])
    expect(names(undefined, '_')).toEqual([])
  })

  test('knows what a copy was made of; equal content stays what it was first', () => {
    const { references } = freshStore()
    const source = references.add(newReference())
    const copy = references.add(
      newReference({ sha256: sha('2'), name: 'boat-fitted.png', sourceId: source, change: 'scaled' }),
    )
    expect(references.get(copy)).toMatchObject({ sourceId: source, change: 'scaled' })
    const again = references.add(newReference({ sha256: sha('2'), name: 'another.png' }))
    expect([again, references.get(again)?.name]).toEqual([copy, 'boat-fitted.png'])
    expect(() => references.add(newReference({ sha256: sha('3'), sourceId: 99 }))).toThrow(/FOREIGN KEY/)
  })

  test('goes page by page through those that came from a file', () => {
    const { references } = freshStore()
    for (const [index, originalPath] of ['/a', null, '/b', '/c'].entries())
      references.add(newReference({ sha256: sha(`${index}`), originalPath }))
    const first = references.withOriginals(0, 2)
    expect(first.map(({ originalPath }) => originalPath)).toEqual(['/a', '/b'])
    expect(
      references.withOriginals(first.at(-1)?.id ?? 0, 2).map(({ originalPath }) => originalPath),
    ).toEqual(['/c'])
    references.setOriginal(1, '/moved')
    expect(references.get(1)?.originalPath).toBe('/moved')
  })

  test('tells the runs that use one, each row once, and where it lies now', () => {
    const store = freshStore()
    const plant = plantIn(store)
    const account = plant.account()
    const [one, two] = [plant.run({ name: 'one' }), plant.run({ name: 'two' })]
    const id = store.references.add(newReference())
    const use = (runId: number, row: number, positions: number) => {
      const job = plant.job(runId, account, { row })
      for (let position = 1; position <= positions; position += 1)
        store.jobs.insertReference({
          jobId: job.id,
          role: 'reference',
          position,
          referenceId: id,
          address: null,
          name: 'boat.png',
          kind: 'image',
        })
    }
    use(one, 1, 2)
    use(one, 2, 1)
    use(two, 1, 1)
    expect(store.references.usedBy(id)).toEqual([
      { id: two, name: 'two', jobs: 1 },
      { id: one, name: 'one', jobs: 2 },
    ])
    expect(store.references.usedBy(id + 1)).toEqual([])
    const upload = { referenceId: id, accountId: account, url: 'https://files.example/a', fileId: null }
    for (const expiresAt of [NOW - 1, NOW + 5, null])
      store.references.addUpload({ ...upload, expiresAt, createdAt: NOW - 100 })
    expect(store.references.liveUploads(id, NOW)).toEqual([
      { account: 'practice', expiresAt: null },
      { account: 'practice', expiresAt: NOW + 5 },
    ])
  })
})
