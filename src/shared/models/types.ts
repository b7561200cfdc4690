/**
 * The model catalogue is data. These are its types; `catalogue.ts` holds the facts, `validate.ts`
 * the pure rules and `price.ts` the pure price rules. Nothing here does anything.
 */
import type { Problem } from '../problem.ts'
import type { SourceId } from './sources.ts'

/** An API family: one adapter each. */
export type Family = 'evolink' | 'vtrix'

export type ReferenceKind = 'image' | 'video' | 'audio'

/** What a row orders, by canonical field name. Absent = not chosen; the catalogue's default is then used. */
export interface Order {
  model: string
  prompt: string
  negative_prompt?: string
  /** Seconds of output. */
  duration?: number
  aspect_ratio?: string
  quality?: string
  /** Frame as `W*H`; on models that take `aspect_ratio` + `quality` it is turned into these. */
  size?: string
  generate_audio?: boolean
  prompt_extend?: boolean
  shot_type?: string
  watermark?: boolean
  seed?: number
  callback_url?: string
  generation_mode?: string
}

/** What is known of one reference of a row, in the row's order. Unknown facts are absent and skip their rule. */
export interface ReferenceFacts {
  /** As written in the sheet; used in sentences. */
  name: string
  kind: ReferenceKind
  /** By first bytes: `jpeg`, `png`, `webp`, `bmp`, `gif`, `heic`, `mp4`, `mov`, `mp3`, `wav`, … */
  format?: string
  sizeBytes?: number
  width?: number
  height?: number
  durationMs?: number
  hasTransparency?: boolean
  /** True for an https address that the provider fetches itself: nothing but its kind is known. */
  isAddress?: boolean
  /** An uploaded file's address: time left before it dies, ms. */
  expiresInMs?: number
}

/** The account that may hold files for another one, as far as rules ask. */
export interface FileHost {
  name: string
  /** Kinds that its file service refused. */
  refusedKinds: readonly ReferenceKind[]
}

/** Account facts that change what is allowed. */
export interface AccountRules {
  family: Family
  /** `wan2.6-reference-video` takes 2..10 s instead of 5 or 10, `wan2.6-image-to-video` 2..15 instead of 5, 10, 15. */
  extendedDurations?: boolean
  /** Models that this account's provider refused as retired. */
  retiredModels?: readonly string[]
  /** Kinds that this account cannot upload: they need a public address. */
  needsAddressKinds?: readonly ReferenceKind[]
  /** Vtrix: whole request, bytes (20 MB unless set). */
  requestLimitBytes?: number
  /** Names of the person's EvoLink accounts, whose file service can hold what Vtrix does not take inside a request. */
  fileHosts?: readonly string[]
  /** The one of them that the person chose for this account; absent = none, and none is assumed. */
  fileHost?: FileHost
}

export interface Checked {
  /** Present when there is no error: every always-sent field filled in, numbers and booleans typed. */
  order?: ResolvedOrder
  problems: Problem[]
}

/** An order that may be sent: defaults for the always-sent fields are filled in, `size` and ratio agree. */
export interface ResolvedOrder extends Order {
  duration: number
  /** Frame expected of the clip, px; absent where the input picture decides. */
  width?: number
  height?: number
  /** `480p`, `720p` or `1080p`: the price tier. */
  quality: string
  /** Whether the clip must have a sound track; absent where the provider does not say. */
  expectsSound?: boolean
}

export type Currency = 'credits' | 'usd'

/** Integer micros of the account's currency; `low` = `high` when sure. */
export interface Estimate {
  currency: Currency
  /** Billable seconds in milliseconds: input + output. */
  billableMs: number
  /** Absent when no price is known: the estimate is then in seconds only. */
  lowMicros?: number
  highMicros?: number
  basis: 'account' | 'published' | 'practice' | 'learned' | 'none'
  /** In words: table and date, or what is unsure. */
  note: string
}

/** The canonical names of what a row may choose. `generate_audio` is the sound switch; `audio` is a reference. */
export type FieldName = Exclude<keyof Order, 'model'>

/** How sure a fact is: stated by the provider, or inferred (then it warns and never refuses). */
export type Basis = 'documented' | 'assumed'

export interface Parameter {
  field: FieldName
  /** Where it goes in the request body, dots between levels. */
  path: string
  type: 'text' | 'integer' | 'boolean'
  required: boolean
  /** The closed list of values. */
  values?: readonly (string | number)[]
  minimum?: number
  maximum?: number
  /** Range with the account option `extendedDurations`. */
  extended?: { minimum: number; maximum: number }
  /** Values to show first where a whole range is accepted. */
  offered?: readonly number[]
  /** Accepted above this, with a warning. */
  warnAbove?: { value: number; why: string; sources: readonly SourceId[] }
  /** UTF-16 code units. */
  maximumLength?: number
  /** What the provider takes when the field is left out. */
  default?: string | number | boolean
  /** Sent even when nothing was chosen, with this value, so that no provider default decides a price. */
  alwaysSent?: string | number | boolean
  /** Left out of the request when it has this value. */
  omittedWhen?: string
  /** This value may be ignored by the model behind: accepted, with a warning. */
  doubtful?: { value: string | boolean; why: string; sources: readonly SourceId[] }
  help: string
  basis: Basis
  sources: readonly SourceId[]
}

/** Limits of one kind of file. Absent = not stated. Bytes are decimal: 10 MB = 10,000,000. */
export interface MediaLimits {
  formats: readonly string[]
  /** PNG files must have no transparency. */
  noTransparency?: boolean
  minimumSide?: number
  maximumSide?: number
  /** Width / height. */
  minimumAspect?: number
  maximumAspect?: number
  minimumMs?: number
  maximumMs?: number
  /** Accepted below this, with a warning. */
  warnBelowMs?: number
  maximumBytes?: number
  sources: readonly SourceId[]
}

/** Where references of some kinds go in the request body. */
export interface MediaSlot {
  path: string
  kinds: readonly ReferenceKind[]
  isList: boolean
  minimum: number
  maximum: number
  /** Fewer of one kind than of all. */
  maximumOfKind?: Partial<Record<ReferenceKind, number>>
  /** Only in these `generation_mode`s. */
  modes?: readonly string[]
  limits: Partial<Record<ReferenceKind, MediaLimits>>
  help: string
  sources: readonly SourceId[]
}

/** Something the provider documents and Reelsheet does not offer, with the reason. */
export interface NotOffered {
  path: string
  why: string
  sources: readonly SourceId[]
}

export type SizeTable = Readonly<Record<string, Readonly<Record<string, string>>>>

export interface ModelOutput {
  container: 'mp4'
  codec: 'h264'
  framesPerSecond: number
  /** Frames as `W*H` by quality and ratio; absent where the input picture decides or no page tells. */
  sizes?: SizeTable
  sizesBasis?: Basis
  basis: Basis
  note: string
  sources: readonly SourceId[]
}

export interface Model {
  id: string
  family: Family
  kind: 'reference_to_video' | 'image_to_video' | 'text_to_video'
  title: string
  inFirstRelease: boolean
  lifecycle: 'active' | 'retired'
  successor?: string
  parameters: readonly Parameter[]
  /** All references together, the audio file apart. */
  references: { minimum: number; maximum: number; sources: readonly SourceId[] }
  slots: readonly MediaSlot[]
  audio?: MediaSlot
  /** How a prompt speaks of several references. */
  naming?: { style: 'characterN' | 'Image N / Video N'; basis: Basis; sources: readonly SourceId[] }
  /** `shot_type` multi works only with `prompt_extend` true. */
  multiNeedsExtend: boolean
  /** Ratios that a quality takes, where it does not take all. */
  ratiosOfQuality?: Readonly<Record<string, readonly string[]>>
  /** Longest output with a video among the references, s. */
  maximumSecondsWithVideo?: number
  /** A sound switch that decides price and sound track. */
  sound: 'switch' | 'from-audio-only'
  notOffered: readonly NotOffered[]
  output: ModelOutput
  /** The provider's billing rule, in words. */
  billing: string
  /** Public pages, the model's own first. */
  sources: readonly SourceId[]
}
