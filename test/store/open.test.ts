import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { MIGRATIONS } from '../../src/main/core/store/migrations/index.ts'
import { listBackups, openDatabase, type Sqlite } from '../../src/main/core/store/open.ts'
import { completeRestore, restoreBackup } from '../../src/main/core/store/restore.ts'
import { openStore, type Store } from '../../src/main/core/store/store.ts'
import { JobState } from '../../src/shared/job.ts'
import { ProblemError } from '../../src/shared/problem.ts'
import { freshStore, NOW, plantIn, temporaryFolder } from '../support/rows.ts'

const DAY = 86_400_000

function open(path: string, migrations?: readonly string[]): Sqlite {
  const db = openDatabase(path, migrations)
  onTestFinished(() => void db.close())
  return db
}

function reopen(path: string): Store {
  const store = openStore(path)
  onTestFinished(() => store.close())
  return store
}

function problemOf(act: () => unknown): ProblemError['problem'] {
  try {
    act()
  } catch (error) {
    if (error instanceof ProblemError) return error.problem
    throw error
  }
  throw new Error('nothing was thrown')
}

const hash = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')
const version = (db: Sqlite): unknown => db.pragma('user_version', { simple: true })

/** A closed database with a job in every state, and garbage where the test wants it. */
function closedStore(): { path: string; folder: string } {
  const store = freshStore()
  const plant = plantIn(store)
  const account = plant.account()
  const run = plant.run()
  for (const [index, state] of JobState.options.entries()) {
    const job = plant.job(run, account, { state, row: index + 1, name: `was ${state}` })
    if (state === 'submitting') plant.attempt(job, { sentAt: NOW })
  }
  store.close()
  return { path: store.path, folder: dirname(store.path) }
}

function scribble(path: string, at: number, bytes: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(bytes, 0x5a), 0, bytes, at)
  closeSync(file)
}

describe('a database on its disk', () => {
  test('keeps its promises over a power cut: WAL, FULL, foreign keys', () => {
    const db = open(join(temporaryFolder(), 'a.db'))
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
    expect(db.pragma('synchronous', { simple: true })).toBe(2)
    expect(db.pragma('foreign_keys', { simple: true })).toBe(1)
  })

  test('makes the folder that it lies in', () => {
    const path = join(temporaryFolder(), 'deep', 'er', 'a.db')
    open(path)
    expect(existsSync(path)).toBe(true)
  })

  test('has only strict tables, so that no column takes a value of another kind', () => {
    const db = open(join(temporaryFolder(), 'a.db'))
    const tables = db.prepare(
      `SELECT name, strict FROM pragma_table_list WHERE type = 'table' AND schema = 'main'`,
    )
    const loose = (tables.all() as { name: string; strict: number }[]).filter(
      ({ name, strict }) => !strict && !name.startsWith('sqlite_'),
    )
    expect(loose).toEqual([])
  })

  test('opens again as it was closed', () => {
    const { path } = closedStore()
    expect(reopen(path).jobs.count({})).toBe(JobState.options.length)
  })
})

describe('migrations', () => {
  const ONE = 'CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;'
  const TWO = `ALTER TABLE thing ADD COLUMN size_bytes INTEGER NOT NULL DEFAULT 7;
               UPDATE thing SET name = upper(name);`
  const THREE = 'CREATE INDEX thing_name ON thing (name);'

  function planted(): string {
    const path = join(temporaryFolder(), 'a.db')
    const db = openDatabase(path, [ONE])
    db.exec(`INSERT INTO thing (name) VALUES ('boat'), ('kite')`)
    db.close()
    return path
  }

  test('an empty folder gets every version at once, without a backup of nothing', () => {
    const path = join(temporaryFolder(), 'a.db')
    expect(version(open(path, [ONE, TWO, THREE]))).toBe(3)
    expect(readdirSync(dirname(path)).filter((name) => name.includes('before'))).toEqual([])
  })

  test('rows of an older version are there in the newer one', () => {
    const db = open(planted(), [ONE, TWO, THREE])
    expect(version(db)).toBe(3)
    expect(db.prepare('SELECT name, size_bytes FROM thing ORDER BY id').raw().all()).toEqual([
      ['BOAT', 7],
      ['KITE', 7],
    ])
  })

  test('a whole copy from before is kept', () => {
    const path = planted()
    open(path, [ONE, TWO])
    const copy = open(`${path}.before-2`, [ONE])
    expect(copy.prepare('SELECT name FROM thing ORDER BY id').pluck().all()).toEqual(['boat', 'kite'])
  })

  test('a copy also holds what was still only in the write-ahead log', () => {
    const path = planted()
    const holder = open(path, [ONE])
    holder.pragma('wal_autocheckpoint = 0')
    holder.exec(`INSERT INTO thing (name) VALUES ('late')`)
    open(path, [ONE, TWO])
    const copy = open(`${path}.before-2`, [ONE])
    expect(copy.prepare('SELECT count(*) FROM thing').pluck().get()).toBe(3)
  })

  test('one that fails leaves the version before it, whole', () => {
    const path = planted()
    const broken = `ALTER TABLE thing ADD COLUMN extra TEXT; INSERT INTO nowhere VALUES (1);`
    expect(() => openDatabase(path, [ONE, TWO, broken])).toThrow(/nowhere/)
    const db = open(path, [ONE, TWO])
    expect(version(db)).toBe(2)
    expect(db.prepare('SELECT name FROM thing ORDER BY id').pluck().all()).toEqual(['BOAT', 'KITE'])
    expect(
      db.prepare(`SELECT count(*) FROM pragma_table_info('thing') WHERE name = 'extra'`).pluck().get(),
    ).toBe(0)
  })

  test('an opened database is not migrated again and gets no second copy', () => {
    const path = planted()
    openDatabase(path, [ONE, TWO]).close()
    const before = statSync(`${path}.before-2`).mtimeMs
    open(path, [ONE, TWO])
    expect(statSync(`${path}.before-2`).mtimeMs).toBe(before)
  })

  test('a newer schema is refused with a sentence and left as it is', () => {
    const path = join(temporaryFolder(), 'reelsheet.db')
    const db = openDatabase(path)
    db.pragma(`user_version = ${MIGRATIONS.length + 1}`)
    db.pragma('wal_checkpoint(TRUNCATE)')
    db.close()
    const before = hash(path)
    const found = problemOf(() => openDatabase(path))
    expect(found.code).toBe('database-newer')
    expect(found.what).toContain(`schema ${MIGRATIONS.length + 1}; this one knows ${MIGRATIONS.length}`)
    expect(found.next).toContain('Update Reelsheet')
    expect(hash(path)).toBe(before)
  })
})

describe('a damaged database', () => {
  test.each([
    { what: 'its first bytes', spoil: (path: string) => scribble(path, 0, 4096) },
    { what: 'its schema page', spoil: (path: string) => scribble(path, 100, 3996) },
    { what: 'all of it', spoil: (path: string) => scribble(path, 0, statSync(path).size) },
    {
      what: 'its place, by another file',
      spoil: (path: string) => writeFileSync(path, 'not a database at all '.repeat(99)),
    },
    {
      what: 'pages in its middle',
      spoil: (path: string) => scribble(path, 4096 * 3, statSync(path).size - 4096 * 3),
    },
  ])('spoilt in $what is named, and not touched', ({ spoil }) => {
    const { path } = closedStore()
    spoil(path)
    const before = hash(path)
    const found = problemOf(() => openStore(path).close())
    expect(found).toMatchObject({ code: 'database-damaged', place: { file: path } })
    expect(found.what).toContain('left as it is')
    expect(found.next).toContain('reelsheet repair')
    expect(hash(path)).toBe(before)
  })
})

describe('daily backups', () => {
  test('one a day, and the last seven are kept', async () => {
    const store = freshStore()
    for (let day = 0; day < 10; day += 1) {
      expect(await store.backUp(NOW + day * DAY)).toMatch(/\d\.db$/)
      expect(await store.backUp(NOW + day * DAY + 1000)).toBeNull()
    }
    const days = listBackups(store.path).map((path) => path.slice(-13, -3))
    expect(days).toEqual(['04', '05', '06', '07', '08', '09', '10'].map((day) => `2026-03-${day}`))
  })

  test('can be opened and holds what was there', async () => {
    const store = freshStore()
    const plant = plantIn(store)
    plant.job(plant.run(), plant.account(), { name: 'kept' })
    const backup = (await store.backUp(NOW)) as string
    expect(reopen(backup).jobs.page({}, null, 10)).toMatchObject([{ name: 'kept' }])
  })

  test('leave no half-made file behind, and take the place of one', async () => {
    const store = freshStore()
    plantIn(store).account()
    const first = (await store.backUp(NOW)) as string
    writeFileSync(`${first.slice(0, -13)}2026-03-02.db.part`, 'cut off')
    await store.backUp(NOW + DAY)
    expect(readdirSync(dirname(first)).sort()).toEqual(['2026-03-01.db', '2026-03-02.db'])
  })
})

describe('a backup of a damaged database', () => {
  test('is refused, and the good ones from before stay', async () => {
    const store = freshStore()
    const plant = plantIn(store)
    const [run, account] = [plant.run(), plant.account()]
    store.write(() => {
      for (let row = 1; row <= 500; row += 1) plant.job(run, account, { row, prompt: 'long '.repeat(400) })
    })
    await store.backUp(NOW)
    store.close()
    // Rows alone: the schema can be read, so that opening does not see it.
    scribble(store.path, Math.floor(statSync(store.path).size / 2), 4096 * 20)
    const damaged = reopen(store.path)
    await expect(damaged.backUp(NOW + DAY)).rejects.toThrow()
    expect(listBackups(store.path).map((path) => path.slice(-13))).toEqual(['2026-03-01.db'])
  })
})

describe('going back to a backup', () => {
  async function backedUp(): Promise<{ path: string; folder: string }> {
    const given = closedStore()
    const store = openStore(given.path)
    await store.backUp(NOW)
    store.close()
    return given
  }

  test('keeps the damaged file aside, bytes and all', async () => {
    const { path } = await backedUp()
    scribble(path, 0, 4096)
    const before = hash(path)
    const { keptAside, restored } = restoreBackup(path, NOW + DAY)
    expect(restored).toBe(listBackups(path)[0])
    expect(keptAside).not.toBeNull()
    expect(hash(keptAside as string)).toBe(before)
    expect(reopen(path).jobs.count({})).toBe(JobState.options.length)
  })

  test('holds every row that might be bought twice, and asks about those that were being sent', async () => {
    const { path } = await backedUp()
    scribble(path, 0, 4096)
    restoreBackup(path, NOW + DAY)
    const store = reopen(path)
    const became = Object.fromEntries(
      store.jobs.page({}, null, 100).map((job) => [String(job.name).slice(4), job.state]),
    )
    expect(became).toEqual({
      held: 'held',
      queued: 'held',
      uploading: 'held',
      submitting: 'unconfirmed',
      unconfirmed: 'unconfirmed',
      generating: 'generating',
      downloading: 'downloading',
      done: 'done',
      failed: 'failed',
      cancelled: 'cancelled',
    })
    expect(store.jobs.takeQueued(1, NOW * 2, 100)).toEqual([])
    for (const job of store.jobs.page({ search: 'backup' }, null, 100)) {
      expect(job.problem?.what).toContain('may have been bought after the backup')
    }
    expect(store.jobs.count({ search: 'comes from a backup' })).toBe(3)
  })

  test.each([true, false])(
    'a row that was being sent (marked as sent: %s) can be answered by a person',
    async (isSent) => {
      const fresh = freshStore()
      const plant = plantIn(fresh)
      const job = plant.job(plant.run(), plant.account(), { state: 'submitting' })
      const attempt = plant.attempt(job, isSent ? { sentAt: NOW } : {})
      await fresh.backUp(NOW)
      fresh.close()
      restoreBackup(fresh.path, NOW + DAY)
      const store = reopen(fresh.path)
      expect(store.attempts.undecided(job.id)).toMatchObject({ id: attempt.id, outcome: 'unknown' })
      store.attempts.decide(attempt.id, 'found', NOW, { remoteId: 'task-by-hand' })
      expect(store.attempts.byTask(job.accountId, 'task-by-hand')?.id).toBe(attempt.id)
    },
  )

  test('passes over a backup that is damaged itself', async () => {
    const { path } = await backedUp()
    const store = openStore(path)
    await store.backUp(NOW + DAY)
    store.close()
    const [older, newer] = listBackups(path) as [string, string]
    scribble(newer, 0, 4096)
    expect(restoreBackup(path, NOW + 2 * DAY).restored).toBe(older)
  })

  test('without any backup the damaged file is kept aside and the next start begins anew', () => {
    const { path } = closedStore()
    scribble(path, 0, 4096)
    const { keptAside, restored } = restoreBackup(path, NOW)
    expect(restored).toBeNull()
    expect(existsSync(keptAside as string)).toBe(true)
    expect(existsSync(path)).toBe(false)
    expect(reopen(path).jobs.count({})).toBe(0)
  })

  test('that cannot hold the rows of its backup leaves everything as it is', async () => {
    const { path } = await backedUp()
    const [backup] = listBackups(path) as [string]
    const other = new Database(backup)
    other.pragma('foreign_keys = OFF')
    other.exec('DROP TABLE attempts')
    other.close()
    scribble(path, 0, 4096)
    const before = hash(path)
    expect(() => restoreBackup(path, NOW + DAY)).toThrow('attempts')
    expect(hash(path)).toBe(before)
    expect(completeRestore(path, NOW + DAY)).toBeNull()
  })

  test('cut off after it was decided is ended by the next start, with nothing to be sent by itself', async () => {
    const { path, folder } = await backedUp()
    restoreBackup(path, NOW)
    // As if the process had died with the damaged one still there, and the other not yet in its place.
    renameSync(path, `${path}.restored`)
    writeFileSync(path, 'no database')
    writeFileSync(`${path}-wal`, 'what was beside it')
    expect(completeRestore(path, NOW + DAY)?.restored).toBe(listBackups(path)[0])
    expect(reopen(path).jobs.takeQueued(1, NOW * 2, 100)).toEqual([])
    expect(readdirSync(folder).filter((name) => /\.damaged-.*-wal$/.test(name))).toHaveLength(1)
  })

  test('twice in the same moment overwrites nothing that was kept aside', async () => {
    const { path, folder } = await backedUp()
    restoreBackup(path, NOW)
    restoreBackup(path, NOW)
    const aside = readdirSync(folder).filter((name) => /\.damaged-[^.]*$/.test(name))
    expect(aside).toHaveLength(2)
  })
})
