import { findModel } from '../../../shared/models/catalogue.ts'
import { type Problem, problem } from '../../../shared/problem.ts'
import {
  AddressRefused,
  ClientBlocked,
  ContentInvalid,
  DiskTrouble,
  LinkRefused,
  TransferBroken,
} from '../archive/errors.ts'
import type { SidecarFacts } from '../archive/sidecar.ts'
import { type ArchivedClip, archiveOutput } from '../archive/store-clip.ts'
import { DEFAULT_TRANSFER_LIMITS } from '../archive/transfer.ts'
import { isTaken } from '../jobs/clip-name.ts'
import type { Engine, Report } from '../jobs/engine.ts'
import { backOffMs, FORGOTTEN_AFTER, LINK_LIFE_MS } from '../jobs/policy.ts'
import type { Provider, TaskReading } from '../provider/provider.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { JobRecord } from '../store/jobs.ts'
import type { RunRecord } from '../store/runs.ts'

interface DownloadInput {
  job: JobRecord
  account: AccountRecord
  /** For a fresh link; null when the account is gone. */
  provider: Provider | null
}

/** After this many failures in a row of one kind the output counts as not to be had: content at once … */
const CONTENT_TRIES = 6
/** … and a link that is refused after more than an hour, because an outage ends. */
const LINK_TRIES = 20
const DISK_RETRY_MS = 30_000

/**
 * Archives a job's output: paid for, so nothing but a sure "it is gone" ends the trying. A link that is
 * refused, or that fails twice, is replaced by a fresh one from the task; bytes already fetched are kept.
 */
export async function download(input: DownloadInput, engine: Engine, signal: AbortSignal): Promise<Report> {
  const { job, account } = input
  const run = engine.store.runs.get(job.runId)
  if (!run || job.link === null || job.clipName === null)
    throw new Error(`job ${job.id} has nothing to fetch`)
  engine.checkpoint('download.started')
  try {
    const archived = await archiveOutput({
      ...DEFAULT_TRANSFER_LIMITS,
      url: job.link,
      folder: run.archiveFolder,
      wantedName: job.clipName,
      takenByOthers: (name) => isTaken(name, run, job.id, engine.store),
      order: orderOf(job),
      sidecar: sidecarFacts(job, run, account, engine),
      allowLoopback: isOnThisMachine(account),
      userAgent: engine.userAgent,
      proxyUrl: account.proxyUrl ?? undefined,
      agents: engine.agents,
      checkpoint: engine.checkpoint,
      clock: engine.clock,
      signal,
      onProgress: (doneBytes, totalBytes) =>
        engine.progressed({ jobId: job.id, direction: 'down', doneBytes, totalBytes }),
      ...(engine.disk && { disk: engine.disk }),
    })
    return reportSaved(
      job,
      run,
      { ...archived, problem: archived.problem ?? leftOver(job, engine) },
      engine.clock.now(),
    )
  } catch (error) {
    signal.throwIfAborted()
    return await reportTrouble(input, engine, error, signal)
  }
}

/** An account of this machine may name addresses of this machine. */
function isOnThisMachine({ family, baseUrl }: AccountRecord): boolean {
  if (family === 'practice') return true
  const { hostname } = new URL(baseUrl ?? 'https://none.invalid')
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname)
}

function orderOf({ order }: JobRecord) {
  const { width, height, duration, expectsSound } = order
  return {
    width: typeof width === 'number' ? width : undefined,
    height: typeof height === 'number' ? height : undefined,
    durationSeconds: typeof duration === 'number' ? duration : null,
    expectsSound: typeof expectsSound === 'boolean' ? expectsSound : undefined,
  }
}

const moment = (at: number): string => new Date(at).toISOString()

function sidecarFacts(job: JobRecord, run: RunRecord, account: AccountRecord, engine: Engine): SidecarFacts {
  const { store, appVersion, clock } = engine
  const line = store.ledger.ofJob(job.id).at(-1)
  return {
    prompt: job.prompt,
    model: job.model,
    family: findModel(job.model)?.family ?? account.family,
    account: account.name,
    task: { id: job.remoteId ?? '', output: 0 },
    order: job.order,
    references: store.jobs.references(job.id).map((one) => ({
      position: one.position,
      role: one.role,
      name: one.name,
      kind: one.kind,
      sha256: one.referenceId === null ? null : (store.references.get(one.referenceId)?.sha256 ?? null),
      address: one.address === null ? null : (one.address.split(/[?#]/)[0] ?? null),
    })),
    run: { id: run.id, name: run.name },
    job: { id: job.id, row: job.row, rowKey: job.rowKey, name: job.name, take: job.take },
    times: {
      createdAt: moment(job.createdAt),
      submittedAt: job.acceptedAt === null ? null : moment(job.acceptedAt),
      finishedAt: moment(clock.now()),
    },
    price: {
      currency: account.currency,
      estimatedMicros: job.estimateMicros,
      reservedMicros: line?.reservedMicros ?? null,
      chargedMicros: line?.chargedMicros ?? null,
    },
    appVersion,
  }
}

/** No model of the catalogue makes several files for one order; should one, the person hears of the others in time. */
function leftOver(job: JobRecord, { store }: Engine): Problem | null {
  const outputs = Number(store.events.latestFacts(job.id, 'rendered')?.outputs ?? 1)
  if (!(outputs > 1)) return null
  return problem(
    'clip-differs',
    `The provider names ${outputs} files for this clip, and the first of them is archived. The others are paid for as well and wait at the provider until their links die, about a day after the clip was made.`,
    'Open the task on the provider’s own page and save the other files there.',
    { jobId: job.id, remoteId: job.remoteId ?? '' },
    'warning',
  )
}

function reportSaved(job: JobRecord, run: RunRecord, archived: ArchivedClip, now: number): Report {
  const { facts } = archived
  return {
    event: { type: 'saved' },
    clip: {
      jobId: job.id,
      runId: job.runId,
      archiveFolder: run.archiveFolder,
      path: archived.path,
      sidecarPath: archived.sidecarPath,
      sha256: archived.sha256,
      sizeBytes: archived.sizeBytes,
      width: facts.width,
      height: facts.height,
      durationMs: facts.durationMs,
      hasSound: facts.hasSound,
      model: job.model,
      prompt: job.prompt,
      remoteId: job.remoteId,
      problem: archived.problem,
      createdAt: now,
    },
    facts: { path: archived.path, sha256: archived.sha256 },
  }
}

async function reportTrouble(
  input: DownloadInput,
  engine: Engine,
  error: unknown,
  signal: AbortSignal,
): Promise<Report> {
  const { job } = input
  const now = engine.clock.now()
  const wait = now + backOffMs(job.setbacks, engine.random.next())
  if (error instanceof DiskTrouble) return setBack(error.problem, now + DISK_RETRY_MS, false)
  if (error instanceof LinkRefused || error instanceof AddressRefused) {
    return await freshLink(input, error.problem, engine, signal, LINK_TRIES)
  }
  if (error instanceof ContentInvalid) {
    if (isHopeless(job, error, now)) return { event: { type: 'refused', problem: error.problem } }
    return await freshLink(input, error.problem, engine, signal, error.isReplaced ? null : LINK_TRIES)
  }
  if (error instanceof ClientBlocked) return setBack(error.problem, now + DISK_RETRY_MS * 10, true)
  if (error instanceof TransferBroken) {
    if (error.isOffline) return setBack(error.problem, wait, true)
    // The second failure in a row may be the link's: a task that is read again costs nothing.
    if (job.setbacks % 2 === 1) return await freshLink(input, error.problem, engine, signal, null)
    return setBack(error.problem, error.retryAfterMs === null ? wait : now + error.retryAfterMs, true)
  }
  throw error
}

/** The same trouble as the time before, and there were many times: a net that was down says nothing of a link. */
const isOften = (job: JobRecord, found: Problem, times: number): boolean =>
  job.setbacks + 1 >= times && job.problem?.code === found.code

/**
 * Whole bytes that are no video are no better the next time. A page in place of the clip says nothing of it: a
 * captive portal ends, so it is asked for until the link's life is over.
 */
function isHopeless(job: JobRecord, { problem: found, isReplaced }: ContentInvalid, now: number): boolean {
  if (!isReplaced) return isOften(job, found, CONTENT_TRIES)
  return isOften(job, found, LINK_TRIES) && now >= (job.linkExpiresAt ?? 0)
}

const setBack = (found: Problem, retryAt: number, counts: boolean): Report => ({
  event: { type: 'set-back', problem: found, retryAt, counts },
})

/**
 * Reads the task again for a link that works. The link's own failure is what is told when there is none.
 * Without `tries` nothing speaks against the link itself, so it is not given up.
 */
async function freshLink(
  { job, provider }: DownloadInput,
  found: Problem,
  engine: Engine,
  signal: AbortSignal,
  tries: number | null,
): Promise<Report> {
  const now = engine.clock.now()
  const later = setBack(found, now + backOffMs(job.setbacks, engine.random.next()), true)
  let reading: TaskReading | undefined
  try {
    reading = (await provider?.read([job.remoteId as string], signal))?.get(job.remoteId as string)
  } catch (error) {
    signal.throwIfAborted()
    engine.log.info('no fresh link yet', { jobId: job.id, reason: (error as Error).name })
    return later
  }
  const link = reading?.state === 'succeeded' ? reading.urls[0] : undefined
  if (link !== undefined && link !== job.link) {
    // Not at once, and counted: a provider whose every link is refused must not be asked in a circle.
    return {
      event: {
        type: 'relinked',
        link,
        // How long a fresh link lives is not stated anywhere, so the first one's end stays the alarm.
        linkExpiresAt: job.linkExpiresAt ?? now + LINK_LIFE_MS,
        problem: found,
        retryAt: job.setbacks === 0 ? now : now + backOffMs(job.setbacks, engine.random.next()),
      },
    }
  }
  const enough = reading?.state === 'forgotten' ? FORGOTTEN_AFTER : tries
  const isGone = tries !== null && enough !== null && isOften(job, found, enough)
  return isGone ? { event: { type: 'refused', problem: found } } : later
}
