/**
 * One life of the core, in a process of its own. What it is to do stands in REELSHEET_PROOF_LIFE (JSON); what it
 * sees goes to standard output, one JSON line each, written before anything else can happen. It may be killed at
 * any site, with no chance to tidy up.
 */
import { writeSync } from 'node:fs'
import { createApp } from '../../src/main/core/app.ts'
import type { CheckpointName } from '../../src/main/core/ports.ts'
import { ProblemError } from '../../src/shared/problem.ts'
import { chanceOf } from './chance.ts'
import { WorldClock } from './clock.ts'
import { createFaultyDisk, type DiskFault } from './disk.ts'
import { repairIfAsked, runErrand } from './errands.ts'
import type { LifeOrder, Said } from './life.ts'
import { startSampling } from './sample.ts'

const order = JSON.parse(process.env.REELSHEET_PROOF_LIFE ?? '') as LifeOrder
// The keys come on their own, as in life: from the environment, and away from what is written down.
const keys = JSON.parse(process.env.REELSHEET_PROOF_KEYS ?? '{}') as Record<string, string>
const jumps = [...(order.jumps ?? [])]
const disk = [...(order.disk ?? [])]
const clock = new WorldClock(order.time, order.skippedMs, jumps)
const chance = chanceOf(`${order.seed}/life ${order.number}`)

/** What the case says while the life goes on. */
interface Told {
  skippedMs?: number
  jumpMs?: number
  disk?: DiskFault[]
  stop?: true
  sample?: true
}

/** Ids of one life never meet those of another: they stand for chance that nobody can guess. */
let made = 0
const nextId = (length: number): string => {
  made += 1
  const letters = `${order.number.toString(36)}x${made.toString(36)}x`
  return (letters + chanceOf(`${order.seed}/${order.number}/${made}`).next().toString(36).slice(2))
    .padEnd(length, '0')
    .slice(0, length)
}

const say = (said: Said): void => void writeSync(1, `${JSON.stringify(said)}\n`)

const FOR_EVER_MS = 30 * 365 * 24 * 3_600_000

let ticks = 0
const passes = new Map<string, number>()

function pass(name: string): void {
  const count = (passes.get(name) ?? 0) + 1
  passes.set(name, count)
  const { kill } = order
  if (!kill) return
  const isNow = 'tick' in kill ? ticks === kill.tick : kill.at === name && count === kill.nth
  if (isNow) process.kill(process.pid, 'SIGKILL')
}

Object.assign(globalThis, {
  __passed: (site: string, value: unknown) => {
    ticks += 1
    pass(site)
    return value
  },
})

const log = (level: string) => (message: string, fields?: unknown) =>
  say({ type: 'log', level, message, fields })

const sampling = order.isSampled ? startSampling() : null
const sayUse = (when: 'before' | 'asked' | 'settled' | 'stopped') =>
  sampling && say({ type: 'sample', when, sample: sampling.take() })
sayUse('before')
const app = open()
const errands = order.errands?.filter((errand) => errand !== 'repair') ?? []
await app.start()
void watch()
process.on('message', (message: Told) => {
  disk.push(...(message.disk ?? []))
  if (message.jumpMs !== undefined) jumps.push({ atMs: clock.elapsed(), byMs: message.jumpMs })
  if (message.skippedMs !== undefined) clock.skipTo(message.skippedMs)
  if (message.sample) sayUse('asked')
  if (message.stop) void finish('stopped')
})
await work()

function open() {
  try {
    repairIfAsked(order, clock.now())
    return createApp(
      {
        clock,
        random: { next: () => chance.next(), id: nextId },
        log: { debug: () => {}, info: log('info'), warn: log('warn'), error: log('error') },
        secrets: { read: (account) => keys[account], write: () => 'for this test', remove: () => {} },
        checkpoint: (point: CheckpointName) => pass(point),
        disk: createFaultyDisk(disk, clock),
      },
      {
        home: order.home,
        version: '0.0.0-proof',
        who: `life ${order.number}`,
        practice: {
          resources: order.resources,
          syncWrites: false,
          timing: { queueMs: 0, renderMsPerSecond: 100 },
        },
      },
    )
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    say({ type: 'refused', code: error.problem.code, what: error.problem.what })
    process.exit(4)
  }
}

/** Everything that a screen would show, at the moment when it would show it. */
async function watch(): Promise<void> {
  for await (const event of await app.client.app.watch()) {
    if (event.type !== 'jobs.changed') continue
    for (const id of event.ids) {
      const { job } = await app.client.jobs.get({ id })
      say({ type: 'shown', job: job.id, version: job.version, state: job.state, remoteId: job.remoteId })
    }
  }
}

async function work(): Promise<void> {
  await setUp()
  for (const run of await app.client.runs.list()) await app.client.runs.resume({ id: run.id })
  say({ type: 'working' })
  // The bar of the event loop is that of a run; an import has its own.
  sampling?.restart()
  for (;;) {
    const nextAt = await app.core.scheduler.rest()
    if (!(await isMoving())) {
      const errand = errands.shift()
      if (!errand && clock.elapsed() >= (order.staysMs ?? 0)) break
      if (!errand) {
        await passOver(Math.min(nextAt - clock.now(), (order.staysMs ?? 0) - clock.elapsed() + 1))
        continue
      }
      say({ type: 'errand', errand, answer: await runErrand(errand, app, order) })
      continue
    }
    if (nextAt <= clock.now()) continue
    // Something is still to move, and nothing will ever be due: nobody would see that by waiting.
    if (nextAt - clock.now() > FOR_EVER_MS) return await finish('stuck')
    await passOver(nextAt - clock.now())
  }
  await finish('settled')
}

/** Nothing is under way: the world may pass over the time until something is due. */
async function passOver(sleepMs: number): Promise<void> {
  say({ type: 'idle', forMs: sleepMs, elapsedMs: Math.round(clock.elapsed()) })
  await clock.sleep(sleepMs)
}

async function isMoving(): Promise<boolean> {
  for (const run of await app.client.runs.list()) {
    if ((await app.client.runs.attention({ id: run.id })).moving > 0) return true
  }
  return false
}

/** Accounts and runs that are not there yet: a life that was killed early leaves the rest to the next one. */
async function setUp(): Promise<void> {
  const known = new Set((await app.client.accounts.list()).map((account) => account.name))
  for (const account of order.accounts) {
    if (!known.has(account.name)) await app.client.accounts.add(account)
  }
  const runs = new Set((await app.client.runs.list()).map((run) => run.name))
  for (const run of order.runs) {
    if (runs.has(run.name)) {
      await planAnew(run)
      continue
    }
    const startAt = run.startMs === undefined || run.isPlannedAnew ? null : clock.now() + run.startMs
    const takeBackMs = run.takeBackMs ?? 0
    const { runId } = await app.client.runs.create({
      path: run.sheet,
      archiveFolder: order.archive,
      name: run.name,
      capMicros: run.capMicros,
      ...(run.nameTemplate && { nameTemplate: run.nameTemplate }),
      startAt,
      takeBackMs,
    })
    const { createdAt } = await app.client.runs.get({ id: runId })
    const notBefore = startAt ?? (takeBackMs > 0 ? createdAt + takeBackMs : null)
    say({ type: 'imported', runId, notBefore })
    await planAnew(run)
  }
}

/** A person thinks again: whatever has not left is taken back, given another time and started. */
async function planAnew({ name, isPlannedAnew, startMs = 0 }: LifeOrder['runs'][number]): Promise<void> {
  if (!isPlannedAnew) return
  const run = (await app.client.runs.list()).find((one) => one.name === name)
  if (!run) return
  const { id } = run
  const { touched } = await app.client.runs.takeBack({ id })
  // Once something of it was bought it has no start any more, and says so.
  if (touched > 0 && (run.counts.queued ?? 0) > 0)
    await app.client.runs.schedule({ id, startAt: clock.now() + startMs }).catch(expectProblem)
  await app.client.runs.start({ id })
}

function expectProblem(error: unknown): void {
  if ((error as { data?: { code?: string } }).data?.code !== 'not-possible') throw error
}

async function finish(how: 'settled' | 'stopped' | 'stuck'): Promise<void> {
  sayUse('settled')
  await app.stop()
  // Handles that are closing are gone a few turns later.
  if (sampling) await new Promise((done) => setTimeout(done, 500))
  sayUse('stopped')
  say({
    type: 'end',
    how,
    ticks,
    passes: Object.fromEntries(passes),
    active: process.getActiveResourcesInfo(),
  })
  process.exit(0)
}
