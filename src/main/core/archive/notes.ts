import { createHash } from 'node:crypto'
import * as z from 'zod'
import { type Disk, readText, replaceText } from './disk.ts'

/**
 * What lies beside `<name>.part` as `<name>.part.json`. Never the link itself: links are signed.
 * `syncedBytes` counts the bytes known to survive a power loss; only those are built upon.
 */
export const PartNotes = z.object({
  reelsheetPart: z.literal(1),
  /** Which output of which task this is; bytes of another output are never built upon. */
  identity: z.string(),
  /** SHA-256 of the link's host and path, without the signed rest. */
  urlHash: z.string(),
  etag: z.string().nullable(),
  lastModified: z.string().nullable(),
  totalBytes: z.int().nonnegative().nullable(),
  contentType: z.string().nullable(),
  syncedBytes: z.int().nonnegative(),
  /** All bytes are there. */
  isComplete: z.boolean(),
  /** Written once the clip is verified, before it gets its name. */
  placing: z
    .object({
      /** Relative to the archive folder, with `/`. */
      finalName: z.string(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      sizeBytes: z.int().nonnegative(),
    })
    .nullable(),
})
export type PartNotes = z.infer<typeof PartNotes>

const MAX_NOTES_BYTES = 64 * 1024

export const notesPathOf = (partPath: string): string => `${partPath}.json`

/** Names the place a link points at without keeping its signature. */
export function hashLink(url: URL): string {
  return createHash('sha256').update(`${url.host}${url.pathname}`).digest('hex')
}

/** The notes beside a part, or undefined when there are none that can be trusted. */
export async function readNotes(disk: Disk, partPath: string): Promise<PartNotes | undefined> {
  const text = await readText(disk, notesPathOf(partPath), MAX_NOTES_BYTES)
  if (text === undefined) return undefined
  try {
    return PartNotes.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** Replaces the notes in one step. `sync` where a later step relies on them after a power loss. */
export async function writeNotes(
  disk: Disk,
  partPath: string,
  notes: PartNotes,
  sync: boolean,
): Promise<void> {
  await replaceText(disk, notesPathOf(partPath), `${JSON.stringify(notes)}\n`, sync)
}

/** Removes a part and everything beside it, the notes last so that a crash between leaves no unexplained part. */
export async function removePart(disk: Disk, partPath: string): Promise<void> {
  await disk.remove(partPath)
  await disk.remove(`${partPath}.tmp`)
  await disk.remove(`${notesPathOf(partPath)}.tmp`)
  await disk.remove(notesPathOf(partPath))
}
