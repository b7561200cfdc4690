import * as z from 'zod'
import { JobState } from './job.ts'
import { Problem } from './problem.ts'

/** `hard`: nothing that would pass the cap is bought. `soft`: it is bought, and said once. */
export const CapMode = z.enum(['hard', 'soft'])
export type CapMode = z.infer<typeof CapMode>

export const Run = z.object({
  id: z.int(),
  name: z.string(),
  sheetPath: z.string().nullable(),
  sheetSha256: z.string().nullable(),
  archiveFolder: z.string(),
  nameTemplate: z.string(),
  /** Hard cap in micro-credits; amounts in USD count at the provider's shown rate. Null = no cap. */
  capMicros: z.int().nonnegative().nullable(),
  capMode: CapMode,
  /** What was confirmed for the run so far, micro-credits; null = some price was not known. */
  approvedMicros: z.int().nonnegative().nullable(),
  /** When its first row is ordered, epoch ms; null = at once, or begun already. */
  startAt: z.int().nullable(),
  /** Reserved + charged + may-have-been-charged, micro-credits. */
  countedMicros: z.int(),
  isPaused: z.boolean(),
  /** Why the run waits; null = it works. */
  problem: Problem.nullable(),
  startedAt: z.int().nullable(),
  createdAt: z.int(),
  counts: z.partialRecord(JobState, z.int()),
})
export type Run = z.infer<typeof Run>

/** EvoLink's shown rate (source: https://github.com/EvoLinkAI/evolink-mcp), used to hold one cap over both currencies. */
export const CREDITS_PER_USD = 68

export const DEFAULT_NAME_TEMPLATE = '{run}/{row:000}-{slug}-{take}.mp4'
