import * as z from 'zod'
import { Problem } from './problem.ts'

/** Input media, stored once by content hash. Facts are read from the first bytes and the container, never the name. */
export const Reference = z.object({
  id: z.int(),
  sha256: z.string(),
  kind: z.enum(['image', 'video', 'audio']),
  format: z.string(),
  mediaType: z.string(),
  sizeBytes: z.int(),
  width: z.int().nullable(),
  height: z.int().nullable(),
  durationMs: z.int().nullable(),
  framesPerSecond: z.number().nullable(),
  hasSound: z.boolean().nullable(),
  hasTransparency: z.boolean().nullable(),
  name: z.string(),
  originalPath: z.string().nullable(),
  /** The reference that this one is a fitted or trimmed copy of. */
  sourceId: z.int().nullable(),
  /** What was done to the source, in words; null for an original. */
  change: z.string().nullable(),
  createdAt: z.int(),
})
export type Reference = z.infer<typeof Reference>

export const ReferencesAdded = z.object({
  added: z.array(Reference),
  /** Stored before by content. */
  known: z.array(Reference),
  /** One for each file that was not taken. */
  problems: z.array(Problem),
})
export type ReferencesAdded = z.infer<typeof ReferencesAdded>

export const ReferenceDetail = z.object({
  reference: Reference,
  /** Whether the original still lies where it was, as it was. */
  original: z.enum(['whole', 'missing', 'changed', 'none']),
  jobs: z.int(),
  runs: z.array(z.object({ id: z.int(), name: z.string(), jobs: z.int() })),
  uploads: z.array(z.object({ account: z.string(), expiresAt: z.int().nullable() })),
  /** Models whose limits it breaks, with what is wrong; empty where it fits every model that takes its kind. */
  limits: z.array(Problem),
})
export type ReferenceDetail = z.infer<typeof ReferenceDetail>

/** What an address said of itself. A null was not told, or could not be read from the first bytes. */
export const AddressFacts = z.object({
  address: z.string(),
  kind: z.enum(['image', 'video', 'audio']).nullable(),
  format: z.string().nullable(),
  sizeBytes: z.int().nullable(),
  width: z.int().nullable(),
  height: z.int().nullable(),
  problem: Problem.nullable(),
})
export type AddressFacts = z.infer<typeof AddressFacts>
