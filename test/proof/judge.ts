/**
 * What must always hold (section 12 of the design, and starts at a time), looked at from outside: the provider's own
 * ledger, the database as rows, the files as bytes, and what was said on the way. Shares no code with the core.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { type Bought, listBought } from './bought.ts'
import type { Life } from './life.ts'
import type { FileState, ProofWorld } from './world.ts'

export type Invariant = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10

export const INVARIANTS: Record<Invariant, string> = {
  1: 'at most one task and one charge for one intent',
  2: 'no task id that was returned is lost',
  3: 'one state for each job, and none shown before it is durable',
  4: 'a final name is a whole file, and its SHA-256 is the record',
  5: 'no existing file is changed',
  6: 'reserved + charged + may-have-been-charged stays within the cap',
  7: 'what can be had is archived before it expires',
  8: 'every job ends, or waits for a person by name',
  9: 'no secret in any artefact',
  10: 'nothing is ordered before its time',
}

export interface Violation {
  invariant: Invariant
  what: string
}

export interface JudgeOptions {
  /** True once the faults are over and the last life was to settle; else only what holds at every moment is judged. */
  isSettled: boolean
  /** Rows (by prompt) whose clip may be missing though the provider made it, each for a reason the case knows. */
  mayMiss?: (prompt: string) => boolean
  /** The folder whose database is read, when it is a copy: looking at a database that was cut off changes it. */
  home?: string
}

interface JobRow {
  id: number
  runId: number
  state: string
  pauses: number
  prompt: string
  remoteId: string | null
  version: number
  problem: string | null
  runProblem: string | null
  isRunPaused: number
  accountProblem: string | null
  isAccountPaused: number
}

interface Seen {
  jobs: JobRow[]
  clips: {
    jobId: number | null
    folder: string
    path: string
    sidecar: string
    sha256: string
    sizeBytes: number
  }[]
  attempts: { id: number; jobId: number; sentAt: number | null; outcome: string; remoteId: string | null }[]
  ledger: {
    attemptId: number
    runId: number
    standing: string
    estimate: number | null
    reserved: number | null
    charged: number | null
    counted: number
  }[]
  events: { jobId: number; from: string | null; to: string | null }[]
  runs: { id: number; name: string; cap: number | null }[]
}

/** What is broken; empty = all of it holds. Only looks: nothing is changed. */
export async function judge(world: ProofWorld, options: JudgeOptions): Promise<Violation[]> {
  const found: Violation[] = []
  const tell = (invariant: Invariant, what: string) => void found.push({ invariant, what })
  const tasks = listBought(world)
  judgeTasks(tasks, tell)
  for (const [index, life] of world.lives.entries())
    if (life.isOverdue) tell(8, `life ${index + 1} hung and was ended; last it said ${lastWords(life)}`)
  judgeFiles(world, tell)
  judgeSecrets(world, tell)
  const seen = look(join(options.home ?? world.home, 'reelsheet.db'))
  if (!seen) {
    if (tasks.length > 0) tell(2, `there is no database, and ${tasks.length} tasks were bought`)
    if (options.isSettled) tell(8, `there is no database: ${world.lives.at(-1)?.stderr.slice(0, 800)}`)
    return found
  }
  judgeIds(world, tasks, seen, tell)
  judgeStates(world, seen, tell)
  await judgeClips(world, tasks, seen, options, tell)
  judgeMoney(world, tasks, seen, tell)
  judgeStarts(world, seen, tell)
  if (options.isSettled) {
    judgeEnds(world, seen, tell)
    judgeOutputs(tasks, seen, options, tell)
  }
  return found
}

const lastWords = ({ said }: Life): string => JSON.stringify(said.at(-1) ?? 'nothing')

type Tell = (invariant: Invariant, what: string) => void

/** 1. Prompts are unique in a case: one prompt is one intent. */
function judgeTasks(tasks: readonly Bought[], tell: Tell): void {
  for (const [prompt, of] of groupBy(tasks, (task) => task.prompt)) {
    if (of.length > 1) tell(1, `${of.length} tasks for "${prompt}": ${of.map((task) => task.id).join(', ')}`)
    const charged = of.filter((task) => task.chargedMicros > 0)
    if (charged.length > 1) tell(1, `"${prompt}" was charged ${charged.length} times`)
  }
}

/** 2. An id that reached a core which lived on is watched; any other task is known to be in doubt. */
function judgeIds(world: ProofWorld, tasks: readonly Bought[], { jobs, attempts }: Seen, tell: Tell): void {
  for (const task of tasks) {
    const watching = jobs.filter((job) => job.remoteId === task.id)
    for (const job of watching)
      if (job.prompt !== task.prompt) tell(2, `job ${job.id} watches the task of another row, ${task.id}`)
    if (watching.length > 1) tell(2, `${watching.length} jobs watch ${task.id}`)
    if (watching.length > 0) continue
    const job = jobs.find((one) => one.prompt === task.prompt)
    if (!job) {
      tell(2, `the task ${task.id} has no job at all`)
      continue
    }
    if (wasHeard(world, task)) tell(2, `the id ${task.id} of job ${job.id} was returned and is not kept`)
    const isDoubtful = attempts.some((attempt) => attempt.jobId === job.id && attempt.sentAt !== null)
    if (!isDoubtful)
      tell(2, `the task ${task.id} was bought, and job ${job.id} knows of no request that left`)
  }
}

/** Whether an answer with the id was handed over whole to a life that went on to its own end. */
function wasHeard(world: ProofWorld, task: Bought): boolean {
  return world.network.passed.some(({ errand, delivery, answer, at }) => {
    if (errand !== 'create' || delivery !== 'whole' || !answer.includes(task.id)) return false
    // Of two lives at once only one can have asked: the other was refused, or waits in vain for the folder.
    const lives = world.lives.filter(
      (one) => at >= one.startedAt && at <= one.endedAt && !one.said.some((said) => said.type === 'refused'),
    )
    return lives.length > 0 && lives.every((life) => life.signal === null && life.code === 0)
  })
}

/** Taking a row from the queue leaves an attempt, not a line of history. */
const isClaim = (from: string, to: string): boolean =>
  from === 'queued' && (to === 'uploading' || to === 'submitting')

/** 3. What was shown is in the database, at that version or a later one. */
function judgeStates(world: ProofWorld, { jobs, events, attempts }: Seen, tell: Tell): void {
  // An upload is free and needs no attempt; a purchase does, from before it leaves.
  const isTaken = ({ id, state }: JobRow) =>
    state === 'uploading' || attempts.some((one) => one.jobId === id && one.outcome === 'open')
  const states = new Map(jobs.map((job) => [job.id, job]))
  const moves = groupBy(events, (event) => event.jobId)
  for (const [id, of] of moves) {
    const told = of.findLast((event) => event.to !== null)?.to
    const job = states.get(id)
    if (told && job && told !== job.state && !(isClaim(told, job.state) && isTaken(job)))
      tell(3, `job ${id} is ${job.state}, and its history ends in ${told}`)
    for (const [index, event] of of.entries()) {
      const before = of.slice(0, index).findLast((one) => one.to !== null)?.to
      if (before && event.from && event.from !== before && !isClaim(before, event.from))
        tell(3, `job ${id} went on from ${event.from}, and was ${before}`)
    }
  }
  for (const life of world.lives) {
    for (const said of life.said) {
      if (said.type !== 'shown') continue
      const job = states.get(said.job)
      if (!job) tell(3, `job ${said.job} was shown and is not there`)
      else if (job.version < said.version)
        tell(3, `job ${said.job} was shown at version ${said.version}, and version ${job.version} is stored`)
      else if (job.version === said.version && job.state !== said.state)
        tell(3, `job ${said.job} was shown ${said.state}, and ${job.state} is stored`)
      if (said.remoteId !== null && job && job.remoteId !== said.remoteId)
        tell(2, `job ${said.job} was shown with the id ${said.remoteId}, which is not stored`)
    }
  }
}

/** Names under which work in progress lies; every other name is final. */
const IN_PROGRESS = /\.(part|part\.json|tmp)$/

const PLACEHOLDER = 'Reelsheet keeps this name for '

/** Where a drive has no links, a name is kept by a small file of our own, which a kill may leave half-written. */
function isPlaceholder(world: ProofWorld, path: string, text: string | undefined): boolean {
  if (text === undefined || Object.hasOwn(world.script.strangers ?? {}, path)) return false
  const hasNoLinks = world.lives.some(({ order }) => order.disk?.some(({ on }) => on === 'link'))
  return hasNoLinks && (text.startsWith(PLACEHOLDER) || PLACEHOLDER.startsWith(text))
}

/** 5. What had a final name keeps its bytes, whoever put it there. */
function judgeFiles(world: ProofWorld, tell: Tell): void {
  const { snapshots, powerLosses } = world
  for (const [index, after] of snapshots.entries()) {
    const before = snapshots[index - 1]
    if (!before) continue
    if (powerLosses.has(index)) {
      judgeLoss(before, after, tell)
      // What was there before that life began had long been synced.
      const synced = snapshots[index - 2]
      if (synced) judgeKept(synced, after, 'when the power went', tell)
    } else
      judgeKept(
        new Map([...before].filter(([path, { text }]) => !isPlaceholder(world, path, text))),
        after,
        `in life ${index - [...powerLosses].filter((one) => one < index).length}`,
        tell,
      )
  }
}

function judgeKept(before: FileState, after: FileState, when: string, tell: Tell): void {
  for (const [path, { sha256 }] of before) {
    if (IN_PROGRESS.test(path)) continue
    const now = after.get(path)
    if (!now) tell(5, `${path} was there and is gone ${when}`)
    else if (now.sha256 !== sha256) tell(5, `${path} was changed ${when}`)
  }
}

/** 4. A name that was not synced may be gone with the power; one that stays has all of its bytes. */
function judgeLoss(before: FileState, after: FileState, tell: Tell): void {
  for (const [path, { sha256, sizeBytes }] of after) {
    if (IN_PROGRESS.test(path)) continue
    const whole = before.get(path)
    if (!whole) tell(4, `${path} came out of a power loss, and was not there before`)
    else if (whole.sha256 !== sha256)
      tell(4, `the power loss left ${path} torn (${sizeBytes} of ${whole.sizeBytes} bytes)`)
  }
}

/** 4. Records agree with the files, the files with their sidecars, and both with what the provider made. */
async function judgeClips(
  world: ProofWorld,
  tasks: readonly Bought[],
  { clips, jobs }: Seen,
  options: JudgeOptions,
  tell: Tell,
): Promise<void> {
  const files = world.snapshots.at(-1) ?? new Map()
  const strangers = new Set(Object.keys(world.script.strangers ?? {}))
  const expected = new Set([...strangers])
  for (const clip of clips) {
    expected.add(clip.path).add(clip.sidecar)
    const file = files.get(clip.path)
    if (!file) tell(4, `${clip.path} is recorded and not there`)
    else if (file.sha256 !== clip.sha256 || file.sizeBytes !== clip.sizeBytes)
      tell(4, `${clip.path} is not what the record says`)
    if (strangers.has(clip.path)) tell(5, `${clip.path} is somebody else’s, and recorded as a clip`)
    judgeSidecar(join(world.archive, clip.sidecar), clip, tell)
    const job = jobs.find((one) => one.id === clip.jobId)
    const task = tasks.find((one) => one.id === job?.remoteId)
    const made = task?.by === 'provider' && options.isSettled ? await fetchMade(world, task) : null
    if (made && made !== clip.sha256) tell(4, `${clip.path} is not the clip that the provider made`)
  }
  for (const job of jobs)
    if (job.state === 'done' && !clips.some((clip) => clip.jobId === job.id))
      tell(4, `job ${job.id} is done and has no clip`)
  if (!options.isSettled) return
  for (const path of files.keys()) {
    if (expected.has(path)) continue
    // Bytes that were paid for and are no clip stay for a person to look at, also when a later try brought it.
    const isOf = (clip: { path: string }) => path === `${clip.path}.unreadable`
    if (clips.some(isOf)) continue
    // What came and was no video is put aside for a person, and stays whatever came later.
    if (path.endsWith('.unreadable')) continue
    if (IN_PROGRESS.test(path) && jobs.some((job) => job.state !== 'done')) continue
    // Taking a name away is not synced: a power loss may bring back what a finished clip no longer needs.
    if (IN_PROGRESS.test(path) && world.powerLosses.size > 0) continue
    tell(4, `${path} is in the archive and in no record`)
  }
}

function judgeSidecar(path: string, clip: { sha256: string; path: string }, tell: Tell): void {
  try {
    const sidecar = JSON.parse(readFileSync(path, 'utf8')) as { clip: { sha256: string } }
    if (sidecar.clip.sha256 !== clip.sha256) tell(4, `the sidecar of ${clip.path} names another hash`)
  } catch (error) {
    tell(4, `the sidecar of ${clip.path} cannot be read: ${(error as Error).message}`)
  }
}

const USD_IN_CREDITS = 68

/** 6. By our own books and by the provider's. */
function judgeMoney(
  world: ProofWorld,
  tasks: readonly Bought[],
  { runs, ledger, attempts, jobs }: Seen,
  tell: Tell,
): void {
  for (const run of runs) {
    if (run.cap === null) continue
    const counted = ledger
      .filter((entry) => entry.runId === run.id)
      .reduce((sum, entry) => sum + entry.counted, 0)
    if (counted > run.cap) tell(6, `run "${run.name}" counts ${counted} of ${run.cap}`)
    const prompts = new Set(jobs.filter((job) => job.runId === run.id).map((job) => job.prompt))
    const spent = tasks
      .filter((task) => prompts.has(task.prompt))
      .reduce(
        (sum, task) =>
          sum + Math.max(task.chargedMicros, task.reservedMicros - task.releasedMicros) * rateOf(task),
        0,
      )
    if (spent > run.cap)
      tell(6, `run "${run.name}" has spent ${spent} at the provider, and its cap is ${run.cap}`)
  }
  for (const attempt of attempts) {
    if (attempt.sentAt === null || !['open', 'unknown', 'left'].includes(attempt.outcome)) continue
    const entry = ledger.find((one) => one.attemptId === attempt.id)
    if (!entry || entry.standing === 'released')
      tell(6, `attempt ${attempt.id} may have been charged and does not count`)
  }
  const doubled = world.script.runs.flatMap((run) => run.rows.map((row) => row.prompt))
  if (new Set(doubled).size !== doubled.length) throw new Error('prompts of a case must be unique')
}

/** 10. By the times at which requests were marked, which is before they leave. */
function judgeStarts(world: ProofWorld, { attempts, jobs }: Seen, tell: Tell): void {
  for (const said of world.lives.flatMap((life) => life.said)) {
    if (said.type !== 'imported' || said.notBefore === null) continue
    const { runId, notBefore } = said
    const own = new Set(jobs.filter((job) => job.runId === runId).map(({ id }) => id))
    for (const { id, jobId, sentAt } of attempts)
      if (own.has(jobId) && sentAt !== null && sentAt < notBefore)
        tell(10, `attempt ${id} left ${notBefore - sentAt} ms before its run's time`)
  }
}

const rateOf = (task: Bought): number => (task.currency === 'usd' ? USD_IN_CREDITS : 1)

const FINAL = new Set(['done', 'failed', 'cancelled'])

/** 8. And the life that was to settle did. */
function judgeEnds(world: ProofWorld, { jobs }: Seen, tell: Tell): void {
  const last = world.lives.at(-1)
  const end = last?.said.find((said) => said.type === 'end')
  if (end?.type !== 'end' || end.how !== 'settled')
    tell(
      8,
      `the last life did not settle (${end?.type === 'end' ? end.how : `code ${last?.code}, signal ${last?.signal}`}): ${last?.stderr.slice(0, 800)}`,
    )
  for (const job of jobs) {
    if (job.state === 'failed' && !job.problem) tell(8, `job ${job.id} failed and does not say why`)
    if (FINAL.has(job.state)) continue
    const isPaused = job.pauses !== 0 || job.isRunPaused || job.isAccountPaused
    if (!isPaused && !job.problem && !job.runProblem && !job.accountProblem)
      tell(8, `job ${job.id} is ${job.state} and waits for nobody knows what`)
  }
  const rows = world.script.runs.reduce((sum, run) => sum + run.rows.length, 0)
  if (jobs.length !== rows) tell(8, `${rows} rows were ordered, and ${jobs.length} jobs are there`)
}

/** 7. What the provider still hands out, and nobody stands in the way of, is here. */
function judgeOutputs(tasks: readonly Bought[], { jobs }: Seen, options: JudgeOptions, tell: Tell): void {
  for (const task of tasks) {
    if (['failed', 'cancelled'].includes(task.state) || options.mayMiss?.(task.prompt)) continue
    const job = jobs.find((one) => one.remoteId === task.id)
    if (!job || job.state === 'done') continue
    if (task.state !== 'completed') {
      if (FINAL.has(job.state)) tell(7, `job ${job.id} is ${job.state}, and its clip is still being made`)
      continue
    }
    const isWaiting = !FINAL.has(job.state) && (job.problem || job.accountProblem)
    if (!isWaiting) tell(7, `job ${job.id} is ${job.state}, and its clip was there to be had: ${job.problem}`)
  }
}

/** SHA-256 of the clip as the provider hands it out now; null when it no longer does. */
async function fetchMade(world: ProofWorld, task: Bought): Promise<string | null> {
  const isEvolink = task.family === 'evolink'
  const key = world.keys[isEvolink ? 'evolink-1' : 'vtrix-1']
  const path = isEvolink ? `/v1/tasks/${task.id}` : `/model/v1/generation/task/${task.id}`
  const answer = await fetch(world.provider.url + path, { headers: { authorization: `Bearer ${key}` } })
  const link = /https?:[^"\s]*\/results\/[^"\s]*/.exec(await answer.text())?.[0]
  if (!link) return null
  const clip = await fetch(link, { redirect: 'manual' })
  if (clip.status !== 200) return null
  const bytes = await clip.arrayBuffer().catch(() => null)
  return bytes && createHash('sha256').update(Buffer.from(bytes)).digest('hex')
}

/** 9. Keys nowhere; signed links nowhere but in the database and the notes of a running download. */
function judgeSecrets(world: ProofWorld, tell: Tell): void {
  const keys = Object.values(world.keys).flatMap((key) => [
    key,
    Buffer.from(key).toString('base64').replace(/=+$/, ''),
    encodeURIComponent(key),
  ])
  const tokens = new Set(
    world.network.passed
      .filter((one) => one.errand === 'link')
      .map((one) => /\/([0-9a-f]{32})\.mp4/.exec(one.path)?.[1] ?? ''),
  )
  for (const folder of [world.home, world.archive]) {
    for (const path of existsSync(folder) ? listFiles(folder) : []) {
      const bytes = readFileSync(path)
      const isDatabase = path.startsWith(world.home)
      const isFound = keys.some((key) => bytes.includes(key)) || (!isDatabase && hasToken(bytes, tokens))
      if (isFound) tell(9, `a secret is in ${path.slice(world.folder.length + 1)}`)
    }
  }
  for (const [index, life] of world.lives.entries()) {
    const said = JSON.stringify(life.said.filter((one) => one.type !== 'shown')) + life.stderr
    if (keys.some((key) => said.includes(key)) || hasToken(Buffer.from(said), tokens))
      tell(9, `life ${index + 1} wrote a secret into its log`)
  }
  for (const row of world.provider.ledger.requests())
    if ((row as { leakedKey?: boolean }).leakedKey) tell(9, 'the key was sent to a result link')
}

/** Looked up rather than searched for one by one: there are as many of them as downloads. */
function hasToken(bytes: Buffer, tokens: ReadonlySet<string>): boolean {
  for (const [run] of bytes.toString('latin1').matchAll(/[0-9a-f]{32,}/g))
    for (let at = 0; at + 32 <= run.length; at++) if (tokens.has(run.slice(at, at + 32))) return true
  return false
}

const listFiles = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

function look(path: string): Seen | null {
  if (!existsSync(path)) return null
  // Not read-only: what a killed process left in the log beside the database belongs to it.
  const db = new Database(path)
  try {
    if (Number(db.pragma('user_version', { simple: true })) === 0) return null
    const all = <T>(sql: string): T[] => db.prepare(sql).all() as T[]
    return {
      jobs: all(
        `SELECT jobs.id, run_id AS runId, state, pauses, prompt, remote_id AS remoteId, version,
           jobs.problem_json AS problem, runs.problem_json AS runProblem, runs.is_paused AS isRunPaused,
           accounts.problem_json AS accountProblem, accounts.is_paused AS isAccountPaused
         FROM jobs JOIN runs ON runs.id = run_id JOIN accounts ON accounts.id = account_id ORDER BY jobs.id`,
      ),
      clips: all(
        `SELECT job_id AS jobId, archive_folder AS folder, path, sidecar_path AS sidecar, sha256,
           size_bytes AS sizeBytes FROM clips`,
      ),
      attempts: all(
        'SELECT id, job_id AS jobId, sent_at AS sentAt, outcome, remote_id AS remoteId FROM attempts',
      ),
      ledger: all(
        `SELECT attempt_id AS attemptId, run_id AS runId, standing, estimate_micros AS estimate,
           reserved_micros AS reserved, charged_micros AS charged, counted_credit_micros AS counted FROM ledger`,
      ),
      events: all('SELECT job_id AS jobId, from_state AS "from", to_state AS "to" FROM events ORDER BY id'),
      runs: all('SELECT id, name, cap_micros AS cap FROM runs'),
    }
  } finally {
    db.close()
  }
}

function groupBy<T, K>(all: readonly T[], keyOf: (one: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one])
  return groups
}
