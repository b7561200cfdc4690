/**
 * Endurance: thousands of jobs at fifty times speed with trouble in two of a hundred, in one life of the core,
 * which says now and then what its process uses. Memory must stay flat after warm-up, nothing may be left open at
 * the end, the event loop must stay free, and the nine invariants must hold.
 */
import { spawn } from 'node:child_process'
import { chanceOf } from './chance.ts'
import { judge } from './judge.ts'
import type { Life } from './life.ts'
import type { Rule } from './network.ts'
import { countWorld, type Outcome, type Proof, type ProofCase, tell } from './proof.ts'
import { IDLE_PROGRAM, type Sample } from './sample.ts'
import { evolinkRow, type LifePlan, ProofWorld, type Row, type Script, vtrixRow } from './world.ts'

const RATE = 50
const SHARE_OF_TROUBLE = 0.02

/** Of `docs/PRACTICE.md`; not those after which an account waits for a person: then nothing goes on. */
const WORDS = [
  ...['[429 after=2]', '[503 after=1]', '[500 created]', '[502 html]', '[504]', '[accept then-cut]'],
  ...['[accept half]', '[accept no-id]', '[accept html]', '[hang]', '[cut]', '[cut-early]', '[400]'],
  ...['[400 code=content_policy_violation]', '[running x3]', '[status=strange]', '[slow=20s]', '[read 502]'],
  ...['[read html]', '[read 404]', '[read no-link]', '[read 429 after=1]', '[result-data]', '[forget]'],
  ...['[fail code=service_error]', '[cancelled]', '[expire]', '[link 404]', '[html]', '[cut=20KB]'],
  ...['[no-range]', '[cut=20KB] [changed]', '[long]', '[short]', '[wrong-size]', '[stall]'],
  ...['[redirect]', '[redirect private]', '[redirect loop]'],
]

/** What the process may grow by, from its second quarter to its last. */
export const ALLOWED = {
  heapBytes: 12e6,
  externalBytes: 8e6,
  rssBytes: 60e6,
  openFiles: 8,
  delayP99Ms: 20,
}

/** Where a process that does nothing is later than this, the machine is too busy to tell what the core is late by. */
export const IDLE_MACHINE_MS = 4

export interface SoakHow {
  jobs: number
  seed: string
  /** Also judges the growth of memory and the event loop; a short run has no time to warm up. */
  isLong: boolean
}

export const proof: Proof = {
  cases: ({ seed }) => [soakCase({ jobs: 5_000, seed, isLong: true })],
}

export function soakCase(how: SoakHow): ProofCase {
  return { name: `soak of ${how.jobs} jobs`, run: () => soak(how) }
}

async function soak(how: SoakHow): Promise<Outcome> {
  const world = await ProofWorld.open(scriptOf(how))
  try {
    const machine = watchMachine()
    const startedAt = performance.now()
    const life = await world.live({
      isSampled: true,
      nodeArgs: ['--expose-gc'],
      longestMs: 30 * 60_000,
      heard: askNowAndThen(how.jobs),
    })
    const seconds = (performance.now() - startedAt) / 1000
    const machineP99Ms = await machine()
    const samples = samplesOf(life)
    const found = await judge(world, {
      isSettled: true,
      // The provider has forgotten it, or hands out what is no clip.
      mayMiss: (prompt) => /\[(forget|short)/.test(prompt),
    })
    const violations = [...found.map(tell), ...judgeUse(samples, machineP99Ms, how.isLong)]
    const states = countStates(life)
    const rate = `${(how.jobs / seconds).toFixed(0)} jobs a second`
    return {
      violations,
      counts: { ...countWorld(world), ...states, 'requests passed': world.network.passed.length },
      lines: [`soak: ${how.jobs} jobs in ${seconds.toFixed(0)} s (${rate})`, ...table(samples, machineP99Ms)],
    }
  } finally {
    await world.close()
  }
}

/** Starts an idle process; what is returned ends it and says its own event loop's p99, in ms. */
function watchMachine(): () => Promise<number> {
  const child = spawn(process.execPath, ['-e', IDLE_PROGRAM], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  return () =>
    new Promise((done, fail) => {
      child.on('message', (p99) => done(Number(p99))).on('error', fail)
      child.send('how late')
    })
}

function scriptOf({ jobs, seed }: SoakHow): Script {
  const chance = chanceOf(`soak/${seed}`)
  const words = chance.fork('words')
  const rows = Array.from({ length: jobs }, (_, index): Row => {
    // Three quarters of the trouble come from the provider, one from the way to it.
    const word = words.isSo(SHARE_OF_TROUBLE * 0.75) ? ` ${words.pick(WORDS)}` : ''
    const prompt = `row ${index + 1}${word}`
    return index % 2 === 0 ? evolinkRow(prompt) : vtrixRow(prompt)
  })
  const runs = [{ name: 'soak', rows, capMicros: jobs * 20_000_000 }]
  return { seed: `soak/${seed}`, rate: RATE, runs, rules: troubleOnTheWay(`soak/${seed}/network`) }
}

/** For each errand a share of its exchanges; together as much as a quarter of the trouble of the rows. */
function troubleOnTheWay(seed: string): Rule[] {
  const chance = chanceOf(seed)
  const share = SHARE_OF_TROUBLE / 4 / 3
  const rule = (on: Rule['on'], name: string, strike: Rule['strike']): Rule => ({
    name,
    on,
    when: () => chance.isSo(share),
    strike,
  })
  return [
    rule('create', 'the answer to an order is lost', async (exchange) => {
      await exchange.forward()
      exchange.cut()
    }),
    rule('read', 'a question is cut off', (exchange) => exchange.cut()),
    rule('link', 'a clip is cut off in its middle', async (exchange) => {
      const answered = await exchange.forward()
      exchange.answer(answered, { cutAfterBytes: Math.floor(answered.body.length / 2) })
    }),
  ]
}

const SAMPLES = 40
const FINAL = new Set(['done', 'failed', 'cancelled', 'unconfirmed', 'held'])

/** Asks for a sample each time a further fortieth of the jobs has come to an end. */
function askNowAndThen(jobs: number): NonNullable<LifePlan['heard']> {
  const ended = new Set<number>()
  let asked = 0
  return (said, living) => {
    if (said.type !== 'shown' || !FINAL.has(said.state)) return
    ended.add(said.job)
    if (ended.size < ((asked + 1) * jobs) / SAMPLES) return
    asked += 1
    living.send({ sample: true })
  }
}

interface Samples {
  before: Sample | undefined
  asked: Sample[]
  settled: Sample | undefined
  stopped: Sample | undefined
}

function samplesOf(life: Life): Samples {
  const all = life.said.filter((said) => said.type === 'sample')
  const one = (when: string) => all.find((said) => said.when === when)?.sample
  return {
    before: one('before'),
    asked: all.filter((said) => said.when === 'asked').map((said) => said.sample),
    settled: one('settled'),
    stopped: one('stopped'),
  }
}

function countStates(life: Life): Record<string, number> {
  const states = new Map<number, string>()
  for (const said of life.said) if (said.type === 'shown') states.set(said.job, said.state)
  const counts: Record<string, number> = {}
  for (const state of states.values()) counts[`jobs ${state}`] = (counts[`jobs ${state}`] ?? 0) + 1
  return counts
}

/** Flat: the middle of the last quarter lies no higher above that of the second one than is allowed. */
export function judgeUse(
  { before, asked, stopped }: Samples,
  machineP99Ms: number,
  isLong: boolean,
): string[] {
  if (!before || !stopped || asked.length < 8) return ['the life did not say what it uses']
  const found: string[] = []
  const kinds = new Set([...Object.keys(before.resources), ...Object.keys(stopped.resources)])
  for (const kind of kinds) {
    const [was, is] = [before.resources[kind] ?? 0, stopped.resources[kind] ?? 0]
    if (is > was) found.push(`${is} ${kind} are left at the end, and there were ${was} before the work`)
  }
  const [second, last] = quartersOf(asked)
  for (const what of ['heapBytes', 'externalBytes', 'rssBytes', 'openFiles'] as const) {
    if (!isLong && what !== 'openFiles') continue
    const growth = middle(last.map((one) => one[what])) - middle(second.map((one) => one[what]))
    if (growth > ALLOWED[what])
      found.push(`${what} grew by ${Math.round(growth)}, allowed are ${ALLOWED[what]}`)
  }
  const p99 = asked.at(-1)?.delaySoFarP99Ms ?? 0
  if (isLong && machineP99Ms <= IDLE_MACHINE_MS && p99 >= ALLOWED.delayP99Ms)
    found.push(`the event loop's p99 is ${p99.toFixed(1)} ms, allowed are ${ALLOWED.delayP99Ms}`)
  return found
}

function quartersOf(samples: Sample[]): [second: Sample[], last: Sample[]] {
  const quarter = Math.floor(samples.length / 4)
  return [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)]
}

function middle(numbers: number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1).padStart(7)

function table({ before, asked, settled, stopped }: Samples, machineP99Ms: number): string[] {
  const lines = ['                 heap MB  outside  rss MB  files  loop p99 / most ms  what is open']
  const add = (name: string, one: Sample | undefined) => {
    if (!one) return
    const open = Object.entries(one.resources)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', ')
    const delay = `${one.delayP99Ms.toFixed(1).padStart(8)} / ${one.delayMostMs.toFixed(0).padStart(5)}`
    lines.push(
      `${name.padEnd(16)} ${megabytes(one.heapBytes)} ${megabytes(one.externalBytes)} ${megabytes(one.rssBytes)} ${String(one.openFiles).padStart(6)} ${delay}     ${open}`,
    )
  }
  add('before the work', before)
  const step = Math.max(1, Math.floor(asked.length / 10))
  for (let at = step - 1; at < asked.length; at += step)
    add(`at ${Math.round(((at + 1) / SAMPLES) * 100)} %`, asked[at])
  add('settled', settled)
  add('stopped', stopped)
  const p99 = (asked.at(-1)?.delaySoFarP99Ms ?? 0).toFixed(1)
  const isTold = machineP99Ms <= IDLE_MACHINE_MS
  lines.push(
    `event loop: p99 ${p99} ms over the run, bar ${ALLOWED.delayP99Ms}; an idle process beside it had ${machineP99Ms.toFixed(1)}${isTold ? '' : ': the machine is too busy to judge this'}`,
  )
  return lines
}
