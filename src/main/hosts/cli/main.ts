import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Problem, problem } from '../../../shared/problem.ts'
import { createFileLog, type FileLog } from '../log.ts'
import { EXIT, exitCodeOfProblem } from './exit-code.ts'
import { defaultHome } from './home.ts'
import { Output } from './output.ts'
import { findKeyArgument, parse } from './program.ts'
import { PROJECT, problemOf, type Session } from './session.ts'
import { asTyped } from './words.ts'

/** Signals that come through a terminal and again through a parent are one wish to stop. */
const SAME_SIGNAL_MS = 500

/** Runs one command line and returns its exit code. Everything that goes wrong ends as one sentence here. */
async function main(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const isJson = args.includes('--json')
  const key = findKeyArgument(args)
  const parsed = key ? { wrong: key } : await parse(args)
  const out = new Output({ stdout: process.stdout, stderr: process.stderr }, isJson, {
    isNpm: environment.npm_package_json === join(PROJECT, 'package.json'),
    home: 'home' in parsed ? parsed.home : undefined,
  })
  if ('help' in parsed) {
    process.stdout.write(asTyped(parsed.help, out.invocation))
    return EXIT.archived
  }
  if ('wrong' in parsed) {
    out.trouble(parsed.wrong)
    out.end(EXIT.wrongUse)
    return EXIT.wrongUse
  }
  const home = resolve(
    parsed.home ??
      (environment.REELSHEET_HOME ||
        defaultHome({ platform: process.platform, environment, userFolder: homedir() })),
  )
  const log = createFileLog(home, Date.now)
  const session: Session = {
    out,
    home,
    log,
    environment,
    canAsk: !isJson && process.stdin.isTTY === true && process.stderr.isTTY === true,
    practiceSpeed: parsed.practiceSpeed,
    signal: stopSignal(out),
  }
  process.on('uncaughtException', (error) => {
    const exitCode = explain(error, session)
    out.end(exitCode)
    process.exit(exitCode)
  })
  const exitCode = await begin(parsed.work, session).catch((error: unknown) => explain(error, session))
  out.end(exitCode)
  return exitCode
}

/** A command that refuses its arguments throws at once; that is an answer like any other. */
const begin = async (work: (session: Session) => Promise<number>, session: Session): Promise<number> =>
  work(session)

function explain(error: unknown, { out, log, signal }: Session): number {
  if (signal.aborted) {
    out.hint('Stopped. Nothing more was ordered.')
    return EXIT.interrupted
  }
  const found = problemOf(error)
  const told = found.code === 'internal' ? unexpected(error, found, log) : found
  out.trouble(told)
  return exitCodeOfProblem(told.code)
}

/** A fault of ours: one sentence here, the rest in the log. */
function unexpected(error: unknown, found: Problem, log: FileLog): Problem {
  log.error('command failed', { error: String((error as Error)?.stack ?? error), logRef: found.place.logRef })
  return problem(
    'internal',
    'Reelsheet made a mistake and ended this command; nothing is sent or deleted because of it.',
    `Try again; if it stays, the log says more: ${log.path}`,
    found.place,
  )
}

/** The first signal asks to stop, a second one ends at once: what is on disk is enough to go on. */
function stopSignal(out: Output): AbortSignal {
  const stop = new AbortController()
  let askedAt = 0
  const ask = (): void => {
    if (!stop.signal.aborted) {
      askedAt = Date.now()
      stop.abort(new Error('asked to stop'))
    } else if (Date.now() - askedAt > SAME_SIGNAL_MS) {
      out.end(EXIT.interrupted)
      process.exit(EXIT.interrupted)
    }
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, ask)
  return stop.signal
}

/** Started by `bin/reelsheet.js`, this process ends with it, however that ends: nobody would see it work on. */
function endWithParent(): void {
  if (!process.channel) return
  process.on('disconnect', () => process.exit(EXIT.interrupted))
  process.channel.unref()
}

endWithParent()
// A reader that has seen enough (`| head`) is not a fault, but what was asked for is not done either.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.interrupted : EXIT.failed),
)
const exitCode = await main(process.argv.slice(2), process.env)
// Written out first: an exit does not wait for a slow pipe.
process.stdout.write('', () => process.exit(exitCode))
