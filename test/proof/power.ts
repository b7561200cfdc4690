/**
 * Power loss: a life of the core is traced and killed, and what it had not synced is dropped, torn or kept by
 * chance, for the archive and for the database. Then it lives on. What was shown, bought or recorded before must
 * still be true, at once and at the end.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { type Chance, chanceOf } from './chance.ts'
import { judge } from './judge.ts'
import type { Kill, Life } from './life.ts'
import { loseArchive } from './power-archive.ts'
import { compareWithDisk, type Loss, materialise, PowerModel, type Survivors } from './power-model.ts'
import { replayTrace, traceInto, whyNoTrace } from './power-trace.ts'
import { makeProgram } from './program.ts'
import { countWorld, type Outcome, type Proof, type ProofCase, tell } from './proof.ts'
import type { Change } from './sites.ts'
import { evolinkRow, filesUnder, ProofWorld, type Row, type Script, vtrixRow } from './world.ts'

const SEEDS = { short: 12, long: 200, archive: 1_000 }

/** Followed: the archive and the data folder. Not: the provider, which stands elsewhere, and what SQLite only maps. */
const isFollowed = (path: string): boolean =>
  /^(archive|home)(\/|$)/.test(path) && !/^home\/practice(\/|$)|-shm$/.test(path)

/** Trouble that leaves parts, doubts and repeats lying about when the power goes. */
const WORDS = ['', '', '', '[cut=20KB]', '[accept then-cut]', '[500 created]', '[running x2]', '[changed]']

export interface PowerHow {
  isLong: boolean
  seed: string
  /** Mistakes put into the core, to be caught. */
  changes?: readonly Change[]
  count?: number
  /** How what was not synced is lost; by chance when left out. */
  loss?: Loss
}

/** By itself: `node scripts/proof.mjs power --long`. */
export const proof: Proof = {
  cases: powerCases,
  close: () => {
    tidyPower()
    return []
  },
}

/** Cases of power loss; where calls cannot be traced, one that says so instead. `tidyPower` ends them. */
export function powerCases(how: PowerHow): ProofCase[] {
  const reason = whyNoTrace()
  const archive = how.isLong ? [archiveCase(how.seed)] : []
  if (reason !== null) return [...archive, leftOut(reason)]
  const count = how.count ?? (how.isLong ? SEEDS.long : SEEDS.short)
  const common = new Common(how)
  const cases = Array.from({ length: count }, (_, index) => ({
    name: `power ${String(index + 1).padStart(3, '0')}`,
    run: () => runCase(`power/${how.seed}/${index + 1}`, common),
  }))
  return [...archive, ...cases]
}

const leftOut = (reason: string): ProofCase => ({
  name: 'power of the core is left out',
  run: async () => ({
    violations: [],
    counts: { 'left out': 1 },
    lines: [`Power loss of the whole core is left out: ${reason}.`],
  }),
})

const archiveCase = (seed: string): ProofCase => ({
  name: 'power of the archive alone',
  run: async () => {
    const violations: string[] = []
    const counts: Record<string, number> = {}
    for (let number = 1; number <= SEEDS.archive; number++) {
      const lost = await loseArchive(`archive/${seed}/${number}`)
      violations.push(...lost.violations.map((what) => `${what} (seed archive/${seed}/${number})`))
      counts['power losses'] = (counts['power losses'] ?? 0) + lost.losses
    }
    return { violations, counts }
  },
})

const made = new Set<string>()

/** Removes what the cases shared. */
export function tidyPower(): void {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
  made.clear()
}

/** What all cases need once, made by the first: the core as one file, and where a plain life passes. */
class Common {
  readonly how: PowerHow
  #ready: Promise<{ program: string; ticks: number; sites: [string, number][] }> | undefined

  constructor(how: PowerHow) {
    this.how = how
  }

  ready() {
    this.#ready ??= this.#prepare()
    return this.#ready
  }

  async #prepare() {
    const folder = mkdtempSync(join(tmpdir(), 'reelsheet-power-'))
    made.add(folder)
    const { path: program } = await makeProgram(folder, this.how.changes)
    const world = await ProofWorld.open({ ...scriptOf('measure'), seed: 'measure' })
    try {
      const life = await world.live({ program })
      const end = life.said.find((said) => said.type === 'end')
      if (end?.type !== 'end') throw new Error(`a plain life does not end: ${life.stderr.slice(0, 800)}`)
      return { program, ticks: end.ticks, sites: Object.entries(end.passes) }
    } finally {
      await world.close()
    }
  }
}

function scriptOf(seed: string): Script {
  const chance = chanceOf(seed)
  const rows: Row[] = ['one', 'two', 'three', 'four'].map((name, index) => {
    const prompt = `${name} ${chance.pick(WORDS)}`.trim()
    return index % 2 === 0 ? evolinkRow(prompt) : vtrixRow(prompt)
  })
  return {
    seed,
    // Slower than other proofs: a traced process is slow, and the core's own patience is measured in this time.
    rate: 10,
    runs: [{ name: 'night', rows, capMicros: 40_000_000 }],
    ...(chance.isSo(0.5) ? { isArchiveNew: true } : { strangers: { 'night/notes.txt': 'somebody else’s' } }),
  }
}

async function runCase(seed: string, common: Common): Promise<Outcome> {
  const { program, ticks, sites } = await common.ready()
  const chance = chanceOf(seed)
  const world = await ProofWorld.open(scriptOf(seed))
  const violations: string[] = []
  const counts: Record<string, number> = {
    'power losses': 0,
    'changes dropped': 0,
    'changes torn': 0,
    'changes kept': 0,
  }
  try {
    // Every third case loses power again while the core recovers.
    const losses = chance.isSo(1 / 3) ? 2 : 1
    for (let number = 1; number <= losses; number++) {
      const kill = number === 1 ? pickKill(chance, ticks, sites) : { tick: chance.between(1, ticks) }
      const model = await liveUntilPowerLoss(world, kill, program)
      const survivors = losePower(world, model, chance.fork(`loss ${number}`), common.how.loss)
      counts['power losses'] = number
      for (const what of ['dropped', 'torn', 'kept'] as const)
        counts[`changes ${what}`] = (counts[`changes ${what}`] ?? 0) + survivors[what]
      violations.push(...(await judgeAtOnce(world)))
    }
    await world.live({ program })
    violations.push(...(await judge(world, { isSettled: true })).map(tell))
    Object.assign(counts, countWorld(world))
  } finally {
    await world.close()
  }
  return { violations, counts }
}

/** Half of them anywhere in time; half at a place, so that those which are passed seldom get their share. */
function pickKill(chance: Chance, ticks: number, sites: [string, number][]): Kill {
  if (chance.isSo(0.5)) return { tick: chance.between(1, ticks) }
  const [at, passes] = chance.pick(sites)
  return { at, nth: chance.between(1, passes) }
}

async function liveUntilPowerLoss(world: ProofWorld, kill: Kill, program: string): Promise<PowerModel> {
  const model = new PowerModel(world.folder, isFollowed)
  const trace = `${world.folder}.trace`
  try {
    const life = await world.live({ kill, program, under: traceInto(trace) })
    const unsure = replayTrace(trace, model)
    assertFollowed(model, unsure, life)
    return model
  } finally {
    rmSync(trace, { force: true })
  }
}

function losePower(world: ProofWorld, model: PowerModel, chance: Chance, loss?: Loss): Survivors {
  const survivors = model.lose(chance, loss)
  materialise(model, survivors)
  for (const name of existsSync(world.home) ? readdirSync(world.home) : [])
    if (name.endsWith('-shm')) rmSync(join(world.home, name))
  world.losePower()
  return survivors
}

/** A model that has missed a call would prove nothing. */
function assertFollowed(model: PowerModel, unsure: Set<string>, life: Life): void {
  const differences = compareWithDisk(model, unsure)
  if (differences.length > 0)
    throw new Error(
      `the trace does not explain the disk: ${differences.join('; ')} (${life.stderr.slice(0, 400)})`,
    )
}

/** Before the core can mend anything. A copy is looked at: opening a database that was cut off changes it. */
async function judgeAtOnce(world: ProofWorld): Promise<string[]> {
  const copy = mkdtempSync(join(tmpdir(), 'reelsheet-power-'))
  try {
    if (existsSync(world.home)) cpSync(world.home, copy, { recursive: true })
    const found = findUnreadable(copy)
    if (found.length > 0) return found
    const told = (await judge(world, { isSettled: false, home: copy })).map((one) => `${tell(one)} (at once)`)
    return [...told, ...findLostReferences(copy)]
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** The database, and each backup under its final name, must be whole. */
function findUnreadable(home: string): string[] {
  const backups = join(home, 'backups')
  const paths = existsSync(backups)
    ? readdirSync(backups)
        .filter((name) => name.endsWith('.db'))
        .map((name) => join(backups, name))
    : []
  const found: string[] = []
  for (const path of [join(home, 'reelsheet.db'), ...paths]) {
    if (!existsSync(path)) continue
    try {
      const db = new Database(path)
      const answer = db.pragma('integrity_check', { simple: true })
      db.close()
      if (answer !== 'ok') throw new Error(String(answer))
    } catch (error) {
      found.push(
        `after the power loss ${path.slice(home.length + 1)} is damaged: ${(error as Error).message}`,
      )
    }
  }
  return found
}

/** What is recorded as copied must be there: the original may be gone by now. */
function findLostReferences(home: string): string[] {
  const path = join(home, 'reelsheet.db')
  if (!existsSync(path)) return []
  const db = new Database(path)
  try {
    if (Number(db.pragma('user_version', { simple: true })) === 0) return []
    const there = new Map([...filesUnder(home)].map(([name, { sha256 }]) => [sha256, name]))
    const recorded = db.prepare('SELECT sha256 FROM "references"').pluck().all() as string[]
    return recorded
      .filter((sha256) => !there.has(sha256))
      .map(
        (sha256) => `after the power loss the recorded copy of a reference is gone (${sha256.slice(0, 12)}…)`,
      )
  } finally {
    db.close()
  }
}
