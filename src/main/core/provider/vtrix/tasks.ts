import { toMicros } from '../amounts.ts'
import type { TaskReading } from '../provider.ts'
import { asAddress, asFields, asList, asNumber, asText, type Fields } from '../reading.ts'
import { clean, statesError } from '../told.ts'

/**
 * 095..099 of any model are faults behind the API; the digits before are the model's number.
 * Source: https://doc.vtrix.ai/docs/api/qwen/wan26-r2v
 */
const TRANSIENT = /^001\d{3}09[5-9]$/

/**
 * A task object as a reading; null when it is none. States are compared in lower case; `completed`
 * with an error is a failure; an unknown state is `running`.
 * Sources: https://doc.vtrix.ai/public/cli/cmd-task/, https://github.com/VtrixAI/vtrix-cli
 */
export function toReading(body: unknown, secrets: readonly string[]): TaskReading | null {
  const task = asFields(body)
  const status = asText(task?.status)?.toLowerCase()
  if (task === null || status === undefined) return null
  const hasError = statesError(task)
  switch (status) {
    case 'completed':
      if (hasError) return failed(task, 'unknown', secrets)
      return { state: 'succeeded', urls: urlsOf(task), chargedMicros: chargedMicros(task) }
    case 'failed':
      return failed(task, 'unknown', secrets)
    case 'cancelled':
    case 'canceled':
      return failed(task, 'cancelled', secrets)
    default:
      return { state: 'running', progress: progressOf(task), estimatedMs: null }
  }
}

/** A fraction of 1; a value above it can only be a percentage. */
function progressOf(task: Fields): number | null {
  const told = asNumber(task.progress)
  if (told === null) return null
  return Math.min(Math.max(told > 1 ? told / 100 : told, 0), 1)
}

/** Links of type `video` or `video_url`; a link without a type counts, one of another type does not. */
function urlsOf(task: Fields): string[] {
  const parts = asList(task.output).flatMap((output) => asList(asFields(output)?.content))
  const videos = parts.map(asFields).filter((part) => /^(video.*)?$/i.test(asText(part?.type) ?? ''))
  return [...new Set(videos.map((part) => asAddress(part?.url)).filter((url) => url !== null))]
}

const chargedMicros = (task: Fields): number | null => toMicros(asFields(task.usage)?.cost)

function failed(task: Fields, fallbackCode: string, secrets: readonly string[]): TaskReading {
  const error = asFields(task.error)
  const code = clean(asText(error?.code), 80, secrets) ?? fallbackCode
  const message = asText(error?.message) ?? asText(error?.error_message) ?? asText(task.error) ?? ''
  return {
    state: 'failed',
    code,
    message: clean(message, 300, secrets) ?? '',
    isTransient: TRANSIENT.test(code),
    chargedMicros: chargedMicros(task),
    isRefunded: null,
  }
}
