/** The attacked side of `harness.ts`: opens one door, makes inputs from a seed, and tells how each went. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { Broken, CANARY, type FuzzDoor, type Sandbox } from './door.ts'
import { makeInput } from './inputs.ts'

/**
 * Which inputs: the n-th of the seed, then at each step of `path` one of its simpler forms; and those after it
 * before `end`, for as long as they are fine. Index -1: close and go.
 */
export interface Ask {
  index: number
  path: number[]
  end: number
  /** Tell of each input at once, because one of them may end this process. */
  isCareful: boolean
}
export interface Done {
  type: 'done'
  /** `none`: there is no such simpler input. */
  kind: 'fine' | 'none' | 'threw' | 'broken' | 'unhandled' | 'outside' | 'leak' | 'left-behind'
  what: string
  /** So many inputs; all but the last one were fine. */
  inputs: number
  /** Of the longest. */
  ms: number
  peakMb: number
}
export type Reply = Done | { type: 'open'; residentMb: number }

const [modulePath = '', root = '', seedText = '1'] = process.argv.slice(2)
const seed = Number(seedText)
const { door } = (await import(modulePath)) as { door: FuzzDoor }

/** Telling costs time: what is fine is told of together. */
const TELL_EVERY_MS = 100
const SCAN_EVERY = 100
const LARGEST_SCANNED_BYTES = 4_000_000
const unhandled: unknown[] = []
const leaks: string[] = []
process.on('unhandledRejection', (error) => unhandled.push(error))
process.on('uncaughtException', (error) => unhandled.push(error))

const sandbox: Sandbox = {
  inside: join(root, 'around/deep/inside'),
  outside: join(root, 'around/deep/outside'),
  saw: (thing) => {
    const text = typeof thing === 'string' ? thing : inspect(thing, { depth: 8, maxStringLength: 100_000 })
    if (text.includes(CANARY)) leaks.push(text.slice(Math.max(0, text.indexOf(CANARY) - 300)).slice(0, 500))
  },
}

for (const folder of ['around', 'around/deep', 'around/deep/outside', 'user'])
  writeFileSync(join(root, folder, 'bystander.txt'), 'Nobody changes this file.\n')
await door.open?.(sandbox).catch((error: unknown) => {
  process.stderr.write(describe(error))
  process.exit(1)
})
const before = lookAround()
globalThis.gc?.()
tell({ type: 'open', residentMb: process.memoryUsage().rss / 1e6 })

let attacked = 0
process.on('message', async (ask: Ask) => {
  if (ask.index >= 0) return await answerAll(ask)
  const found = await closeDoor().catch((error: unknown) => ({
    kind: 'threw' as const,
    what: describe(error),
  }))
  tell({ type: 'done', inputs: 0, ms: 0, peakMb: 0, ...found }, () => process.exit(0))
})

async function answerAll({ index, path, end, isCareful }: Ask): Promise<void> {
  let untold = 0
  let longestMs = 0
  let toldAt = performance.now()
  for (let at = index; at < end; at += 1) {
    const done = await answer({ index: at, path })
    untold += 1
    longestMs = Math.max(longestMs, done.ms)
    const isTime = isCareful || at + 1 === end || performance.now() - toldAt > TELL_EVERY_MS
    if (done.kind === 'fine' && !isTime) continue
    tell({ ...done, ms: longestMs, inputs: untold })
    if (done.kind !== 'fine') return
    untold = 0
    toldAt = performance.now()
  }
}

async function answer(which: Pick<Ask, 'index' | 'path'>): Promise<Done> {
  const given = makeInput(door.arbitrary, seed, which)
  if (!given) return { type: 'done', kind: 'none', what: '', inputs: 1, ms: 0, peakMb: 0 }
  const startedAt = performance.now()
  const thrown = await door.attack(given.value, sandbox).then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  const ms = performance.now() - startedAt
  // A rejection that nobody handles shows a turn later.
  await new Promise((resolve) => setImmediate(resolve))
  attacked += 1
  return { type: 'done', inputs: 1, ms, peakMb: process.resourceUsage().maxRSS / 1000, ...judge(thrown) }
}

function judge(thrown: { error: unknown } | undefined): Pick<Done, 'kind' | 'what'> {
  if (thrown) {
    sandbox.saw(thrown.error)
    const kind = thrown.error instanceof Broken ? 'broken' : 'threw'
    return { kind, what: describe(thrown.error) }
  }
  const stray = unhandled.splice(0)[0]
  if (stray !== undefined) return { kind: 'unhandled', what: describe(stray) }
  return judgeTraces(attacked % SCAN_EVERY === 0)
}

function judgeTraces(isThorough: boolean): Pick<Done, 'kind' | 'what'> {
  const leak = leaks.splice(0)[0] ?? (isThorough ? findLeak(root) : undefined)
  if (leak !== undefined) return { kind: 'leak', what: `the key came out: ${leak}` }
  const after = lookAround()
  if (after !== before) return { kind: 'outside', what: `outside of its folder:\n${differ(before, after)}` }
  const left = readdirSync(join(root, 'tmp'))
  if (left.length > 0)
    return { kind: 'left-behind', what: `left in the temporary folder: ${left.join(', ')}` }
  return { kind: 'fine', what: '' }
}

async function closeDoor(): Promise<Pick<Done, 'kind' | 'what'>> {
  await door.close?.()
  const stray = unhandled.splice(0)[0]
  if (stray !== undefined) return { kind: 'unhandled', what: describe(stray) }
  return judgeTraces(true)
}

/** Names, sizes and times of everything around the door's own folder. */
function lookAround(): string {
  const lines: string[] = []
  const walk = (folder: string): void => {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name)
      if (path === sandbox.inside) continue
      const facts = lstatSync(path)
      if (facts.isSymbolicLink()) lines.push(`${path} -> ${readlinkSync(path)}`)
      else if (facts.isDirectory()) walk(path)
      else lines.push(`${path} ${facts.size} ${facts.mtimeMs} ${facts.mode} ${facts.nlink}`)
      if (facts.isDirectory()) lines.push(path)
    }
  }
  walk(join(root, 'around'))
  walk(join(root, 'user'))
  return lines.join('\n')
}

function differ(one: string, other: string): string {
  const known = new Set(one.split('\n'))
  return other
    .split('\n')
    .filter((line) => !known.has(line))
    .join('\n')
}

function findLeak(folder: string): string | undefined {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.name.includes(CANARY)) return path
    if (entry.isDirectory()) {
      const found = findLeak(path)
      if (found !== undefined) return found
    } else if (entry.isFile() && !door.keyFiles?.some((end) => path.endsWith(end))) {
      if (lstatSync(path).size <= LARGEST_SCANNED_BYTES && readFileSync(path).includes(CANARY)) return path
    }
  }
  return undefined
}

function describe(error: unknown): string {
  return (error instanceof Error ? (error.stack ?? error.message) : inspect(error)).slice(0, 1_500)
}

function tell(reply: Reply, then?: () => void): void {
  process.send?.(reply, undefined, undefined, then)
}
