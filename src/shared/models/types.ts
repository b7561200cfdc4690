/**
 * The model catalogue is data. These are its types; `catalogue.ts` holds the facts, `validate.ts`
 * the pure rules and `price.ts` the pure price rules. Nothing here does anything.
 */
import type { Problem } from '../problem.ts'

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
}

/** Account facts that change what is allowed. */
export interface AccountRules {
  family: Family
  /** `wan2.6-reference-video` takes 2..10 s instead of 5 or 10. */
  extendedDurations?: boolean
  /** Vtrix: whole request, bytes (20 MB unless set). */
  requestLimitBytes?: number
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
