import { ProblemError, problem } from '../../../shared/problem.ts'
import type { Reference } from '../../../shared/reference.ts'
import type { Engine, KeepUpload, Report, StepInput } from '../jobs/engine.ts'
import { holderOf, placeJob, type Way } from '../jobs/placement.ts'
import { backOffMs, UPLOAD_MARGIN_MS } from '../jobs/policy.ts'
import { Busy, type Provider, Refused, Unreachable, type UploadRequest } from '../provider/provider.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { Store } from '../store/store.ts'
import { accountTrouble, isOfKind, KindRefused, paceOf } from './trouble.ts'
import { findHost, HostWaits, reportHostTrouble, withoutWay } from './upload-host.ts'

/** One upload of a reference to an account at a time, whoever asks for it. */
const underWay = new WeakMap<Store, Map<string, Promise<void>>>()

/** References of a job that still need an address which lives long enough, at its own account or at its host. */
export function missingUploads(
  jobId: number,
  account: AccountRecord,
  provider: Provider,
  store: Store,
  now: number,
): Reference[] {
  return [...missingFiles(jobId, account, provider, store, now).values()].map(({ reference }) => reference)
}

interface MissingFile {
  reference: Reference
  way: Way
}

/** By reference: one that stands in a row twice is brought up once. */
function missingFiles(
  jobId: number,
  account: AccountRecord,
  provider: Provider,
  store: Store,
  now: number,
): Map<number, MissingFile> {
  const missing = new Map<number, MissingFile>()
  for (const { reference, way } of placeJob(jobId, account, provider, store)) {
    if (!reference || way === 'inside') continue
    const holder = holderOf(way, account, store)
    if (holder && store.references.freshUpload(reference.id, holder.id, now, UPLOAD_MARGIN_MS)) continue
    missing.set(reference.id, { reference, way })
  }
  return missing
}

/**
 * Brings a job's references to the file service that holds them: of its own account, or of the account that the
 * person chose as its host, with that one's key. Uploading is free and may be repeated; each address is kept as
 * soon as it is known, once per reference and holder.
 */
export async function upload(
  input: StepInput,
  engine: Engine,
  keep: KeepUpload,
  signal: AbortSignal,
): Promise<Report> {
  const { job, account, provider } = input
  let holder: Holder | null = null
  try {
    const missing = missingFiles(job.id, account, provider, engine.store, engine.clock.now())
    for (const { reference, way } of missing.values()) {
      if (way === 'nowhere') throw new Refused(withoutWay(reference, input, engine))
      holder = way === 'host' ? findHost(input, engine) : { account, provider, isHost: false }
      await uploadOnce({ reference, jobId: job.id, holder, engine, keep, signal })
    }
    // What a host answers says nothing of the connection to this account's provider.
    return { event: { type: 'ready' }, ...(!holder?.isHost && { pace: { type: 'online' } }) }
  } catch (error) {
    if (error instanceof HostWaits) {
      const { waits, retryAt } = error
      return { event: { type: 'set-back', problem: waits, retryAt, counts: false } }
    }
    return holder?.isHost
      ? reportHostTrouble(input, holder.account, engine, error)
      : reportTrouble(input, engine, error)
  }
}

/** Whose file service takes the file, and who speaks to it. */
interface Holder {
  account: AccountRecord
  provider: Provider
  isHost: boolean
}

interface OneUpload {
  reference: Reference
  jobId: number
  holder: Holder
  engine: Engine
  keep: KeepUpload
  signal: AbortSignal
}

async function uploadOnce(given: OneUpload): Promise<void> {
  const key = `${given.holder.account.id}:${given.reference.id}`
  const running = underWay.get(given.engine.store) ?? new Map<string, Promise<void>>()
  underWay.set(given.engine.store, running)
  let one = running.get(key)
  if (!one) {
    one = send(given).finally(() => running.delete(key))
    running.set(key, one)
  }
  await one
}

async function send({ reference, jobId, holder, engine, keep, signal }: OneUpload): Promise<void> {
  const { account, provider } = holder
  if (!provider.upload || account.options.uploadRefusedKinds.includes(reference.kind)) {
    throw new Refused({
      kind: 'upload_type_refused',
      scope: 'job',
      problem: problem(
        'reference-needs-address',
        `The account "${account.name}" has no file service that takes a ${reference.kind}, so ${reference.name} cannot be uploaded. Nothing was bought.`,
        'Put the file at a public https address and write that address into the sheet.',
        { jobId, file: reference.name, account: account.name },
      ),
    })
  }
  engine.checkpoint('upload.started')
  const stored = engine.references.open(reference.sha256)
  const request: UploadRequest = {
    sha256: reference.sha256,
    name: reference.name,
    mediaType: reference.mediaType,
    sizeBytes: stored.sizeBytes,
    stream: stored.stream,
    onProgress: (doneBytes) =>
      engine.progressed({ jobId, direction: 'up', doneBytes, totalBytes: stored.sizeBytes }),
  }
  const uploaded = await provider.upload(request, signal).catch(async (error: unknown) => {
    if (isOfKind(error, 'upload_type_refused')) throw new KindRefused(reference.kind, error)
    const isFull = isOfKind(error, 'upload_quota')
    if (!isFull || (await makeRoom({ account, provider, engine, signal })) === 0) throw error
    return await provider.upload?.(request, signal)
  })
  if (!uploaded) throw new Error('the file service went away')
  engine.checkpoint('upload.answered')
  keep({
    referenceId: reference.id,
    accountId: account.id,
    url: uploaded.url,
    fileId: uploaded.fileId,
    expiresAt: uploaded.expiresAt,
    createdAt: engine.clock.now(),
  })
  engine.checkpoint('upload.stored')
}

/** Deletes our own files at the service that no unfinished row needs; returns how many places that freed. */
async function makeRoom({
  account,
  provider,
  engine,
  signal,
}: Pick<Holder, 'account' | 'provider'> & Pick<OneUpload, 'engine' | 'signal'>): Promise<number> {
  let freed = 0
  for (const unused of engine.store.references.unusedUploads(account.id)) {
    if (unused.fileId === null || !provider.deleteFile) continue
    const { references } = engine.store
    // Forgotten first: a row that comes meanwhile must not be sent with an address that is about to die.
    if (!references.unusedUploads(account.id).some(({ id }) => id === unused.id)) continue
    references.forgetUpload(unused.id)
    await provider.deleteFile(unused.fileId, signal).catch((error: unknown) => {
      if (isOfKind(error, 'not_found')) return
      const { id: _id, ...kept } = unused
      references.addUpload(kept)
      throw error
    })
    freed += 1
  }
  return freed
}

function reportTrouble({ job, account }: StepInput, engine: Engine, error: unknown): Report {
  const now = engine.clock.now()
  const later = now + backOffMs(job.setbacks, engine.random.next())
  if (error instanceof Busy) {
    const wait = error.retryAfterMs ?? 30_000
    return {
      event: { type: 'set-back', problem: error.problem, retryAt: now + wait, counts: !error.isRateLimit },
      ...paceOf(error, wait),
    }
  }
  if (error instanceof Unreachable) {
    return {
      event: { type: 'set-back', problem: error.problem, retryAt: later, counts: true },
      ...paceOf(error, 0),
    }
  }
  if (isOfKind(error, 'upload_quota') || (error instanceof Refused && error.scope === 'account')) {
    // A full file service is the account's trouble: its rows keep their place until there is room.
    return {
      event: { type: 'set-back', problem: error.problem, retryAt: now, counts: false },
      account: accountTrouble(error, now),
    }
  }
  if (error instanceof KindRefused) {
    const kinds = [...new Set([...account.options.uploadRefusedKinds, error.kind])]
    return {
      event: { type: 'refused', problem: error.refusal.problem },
      learned: { uploadRefusedKinds: kinds },
    }
  }
  // A copy that vanished from the data folder is a `ProblemError`: no number of tries brings it back.
  if (error instanceof Refused || error instanceof ProblemError) {
    return { event: { type: 'refused', problem: error.problem } }
  }
  throw error
}
