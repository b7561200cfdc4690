import { createHash } from 'node:crypto'
import path from 'node:path'
import { show } from '../../../shared/models/cells.ts'
import type { ReferenceFacts } from '../../../shared/models/types.ts'
import { type Fix, type Problem, ProblemError, problem } from '../../../shared/problem.ts'
import type { Reference } from '../../../shared/reference.ts'
import type { Clock } from '../ports.ts'
import { fitPicture } from '../references/fit.ts'
import { pictureLimits } from '../references/limits.ts'
import { isPattern, listMedia } from '../references/list-media.ts'
import type { ProbedMedia } from '../references/media.ts'
import { hashFile } from '../references/original.ts'
import { probe, probeBytes } from '../references/probe.ts'
import { resolveReference, toFacts } from '../references/resolve.ts'
import type { ReferenceStore } from '../references/store.ts'
import type { Store } from '../store/store.ts'
import { isFolder } from './file-lists.ts'

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
  /** Of a copy that is made for a model and not stored yet: what it is made of, and how. */
  fitted: { source: Media; model: string; change: string } | null
}

type Role = 'reference' | 'audio'
const EMPTY = {
  sha256: null,
  probed: null,
  file: null,
  bytes: null,
  address: null,
  referenceId: null,
  fitted: null,
}

export interface MediaDeskPorts {
  store: Store
  /** Where stored copies lie. */
  references: Pick<ReferenceStore, 'path'>
  clock: Clock
}

/** What transparency is laid on in fitted copies. */
export const FIT_BACKGROUND = '#ffffff'

/** Looks at the references of a sheet, each file once however many rows use it. */
export class MediaDesk {
  private readonly folder: string
  private readonly ports: MediaDeskPorts
  private readonly isManifest: boolean
  private readonly copies = new Map<string, Promise<Media | null>>()
  private readonly seen = new Map<string, Promise<Media>>()
  /** The references among them that were looked at and can be read, as their cells name them. */
  private readonly good = new Map<string, Media>()

  /** Relative paths start at `folder`. Files of a manifest that is far from them are looked for in the store. */
  constructor(folder: string, ports: MediaDeskPorts, isManifest = false) {
    this.folder = folder
    this.ports = ports
    this.isManifest = isManifest
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
  async file(file: string, text = file): Promise<Media> {
    const probed = await probe(file)
    return { ...EMPTY, text, facts: toFacts(probed, text), sha256: await hashFile(file), probed, file }
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
      if (!(error instanceof ProblemError)) throw error
      const stored = error.problem.code === 'reference-missing' ? this.stored(text) : undefined
      if (stored)
        return { ...EMPTY, text, facts: factsOf(stored), sha256: stored.sha256, referenceId: stored.id }
      throw (await this.explainSeveral(text)) ?? error
    }
  }

  /**
   * A stored reference may be meant by its name; a file of that name beside the sheet goes first. A manifest speaks
   * of the very file that was ordered, so there several of one name are not guessed among.
   */
  private stored(text: string): Reference | undefined {
    const { references } = this.ports.store
    return this.isManifest ? findStored(references, text) : references.byName(text)
  }

  /** What a folder or pattern means in a column that takes one file. */
  private async explainSeveral(text: string): Promise<ProblemError | undefined> {
    if (!isPattern(text) && !(await isFolder(text, this.folder))) return undefined
    try {
      const { length } = await listMedia(text, this.folder)
      return new ProblemError(severalFiles(text, length))
    } catch (error) {
      return error instanceof ProblemError ? error : undefined
    }
  }

  /**
   * A copy of a picture that meets the limits of a model; null where it meets them as it is, or cannot be fitted.
   * Nothing is stored: the same copy is made again when it is. Throws a `ProblemError` as `fitPicture` does.
   */
  fitted(media: Media, model: string): Promise<Media | null> {
    const key = `${model} ${media.sha256}`
    let made = this.copies.get(key)
    if (!made) {
      made = this.fit(media, model)
      made.catch(() => undefined)
      this.copies.set(key, made)
    }
    return made
  }

  private async fit(media: Media, model: string): Promise<Media | null> {
    if (media.sha256 === null || media.facts.kind !== 'image') return null
    const source = media.file ?? media.bytes ?? this.ports.references.path(media.sha256)
    if (source === undefined) return null
    const { clock } = this.ports
    const copy = await fitPicture(source, pictureLimits(model), FIT_BACKGROUND, media.facts.name, clock)
    if (!copy) return null
    const probed = await probeBytes(copy.bytes, media.facts.name)
    const sha256 = createHash('sha256').update(copy.bytes).digest('hex')
    const facts = toFacts(probed, media.facts.name)
    return {
      ...EMPTY,
      text: media.text,
      facts,
      sha256,
      fitted: { source: media, model, change: copy.change },
    }
  }
}

/** The one stored file that a path of elsewhere can mean: by its end, else by its name. */
function findStored(references: Store['references'], text: string): Reference | undefined {
  const written = text.replaceAll('\\', '/').replace(/^(?:\.{0,2}\/)+/u, '')
  const name = path.posix.basename(written)
  const called = references.list(MOST_CALLED, 0, { search: name }).filter((each) => each.name === name)
  const ending = called.filter(({ originalPath }) =>
    `/${originalPath?.replaceAll('\\', '/')}`.endsWith(`/${written}`),
  )
  if (ending.length > 0) return ending.length === 1 ? ending[0] : undefined
  return called.length === 1 ? called[0] : undefined
}

const MOST_CALLED = 200

function severalFiles(text: string, count: number): Problem {
  const shown = text.slice(0, 200)
  const files = count === 1 ? 'one file' : `${count.toLocaleString('en')} files`
  return problem(
    'reference-kind',
    `"${shown}" stands for ${files}, but the cell takes one. Nothing was spent.`,
    'Read the column as a list with --pair, which makes a job of each file, or name one of them.',
    { value: shown },
  )
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
