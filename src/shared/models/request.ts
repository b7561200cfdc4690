import { findModel } from './catalogue.ts'
import { assign, audioSlotOf } from './slots.ts'
import type { ReferenceKind, ResolvedOrder } from './types.ts'

export interface RequestMedia {
  /** In the row's order; `url` is an http(s) or `data:` address. */
  references: readonly { kind: ReferenceKind; url: string }[]
  audio?: { url: string }
}

/**
 * The create request's body: exactly the catalogue's paths, nothing undefined, references in order.
 * For Vtrix this is the plain form of the model's own page (`model`, `input`, `parameters`).
 * Throws a RangeError when the order was not checked against these references.
 */
export function buildRequest(
  order: ResolvedOrder,
  media: RequestMedia,
): { model: string; body: Record<string, unknown> } {
  const model = findModel(order.model)
  if (model === undefined) throw new RangeError(`No such model: ${order.model}`)
  const body: Record<string, unknown> = { model: model.id }
  for (const { field, path, omittedWhen } of model.parameters) {
    const value = order[field]
    if (value === undefined || value === '' || value === omittedWhen) continue
    put(body, path, value)
  }
  const kinds = media.references.map((each) => each.kind)
  assign(model, order.generation_mode, kinds).forEach((slot, index) => {
    const url = media.references[index]?.url
    if (typeof slot === 'string' || url === undefined)
      throw new RangeError(`${model.id} has no place for reference ${index + 1}`)
    place(body, slot.path, slot.isList, url)
  })
  if (media.audio !== undefined) {
    const slot = audioSlotOf(model, order.generation_mode)
    if (slot === undefined) throw new RangeError(`${model.id} has no place for an audio file`)
    place(body, slot.path, slot.isList, media.audio.url)
  }
  return { model: model.id, body }
}

/** Vtrix's other envelope, for after a refusal that speaks of the shape: all but `model` in `input[0].params`. */
export function wrapVtrix(body: Record<string, unknown>): Record<string, unknown> {
  const { model, ...params } = body
  return { model, input: [{ params }] }
}

function place(body: Record<string, unknown>, path: string, isList: boolean, url: string): void {
  if (!isList) put(body, path, url)
  else put(body, path, [...((read(body, path) as string[] | undefined) ?? []), url])
}

function read(body: Record<string, unknown>, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((level, key) => (level as Record<string, unknown> | undefined)?.[key], body)
}

/** Paths come from the catalogue, never from a sheet. */
function put(body: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split('.')
  const last = keys.pop() ?? path
  let level = body
  for (const key of keys) {
    level[key] ??= {}
    level = level[key] as Record<string, unknown>
  }
  level[last] = value
}
