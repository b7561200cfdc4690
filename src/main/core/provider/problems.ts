/** Turns a verdict or a failed exchange into one of the four errors, with sentences for a person. */
import { findModel } from '../../../shared/models/catalogue.ts'
import { afterRetired } from '../../../shared/models/validate.ts'
import { type Problem, type ProblemCode, type ProblemPlace, problem } from '../../../shared/problem.ts'
import type { Verdict } from './classify.ts'
import { type FailureReason, Lost, NotSent } from './http-failure.ts'
import { Busy, type RefusalKind, type RefusalScope, Refused, Unconfirmed, Unreachable } from './provider.ts'
import type { Told } from './told.ts'

/** Who was asked for what; used in sentences. */
export interface CallContext {
  /** The provider's name as people know it. */
  provider: string
  account: string
  host: string
  doing: 'create' | 'read' | 'upload' | 'files'
  model?: string
  /** The reference that is being uploaded. */
  file?: string
  /** Size of the request's body, bytes. */
  sentBytes?: number
}

const PROBLEM_CODES: Record<RefusalKind, ProblemCode> = {
  invalid_request: 'request-refused',
  content: 'content-refused',
  auth: 'key-refused',
  balance: 'balance-low',
  balance_or_forbidden: 'balance-low',
  key_limit: 'key-limit',
  forbidden: 'not-permitted',
  not_found: 'not-found',
  feature_missing: 'not-possible',
  too_large: 'request-refused',
  upload_too_large: 'upload-refused',
  upload_type_refused: 'upload-refused',
  upload_quota: 'upload-refused',
  upload_source_unreachable: 'upload-refused',
}

/** What the refusal means for money: a refused create call made nothing. */
function moneyOf(context: CallContext): string {
  return context.doing === 'create' ? 'Nothing was created and nothing was charged.' : 'Nothing was charged.'
}

function quote(told: Told): string {
  return told.message === '' ? '' : ` It said: “${told.message}”.`
}

function placeOf(context: CallContext, told?: Told): ProblemPlace {
  return {
    account: context.account,
    ...(context.model !== undefined ? { model: context.model } : {}),
    ...(context.file !== undefined ? { file: context.file } : {}),
    ...(told?.code ? { providerCode: told.code } : {}),
    ...(told?.param ? { column: told.param } : {}),
  }
}

/** The error for an answer that is not `ok`. `cause` is kept for the log. */
export function toError(verdict: Verdict, context: CallContext): Error {
  const { reaction, told, status } = verdict
  switch (reaction.do) {
    case 'refuse':
      return new Refused({
        kind: reaction.kind,
        scope: reaction.scope,
        problem: refusalProblem(reaction.kind, reaction.scope, told, status, context),
        status,
        until: reaction.until,
        said: told.message,
        sentBytes: isAboutSize(reaction.kind) ? (context.sentBytes ?? null) : null,
      })
    case 'wait':
      return new Busy({
        problem: busyProblem(reaction.isRateLimit, told, status, context),
        retryAfterMs: reaction.retryAfterMs,
        isRateLimit: reaction.isRateLimit,
      })
    case 'find-out':
      return new Unconfirmed({
        problem: doubtProblem(`${context.provider} answered ${status}.${quote(told)}`, context, told),
        retryAfterMs: reaction.retryAfterMs,
        mayRepeat: reaction.mayRepeat,
      })
    default:
      return new Unreachable({
        problem: problem(
          'provider-fault',
          `${context.provider} answered ${status} and nothing that can be used.${quote(told)} Nothing is lost.`,
          'Nothing to do: it is asked again by itself.',
          placeOf(context, told),
          'warning',
        ),
        isOffline: false,
      })
  }
}

const isAboutSize = (kind: RefusalKind): boolean => kind === 'too_large' || kind === 'upload_too_large'

function busyProblem(isRateLimit: boolean, told: Told, status: number, context: CallContext): Problem {
  const what = isRateLimit
    ? `${context.provider} says that requests come too fast.${quote(told)}`
    : `${context.provider} is not available now (${status}).${quote(told)}`
  return problem(
    isRateLimit ? 'rate-limited' : told.code ? 'model-unavailable' : 'provider-fault',
    `${what} ${moneyOf(context)}`,
    'Nothing to do: it is tried again after the time that the provider asks for.',
    placeOf(context, told),
    'warning',
  )
}

/** What happened, as a doubt: the sentence a person reads before deciding. */
function doubtProblem(happened: string, context: CallContext, told?: Told): Problem {
  return problem(
    'outcome-unknown',
    `${happened} The request had left this computer, so the clip may have been ordered and charged.`,
    `Look for it on your account pages at ${context.provider}: give its task id if it exists, or say that it does not exist to send it again.`,
    placeOf(context, told),
  )
}

function refusalProblem(
  kind: RefusalKind,
  scope: RefusalScope,
  told: Told,
  status: number,
  context: CallContext,
): Problem {
  const isUnknownModel = kind === 'not_found' && context.doing === 'create' && scope === 'job'
  const code = isUnknownModel ? 'model-retired' : PROBLEM_CODES[kind]
  const what = `${happenedOf(kind, scope, status, context)}${quote(told)} ${moneyOf(context)}`
  const hint = told.suggestion ? ` The provider suggests: “${told.suggestion}”.` : ''
  return problem(code, what, `${nextOf(kind, scope, told, context)}${hint}`, placeOf(context, told))
}

function happenedOf(kind: RefusalKind, scope: RefusalScope, status: number, context: CallContext): string {
  const { provider, account } = context
  const file = context.file === undefined ? 'the file' : `“${context.file}”`
  const model = context.model === undefined ? 'the model' : `the model ${context.model}`
  switch (kind) {
    case 'auth':
      return `${provider} did not accept the key of account “${account}”.`
    case 'balance':
      return `The balance of account “${account}” is too low for ${provider} to take the order.`
    case 'balance_or_forbidden':
      return `${provider} refused account “${account}”: its balance is too low, or its key has no right to this call.`
    case 'key_limit':
      return `The spending limit of the key of account “${account}” is used up; the account itself may still have money.`
    case 'forbidden':
      return scope === 'account'
        ? `${provider} refuses the key of account “${account}” as a whole.`
        : `The key of account “${account}” may not use ${model}.`
    case 'not_found':
      if (scope === 'account')
        return `${context.host} does not answer like the API of ${provider} (${status}).`
      return context.doing === 'create'
        ? `${provider} does not know ${model}: it may have been retired.`
        : `${provider} does not know what was asked for (${status}).`
    case 'feature_missing':
      return `${context.host} does not have this call (${status}).`
    case 'content':
      return `${provider}'s content review refused the request.`
    case 'too_large':
      return `${provider} refused the request as too large${sizeOf(context)}.`
    case 'upload_too_large':
      return `${provider}'s file service refused ${file} as too large${sizeOf(context)}.`
    case 'upload_type_refused':
      return `${provider}'s file service does not take files of this type: ${file}.`
    case 'upload_quota':
      return `The file service of account “${account}” has no free place.`
    case 'upload_source_unreachable':
      return `${provider}'s file service could not read the given address.`
    case 'invalid_request':
      return `${provider} refused the request (${status}).`
  }
}

function sizeOf(context: CallContext): string {
  return context.sentBytes === undefined ? '' : ` (${(context.sentBytes / 1e6).toFixed(1)} MB)`
}

function nextOf(kind: RefusalKind, scope: RefusalScope, told: Told, context: CallContext): string {
  switch (kind) {
    case 'auth':
      return 'Give the account a working key; its jobs keep their place and go on.'
    case 'balance':
    case 'balance_or_forbidden':
      return 'Check the balance and the rights of the key, then resume the account; its jobs keep their place.'
    case 'key_limit':
      return 'Raise the limit of the key, or wait until it is reset; the jobs keep their place.'
    case 'forbidden':
      return scope === 'account'
        ? 'Check the key in the account pages of the provider, then resume the account.'
        : 'Allow the model for this key, use another account, or choose another model.'
    case 'not_found':
      if (scope === 'account') return 'Check the base address of the account.'
      return context.doing === 'create'
        ? afterRetired(findModel(context.model ?? '') ?? {})
        : 'Check that it was made with this account and is not too old.'
    case 'feature_missing':
      return context.doing === 'upload'
        ? 'Give a public address instead of a file.'
        : 'Nothing to do: other calls are used.'
    case 'content':
      return 'Change the prompt or the references of the row, then send it again.'
    case 'too_large':
      return 'Use smaller references, or public addresses instead of files.'
    case 'upload_too_large':
      return 'Use a smaller file, or give a public address instead.'
    case 'upload_type_refused':
      return 'Convert the file, or give a public address instead.'
    case 'upload_quota':
      return 'Delete uploaded files that are not needed any more, then try again.'
    case 'upload_source_unreachable':
      return 'Check that the address can be opened without signing in.'
    case 'invalid_request':
      return told.param === null
        ? 'Correct the row, then send it again.'
        : `Correct “${told.param}” in the row, then send it again.`
  }
}

const REASONS: Record<FailureReason, string> = {
  refused: 'no connection could be made',
  name: 'its name could not be resolved',
  tls: 'no secure connection could be made',
  proxy: 'the proxy made no connection',
  'connect-timeout': 'the connection took too long',
  cut: 'the connection was cut',
  'no-answer': 'no answer came in time',
  stalled: 'the connection stood still',
  'total-timeout': 'the exchange took too long',
  'answer-too-large': 'the answer was too large to be true',
  body: 'a reference could not be read',
  aborted: 'it was stopped here',
}

const OFFLINE: ReadonlySet<FailureReason> = new Set(['refused', 'name', 'proxy', 'connect-timeout'])

/**
 * The error for an exchange without a whole answer. A create call whose bytes left becomes
 * `Unconfirmed`; everything else is `Unreachable`, except a reference that could not be read.
 */
export function toFailure(error: unknown, context: CallContext): Error {
  if (!(error instanceof NotSent) && !(error instanceof Lost)) return error as Error
  const happened = `${context.host} was asked and ${REASONS[error.reason]}.`
  const options = { cause: error }
  if (error instanceof Lost && context.doing === 'create')
    return new Unconfirmed({ problem: doubtProblem(happened, context) }, options)
  if (error.reason === 'body') return unreadableReference(context, options)
  const isOffline = error instanceof NotSent && OFFLINE.has(error.reason)
  return new Unreachable(
    {
      problem: problem(
        'unreachable',
        `${context.host} could not be reached: ${REASONS[error.reason]}. ${moneyOf(context)}`,
        error.reason === 'proxy' || error.reason === 'tls'
          ? 'Check the proxy and the certificates of this network; it is tried again by itself.'
          : 'Nothing to do: it is tried again by itself.',
        placeOf(context),
        'warning',
      ),
      isOffline,
    },
    options,
  )
}

function unreadableReference(context: CallContext, options: ErrorOptions): Refused {
  return new Refused(
    {
      kind: 'invalid_request',
      scope: 'job',
      problem: problem(
        'reference-unreadable',
        `${context.file === undefined ? 'A reference' : `“${context.file}”`} could not be read while it was sent. ${moneyOf(context)}`,
        'Put the file back, or bring it in again, then retry.',
        placeOf(context),
      ),
    },
    options,
  )
}
