/**
 * Cores broken on purpose, each in one way that would cost somebody money or a clip. The judge must see every one
 * of them, and must see nothing in the same script with the core as it is: a check that cannot fail proves nothing.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { INVARIANTS, type Invariant, judge, type Violation } from './judge.ts'
import type { Kill } from './life.ts'
import { countWorld, type Outcome, type Proof, tell } from './proof.ts'
import { type Change, instrument } from './sites.ts'
import { evolinkRow, ProofWorld, type Script, vtrixRow } from './world.ts'

/** What happens around the broken core. Each is run with the whole core as well. */
interface Story {
  script: Omit<Script, 'seed'>
  /** Lives that are killed, before the one that is to settle. */
  kills?: Kill[]
  /** Whether a broken core is given a life to settle in: a judge may know enough right after the kill. */
  isCutShort?: boolean
}

const oneRun = (rows: Script['runs'][number]['rows'], capMicros?: number): Story['script'] => ({
  runs: [{ name: 'sheet', rows, ...(capMicros !== undefined && { capMicros }) }],
})

const STORIES = {
  plain: { script: oneRun([evolinkRow('a lake'), vtrixRow('a boat')]) },
  'an answer is lost at Vtrix': {
    script: oneRun([vtrixRow('a boat'), vtrixRow('a lost boat [accept then-cut]')]),
  },
  'an answer is lost at EvoLink': {
    script: oneRun([evolinkRow('a lake'), evolinkRow('a lost lake [accept then-cut]')]),
  },
  'killed between sending and the answer': {
    script: oneRun([vtrixRow('a boat')]),
    kills: [{ at: 'submit.answered', nth: 1 }],
  },
  'killed while rows are generating': {
    script: oneRun([vtrixRow('a boat', {}), evolinkRow('a lake')]),
    kills: [{ at: 'download.received', nth: 1 }],
    isCutShort: true,
  },
  'a download is cut': { script: oneRun([vtrixRow('a boat [cut=20KB]'), evolinkRow('a lake')]) },
  'killed in the middle of the archive': {
    script: oneRun([vtrixRow('a boat'), evolinkRow('a lake')]),
    kills: [{ at: 'download.named', nth: 1 }],
  },
  'a page comes instead of a clip': { script: oneRun([vtrixRow('a boat [html]'), evolinkRow('a lake')]) },
  'a stranger has the name': {
    script: {
      ...oneRun([vtrixRow('a boat')]),
      strangers: { 'sheet/001-a-boat-1.mp4': 'mine' },
    },
  },
  // A row costs 0.20 USD, which counts as 13.6 credits: two fit.
  'a cap for two rows, and the first is lost': {
    script: {
      ...oneRun(
        [vtrixRow('lost [accept then-cut]'), vtrixRow('two'), vtrixRow('three'), vtrixRow('four')],
        28_000_000,
      ),
      limits: { inFlight: 1 },
    },
  },
  'the first link is dead': { script: oneRun([vtrixRow('a boat [expire]'), evolinkRow('a lake [expire]')]) },
  'a slow task': { script: oneRun([vtrixRow('a boat [running x8]')]) },
  'reads fail for a while': { script: oneRun([vtrixRow('a boat [read 500 x4]')]) },
} satisfies Record<string, Story>

interface Mutant {
  name: string
  changes: Change[]
  story: keyof typeof STORIES
  /** The invariant that must see it. */
  caughtBy: Invariant
}

const change = (file: string, find: string, replace: string): Change => ({ file, find, replace })

const MUTANTS: Mutant[] = [
  {
    name: 'resend on time-out',
    changes: [
      change(
        'steps/submit.ts',
        "  if (error instanceof Unreachable) {\n    return {\n      event: {\n        type: 'set-back',\n        problem: error.problem,\n        retryAt: now + backOffMs(job.setbacks, ",
        "  if (error instanceof Unreachable || error instanceof Unconfirmed) {\n    return {\n      event: {\n        type: 'set-back',\n        problem: error.problem,\n        retryAt: now + backOffMs(job.setbacks, ",
      ),
    ],
    story: 'an answer is lost at Vtrix',
    caughtBy: 1,
  },
  {
    name: 'repeat under a new key',
    changes: [
      change(
        'steps/submit.ts',
        'idempotencyKey: attempt.idempotencyKey,',
        "idempotencyKey: attempt.idempotencyKey + (attempt.resentAt ?? ''),",
      ),
    ],
    story: 'an answer is lost at EvoLink',
    caughtBy: 1,
  },
  {
    name: 'forget sent_at',
    changes: [
      change('jobs/recover.ts', '!attempt || attempt.sentAt === null', '!attempt || attempt.sentAt !== 0'),
    ],
    story: 'killed between sending and the answer',
    caughtBy: 1,
  },
  {
    name: 'drop the id',
    changes: [
      change(
        'steps/submit.ts',
        '    return reportAccepted(input, engine, accepted)',
        '    return reportUnclear(input, engine.clock.now(), accepted)',
      ),
    ],
    story: 'plain',
    caughtBy: 2,
  },
  {
    name: 'commit later',
    changes: [
      change(
        'store/store.ts',
        'write: <T>(change: () => T): T => db.transaction(change).immediate()',
        "write: <T>(change: () => T): T => { if (!db.inTransaction) db.exec('BEGIN IMMEDIATE'); return change() }",
      ),
    ],
    story: 'killed while rows are generating',
    caughtBy: 3,
  },
  {
    name: 'move without history',
    changes: [
      change('jobs/apply.ts', 'if (!QUIET.includes(event.type)) {', "if (event.type === 'accepted') {"),
    ],
    story: 'plain',
    caughtBy: 3,
  },
  {
    name: 'take half a clip for a whole one',
    changes: [
      change('archive/transfer.ts', 'if (missing > 0)', 'if (missing > 1e9)'),
      change(
        'archive/transfer.ts',
        'throw describeBreak(error, clipOf(request), request.signal)\n  }\n}\n\nfunction refuseBody',
        'return []\n  }\n}\n\nfunction refuseBody',
      ),
      change('archive/store-clip.ts', 'await this.#inspectPart()', 'await null'),
    ],
    story: 'a download is cut',
    caughtBy: 4,
  },
  {
    name: 'skip the hash',
    changes: [change('archive/part.ts', 'this.#hash.update(chunk)', 'this.#hash.update(chunk.subarray(1))')],
    story: 'plain',
    caughtBy: 4,
  },
  {
    name: 'keep a page as a clip',
    changes: [
      change(
        'archive/content.ts',
        'export function refuseContent(',
        'export function refuseContent(..._: unknown[]): null { return null }\nexport function unusedContent(',
      ),
      change('archive/store-clip.ts', 'await this.#inspectPart()', 'await null'),
    ],
    story: 'a page comes instead of a clip',
    caughtBy: 4,
  },
  {
    name: 'overwrite on collision',
    changes: [
      change(
        'archive/place.ts',
        "return (await isSameFile(disk, from, to)) ? 'placed' : undefined",
        "{ await disk.rename(from, to); return 'placed' }",
      ),
      change(
        'archive/store-clip.ts',
        "found === 'free' ? await placeClip",
        "found !== 'placed' ? await placeClip",
      ),
      change('archive/store-clip.ts', 'if (!clip && !sidecar) return name', 'if (!sidecar) return name'),
    ],
    story: 'a stranger has the name',
    caughtBy: 5,
  },
  {
    name: 'ignore unknowns in the cap',
    changes: [
      change('store/ledger.ts', "    case 'released':\n", "    case 'released':\n    case 'unknown':\n"),
    ],
    story: 'a cap for two rows, and the first is lost',
    caughtBy: 6,
  },
  {
    name: 'no cap at all',
    changes: [
      change(
        'jobs/claim.ts',
        'export function fitsCaps(',
        'export function fitsCaps(..._: unknown[]): boolean { return true }\nexport function unusedCaps(',
      ),
    ],
    story: 'a cap for two rows, and the first is lost',
    caughtBy: 6,
  },
  {
    name: 'a dead link is the end',
    changes: [
      change(
        'steps/download.ts',
        '    return await freshLink(input, error.problem, engine, signal, LINK_TRIES)\n  }\n  if (error instanceof ContentInvalid)',
        "    return { event: { type: 'refused', problem: error.problem } }\n  }\n  if (error instanceof ContentInvalid)",
      ),
    ],
    story: 'the first link is dead',
    caughtBy: 7,
  },
  {
    name: 'count polls as attempts',
    changes: [
      change(
        'steps/poll.ts',
        "    case 'running':\n      return {",
        "    case 'running':\n      if (job.version > 5) return patience({ ...job, setbacks: 9 }, engine, forgotten(job), 3)\n      return {",
      ),
    ],
    story: 'a slow task',
    caughtBy: 7,
  },
  {
    name: 'a fault of a read ends the watching',
    changes: [
      change(
        'steps/poll.ts',
        'function reportTrouble(job: JobRecord, error: unknown, engine: Engine): Report {',
        "function reportTrouble(job: JobRecord, error: unknown, engine: Engine): Report {\n  if (error !== null) return { event: { type: 'refused', problem: unread(job) } }",
      ),
    ],
    story: 'reads fail for a while',
    caughtBy: 7,
  },
  {
    name: 'wait without a word',
    changes: [
      change(
        'jobs/machine.ts',
        "return { state: 'unconfirmed', runAt: event.lookAt, attempt: job.attempt + 1, problem: event.problem }",
        "return { state: 'unconfirmed', runAt: event.lookAt, attempt: job.attempt + 1, problem: null }",
      ),
    ],
    story: 'an answer is lost at Vtrix',
    caughtBy: 8,
  },
  {
    name: 'forget what was being made',
    changes: [change('jobs/watch.ts', "'generating', now, BATCH", "'generating', 0, BATCH")],
    story: 'plain',
    caughtBy: 8,
  },
  {
    name: 'log the key',
    changes: [
      change(
        'steps/submit.ts',
        "    engine.checkpoint('submit.answered')\n    return reportAccepted",
        "    engine.log.info('accepted', { key: engine.secrets.read(input.account.name) })\n    return reportAccepted",
      ),
    ],
    story: 'plain',
    caughtBy: 9,
  },
  {
    name: 'keep the signed link in the sidecar',
    changes: [
      change(
        'steps/download.ts',
        'prompt: job.prompt,\n    model: job.model,\n    family',
        "prompt: job.prompt + ' ' + job.link,\n    model: job.model,\n    family",
      ),
    ],
    story: 'plain',
    caughtBy: 9,
  },
  {
    name: 'send the key with a download',
    changes: [
      change(
        'archive/transfer.ts',
        "    accept: '*/*',",
        "    accept: '*/*',\n    authorization: 'Bearer of-the-account',",
      ),
    ],
    story: 'plain',
    caughtBy: 9,
  },
]

const folder = mkdtempSync(join(tmpdir(), 'reelsheet-mutants-'))
const table: { name: string; caughtBy: string; isCaught: boolean }[] = []

/** Sources of the core, changed or not, as a file that a life is started with. */
function prepare(name: string, changes: readonly Change[]): string {
  const path = join(folder, `${name.replaceAll(' ', '-')}.json`)
  writeFileSync(path, JSON.stringify(instrument(changes).sources))
  return path
}

async function tellStory(
  name: string,
  { script, kills = [], isCutShort = false }: Story,
  changes: readonly Change[],
): Promise<{ violations: Violation[]; counts: Record<string, number> }> {
  const world = await ProofWorld.open({ seed: name, ...script })
  try {
    const sources = prepare(name, changes)
    const longestMs = 30_000
    for (const kill of kills) await world.live({ kill, sources, longestMs })
    const isMutant = changes.length > 0
    if (!(isMutant && isCutShort)) await world.live({ sources, longestMs })
    return {
      violations: await judge(world, { isSettled: !(isMutant && isCutShort) }),
      counts: countWorld(world),
    }
  } finally {
    await world.close()
  }
}

async function runMutant({ name, changes, story, caughtBy }: Mutant): Promise<Outcome> {
  const { violations, counts } = await tellStory(name, STORIES[story], changes)
  const isCaught = violations.some(({ invariant }) => invariant === caughtBy)
  const sight = violations.find(({ invariant }) => invariant === caughtBy) ?? violations[0]
  table.push({ name, caughtBy: sight ? tell(sight).slice(0, 110) : 'nothing', isCaught })
  return {
    violations: isCaught
      ? []
      : [
          `the judge did not see it by invariant ${caughtBy} (${INVARIANTS[caughtBy]}), but: ${violations.map(tell).join('; ') || 'nothing'}`,
        ],
    counts: { ...counts, mutants: 1 },
  }
}

async function runWhole(name: string, story: Story): Promise<Outcome> {
  const { violations, counts } = await tellStory(name, story, [])
  return { violations: violations.map(tell), counts }
}

export const proof: Proof = {
  cases: () => [
    ...Object.entries(STORIES).map(([name, story]) => ({
      name: `the core as it is: ${name}`,
      run: () => runWhole(name, story),
    })),
    ...MUTANTS.map((mutant) => ({ name: `mutant: ${mutant.name}`, run: () => runMutant(mutant) })),
  ],
  close() {
    rmSync(folder, { recursive: true, force: true })
    const width = Math.max(...table.map((row) => row.name.length))
    return table.map(
      ({ name, caughtBy, isCaught }) =>
        `${isCaught ? 'caught' : 'MISSED'}  ${name.padEnd(width)}  ${caughtBy}`,
    )
  },
}
