import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createRouterClient } from '@orpc/server'
import { type Practice, type PracticeOptions, startPractice } from '../../practice/index.ts'
import { problem } from '../../shared/problem.ts'
import { createTransferAgents } from './archive/transfer.ts'
import { Changes } from './changes.ts'
import { addAccount } from './handlers/accounts.ts'
import type { Core } from './handlers/context.ts'
import { router } from './handlers/router.ts'
import type { Engine } from './jobs/engine.ts'
import { recover } from './jobs/recover.ts'
import { Scheduler } from './jobs/scheduler.ts'
import type { Ports } from './ports.ts'
import { Providers } from './providers.ts'
import { createReferenceStore } from './references/store.ts'
import { indexWords } from './sheets/words.ts'
import type { AccountRecord } from './store/accounts.ts'
import { takeFolder } from './store/owner.ts'
import { completeRestore } from './store/restore.ts'
import { openStore } from './store/store.ts'

export interface AppOptions {
  /** The data folder: database, references, practice provider, backups. */
  home: string
  version: string
  /** Who has the folder, for the sentence a second process shows. */
  who: string
  /** False: only look. No lock, no work, nothing started; another process may be working meanwhile. */
  isOwner?: boolean
  practice: Pick<PracticeOptions, 'resources'> & Partial<Omit<PracticeOptions, 'folder' | 'clock' | 'random'>>
  gestures?: Core['gestures']
  mediaBase?: string | null
}

const DAY_MS = 24 * 60 * 60 * 1000

/**
 * The core of one data folder. `start` recovers what was left behind and begins to work; `stop` lets
 * requests in flight settle and may be called twice. Throws `folder-in-use`, `database-newer` or
 * `database-damaged`.
 */
export function createApp(ports: Ports, options: AppOptions) {
  mkdirSync(options.home, { recursive: true, mode: 0o700 })
  const isOwner = options.isOwner ?? true
  const owner = isOwner ? takeFolder(options.home, options.who, ports.clock.now()) : null
  const database = join(options.home, 'reelsheet.db')
  const store = openOrRelease(database, owner, ports.clock.now())
  const userAgent = `Reelsheet/${options.version}`
  const providers = new Providers(ports, store, userAgent)
  const changes = new Changes(ports.clock)
  const agents = createTransferAgents()
  const engine: Engine = {
    ...ports,
    store,
    references: createReferenceStore(join(options.home, 'references')),
    agents,
    userAgent,
    appVersion: options.version,
    providerFor: (account, model) => providers.for(account, model),
    changed: (jobId) => changes.job(jobId),
    progressed: (transfer) => changes.transfer(transfer),
    noticed: (problem) => changes.notice(problem),
  }
  const scheduler = new Scheduler(engine)
  const core: Core = {
    engine,
    scheduler,
    changes,
    home: options.home,
    isOwner,
    gestures: options.gestures ?? [],
    mediaBase: options.mediaBase ?? null,
    forgetProvider: (accountId) => providers.forget(accountId),
    hasKey: (account) => account.family === 'practice' || ports.secrets.read(account.name) !== undefined,
  }
  if (isOwner && store.accounts.list().length === 0)
    addAccount(core, { name: 'practice', family: 'practice' })
  const stopping = new AbortController()
  let practice: Practice | null = null
  let isStarted = false
  let stopped: Promise<void> | null = null

  async function start(): Promise<void> {
    if (isStarted) return
    isStarted = true
    practice = await startPractice({
      ...options.practice,
      folder: join(options.home, 'practice'),
      clock: ports.clock,
      random: ports.random,
    })
    providers.usePractice(practice)
    checkKeys(core)
    recover(engine)
    scheduler.start()
    void indexWords(engine)
    void backUpDaily()
  }

  async function backUpDaily(): Promise<void> {
    while (!stopping.signal.aborted) {
      await store.backUp(ports.clock.now()).catch((error: unknown) => {
        if (!stopping.signal.aborted) ports.log.error('backup failed', { error: (error as Error).message })
      })
      await ports.clock.sleep(DAY_MS, stopping.signal).catch(() => undefined)
    }
  }

  async function stop(): Promise<void> {
    stopping.abort()
    changes.close()
    await scheduler.stop()
    await providers.close()
    await agents.close()
    await practice?.stop()
    store.close()
    owner?.release()
  }

  return {
    router,
    core,
    /** A typed client in this process: the command line's and the tests' way in. */
    client: createRouterClient(router, { context: core }),
    start,
    stop: () => {
      stopped ??= stop()
      return stopped
    },
    /** The practice provider of this data folder, once started. */
    get practice(): Practice | null {
      return practice
    },
  }
}
export type App = ReturnType<typeof createApp>

function openOrRelease(database: string, owner: { release(): void } | null, now: number) {
  try {
    if (owner) completeRestore(database, now)
    return openStore(database)
  } catch (error) {
    owner?.release()
    throw error
  }
}

/** An account without its key waits with one clear sentence; one whose key came back goes on. */
function checkKeys({ engine: { store }, hasKey }: Core): void {
  for (const account of store.accounts.list()) {
    if (hasKey(account)) {
      if (account.problem?.code === 'key-missing') store.accounts.update({ ...account, ...FREE })
      continue
    }
    if (account.stops === 'everything') continue
    store.accounts.update({
      ...account,
      stops: 'everything',
      stopsUntilAt: null,
      problem: keyMissing(account),
    })
  }
}

const FREE = { stops: 'nothing', stopsUntilAt: null, problem: null } as const

const keyMissing = ({ name }: AccountRecord) =>
  problem(
    'key-missing',
    `The account "${name}" has no key here, so nothing can be bought, read or uploaded with it. Its rows keep their place.`,
    `Set REELSHEET_KEY_${name.toUpperCase().replaceAll('-', '_')} and start again.`,
    { account: name },
  )
