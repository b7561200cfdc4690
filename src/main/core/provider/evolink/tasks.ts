import { toMicros } from '../amounts.ts'
import type { ListedTask, TaskReading } from '../provider.ts'
import { asAddress, asFields, asList, asNumber, asTaskId, asText, asTime, type Fields } from '../reading.ts'
import { clean } from '../told.ts'

/**
 * Codes of a failed task that lie outside the order: the same order may succeed later.
 * Source: https://docs.evolink.ai/en/api-manual/task-management/error-codes
 */
const TRANSIENT = new Set([
  'service_error',
  'generation_timeout',
  'resource_exhausted',
  'quota_exceeded',
  'service_unavailable',
  'upstream_error',
  'rate_limited',
])

/** `channel_*` is trouble with the reseller's own accounts. */
const isTransientCode = (code: string): boolean => TRANSIENT.has(code) || code.startsWith('channel_')

/**
 * A task object as a reading; null when it is none (no status). An unknown status is `running`: only
 * the documented final states end a task.
 * Source: https://docs.evolink.ai/en/api-manual/task-management/get-task-detail
 */
export function toReading(body: unknown, secrets: readonly string[]): TaskReading | null {
  const task = asFields(body)
  const status = asText(task?.status)?.toLowerCase()
  if (task === null || status === undefined) return null
  switch (status) {
    case 'completed':
      return { state: 'succeeded', urls: urlsOf(task), chargedMicros: chargedMicros(task) }
    case 'failed':
      return failed(task, 'unknown_error', secrets)
    case 'cancelled':
    case 'canceled':
      return failed(task, 'request_cancelled', secrets)
    default:
      return { state: 'running', progress: progressOf(task), estimatedMs: estimatedMs(task) }
  }
}

function progressOf(task: Fields): number | null {
  const percent = asNumber(task.progress)
  return percent === null ? null : Math.min(Math.max(percent / 100, 0), 1)
}

/** The provider's estimate of the whole task, ms. */
export function estimatedMs(task: Fields): number | null {
  const seconds = asNumber(asFields(task.task_info)?.estimated_time)
  return seconds === null || seconds < 0 || seconds > LONGEST_TASK_SECONDS ? null : Math.round(seconds * 1000)
}

/** Tasks are forgotten after a day: a longer estimate is none. */
const LONGEST_TASK_SECONDS = 86_400

export function reservedMicros(task: Fields): number | null {
  return toMicros(asFields(task.usage)?.credits_reserved)
}

function urlsOf(task: Fields): string[] {
  const fromResults = asList(task.results).map(
    (entry) => asAddress(entry) ?? asAddress(asFields(entry)?.video_url),
  )
  const data = Array.isArray(task.result_data) ? task.result_data : [task.result_data]
  const fromData = data.map((entry) => asAddress(asFields(entry)?.video_url))
  const found = [...fromResults, ...fromData, asAddress(task.video_url)]
  return [...new Set(found.filter((url) => url !== null))]
}

function chargedMicros(task: Fields): number | null {
  const usage = asFields(task.usage)
  const billing = asFields(task.billing)
  return (
    toMicros(usage?.credits_used) ??
    toMicros(asFields(usage?.cost)?.credits) ??
    toMicros(billing?.charged_credits) ??
    (billing?.charge_status === 'released' ? 0 : null)
  )
}

function isRefunded(task: Fields): boolean | null {
  const billing = asFields(task.billing)
  if (billing?.refund_status === 'completed' || billing?.charge_status === 'released') return true
  return billing?.refund_status === 'pending' || billing?.refund_status === 'failed' ? false : null
}

function failed(task: Fields, fallbackCode: string, secrets: readonly string[]): TaskReading {
  const error = asFields(task.error)
  const code = clean(asText(error?.code), 80, secrets) ?? fallbackCode
  const message = asText(error?.message) ?? asText(task.error) ?? ''
  return {
    state: 'failed',
    code,
    message: clean(message, 300, secrets) ?? '',
    isTransient: isTransientCode(code),
    chargedMicros: chargedMicros(task),
    isRefunded: isRefunded(task),
  }
}

/** One row of the task list; null when it has no usable id or time. */
export function toListed(entry: unknown): ListedTask | null {
  const task = asFields(entry)
  const remoteId = asTaskId(task?.id)
  const createdAt = asTime(task?.created_at) ?? asTime(task?.created)
  if (task === null || remoteId === null || createdAt === null) return null
  return {
    remoteId,
    model: asText(task.model) ?? '',
    createdAt,
    state: asText(task.status)?.toLowerCase() ?? '',
  }
}
