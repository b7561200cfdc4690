import { problem } from '../../../shared/problem.ts'
import type { Clock, Logger } from '../ports.ts'
import { acceptedId, classifyCreate, type Manners, type Verdict } from './classify.ts'
import type { Http, HttpRequest, StreamBody, Timeouts } from './http.ts'
import type { Answer } from './http-answer.ts'
import { type CallContext, toError, toFailure } from './problems.ts'
import { Refused } from './provider.ts'

/** What every adapter needs to speak: who it is, where, with which key, through which door. */
export interface CallerOptions {
  family: 'evolink' | 'vtrix'
  provider: string
  account: string
  baseUrl: string
  /** Read for every call and kept nowhere. */
  key: () => string | undefined
  http: Http
  clock: Clock
  log: Logger
  timeouts: CallTimeouts
}

/** Time-outs by kind of call, ms. */
export interface CallTimeouts {
  create: Timeouts
  read: Timeouts
  upload: Timeouts
}

export const CALL_TIMEOUTS: CallTimeouts = {
  create: { connectMs: 15_000, headersMs: 60_000, bodyIdleMs: 30_000, totalMs: 600_000 },
  read: { connectMs: 15_000, headersMs: 30_000, bodyIdleMs: 15_000, totalMs: 60_000 },
  upload: { connectMs: 15_000, headersMs: 120_000, bodyIdleMs: 30_000, totalMs: 900_000 },
}

export interface Call {
  method: HttpRequest['method']
  path: string
  /** Another base of the same account (its file service). */
  baseUrl?: string
  headers?: Record<string, string>
  body?: string | StreamBody
  /** Answers the fact sheet of the call for sentences. */
  context: Omit<CallContext, 'provider' | 'account' | 'host'>
  signal: AbortSignal
  onProgress?: (sentBytes: number) => void
  maxAnswerBytes?: number
  /** A public page: asked for without the key, also where there is none. */
  isPublic?: boolean
}

export interface Caller {
  /** A paid call on a connection of its own. Resolves when a task was created. */
  create(call: Call): Promise<{ answer: Answer; remoteId: string }>
  /** A free call, judged by `judge`. Resolves with the verdict's `ok` answer. */
  ask(call: Call, judge: (answer: Answer, manners: Manners) => Verdict): Promise<Answer>
  /** A free call with its verdict, whatever it is. Throws only when there was no whole answer. */
  tryAsk(
    call: Call,
    judge: (answer: Answer, manners: Manners) => Verdict,
  ): Promise<{ answer: Answer; verdict: Verdict; error: Error | null }>
  manners(): Manners
}

/** Joins base and path literally: a base may have a prefix (`https://host/prefix` + `/v1/...`). */
export function joinAddress(baseUrl: string, path: string): string {
  return `${baseUrl.replace(/\/+$/, '')}${path}`
}

export function createCaller(options: CallerOptions): Caller {
  const contextOf = (call: Call): CallContext => ({
    ...call.context,
    provider: options.provider,
    account: options.account,
    host: new URL(call.baseUrl ?? options.baseUrl).host,
    ...(call.body === undefined ? {} : { sentBytes: sizeOf(call.body) }),
  })
  const manners = (): Manners => {
    const key = options.key()
    return { family: options.family, now: options.clock.now(), secrets: key === undefined ? [] : [key] }
  }
  const send = async (call: Call, timeouts: Timeouts, isFresh: boolean): Promise<Answer> => {
    const context = contextOf(call)
    const authorization = call.isPublic
      ? {}
      : { authorization: `Bearer ${usableKey(options.key(), context)}` }
    try {
      return await options.http.send({
        method: call.method,
        url: joinAddress(call.baseUrl ?? options.baseUrl, call.path),
        headers: { ...authorization, accept: 'application/json', ...call.headers },
        ...(call.body === undefined ? {} : { body: call.body }),
        timeouts,
        signal: call.signal,
        isFresh,
        ...(call.maxAnswerBytes === undefined ? {} : { maxAnswerBytes: call.maxAnswerBytes }),
        ...(call.onProgress === undefined ? {} : { onProgress: call.onProgress }),
      })
    } catch (error) {
      throw toFailure(error, context)
    }
  }
  const tryAsk: Caller['tryAsk'] = async (call, judge) => {
    const { create: _create, read, upload } = options.timeouts
    const answer = await send(call, call.context.doing === 'upload' ? upload : read, false)
    const verdict = judge(answer, manners())
    return { answer, verdict, error: verdict.class === 'ok' ? null : toError(verdict, contextOf(call)) }
  }
  return {
    create: async (call) => {
      const answer = await send(call, options.timeouts.create, true)
      const verdict = classifyCreate(answer, manners())
      const remoteId = acceptedId(answer.json)
      if (verdict.class !== 'ok' || remoteId === null) throw toError(verdict, contextOf(call))
      return { answer, remoteId }
    },
    ask: async (call, judge) => {
      const { answer, error } = await tryAsk(call, judge)
      if (error) throw error
      return answer
    },
    tryAsk,
    manners,
  }
}

function sizeOf(body: string | StreamBody): number {
  return typeof body === 'string' ? Buffer.byteLength(body) : body.length
}

/** The key, if it can stand in a header. A wrong one is found here, before anything is sent. */
function usableKey(key: string | undefined, context: CallContext): string {
  if (key !== undefined && /^[\x21-\x7e]+$/.test(key)) return key
  const isMissing = key === undefined || key === ''
  throw new Refused({
    kind: 'auth',
    scope: 'account',
    problem: problem(
      isMissing ? 'key-missing' : 'key-refused',
      isMissing
        ? `Account “${context.account}” has no key. Nothing was sent and nothing was charged.`
        : `The key of account “${context.account}” holds a blank, a line break or another character that no key has. Nothing was sent and nothing was charged.`,
      'Give the account its key again; its jobs keep their place.',
      { account: context.account },
    ),
  })
}
