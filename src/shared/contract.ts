import { eventIterator, oc } from '@orpc/contract'
import * as z from 'zod'
import {
  Account,
  AccountFamily,
  AccountLimits,
  AccountName,
  AccountOptionsChange,
  Balance,
  PriceTable,
} from './account.ts'
import { PriceView, SheetCheck } from './check.ts'
import { Clip } from './clip.ts'
import { Attempt, Job, JobEvent, JobReference, JobState, LedgerLine } from './job.ts'
import { Problem } from './problem.ts'
import { AddressFacts, Reference, ReferenceDetail, ReferencesAdded } from './reference.ts'
import { CapMode, Run } from './run.ts'
import { SheetOptions } from './sheet.ts'

/**
 * Every call between the core and whoever speaks to it. Types and checks come from here; a missing handler
 * does not compile. Problems travel as the `data` of a `PROBLEM` error.
 */

const Id = z.object({ id: z.int().positive() })
const JobIds = z.object({ ids: z.array(z.int().positive()).min(1).max(100_000) })
const Touched = z.object({ touched: z.int(), refused: z.array(Problem) })
const Page = z.int().min(1).max(200).default(200)

/** Said by every call that can go wrong in a way a person can mend. */
const base = oc.errors({ PROBLEM: { data: Problem } })

const Https = z
  .url({ protocol: /^https?$/ })
  .max(2048)
  .refine((address) => !/\/\/[^/]*@/.test(address), 'an address may not hold a name or a password')

export const AccountAdd = z.object({
  name: AccountName,
  family: AccountFamily,
  baseUrl: Https.optional(),
  filesUrl: Https.nullable().optional(),
  proxyUrl: z.url().max(2048).nullable().optional(),
  /** Write only; kept by the host's secret store. */
  key: z.string().min(1).max(4096).optional(),
  prices: PriceTable.optional(),
  limits: AccountLimits.partial().optional(),
  options: AccountOptionsChange.optional(),
  capMicros: z.int().nonnegative().nullable().optional(),
})
export type AccountAdd = z.infer<typeof AccountAdd>

export const SheetInput = z.object({
  /** A file; or else `pasted`. */
  path: z.string().min(1).max(4096).optional(),
  /** Cells from a spreadsheet: tab-separated text, or the HTML of a table. Their references are looked for in `folder`. */
  pasted: z
    .object({ text: z.string().min(1).max(64_000_000), folder: z.string().min(1).max(4096).optional() })
    .optional(),
  /** The run that the sheet is compared with; absent = the newest run of the same file. */
  runId: z.int().positive().optional(),
  /** Account names, at most one for each provider family; a row's own account wins. */
  accounts: z.array(AccountName).max(10).default([]),
  options: SheetOptions.prefault({}),
})

export const RunCreate = SheetInput.extend({
  archiveFolder: z.string().min(1).max(4096),
  name: z.string().min(1).max(120).optional(),
  nameTemplate: z.string().min(1).max(200).optional(),
  /** Micro-credits over everything the run may cost; USD counts at 68 credits. */
  capMicros: z.int().nonnegative().nullable().default(null),
  /** Refuse the sheet when any row has a problem. */
  isStrict: z.boolean().default(false),
  /** Leave the new rows held until `runs.start`. */
  isHeld: z.boolean().default(false),
  /** `soft` warns and goes on; `hard` never lets reserved + charged + may-have-been-charged above it. */
  capMode: CapMode.default('hard'),
  /** The price that was confirmed, micro-credits; refused when the sheet now costs more. */
  confirmedCreditMicros: z.int().nonnegative().nullable().optional(),
  /** How many jobs were confirmed; asked for above 10,000, and refused when the sheet now makes more. */
  confirmedJobs: z.int().nonnegative().optional(),
  /** The SHA-256 of the sheet that was checked; refused when the file is another by now. */
  sheetSha256: z.string().length(64).optional(),
  /** When the first row is ordered, epoch ms; null = at once. */
  startAt: z.int().nullable().default(null),
  /** Nothing is ordered for so long after this call: `runs.takeBack` undoes it. */
  takeBackMs: z.int().min(0).max(60_000).default(0),
})

export const RunCreated = z.object({
  runId: z.int(),
  isNew: z.boolean(),
  created: z.int(),
  same: z.int(),
  changed: z.int(),
  gone: z.int(),
  withProblems: z.int(),
  problems: z.array(Problem),
})
export type RunCreated = z.infer<typeof RunCreated>

/** What a run waits for, when no work of its own can bring it on. */
export const Attention = z.object({
  /** Jobs that will go on by themselves. */
  moving: z.int(),
  /** Jobs that wait for a person. */
  waiting: z.int(),
  finished: z.int(),
  isOffline: z.boolean(),
  needs: z.array(Problem),
  /** What is only to be known: waits that end by themselves (`info`), and soft caps that are passed (`warning`). */
  waits: z.array(Problem),
})
export type Attention = z.infer<typeof Attention>

export const JobDetail = z.object({
  job: Job,
  references: z.array(JobReference),
  attempts: z.array(Attempt),
  ledger: z.array(LedgerLine),
  events: z.array(JobEvent),
  clip: Clip.nullable(),
  /** The request as sent or as it will be, secrets left out, inline files named by hash. */
  request: z.record(z.string(), z.unknown()).nullable(),
})
export type JobDetail = z.infer<typeof JobDetail>

/** Where a row stands in lists: run by run, then as in the sheet. */
const JobKey = z.object({ runId: z.int(), row: z.int(), take: z.int(), id: z.int() })

export const ExportFormat = z.enum(['csv', 'xlsx', 'json'])
export type ExportFormat = z.infer<typeof ExportFormat>

/** What sums can be taken by. A day is one of this computer's calendar, `2026-11-20`. */
export const LedgerGroup = z.enum(['run', 'day', 'model', 'account'])
export type LedgerGroup = z.infer<typeof LedgerGroup>

/** One sum; a column that was not grouped by is null. Currencies and standings are never added together. */
export const LedgerSum = z.object({
  run: z.string().nullable(),
  day: z.string().nullable(),
  account: z.string().nullable(),
  model: z.string().nullable(),
  currency: z.enum(['credits', 'usd']),
  standing: LedgerLine.shape.standing,
  jobs: z.int(),
  estimateMicros: z.int().nullable(),
  reservedMicros: z.int().nullable(),
  chargedMicros: z.int().nullable(),
  countedMicros: z.int(),
})

export const ModelView = z.object({
  id: z.string(),
  family: z.enum(['evolink', 'vtrix']),
  kind: z.string(),
  lifecycle: z.enum(['active', 'retired']),
  successor: z.string().nullable(),
  isInFirstRelease: z.boolean(),
  parameters: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      isRequired: z.boolean(),
      allowed: z.string(),
      default: z.union([z.string(), z.number(), z.boolean()]).nullable(),
      help: z.string(),
      source: z.string(),
    }),
  ),
})
export type ModelView = z.infer<typeof ModelView>

export const AppEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('jobs.changed'), ids: z.array(z.int()), isAll: z.boolean() }),
  z.object({
    type: z.literal('transfers.progressed'),
    transfers: z.array(
      z.object({
        jobId: z.int(),
        direction: z.enum(['up', 'down']),
        doneBytes: z.int(),
        totalBytes: z.int().nullable(),
      }),
    ),
  }),
  z.object({ type: z.literal('app.noticed'), problem: Problem }),
])
export type AppEvent = z.infer<typeof AppEvent>

export const contract = {
  app: {
    /** What this host can do; a screen asks this and never where it runs. */
    hello: base.output(
      z.object({
        version: z.string(),
        mediaBase: z.string().nullable(),
        gestures: z.array(z.enum(['reveal', 'dialogs', 'drop-paths'])),
        dataFolder: z.string(),
      }),
    ),
    /** Live news: ids only; a view reads its rows again. Ends when the client goes. */
    watch: base.output(eventIterator(AppEvent)),
  },
  accounts: {
    list: base.output(z.array(Account)),
    add: base.input(AccountAdd).output(Account),
    update: base
      .input(AccountAdd.omit({ family: true }).partial().extend({ name: AccountName }))
      .output(Account),
    remove: base.input(z.object({ name: AccountName })).output(z.object({ removed: z.boolean() })),
    /** Asks the provider whether address and key work; tells the balance where there is one. */
    test: base
      .input(z.object({ name: AccountName }))
      .output(z.object({ works: z.boolean(), balance: Balance.nullable(), problem: Problem.nullable() })),
    pause: base.input(z.object({ name: AccountName })).output(Account),
    resume: base.input(z.object({ name: AccountName })).output(Account),
  },
  models: { list: base.output(z.array(ModelView)) },
  sheets: { check: base.input(SheetInput).output(SheetCheck) },
  runs: {
    create: base.input(RunCreate).output(RunCreated),
    /** Releases held rows: from here on they are bought. */
    start: base.input(Id).output(Touched),
    /** Holds every row that is not bought yet; before the run's first order this costs nothing at all. */
    takeBack: base.input(Id).output(Touched),
    /** Another time to start, epoch ms; null = now. Only before the first order. */
    schedule: base.input(Id.extend({ startAt: z.int().nullable() })).output(Run),
    list: base.output(z.array(Run)),
    get: base.input(Id).output(Run),
    pause: base.input(Id).output(Run),
    resume: base.input(Id.extend({ capMicros: z.int().nonnegative().nullable().optional() })).output(Run),
    attention: base.input(Id).output(Attention),
    retryFailed: base.input(Id).output(Touched),
    /** Writes the manifest; the file's ending decides the format unless it is said. */
    export: base
      .input(Id.extend({ file: z.string().min(1).max(4096), format: ExportFormat.optional() }))
      .output(z.object({ rows: z.int() })),
  },
  jobs: {
    page: base
      .input(
        z.object({
          runId: z.int().optional(),
          states: z.array(JobState).optional(),
          search: z.string().max(500).optional(),
          after: JobKey.nullable().default(null),
          limit: Page,
        }),
      )
      .output(z.object({ jobs: z.array(Job), next: JobKey.nullable(), total: z.int() })),
    counts: base.input(z.object({ runId: z.int().optional() })).output(z.partialRecord(JobState, z.int())),
    get: base.input(Id).output(JobDetail),
    pause: base.input(JobIds).output(Touched),
    resume: base.input(JobIds).output(Touched),
    cancel: base.input(JobIds).output(Touched),
    /** Failed, cancelled or held rows back into the queue: pays again. */
    release: base.input(JobIds).output(Touched),
    /** Looks again for a known task's output: free. */
    refetch: base.input(JobIds).output(Touched),
    /**
     * Orders rows that are not bought from another model: checked and priced anew. A row whose price is not
     * surely the same or lower is then held until it is released.
     */
    moveToModel: base.input(JobIds.extend({ model: z.string().min(1).max(100) })).output(Touched),
    prioritise: base.input(JobIds.extend({ priority: z.int().min(-1000).max(1000) })).output(Touched),
    /** A person's answer for an unconfirmed job. */
    reconcile: base
      .input(
        Id.extend({
          answer: z.discriminatedUnion('type', [
            z.object({ type: z.literal('exists'), remoteId: z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/) }),
            z.object({ type: z.literal('not-created') }),
            z.object({ type: z.literal('leave') }),
          ]),
        }),
      )
      .output(Job),
  },
  clips: {
    page: base
      .input(z.object({ runId: z.int().nullable().default(null), after: z.int().default(0), limit: Page }))
      .output(z.object({ clips: z.array(Clip), next: z.int().nullable(), total: z.int() })),
    /** Compares files with their hashes; marks what is missing or changed. */
    check: base
      .input(z.object({ runId: z.int().nullable().default(null) }))
      .output(z.object({ whole: z.int(), missing: z.int(), changed: z.int(), problems: z.array(Problem) })),
    /** Reads an archive's sidecars and adds the clips that the database does not know. */
    rebuild: base
      .input(z.object({ folder: z.string().min(1).max(4096) }))
      .output(z.object({ added: z.int(), known: z.int(), problems: z.array(Problem) })),
  },
  references: {
    list: base
      .input(
        z.object({
          limit: Page,
          offset: z.int().nonnegative().default(0),
          kind: Reference.shape.kind.optional(),
          /** Part of a name. */
          search: z.string().max(200).optional(),
        }),
      )
      .output(z.array(Reference)),
    /** One file, every picture, film and sound of a folder, or the files that a pattern with `*` names. */
    add: base.input(z.object({ path: z.string().min(1).max(4096) })).output(ReferencesAdded),
    get: base.input(Id).output(ReferenceDetail),
    /** A copy of a picture that meets the limits of every model, or of one; the original stays. */
    fit: base
      .input(
        Id.extend({
          model: z.string().min(1).max(100).optional(),
          /** What transparency is laid on. */
          background: z
            .string()
            .regex(/^#[0-9a-fA-F]{6}$/)
            .default('#ffffff'),
        }),
      )
      .output(Reference),
    /** A copy of a film or sound from its start to this length, without encoding it again; the original stays. */
    trim: base.input(Id.extend({ maximumMs: z.int().min(1_000).max(3_600_000) })).output(Reference),
    /** Looks for moved originals in a folder and below: by hash, then by name and size. */
    relink: base.input(z.object({ folder: z.string().min(1).max(4096) })).output(
      z.object({
        found: z.array(Reference),
        /** References whose original is still nowhere. */
        missing: z.array(Reference),
        problems: z.array(Problem),
      }),
    ),
    /** What an address answers: by its header and first bytes, never by its name. Nothing is kept. */
    probe: base.input(z.object({ address: Https })).output(AddressFacts),
  },
  prices: {
    /** What one second costs on each account, with the source, and what the prices rest on. */
    list: base.input(z.object({ account: AccountName.optional() })).output(z.array(PriceView)),
  },
  ledger: {
    summary: base
      .input(
        z.object({
          runId: z.int().nullable().default(null),
          by: z.array(LedgerGroup).max(4).default(['run', 'account', 'model']),
        }),
      )
      .output(z.array(LedgerSum)),
    /** Writes one line for each attempt: estimate, reserved, charged, released, may have been charged. */
    export: base
      .input(
        z.object({
          runId: z.int().nullable().default(null),
          file: z.string().min(1).max(4096),
          format: ExportFormat.optional(),
        }),
      )
      .output(z.object({ rows: z.int() })),
  },
  settings: {
    get: base.output(z.record(z.string(), z.unknown())),
    set: base
      .input(
        z.object({
          archiveFolder: z.string().max(4096).optional(),
          nameTemplate: z.string().max(200).optional(),
          proxyUrl: z.url().nullable().optional(),
        }),
      )
      .output(z.record(z.string(), z.unknown())),
  },
}
export type Contract = typeof contract
