import * as z from 'zod'

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
  createdAt: z.int(),
})
export type Reference = z.infer<typeof Reference>
