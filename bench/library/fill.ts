/**
 * Big libraries for the benchmarks, written straight into a database of the store's own schema (its
 * triggers run), because the slow door would take hours. The same size gives the same rows every time.
 */
import { openDatabase, type Sqlite } from '../../src/main/core/store/open.ts'
import { openStore } from '../../src/main/core/store/store.ts'
import { AccountOptions } from '../../src/shared/account.ts'
import type { JobState } from '../../src/shared/job.ts'

export interface Library {
  jobs: number
  /** How many of the jobs are done, each with its attempt, ledger line, history and clip. */
  clips: number
  /** Jobs in each state that needs work now; the rest that is not done waits, failed or was cancelled. */
  underWay: number
  /** The moment that counts as now, epoch ms. Waiting rows are due before or after it. */
  now: number
  /** Whether waiting rows are due a day later, so that nothing is bought. */
  isLater?: boolean
}

/** Words that a search can count on: nearly every English prompt, one in a hundred, one in ten thousand. */
export const WORDS = { common: 'the', some: 'lighthouse', rare: 'zephyr', chinese: '灯塔' }

const DAY_MS = 86_400_000
const ACCOUNTS = 3
/** Shares of the runs: one big one, as after a long night, and smaller ones. */
const RUNS = [0.5, 0.2, 0.1, 0.08, 0.06, 0.03, 0.02, 0.01]
const TROUBLE = JSON.stringify({
  code: 'task-failed',
  severity: 'error',
  what: 'The provider could not make this clip: the service had an error.',
  next: 'Retry it; a failed task is not charged.',
  place: {},
})

/** Makes the database at a path that has none yet. */
export function fillLibrary(path: string, library: Library): void {
  // The store makes what a first start makes.
  const store = openStore(path)
  for (let number = 1; number <= ACCOUNTS; number += 1) {
    store.accounts.insert({
      name: number === 1 ? 'practice' : `practice-${number}`,
      family: 'practice',
      baseUrl: null,
      filesUrl: null,
      proxyUrl: null,
      currency: 'credits',
      prices: {},
      limits: { inFlight: 5, submitsPerSecond: 5, pollsPerSecond: 5, downloadsAtOnce: 4, uploadsAtOnce: 2 },
      options: AccountOptions.parse({}),
      capMicros: null,
      keyKept: null,
      createdAt: library.now - 30 * DAY_MS,
    })
  }
  for (const [index] of RUNS.entries()) {
    store.runs.insert({
      name: `run ${index + 1}`,
      sheetPath: `/sheets/run-${index + 1}.csv`,
      sheetSha256: 'a'.repeat(64),
      headers: ['prompt', 'model', 'duration'],
      archiveFolder: '/archive',
      nameTemplate: '{run}/{row:000}-{slug}-{take}.mp4',
      capMicros: null,
      capMode: 'hard',
      approvedMicros: null,
      startAt: null,
      createdAt: library.now - (30 - index) * DAY_MS,
    })
  }
  store.close()
  const db = openDatabase(path)
  try {
    // Only this file is in a hurry: nothing of it would be missed.
    db.pragma('synchronous = OFF')
    db.transaction(() => insertRows(db, library))()
    db.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    db.close()
  }
}

function insertRows(db: Sqlite, library: Library): void {
  const write = prepare(db)
  const random = seeded(library.jobs)
  const stateOf = states(library, random)
  let id = 0
  for (const [index, share] of RUNS.entries()) {
    const runId = index + 1
    const isLast = runId === RUNS.length
    const rows = isLast ? library.jobs - id : Math.round(library.jobs * share)
    for (let row = 1; row <= rows; row += 1) {
      id += 1
      const accountId = 1 + Math.floor(random() * ACCOUNTS)
      insertJob(write, random, library, { id, runId, accountId, row, state: stateOf() })
    }
  }
  db.prepare(
    `INSERT OR REPLACE INTO jobs_text (rowid, prompt, name, problem)
     SELECT id, prompt, coalesce(name, ''), coalesce(problem_json ->> '$.what', '') FROM jobs`,
  ).run()
}

interface Place {
  id: number
  runId: number
  accountId: number
  row: number
  state: JobState
}

const HAS_TASK: readonly JobState[] = ['generating', 'downloading', 'done']
const FINAL: readonly JobState[] = ['done', 'failed', 'cancelled']

function insertJob(write: Writers, random: () => number, library: Library, place: Place): void {
  const { id, runId, accountId, row, state } = place
  const { now } = library
  const prompt = promptOf(id, random)
  const hasTask = HAS_TASK.includes(state)
  const hasLink = state === 'downloading' || state === 'done'
  const createdAt = now - 20 * DAY_MS + id
  const remoteId = hasTask ? `task-${id}` : null
  write.job.run({
    id,
    runId,
    accountId,
    row,
    fingerprint: hex(random),
    name: id % 10 === 0 ? `shot ${row}` : null,
    state,
    pauses: state === 'queued' && id % 50 === 0 ? 1 : 0,
    priority: id % 1000 === 0 ? 1 : 0,
    runAt: dueAt(state, library, random),
    prompt,
    order: JSON.stringify({ model: MODEL, mode: 'text', prompt, duration: 5, quality: '720p', sound: true }),
    cells: JSON.stringify({ prompt, model: MODEL, duration: '5' }),
    attempt: hasTask || state === 'failed' ? 1 : 0,
    progress: hasTask ? 0.5 : null,
    remoteId,
    acceptedAt: hasTask ? createdAt + 1000 : null,
    link: hasLink ? `https://files.example/${id}.mp4` : null,
    linkExpiresAt: hasLink ? now + Math.round(random() * DAY_MS) : null,
    clipName: hasLink ? `run-${runId}/${row}-a-clip-1.mp4` : null,
    problem: state === 'failed' || state === 'unconfirmed' ? TROUBLE : null,
    createdAt,
    finishedAt: FINAL.includes(state) ? createdAt + 60_000 : null,
  })
  write.event.run({ id, at: createdAt, type: 'created', from: null, to: 'queued' })
  if (!hasTask && state !== 'failed') return
  write.attempt.run({ id, accountId, key: `rs-${id}`, prompt, hash: hex(random), createdAt, remoteId })
  write.line.run({ id, runId, accountId, at: createdAt, standing: state === 'done' ? 'charged' : 'reserved' })
  write.event.run({ id, at: createdAt, type: 'claimed', from: 'queued', to: 'submitting' })
  write.event.run({ id, at: createdAt, type: 'accepted', from: 'submitting', to: 'generating' })
  if (state === 'done') {
    write.event.run({ id, at: createdAt, type: 'rendered', from: 'generating', to: 'downloading' })
    write.event.run({ id, at: createdAt, type: 'archived', from: 'downloading', to: 'done' })
    write.clip.run({
      id,
      runId,
      path: `run-${runId}/${row}-a-clip-1.mp4`,
      hash: hex(random),
      prompt,
      remoteId,
      at: createdAt,
    })
  }
}

const MODEL = 'wan2.6-text-to-video'

type Writers = ReturnType<typeof prepare>
const prepare = (db: Sqlite) => ({
  job: db.prepare(
    `INSERT INTO jobs (id, run_id, account_id, row, fingerprint, name, state, pauses, priority, run_at, model, prompt,
       order_json, cells_json, attempt, progress, remote_id, accepted_at, link, link_expires_at, estimate_micros,
       clip_name, problem_json, created_at, finished_at)
     VALUES (@id, @runId, @accountId, @row, @fingerprint, @name, @state, @pauses, @priority, @runAt, '${MODEL}', @prompt,
       @order, @cells, @attempt, @progress, @remoteId, @acceptedAt, @link, @linkExpiresAt, 47600000,
       @clipName, @problem, @createdAt, @finishedAt)`,
  ),
  attempt: db.prepare(
    `INSERT INTO attempts (id, job_id, account_id, number, idempotency_key, body_json, body_sha256, created_at, sent_at,
       answered_at, outcome, remote_id)
     VALUES (@id, @id, @accountId, 1, @key, json_object('model', '${MODEL}', 'prompt', @prompt), @hash, @createdAt,
       @createdAt, @createdAt, CASE WHEN @remoteId IS NULL THEN 'refused' ELSE 'accepted' END, @remoteId)`,
  ),
  line: db.prepare(
    `INSERT INTO ledger (attempt_id, job_id, run_id, account_id, model, currency, standing, estimate_micros,
       charged_micros, counted_micros, counted_credit_micros, at)
     VALUES (@id, @id, @runId, @accountId, '${MODEL}', 'credits', @standing, 47600000,
       CASE @standing WHEN 'charged' THEN 47600000 END, 47600000, 47600000, @at)`,
  ),
  event: db.prepare(
    'INSERT INTO events (job_id, at, type, from_state, to_state) VALUES (@id, @at, @type, @from, @to)',
  ),
  clip: db.prepare(
    `INSERT INTO clips (id, job_id, run_id, archive_folder, path, sidecar_path, sha256, size_bytes, width, height,
       duration_ms, has_sound, model, prompt, remote_id, created_at)
     VALUES (@id, @id, @runId, '/archive', @path, @path || '.json', @hash, 2400000, 1280, 720, 5000, 1, '${MODEL}',
       @prompt, @remoteId, @at)`,
  ),
})

/** Work is due around now, so that a look finds some of it and has to leave some. */
function dueAt(state: JobState, { now, isLater }: Library, random: () => number): number {
  if (FINAL.includes(state)) return now - DAY_MS
  return isLater ? now + DAY_MS : now + Math.round((random() - 0.5) * 600_000)
}

/** Draws states in their shares; exact for those that are under way, which the limits of accounts keep few. */
function states({ jobs, clips, underWay }: Library, random: () => number): () => JobState {
  const few = (['uploading', 'submitting', 'unconfirmed', 'generating', 'downloading'] as const).map(
    (state) => ({ state, left: underWay }),
  )
  const rest = jobs - clips - underWay * few.length
  const waiting = [
    { state: 'queued' as const, left: Math.round(rest * 0.7) },
    { state: 'held' as const, left: Math.round(rest * 0.1) },
    { state: 'failed' as const, left: Math.round(rest * 0.15) },
  ]
  const rare: { state: JobState; left: number }[] = [...few, ...waiting, { state: 'done', left: clips }]
  rare.push({ state: 'cancelled', left: jobs - rare.reduce((sum, { left }) => sum + left, 0) })
  let total = jobs
  return () => {
    let at = random() * total
    total -= 1
    for (const one of rare) {
      at -= one.left
      if (at >= 0) continue
      one.left -= 1
      return one.state
    }
    return 'cancelled'
  }
}

const PLACES =
  'harbour,bridge,meadow,desert,canyon,village,market,station,rooftop,garden,forest,shore,street,valley'
const THINGS =
  'boat,kite,fox,dancer,child,old man,train,robot,lantern,horse,cyclist,whale,balloon,violinist,cat,astronaut'
const LIGHTS =
  'at dusk,at dawn,in heavy rain,under neon lights,in thick fog,in golden light,by moonlight,in snow'
const MOVES = 'slow dolly in,handheld,crane shot,orbit,static frame,tracking shot,whip pan,drone flight'
const CHINESE =
  '海边的灯塔 黄昏 慢镜头,雨中的纸船 特写,森林里的狐狸 清晨 薄雾,城市夜景 霓虹灯 航拍,草原上的马 奔跑'
const pick = (list: string[], random: () => number): string => list[Math.floor(random() * list.length)] ?? ''
const lists = Object.fromEntries(
  Object.entries({ PLACES, THINGS, LIGHTS, MOVES, CHINESE }).map(([name, text]) => [name, text.split(',')]),
) as Record<'PLACES' | 'THINGS' | 'LIGHTS' | 'MOVES' | 'CHINESE', string[]>

function promptOf(id: number, random: () => number): string {
  if (id % 5 === 0) {
    return `${pick(lists.CHINESE, random)} ${id % 500 === 0 ? `${WORDS.chinese} ` : ''}第${id}镜`
  }
  const words = [
    `A ${pick(lists.THINGS, random)} crosses the ${pick(lists.PLACES, random)} ${pick(lists.LIGHTS, random)},`,
    `${pick(lists.MOVES, random)}, shallow depth of field, 35 mm film grain, soft wind in the trees,`,
    `the camera follows the ${pick(lists.THINGS, random)} until it turns around; take number ${id}`,
  ]
  if (id % 101 === 0) words.push(`past the ${WORDS.some}`)
  if (id % 10_001 === 0 || id === 777) words.push(`carried by a ${WORDS.rare}`)
  return words.join(' ')
}

const hex = (random: () => number): string => {
  let out = ''
  while (out.length < 64)
    out += Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0')
  return out
}

/** The same numbers for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
