import type { ReferenceKind } from '../../../shared/models/types.ts'
import type { ProblemCode } from '../../../shared/problem.ts'

/** What a file truly is. `null` = does not apply to this kind. */
export interface ProbedMedia {
  kind: ReferenceKind
  format: string
  mediaType: string
  sizeBytes: number
  /** As shown: after EXIF or container rotation. */
  width: number | null
  height: number | null
  durationMs: number | null
  framesPerSecond: number | null
  hasSound: boolean | null
  /** The file has an alpha channel, whether or not a pixel uses it: providers refuse the channel. */
  hasTransparency: boolean | null
  isAnimated: boolean | null
  /** Of the first video track, else of the first sound track, as mediabunny names it. */
  codec: string | null
}

export type MediaFacts = Omit<ProbedMedia, 'kind' | 'format' | 'mediaType' | 'sizeBytes'>

/** Why a file cannot be used, before the file's name is put in front. */
export class Unfit extends Error {
  readonly code: ProblemCode
  readonly next: string
  constructor(code: ProblemCode, what: string, next: string, options?: ErrorOptions) {
    super(what, options)
    this.code = code
    this.next = next
  }
}

export function cutShort(cause?: unknown): Unfit {
  const next = 'Copy or export it again; the end of the file is missing.'
  return new Unfit('reference-unreadable', 'is cut short or damaged.', next, { cause })
}
