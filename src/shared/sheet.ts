import * as z from 'zod'
import { Problem } from './problem.ts'

/** A row as read: cells by canonical column, everything the sheet said kept as text. */
export const SheetRow = z.object({
  /** Data row from 1; line 1 of the file is the header. */
  row: z.int(),
  /** Which of the row's jobs this is, from 1; a row without choices, lists or takes has one. */
  variant: z.int(),
  /** Canonical field → text of the cell; empty cells are left out. */
  values: z.record(z.string(), z.string()),
  /** References in order, as written: paths, addresses, data addresses, stored names. */
  references: z.array(z.object({ column: z.string(), text: z.string() })),
  audio: z.object({ column: z.string(), text: z.string() }).nullable(),
  /** Cells of columns that Reelsheet does not know, by their header; they come out again in the manifest. */
  extra: z.record(z.string(), z.string()),
  /** The row exactly as it stood, by header; after expansion with its choices taken. */
  cells: z.record(z.string(), z.string()),
})
export type SheetRow = z.infer<typeof SheetRow>

/** How sure a column's field is. `chosen` and `remembered` are a person's own words. */
export const Confidence = z.enum(['chosen', 'remembered', 'name', 'synonym', 'none'])
export type Confidence = z.infer<typeof Confidence>

export const Column = z.object({
  header: z.string(),
  /** `prompt`, `ref 1`, `duration`, …; null = kept and not read. */
  field: z.string().nullable(),
  confidence: Confidence,
})
export type Column = z.infer<typeof Column>

export const Sheet = z.object({
  path: z.string().nullable(),
  sha256: z.string(),
  headers: z.array(z.string()),
  columns: z.array(Column),
  /** Header → canonical field of the columns that have one. */
  mapping: z.record(z.string(), z.string()),
  /** Worksheets of a workbook in their order; empty for other files. */
  worksheets: z.array(z.string()),
  /** Written by Reelsheet's own export: its cells are read as they stand. */
  isManifest: z.boolean(),
  rows: z.array(SheetRow),
  problems: z.array(Problem),
})
export type Sheet = z.infer<typeof Sheet>

/** How cells with several values are put together. A list with one value goes with every partner. */
export const PairingMode = z.enum(['one-to-one', 'every', 'cycle'])
export type PairingMode = z.infer<typeof PairingMode>

/** What turns one row into several jobs. Nothing is a list, and nothing is repeated, unless it is said here. */
export const Expansion = z.object({
  /** `{a|b|c}`: a job for every choice, one choice by `seed`, or the text as it stands. */
  choices: z.enum(['every', 'pick', 'literal']).default('every'),
  /** For `pick`: the same seed takes the same choices. */
  seed: z.int().min(0).max(2_147_483_647).default(1),
  /** Jobs for each row; from the second on each has a seed of its own where the model takes one. */
  takes: z.int().min(1).max(1_000).default(1),
  /** Columns (header or field) whose cells are lists: values apart by `|` or line breaks, or a folder or `*` pattern of files. */
  pairing: z
    .object({ mode: PairingMode, columns: z.array(z.string().min(1).max(200)).min(1).max(20) })
    .nullable()
    .default(null),
})
export type Expansion = z.infer<typeof Expansion>

/** How a sheet is read. */
export const SheetOptions = z.object({
  /** A workbook's worksheet by name; absent = the first that is shown. */
  worksheet: z.string().min(1).max(200).optional(),
  /** Rows that the workbook hides are left out, and that is said. */
  hiddenRows: z.enum(['skip', 'read']).default('skip'),
  /** Header → field, or '' for a column that fills nothing. Goes before names and what is remembered. */
  mapping: z.record(z.string().max(1_000), z.string().max(60)).default({}),
  /** Field → value for rows whose cell is empty. */
  defaults: z.record(z.string().max(60), z.string().max(10_000)).default({}),
  expansion: Expansion.prefault({}),
  /** Use a fitted copy where a picture breaks a limit that fitting can mend. */
  isFitting: z.boolean().default(false),
  /** Of a manifest: only its rows in these states; rows that may have been bought are never ordered again. */
  isFailedOnly: z.boolean().default(false),
})
export type SheetOptions = z.infer<typeof SheetOptions>
