import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type Disk, realDisk } from '../../src/main/core/archive/disk.ts'
import { i2v, vtrix, World } from '../support/world.ts'

let world: World
afterEach(() => world.close())

const FAULTS = [
  '[expire]',
  '[link 404]',
  '[html]',
  '[cut=20KB]',
  '[cut=20KB][no-range]',
  '[cut=20KB][changed]',
  '[short]',
  '[redirect]',
  '[running x3]',
  '[read 500]',
  '[read 429 after=1]',
  '[read html]',
  '[read no-link]',
  '[status=strange]',
]

describe('an output that was paid for is archived, once and whole', () => {
  for (const fault of FAULTS) {
    // What arrived and is no video is kept aside as `.unreadable`: it was paid for.
    for (const [family, row] of [
      ['evolink', i2v],
      ['vtrix', vtrix],
    ] as const) {
      it(`${fault}, ${family}`, async () => {
        world = await World.open()
        await world.run([row(`a calm lake ${fault}`)])
        await world.settle()
        const [job] = await world.jobs()
        expect(job?.problem).toBeNull()
        expect(job?.state).toBe('done')
        expect(world.tasks()).toHaveLength(1)
        const { clips } = await world.client.clips.page({})
        const file = readFileSync(join(world.archive, clips[0]?.path ?? ''))
        expect(createHash('sha256').update(file).digest('hex')).toBe(clips[0]?.sha256)
        const kept = readdirSync(join(world.archive, 'sheet')).filter((name) => !name.endsWith('.unreadable'))
        expect(kept.sort()).toEqual([expect.stringMatching(/\.mp4$/), expect.stringMatching(/\.mp4\.json$/)])
        expect(world.ledger.requests().filter((request) => request.leakedKey)).toEqual([])
      })
    }
  }

  it('a task that the provider forgets becomes a named problem and still counts', async () => {
    world = await World.open()
    await world.run([i2v('a calm lake [forget]')])
    await world.settle()
    const [job] = await world.jobs()
    expect(job?.state).toBe('failed')
    expect(job?.problem?.code).toBe('task-forgotten')
    expect(job?.countedMicros).toBeGreaterThan(0)
    expect(world.tasks()).toHaveLength(1)
  })

  it('a link into a private network is never followed; the task is asked for another', async () => {
    world = await World.open()
    await world.run([i2v('a calm lake [redirect private]')])
    await world.settle()
    expect(await world.states()).toEqual(['done'])
  })

  it('a clip of another size is kept, and said', async () => {
    world = await World.open()
    await world.run([
      {
        prompt: 'character1 dances [wrong-size]',
        model: 'wan2.6-reference-video-flash',
        duration: 2,
        'ref 1': join(import.meta.dirname, '../../resources/sample/media/colony.mp4'),
      },
    ])
    await world.settle()
    expect(await world.states()).toEqual(['done'])
    const { clips } = await world.client.clips.page({})
    expect(clips[0]?.problem?.code).toBe('clip-differs')
  })
})

/** A disk on which writing fails as long as `trouble` says so. */
function brokenDisk() {
  const state: { code: string | null } = { code: null }
  const disk: Disk = {
    ...realDisk,
    open: async (path, ...rest) => {
      if (state.code && path.endsWith('.part'))
        throw Object.assign(new Error(state.code), { code: state.code })
      return await realDisk.open(path, ...rest)
    },
  }
  return { state, disk }
}

describe('the disk', () => {
  for (const [code, says] of [
    ['ENOSPC', 'disk-full'],
    ['EROFS', 'folder-unwritable'],
  ] as const) {
    it(`${code} pauses downloads with a sentence, and they go on by themselves`, async () => {
      const { state, disk } = brokenDisk()
      world = await World.open({ disk })
      state.code = code
      const id = await world.run([i2v('a calm lake')])
      await world.settle(5 * 60_000)
      const [job] = await world.jobs()
      expect(job?.state).toBe('downloading')
      expect(job?.problem?.code).toBe(says)
      expect((await world.client.runs.attention({ id })).needs[0]?.code).toBe(says)
      state.code = null
      await world.settle()
      expect(await world.states()).toEqual(['done'])
      expect(world.tasks()).toHaveLength(1)
    })
  }

  it('a pulled drive is not filled in; the clip is archived when it is back', async () => {
    world = await World.open({ practice: { timing: { queueMs: 60_000, renderMsPerSecond: 1000 } } })
    await world.run([i2v('a calm lake')])
    await world.settle(20_000)
    renameSync(world.archive, `${world.archive}-pulled`)
    await world.settle(10 * 60_000)
    expect((await world.jobs())[0]?.problem?.code).toBe('folder-missing')
    renameSync(`${world.archive}-pulled`, world.archive)
    await world.settle()
    expect(await world.states()).toEqual(['done'])
  })

  it('an archive folder that is a file is refused before anything is bought', async () => {
    world = await World.open()
    writeFileSync(world.archive, 'not a folder')
    await expect(world.run([i2v('a calm lake')])).rejects.toMatchObject({ code: 'PROBLEM' })
    expect(world.tasks()).toEqual([])
    expect(await world.client.runs.list()).toEqual([])
  })
})

describe('the library', () => {
  it('says which files are missing or changed, and is rebuilt from sidecars alone', async () => {
    world = await World.open()
    await world.run([i2v('one'), i2v('two'), i2v('three')])
    await world.settle()
    const { clips } = await world.client.clips.page({})
    expect(await world.client.clips.check({})).toMatchObject({ whole: 3, missing: 0, changed: 0 })
    rmSync(join(world.archive, clips[0]?.path ?? ''))
    writeFileSync(join(world.archive, clips[1]?.path ?? ''), 'overwritten')
    const found = await world.client.clips.check({})
    expect(found).toMatchObject({ whole: 1, missing: 1, changed: 1 })
    expect(found.problems.map((one) => one.code)).toEqual(['clip-missing', 'clip-changed'])

    const copy = join(world.folder, 'moved')
    renameSync(world.archive, copy)
    mkdirSync(world.archive)
    const rebuilt = await world.client.clips.rebuild({ folder: copy })
    expect(rebuilt.added).toBe(2)
    const again = await world.client.clips.rebuild({ folder: copy })
    expect(again).toMatchObject({ added: 0, known: 2 })
    const all = (await world.client.clips.page({})).clips.filter((clip) => clip.archiveFolder === copy)
    expect(all.map((clip) => clip.prompt).sort()).toEqual(['three', 'two'])
  })
})
