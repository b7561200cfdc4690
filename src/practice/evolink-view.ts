import { type Answer, html, json } from './desk.ts'
import type { Fault } from './faults.ts'
import type { TaskView } from './life.ts'
import { toAmount } from './prices.ts'

const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'insufficient_quota_error',
  403: 'permission_error',
  404: 'not_found_error',
  405: 'invalid_request_error',
  409: 'invalid_request_error',
  413: 'request_too_large_error',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
  500: 'internal_server_error',
  502: 'upstream_error',
  503: 'service_unavailable_error',
  504: 'upstream_error',
}

const TEXTS: Readonly<Record<number, string>> = {
  400: 'The request body is not valid',
  401: 'The key was not accepted',
  402: 'Balance is too low',
  403: 'This key may not use the model',
  404: 'No such model',
  405: 'This method is not allowed here',
  409: 'The earlier request is still being processed',
  413: 'The request is too large',
  429: 'Too many requests',
  500: 'Internal fault',
  502: 'Bad gateway',
  503: 'Service unavailable',
  504: 'The gateway waited too long',
}

const SUGGESTIONS: Readonly<Record<number, string>> = {
  429: 'retry after 60 seconds',
  500: 'try again later',
  502: 'try again later',
  503: 'retry after 30 seconds',
  504: 'try again later',
}

/** The documented error body; `extra` overrides code and message or adds `param` and the like. */
export function evolinkError(
  status: number,
  extra: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Answer {
  const error = {
    code: status,
    message: TEXTS[status] ?? 'Refused',
    type: TYPES[status] ?? 'error',
    ...extra,
  }
  return json(status, { error }, headers)
}

/** A scripted refusal. With `after` it says when in `Retry-After`, else in `fallback_suggestion`. */
export function evolinkFault(fault: Fault): Answer {
  const status = fault.status ?? 500
  if (fault.isHtml || fault.what === 'html') return html(fault.what === 'html' ? 200 : status)
  const code = fault.code ?? (status === 402 ? 'insufficient_quota' : undefined)
  const extra: Record<string, unknown> = code === undefined ? {} : { code }
  if (fault.afterSeconds !== undefined)
    return evolinkError(status, extra, { 'retry-after': String(fault.afterSeconds) })
  const suggestion = SUGGESTIONS[status]
  return evolinkError(status, suggestion ? { ...extra, fallback_suggestion: suggestion } : extra)
}

/** The task object of the create answer, single reads, batch reads and callbacks. */
export function evolinkBody(view: TaskView): Record<string, unknown> {
  const { task } = view
  const body: Record<string, unknown> = {
    created: Math.floor(task.createdAt / 1000),
    id: task.id,
    model: task.model,
    object: 'video.generation.task',
    progress: view.progress,
    status: view.status,
    type: 'video',
    task_info: { can_cancel: false, estimated_time: Math.ceil((task.endsAt - task.createdAt) / 1000) },
  }
  const reserved = toAmount(task.reservedMicros)
  const usage = { billing_rule: 'per_second', credits_reserved: reserved, user_group: 'default' }
  if (view.status === 'completed') return { ...body, ...completedParts(view, usage) }
  if (view.status === 'failed' || view.status === 'cancelled')
    return { ...body, ...failedParts(view, reserved) }
  return { ...body, usage }
}

function completedParts(view: TaskView, usage: Record<string, unknown>): Record<string, unknown> {
  const { task, link } = view
  const credits = toAmount(task.chargedMicros)
  const links = link === undefined ? [] : [link]
  const parts: Record<string, unknown> = {
    results: view.isLinkOnlyInResultData ? [] : links,
    usage: {
      ...usage,
      credits_used: credits,
      cost: { credits, usd: Math.round((credits / 68) * 10_000) / 10_000 },
    },
    duration: Math.round(((task.settledAt ?? task.endsAt) - task.createdAt) / 1000),
    billing: {
      refund_scope: 'account_balance',
      charge_status: 'charged',
      refund_status: 'not_required',
      reserved_credits: toAmount(task.reservedMicros),
      charged_credits: credits,
    },
  }
  if (view.isLinkOnlyInResultData)
    parts.result_data = links.map((url) => ({ video_url: url, duration: task.seconds }))
  return parts
}

function failedParts(view: TaskView, reserved: number): Record<string, unknown> {
  const { task } = view
  return {
    error: { code: task.end.code ?? 'unknown_error', message: task.end.message ?? 'Failed' },
    billing: {
      refund_scope: 'account_balance',
      charge_status: 'released',
      refund_status: 'completed',
      reserved_credits: reserved,
      refunded_credits: reserved,
      refunded_at: new Date(task.settledAt ?? task.endsAt).toISOString(),
    },
  }
}
