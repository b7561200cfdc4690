/**
 * The core killed at every place where something was awaited or left behind, at random moments, during its
 * recovery, again and again, and while another one wants its folder; then started again until nothing moves.
 *
 * A case replays by its name and seed: it kills at the same site, or after the same number of steps. What sockets
 * and disks do in the meantime takes its own time, so that such a moment may meet another row than before.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CHECKPOINTS } from '../../src/main/core/ports.ts'
import { type Chance, chanceOf } from './chance.ts'
import { type JudgeOptions, judge } from './judge.ts'
import type { Kill, Life } from './life.ts'
import { PLAYS, type Play } from './plays.ts'
import { powerCases, tidyPower } from './power.ts'
import { makeProgram, type Program } from './program.ts'
import { countWorld, type Outcome, type Proof, type ProofCase, tell } from './proof.ts'
import type { Site } from './sites.ts'
import { type LifePlan, ProofWorld } from './world.ts'

/** How much is tried. */
interface Extent {
  sites: number
  isLastPassToo: boolean
  random: number
  recovery: number
  together: number
}
const LONG: Extent = {
  sites: Number.POSITIVE_INFINITY,
  isLastPassToo: true,
  random: 500,
  recovery: 150,
  together: 100,
}
const SHORT: Extent = { sites: 40, isLastPassToo: false, random: 60, recovery: 8, together: 8 }

/** A life takes a second or two; one that is not over by then hangs. */
const LONGEST_MS = 90_000
/** Lives that may follow a kill before it must have settled. */
const MOST_LIVES = 3

/** What a play passes when nothing goes wrong. */
interface Course {
  play: Play
  ticks: number
  passes: Map<string, number>
}

interface Course0 {
  course: Course
  outcome: Outcome
}

/** What the cases of one proof share. */
interface Stage {
  folder: string
  program: Program
  courses: Course[]
  /** Site or checkpoint → whether a kill there came off. */
  killed: Map<string, boolean>
  isLong: boolean
}

let stage: Stage | undefined

export const proof: Proof = {
  cases: async ({ isLong, seed }) => {
    const extent = isLong ? LONG : SHORT
    const [opened, clean] = await open(isLong, seed)
    stage = opened
    return [
      ...clean,
      checkpointsArePassed(opened),
      ...siteCases(opened, extent, seed),
      ...randomCases(opened, extent, seed),
      ...recoveryCases(opened, extent, seed),
      ...togetherCases(opened, extent, seed),
      // In the short form they are tests of their own.
      ...(isLong ? powerCases({ isLong, seed }) : []),
    ]
  },
  close: () => {
    if (!stage) return []
    tidyPower()
    rmSync(stage.folder, { recursive: true, force: true })
    return describe(stage)
  },
}

/** Makes the program and lives each play once without a kill; that is a case too. */
async function open(isLong: boolean, seed: string): Promise<[Stage, ProofCase[]]> {
  const folder = mkdtempSync(join(tmpdir(), 'reelsheet-crash-'))
  const program = await makeProgram(folder)
  const stage: Stage = { folder, program, courses: [], killed: new Map(), isLong }
  const clean: ProofCase[] = []
  const waiting = PLAYS.filter((play) => isLong || !play.isLongOnly)
  const work = async () => {
    for (let play = waiting.shift(); play; play = waiting.shift()) {
      const { course, outcome } = await calibrate(play, program, seed)
      stage.courses.push(course)
      clean.push({ name: `not killed: ${play.name}`, run: async () => outcome })
    }
  }
  await Promise.all([work(), work()])
  stage.courses.sort((one, other) => PLAYS.indexOf(one.play) - PLAYS.indexOf(other.play))
  return [stage, clean]
}

async function calibrate(play: Play, program: Program, seed: string): Promise<Course0> {
  const passes = new Map<string, number>()
  let ticks = 0
  const outcome = await inWorld(play, program, `${seed}/clean`, async (world, plan) => {
    const life = await world.live(plan)
    for (const said of life.said) {
      if (said.type === 'beside') passes.set(said.site, 1)
      if (said.type !== 'end') continue
      ticks = said.ticks
      for (const [name, count] of Object.entries(said.passes)) passes.set(name, count)
    }
    return await judged(world, { isSettled: true })
  })
  return { course: { play, ticks, passes }, outcome }
}

type Work = (world: ProofWorld, plan: LifePlan) => Promise<string[]>

/** Opens a play's world, lets `work` return what broke, and closes it again. */
async function inWorld(play: Play, program: Program, seed: string, work: Work): Promise<Outcome> {
  const world = await ProofWorld.open({ ...play.script, seed })
  try {
    const plain: LifePlan = { program: program.path, longestMs: LONGEST_MS }
    await play.before?.(world, plain)
    const plan = {
      ...plain,
      ...(play.errands && { errands: play.errands }),
      ...(play.disk && { disk: play.disk }),
    }
    const violations = await work(world, plan)
    return { violations, counts: countWorld(world) }
  } finally {
    await world.close()
  }
}

const judged = async (world: ProofWorld, options: JudgeOptions): Promise<string[]> =>
  (await judge(world, options)).map(tell)

/** Kills lives one after the other, each judged, and then lives plainly until nothing moves. */
const killInTurn =
  (
    { isDamaged = false }: Play,
    kills: readonly Kill[],
    onKilled: (kill: Kill, isKilled: boolean) => void = () => {},
  ): Work =>
  async (world, plan) => {
    for (const kill of kills) {
      const life = await world.live({ ...plan, kill })
      onKilled(kill, life.signal === 'SIGKILL' && !life.isOverdue)
      const broken = isDamaged ? [] : await judged(world, { isSettled: false })
      if (broken.length > 0) return broken
    }
    return await settle(world, plan)
  }

async function settle(world: ProofWorld, plan: LifePlan): Promise<string[]> {
  for (let lives = 0; lives < MOST_LIVES; lives++) if (hasSettled(await world.live(plan))) break
  return await judged(world, { isSettled: true })
}

const hasSettled = (life: Life): boolean =>
  life.said.some((said) => said.type === 'end' && said.how === 'settled')

/** A name that no script passes is a promise that nobody tried. */
const checkpointsArePassed = ({ courses }: Stage): ProofCase => ({
  name: 'every checkpoint is passed by some script',
  run: async () => ({
    violations: CHECKPOINTS.filter((name) => !courses.some(({ passes }) => passes.has(name))).map(
      (name) => `no script passes ${name}`,
    ),
    counts: {},
  }),
})

/** At the first pass of each site in the first play that has it; and at its last pass in the last play. */
function siteCases(stage: Stage, extent: Extent, seed: string): ProofCase[] {
  const places = [...CHECKPOINTS, ...stage.program.sites.map(({ id }) => id)]
  const passed = places.filter((place) => stage.courses.some(({ passes }) => passes.has(place)))
  const tried = sample(passed, extent.sites, chanceOf(`${seed}/sites`))
  return tried.flatMap((place) => {
    const courses = stage.courses.filter(({ passes }) => passes.has(place))
    const [first] = courses
    const last = courses.findLast(({ play }) => !play.before) ?? courses.at(-1)
    if (!first || !last) return []
    const nth = last.passes.get(place) ?? 1
    const cases = [siteCase(stage, first.play, { at: place, nth: 1 }, seed)]
    if (extent.isLastPassToo && (nth > 1 || last !== first))
      cases.push(siteCase(stage, last.play, { at: place, nth }, seed))
    return cases
  })
}

function siteCase(stage: Stage, play: Play, kill: { at: string; nth: number }, seed: string): ProofCase {
  const name = `killed at ${kill.at}, pass ${kill.nth}: ${play.name}`
  const onKilled = (_: Kill, isKilled: boolean) =>
    void stage.killed.set(kill.at, isKilled || (stage.killed.get(kill.at) ?? false))
  return caseOf(stage, play, name, seed, killInTurn(play, [kill], onKilled))
}

const caseOf = (stage: Stage, play: Play, name: string, seed: string, work: Work): ProofCase => ({
  name,
  run: () => inWorld(play, stage.program, `${seed}/${name}`, work),
})

function randomCases(stage: Stage, { random }: Extent, seed: string): ProofCase[] {
  return range(random).map((number) => {
    const chance = chanceOf(`${seed}/random ${number}`)
    const course = chance.pick(stage.courses)
    const tick = chance.between(1, course.ticks)
    const name = `random moment ${number}: killed at step ${tick} of ${course.play.name}`
    return caseOf(stage, course.play, name, seed, killInTurn(course.play, [{ tick }]))
  })
}

/** Steps of a start before anything is worked on. */
const STEPS_OF_A_START = 150

/** Killed once anywhere, then once or twice more: during the next start, or anywhere again. */
function recoveryCases(stage: Stage, { recovery }: Extent, seed: string): ProofCase[] {
  return range(recovery).map((number) => {
    const chance = chanceOf(`${seed}/recovery ${number}`)
    const { play, ticks } = chance.pick(stage.courses)
    const kills = [{ tick: chance.between(1, ticks) }]
    for (let more = chance.between(1, 2); more > 0; more--)
      kills.push({ tick: chance.between(1, chance.isSo(0.7) ? STEPS_OF_A_START : ticks) })
    const steps = kills.map(({ tick }) => tick).join(', ')
    const name = `killed again ${number}: at steps ${steps} of ${play.name}`
    return caseOf(stage, play, name, seed, killInTurn(play, kills))
  })
}

/** Two processes want one folder. */
function togetherCases(stage: Stage, { together }: Extent, seed: string): ProofCase[] {
  return range(together).map((number) => {
    const chance = chanceOf(`${seed}/together ${number}`)
    const { play, ticks } = chance.pick(stage.courses.filter((course) => !course.play.before))
    const kind = chance.pick([
      'at the same moment',
      'while the other works',
      'and the owner is killed',
    ] as const)
    const name = `two processes ${number}, ${kind}: ${play.name}`
    const after = kind === 'at the same moment' ? 0 : chance.between(1, 12)
    const kill = kind === 'and the owner is killed' ? { tick: chance.between(1, ticks) } : null
    return caseOf(stage, play, name, seed, (world, plan) => liveTogether(world, plan, { after, kill }))
  })
}

/**
 * Starts one life, and a second one as soon as the first has said `after` things. The one that is refused comes
 * again until the folder is free.
 */
async function liveTogether(
  world: ProofWorld,
  plan: LifePlan,
  { after, kill }: { after: number; kill: Kill | null },
): Promise<string[]> {
  const broken: string[] = []
  let heard = 0
  let isOver = false
  let begin = (): void => {}
  const mayBegin = new Promise<void>((resolve) => {
    begin = resolve
  })
  if (after === 0) begin()
  const first = world
    .live({
      ...plan,
      kill,
      heard: () => {
        heard += 1
        if (heard === after) begin()
      },
    })
    .finally(() => {
      isOver = true
      begin()
    })
  await mayBegin
  let second: Life
  let wasOver: boolean
  do {
    wasOver = isOver
    second = await world.live(plan)
    broken.push(...refusalFaults(world, second))
  } while (isRefused(second) && !wasOver)
  broken.push(...refusalFaults(world, await first))
  if (isRefused(second) && isRefused(await first)) broken.push('both were refused, and nobody works')
  else if (isRefused(second)) broken.push('it is refused though nobody has the folder')
  broken.push(...(await settle(world, plan)))
  return broken
}

const isRefused = ({ said }: Life): boolean => said.some((one) => one.type === 'refused')

/** One that is refused says why, and does nothing else. */
function refusalFaults(world: ProofWorld, life: Life): string[] {
  if (!isRefused(life)) return []
  const { number } = life.order
  const faults = life.said
    .filter((one) => one.type !== 'refused' || one.code !== 'folder-in-use')
    .map((one) => `life ${number} was refused, and said ${JSON.stringify(one)}`)
  if (life.code !== 4) faults.push(`life ${number} was refused and ended with ${life.code}`)
  const owner = JSON.parse(readFileSync(join(world.home, 'owner.json'), 'utf8')) as { who: string }
  if (owner.who === `life ${number}`) faults.push(`life ${number} was refused and calls itself the owner`)
  return faults
}

const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1)

function sample<T>(from: readonly T[], most: number, chance: Chance): T[] {
  if (from.length <= most) return [...from]
  const left = [...from]
  return range(most).map(() => left.splice(chance.between(0, left.length - 1), 1)[0] as T)
}

/** What a site belongs to, by the first that fits. */
const OPERATIONS: readonly [string, (site: Site) => boolean][] = [
  ['backup', ({ within }) => ['backUpDaily', 'makeOneFile', 'assertReadable'].includes(within)],
  ['migration', ({ within, file }) => within === 'migrate' && file === 'store/open.ts'],
  ['repair', ({ within, file }) => file === 'repair.ts' || /restore|holdEverything/i.test(within)],
  ['start', ({ file }) => /^(app|store\/(open|owner|store)|jobs\/recover)\.ts$/.test(file)],
  ['import', ({ file }) => /^(sheets|references|money)\/|^store\/(runs|job-inserts)/.test(file)],
  ['upload', ({ file }) => /upload|evolink\/files|store\/references/.test(file)],
  ['submit', ({ file }) => /submit|spend|claim|store\/(attempts|ledger)/.test(file)],
  ['poll', ({ file }) => /poll|look|watch\.ts|read-each|evolink\/|vtrix\//.test(file)],
  ['sidecar', ({ file }) => /archive\/sidecar/.test(file)],
  ['rename', ({ file }) => /archive\/(place|names)/.test(file)],
  ['library', ({ file }) => /archive\/(rebuild|check)|handlers\/clips|store\/clips|^media\//.test(file)],
  ['download', ({ file }) => /^archive\/|steps\/download/.test(file)],
  ['other', () => true],
]

/** The list by operation; in the long form also what no script passes, by name. */
function describe({ program, courses, killed, isLong }: Stage): string[] {
  const lines = ['', 'operation   sites  passed  killed']
  const isPassed = (place: string) => courses.some(({ passes }) => passes.has(place))
  const left = new Set(program.sites)
  const count = (name: string, ids: readonly string[]) => {
    const counts = [ids.length, ids.filter(isPassed).length, ids.filter((id) => killed.get(id)).length]
    lines.push(name.padEnd(10) + counts.map((count) => String(count).padStart(8)).join(''))
  }
  for (const [name, belongs] of OPERATIONS) {
    const sites = [...left].filter(belongs)
    for (const site of sites) left.delete(site)
    count(
      name,
      sites.map(({ id }) => id),
    )
  }
  count(
    'all',
    program.sites.map(({ id }) => id),
  )
  count('named', CHECKPOINTS)
  if (!isLong) return lines
  const missed = [...killed].filter(([, isKilled]) => !isKilled).map(([place]) => place)
  if (missed.length > 0)
    lines.push('', `passed once, and not again when it was to be killed there: ${missed.join(', ')}`)
  lines.push('', 'passed by no script:')
  for (const { id, text } of program.sites) if (!isPassed(id)) lines.push(`  ${id}  ${text}`)
  return lines
}
