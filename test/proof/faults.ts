/**
 * Each fault of the list alone, for each family that it can strike, with what must have come of every row; and
 * seeded pairs of them, after which the nine invariants hold and everything has settled.
 */
import { appendFileSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { chanceOf } from './chance.ts'
import type { DiskFault } from './disk.ts'
import { type Aim, type End, FAMILIES, type Family, type Fault, type Stage } from './fault.ts'
import { FAULTS } from './fault-list.ts'
import { judge } from './judge.ts'
import { type Living, RESOURCES } from './life.ts'
import type { Rule } from './network.ts'
import { makeProgram, type Program } from './program.ts'
import { countWorld, type Outcome, type Proof, type ProofCase, tell } from './proof.ts'
import { CERTIFICATE, PROXIED_HOST, ProxyServer } from './proxy.ts'
import { instead, invented } from './spoils.ts'
import { evolinkRow, type LifePlan, ProofWorld, type Row, type Script, vtrixRow } from './world.ts'

/** A life takes a second or two, time limits of a minute pass in one; what is not over by then hangs. */
const LONGEST_MS = 110_000
/** World milliseconds per real one: a busy machine must not make an answer late that was not. */
const RATE = 20
/** Rows of row faults that share a world. */
const ROWS_TOGETHER = 36
const PAIRS = { long: 200, short: 20 }
const INSIDE = join(import.meta.dirname, 'inside.ts')
const PICTURE = join(RESOURCES, 'sample/media/lake-at-dusk.jpg')

/** One row of a case, with the faults that aim at it. */
interface Target {
  family: Family
  mark: string
  faults: Fault[]
  row: Row
}

interface Extent {
  isLong: boolean
  seed: string
}

let shared: { folder: string; program: Promise<Program> } | null = null

/** One file of the core as it stands now: a life starts in a third of the time. */
async function programPath(): Promise<string> {
  if (!shared) {
    const folder = mkdtempSync(join(tmpdir(), 'reelsheet-faults-'))
    shared = { folder, program: makeProgram(folder) }
  }
  return (await shared.program).path
}

export const proof: Proof = {
  cases: (extent) => [...rowCases(extent), ...worldCases(extent), ...pairCases(extent)],
  close: () => {
    if (shared) rmSync(shared.folder, { recursive: true, force: true })
    shared = null
    const world = FAULTS.filter(({ scope }) => scope === 'world').length
    return [`${FAULTS.length} faults: ${FAULTS.length - world} of one row, ${world} of the world`]
  },
}

/** In the short form each fault strikes one of its families, the other one at the next seed. */
function familiesOf(fault: Fault, { isLong, seed }: Extent): Family[] {
  const able = FAMILIES.filter((family) => fault.ends[family])
  return isLong || able.length < 2 ? able : [chanceOf(`${seed}/${fault.name}`).pick(able)]
}

/** Row faults share worlds: each strikes its own row, and must not be felt by another. */
function rowCases(extent: Extent): ProofCase[] {
  const targets = FAULTS.filter(({ scope }) => scope === 'row').flatMap((fault) =>
    familiesOf(fault, extent).map((family) => ({ family, fault })),
  )
  const cases: ProofCase[] = []
  for (let at = 0; at < targets.length; at += ROWS_TOGETHER) {
    const some = targets.slice(at, at + ROWS_TOGETHER)
    const [first, last] = [some[0], some.at(-1)]
    cases.push({
      name: `rows ${at + 1} to ${at + some.length}: ${first?.fault.name} … ${last?.fault.name}`,
      run: () =>
        runCase(
          `${extent.seed}/rows ${at}`,
          some.map(({ family, fault }, index) => targetOf(family, [fault], index + 1)),
          [],
        ),
    })
  }
  return cases
}

/** A fault of the world needs a world to itself: the short form takes a part of them, the next seed another. */
const WORLD_SHARE = 4

function worldCases(extent: Extent): ProofCase[] {
  const ofWorld = FAULTS.filter(({ scope }) => scope === 'world')
  const first = chanceOf(`${extent.seed}/worlds`).between(0, WORLD_SHARE - 1)
  const some = ofWorld.filter((_, index) => extent.isLong || index % WORLD_SHARE === first)
  return some.map((fault) => ({
    name: `alone: ${fault.name}`,
    run: () => runCase(`${extent.seed}/${fault.name}`, plainRows(fault, extent), [fault]),
  }))
}

/** Four rows for each family; what a fault says of its rows counts for all of them. */
function plainRows(fault: Fault, extent: Extent): Target[] {
  const families = fault.rows
    ? familiesOf(fault, { ...extent, isLong: true })
    : FAMILIES.filter((family) => fault.ends[family])
  const rows = families.flatMap((family) =>
    (fault.rows?.(family) ?? [{}, {}, {}, {}]).map((more) => ({ family, more })),
  )
  // Taking turns, so that both families are in the middle of it at the same time.
  return rows
    .sort(
      (a, b) =>
        rows.filter((one) => one.family === a.family).indexOf(a) -
        rows.filter((one) => one.family === b.family).indexOf(b),
    )
    .map(({ family, more }, index) => targetOf(family, [], index + 1, more))
}

function pairCases({ isLong, seed }: Extent): ProofCase[] {
  const chance = chanceOf(`${seed}/pairs`)
  return Array.from({ length: isLong ? PAIRS.long : PAIRS.short }, (_, number) => {
    const [one, other] = pickPair(chance)
    return {
      name: `pair ${number + 1}: ${one.name} + ${other.name}`,
      run: () => runPair(`${seed}/pair ${number}`, one, other),
    }
  })
}

/** Two that can meet: both can strike one family, and not both need the process or the way to be prepared. */
function pickPair(chance: ReturnType<typeof chanceOf>): [Fault, Fault] {
  const oneOf = () => {
    const scope = chance.isSo(0.5) ? 'world' : 'row'
    return chance.pick(FAULTS.filter((fault) => fault.scope === scope))
  }
  for (;;) {
    const [one, other] = [oneOf(), oneOf()]
    const isSpecial = (fault: Fault) =>
      fault.isByName || fault.isByProxy || fault.rows !== undefined || fault.hasOwnPicture
    const haveFamily = FAMILIES.some((family) => one.ends[family] && other.ends[family])
    if (one !== other && haveFamily && !(isSpecial(one) && isSpecial(other))) return [one, other]
  }
}

async function runPair(seed: string, one: Fault, other: Fault): Promise<Outcome> {
  const both = [one, other]
  const families = FAMILIES.filter((family) => both.every((fault) => fault.ends[family]))
  const ofRow = both.filter(({ scope }) => scope === 'row')
  const special = both.find(({ rows }) => rows)
  const targets = special
    ? plainRows(special, { isLong: true, seed }).map((target, index) =>
        index === 0 ? { ...target, ...targetOf(target.family, ofRow, 1, target.row) } : target,
      )
    : families.flatMap((family, at) => [
        targetOf(family, ofRow, at * 3 + 1),
        ...[2, 3].map((number) => targetOf(family, [], at * 3 + number)),
      ])
  return await runCase(
    seed,
    targets,
    both.filter(({ scope }) => scope === 'world'),
    both,
  )
}

function targetOf(family: Family, faults: Fault[], number: number, more: Row = {}): Target {
  const mark = `${family} ${number} a lake`
  const words = faults.map((fault) => fault.words ?? '').join('')
  const make = family === 'evolink' ? evolinkRow : vtrixRow
  return { family, mark: `${mark} .`, faults, row: { ...make(`${mark} . ${words}`.trim()), ...more } }
}

/** `pair`: nothing is said of single rows, but in a second life without any fault everything settles. */
async function runCase(seed: string, targets: Target[], ofWorld: Fault[], pair?: Fault[]): Promise<Outcome> {
  const faults = pair ?? [...ofWorld, ...targets.flatMap((target) => target.faults)]
  const world = await openWorld(seed, targets, ofWorld, faults)
  let proxy: ProxyServer | null = null
  try {
    if (faults.some(({ isByName }) => isByName))
      world.network.url = world.network.url.replace('127.0.0.1', 'localhost')
    if (faults.some(({ isByProxy }) => isByProxy)) proxy = await leadThrough(world)
    const everything: Aim = { isMine: () => true, isMyTask: () => true }
    world.network.rules = [
      // One answer about many rows cannot be spoiled for one of them: rows are asked for one by one.
      ...(ofWorld.length === 0 ? [NO_BATCH] : []),
      ...targets.flatMap((target) =>
        target.faults.flatMap((fault) => fault.rules?.(aimAt(target, world)) ?? []),
      ),
      ...ofWorld.flatMap((fault) => fault.rules?.(everything) ?? []),
    ]
    await liveThrough(world, faults, ofWorld, proxy)
    for (const next of ofWorld.flatMap((fault) => fault.after ?? [])) {
      await next({ world, practice: () => world.provider })
      await liveOn(world, faults, proxy)
    }
    if (pair) {
      world.network.rules = []
      await liveOn(world, faults, proxy)
    }
    const mayMiss = (prompt: string) => {
      const own = targets.find(({ mark }) => prompt.startsWith(mark))?.faults ?? []
      return [...own, ...ofWorld].some((fault) => fault.mayMiss)
    }
    const found = await judge(world, { isSettled: true, mayMiss })
    const violations = found.map(tell)
    if (!pair)
      violations.push(
        ...compareEnds(world, targets, ofWorld),
        ...ofWorld.flatMap((fault) => fault.check?.(world) ?? []),
      )
    return { violations, counts: { faults: faults.length, ...countWorld(world) } }
  } finally {
    await world.close()
    await proxy?.close()
  }
}

async function openWorld(
  seed: string,
  targets: Target[],
  ofWorld: Fault[],
  faults: Fault[],
): Promise<ProofWorld> {
  const scripts = ofWorld.map(({ script }) => script ?? {})
  const { capMicros, nameTemplate } = Object.assign({}, ...scripts) as NonNullable<Fault['script']>
  const script: Script = {
    seed,
    rate: RATE,
    runs: [],
    provider: mergeAll(scripts.map(({ provider }) => provider ?? {})),
    limits: mergeAll(scripts.map(({ limits }) => limits ?? {})),
    strangers: mergeAll(scripts.map(({ strangers }) => strangers ?? {})),
    ...(faults.some(({ isByProxy }) => isByProxy) && { accounts: {} }),
  }
  const pictures = mkdtempSync(join(tmpdir(), 'reelsheet-pictures-'))
  try {
    const rows = targets.map((target) =>
      target.faults.some(({ hasOwnPicture }) => hasOwnPicture)
        ? withOwnPicture(target, pictures)
        : target.row,
    )
    script.runs.push({
      name: 'run',
      rows,
      ...(capMicros !== undefined && { capMicros }),
      ...(nameTemplate && { nameTemplate }),
    })
    const world = await ProofWorld.open(script)
    keepPictures(world, pictures)
    return world
  } catch (error) {
    rmSync(pictures, { recursive: true, force: true })
    throw error
  }
}

const mergeAll = <T extends object>(parts: readonly T[]): T => {
  const merged: Record<string, unknown> = {}
  for (const part of parts)
    for (const [name, value] of Object.entries(part)) {
      const before = merged[name]
      merged[name] = typeof before === 'object' && typeof value === 'object' ? { ...before, ...value } : value
    }
  return merged as T
}

/** The same picture with a few bytes behind its end: another file, and so an upload of its own. */
function withOwnPicture({ row, mark }: Target, folder: string): Row {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${nameOf(mark)}.jpg`)
  copyFileSync(PICTURE, path)
  appendFileSync(path, mark)
  return { ...row, 'ref 1': path }
}

const nameOf = (mark: string): string => mark.replace(/[^a-z0-9]+/g, '-').replace(/-$/, '')

function keepPictures(world: ProofWorld, pictures: string): void {
  const close = world.close.bind(world)
  world.close = async () => {
    rmSync(pictures, { recursive: true, force: true })
    await close()
  }
}

async function leadThrough(world: ProofWorld): Promise<ProxyServer> {
  const proxy = await ProxyServer.open(Number(new URL(world.network.url).port))
  world.network.url = `https://${PROXIED_HOST}`
  const account = { proxyUrl: proxy.url }
  world.script.accounts = { 'evolink-1': account, 'vtrix-1': account }
  return proxy
}

/** What is the row's: its prompt in an order, its task's id in all that follows, its picture in an upload. */
function aimAt(target: Target, world: ProofWorld): Aim {
  const isMyTask = (id: unknown) =>
    world.provider.ledger.tasks().some((task) => task.id === id && task.prompt.startsWith(target.mark))
  const ids = () =>
    world.provider.ledger
      .tasks()
      .filter((task) => task.prompt.startsWith(target.mark))
      .map((task) => task.id)
  return {
    isMyTask,
    isMine: ({ body, path }) =>
      body.includes(target.mark) ||
      body.includes(`${nameOf(target.mark)}.jpg`) ||
      ids().some((id) => path.includes(id) || body.includes(id)),
  }
}

/** Never strikes: the disk is one that can be made to fail once the run is there, which needs a disk that works. */
const SLEEPING: DiskFault = { on: 'any', code: 'none', times: { from: 0, to: 0 } }

/** The first life, with every fault at work. */
async function liveThrough(
  world: ProofWorld,
  faults: Fault[],
  ofWorld: Fault[],
  proxy: ProxyServer | null,
): Promise<void> {
  const isOver = new AbortController()
  const acting: Promise<void>[] = []
  const begin = (living: Living) => {
    const began = world.clock.elapsed()
    const stage: Stage = {
      world,
      practice: () => world.provider,
      send: (message) => {
        if (proxy && typeof message.proxy === 'string') proxy.change(message.proxy as ProxyServer['manner'])
        else living.send(message)
      },
      wait: (ms) => world.clock.sleep(began + ms - world.clock.elapsed(), isOver.signal),
    }
    const startsAt = world.time.worldZero + began
    living.send({ disk: ofWorld.flatMap((fault) => fault.disk?.(startsAt) ?? []) })
    // Whatever was begun when the life ended is taken back below.
    for (const { act } of ofWorld)
      if (act) acting.push(act(stage).catch((error) => rethrowUnlessOver(error, isOver.signal)))
  }
  let hasBegun = false
  await world.live({
    ...planOf(faults, world),
    disk: [SLEEPING],
    jumps: ofWorld.flatMap((fault) => fault.jumps ?? []),
    staysMs: Math.max(...faults.map((fault) => fault.staysMs ?? 0)),
    program: await programPath(),
    heard: (said, living) => {
      if (said.type !== 'working' || hasBegun) return
      hasBegun = true
      begin(living)
    },
  })
  isOver.abort(new Error('the life is over'))
  await Promise.all(acting)
  await world.network.comeUp().catch(() => undefined)
  // What the network handed over may have been lost in the proxy.
  if (proxy) for (const passed of world.network.passed) passed.delivery = 'changed'
  proxy?.change('works')
}

function rethrowUnlessOver(error: unknown, signal: AbortSignal): void {
  if (!signal.aborted) throw error
}

function planOf(faults: Fault[], world: ProofWorld): LifePlan {
  const env = Object.assign({}, ...faults.map((fault) => fault.env ?? {})) as Record<string, string>
  if (faults.some(({ isByProxy }) => isByProxy)) env.NODE_EXTRA_CA_CERTS = certificateFile(world)
  return {
    longestMs: LONGEST_MS,
    env,
    ...(faults.some(({ isInside }) => isInside) && { nodeArgs: ['--import', INSIDE] }),
  }
}

function certificateFile({ folder }: ProofWorld): string {
  const path = join(folder, 'certificate.pem')
  if (!existsSync(path)) appendFileSync(path, CERTIFICATE)
  return path
}

async function liveOn(world: ProofWorld, faults: Fault[], proxy: ProxyServer | null): Promise<void> {
  proxy?.change('works')
  await world.live({ ...planOf(faults, world), program: await programPath() })
}

const NO_BATCH: Rule = {
  name: 'no batches',
  on: 'read',
  when: ({ path }) => path.endsWith('/batch'),
  strike: instead(invented(404)),
}

interface Seen {
  prompt: string
  account: string
  state: string
  job: string | null
  run: string | null
  accountProblem: string | null
}

/** Whether each row came to an end that its faults allow. */
function compareEnds(world: ProofWorld, targets: Target[], ofWorld: Fault[]): string[] {
  const seen = look(join(world.home, 'reelsheet.db'))
  return targets.flatMap(({ mark, family, faults }) => {
    const row = seen.find(({ prompt }) => prompt.startsWith(mark))
    const [only = ofWorld[0]] = faults
    const allowed = only?.ends[family] ?? ['done']
    if (!row) return [`"${mark}" (${only?.name}) is not there`]
    const ends = endsOf(row)
    if (ends.some((end) => allowed.includes(end))) return []
    return [`"${mark}" (${only?.name}) ended as ${ends.join(' / ')}, expected ${allowed.join(' or ')}`]
  })
}

function endsOf({ state, job, run, accountProblem }: Seen): End[] {
  if (state === 'done' || state === 'cancelled') return [state]
  if (state === 'failed') return [`failed ${job}`]
  const reasons = [job, run, accountProblem].filter((code) => code !== null)
  return reasons.length > 0 ? reasons.map((code) => `waits ${code}`) : [`waits for nothing in ${state}`]
}

function look(path: string): Seen[] {
  if (!existsSync(path)) return []
  const db = new Database(path)
  try {
    return db
      .prepare(
        `SELECT prompt, accounts.name AS account, state, jobs.problem_json ->> '$.code' AS job,
           runs.problem_json ->> '$.code' AS run, accounts.problem_json ->> '$.code' AS accountProblem
         FROM jobs JOIN runs ON runs.id = run_id JOIN accounts ON accounts.id = account_id`,
      )
      .all() as Seen[]
  } finally {
    db.close()
  }
}
