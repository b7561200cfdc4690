import type { Refused } from '../provider.ts'
import { asFields } from '../reading.ts'

export type VtrixForm = 'plain' | 'wrapped'

/**
 * The body in one of the two known forms. Plain is the page of the model itself; wrapped is what pages of
 * other models and the published client show.
 * Sources: https://doc.vtrix.ai/docs/api/qwen/wan26-r2v, https://doc.vtrix.ai/domestic/api/qwen/wan27-r2v
 */
export function toForm(body: Record<string, unknown>, form: VtrixForm): Record<string, unknown> {
  if (form === 'plain' || Array.isArray(body.input)) return body
  const { model, ...params } = body
  return { model, input: [{ params }] }
}

/** Words by which a refusal speaks of the envelope, not of a value inside it. */
const SHAPE = [
  /\binput\b(?![.\w])[^.]*\b(array|list)\b/i,
  /\b(array|list)\b[^.]*\binput\b(?![.\w])/i,
  /\binput\s*\[\s*0?\s*\]/i,
  /\bparams\b/i,
  /\b(request|body|payload|input)\s+(shape|envelope|structure|schema)\b/i,
]

/** True for a clear refusal (400 or 422) that speaks of the shape of the request: nothing was created. */
export function refusesShape(error: Refused): boolean {
  if (error.kind !== 'invalid_request' || (error.status !== 400 && error.status !== 422)) return false
  return SHAPE.some((words) => words.test(error.said))
}

/** True when a body holds references to be sent inside it. */
export function hasInlineReferences(value: unknown): boolean {
  if (typeof value === 'string') return /^data:[^,]{0,200};sha256=[0-9a-f]{64}$/.test(value)
  if (Array.isArray(value)) return value.some(hasInlineReferences)
  const fields = asFields(value)
  return fields !== null && Object.values(fields).some(hasInlineReferences)
}
