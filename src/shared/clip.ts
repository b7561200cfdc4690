import * as z from 'zod'
import { Problem } from './problem.ts'

export const Clip = z.object({
  id: z.int(),
  jobId: z.int().nullable(),
  runId: z.int().nullable(),
  archiveFolder: z.string(),
  /** Relative to the archive folder, with `/`. */
  path: z.string(),
  sidecarPath: z.string(),
  sha256: z.string(),
  sizeBytes: z.int(),
  width: z.int().nullable(),
  height: z.int().nullable(),
  durationMs: z.int().nullable(),
  hasSound: z.boolean().nullable(),
  model: z.string(),
  prompt: z.string(),
  remoteId: z.string().nullable(),
  /** `whole` as last checked, `missing` from the disk, or `changed` since it was archived. */
  condition: z.enum(['whole', 'missing', 'changed']),
  checkedAt: z.int().nullable(),
  /** Where the clip differs from what was ordered; null = it agrees. */
  problem: Problem.nullable(),
  createdAt: z.int(),
})
export type Clip = z.infer<typeof Clip>
