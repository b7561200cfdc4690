import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ProblemError, problem } from '../../../shared/problem.ts'
import type { App } from '../../core/app.ts'
import { problemOf } from '../../core/handlers/context.ts'
import { systemClock, systemRandom } from '../../core/system.ts'
import type { FileLog } from '../log.ts'
import { createSecrets } from '../secrets.ts'
import type { Output } from './output.ts'

export const PROJECT = resolve(import.meta.dirname, '../../../..')
export const PRACTICE_CLIPS = join(PROJECT, 'resources', 'practice')
const PRACTICE_SPEED = 20

export type Client = App['client']

/** What every command is given. */
export interface Session {
  out: Output
  home: string
  log: FileLog
  environment: NodeJS.ProcessEnv
  /** True when a person can be asked. */
  canAsk: boolean
  practiceSpeed: number | undefined
  /** Aborted by Ctrl-C or SIGTERM. */
  signal: AbortSignal
}

export function readVersion(): string {
  const found = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { version?: unknown }
  return String(found.version)
}

/** The core for a command that changes something: nobody else may have the folder meanwhile. */
export async function withOwner<T>(session: Session, work: (app: App) => Promise<T>): Promise<T> {
  return use(await open(session, true), work)
}

/**
 * The core for a command that only looks, also while another Reelsheet is working. A folder that is not
 * there yet is made first.
 */
export async function withLook<T>(session: Session, work: (client: Client) => Promise<T>): Promise<T> {
  if (!existsSync(join(session.home, 'reelsheet.db'))) {
    await use(await open(session, true), async () => undefined)
  }
  return use(await open(session, false), (app) => work(app.client))
}

async function use<T>(app: App, work: (app: App) => Promise<T>): Promise<T> {
  try {
    return await work(app)
  } finally {
    await app.stop()
  }
}

async function open(session: Session, isOwner: boolean): Promise<App> {
  // Loaded here, so that help and wrong use are answered at once.
  const { createApp } = await import('../../core/app.ts')
  const { home, log, environment, practiceSpeed } = session
  try {
    makeFolder(home)
    return createApp(
      {
        clock: systemClock,
        random: systemRandom,
        log,
        secrets: createSecrets(home, environment),
        checkpoint: () => undefined,
      },
      {
        home,
        version: readVersion(),
        who: 'the command line',
        isOwner,
        practice: { resources: PRACTICE_CLIPS, speed: practiceSpeed ?? PRACTICE_SPEED },
      },
    )
  } catch (error) {
    throw explainHome(error, home)
  }
}

/** Folder by folder: Node's own recursive way never returns where a folder takes none, as in /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Made by somebody else meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

const FOLDER_FAULTS: Record<string, string> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the disk is read-only',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'it is a file',
  ENOENT: 'no folder can be made there',
  SQLITE_CANTOPEN: 'its database cannot be opened for writing',
  SQLITE_READONLY: 'its database may not be written',
  SQLITE_READONLY_DIRECTORY: 'this user may not write there',
}

/** A data folder that cannot be used is the person's to mend, not a fault of ours. */
function explainHome(error: unknown, home: string): unknown {
  const code = (error as { code?: string }).code ?? ''
  const isFull = code === 'ENOSPC' || code === 'SQLITE_FULL'
  const why = isFull ? 'the disk is full' : FOLDER_FAULTS[code]
  if (why === undefined) return error
  return new ProblemError(
    problem(
      isFull ? 'disk-full' : 'folder-unwritable',
      `The data folder ${home} cannot be used: ${why}. Nothing was changed.`,
      isFull ? 'Free some space, then try again.' : 'Choose another folder with --home or REELSHEET_HOME.',
      { file: home },
    ),
    { cause: error },
  )
}

/** A run by its id or its name. Throws `not-found`. */
export async function findRun(client: Client, text: string) {
  const runs = await client.runs.list()
  const named = runs.filter((run) => run.name === text)
  const run = named.at(0) ?? runs.find((one) => String(one.id) === text)
  if (run) return run
  throw new ProblemError(
    problem('not-found', `There is no run "${text}".`, 'See "reelsheet status" for the runs there are.'),
  )
}

/** A job's number as typed. Throws `wrong-use`. */
export function toJobId(text: string): number {
  const id = Number(text.replace(/^#/, ''))
  if (Number.isSafeInteger(id) && id > 0) return id
  throw new ProblemError(
    problem('wrong-use', `"${text}" is not the number of a job.`, 'See "reelsheet jobs" for the numbers.'),
  )
}

export { problemOf }
