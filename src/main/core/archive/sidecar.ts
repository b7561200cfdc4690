import * as z from 'zod'
import { Problem, ProblemError, problem } from '../../../shared/problem.ts'
import { createDraft, type Disk, readText, realDisk } from './disk.ts'
import { onDisk } from './errors.ts'
import { nameExclusively } from './place.ts'

const Micros = z.int().nullable()
const Moment = z.iso.datetime()
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)

/**
 * Everything known of a clip, beside it as `<clip>.json`, so that the library can be rebuilt from the archive
 * alone. Holds no key and no signed address. Times are ISO 8601 in UTC, amounts integer micros of `currency`.
 */
export const Sidecar = z.object({
  reelsheet: z.literal(1),
  prompt: z.string(),
  model: z.string(),
  /** The API family the account speaks. */
  family: z.string(),
  /** The name that the person gave the account. */
  account: z.string(),
  /** The provider's task, and which of its outputs this is (from 0). */
  task: z.object({ id: z.string(), output: z.int().nonnegative() }),
  /** All parameters as ordered. */
  order: z.record(z.string(), z.unknown()),
  references: z.array(
    z.object({
      position: z.int(),
      role: z.string(),
      name: z.string(),
      kind: z.string(),
      sha256: Sha256.nullable(),
      /** Public https address without its query. */
      address: z.string().nullable(),
    }),
  ),
  run: z.object({ id: z.int(), name: z.string() }),
  job: z.object({
    id: z.int(),
    row: z.int(),
    rowKey: z.string().nullable(),
    name: z.string().nullable(),
    take: z.int(),
  }),
  times: z.object({
    createdAt: Moment,
    submittedAt: Moment.nullable(),
    finishedAt: Moment.nullable(),
    archivedAt: Moment,
  }),
  price: z.object({
    currency: z.enum(['credits', 'usd']),
    estimatedMicros: Micros,
    reservedMicros: Micros,
    chargedMicros: Micros,
  }),
  clip: z.object({
    /** The file's name in the sidecar's own folder. */
    file: z.string(),
    sha256: Sha256,
    sizeBytes: z.int().nonnegative(),
    container: z.string().nullable(),
    codec: z.string().nullable(),
    width: z.int().nullable(),
    height: z.int().nullable(),
    durationMs: z.int().nullable(),
    framesPerSecond: z.number().nullable(),
    hasSound: z.boolean().nullable(),
  }),
  /** Where the clip differs from what was ordered; null = it agrees. */
  problem: Problem.nullable(),
  appVersion: z.string(),
})
export type Sidecar = z.infer<typeof Sidecar>

/** What the caller knows before the clip is there. */
export type SidecarFacts = Omit<Sidecar, 'reelsheet' | 'times' | 'clip' | 'problem'> & {
  times: Omit<Sidecar['times'], 'archivedAt'>
}

const MAX_SIDECAR_BYTES = 1024 * 1024

export const sidecarPathOf = (clipPath: string): string => `${clipPath}.json`
/** Where a sidecar is written before it has its name. */
export const sidecarDraftOf = (sidecarPath: string): string => `${sidecarPath}.tmp`

/** A different file has the sidecar's name; it was left as it is. */
export class SidecarTaken extends ProblemError {
  constructor(file: string) {
    super(
      problem(
        'not-possible',
        `Another file is already named ${file}, so the clip's facts cannot be written there. That file and the clip are untouched.`,
        'Move that file away, or archive the clip under another name.',
        { file },
      ),
    )
  }
}

/**
 * Writes a sidecar whole or not at all, synced. The same content already being there is fine; anything else there
 * is never replaced: throws SidecarTaken. Throws DiskTrouble.
 */
export async function writeSidecar(path: string, sidecar: Sidecar, disk: Disk = realDisk): Promise<void> {
  const text = `${JSON.stringify(Sidecar.parse(withoutSecrets(sidecar)), null, 2)}\n`
  await onDisk(path, async () => {
    const draft = sidecarDraftOf(path)
    await createDraft(disk, draft, text, true)
    const outcome = await nameExclusively(disk, draft, path, 'a sidecar')
    await disk.remove(draft)
    if (outcome === 'placed' || (await readText(disk, path, MAX_SIDECAR_BYTES)) === text) return
    throw new SidecarTaken(path.replace(/^.*[\\/]/, ''))
  })
}

/** The sidecar in a file; `foreign` when the file is no sidecar, `damaged` when it was one. Never throws for content. */
export async function readSidecar(
  path: string,
  disk: Disk = realDisk,
): Promise<Sidecar | 'foreign' | 'damaged'> {
  const text = await onDisk(path, () => readText(disk, path, MAX_SIDECAR_BYTES))
  return text === undefined ? 'foreign' : parseSidecar(text)
}

/** Lenient to fields it does not know, strict about those it does. */
export function parseSidecar(text: string): Sidecar | 'foreign' | 'damaged' {
  let content: unknown
  try {
    content = JSON.parse(text, dropPrototypes)
  } catch {
    return text.startsWith('{\n  "reelsheet": ') ? 'damaged' : 'foreign'
  }
  if (typeof content !== 'object' || content === null || !Object.hasOwn(content, 'reelsheet'))
    return 'foreign'
  return Sidecar.safeParse(content).data ?? 'damaged'
}

/** `__proto__` as a key is never an honest one. */
const dropPrototypes = (key: string, value: unknown): unknown => (key === '__proto__' ? undefined : value)

/** Whether a sidecar speaks of this output of this task. */
export function isSameOutput(sidecar: Sidecar, facts: Pick<Sidecar, 'family' | 'account' | 'task'>): boolean {
  return (
    sidecar.family === facts.family &&
    sidecar.account === facts.account &&
    sidecar.task.id === facts.task.id &&
    sidecar.task.output === facts.task.output
  )
}

/** Orders may hold addresses with a signature or a token in their query, and whole files as `data:` addresses. */
function withoutSecrets(sidecar: Sidecar): Sidecar {
  const references = sidecar.references.map((reference) => ({
    ...reference,
    address: reference.address === null ? null : stripAddress(reference.address),
  }))
  return { ...sidecar, references, order: stripAll(sidecar.order) as Sidecar['order'] }
}

const MAX_DEPTH = 20

function stripAll(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return stripAddress(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH) return null
  if (Array.isArray(value)) return value.map((item) => stripAll(item, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, stripAll(item, depth + 1)]))
}

/** An address without user, query and fragment; a `data:` address without its bytes; any other text as it is. */
export function stripAddress(text: string): string {
  if (/^data:[a-z]+\/[\w.+-]+[;,]/i.test(text)) return text.replace(/,.*$/s, '')
  if (!/^[a-z][a-z0-9+.-]*:\/\/\S*$/i.test(text)) return text
  const url = URL.parse(text)
  return url ? `${url.protocol}//${url.host}${url.pathname}` : (text.split(/[?#]/)[0] ?? '')
}
