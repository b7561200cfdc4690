import { lookup } from 'node:dns'
import { request } from 'node:https'
import type { Task } from './books.ts'
import type { Desk } from './desk.ts'
import { evolinkBody } from './evolink-view.ts'
import { linkOf, peekTask, stateOf } from './life.ts'
import { isInternalHost } from './media.ts'

const WAITS_MS = [0, 1000, 2000, 4000]
const TIMEOUT_MS = 10_000

/**
 * Waits for the end of a task and posts it to its callback address: at once, then after 1, 2 and 4 seconds, any 2xx
 * counts (https://docs.evolink.ai/en/api-manual/video-series/wan2.6/wan2.6-reference-video). Failures are
 * written down and never reach the caller.
 */
export async function announceEnd(desk: Desk, task: Task, url: string): Promise<void> {
  try {
    await waitForEnd(desk, task)
    for (const [index, waitMs] of WAITS_MS.entries()) {
      if (waitMs > 0) await desk.clock.sleep(waitMs, desk.signal)
      const outcome = await post(url, callbackBody(desk, task), desk.signal)
      const isLast = /^2\d\d$/.test(outcome) || index === WAITS_MS.length - 1
      const row = { at: desk.clock.now(), taskId: task.id, url, attempt: index + 1, outcome, isLast }
      desk.books.record({ kind: 'callback', row })
      await desk.books.flush()
      if (isLast) return
    }
  } catch {
    // Stopped while waiting: the journal shows no last attempt, so the next start takes it up again.
  }
}

async function waitForEnd(desk: Desk, task: Task): Promise<void> {
  for (;;) {
    stateOf(desk, task)
    if (task.settledAt !== undefined) return
    desk.signal.throwIfAborted()
    const restMs = task.endsAt - desk.clock.now()
    await desk.clock.sleep(restMs > 0 ? restMs : 1000, desk.signal)
  }
}

function callbackBody(desk: Desk, task: Task): string {
  const view = peekTask(desk, task)
  const link = view.status === 'completed' ? { link: linkOf(desk, task) } : {}
  return JSON.stringify(evolinkBody({ ...view, ...link }))
}

function post(url: string, body: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }
    const call = request(url, { method: 'POST', headers, signal, timeout: TIMEOUT_MS, lookup: lookupPublic })
    call.on('response', (response) => {
      response.resume()
      resolve(String(response.statusCode ?? 0))
    })
    call.on('timeout', () => call.destroy(new Error('timeout')))
    call.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    call.end(body)
  })
}

/** SECURITY: the name was checked when the task was created, but only the address connected to counts. */
const lookupPublic: typeof lookup = ((
  host: string,
  options: object,
  done: (error: Error | null, address?: unknown, family?: number) => void,
) => {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return done(error)
    const first = addresses[0]
    if (!first || addresses.some(({ address }) => isInternalHost(address)))
      return done(new Error('internal address'))
    if ('all' in options && options.all) return done(null, addresses)
    return done(null, first.address, first.family)
  })
}) as typeof lookup
