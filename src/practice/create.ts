import { createHash } from 'node:crypto'
import type { Currency, Cycle, Family, Task, TaskRecord } from './books.ts'
import { announceEnd } from './callbacks.ts'
import { type Answer, type Call, type Desk, freshId, html, json } from './desk.ts'
import { countFault, type Fault, nextFault, parseFaults } from './faults.ts'
import { settleDue, slowMs } from './life.ts'
import { maskDataUris } from './media.ts'

const KEY_LIFE_MS = 24 * 3_600_000

/** A checked create request. */
export interface Order {
  family: Family
  model: string
  prompt: string
  body: unknown
  width: number
  height: number
  seconds: number
  sound: boolean
  priceMicros: number
  currency: Currency
  callbackUrl?: string
  idempotencyKey?: string
  newTaskId(): string
}

/** How a family words its answers. */
export interface Voice {
  accepted(task: Task): Record<string, unknown>
  refused(fault: Fault): Answer
  conflict(): Answer
  tooManyTasks(): Answer
  lowBalance(priceMicros: number, leftMicros: number): Answer
}

/** Carries a checked order out: repeat protection, scripted faults, reservation, and the task on disk. */
export function placeOrder(desk: Desk, call: Call, order: Order, voice: Voice): Answer {
  const bodyHash = hashOf(canonical(order.body))
  const key = order.idempotencyKey === undefined ? undefined : `${call.keyName}:${order.idempotencyKey}`
  const known = key === undefined ? undefined : findKnown(desk, key)
  if (known && known.bodyHash !== bodyHash) return voice.conflict()

  const cycle = joinCycle(desk, order, key)
  const faults = parseFaults(order.prompt)
  // `[cut-early]` struck while the body was still arriving (server.ts).
  const due = nextFault(faults, cycle.counts, 'create', ({ what }) => what !== 'cut-early')
  const fault = due?.fault
  const counts = due ? countFault(cycle.counts, due.index) : cycle.counts
  if (fault && !isCarriedOut(fault)) {
    saveCycle(desk, { ...cycle, counts }, key)
    return answerRefusal(fault, voice)
  }

  const refusal = known ? undefined : refuseForLimits(desk, order, voice)
  if (refusal) return refusal
  const ending = known ? undefined : nextFault(faults, counts, 'end')
  const task = known ?? startTask(desk, call, order, bodyHash, ending?.fault, faults)
  call.row.taskId = task.id
  const isClean = fault === undefined && task.end.state === 'completed'
  saveCycle(
    desk,
    {
      ...cycle,
      counts: ending ? countFault(counts, ending.index) : counts,
      isClosed: isClean || cycle.isClosed,
    },
    key,
  )
  const answer = json(200, voice.accepted(task), known ? { 'idempotency-replayed': 'true' } : {})
  return fault ? spoilAnswer(fault, answer, voice) : answer
}

function findKnown(desk: Desk, key: string): Task | undefined {
  const task = desk.books.tasks.get(desk.books.bound.get(key) ?? '')
  return task && desk.clock.now() < task.createdAt + KEY_LIFE_MS ? task : undefined
}

function isCarriedOut(fault: Fault): boolean {
  return fault.what.startsWith('accept-') || fault.what === 'hang' || fault.isCreated === true
}

function answerRefusal(fault: Fault, voice: Voice): Answer {
  if (fault.what === 'cut') return { status: 0, drop: 'cut' }
  return voice.refused(fault)
}

function spoilAnswer(fault: Fault, answer: Answer, voice: Voice): Answer {
  const bytes = Buffer.byteLength(answer.body ?? '')
  switch (fault.what) {
    case 'accept-then-cut':
      return { ...answer, drop: 'cut' }
    case 'accept-half':
      return { ...answer, cutAfterBytes: Math.floor(bytes / 2) }
    case 'accept-no-id':
      return json(200, { message: 'accepted' })
    case 'accept-html':
      return html(200)
    case 'hang':
      return { ...answer, drop: 'hang' }
    default:
      return voice.refused(fault)
  }
}

function refuseForLimits(desk: Desk, order: Order, voice: Voice): Answer | undefined {
  settleDue(desk)
  if (desk.books.unsettled.size >= desk.settings.tasksInFlight) return voice.tooManyTasks()
  const leftMicros = leftOf(desk, order.currency)
  return leftMicros < order.priceMicros ? voice.lowBalance(order.priceMicros, leftMicros) : undefined
}

/** What may still be spent: the balance without charges and open reservations. */
export function leftOf(desk: Desk, currency: Currency): number {
  const total = desk.books.totals[currency]
  return desk.settings.balanceMicros[currency] - total.reservedMicros - total.chargedMicros
}

function startTask(
  desk: Desk,
  call: Call,
  order: Order,
  bodyHash: string,
  ending: Fault | undefined,
  faults: readonly Fault[],
): Task {
  const createdAt = desk.clock.now()
  const startsAt = createdAt + desk.settings.queueMs
  const record: TaskRecord = {
    id: freshId(order.newTaskId, (id) => desk.books.tasks.has(id)),
    family: order.family,
    model: order.model,
    prompt: order.prompt,
    request: maskDataUris(order.body),
    bodyHash,
    keyName: call.keyName ?? '',
    createdAt,
    startsAt,
    endsAt: startsAt + desk.settings.renderMsPerSecond * order.seconds + slowMs(faults) / desk.settings.speed,
    end: toEnd(ending),
    currency: order.currency,
    reservedMicros: order.priceMicros,
    width: order.width,
    height: order.height,
    seconds: order.seconds,
    sound: order.sound,
  }
  if (order.idempotencyKey !== undefined) record.idempotencyKey = order.idempotencyKey
  if (order.callbackUrl !== undefined) record.callbackUrl = order.callbackUrl
  desk.books.record({ kind: 'task', task: record })
  const task = desk.books.tasks.get(record.id)
  if (!task) throw new Error(`Task ${record.id} was not stored.`)
  if (task.callbackUrl !== undefined) desk.background(announceEnd(desk, task, task.callbackUrl))
  return task
}

function toEnd(ending: Fault | undefined): TaskRecord['end'] {
  if (!ending) return { state: 'completed' }
  if (ending.what === 'cancelled')
    return { state: 'cancelled', code: 'request_cancelled', message: 'The task was cancelled' }
  const code = ending.code ?? 'service_error'
  return { state: 'failed', code, message: `The practice prompt asked for the failure ${code}` }
}

/**
 * The faults of one intent happen once although several requests may carry it. A request joins the cycle its key
 * is bound to, else the open cycle of its content, else a new one. Media addresses are no part of the content,
 * because a repeat may have uploaded again.
 */
function joinCycle(desk: Desk, order: Order, key: string | undefined): Cycle {
  const { books } = desk
  const content = hashOf(`${order.family} ${canonical(order.body, /url|image_start|image_end/i)}`)
  const id =
    (key === undefined ? undefined : books.cycleOfKey.get(key)) ?? books.openCycleOf.get(content) ?? ''
  const found = books.cycles.get(id)
  if (found) return found
  const made = freshId(
    () => desk.newId(12),
    (taken) => books.cycles.has(taken),
  )
  return { id: made, content, counts: [], isClosed: false }
}

/** Prompts without faults leave no trace here, so that ten thousand plain tasks cost nothing extra. */
function saveCycle(desk: Desk, cycle: Cycle, key: string | undefined): void {
  const isKnown = desk.books.cycles.has(cycle.id)
  if (!isKnown && cycle.counts.length === 0) return
  desk.books.record(key === undefined ? { kind: 'cycle', cycle } : { kind: 'cycle', cycle, key })
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** JSON with sorted keys, without the keys that match `leaveOut`. */
function canonical(value: unknown, leaveOut?: RegExp): string {
  return JSON.stringify(value, (name, part: unknown) => {
    if (leaveOut && name !== '' && leaveOut.test(name)) return undefined
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
