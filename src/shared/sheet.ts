import * as z from 'zod'
import { Problem } from './problem.ts'

/** A row as read: cells by canonical column, everything the sheet said kept as text. */
export const SheetRow = z.object({
  /** Data row from 1; line 1 of the file is the header. */
  row: z.int(),
  /** Canonical field → text of the cell; empty cells are left out. */
  values: z.record(z.string(), z.string()),
  /** References in order, as written: paths, addresses, data addresses, stored names. */
  references: z.array(z.object({ column: z.string(), text: z.string() })),
  audio: z.object({ column: z.string(), text: z.string() }).nullable(),
  /** Cells of columns that Reelsheet does not know, by their header; they come out again in the manifest. */
  extra: z.record(z.string(), z.string()),
  /** The row exactly as it stood, by header. */
  cells: z.record(z.string(), z.string()),
})
export type SheetRow = z.infer<typeof SheetRow>

export const Sheet = z.object({
  path: z.string().nullable(),
  sha256: z.string(),
  headers: z.array(z.string()),
  /** Header → canonical field (`prompt`, `ref 1`, `duration`, …); absent = unknown, kept. */
  mapping: z.record(z.string(), z.string()),
  rows: z.array(SheetRow),
  problems: z.array(Problem),
})
export type Sheet = z.infer<typeof Sheet>
