import { ProblemError, problem } from '../../../../shared/problem.ts'
import { jsonWithInline } from '../../references/inline.ts'
import type { Call, Caller } from '../caller.ts'
import { classifyRead } from '../classify.ts'
import type { StreamBody } from '../http.ts'
import {
  type Accepted,
  type CreateRequest,
  type Provider,
  Refused,
  type TaskReading,
  Unreachable,
} from '../provider.ts'
import { readEach } from '../read-each.ts'
import { asFields, asText } from '../reading.ts'
import { hasInlineReferences, refusesShape, toForm, type VtrixForm } from './envelope.ts'
import { toReading } from './tasks.ts'

export interface VtrixOptions {
  caller: Caller
  account: string
  /** Read for every call: what an earlier call taught counts at once. Form absent = plain first. */
  settings(): { form: VtrixForm | undefined; requestLimitBytes: number }
}

/** An id of the documented kind that belongs to no task: asking for it shows whether the key works. */
const NO_TASK = 'reelsheet0probe00000'

/**
 * Vtrix: no repeat protection, no task list, no balance, no uploads.
 * Source: https://doc.vtrix.ai/docs/api/qwen/wan26-r2v
 */
export function createVtrix(options: VtrixOptions): Provider {
  const { caller, account } = options

  const readOne = async (remoteId: string, signal: AbortSignal): Promise<TaskReading> => {
    const path = `/model/v1/generation/task/${encodeURIComponent(remoteId)}`
    const call: Call = { method: 'GET', path, context: { doing: 'read' }, signal }
    const { answer, verdict, error } = await caller.tryAsk(call, classifyRead)
    if (verdict.class === 'not_found') return { state: 'forgotten' }
    if (error) throw error
    const task = asFields(answer.json)
    const answeredId = asText(task?.id) ?? asText(task?.task_id)
    const isSame = answeredId === null || answeredId === remoteId
    const reading = isSame ? toReading(task, caller.manners().secrets) : null
    if (reading === null) throw unusable(remoteId, account)
    return reading
  }

  return {
    can: {
      idempotencyMs: null,
      batchRead: false,
      listTasks: false,
      credits: false,
      upload: false,
      inlineReferences: true,
      failedIsFree: false,
    },
    create: (request, signal) => create(options, request, signal),
    read: (remoteIds, signal) => readEach([...new Set(remoteIds)], (id) => readOne(id, signal)),
    probe: async (signal) => {
      await readOne(NO_TASK, signal).catch((error: unknown) => {
        if (!(error instanceof Refused && error.scope === 'job')) throw error
      })
    },
  }
}

/**
 * Sends the form that is set, else the plain one and, after a clear refusal of its shape, the wrapped
 * one once. An unclear answer never leads to a second request.
 */
async function create(options: VtrixOptions, request: CreateRequest, signal: AbortSignal): Promise<Accepted> {
  const { form } = options.settings()
  if (form !== undefined) return sendForm(options, request, form, signal)
  try {
    return await sendForm(options, request, 'plain', signal)
  } catch (error) {
    if (!(error instanceof Refused) || !refusesShape(error)) throw error
    return sendForm(options, request, 'wrapped', signal).catch((second: unknown) => {
      // Both shapes refused: the answer to the documented form is the one to show.
      throw second instanceof Refused && refusesShape(second) ? error : second
    })
  }
}

async function sendForm(
  options: VtrixOptions,
  request: CreateRequest,
  form: VtrixForm,
  signal: AbortSignal,
): Promise<Accepted> {
  const envelope = toForm(request.body, form)
  const body = hasInlineReferences(envelope)
    ? openBody(envelope, request, options.account)
    : JSON.stringify(envelope)
  const sizeBytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  refuseAboveLimit(sizeBytes, options)
  const model = asText(request.body.model)
  const { remoteId } = await options.caller.create({
    method: 'POST',
    path: '/model/v1/generation',
    headers: { 'content-type': 'application/json' },
    body,
    context: { doing: 'create', ...(model === null ? {} : { model }) },
    signal,
  })
  return { remoteId, isReplayed: false, reservedMicros: null, estimatedMs: null, vtrixForm: form }
}

/** A reference that is not stored any more is found out here, before anything is sent. */
function openBody(envelope: Record<string, unknown>, request: CreateRequest, account: string): StreamBody {
  try {
    return jsonWithInline(envelope, request.openReference)
  } catch (cause) {
    const found = cause instanceof ProblemError ? cause.problem : undefined
    throw new Refused(
      {
        kind: 'invalid_request',
        scope: 'job',
        problem:
          found ??
          problem(
            'reference-missing',
            'A reference of the row is not stored any more. Nothing was sent and nothing was charged.',
            'Bring the file in again, then retry.',
            { account },
          ),
      },
      { cause },
    )
  }
}

/** The page allows references inside the request but names no limit; ours is a setting, lowered by a 413. */
function refuseAboveLimit(sizeBytes: number, options: VtrixOptions): void {
  const { requestLimitBytes } = options.settings()
  if (sizeBytes <= requestLimitBytes) return
  throw new Refused({
    kind: 'too_large',
    scope: 'job',
    sentBytes: sizeBytes,
    problem: problem(
      'reference-needs-address',
      `The request with its references would have ${(sizeBytes / 1e6).toFixed(1)} MB, more than the ${(requestLimitBytes / 1e6).toFixed(1)} MB that account “${options.account}” may send at once. Nothing was sent and nothing was charged.`,
      'Use smaller references, or give public addresses instead of files.',
      { account: options.account },
    ),
  })
}

function unusable(remoteId: string, account: string): Unreachable {
  return new Unreachable({
    problem: problem(
      'provider-fault',
      `The answer for task ${remoteId} is not that task. Nothing is lost and nothing was charged.`,
      'Nothing to do: it is asked again by itself.',
      { account, remoteId },
      'warning',
    ),
    isOffline: false,
  })
}
