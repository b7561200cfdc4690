import { createHash } from 'node:crypto'
import type { Task } from './books.ts'
import { type Answer, type Call, type Desk, headerText, html } from './desk.ts'
import { countFault, type Fault, nextFault } from './faults.ts'
import { linkToken } from './life.ts'

const DENIED = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code></Error>'
const denied = (): Answer => ({ status: 403, headers: { 'content-type': 'application/xml' }, body: DENIED })
const gone = (): Answer => ({ status: 404, headers: { 'content-type': 'text/plain' }, body: 'not found' })

/** `GET` and `HEAD /results/{task}/{token}.mp4`: no key needed, and none wanted. */
export async function getResult(desk: Desk, call: Call): Promise<Answer> {
  if (call.headers.authorization !== undefined) call.row.leakedKey = true
  const match = /^\/results\/([A-Za-z0-9-]{1,80})\/([0-9a-f]{32})\.mp4$/.exec(call.path)
  const task = desk.books.tasks.get(match?.[1] ?? '')
  if (!task || task.settledAt === undefined || task.end.state !== 'completed') return gone()
  call.row.taskId = task.id
  if (!isAlive(desk, task, match?.[2] ?? '')) return denied()
  if (call.method === 'HEAD') return serve(desk, call, task, undefined)
  const due = nextFault(task.faults, task.faultCounts, 'download', (fault) => appliesTo(fault, call))
  if (due) spend(desk, task, due.fault, due.index)
  call.row.download = task.id
  return strike(desk, call, task, due?.fault)
}

function isAlive(desk: Desk, task: Task, token: string): boolean {
  if (task.link.isDead || desk.clock.now() >= task.link.at + desk.settings.linkLifeMs) return false
  return token === linkToken(desk, task)
}

/** Some faults are about resuming and wait for a request that resumes. */
function appliesTo(fault: Fault, call: Call): boolean {
  if (fault.what === 'wrong-size') return false
  const isResume = call.headers.range !== undefined
  return isResume || (fault.what !== 'no-range' && fault.what !== 'changed')
}

function spend(desk: Desk, task: Task, fault: Fault, index: number): void {
  const counts = countFault(task.faultCounts, index)
  const isChanged = fault.what === 'changed'
  desk.books.record({ kind: 'mark', id: task.id, counts, ...(isChanged ? { isChanged } : {}) })
  if (fault.what === 'expire') {
    const { generation, at } = task.link
    desk.books.record({ kind: 'link', id: task.id, generation, at, isDead: true })
  }
}

async function strike(desk: Desk, call: Call, task: Task, fault: Fault | undefined): Promise<Answer> {
  switch (fault?.what) {
    case 'expire':
      return denied()
    case 'link-404':
      return gone()
    case 'html':
      return html(200)
    case 'redirect':
    case 'redirect-loop':
      return { status: 302, headers: { location: `${desk.base()}${call.path}` } }
    case 'redirect-private':
      return { status: 302, headers: { location: 'http://10.0.0.1/clip.mp4' } }
    default:
      return serve(desk, call, task, fault)
  }
}

async function serve(desk: Desk, call: Call, task: Task, fault: Fault | undefined): Promise<Answer> {
  const bytes = await clipOf(desk, task)
  const etag = `"${createHash('sha256').update(`${task.id}${task.isChanged}`).digest('hex').slice(0, 32)}"`
  const modified = new Date(task.settledAt ?? task.endsAt).toUTCString()
  const headers: Record<string, string> = {
    'content-type': 'video/mp4',
    etag,
    'last-modified': modified,
    'cache-control': 'private',
  }
  if (fault?.what === 'no-range') return { status: 200, headers, body: bytes }
  headers['accept-ranges'] = 'bytes'
  const range = isSame(call, etag, modified) ? parseRange(call, bytes.length) : undefined
  if (range === 'unsatisfiable')
    return { status: 416, headers: { ...headers, 'content-range': `bytes */${bytes.length}` }, body: '' }
  const part = range ? bytes.subarray(range.from, range.to + 1) : bytes
  if (range) headers['content-range'] = `bytes ${range.from}-${range.to}/${bytes.length}`
  return damage({ status: range ? 206 : 200, headers, body: part }, part.length, fault)
}

function damage(answer: Answer, bytes: number, fault: Fault | undefined): Answer {
  const half = Math.floor(bytes / 2)
  switch (fault?.what) {
    case 'cut':
      // A clip smaller than the cut is cut in half, so that the fault is never lost on short clips.
      return { ...answer, cutAfterBytes: (fault.amount ?? 0) < bytes ? (fault.amount ?? 0) : half }
    case 'stall':
      return { ...answer, stallAfterBytes: half }
    case 'long':
      return { ...answer, declaredBytes: bytes + 4096 }
    case 'short':
      return { ...answer, declaredBytes: half }
    default:
      return answer
  }
}

/** The clip of a task: its own bytes, the same at every call until `[changed]` happens. */
function clipOf(desk: Desk, task: Task): Promise<Buffer> {
  const isWrong = task.faults.some((fault) => fault.what === 'wrong-size')
  const { width, height, seconds, sound } = task
  const frame = isWrong ? otherFrame(width, height) : { width, height }
  return desk.clips.take({ ...frame, seconds, sound }, task.isChanged ? `${task.id} second` : task.id)
}

function otherFrame(width: number, height: number) {
  return width === 624 && height === 624 ? { width: 832, height: 480 } : { width: 624, height: 624 }
}

/** False when `If-Range` names another version, which then is sent whole. */
function isSame(call: Call, etag: string, modified: string): boolean {
  const wanted = headerText(call.headers, 'if-range')
  return wanted === undefined || wanted === etag || wanted === modified
}

function parseRange(call: Call, size: number): { from: number; to: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(call.headers.range ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return undefined
  if (match[1] === '') {
    const last = Number(match[2])
    return last === 0 ? 'unsatisfiable' : { from: Math.max(0, size - last), to: size - 1 }
  }
  const from = Number(match[1])
  const to = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1)
  if (from >= size) return 'unsatisfiable'
  return from > to ? undefined : { from, to }
}
