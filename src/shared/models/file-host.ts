import type { FileHost, ReferenceKind } from './types.ts'

/**
 * The newest published EvoLink client's own limit for one file, 95 MiB
 * (https://github.com/deeplearning-goethe/evolink-cli).
 */
export const HOST_LIMIT_BYTES = 99_614_720

/** Room that is left in a request for everything but its files: prompt, parameters, envelope, other addresses. */
const REST_OF_REQUEST_BYTES = 16_384

/** One stored file of a request whose provider has no file service. */
export interface TravellingFile {
  kind: ReferenceKind
  /** By first bytes; absent = not known. */
  format?: string | undefined
  /** 0 = not known. */
  sizeBytes: number
  /** It is the sound of the clip, which must be an address, and not a reference. */
  isAudio?: boolean | undefined
}

/** Where the files of a request go, by their index; the others travel inside it. */
export interface Placed {
  atHost: ReadonlySet<number>
  /** Neither inside nor at the host: the request cannot be made with them. */
  nowhere: ReadonlySet<number>
}

/** Length of a file's `data:` address in the request, with room for its head. */
export const inlineBytes = (sizeBytes: number): number =>
  sizeBytes === 0 ? 0 : Math.ceil(sizeBytes / 3) * 4 + 64

/** What keeps a file from being held; null = nothing that is known. */
export function hostRefusal(file: TravellingFile, host: FileHost): 'kind' | 'format' | 'size' | null {
  if (host.refusedKinds.includes(file.kind)) return 'kind'
  // Pictures in this form are the only ones that models take and the service does not.
  if (file.format === 'bmp') return 'format'
  return file.sizeBytes > HOST_LIMIT_BYTES ? 'size' : null
}

/**
 * Decides which files of a request lie at the host account, by their sizes alone, so that everybody who asks gets
 * the same answer: sounds always (Vtrix takes them by address only), references where the request would become
 * larger than the account sends, the largest first and of equal ones the earlier.
 * Source: https://doc.vtrix.ai/docs/api/qwen/wan26-r2v
 */
export function placeFiles(
  files: readonly TravellingFile[],
  requestLimitBytes: number,
  host: FileHost | null,
): Placed {
  const atHost = new Set<number>()
  const nowhere = new Set<number>()
  const mayGo = (file: TravellingFile): boolean => host !== null && hostRefusal(file, host) === null
  let total = 0
  for (const [index, file] of files.entries()) {
    if (!file.isAudio) total += inlineBytes(file.sizeBytes)
    else (mayGo(file) ? atHost : nowhere).add(index)
  }
  const bySize = [...files.keys()]
    .filter((index) => !files[index]?.isAudio)
    .sort((one, other) => (files[other]?.sizeBytes ?? 0) - (files[one]?.sizeBytes ?? 0))
  for (const index of bySize) {
    const file = files[index]
    if (!file || total <= requestLimitBytes - REST_OF_REQUEST_BYTES) break
    if (!mayGo(file)) continue
    atHost.add(index)
    total -= inlineBytes(file.sizeBytes)
  }
  // Without a host the request itself is weighed, to the byte, when it is made.
  const [largest] = bySize.filter((index) => !atHost.has(index))
  if (host && largest !== undefined && total > requestLimitBytes) nowhere.add(largest)
  return { atHost, nowhere }
}
