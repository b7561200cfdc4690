import type { MediaSlot, Model, ReferenceKind } from './types.ts'

/** The mode that the files speak of, for models that have modes. */
export function modeOf(kinds: readonly ReferenceKind[]): string {
  if (kinds.includes('video')) return 'video_continuation'
  return kinds.filter((kind) => kind === 'image').length > 1 ? 'first_last_frame' : 'first_frame'
}

const isOpen = (slot: MediaSlot, mode: string | undefined): boolean =>
  slot.modes === undefined || (mode !== undefined && slot.modes.includes(mode))

export function slotsOf(model: Model, mode: string | undefined): MediaSlot[] {
  return model.slots.filter((slot) => isOpen(slot, mode))
}

export function audioSlotOf(model: Model, mode: string | undefined): MediaSlot | undefined {
  return model.audio !== undefined && isOpen(model.audio, mode) ? model.audio : undefined
}

/**
 * Gives each reference, in order, the first slot that takes its kind and has room.
 * `kind`: no slot takes this kind; `full`: those that take it are full.
 */
export function assign(
  model: Model,
  mode: string | undefined,
  kinds: readonly ReferenceKind[],
): (MediaSlot | 'kind' | 'full')[] {
  const open = slotsOf(model, mode)
  const taken = new Map<MediaSlot, ReferenceKind[]>()
  let count = 0
  return kinds.map((kind) => {
    const fitting = open.filter((slot) => slot.kinds.includes(kind))
    if (fitting.length === 0) return 'kind'
    const slot = fitting.find((each) => hasRoom(each, kind, taken.get(each) ?? []))
    if (slot === undefined || count >= model.references.maximum) return 'full'
    taken.set(slot, [...(taken.get(slot) ?? []), kind])
    count += 1
    return slot
  })
}

function hasRoom(slot: MediaSlot, kind: ReferenceKind, inside: readonly ReferenceKind[]): boolean {
  const ofKind = inside.filter((each) => each === kind).length
  return inside.length < slot.maximum && ofKind < (slot.maximumOfKind?.[kind] ?? slot.maximum)
}
