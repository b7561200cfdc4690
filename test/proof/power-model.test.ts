import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Disk } from '../../src/main/core/archive/disk.ts'
import { chanceOf } from './chance.ts'
import { powerCases, tidyPower } from './power.ts'
import { loseArchive } from './power-archive.ts'
import { type FileNode, type Loss, materialise, PowerModel, SECTOR_BYTES } from './power-model.ts'
import { replayTrace, whyNoTrace } from './power-trace.ts'
import type { Change } from './sites.ts'
import { filesUnder } from './world.ts'

const NOTHING: Loss = { names: 0, writes: 0, torn: 0 }
const NAMES: Loss = { names: 1, writes: 0, torn: 0 }
const EVERYTHING: Loss = { names: 1, writes: 1, torn: 0 }

let folder: string
let model: PowerModel
const at = (path: string) => join(folder, path)
const file = (path: string) => model.find(at(path)) as FileNode
const left = (loss: Loss, seed = 1) =>
  Object.fromEntries(
    model
      .lose(chanceOf(seed), loss)
      .files.flatMap(({ paths, bytes }) => paths.map((path) => [path, bytes.toString()])),
  )

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reelsheet-model-'))
  mkdirSync(at('shelf'))
  writeFileSync(at('shelf/old'), 'old bytes')
  model = new PowerModel(folder)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function create(path: string, text: string): FileNode {
  const made = model.createFile(at(path))
  model.write(made, 0, Buffer.from(text))
  return made
}

describe('what survives', () => {
  it('is what was there before, whatever was done since without a sync', () => {
    create('new', 'new bytes')
    model.write(file('shelf/old'), 0, Buffer.from('OLD'))
    model.makeFolder(at('other'))
    model.remove(at('shelf/old'))
    expect(left(NOTHING)).toEqual({ 'shelf/old': 'old bytes' })
    expect(left(EVERYTHING)).toEqual({ new: 'new bytes' })
  })

  it('needs the bytes synced and the name synced, each by its own sync', () => {
    const made = create('new', 'new bytes')
    model.sync(made)
    expect(left(NOTHING)).toEqual({ 'shelf/old': 'old bytes' })
    model.sync(model.find(folder) as FileNode)
    expect(left(NOTHING)).toEqual({ new: 'new bytes', 'shelf/old': 'old bytes' })
    create('newer', 'more')
    model.sync(model.find(folder) as FileNode)
    expect(left(NOTHING)).toMatchObject({ newer: '' })
  })

  it('does not include what was begun after the sync began', () => {
    const began = model.now()
    model.write(file('shelf/old'), 0, Buffer.from('OLD'))
    model.sync(file('shelf/old'), began)
    expect(left(NOTHING)).toEqual({ 'shelf/old': 'old bytes' })
    model.sync(file('shelf/old'))
    expect(left(NOTHING)).toEqual({ 'shelf/old': 'OLD bytes' })
  })

  it('goes with the folder whose name was not synced', () => {
    model.makeFolder(at('deep'))
    const made = create('deep/new', 'x')
    model.sync(made)
    model.sync(model.find(at('deep')) as FileNode)
    expect(left(NOTHING)).toEqual({ 'shelf/old': 'old bytes' })
  })

  it('keeps the order of what happened to one name, and a rename in one piece', () => {
    const renamed = () => {
      model.sync(create('draft', 'x'))
      model.rename(at('draft'), at('final'))
    }
    renamed()
    const seen = new Set<string>()
    for (let seed = 1; seed <= 40; seed++)
      seen.add(Object.keys(left({ names: 0.5, writes: 1, torn: 0 }, seed)).join())
    expect([...seen].sort()).toEqual(['shelf/old', 'shelf/old,draft', 'shelf/old,final'])
  })

  it('has two names for one file after a link', () => {
    model.link(at('shelf/old'), at('second'))
    model.sync(model.find(folder) as FileNode)
    materialise(model, model.lose(chanceOf(1), NOTHING))
    writeFileSync(at('second'), 'changed')
    expect(readFileSync(at('shelf/old'), 'utf8')).toBe('changed')
  })

  it('is torn at sectors, and nowhere else', () => {
    const before = Buffer.alloc(4 * SECTOR_BYTES, 'a')
    const old = file('shelf/old')
    model.write(old, 0, before)
    model.sync(old)
    model.write(old, 100, Buffer.alloc(2 * SECTOR_BYTES, 'b'))
    const seen = new Set<string>()
    for (let seed = 1; seed <= 40; seed++) {
      const text = left({ names: 1, writes: 0, torn: 1 }, seed)['shelf/old'] ?? ''
      seen.add(text.replace(/(.)\1*/g, (run) => `${run[0]}${run.length}`))
    }
    expect(seen).toContain('a2048')
    expect(seen).toContain(`a100b412a1536`)
    expect(seen).toContain(`a512b512a1024`)
    expect(seen.size).toBe(8)
  })

  it('can be made real', () => {
    model.sync(create('shelf/new', 'n'))
    model.remove(at('shelf/old'))
    writeFileSync(at('shelf/new'), 'n')
    rmSync(at('shelf/old'))
    materialise(model, model.lose(chanceOf(1), NOTHING))
    expect([...filesUnder(folder).keys()]).toEqual(['shelf/old'])
    materialise(model, model.lose(chanceOf(1), NAMES))
    expect([...filesUnder(folder).keys()]).toEqual(['shelf/new'])
  })
})

describe('what a trace says', () => {
  const hex = (text: string) =>
    `"${[...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}"`
  const replay = (...lines: string[]) => {
    const path = at('trace')
    writeFileSync(path, lines.join('\n'))
    return replayTrace(path, model)
  }

  it('is followed from opening to syncing, on whichever thread', () => {
    replay(
      `7 openat(AT_FDCWD, ${hex(at('a'))}, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0666) = 20`,
      `7 openat(AT_FDCWD, ${hex('/etc/hosts')}, O_RDONLY|O_CLOEXEC) = 21`,
      `7 write(21, ${hex('elsewhere')}, 9) = 9`,
      `8 pwritev(20, [{iov_base=${hex('one')}, iov_len=3}, {iov_base=${hex('two')}, iov_len=3}], 2, 0 <unfinished ...>`,
      `7 fsync(20 <unfinished ...>`,
      `8 <... pwritev resumed>) = 6`,
      `7 <... fsync resumed>) = 0`,
      `7 openat(AT_FDCWD, ${hex(folder)}, O_RDONLY|O_CLOEXEC) = 22`,
      `7 fsync(22) = 0`,
    )
    // The write was not over when that sync began.
    expect(left(NOTHING)).toMatchObject({ a: '' })
    expect(left(EVERYTHING)).toMatchObject({ a: 'onetwo' })
  })

  it('takes what was under way at the kill as not synced, and a failed call as nothing', () => {
    replay(
      `7 rename(${hex(at('shelf/old'))}, ${hex(at('moved'))} <unfinished ...>`,
      `8 unlink(${hex(at('shelf/none'))}) = -1 ENOENT (No such file or directory)`,
      '+++ killed by SIGKILL +++',
    )
    expect(left(NOTHING)).toEqual({ 'shelf/old': 'old bytes' })
    expect(left(EVERYTHING)).toEqual({ moved: 'old bytes' })
  })

  it('may end in the middle of making a file', () => {
    replay(`7 openat(AT_FDCWD, ${hex(at('a'))}, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0666 <unfinished ...>`)
    expect(left(NOTHING)).toEqual({ 'shelf/old': 'old bytes' })
    expect(left(EVERYTHING)).toEqual({ a: '', 'shelf/old': 'old bytes' })
  })

  it('is unsure of a call that had begun and never came back', () => {
    const unsure = replay(
      `7 openat(AT_FDCWD, ${hex(at('a'))}, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0666 <unfinished ...>`,
      `8 unlink(${hex(at('shelf/old'))} <unfinished ...>`,
      `7 <... openat resumed>) = ?`,
      `8 <... unlink resumed>) = ?`,
    )
    expect([...unsure]).toEqual([at('a'), at('shelf/old')])
  })

  it('is refused when it has a call that the model does not know', () => {
    expect(() =>
      replay(
        `7 openat(AT_FDCWD, ${hex(at('a'))}, O_RDWR|O_CREAT, 0666) = 20`,
        '7 fallocate(20, 0, 0, 4096) = 0',
      ),
    ).toThrow('does not know fallocate')
  })
})

describe('a disk that keeps no promise is caught by the archive’s own cases', () => {
  const without = (call: 'sync' | 'syncFolder') => (disk: Disk) => ({
    ...disk,
    ...(call === 'syncFolder' && { syncFolder: async () => {} }),
    ...(call === 'sync' && {
      open: async (path: string, how: 'read' | 'edit' | 'create') => ({
        ...(await disk.open(path, how)),
        sync: async () => {},
      }),
    }),
  })

  it.each(['sync', 'syncFolder'] as const)('without %s', async (call) => {
    for (let seed = 1; seed <= 40; seed++)
      if ((await loseArchive(`mistake/${seed}`, without(call))).violations.length > 0) return
    expect.fail('40 cases found nothing')
  })
})

const reason = whyNoTrace()
const MISTAKES: [name: string, ...changes: Change[]][] = [
  [
    'commits that are not synced',
    {
      file: 'store/open.ts',
      find: "db.pragma('synchronous = FULL')",
      replace: "db.pragma('synchronous = OFF')",
    },
  ],
  [
    'a clip that gets its name before its bytes are synced',
    { file: 'archive/disk.ts', find: 'sync: () => handle.datasync(),', replace: 'sync: async () => {},' },
  ],
  [
    'a data folder whose name is not synced',
    { file: 'store/open.ts', find: '    syncFoldersAbove(path)\n', replace: '' },
    // The archive stands in the same folder here, and would see to it as well.
    {
      file: 'archive/check.ts',
      find: 'for (const path of above) await disk.syncFolder(path)',
      replace: 'for (const path of []) await disk.syncFolder(path)',
    },
  ],
]
const ENOUGH = 10

describe.skipIf(reason !== null)(
  `a core with a mistake is caught${reason ? ` (left out: ${reason})` : ''}`,
  () => {
    afterAll(tidyPower)

    it.each(MISTAKES)('%s', { timeout: 120_000 }, async (_name, ...changes) => {
      // The same cases as ever, when everything that was not synced is lost.
      for (const one of powerCases({
        isLong: false,
        seed: '1',
        count: ENOUGH,
        changes,
        loss: NOTHING,
      }))
        if ((await one.run()).violations.length > 0) return
      expect.fail(`${ENOUGH} cases found nothing`)
    })
  },
)
