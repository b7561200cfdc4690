import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import fc from 'fast-check'
import { Output } from '../../src/main/hosts/cli/output.ts'
import { findKeyArgument, parse } from '../../src/main/hosts/cli/program.ts'
import { problemOf, type Session } from '../../src/main/hosts/cli/session.ts'
import { createFileLog } from '../../src/main/hosts/log.ts'
import { CANARY, type FuzzDoor, insist, insistProblem, type Sandbox } from './door.ts'
import { nastyText } from './hostile.ts'

const COMMANDS = [
  'run',
  'check',
  'resume',
  'retry',
  'accounts',
  'add',
  'update',
  'list',
  'test',
  'remove',
  'pause',
  'status',
  'jobs',
  'job',
  'models',
  'ledger',
  'references',
  'export',
  'clips',
  'rebuild',
  'reconcile',
  'cancel',
  'release',
  'move',
  'refetch',
  'serve',
  'practice',
  'help',
  '--help',
  '--version',
]
const OPTIONS = [
  '--json',
  '--account',
  '--archive',
  '--cap',
  '--template',
  '--name',
  '--strict',
  '--offline',
  '--failed',
  '--family',
  '--base',
  '--files',
  '--proxy',
  '--in-flight',
  '--submits-per-second',
  '--price',
  '--run',
  '--state',
  '--search',
  '--limit',
  '--out',
  '--task',
  '--not-created',
  '--leave',
  '--model',
  '--port',
  '--practice-speed',
  '--',
  '-h',
  '-x',
  '--no-json',
  '--request-limit-mb',
  '--extended-durations',
  '--ask-key',
]
const WORDS = [
  'practice',
  'sheet.csv',
  'night',
  '1',
  '#1',
  'evolink',
  'vtrix',
  'none',
  '5',
  '3.50usd',
  '1e3',
  'https://127.0.0.1:9',
  'https://a:b@127.0.0.1',
  'held',
  '{run}',
  'wan26_r2v=0.5',
  'out.csv',
  'clips',
  '__proto__=1',
]
const KEYS = [
  `--key=${CANARY}`,
  '--key',
  `--api-key=${CANARY}`,
  `--token`,
  `-key=${CANARY}`,
  `--secret=${CANARY}`,
  `--KEY=${CANARY}`,
]

type Input = string[]
/** What serves until it is stopped is stopped before it begins. */
const stopped = AbortSignal.abort(new Error('asked to stop'))

/** Command lines, read and worked off with nothing to ask and nothing confirmed. */
export const door: FuzzDoor<Input> = {
  name: 'arguments',
  memoryMb: 256,
  inputs: { short: 50, long: 4_000 },
  arbitrary: fc
    .tuple(
      fc.constantFrom(...COMMANDS),
      fc.array(
        fc.oneof(
          { weight: 4, arbitrary: fc.constantFrom(...OPTIONS) },
          { weight: 4, arbitrary: fc.constantFrom(...WORDS) },
          { weight: 2, arbitrary: fc.constantFrom(...COMMANDS) },
          { weight: 2, arbitrary: nastyText },
          { weight: 1, arbitrary: fc.constantFrom(...KEYS) },
        ),
        { maxLength: 7 },
      ),
    )
    .map(([first, rest]) => [first, ...rest]),
  open: async (sandbox) => {
    mkdirSync(join(sandbox.inside, 'home'))
    writeFileSync(join(sandbox.inside, 'sheet.csv'), 'prompt,model\na lake,wan26_r2v\n')
    // Loading the core and making a data folder is no input.
    const first = await parse(['models'])
    if ('work' in first) await work(first.work, sandbox, '')
  },
  attack: async (args, sandbox) => {
    const given = args.join(' ')
    const key = findKeyArgument(args)
    if (key) return void sandbox.saw(insistProblem(key))
    insist(!args.some((arg) => arg.includes(CANARY)), 'a key as an argument was taken')
    const parsed = await parse(args)
    if ('wrong' in parsed) return void sandbox.saw(insistProblem(parsed.wrong, given))
    if ('help' in parsed) return sandbox.saw(parsed.help)
    await work(parsed.work, sandbox, given)
  },
}

async function work(
  run: (session: Session) => Promise<number>,
  sandbox: Sandbox,
  given: string,
): Promise<void> {
  let said = ''
  const stream = new Writable({
    write: (chunk, _encoding, next) => {
      said += String(chunk)
      next()
    },
  }) as unknown as NodeJS.WriteStream
  const home = join(sandbox.inside, 'home')
  const session: Session = {
    out: new Output({ stdout: stream, stderr: stream }, false, { isNpm: false, home }),
    home,
    log: createFileLog(home, Date.now),
    environment: { REELSHEET_KEY_NIGHT: CANARY },
    canAsk: false,
    practiceSpeed: undefined,
    signal: stopped,
  }
  try {
    const exitCode = await (async () => run(session))()
    insist(Number.isInteger(exitCode), `an exit code of ${exitCode}`)
  } catch (error) {
    sandbox.saw(error)
    if (error !== stopped.reason) insistProblem(problemOf(error), given)
  }
  sandbox.saw(said)
}
