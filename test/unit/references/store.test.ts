import { createHash } from 'node:crypto'
import {
  appendFileSync,
  closeSync,
  openSync,
  renameSync,
  statSync,
  truncateSync,
  utimesSync,
  watch,
  writeSync,
} from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createReferenceStore } from '../../../src/main/core/references/store.ts'

let folder = ''
let shelf = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'reelsheet-store-'))
  shelf = path.join(folder, 'references')
})
afterEach(() => rm(folder, { recursive: true }))

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const gif = Buffer.from('GIF89a and the rest of it')

async function plant(name: string, bytes: Uint8Array): Promise<string> {
  const file = path.join(folder, name)
  await writeFile(file, bytes)
  return file
}

async function filesIn(place: string): Promise<string[]> {
  const found = await readdir(place, { recursive: true, withFileTypes: true })
  return found.filter((entry) => entry.isFile()).map((entry) => entry.name)
}

function rewriteEnd(file: string): void {
  const { mtime, size } = statSync(file)
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, 'other', size - 5)
  closeSync(descriptor)
  utimesSync(file, mtime, mtime)
}

describe('the reference store', () => {
  it('keeps a copy under its hash, with an extension from its bytes, and leaves the original alone', async () => {
    const file = await plant('my film.mp4', gif)
    const before = await stat(file)
    const stored = await createReferenceStore(shelf).add(file)
    const hash = sha256(gif)
    expect(stored).toEqual({
      sha256: hash,
      sizeBytes: gif.length,
      path: path.join(shelf, hash.slice(0, 2), `${hash}.gif`),
      isNew: true,
    })
    expect(await readFile(stored.path)).toEqual(gif)
    expect(await readFile(file)).toEqual(gif)
    expect((await stat(file)).mtimeMs).toBe(before.mtimeMs)
    expect(await filesIn(shelf)).toEqual([`${hash}.gif`])
  })

  it('keeps equal content once, whatever it is called and wherever it comes from', async () => {
    const store = createReferenceStore(shelf)
    const first = await store.add(await plant('a.gif', gif))
    const inode = (await stat(first.path)).ino
    expect(await store.add(await plant('b.gif', gif))).toEqual({ ...first, isNew: false })
    expect(await store.addBytes(gif)).toEqual({ ...first, isNew: false })
    expect((await stat(first.path)).ino).toBe(inode)
    expect(await filesIn(shelf)).toHaveLength(1)
  })

  it('stores the same file many times at once', async () => {
    const store = createReferenceStore(shelf)
    const file = await plant('a.gif', Buffer.alloc(3_000_000, 7))
    const all = await Promise.all(Array.from({ length: 8 }, () => store.add(file)))
    expect(new Set(all.map((stored) => stored.path)).size).toBe(1)
    expect(await store.verify(all[0]?.sha256 ?? '')).toBe('whole')
    expect(await filesIn(shelf)).toHaveLength(1)
  })

  it('opens a copy with its size, again and again', async () => {
    const store = createReferenceStore(shelf)
    const { sha256: hash } = await store.addBytes(gif)
    const opened = store.open(hash)
    expect(opened.sizeBytes).toBe(gif.length)
    expect(await buffer(opened.stream())).toEqual(gif)
    expect(await buffer(opened.stream())).toEqual(gif)
  })

  it('notices a damaged copy and replaces it', async () => {
    const store = createReferenceStore(shelf)
    const { path: copy, sha256: hash } = await store.addBytes(gif)
    await writeFile(copy, 'not what it was')
    expect(await store.verify(hash)).toBe('changed')
    expect(await store.add(await plant('a.gif', gif))).toMatchObject({ isNew: true, path: copy })
    expect(await store.verify(hash)).toBe('whole')
    await rm(copy)
    expect(await store.verify(hash)).toBe('missing')
    expect(store.path(hash)).toBeUndefined()
  })

  it('says that a copy is gone', () => {
    expect(() => createReferenceStore(shelf).open('0'.repeat(64))).toThrow(/000000000000… *\) is gone/)
  })

  it('lets nothing but a hash into a path', () => {
    const store = createReferenceStore(shelf)
    expect(store.path('../../etc/passwd')).toBeUndefined()
    expect(() => store.open('..')).toThrow(/is gone/)
  })

  it.each<[string, (file: string) => void]>([
    ['grows', (file) => appendFileSync(file, 'more')],
    ['shrinks', (file) => truncateSync(file, 1000)],
    ['is touched', (file) => utimesSync(file, 1000, 1000)],
    ['is rewritten with its old time', (file) => rewriteEnd(file)],
    ['is replaced', (file) => renameSync(`${file}.other`, file)],
  ])('refuses a file that %s while it is copied', async (_, change) => {
    const file = await plant('busy.mp4', Buffer.alloc(0))
    await truncate(file, 96 * 1024 * 1024)
    const { mtime } = await stat(file)
    await plant('busy.mp4.other', Buffer.alloc(0))
    await truncate(`${file}.other`, 96 * 1024 * 1024)
    await utimes(`${file}.other`, mtime, mtime)
    await mkdir(shelf)
    const watcher = watch(shelf)
    const draftAppears = new Promise<void>((resolve) => {
      watcher.on('change', (_event, name) => String(name).startsWith('draft-') && resolve())
    })
    const adding = createReferenceStore(shelf).add(file)
    await draftAppears
    watcher.close()
    change(file)
    await expect(adding).rejects.toMatchObject({
      problem: {
        code: 'reference-unreadable',
        what: expect.stringMatching(/changed while it was being copied/),
      },
    })
    const left = await filesIn(shelf)
    expect(left.filter((name) => name.endsWith('.part'))).toEqual([])
    for (const name of left) expect(await createReferenceStore(shelf).verify(name.slice(0, 64))).toBe('whole')
  })

  it('names a missing file, a folder and a device', async () => {
    const store = createReferenceStore(shelf)
    const gone = path.join(folder, 'gone.mp4')
    await expect(store.add(gone)).rejects.toMatchObject({
      problem: { code: 'reference-missing', place: { file: gone } },
    })
    await mkdir(path.join(folder, 'dir.mp4'))
    await expect(store.add(path.join(folder, 'dir.mp4'))).rejects.toThrow(/not a plain file|is a folder/)
    await expect(store.add('/dev/null')).rejects.toThrow(/not a plain file/)
  })

  it('removes what a killed process left behind', async () => {
    await mkdir(shelf)
    await writeFile(path.join(shelf, 'draft-1-1.part'), 'half')
    await createReferenceStore(shelf).addBytes(gif)
    expect(await filesIn(shelf)).toEqual([`${sha256(gif)}.gif`])
  })
})
