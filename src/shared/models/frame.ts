import type { Fix } from '../problem.ts'
import { parameterOf } from './catalogue.ts'
import { isAbsent, normalise, readText, show } from './cells.ts'
import type { Chosen } from './fields.ts'
import { anyOf, type Findings, withArticle } from './findings.ts'
import { setOther, use, useNearest } from './fixes.ts'
import { frameOf, sizeOfTier, sizesOf, tierOfSize } from './sizes.ts'
import { addressOf } from './sources.ts'
import type { FieldName, Model, SizeTable } from './types.ts'

export const FRAME_FIELDS: ReadonlySet<FieldName> = new Set<FieldName>(['size', 'aspect_ratio', 'quality'])

/** The size table of models whose frame is chosen; undefined where the picture decides or no table is known. */
export function frameTable(model: Model): SizeTable | undefined {
  const isChosen =
    parameterOf(model, 'size') !== undefined || parameterOf(model, 'aspect_ratio') !== undefined
  return isChosen ? model.output.sizes : undefined
}

export interface Frame {
  quality: string
  aspect_ratio: string
  /** Only on models that take `size`. */
  size?: string
  width: number
  height: number
}

/**
 * Brings `size` and `aspect_ratio` + `quality` together, whichever was chosen; what is not chosen is
 * 720p and 16:9. Two that contradict each other are refused: they differ in price or shape.
 */
export function resolveFrame(
  model: Model,
  table: SizeTable,
  values: Record<string, unknown>,
  findings: Findings,
): Frame {
  const size = chosen(model, 'size', sizesOf(table), values, findings)
  const ratios = Object.keys(table['720p'] ?? {})
  const ratio = chosen(model, 'aspect_ratio', ratios, values, findings)
  const quality = chosen(model, 'quality', Object.keys(table), values, findings)
  const tier = size === undefined ? undefined : tierOfSize(table, size)
  if (size !== undefined && tier !== undefined) {
    const wanted = sizeOfTier(table, quality ?? tier.quality, ratio ?? tier.ratio)
    const fixes = wanted === undefined ? [] : [setOther('size', wanted)]
    contradict(model, 'aspect_ratio', ratio, tier.ratio, size, findings, fixes)
    contradict(model, 'quality', quality, tier.quality, size, findings, fixes)
  }
  const unchosen = unchosenTier(model, table)
  const finalQuality = tier?.quality ?? quality ?? unchosen.quality
  const finalRatio = tier?.ratio ?? ratio ?? unchosen.ratio
  const finalSize = sizeOfTier(table, finalQuality, finalRatio) ?? '1280*720'
  return {
    quality: finalQuality,
    aspect_ratio: finalRatio,
    ...(parameterOf(model, 'size') === undefined ? {} : { size: finalSize }),
    ...(frameOf(finalSize) ?? { width: 1280, height: 720 }),
  }
}

/** What the catalogue sends when nothing was chosen. */
function unchosenTier(model: Model, table: SizeTable): { quality: string; ratio: string } {
  const size = parameterOf(model, 'size')?.alwaysSent
  const tier = typeof size === 'string' ? tierOfSize(table, size) : undefined
  return {
    quality: tier?.quality ?? String(parameterOf(model, 'quality')?.alwaysSent ?? '720p'),
    ratio: tier?.ratio ?? String(parameterOf(model, 'aspect_ratio')?.alwaysSent ?? '16:9'),
  }
}

function chosen(
  model: Model,
  field: 'size' | 'aspect_ratio' | 'quality',
  allowed: readonly string[],
  values: Record<string, unknown>,
  findings: Findings,
): string | undefined {
  const cell = Object.hasOwn(values, field) ? values[field] : undefined
  if (isAbsent(cell)) return undefined
  const read = readText(cell)
  const value = read.is === 'value' ? normalise(field, read.value) : undefined
  if (value !== undefined && allowed.includes(value)) return value
  const sources = parameterOf(model, field)?.sources ?? model.output.sources
  const isTierOrRatio = value !== undefined && (/^\d{3,4}p$/.test(value) || value.includes(':'))
  findings.add({
    code: 'value-invalid',
    column: field,
    value: cell,
    sources: addressOf(sources) === undefined ? model.sources : sources,
    what: `“${show(cell)}” is not ${withArticle(field)} of ${model.id}, which takes ${anyOf(allowed)}.`,
    next:
      field === 'size' && isTierOrRatio
        ? `Put ${value} into ${value.includes(':') ? 'aspect_ratio' : 'quality'}, or write the size as width*height.`
        : `Choose ${anyOf(allowed)}.`,
    fixes: fixesOfFrame(model, field, show(cell), allowed),
  })
  return undefined
}

/** A tier or a ratio in the column of sizes is turned into the size that it means. */
function fixesOfFrame(model: Model, field: string, text: string, allowed: readonly string[]): Fix[] {
  const table = field === 'size' ? frameTable(model) : undefined
  if (table === undefined) return useNearest(field, text, allowed)
  const unchosen = unchosenTier(model, table)
  const size =
    sizeOfTier(table, unchosen.quality, normalise('aspect_ratio', text)) ??
    sizeOfTier(table, normalise('quality', text), unchosen.ratio)
  return size === undefined ? useNearest(field, text, allowed) : [use(field, size)]
}

function contradict(
  model: Model,
  field: 'aspect_ratio' | 'quality',
  given: string | undefined,
  meant: string,
  size: string,
  findings: Findings,
  others: readonly Fix[],
): void {
  if (given === undefined || given === meant) return
  findings.add({
    code: 'rule-broken',
    column: field,
    value: given,
    sources: parameterOf(model, field)?.sources ?? parameterOf(model, 'size')?.sources ?? model.sources,
    what: `${field} is ${given}, but the size ${size} is ${meant}: they contradict each other${field === 'quality' ? ' and differ in price' : ''}.`,
    next: `Empty one of the two cells, or set ${field} to ${meant}.`,
    fixes: [use(field, meant), ...others],
  })
}

export function applyFrame(frame: Frame, into: Chosen): void {
  into.quality = frame.quality
  into.aspect_ratio = frame.aspect_ratio
  if (frame.size !== undefined) into.size = frame.size
}
