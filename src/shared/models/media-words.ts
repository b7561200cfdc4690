import { anyOf } from './findings.ts'
import { slotsOf } from './slots.ts'
import type { Model } from './types.ts'

/** Words for files in sentences. */

/** One name per format. */
export function plainFormat(format: string): string {
  const text = format.toLowerCase()
  if (text === 'jpg') return 'jpeg'
  return text === 'quicktime' ? 'mov' : text
}

export const withArticle = (kind: string): string =>
  ({ image: 'a picture', video: 'a video', audio: 'an audio file' })[kind] ?? kind

const PLURALS = { image: 'pictures', video: 'videos', audio: 'audio files' } as const

/** `1 to 5 pictures or videos (at most 3 videos)`. */
export function kindsOf(model: Model, mode: string | undefined): string {
  const slots = slotsOf(model, mode)
  const kinds = [...new Set(slots.flatMap((slot) => slot.kinds))]
  if (kinds.length === 0) return 'no references'
  const { maximum } = model.references
  const minimum = slots.reduce((sum, slot) => sum + slot.minimum, 0) || model.references.minimum
  const most = Math.min(
    maximum,
    slots.reduce((sum, slot) => sum + slot.maximum, 0),
  )
  const count = minimum === most ? String(most) : `${minimum} to ${most}`
  const words = kinds.map((kind) =>
    most === 1 ? { image: 'picture', video: 'video', audio: 'audio file' }[kind] : PLURALS[kind],
  )
  const fewer = slots.flatMap((slot) =>
    Object.entries(slot.maximumOfKind ?? {})
      .filter(([, each]) => each < most)
      .map(([kind, each]) => `at most ${each} ${PLURALS[kind as keyof typeof PLURALS]}`),
  )
  return `${count} ${anyOf(words)}${fewer.length > 0 ? ` (${fewer.join(', ')})` : ''}`
}
