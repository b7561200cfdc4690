import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import type { Ask, Done, Reply } from './child.ts'
import type { FuzzDoor } from './door.ts'
import { makeInput } from './inputs.ts'

/**
 * The one exception to "no wall clock in tests": a hang can only be told by real time. An input that takes
 * longer is repeated once in a fresh process before it counts, and where more programs want to run than there are
 * processors, the time is stretched as much as they are slowed down.
 */
const WATCHDOG_MS = 2_000
const overbooked = (): number => Math.max(1, (loadavg()[0] ?? 0) / availableParallelism())
/** Starting a process, its door and its servers is no input. */
const START_MS = 30_000
const LOOK_MS = 50
/** After a process ended, so many inputs are told of one by one. */
const CAREFUL_INPUTS = 1_000
/** Different ones are made small; further ones of a known sort are only counted. */
const MOST_SORTS = 5
const MOST_VIOLATIONS = 30
const MOST_SHRINKS = 150

export type Kind = Done['kind'] | 'hang' | 'memory' | 'exit'

export interface Violation {
  door: string
  kind: Kind
  what: string
  /** Replays it: `node test/fuzz/main.ts --door <door> --seed <seed> --from <index> --count 1`. */
  seed: number
  index: number
  /** Which of the simpler inputs was taken at each step of shrinking. */
  path: number[]
  /** The smallest input that was found. */
  input: string
}

export interface Outcome {
  door: string
  inputs: number
  longestMs: number
  /** Above the open door at rest. */
  peakMb: number
  violations: Violation[]
}

export interface AttackOptions {
  seed: number
  count: number
  /** Index of the first input. */
  from?: number
  /** Ends after so many violations. */
  most?: number
  /** False: what fails is told as it is. */
  isShrunk?: boolean
}

/** The door of a module in this folder. */
export async function loadDoor(file: string): Promise<FuzzDoor> {
  const { door } = (await import(resolve(import.meta.dirname, file))) as { door: FuzzDoor }
  return door
}

/** Attacks the door of a module with `count` inputs made from `seed`. */
export async function attackDoor(file: string, options: AttackOptions): Promise<Outcome> {
  const path = resolve(import.meta.dirname, file)
  const door = await loadDoor(file)
  const attacker = new Attacker(path, door, options.seed)
  try {
    return await attacker.run(
      options.from ?? 0,
      options.count,
      options.most ?? MOST_VIOLATIONS,
      options.isShrunk ?? true,
    )
  } finally {
    await attacker.end()
  }
}

/** Two violations of one sort have one cause, as far as their words show. */
const sortOf = ({ kind, what }: Judged): string =>
  `${kind} ${(what.split('\n', 2)[0] ?? '').replace(/\d+|"[^"]*"|'[^']*'|“[^”]*”/g, '…').slice(0, 80)}`

/** After these the process is as good as before; after any other it is in an unknown state. */
const HARMLESS: readonly Kind[] = ['fine', 'none', 'threw', 'broken', 'leak']

/** The process is gone, and told nothing of the input that ended it. */
const isDeadly = ({ kind }: Judged): boolean => ['hang', 'memory', 'exit'].includes(kind)

type Judged = Pick<Done, 'what' | 'inputs' | 'ms' | 'peakMb'> & { kind: Kind }

class Attacker {
  readonly #path: string
  readonly #door: FuzzDoor
  readonly #seed: number
  #child: Child | undefined
  readonly #outcome: Outcome

  constructor(path: string, door: FuzzDoor, seed: number) {
    this.#path = path
    this.#door = door
    this.#seed = seed
    this.#outcome = { door: door.name, inputs: 0, longestMs: 0, peakMb: 0, violations: [] }
  }

  async run(from: number, count: number, most: number, isShrunk: boolean): Promise<Outcome> {
    const outcome = this.#outcome
    const sorts = new Set<string>()
    for (let index = from; index < from + count; ) {
      const { judged, at } = await this.#sweep(index, from + count)
      index = at + 1
      if (judged.kind === 'fine') continue
      const sort = sortOf(judged)
      const isNew = isShrunk && !sorts.has(sort) && sorts.size < MOST_SORTS
      sorts.add(sort)
      outcome.violations.push(isNew ? await this.#shrink(at, judged) : this.#violation(at, [], judged))
      if (outcome.violations.length >= most) return outcome
    }
    const left = await this.#leave()
    if (left) outcome.violations.push(this.#violation(from + count - 1, [], left))
    return outcome
  }

  /** Inputs from `index` on, until one is not fine or `end` is reached. */
  async #sweep(index: number, end: number): Promise<{ judged: Judged; at: number }> {
    let next = index
    const count = (one: Judged): void => {
      this.#count(one)
      next += one.inputs
    }
    const judged = await this.#ask({ index, path: [], end, isCareful: false }, count)
    if (!isDeadly(judged)) return { judged, at: next - 1 }
    return await this.#sweepCarefully(next, end)
  }

  /**
   * One of the next inputs ended the process. What seems to hang must hang again in a process that did nothing
   * else.
   */
  async #sweepCarefully(index: number, end: number): Promise<{ judged: Judged; at: number }> {
    let at = index
    const count = (one: Judged): void => {
      this.#count(one)
      if (one.kind === 'fine') at += 1
    }
    const until = Math.min(end, index + CAREFUL_INPUTS)
    let judged = await this.#ask({ index, path: [], end: until, isCareful: true }, count)
    if (judged.kind === 'fine') return { judged, at: at - 1 }
    if (judged.kind === 'hang') {
      judged = await this.#ask({ index: at, path: [], end: at + 1, isCareful: true })
      this.#count(judged)
    }
    return { judged, at }
  }

  #count({ ms, peakMb, kind, inputs }: Judged): void {
    this.#outcome.inputs += inputs
    this.#outcome.longestMs = Math.max(this.#outcome.longestMs, ms)
    if (kind !== 'memory') this.#outcome.peakMb = Math.max(this.#outcome.peakMb, peakMb)
  }

  async #ask(ask: Ask, told?: (judged: Judged) => void): Promise<Judged> {
    this.#child ??= await Child.start(this.#path, this.#door, this.#seed)
    const judged = await this.#child.attack(ask, told)
    // Whatever an input broke must not be blamed on the next one.
    if (!HARMLESS.includes(judged.kind)) await this.#leave()
    return judged
  }

  async #leave(): Promise<Judged | undefined> {
    const child = this.#child
    this.#child = undefined
    return await child?.leave()
  }

  /** Goes down the tree of simpler inputs for as long as one fails in the same way. */
  async #shrink(index: number, first: Judged): Promise<Violation> {
    let best = first
    const path: number[] = []
    let tries = first.kind === 'hang' || first.kind === 'memory' ? MOST_SHRINKS / 10 : MOST_SHRINKS
    for (let branch = 0; tries > 0; tries -= 1) {
      const judged = await this.#ask({ index, path: [...path, branch], end: index + 1, isCareful: true })
      if (judged.kind === 'none') break
      if (judged.kind !== first.kind) branch += 1
      else {
        best = judged
        path.push(branch)
        branch = 0
      }
    }
    return this.#violation(index, path, best)
  }

  #violation(index: number, path: number[], { kind, what }: Judged): Violation {
    const made = makeInput(this.#door.arbitrary, this.#seed, { index, path })
    const input = fc.stringify(made?.value).slice(0, 3_000)
    return { door: this.#door.name, kind, what, seed: this.#seed, index, path, input }
  }

  async end(): Promise<void> {
    await this.#leave()
  }
}

/** A process with the door open, in folders of its own. */
class Child {
  readonly #process: ChildProcess
  readonly #root: string
  readonly #memoryMb: number
  #stderr = ''
  #restMb = 0
  readonly #replies: Reply[] = []
  #said: (() => void) | undefined
  #isGone = false

  private constructor(path: string, door: FuzzDoor, seed: number) {
    this.#memoryMb = door.memoryMb
    this.#root = realpathSync(mkdtempSync(join(tmpdir(), 'reelsheet-fuzz-')))
    for (const folder of ['tmp', 'user', 'around/deep/inside', 'around/deep/outside'])
      mkdirSync(join(this.#root, folder), { recursive: true })
    this.#process = spawn(process.execPath, [...this.#flags(door), path, this.#root, String(seed)], {
      cwd: join(this.#root, 'around/deep/inside'),
      env: {
        PATH: process.env.PATH,
        TMPDIR: join(this.#root, 'tmp'),
        HOME: join(this.#root, 'user'),
        NODE_NO_WARNINGS: '1',
      },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = `${this.#stderr}${chunk}`.slice(-2_000)
    })
    this.#process.on('message', (reply: Reply) => {
      this.#replies.push(reply)
      this.#said?.()
    })
    this.#process.on('exit', () => {
      this.#isGone = true
      this.#said?.()
    })
  }

  /** SECURITY: whatever an input makes the product do, nothing outside of the child's own folder can be written. */
  #flags({ isUnfenced }: FuzzDoor): string[] {
    const fence = ['--permission', '--allow-fs-read=*', `--allow-fs-write=${this.#root}`]
    return [
      ...(isUnfenced ? [] : [...fence, '--allow-worker', '--allow-addons']),
      `--max-old-space-size=${this.#memoryMb}`,
      join(import.meta.dirname, 'child.ts'),
    ]
  }

  static async start(path: string, door: FuzzDoor, seed: number): Promise<Child> {
    const child = new Child(path, door, seed)
    const reply = await child.#reply(START_MS, false)
    if (typeof reply === 'string' || reply.type !== 'open') {
      const said = typeof reply === 'string' ? `${reply}\n${child.#stderr}` : JSON.stringify(reply)
      await child.leave()
      throw new Error(`the door ${door.name} did not open: ${said}`)
    }
    child.#restMb = reply.residentMb
    return child
  }

  /** Resolves with the fate of the first input that is not fine, or of the last one asked for. */
  async attack(ask: Ask, told: (judged: Judged) => void = () => undefined): Promise<Judged> {
    this.#process.send(ask)
    for (let next = ask.index; ; ) {
      const judged = this.#judge(await this.#reply(WATCHDOG_MS, true))
      if (judged.kind !== 'hang') told(judged)
      next += judged.inputs
      if (judged.kind !== 'fine' || next >= ask.end) return judged
    }
  }

  #judge(reply: Reply | 'gone' | 'late' | 'fat'): Judged {
    const unknown = { inputs: 0, ms: 0, peakMb: 0 }
    if (reply === 'late') return { ...unknown, kind: 'hang', what: `no end after ${WATCHDOG_MS} ms` }
    if (reply === 'fat') return { ...unknown, kind: 'memory', what: `more than ${this.#memoryMb} MB` }
    if (reply === 'gone') return { ...unknown, ...this.#death() }
    if (reply.type !== 'done') throw new Error(`an odd reply: ${JSON.stringify(reply)}`)
    const { kind, what, ms, inputs } = reply
    const peakMb = Math.max(0, reply.peakMb - this.#restMb)
    if (kind !== 'fine' || peakMb <= this.#memoryMb) return { kind, what, ms, peakMb, inputs }
    const grown = `${Math.round(peakMb)} MB of ${this.#memoryMb} MB`
    return { ...unknown, kind: 'memory', what: grown }
  }

  #death(): { kind: Kind; what: string } {
    if (/heap out of memory|allocation failed/i.test(this.#stderr))
      return { kind: 'memory', what: `the heap of ${this.#memoryMb} MB was full` }
    const { exitCode, signalCode } = this.#process
    return {
      kind: 'exit',
      what: `the process ended (${exitCode ?? signalCode}): ${this.#stderr.slice(-600)}`,
    }
  }

  /** The next thing it says, or why it says nothing: ended, too late, too much memory. */
  async #reply(limitMs: number, isWatched: boolean): Promise<Reply | 'gone' | 'late' | 'fat'> {
    const waiting = this.#replies.shift()
    if (waiting) return waiting
    if (this.#isGone) return 'gone'
    const { promise, resolve: settle } = Promise.withResolvers<'said' | 'late' | 'fat'>()
    this.#said = () => settle('said')
    const late = setTimeout(() => settle('late'), limitMs * overbooked())
    const look = setInterval(() => {
      if (isWatched && this.#residentMb() - this.#restMb > this.#memoryMb) settle('fat')
    }, LOOK_MS)
    const why = await promise
    clearTimeout(late)
    clearInterval(look)
    this.#said = undefined
    if (why === 'said') return this.#replies.shift() ?? 'gone'
    this.#process.kill('SIGKILL')
    return why
  }

  /** Told on Linux only; elsewhere the child's own count after each input has to do. */
  #residentMb(): number {
    try {
      const pages = Number(readFileSync(`/proc/${this.#process.pid}/statm`, 'utf8').split(' ')[1])
      return (pages * 4096) / 1e6
    } catch {
      return 0
    }
  }

  /** Lets it close its door and look around once more; undefined when all is well. */
  async leave(): Promise<Judged | undefined> {
    let last: Judged | undefined
    if (!this.#isGone && this.#process.signalCode === null && this.#process.connected) {
      this.#replies.length = 0
      this.#process.send({ index: -1, path: [], end: 0, isCareful: true } satisfies Ask)
      const reply = await this.#reply(START_MS, false)
      const rest = { inputs: 0, ms: 0, peakMb: 0 }
      if (reply === 'late') last = { ...rest, kind: 'hang', what: 'the door does not close' }
      else if (typeof reply === 'object' && reply.type === 'done' && reply.kind !== 'fine')
        last = { ...rest, kind: reply.kind, what: reply.what }
    }
    await this.#ended()
    rmSync(this.#root, { recursive: true, force: true })
    return last
  }

  async #ended(): Promise<void> {
    if (this.#isGone) return
    const { promise, resolve: end } = Promise.withResolvers<void>()
    this.#process.once('exit', () => end())
    this.#process.kill('SIGKILL')
    await promise
  }
}
