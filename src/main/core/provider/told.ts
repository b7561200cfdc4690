import type { Answer } from './http-answer.ts'
import { redact } from './http-failure.ts'
import { asFields, asText, type Fields } from './reading.ts'

/** What an error answer says, whatever shape it has. Texts are cut, cleaned and free of the key. */
export interface Told {
  /** The provider's own code, as text: pages show numbers, newer answers texts. */
  code: string | null
  message: string
  param: string | null
  suggestion: string | null
  resetTimezone: string | null
}

const NOTHING: Told = { code: null, message: '', param: null, suggestion: null, resetTimezone: null }

/**
 * Reads every documented shape of an error body: `{error:{code,message|error_message}}`,
 * `{error:"text"}`, `{success:false,code,msg}`, `{message}`, `{status:{code,message,error_code}}`,
 * and bodies that are not JSON.
 * Sources: https://docs.evolink.ai/en/api-manual/task-management/error-codes,
 * https://github.com/EvoLinkAI/evolink-mcp, https://github.com/VtrixAI/vtrix-cli,
 * https://github.com/SeaCloudAI/seacloud-cli
 */
export function readTold(answer: Pick<Answer, 'text' | 'json'>, secrets: readonly string[]): Told {
  const body = asFields(answer.json)
  if (body === null) return { ...NOTHING, message: plainMessage(answer, secrets) }
  const inner = asFields(body.error)
  const status = asFields(body.status)
  const from = inner ?? status ?? body
  const message =
    asText(from.message) ??
    asText(from.error_message) ??
    asText(from.msg) ??
    asText(body.message) ??
    asText(body.error) ??
    asText(body.error_description) ??
    ''
  return {
    code: clean(asText(from.error_code) ?? asText(from.code) ?? asText(body.code), 80, secrets),
    message: clean(message, 300, secrets) ?? '',
    param: clean(asText(from.param), 80, secrets),
    suggestion: clean(asText(from.fallback_suggestion), 200, secrets),
    resetTimezone: clean(asText(from.reset_timezone), 60, secrets),
  }
}

/** True when a body states an error: in a 2xx answer without an id this means nothing was created. */
export function statesError(json: unknown): boolean {
  const body: Fields | null = asFields(json)
  if (body === null) return false
  const error = body.error
  return (typeof error === 'string' && error !== '') || asFields(error) !== null
}

/** A text of a stranger, fit for a sentence: one line, cut, without secrets and signed addresses. */
export function clean(text: string | null, length: number, secrets: readonly string[]): string | null {
  if (text === null) return null
  const line = redact(text, secrets)
    .replace(/(https?:\/\/[^\s"'<>?#]*)[?#][^\s"'<>]*/gi, '$1')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ')
    .trim()
  return line.length > length ? `${line.slice(0, length - 1)}…` : line
}

function plainMessage(answer: Pick<Answer, 'text'>, secrets: readonly string[]): string {
  const text = answer.text.slice(0, 2_000)
  if (/^\s*</.test(text)) return ''
  return clean(text, 200, secrets) ?? ''
}
