import * as z from 'zod'
import { Problem } from './problem.ts'

/** `practice` speaks both API families and costs nothing. */
export const AccountFamily = z.enum(['evolink', 'vtrix', 'practice'])
export type AccountFamily = z.infer<typeof AccountFamily>

/** Short, safe in a file name and an environment variable. */
export const AccountName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,38}$/, 'use a-z, 0-9 and -, starting with a letter or digit, at most 39')

export const Currency = z.enum(['credits', 'usd'])

/**
 * What one second costs on this account, by model and tier, micros of the account's currency. A key is
 * `model`, `model:720p` or `model:720p:silent`; the most exact one wins.
 */
export const PriceTable = z.record(z.string(), z.int().nonnegative())
export type PriceTable = z.infer<typeof PriceTable>

export const AccountLimits = z.object({
  /** Unfinished tasks at the provider at one time. */
  inFlight: z.int().min(1).max(100),
  submitsPerSecond: z.number().positive().max(100),
  pollsPerSecond: z.number().positive().max(100),
  downloadsAtOnce: z.int().min(1).max(32),
  uploadsAtOnce: z.int().min(1).max(16),
})
export type AccountLimits = z.infer<typeof AccountLimits>

/** `22:00` on this computer's clock. */
const TimeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/)

/** From a time of day to another, over midnight where `to` is the earlier; equal times are the whole day. */
export const QuietHours = z.object({ from: TimeOfDay, to: TimeOfDay })
export type QuietHours = z.infer<typeof QuietHours>

const OPTIONS = z.object({
  /** `wan2.6-reference-video` takes 2..10 s. */
  extendedDurations: z.boolean(),
  /** Vtrix: which envelope worked or is fixed; absent = plain first. */
  vtrixForm: z.enum(['plain', 'wrapped']),
  /** Vtrix: whole request, bytes. Lowered by a 413. */
  requestLimitBytes: z.int().positive(),
  /** Files service refused these kinds on this base: ask for a public address instead. */
  uploadRefusedKinds: z.array(z.enum(['image', 'video', 'audio'])),
  /** Optional calls that this base does not have. */
  missingFeatures: z.array(z.string()),
  /** Models that the provider refused as unknown: their rows are held instead of being sent. */
  retiredModels: z.array(z.string().max(100)),
  /** Nothing is ordered in these hours; what is under way is watched and archived. */
  quietHours: z.array(QuietHours).max(10),
  /** Vtrix: the person's EvoLink account that holds files too big for the request, and sounds. Null = none. */
  fileHost: AccountName.nullable(),
  /** What the account's own cap does when it is reached. */
  capMode: z.enum(['hard', 'soft']),
})

/** Some options only. Without defaults: what is left out must stay as it was. */
export const AccountOptionsChange = OPTIONS.partial()

export const AccountOptions = OPTIONS.extend({
  extendedDurations: OPTIONS.shape.extendedDurations.default(false),
  vtrixForm: OPTIONS.shape.vtrixForm.optional(),
  requestLimitBytes: OPTIONS.shape.requestLimitBytes.default(20_000_000),
  uploadRefusedKinds: OPTIONS.shape.uploadRefusedKinds.default([]),
  missingFeatures: OPTIONS.shape.missingFeatures.default([]),
  retiredModels: OPTIONS.shape.retiredModels.default([]),
  quietHours: OPTIONS.shape.quietHours.default([]),
  fileHost: OPTIONS.shape.fileHost.default(null),
  capMode: OPTIONS.shape.capMode.default('hard'),
})
export type AccountOptions = z.infer<typeof AccountOptions>

export const Account = z.object({
  id: z.int(),
  name: AccountName,
  family: AccountFamily,
  /** Base address of the API; null for the built-in practice provider. */
  baseUrl: z.string().nullable(),
  /** Files service (EvoLink); null = none: references then need addresses. */
  filesUrl: z.string().nullable(),
  proxyUrl: z.string().nullable(),
  currency: Currency,
  prices: PriceTable,
  limits: AccountLimits,
  options: AccountOptions,
  /** Reserved + charged + may-have-been-charged never goes above it. Micros; null = no cap. */
  capMicros: z.int().nonnegative().nullable(),
  countedMicros: z.int(),
  /** Why the account waits; null = it works. */
  problem: Problem.nullable(),
  isPaused: z.boolean(),
  hasKey: z.boolean(),
  /** How the key is kept, in words. */
  keyKept: z.string().nullable(),
  createdAt: z.int(),
})
export type Account = z.infer<typeof Account>

export const Balance = z.object({
  currency: Currency,
  /** What may still be spent: the smaller of the key's and the user's rest. Null = not told. */
  remainingMicros: z.int().nullable(),
  usedMicros: z.int().nullable(),
})
export type Balance = z.infer<typeof Balance>
