import { createHmac } from 'node:crypto'
import type { Task, TaskState } from './books.ts'
import type { Desk } from './desk.ts'
import { countFault, type Fault, nextFault } from './faults.ts'

/** What a read of a task shows right now. */
export interface TaskView {
  task: Task
  /** A documented state, or the strange one that the prompt asked for. */
  status: string
  /** Whole percent. */
  progress: number
  /** The result link of a completed task, unless the prompt withholds it. */
  link?: string
  isLinkOnlyInResultData: boolean
}

export type TaskRead =
  | { kind: 'missing' }
  | { kind: 'fault'; fault: Fault }
  | { kind: 'view'; view: TaskView }

/** Faults that mark a whole task instead of happening once. */
const LASTING = new Set(['slow', 'result-data', 'forget', 'wrong-size'])
const hasLasting = (task: Task, what: string) => task.faults.some((fault) => fault.what === what)
const isPassing = (fault: Fault) => !LASTING.has(fault.what)

/** How much longer `[slow=…]` makes a task, in ms. */
export function slowMs(faults: readonly Fault[]): number {
  return faults.reduce(
    (sum, fault) => sum + (fault.what === 'slow' ? (fault.amount ?? 0) * fault.times : 0),
    0,
  )
}

/** True while `[running]` or `[status=…]` still have reads to spend: the end waits for them. */
function isHeld(task: Task): boolean {
  const holds = (fault: Fault) => fault.what === 'running' || fault.what === 'strange'
  return nextFault(task.faults, task.faultCounts, 'read', holds) !== undefined
}

/** Charges or releases every task whose time has come. A failed or cancelled task costs nothing. */
export function settleDue(desk: Desk): void {
  const now = desk.clock.now()
  for (const task of desk.books.unsettled) {
    if (now >= task.endsAt && !isHeld(task)) settle(desk, task, task.endsAt)
  }
}

function settle(desk: Desk, task: Task, at: number): void {
  const isPaid = task.end.state === 'completed'
  desk.books.record({
    kind: 'settle',
    id: task.id,
    at,
    chargedMicros: isPaid ? task.reservedMicros : 0,
    releasedMicros: isPaid ? 0 : task.reservedMicros,
  })
}

export function stateOf(desk: Desk, task: Task): TaskState {
  const now = desk.clock.now()
  if (task.settledAt === undefined && now >= task.endsAt && !isHeld(task)) settle(desk, task, task.endsAt)
  if (task.settledAt !== undefined) return task.end.state
  return now < task.startsAt ? 'pending' : 'processing'
}

function progressOf(task: Task, state: TaskState, now: number): number {
  if (state === 'completed') return 100
  if (state !== 'processing') return 0
  const share = (now - task.startsAt) / Math.max(1, task.endsAt - task.startsAt)
  return Math.min(99, Math.max(0, Math.floor(share * 100)))
}

/** False when the provider no longer knows the task: forgotten on purpose, or older than its keeping time. */
export function isKept(desk: Desk, task: Task): boolean {
  if (hasLasting(task, 'forget')) return false
  // A task that nobody looked at ends and is forgotten all the same.
  return desk.clock.now() < (task.settledAt ?? task.endsAt) + desk.settings.taskLifeMs
}

/** The task as lists and callbacks show it: no fault happens and no link is made. */
export function peekTask(desk: Desk, task: Task): TaskView {
  const state = stateOf(desk, task)
  const progress = progressOf(task, state, desk.clock.now())
  return { task, status: state, progress, isLinkOnlyInResultData: hasLasting(task, 'result-data') }
}

/** One read of one task, with the faults its prompt asks for. */
export function readTask(desk: Desk, id: string): TaskRead {
  const task = desk.books.tasks.get(id)
  if (!task || !isKept(desk, task)) return { kind: 'missing' }
  const due = nextFault(task.faults, task.faultCounts, 'read', isPassing)
  const isDue = desk.clock.now() >= task.endsAt
  if (due?.fault.what === 'status' || due?.fault.what === 'html') {
    spend(desk, task, due.index)
    return { kind: 'fault', fault: due.fault }
  }
  if (due && isDue && (due.fault.what === 'running' || due.fault.what === 'strange')) {
    const status = due.fault.text ?? 'processing'
    const view = { task, status, progress: 99, isLinkOnlyInResultData: false }
    spend(desk, task, due.index)
    // The held task ends with its last extra read, not before, so its links start to live here.
    if (!isHeld(task)) settle(desk, task, desk.clock.now())
    return { kind: 'view', view }
  }
  const view = peekTask(desk, task)
  if (view.status !== 'completed') return { kind: 'view', view }
  if (due?.fault.what === 'no-link') {
    spend(desk, task, due.index)
    return { kind: 'view', view }
  }
  return { kind: 'view', view: { ...view, link: linkOf(desk, task) } }
}

function spend(desk: Desk, task: Task, index: number): void {
  desk.books.record({ kind: 'mark', id: task.id, counts: countFault(task.faultCounts, index) })
}

/** The task's live link; a dead or expired one is followed by a fresh one. */
export function linkOf(desk: Desk, task: Task): string {
  const now = desk.clock.now()
  if (task.link.isDead || now >= task.link.at + desk.settings.linkLifeMs) {
    const generation = task.link.generation + 1
    desk.books.record({ kind: 'link', id: task.id, generation, at: now, isDead: false })
  }
  return `${desk.base()}/results/${task.id}/${linkToken(desk, task)}.mp4`
}

/** The secret part of a task's present link. */
export function linkToken(desk: Desk, task: Task): string {
  return createHmac('sha256', desk.secret)
    .update(`${task.id}:${task.link.generation}`)
    .digest('hex')
    .slice(0, 32)
}
