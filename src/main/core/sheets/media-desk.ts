import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { show } from '../../../shared/models/cells.ts'
import type { ReferenceFacts } from '../../../shared/models/types.ts'
import { type Fix, type Problem, ProblemError } from '../../../shared/problem.ts'
import type { Reference } from '../../../shared/reference.ts'
import type { ProbedMedia } from '../references/media.ts'
import { probe, probeBytes } from '../references/probe.ts'
import { resolveReference, toFacts } from '../references/resolve.ts'
import type { Store } from '../store/store.ts'

/** One reference of a row, looked at. */
export interface Media {
  /** As written in the cell. */
  text: string
  facts: ReferenceFacts
  /** Of a file, of inline data or of a stored reference; null for an address. */
  sha256: string | null
  /** What was found in a file or inline data; null for an address and for a stored reference. */
  probed: ProbedMedia | null
  file: string | null
  bytes: Uint8Array | null
  address: string | null
  /** Already in the store. */
  referenceId: number | null
}

type Role = 'reference' | 'audio'
const EMPTY = { sha256: null, probed: null, file: null, bytes: null, address: null, referenceId: null }

/** Looks at the references of a sheet, each file once however many rows use it. */
export class MediaDesk {
  private readonly folder: string
  private readonly store: Store
  private readonly seen = new Map<string, Promise<Media>>()
  /** The references among them that were looked at and can be read, as their cells name them. */
  private readonly good = new Map<string, Media>()

  constructor(folder: string, store: Store) {
    this.folder = folder
    this.store = store
  }

  /** The references of some cells in order, if all were looked at before and can be read. */
  known(cells: readonly { text: string }[]): Media[] | undefined {
    const found: Media[] = []
    for (const { text } of cells) {
      const media = this.good.get(text)
      if (!media) return undefined
      found.push(media)
    }
    return found
  }

  /** The media of some cells in order; what cannot be read is left out and told in `problems`. */
  async all(
    cells: readonly { column: string; text: string }[],
    problems: Problem[],
    role: Role = 'reference',
  ): Promise<Media[]> {
    const found: Media[] = []
    for (const { column, text } of cells) {
      try {
        const media = await this.one(text, role)
        // An address hardly ever stands in two rows.
        if (role === 'reference' && media.address === null) this.good.set(text, media)
        found.push(media)
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error
        problems.push({
          ...error.problem,
          place: { ...error.problem.place, column, value: show(text) },
          ...fixesOf(error.problem, column, text),
        })
      }
    }
    return found
  }

  /** One local file. Throws a `ProblemError` when it cannot be read or is no media. */
  async file(path: string, text = path): Promise<Media> {
    const probed = await probe(path)
    return { ...EMPTY, text, facts: toFacts(probed, text), sha256: await hashFile(path), probed, file: path }
  }

  private one(text: string, role: Role): Promise<Media> {
    const key = `${role} ${text}`
    const known = this.seen.get(key)
    if (known) return known
    const looked = this.look(text, role)
    this.seen.set(key, looked)
    return looked
  }

  private async look(text: string, role: Role): Promise<Media> {
    try {
      const resolved = await resolveReference(text, this.folder, role === 'audio' ? 'audio' : undefined)
      if (resolved.kind === 'file') return await this.file(resolved.path, text)
      if (resolved.kind === 'address') {
        const facts = toFacts({ kind: 'address', mediaKind: resolved.mediaKind }, text)
        return { ...EMPTY, text, facts, address: resolved.url }
      }
      const probed = await probeBytes(resolved.bytes, 'inline data')
      const sha256 = createHash('sha256').update(resolved.bytes).digest('hex')
      return { ...EMPTY, text, facts: toFacts(probed, 'inline data'), sha256, probed, bytes: resolved.bytes }
    } catch (error) {
      // A stored reference may be meant by its name; a file of that name beside the sheet goes first.
      const stored = this.store.references.byName(text)
      if (!stored || !(error instanceof ProblemError) || error.problem.code !== 'reference-missing')
        throw error
      return { ...EMPTY, text, facts: factsOf(stored), sha256: stored.sha256, referenceId: stored.id }
    }
  }
}

const use = (column: string, label: string, value: string): Fix => ({ type: 'set', label, column, value })

/** What would mend a cell whose file or address cannot be used. An address that may hold a secret is not repeated. */
function fixesOf({ code, fixes = [] }: Problem, column: string, text: string): { fixes?: Fix[] } {
  const found = fixes.map((fix) => (fix.type === 'file-host' ? fix : { ...fix, column }))
  const written = text.trim()
  const isPlainAddress = /^https?:\/\/[^\s@?#]+$/iu.test(written)
  if (code === 'address-refused' && isPlainAddress && /^http:/iu.test(written))
    found.push(use(column, 'Use https', written.replace(/^http:/iu, 'https:')))
  if (code === 'reference-kind' && isPlainAddress)
    for (const [label, ending] of KINDS) found.push(use(column, label, `${written}#${ending}`))
  return found.length === 0 ? {} : { fixes: found }
}

const KINDS = [
  ['It is a picture', '.jpg'],
  ['It is a film', '.mp4'],
  ['It is a sound', '.mp3'],
] as const

/** What is known of a stored reference. */
export function factsOf(stored: Reference): ReferenceFacts {
  return {
    name: stored.name,
    kind: stored.kind,
    format: stored.format,
    sizeBytes: stored.sizeBytes,
    ...(stored.width !== null && { width: stored.width }),
    ...(stored.height !== null && { height: stored.height }),
    ...(stored.durationMs !== null && { durationMs: stored.durationMs }),
    ...(stored.hasTransparency !== null && { hasTransparency: stored.hasTransparency }),
  }
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}
