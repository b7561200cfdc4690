import type { UploadPlan } from '../../../shared/check.ts'
import { findModel } from '../../../shared/models/catalogue.ts'
import { placeFiles } from '../../../shared/models/file-host.ts'
import { type Problem, problem } from '../../../shared/problem.ts'
import type { Engine } from '../jobs/engine.ts'
import { holderOf, hostRules } from '../jobs/placement.ts'
import { UPLOAD_MARGIN_MS } from '../jobs/policy.ts'
import { fileQuotaOf } from '../providers.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { Media } from './media-desk.ts'
import type { ReadyRow } from './row-desk.ts'

/**
 * The files that rows need at accounts with a file service and that do not lie there yet, each once, with what each
 * service still takes. Waits for that at most two seconds.
 */
export async function planUploads(
  ports: Pick<Engine, 'store' | 'clock' | 'providerFor'>,
  rows: readonly ReadyRow[],
): Promise<UploadPlan[]> {
  const wanted = new Map<number, { account: AccountRecord; files: Map<string, number> }>()
  const seen = new Map<AccountRecord, WeakSet<Media>>()
  for (const row of rows) {
    const { account } = row
    if (!account || (row.references.length === 0 && !row.audio)) continue
    const before = seen.get(account) ?? new WeakSet()
    seen.set(account, before)
    // Most rows name files that rows before them named; what lies where depends on all files of a request only
    // where they travel inside it.
    const files = filesOf(row)
    if (!sendsInside(row, account) && files.every((file) => before.has(file))) continue
    for (const { media, holder } of placesOf(row, account, files, ports)) {
      before.add(media)
      const { sha256, facts } = media
      if (!holder || sha256 === null || liesThere(sha256, holder, ports)) continue
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

const filesOf = ({ references, audio }: ReadyRow): Media[] =>
  (audio ? [...references, audio] : references).filter(({ sha256 }) => sha256 !== null)

const sendsInside = ({ order }: ReadyRow, account: AccountRecord): boolean =>
  (findModel(order?.model ?? '')?.family ?? account.family) === 'vtrix'

/** Where the files of a row go; no holder: they travel inside the request. */
function placesOf(
  row: ReadyRow,
  account: AccountRecord,
  files: readonly Media[],
  { store }: Pick<Engine, 'store'>,
): { media: Media; holder: AccountRecord | undefined }[] {
  if (!sendsInside(row, account)) return files.map((media) => ({ media, holder: account }))
  const travelling = files.map((media) => ({
    kind: media.facts.kind,
    format: media.facts.format,
    sizeBytes: media.facts.sizeBytes ?? 0,
    isAudio: media === row.audio,
  }))
  const { atHost } = placeFiles(travelling, account.options.requestLimitBytes, hostRules(account, store))
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
