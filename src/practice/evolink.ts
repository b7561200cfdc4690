import { leftOf, type Order, placeOrder, type Voice } from './create.ts'
import { type Answer, type Call, type Desk, headerText, isRecord, json, parseJson } from './desk.ts'
import { checkEvolink, type FoundMedia } from './evolink-check.ts'
import { EVOLINK_MODELS, type EvolinkModel, frameLike, frameOf } from './evolink-models.ts'
import { evolinkBody, evolinkError, evolinkFault } from './evolink-view.ts'
import { isKept, peekTask, readTask, settleDue } from './life.ts'
import { priceEvolink, toAmount } from './prices.ts'

const KEY_PATTERN = /^[A-Za-z0-9._-]{16,96}$/
const BATCH_LIMIT = 50

/** `POST /v1/videos/generations` */
export function createVideo(desk: Desk, call: Call): Answer {
  if (call.isTooLarge) return evolinkError(413)
  const turn = desk.limiter.take('create')
  if (!turn.isFree) return evolinkError(429, {}, { 'retry-after': String(turn.afterSeconds) })
  const body = parseJson(call.body)
  if (!isRecord(body)) return evolinkError(400, { param: 'body' })
  if (typeof body.prompt === 'string') call.row.promptStart = body.prompt.slice(0, 80)
  if (typeof body.model !== 'string')
    return evolinkError(400, { message: 'model is required', param: 'model' })
  const model = Object.hasOwn(EVOLINK_MODELS, body.model) ? EVOLINK_MODELS[body.model] : undefined
  if (!model)
    return evolinkError(404, { param: 'model', fallback_suggestion: Object.keys(EVOLINK_MODELS)[0] })
  const key = headerText(call.headers, 'idempotency-key')
  if (key !== undefined) {
    if (!KEY_PATTERN.test(key))
      return evolinkError(400, { code: 'invalid_request', message: 'Idempotency-Key has a wrong form' })
    call.row.idempotencyKey = key
  }
  const checked = checkEvolink(desk, model, body)
  if ('refusal' in checked) {
    const { allowed, ...rest } = checked.refusal
    return evolinkError(400, allowed ? { ...rest, allowed_values: allowed } : rest)
  }
  const order = toOrder(desk, model, body, body.model, checked.media)
  if (key !== undefined) order.idempotencyKey = key
  return placeOrder(desk, call, order, evolinkVoice)
}

function toOrder(
  desk: Desk,
  model: EvolinkModel,
  body: Record<string, unknown>,
  name: string,
  media: FoundMedia,
): Order {
  const tier = String(body.quality ?? '720p')
  const first = (media.image_urls ?? media.image_start ?? media.video_urls)?.[0]
  const size = first?.width && first.height ? { width: first.width, height: first.height } : undefined
  // A model with a ratio field has an ordered frame; the others follow their first picture.
  const hasRatio = model.fields.aspect_ratio !== undefined && body.image_start === undefined
  const frame =
    (hasRatio ? frameOf(tier, String(body.aspect_ratio ?? '16:9')) : undefined) ?? frameLike(tier, size)
  const seconds = Number(body.duration ?? 5)
  const sound = body.generate_audio === undefined ? model.hasSound : body.generate_audio === true
  const referenceMs = (media.video_urls ?? []).map((probe) => probe?.durationMs)
  const priceMicros = priceEvolink({
    model: name,
    referenceMs,
    outputSeconds: seconds,
    quality: tier,
    hasSound: sound,
  })
  const order: Order = {
    family: 'evolink',
    model: name,
    prompt: String(body.prompt ?? ''),
    body,
    ...frame,
    seconds,
    sound,
    priceMicros,
    currency: 'credits',
    newTaskId: () => `task-unified-${Math.floor(desk.clock.now() / 1000)}-${desk.newId(8)}`,
  }
  if (typeof body.callback_url === 'string') order.callbackUrl = body.callback_url
  return order
}

const evolinkVoice: Voice = {
  accepted: (task) => evolinkBody({ task, status: 'pending', progress: 0, isLinkOnlyInResultData: false }),
  refused: evolinkFault,
  conflict: () =>
    evolinkError(409, { code: 'idempotency_conflict', message: 'This key belongs to a different request' }),
  tooManyTasks: () => evolinkError(429, { fallback_suggestion: 'retry after 60 seconds' }),
  lowBalance: (priceMicros, leftMicros) =>
    evolinkError(402, {
      code: 'insufficient_quota',
      estimated_credits: toAmount(priceMicros),
      account_balance_credits: toAmount(leftMicros),
      action_url: '/dashboard/credits',
    }),
}

function refuseRead(desk: Desk): Answer | undefined {
  const turn = desk.limiter.take('read')
  return turn.isFree ? undefined : evolinkError(429, {}, { 'retry-after': String(turn.afterSeconds) })
}

const unknownTask = () => evolinkError(404, { code: 'task_not_found', message: 'No such task' })

/** `GET /v1/tasks/{task_id}` */
export function getTask(desk: Desk, call: Call): Answer {
  const id = call.path.slice('/v1/tasks/'.length)
  if (!id.startsWith('task-unified-'))
    return evolinkError(400, {
      code: 'invalid_task_id',
      message: 'The id must begin with task-unified-',
    })
  const refusal = refuseRead(desk)
  if (refusal) return refusal
  call.row.taskId = id
  if (!isMine(desk, id)) return unknownTask()
  call.row.reads = [id]
  const read = readTask(desk, id)
  if (read.kind === 'missing') return unknownTask()
  if (read.kind === 'view') return json(200, evolinkBody(read.view))
  return read.fault.status === 404 ? unknownTask() : evolinkFault(read.fault)
}

function isMine(desk: Desk, id: string): boolean {
  return desk.books.tasks.get(id)?.family === 'evolink'
}

/** `POST /v1/tasks/batch`: unknown ids are left out; a scripted fault of one task strikes the whole answer. */
export function getTasks(desk: Desk, call: Call): Answer {
  if (call.isTooLarge) return evolinkError(413)
  const refusal = refuseRead(desk)
  if (refusal) return refusal
  const body = parseJson(call.body)
  const ids = isRecord(body) ? body.task_ids : undefined
  const isList = Array.isArray(ids) && ids.every((id) => typeof id === 'string')
  if (!isList || ids.length < 1 || ids.length > BATCH_LIMIT)
    return evolinkError(400, { param: 'task_ids', message: 'task_ids takes 1 to 50 ids' })
  const mine = [...new Set(ids as string[])].filter((id) => isMine(desk, id))
  call.row.reads = mine
  const data: unknown[] = []
  for (const id of mine) {
    const read = readTask(desk, id)
    if (read.kind === 'view') data.push(evolinkBody(read.view))
    else if (read.kind === 'fault' && read.fault.status !== 404) return evolinkFault(read.fault)
  }
  return json(200, { data })
}

/** `GET /v1/tasks`: newest first, without links. */
export function listTasks(desk: Desk, call: Call): Answer {
  const refusal = refuseRead(desk)
  if (refusal) return refusal
  const { query } = call
  const page = toWhole(query.get('page'), 1)
  const size = toWhole(query.get('page_size'), 20)
  if (page === undefined || size === undefined || size > BATCH_LIMIT)
    return evolinkError(400, { param: 'page_size', message: 'page and page_size must be whole, at most 50' })
  const wanted = { status: query.get('status'), type: query.get('type'), model: query.get('model') }
  const found = [...desk.books.tasks.values()]
    .filter((task) => task.family === 'evolink' && isKept(desk, task))
    .filter(() => wanted.type === null || wanted.type === 'video')
    .filter((task) => wanted.model === null || task.model === wanted.model)
    .map((task) => peekTask(desk, task))
    .filter(({ status }) => wanted.status === null || listState(status) === wanted.status)
    .sort((a, b) => b.task.createdAt - a.task.createdAt)
  const data = found.slice((page - 1) * size, page * size).map(({ task, status, progress }) => ({
    created: Math.floor(task.createdAt / 1000),
    id: task.id,
    model: task.model,
    object: 'video.generation.task',
    progress,
    status,
    type: 'video',
    created_at: Math.floor(task.createdAt / 1000),
    has_results: status === 'completed',
    ...(status === 'completed' ? { credits_used: toAmount(task.chargedMicros) } : {}),
  }))
  return json(200, { data, total: found.length, page, page_size: size })
}

/** The list's filter word `processing` includes tasks that still wait. */
function listState(status: string): string {
  return status === 'pending' ? 'processing' : status
}

export function toWhole(text: string | null, fallback: number): number | undefined {
  if (text === null) return fallback
  return /^[1-9]\d{0,6}$/.test(text) ? Number(text) : undefined
}

/** `GET /v1/credits` */
export function getCredits(desk: Desk): Answer {
  settleDue(desk)
  const used = toAmount(desk.books.totals.credits.chargedMicros)
  return json(200, {
    success: true,
    message: '',
    data: {
      token: { remaining_credits: 0, unlimited_credits: true, used_credits: used },
      user: { remaining_credits: toAmount(leftOf(desk, 'credits')), used_credits: used },
    },
  })
}

/** `GET /v1/models` */
export function listModels(): Answer {
  return json(200, { data: Object.keys(EVOLINK_MODELS).map((id) => ({ id })) })
}
