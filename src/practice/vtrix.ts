import { type Order, placeOrder, type Voice } from './create.ts'
import { type Answer, type Call, type Desk, html, isRecord, json, parseJson } from './desk.ts'
import type { Fault } from './faults.ts'
import { readTask, type TaskView } from './life.ts'
import { priceVtrix, toAmountText, vtrixRate } from './prices.ts'
import { checkVtrix, unwrap, VTRIX_MODEL, vtrixMessage } from './vtrix-check.ts'

const TEXTS: Readonly<Record<number, string>> = {
  400: 'bad request',
  401: 'invalid api key',
  402: 'not enough credits',
  403: 'no permission',
  404: 'not found',
  405: 'method not allowed',
  413: 'request body too large',
  429: 'rate limit exceeded',
  500: 'internal error',
  502: 'bad gateway',
  503: 'service unavailable',
  504: 'gateway timeout',
}

/** The family's plain refusal, `{message}`. */
export function vtrixError(status: number): Answer {
  return vtrixMessage(status, TEXTS[status] ?? 'refused')
}

function vtrixFault(fault: Fault): Answer {
  const status = fault.status ?? 500
  if (fault.isHtml || fault.what === 'html') return html(fault.what === 'html' ? 200 : status)
  const answer = refusalBody(status, fault.code)
  if (fault.afterSeconds !== undefined)
    answer.headers = { ...answer.headers, 'retry-after': String(fault.afterSeconds) }
  return answer
}

function refusalBody(status: number, code: string | undefined): Answer {
  const message = TEXTS[status] ?? 'refused'
  if (code !== undefined) return json(status, { error: { code, message } })
  if (status === 402) return json(402, { status: { code: 402, message, error_code: 40201 }, data: null })
  return vtrixMessage(status, message)
}

/** `POST /model/v1/generation` */
export async function createGeneration(desk: Desk, call: Call): Promise<Answer> {
  if (call.isTooLarge) return vtrixError(413)
  if (!desk.limiter.take('create').isFree) return vtrixError(429)
  const body = parseJson(call.body)
  if (!isRecord(body)) return vtrixMessage(400, 'the body must be a JSON object')
  if (typeof body.model !== 'string') return vtrixMessage(400, 'model is required')
  if (body.model !== VTRIX_MODEL) return json(404, { error: 'model not found' })
  const groups = unwrap(desk, body)
  if ('refusal' in groups) return groups.refusal
  if (typeof groups.input.prompt === 'string') call.row.promptStart = groups.input.prompt.slice(0, 80)
  const checked = await checkVtrix(desk, groups.input, groups.parameters)
  if ('refusal' in checked) return checked.refusal
  const order: Order = {
    family: 'vtrix',
    model: body.model,
    body,
    ...checked,
    priceMicros: priceVtrix(checked.width, checked.height, checked.seconds),
    currency: 'usd',
    newTaskId: () => desk.newId(20),
  }
  return placeOrder(desk, call, order, vtrixVoice)
}

const vtrixVoice: Voice = {
  accepted: (task) => ({
    id: task.id,
    created_at: Math.floor(task.createdAt / 1000),
    status: 'in_progress',
    model: task.model,
  }),
  refused: vtrixFault,
  // There is no repeat protection at Vtrix, so this is never said.
  conflict: () => vtrixMessage(409, 'conflict'),
  tooManyTasks: () => vtrixError(429),
  lowBalance: () => vtrixMessage(403, 'insufficient balance'),
}

/** `GET /model/v1/generation/task/{id}` */
export function getGeneration(desk: Desk, call: Call): Answer {
  const id = call.path.slice('/model/v1/generation/task/'.length)
  if (!desk.limiter.take('read').isFree) return vtrixError(429)
  call.row.taskId = id
  const unknownTask = () => vtrixMessage(404, 'task not found')
  if (desk.books.tasks.get(id)?.family !== 'vtrix') return unknownTask()
  call.row.reads = [id]
  const read = readTask(desk, id)
  if (read.kind === 'missing') return unknownTask()
  if (read.kind === 'view') return json(200, vtrixBody(read.view))
  return read.fault.status === 404 ? unknownTask() : vtrixFault(read.fault)
}

function vtrixBody(view: TaskView): Record<string, unknown> {
  const { task } = view
  const body = { id: task.id, created_at: Math.floor(task.createdAt / 1000), model: task.model }
  if (view.status === 'completed') return { ...body, status: 'completed', ...completedParts(view) }
  if (view.status === 'failed' || view.status === 'cancelled') {
    const { code = '001028095', message = 'failed' } = task.end
    return { ...body, status: view.status, error: { code, message } }
  }
  // The model's page has one word for everything that runs; a scripted strange word stays as it is.
  const isPlain = view.status === 'pending' || view.status === 'processing'
  return { ...body, status: isPlain ? 'in_progress' : view.status, progress: view.progress / 100 }
}

function completedParts(view: TaskView): Record<string, unknown> {
  const { task, link } = view
  const content = { type: 'video', url: link, jobId: `practice-${task.id}` }
  return {
    output: link === undefined ? [] : [{ content: [content] }],
    usage: {
      cost: toAmountText(task.chargedMicros),
      discount: 1,
      quantity: task.seconds,
      unit_price: toAmountText(vtrixRate(task.width, task.height)),
    },
    metadata: {},
  }
}
