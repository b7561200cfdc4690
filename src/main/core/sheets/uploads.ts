import type { UploadPlan } from '../../../shared/check.ts'
import { findModel } from '../../../shared/models/catalogue.ts'
import { placeFiles } from '../../../shared/models/file-host.ts'
import { type Problem, problem } from '../../../shared/problem.ts'
import type { Engine } from '../jobs/engine.ts'
import { holderOf, hostRules } from '../jobs/placement.ts'
import { UPLOAD_MARGIN_MS } from '../jobs/policy.ts'
import { fileQuotaOf } from '../providers.ts'
import type { AccountRecord } from '../store/accounts.ts'
import { turnOfLoop } from '../system.ts'
import type { Media } from './media-desk.ts'
import type { ReadyRow } from './row-desk.ts'
import { isTurn } from './steps.ts'

/**
 * The files that rows need at accounts with a file service and that do not lie there yet, each once, with what each
 * service still takes. Waits for that at most two seconds.
 */
export async function planUploads(
  ports: Pick<Engine, 'store' | 'clock' | 'providerFor'>,
  rows: readonly ReadyRow[],
): Promise<UploadPlan[]> {
  const wanted = new Map<number, { account: AccountRecord; files: Map<string, number> }>()
  const looked = new Set<string>()
  for (const [at, row] of rows.entries()) {
    if (isTurn(at)) await turnOfLoop()
    for (const { media, holder } of placesOf(row, ports)) {
      const { sha256, facts } = media
      if (!holder || sha256 === null || looked.has(`${holder.id} ${sha256}`)) continue
      looked.add(`${holder.id} ${sha256}`)
      if (liesThere(sha256, holder, ports)) continue
      const plan = wanted.get(holder.id) ?? { account: holder, files: new Map() }
      plan.files.set(sha256, facts.sizeBytes ?? 0)
      wanted.set(holder.id, plan)
    }
  }
  return await Promise.all(
    [...wanted.values()].map(async ({ account, files }) => ({
      account: account.name,
      files: files.size,
      sizeBytes: [...files.values()].reduce((sum, size) => sum + size, 0),
      remainingFiles: (await fileQuotaOf(ports, account))?.remainingFiles ?? null,
    })),
  )
}

/** Where the files of a row go; no holder: they travel inside the request. */
function placesOf(
  row: ReadyRow,
  { store }: Pick<Engine, 'store'>,
): { media: Media; holder: AccountRecord | undefined }[] {
  const { account, order, references, audio } = row
  const files = (audio ? [...references, audio] : references).filter(({ sha256 }) => sha256 !== null)
  if (!account || files.length === 0) return []
  const family = findModel(order?.model ?? '')?.family ?? account.family
  if (family !== 'vtrix') return files.map((media) => ({ media, holder: account }))
  const travelling = files.map((media) => ({
    kind: media.facts.kind,
    format: media.facts.format,
    sizeBytes: media.facts.sizeBytes ?? 0,
    isAudio: media === audio,
  }))
  const { atHost } = placeFiles(travelling, account.options.requestLimitBytes, hostRules(account, store))
  if (atHost.size === 0) return []
  const host = holderOf('host', account, store)
  return files.map((media, index) => ({ media, holder: atHost.has(index) ? host : undefined }))
}

function liesThere(
  sha256: string,
  holder: AccountRecord,
  { store, clock }: Pick<Engine, 'store' | 'clock'>,
): boolean {
  const stored = store.references.byHash(sha256)
  return (
    stored !== undefined &&
    store.references.freshUpload(stored.id, holder.id, clock.now(), UPLOAD_MARGIN_MS) !== undefined
  )
}

/** What a person should know before the first order. */
export function explainUploads(plans: readonly UploadPlan[]): Problem[] {
  return plans.flatMap(({ account, files, remainingFiles }) => {
    if (remainingFiles === null || files <= remainingFiles) return []
    const left = remainingFiles === 0 ? 'no more' : `only ${remainingFiles.toLocaleString('en')} more`
    return [
      problem(
        'upload-refused',
        `The rows need ${files.toLocaleString('en')} files at the file service of the account "${account}", which takes ${left}. Rows whose files find no place wait until there is room.`,
        'Files that no row needs any more are removed to make room; else order fewer rows at a time.',
        { account },
        'warning',
      ),
    ]
  })
}
