/**
 * Small scripts for the crash proof. Together they pass as much of the core as lives without a broken machine
 * can: both families, lost answers, broken downloads, strangers, upkeep, and what people ask for.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { MIGRATIONS } from '../../src/main/core/store/migrations/index.ts'
import { backUpDaily, openDatabase } from '../../src/main/core/store/open.ts'
import type { DiskFault } from './disk.ts'
import { type Errand, RESOURCES } from './life.ts'
import { evolinkRow, type LifePlan, type ProofWorld, type Row, type Script, vtrixRow } from './world.ts'

export interface Play {
  name: string
  script: Omit<Script, 'seed'>
  errands?: Errand[]
  disk?: DiskFault[]
  /** Left out of the short form: it takes long, or shows little besides what another one does. */
  isLongOnly?: boolean
  /** Its database is damaged at first, so that only the end can be judged. */
  isDamaged?: boolean
  /** What happened before the life that is killed; `plan` is that of a plain life. */
  before?(world: ProofWorld, plan: LifePlan): Promise<void>
}

const MEDIA = join(RESOURCES, 'sample/media')
const LAKE = join(MEDIA, 'lake-at-dusk.jpg')
const DAY_MS = 24 * 60 * 60 * 1000

/**
 * Work on clips takes real time whatever the world's clock says, so that clock runs only a little faster;
 * waits are passed over.
 */
const RATE = 5

const oneRun = (rows: Row[], more: Partial<Script> = {}): Play['script'] => ({
  runs: [{ name: 'sheet', rows }],
  rate: RATE,
  ...more,
})

const TWO_ROWS = [evolinkRow('a lake'), vtrixRow('character1 by a lake')]

export const PLAYS: readonly Play[] = [
  {
    name: 'plain rows',
    script: oneRun([
      evolinkRow('a lake'),
      evolinkRow('a lost lake [accept then-cut]'),
      vtrixRow('character1 by a lake'),
      vtrixRow('a lost boat [accept then-cut]', { 'ref 1': join(MEDIA, 'paper-boat.png') }),
    ]),
  },
  {
    name: 'a thousand rows that nothing may be spent on',
    isLongOnly: true,
    script: {
      runs: [
        {
          name: 'sheet',
          rows: Array.from({ length: 1000 }, (_, row) => vtrixRow(`boat ${row + 1}`)),
          capMicros: 0,
        },
      ],
      rate: RATE,
    },
  },
  {
    name: 'practice',
    script: oneRun([
      evolinkRow('a lake', { account: 'practice' }),
      vtrixRow('character1 by a lake', { account: 'practice' }),
      evolinkRow('a lost lake [accept then-cut x2]', { account: 'practice' }),
      vtrixRow('a lost boat [accept then-cut]', { account: 'practice' }),
    ]),
  },
  {
    name: 'broken downloads',
    script: oneRun([
      evolinkRow('expired [expire]'),
      evolinkRow('cut [cut=20KB]'),
      vtrixRow('cut and no range [cut=20KB] [no-range]'),
      vtrixRow('cut and changed [cut=20KB] [changed]'),
      evolinkRow('a page [html]'),
      vtrixRow('gone for once [link 404]'),
      evolinkRow('too short [short]'),
      vtrixRow('too long [long]'),
      evolinkRow('elsewhere [redirect]'),
      vtrixRow('somewhere private [redirect private]'),
      vtrixRow('round and round [redirect loop]'),
      evolinkRow('another size [wrong-size]'),
    ]),
  },
  {
    name: 'trouble at the provider',
    script: oneRun([
      evolinkRow('lost twice [accept then-cut x2]'),
      evolinkRow('too fast [429 after=2]'),
      vtrixRow('later [503 after=1]'),
      evolinkRow('refused [400]'),
      vtrixRow('failed [fail code=service_error]'),
      evolinkRow('unknown for once [read 404]'),
      vtrixRow('a fault when asked [read 500]'),
      evolinkRow('no link yet [read no-link]'),
      vtrixRow('patience [running x3]'),
      evolinkRow('half an answer [accept half]'),
      vtrixRow('a fault [502]'),
      evolinkRow('cut early [cut-early]'),
    ]),
  },
  {
    name: 'names that others have',
    script: oneRun([evolinkRow('one'), vtrixRow('two'), vtrixRow('three'), evolinkRow('four')], {
      strangers: {
        'sheet/001-one-1.mp4': 'mine',
        'sheet/002-two-1.mp4.json': '{"mine":true}',
        'sheet/003-three-1.mp4': '',
        'sheet/003-three-1-2.mp4': 'mine too',
        'sheet/004-four-1.mp4/a file in a folder.txt': 'mine as well',
      },
    }),
  },
  {
    name: 'a drive without links',
    script: oneRun([evolinkRow('a lake'), vtrixRow('a page [html]'), vtrixRow('short [short]')], {
      strangers: { 'sheet/001-a-lake-1.mp4': 'mine' },
    }),
    disk: [{ on: 'link', code: 'EPERM' }],
  },
  {
    name: 'a drive that is full for a while',
    isLongOnly: true,
    script: oneRun(TWO_ROWS),
    disk: [
      { on: 'write', code: 'ENOSPC', times: { from: 2, to: 3 } },
      { on: 'sync', code: 'EIO', times: { from: 3, to: 3 } },
    ],
  },
  {
    name: 'many at once',
    isLongOnly: true,
    script: oneRun(Array.from({ length: 6 }, (_, at) => evolinkRow(`lake ${at + 1} [running x2]`))),
  },
  {
    name: 'an evening that is planned, and planned again',
    script: {
      runs: [
        { name: 'later', rows: [evolinkRow('a late lake'), vtrixRow('a late boat')], startMs: 20 * 60_000 },
        { name: 'soon', rows: [evolinkRow('a lake'), vtrixRow('a boat')], takeBackMs: 5_000 },
        {
          name: 'anew',
          rows: [evolinkRow('a new lake'), vtrixRow('a new boat'), vtrixRow('a lost boat [accept then-cut]')],
          startMs: 10 * 60_000,
          isPlannedAnew: true,
        },
      ],
      rate: RATE,
    },
  },
  {
    name: 'a full file service',
    isLongOnly: true,
    script: oneRun(
      [
        evolinkRow('a lake'),
        evolinkRow('a boat', { 'ref 1': join(MEDIA, 'paper-boat.png') }),
        evolinkRow('a planet', { 'ref 1': join(MEDIA, 'ringed-planet.webp') }),
      ],
      { provider: { limits: { filesQuota: 1 } }, limits: { inFlight: 1, uploadsAtOnce: 1 } },
    ),
  },
  {
    name: 'a cap for two rows',
    isLongOnly: true,
    script: {
      runs: [
        // A row costs 0.20 USD, which counts as 13.6 credits.
        { name: 'sheet', rows: [1, 2, 3].map((row) => vtrixRow(`boat ${row}`)), capMicros: 28_000_000 },
        { name: 'other', rows: [evolinkRow('a lake')] },
      ],
      rate: RATE,
    },
  },
  {
    name: 'references of all kinds',
    script: oneRun([
      vtrixRow('character1 is a bitmap', { 'ref 1': 'bitmap.bmp' }),
      evolinkRow('a bitmap that is refused', { 'ref 1': 'bitmap.bmp' }),
      vtrixRow('inside the sheet', { 'ref 1': `data:image/jpeg;base64,${readFileSync(LAKE, 'base64')}` }),
      evolinkRow('by its address', { 'ref 1': 'https://example.com/a.jpg' }),
      evolinkRow('character1 moves', {
        model: 'wan2.6-reference-video-flash',
        aspect_ratio: '16:9',
        'ref 1': join(MEDIA, 'aurora.mp4'),
        'ref 2': join(MEDIA, 'colony.mp4'),
      }),
      evolinkRow('with music', { audio: join(MEDIA, 'waltz.mp3') }),
      vtrixRow('character1 and character2', {
        'ref 1': join(MEDIA, 'ringed-planet.webp'),
        'ref 2': join(MEDIA, 'deep-dive.mp4'),
      }),
    ]),
    before: async (world) => writeFileSync(join(world.folder, 'bitmap.bmp'), makeBitmap(400)),
  },
  {
    name: 'a host for sounds and films',
    script: oneRun(
      [
        vtrixRow('character1 hears music', { audio: join(MEDIA, 'waltz.mp3') }),
        vtrixRow('character1 and character2 dive', { 'ref 2': join(MEDIA, 'deep-dive.mp4') }),
        vtrixRow('character1 is lost in music [accept then-cut]', { audio: join(MEDIA, 'waltz.mp3') }),
        evolinkRow('with the same music', { audio: join(MEDIA, 'waltz.mp3') }),
      ],
      { accounts: { 'vtrix-1': { options: { fileHost: 'evolink-1', requestLimitBytes: 200_000 } } } },
    ),
    errands: ['pause and go on', 'check a sheet with mistakes'],
  },
  {
    name: 'what people ask for',
    script: oneRun([
      evolinkRow('refused twice [400 x2]'),
      evolinkRow('refused three times [400 x3]'),
      vtrixRow('lost [accept then-cut]'),
      vtrixRow('a boat'),
    ]),
    errands: [
      'pause and go on',
      'retry what failed',
      'leave what is unconfirmed',
      'move to another model',
      'release what is held',
      'retry what failed',
      'fetch again',
      'change accounts',
      'add references',
      'check a sheet with mistakes',
      'export the run',
      'look at media',
    ],
  },
  {
    name: 'a folder that is not there yet',
    isLongOnly: true,
    script: oneRun(TWO_ROWS),
    errands: ['import again'],
    before: async (world) => rmSync(world.archive, { recursive: true }),
  },
  {
    name: 'a library is looked after',
    script: oneRun(TWO_ROWS),
    errands: ['rebuild the library', 'check clips', 'export the run', 'look at media'],
    before: async (world, plan) => {
      await world.live(plan)
      keepAsOld(world)
    },
  },
  {
    name: 'the second day',
    isLongOnly: true,
    script: oneRun(TWO_ROWS),
    before: async (world, plan) => {
      await world.live(plan)
      const backup = await backUp(world)
      for (let day = 1; day <= 7; day++) copyFileSync(backup, join(dirname(backup), `2026-10-0${day}.db`))
      world.clock.skipTo(world.clock.skippedMs + DAY_MS)
    },
  },
  {
    name: 'a damaged database',
    script: oneRun(TWO_ROWS),
    errands: ['repair'],
    isDamaged: true,
    before: async (world, plan) => {
      await world.live(plan)
      world.clock.skipTo(world.clock.skippedMs + DAY_MS)
      await backUp(world)
      writeFileSync(join(world.home, 'reelsheet.db'), 'no database any more'.repeat(1000))
    },
  },
  ...(
    [
      'submit.marked-sent',
      'download.started',
      'download.noted',
      'download.named',
      'download.sidecar',
    ] as const
  ).map(
    (point): Play => ({
      name: `going on after ${point}`,
      isLongOnly: point !== 'download.noted',
      script: oneRun([vtrixRow('character1 by a lake'), evolinkRow('a lake [cut=20KB]')]),
      before: async (world, plan) => void (await world.live({ ...plan, kill: { at: point, nth: 1 } })),
    }),
  ),
  {
    name: 'going on where no links are',
    script: oneRun([vtrixRow('character1 by a lake'), evolinkRow('a lake')]),
    disk: [{ on: 'link', code: 'EPERM' }],
    before: async (world, plan) =>
      void (await world.live({
        ...plan,
        disk: [{ on: 'link', code: 'EPERM' }],
        kill: { at: 'download.noted', nth: 1 },
      })),
  },
  ...MIGRATIONS.slice(1).map(
    (_, index): Play => ({
      name: `a database of schema ${index + 1}`,
      script: oneRun([...TWO_ROWS, vtrixRow('a lost boat [accept then-cut]')]),
      before: async (world, plan) => {
        await world.live({ ...plan, kill: { at: 'submit.stored', nth: 2 } })
        downgrade(join(world.home, 'reelsheet.db'), index + 1)
      },
    }),
  ),
]

/** Makes today's backup, as a life does that lasts long enough: it knows all that was bought so far. */
async function backUp({ home, clock }: ProofWorld): Promise<string> {
  const path = join(home, 'reelsheet.db')
  const db = openDatabase(path)
  // What a short life began on the same day may be older than what it bought.
  rmSync(join(home, 'backups'), { recursive: true, force: true })
  const backup = await backUpDaily(db, path, clock.now())
  db.close()
  if (!backup) throw new Error('no backup was made')
  return backup
}

/** Clips as an earlier library left them: with sidecars, and in no record. */
function keepAsOld({ archive }: ProofWorld): void {
  const from = join(archive, 'sheet')
  const to = join(archive, 'an older run')
  mkdirSync(to)
  for (const name of readdirSync(from)) copyFileSync(join(from, name), join(to, name))
}

/** Writes the same rows as an earlier version kept them. */
function downgrade(path: string, version: number): void {
  const older = `${path}.older`
  const db = openDatabase(older, MIGRATIONS.slice(0, version))
  db.pragma('foreign_keys = OFF')
  db.prepare('ATTACH ? AS newer').run(path)
  const names = (schema: string, where: string): string[] =>
    db.prepare(`SELECT name FROM ${schema} ${where}`).pluck().all() as string[]
  // Lines first: what they count is written with the runs and accounts that come after them.
  const tables = names('main.sqlite_schema', "WHERE type = 'table' AND sql NOT LIKE '%fts5%'")
    // The words are put in below, and rows are counted as they come.
    .filter((name) => !name.startsWith('jobs_text') && name !== 'job_counts')
    .sort((one) => (one === 'ledger' ? -1 : 0))
  for (const table of tables) {
    const known = new Set(names(`pragma_table_info('${table}', 'newer')`, ''))
    const columns = names(`pragma_table_info('${table}', 'main')`, '').filter((name) => known.has(name))
    const list = columns.join(', ')
    db.exec(`INSERT INTO main."${table}" (${list}) SELECT ${list} FROM newer."${table}"`)
  }
  db.exec('INSERT INTO jobs_text (rowid, prompt, name) SELECT id, prompt, name FROM main.jobs')
  db.exec('DETACH newer')
  db.pragma('journal_mode = DELETE')
  db.close()
  for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true })
  copyFileSync(older, path)
  rmSync(older)
  // Only reading: what was written is what was meant.
  const written = new Database(path, { readonly: true })
  if (written.pragma('user_version', { simple: true }) !== version) throw new Error('it is no older database')
  written.close()
}

/** A grey square of so many pixels a side, 24 bits each. */
function makeBitmap(side: number): Buffer {
  const bytes = Buffer.alloc(54 + side * side * 3, 0x80)
  bytes.fill(0, 0, 54)
  bytes.write('BM', 0, 'latin1')
  bytes.writeUInt32LE(bytes.length, 2)
  bytes.writeUInt32LE(54, 10)
  bytes.writeUInt32LE(40, 14)
  bytes.writeInt32LE(side, 18)
  bytes.writeInt32LE(side, 22)
  bytes.writeUInt16LE(1, 26)
  bytes.writeUInt16LE(24, 28)
  return bytes
}
