import * as z from 'zod'
import { Problem } from './problem.ts'
import { Column } from './sheet.ts'

/** What a row would cost. Micros of its account's currency; absent when no price is known. */
export const EstimateView = z.object({
  currency: z.enum(['credits', 'usd']),
  billableMs: z.int(),
  lowMicros: z.int().optional(),
  highMicros: z.int().optional(),
  basis: z.enum(['account', 'published', 'practice', 'learned', 'none']),
  note: z.string(),
})

/** One row after all checks. `isReady` = it may be bought. */
export const CheckedRow = z.object({
  row: z.int(),
  /** Which of the row's jobs this is, from 1; a row without choices, lists or takes has one. */
  variant: z.int(),
  rowKey: z.string().nullable(),
  name: z.string().nullable(),
  model: z.string().nullable(),
  prompt: z.string(),
  account: z.string().nullable(),
  isReady: z.boolean(),
  estimate: EstimateView.nullable(),
  problems: z.array(Problem),
  /** Compared with an earlier import of the same sheet. */
  standing: z.enum(['new', 'same', 'changed']),
  /** The job of the earlier import, where there is one. */
  jobId: z.int().nullable(),
})
export type CheckedRow = z.infer<typeof CheckedRow>

/** Sums per account and model, for the table before spending. */
export const PriceLine = z.object({
  account: z.string(),
  model: z.string(),
  jobs: z.int(),
  billableMs: z.int(),
  currency: z.enum(['credits', 'usd']),
  lowMicros: z.int().nullable(),
  highMicros: z.int().nullable(),
  note: z.string(),
})
export type PriceLine = z.infer<typeof PriceLine>

/** The price of one second of one model and tier on one account, and where it is from. */
export const PriceView = z.object({
  account: z.string(),
  model: z.string(),
  quality: z.string(),
  isSilent: z.boolean(),
  currency: z.enum(['credits', 'usd']),
  /** Micros of the currency for one second of output without reference videos; null = not known. */
  perSecondMicros: z.int().nullable(),
  minimumMicros: z.int().nullable(),
  basis: EstimateView.shape.basis,
  /** Of the source: a date, or how many charges it rests on. */
  note: z.string(),
})
export type PriceView = z.infer<typeof PriceView>

/** What would be brought to an account's file service. */
export const UploadPlan = z.object({
  account: z.string(),
  files: z.int(),
  sizeBytes: z.int(),
  /** Files that the service still takes; null = not told. */
  remainingFiles: z.int().nullable(),
})
export type UploadPlan = z.infer<typeof UploadPlan>

export const SheetCheck = z.object({
  /** Null for pasted cells. */
  path: z.string().nullable(),
  sha256: z.string(),
  columns: z.array(Column),
  /** Worksheets of a workbook; empty for other files. */
  worksheets: z.array(z.string()),
  isManifest: z.boolean(),
  rowCount: z.int(),
  /** Jobs that the rows make, with every choice, pair and take. */
  jobCount: z.int(),
  ready: z.int(),
  withProblems: z.int(),
  same: z.int(),
  changed: z.int(),
  fresh: z.int(),
  /** Rows of the earlier import that are no longer in the sheet. */
  gone: z.int(),
  /** The run of an earlier import of this sheet. */
  runId: z.int().nullable(),
  /** What the new rows would cost. */
  prices: z.array(PriceLine),
  /** Files that would be uploaded before the first order, by account, with what its file service has left. */
  uploads: z.array(UploadPlan),
  /** New rows' highest estimate in micro-credits, both currencies together; null = unknown for some row. */
  totalCreditMicros: z.int().nullable(),
  /** About the sheet as a whole. */
  problems: z.array(Problem),
  rows: z.array(CheckedRow),
})
export type SheetCheck = z.infer<typeof SheetCheck>
