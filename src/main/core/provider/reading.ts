/** Lenient reading of what a stranger sent: a value of the wrong kind is absent, never an error. */
export type Fields = Record<string, unknown>

export function asFields(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null
}

export function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** Non-empty text, or a number as text. */
export function asText(value: unknown): string | null {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  return typeof value === 'string' && value !== '' ? value : null
}

export function asNumber(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'string' || value.trim() === '') return null
  const number = Number(value)
  return Number.isFinite(number) ? number : null
}

/** Unix seconds or a date text, as epoch ms; null when neither, or a time that no calendar has. */
export function asTime(value: unknown): number | null {
  const time = typeof value === 'number' ? Math.round(value * 1000) : Date.parse(String(value ?? ''))
  return Math.abs(time) <= LAST_MS && (typeof value === 'number' || typeof value === 'string') ? time : null
}

/** The largest time that a date can hold (ECMA-262, 21.4.1.1). */
const LAST_MS = 8.64e15

/** An http or https address, or null. */
export function asAddress(value: unknown): string | null {
  return typeof value === 'string' && /^https?:\/\//i.test(value) && URL.canParse(value) ? value : null
}

/** A task id: opaque, but only of characters that are safe in an address, and never a step up in its path. */
export function asTaskId(value: unknown): string | null {
  const text = asText(value)
  return text !== null && /^(?!\.*$)[A-Za-z0-9._:-]{1,128}$/.test(text) ? text : null
}
