/**
 * What an answer means: pure functions from a whole answer to a class of the reference table and a
 * reaction. The reaction is the product's law for submit outcomes; the class is the provider's word.
 */
import type { Answer } from './http-answer.ts'
import type { RefusalKind, RefusalScope } from './provider.ts'
import { asFields, asTaskId } from './reading.ts'
import { type RefusalCode, refusalOf } from './refusal-codes.ts'
import { namedWait, nextMidnight, parseRetryAfter } from './retry-after.ts'
import { readTold, statesError, type Told } from './told.ts'

export type AnswerClass =
  | 'ok'
  | 'failed_final'
  | 'invalid_request'
  | 'content'
  | 'auth'
  | 'balance'
  | 'balance_or_forbidden'
  | 'key_limit'
  | 'forbidden'
  | 'not_found'
  | 'rate_limited'
  | 'server_transient'
  | 'outcome_unknown'
  | 'feature_missing'
  | 'upload_too_large'
  | 'upload_type_refused'
  | 'upload_quota'
  | 'upload_source_unreachable'

export type Reaction =
  | { do: 'go-on' }
  /** Surely not done: give up, or pause the account. `until` epoch ms. */
  | { do: 'refuse'; kind: RefusalKind; scope: RefusalScope; until: number | null }
  /** Surely not done: wait as told. */
  | { do: 'wait'; retryAfterMs: number | null; isRateLimit: boolean }
  /** A free call that may simply be repeated. */
  | { do: 'repeat' }
  /** A create call whose effect is not known. */
  | { do: 'find-out'; retryAfterMs: number | null; mayRepeat: boolean }

export interface Verdict {
  class: AnswerClass
  reaction: Reaction
  told: Told
  status: number
}

export interface Manners {
  family: 'evolink' | 'vtrix'
  now: number
  /** The account's key: cut out of every text that is kept. */
  secrets: readonly string[]
}

const isJson = (answer: Answer): boolean => asFields(answer.json) !== null

/** Wait after a 429 that names none: 60 s (EvoLink's own advice), 30 s for Vtrix (assumed). */
const defaultWaitMs = (manners: Manners): number => (manners.family === 'evolink' ? 60_000 : 30_000)

/** Judges the answer to a create call. */
export function classifyCreate(answer: Answer, manners: Manners): Verdict {
  const told = readTold(answer, manners.secrets)
  const { status } = answer
  const say = (given: { class: AnswerClass; reaction: Reaction }): Verdict => ({ ...given, told, status })
  const code = refusalOf(told.code)

  if (code?.doubt) return say({ class: 'outcome_unknown', reaction: { do: 'find-out', ...code.doubt } })
  if (status >= 200 && status < 300) return say(acceptedOrNot(answer, code, told, manners))
  if (status === 429 && !code?.isAboutAccount) return say(tooFast(answer, told, manners))
  if (status === 503) return say(unavailable(answer, code, told, manners))
  if (status >= 500) return say(doubt(status === 502 ? 'server_transient' : 'outcome_unknown', told))
  // A redirect (a captive portal's, say) and the 4xx that speak of time or conflict are no refusal.
  if (status < 400 || status === 408 || status === 409) return say(doubt('outcome_unknown', told))
  return say(refusedBy(answer, code, told, manners))
}

/** The task id of an accepted create call, under either name; null = no usable id. */
export function acceptedId(json: unknown): string | null {
  const body = asFields(json)
  return asTaskId(body?.id) ?? asTaskId(body?.task_id)
}

function acceptedOrNot(answer: Answer, code: RefusalCode | null, told: Told, manners: Manners) {
  if (acceptedId(answer.json) !== null) return { class: 'ok', reaction: { do: 'go-on' } } as const
  if (!statesError(answer.json)) return doubt('outcome_unknown', told)
  if (code?.refusal) return refuse(code, told, manners)
  return {
    class: 'failed_final',
    reaction: { do: 'refuse', kind: 'invalid_request', scope: 'job', until: null },
  } as const
}

function tooFast(answer: Answer, told: Told, manners: Manners) {
  const retryAfterMs =
    parseRetryAfter(answer.headers['retry-after'], manners.now) ??
    namedWait(told.suggestion) ??
    defaultWaitMs(manners)
  return { class: 'rate_limited', reaction: { do: 'wait', retryAfterMs, isRateLimit: true } } as const
}

/** 503 is a refusal when it promises so: by a `Retry-After`, or by a code that says no route was found. */
function unavailable(answer: Answer, code: RefusalCode | null, told: Told, manners: Manners) {
  const headerMs = parseRetryAfter(answer.headers['retry-after'], manners.now)
  if (headerMs === null && !code?.isNoRoute) return doubt('server_transient', told)
  const retryAfterMs = headerMs ?? 60_000
  return { class: 'server_transient', reaction: { do: 'wait', retryAfterMs, isRateLimit: false } } as const
}

function doubt(name: AnswerClass, told: Told): { class: AnswerClass; reaction: Reaction } {
  const retryAfterMs = namedWait(told.suggestion)
  return { class: name, reaction: { do: 'find-out', retryAfterMs, mayRepeat: true } }
}

function refuse(code: RefusalCode, told: Told, manners: Manners): { class: AnswerClass; reaction: Reaction } {
  const refusal = code.refusal ?? { kind: 'invalid_request' as const, scope: 'job' as const }
  const until = code.isDaily ? nextMidnight(told.resetTimezone, manners.now) : null
  return { class: refusal.kind as AnswerClass, reaction: { do: 'refuse', ...refusal, until } }
}

/** The 4xx answers that mean "surely not done", for every call. The code speaks before the status. */
function refusedBy(
  answer: Answer,
  code: RefusalCode | null,
  told: Told,
  manners: Manners,
): { class: AnswerClass; reaction: Reaction } {
  const by = (
    kind: RefusalKind,
    scope: RefusalScope,
    name: AnswerClass = kind as AnswerClass,
  ): { class: AnswerClass; reaction: Reaction } => ({
    class: name,
    reaction: { do: 'refuse', kind, scope, until: null },
  })
  if (code?.refusal) return refuse(code, told, manners)
  // A page instead of JSON comes from something in front of the API: never one row's fault.
  const scope: RefusalScope = isJson(answer) ? 'job' : 'account'
  switch (answer.status) {
    case 401:
    case 407:
      return by('auth', 'account')
    case 402:
      return by('balance', 'account')
    case 403:
      return manners.family === 'vtrix' ? by('balance_or_forbidden', 'account') : by('forbidden', scope)
    case 404:
    case 405:
    case 410:
      return by('not_found', scope)
    case 413:
      return by('too_large', 'job', 'invalid_request')
    default:
      return by('invalid_request', 'job')
  }
}

/**
 * Judges the answer to a call that may be repeated for free. `isOptional` = a call that some bases
 * do not have: 404 and 405 then mean that the feature is missing.
 */
export function classifyRead(answer: Answer, manners: Manners, isOptional = false): Verdict {
  const told = readTold(answer, manners.secrets)
  const { status } = answer
  const say = (given: { class: AnswerClass; reaction: Reaction }): Verdict => ({ ...given, told, status })
  const code = refusalOf(told.code)
  const repeat = say({ class: 'server_transient', reaction: { do: 'repeat' } })

  if (status >= 200 && status < 300) {
    const body = asFields(answer.json)
    if (body === null || body.success === false) return repeat
    return say({ class: 'ok', reaction: { do: 'go-on' } })
  }
  if (isOptional && (status === 404 || status === 405 || status === 501))
    return say({
      class: 'feature_missing',
      reaction: { do: 'refuse', kind: 'feature_missing', scope: 'job', until: null },
    })
  if (status === 429 && !code?.isAboutAccount) return say(tooFast(answer, told, manners))
  if (status === 503) {
    const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], manners.now)
    if (retryAfterMs !== null)
      return say({ class: 'server_transient', reaction: { do: 'wait', retryAfterMs, isRateLimit: false } })
  }
  if (status < 400 || status >= 500 || status === 408 || status === 425) return repeat
  // A page that says "not found" is not the provider saying that it forgot a task.
  if ((status === 404 || status === 410) && !isJson(answer)) return repeat
  return say(refusedBy(answer, code, told, manners))
}
