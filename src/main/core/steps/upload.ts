import { ProblemError, problem } from '../../../shared/problem.ts'
import type { Reference } from '../../../shared/reference.ts'
import type { Engine, KeepUpload, Report, StepInput } from '../jobs/engine.ts'
import { backOffMs, UPLOAD_MARGIN_MS } from '../jobs/policy.ts'
import { Busy, type Provider, Refused, Unreachable, type UploadRequest } from '../provider/provider.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { Store } from '../store/store.ts'
import { accountTrouble, paceOf } from './trouble.ts'

/** One upload of a reference to an account at a time, whoever asks for it. */
const underWay = new WeakMap<Store, Map<string, Promise<void>>>()

/** References of a job that have no address yet which lives long enough at this account. */
export function missingUploads(
  jobId: number,
  account: AccountRecord,
  provider: Provider,
  store: Store,
  now: number,
): Reference[] {
  if (provider.can.inlineReferences) return []
  const missing = new Map<number, Reference>()
  for (const { referenceId } of store.jobs.references(jobId)) {
    if (referenceId === null) continue
    if (store.references.freshUpload(referenceId, account.id, now, UPLOAD_MARGIN_MS)) continue
    const reference = store.references.get(referenceId)
    if (reference) missing.set(referenceId, reference)
  }
  return [...missing.values()]
}

/**
 * Brings a job's references to the provider's file service. Uploading is free and may be repeated; each
 * address is kept as soon as it is known, once per reference and account.
 */
export async function upload(
  { job, account, provider }: StepInput,
  engine: Engine,
  keep: KeepUpload,
  signal: AbortSignal,
): Promise<Report> {
  try {
    for (const reference of missingUploads(job.id, account, provider, engine.store, engine.clock.now())) {
      await uploadOnce({ reference, jobId: job.id, account, provider, engine, keep, signal })
    }
    return { event: { type: 'ready' }, pace: { type: 'online' } }
  } catch (error) {
    return reportTrouble({ job, account, provider }, engine, error)
  }
}

interface OneUpload {
  reference: Reference
  jobId: number
  account: AccountRecord
  provider: Provider
  engine: Engine
  keep: KeepUpload
  signal: AbortSignal
}

async function uploadOnce(given: OneUpload): Promise<void> {
  const key = `${given.account.id}:${given.reference.id}`
  const running = underWay.get(given.engine.store) ?? new Map<string, Promise<void>>()
  underWay.set(given.engine.store, running)
  let one = running.get(key)
  if (!one) {
    one = send(given).finally(() => running.delete(key))
    running.set(key, one)
  }
  await one
}

async function send({ reference, jobId, account, provider, engine, keep, signal }: OneUpload): Promise<void> {
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

/** A base that refuses a kind of file will refuse the next one too: it is remembered for the account. */
class KindRefused extends Error {
  override readonly name = 'KindRefused'
  readonly kind: Reference['kind']
  readonly refusal: Refused
  constructor(kind: Reference['kind'], refusal: Refused) {
    super(refusal.message, { cause: refusal })
    this.kind = kind
    this.refusal = refusal
  }
}

const isOfKind = (error: unknown, kind: Refused['kind']): error is Refused =>
  error instanceof Refused && error.kind === kind

/** Deletes our own files at the service that no unfinished row needs; returns how many places that freed. */
async function makeRoom({
  account,
  provider,
  engine,
  signal,
}: Pick<OneUpload, 'account' | 'provider' | 'engine' | 'signal'>): Promise<number> {
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
