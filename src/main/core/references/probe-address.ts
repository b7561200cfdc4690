import type { Readable } from 'node:stream'
import sharp from 'sharp'
import { type Problem, type ProblemCode, problem } from '../../../shared/problem.ts'
import type { AddressFacts } from '../../../shared/reference.ts'
import { parseLink } from '../archive/addresses.ts'
import { AddressRefused, TransferBroken } from '../archive/errors.ts'
import type { TransferAgents } from '../archive/transfer.ts'
import { describeBreak } from '../archive/transfer-faults.ts'
import { type Clock, steady } from '../ports.ts'
import { createGate } from './errand.ts'
import { HEAD_BYTES, recognise } from './recognise.ts'

/** What asking an address needs; the engine has it all. */
export interface AddressPorts {
  clock: Clock
  agents: TransferAgents
  userAgent: string
}

export interface ProbeHow {
  /** Only for an account whose own base address is on this machine. */
  allowLoopback?: boolean
  /** Ends the waiting; others may wait for the same answer, so the asking goes on. */
  signal?: AbortSignal
}

/** Enough for the head of every format, and for the size of a picture behind its camera's notes. */
const ASKED_BYTES = 64 * 1024
const MOST_MS = 15_000
const MOST_REDIRECTS = 5
const KEPT_MS = 10 * 60_000
/** What failed may be mended; a sheet that is checked twice in a row asks again. */
const FAULT_KEPT_MS = 30_000
const MOST_KEPT = 5_000
const AT_ONCE = 8

/**
 * What an address answers now, by its header and first bytes; never throws, nothing is kept on the disk. The
 * address is not believed: only https, never a private, loopback or link-local address (seen at connect time),
 * at most five redirects, no key and no cookie, 64 KiB, 15 seconds. What was learned is known for ten minutes; at
 * most eight addresses are asked at one time. The network may need a proxy: then it says that nothing answers.
 */
export async function probeAddress(
  address: string,
  ports: AddressPorts,
  how: ProbeHow = {},
): Promise<AddressFacts> {
  const desk = deskOf(ports)
  const key = `${how.allowLoopback === true} ${address}`
  const now = steady(ports.clock).now()
  const before = desk.kept.get(key)
  if (before && before.until > now) return await waitFor(before.facts, how.signal)
  const facts = desk.gate(() => ask(address, ports, how.allowLoopback ?? false))
  const entry = { until: Number.POSITIVE_INFINITY, facts }
  desk.kept.delete(key)
  desk.kept.set(key, entry)
  const oldest = desk.kept.keys().next()
  if (desk.kept.size > MOST_KEPT && !oldest.done) desk.kept.delete(oldest.value)
  const settled = facts.then(
    (found) => {
      entry.until = steady(ports.clock).now() + (found.problem === null ? KEPT_MS : FAULT_KEPT_MS)
      return found
    },
    (error: unknown) => {
      desk.kept.delete(key)
      throw error
    },
  )
  return await waitFor(settled, how.signal)
}

/** The work, or the reason for which nobody waits for it any more. */
async function waitFor<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work
  const isOver = new AbortController()
  const given = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: isOver.signal })
  })
  work.catch(() => undefined)
  try {
    return await Promise.race([work, given])
  } finally {
    isOver.abort()
  }
}

interface Desk {
  gate: ReturnType<typeof createGate>
  kept: Map<string, { until: number; facts: Promise<AddressFacts> }>
}

/** One for each set of connections, which is one for each running app. */
const desks = new WeakMap<TransferAgents, Desk>()

function deskOf({ agents }: AddressPorts): Desk {
  const desk = desks.get(agents) ?? { gate: createGate(AT_ONCE), kept: new Map() }
  desks.set(agents, desk)
  return desk
}

const UNKNOWN = { kind: null, format: null, sizeBytes: null, width: null, height: null, problem: null }

async function ask(address: string, ports: AddressPorts, allowLoopback: boolean): Promise<AddressFacts> {
  const isOver = new AbortController()
  const late = new AbortController()
  ports.clock.sleep(MOST_MS, isOver.signal).then(
    () => late.abort(new TransferBroken('', 'it took longer than 15 seconds')),
    () => undefined,
  )
  try {
    const head = await follow(address, ports, allowLoopback, late.signal)
    return { ...UNKNOWN, address, ...(await read(address, head)) }
  } catch (error) {
    return { ...UNKNOWN, address, problem: explain(address, describeBreak(error, '', late.signal)) }
  } finally {
    isOver.abort()
  }
}

interface Head {
  status: number
  bytes: Buffer
  sizeBytes: number | null
}

async function follow(
  address: string,
  ports: AddressPorts,
  allowLoopback: boolean,
  signal: AbortSignal,
): Promise<Head> {
  let url = parseLink(address, allowLoopback)
  for (let hop = 0; hop <= MOST_REDIRECTS; hop += 1) {
    const reply = await ports.agents.dispatcherFor(url, undefined, allowLoopback).request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: 'GET',
      headers: {
        accept: '*/*',
        'accept-encoding': 'identity',
        'user-agent': ports.userAgent,
        range: `bytes=0-${ASKED_BYTES - 1}`,
      },
      signal,
    })
    const { statusCode: status, headers, body } = reply
    if (status < 300 || status >= 400) {
      const bytes = await takeHead(body)
      return { status, bytes, sizeBytes: sizeOf(status, headers) }
    }
    cutOff(body)
    const location = one(headers.location)
    if (location === null) throw new TransferBroken('', 'it leads on without saying where to')
    const next = parseLink(location, allowLoopback, url)
    if (url.protocol === 'https:' && next.protocol !== 'https:')
      throw new AddressRefused('it leads from https to an address without it')
    url = next
  }
  throw new AddressRefused('it leads through more than five redirects')
}

/** The first bytes; the rest is not waited for, whatever was announced. */
async function takeHead(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      length += chunk.length
      if (length >= ASKED_BYTES) break
    }
  } finally {
    cutOff(body)
  }
  return Buffer.concat(chunks).subarray(0, ASKED_BYTES)
}

function cutOff(body: Readable): void {
  body.on('error', () => undefined)
  body.destroy()
}

type Headers = Record<string, string | string[] | undefined>

const one = (value: string | string[] | undefined): string | null =>
  (Array.isArray(value) ? value[0] : value) ?? null

/** As announced: RFC 9110 sections 8.6 and 14.4. Null where it is not said or not a number. */
function sizeOf(status: number, headers: Headers): number | null {
  const text =
    status === 206
      ? /\/(\d{1,15})$/u.exec(one(headers['content-range']) ?? '')?.[1]
      : /^(\d{1,15})$/u.exec(one(headers['content-length']) ?? '')?.[1]
  return text === undefined ? null : Number(text)
}

async function read(address: string, { status, bytes, sizeBytes }: Head): Promise<Partial<AddressFacts>> {
  if (status >= 400) return { problem: refused(address, status) }
  if (bytes.length === 0) return { sizeBytes: 0, problem: isNone(address, 'answers with nothing at all') }
  const found = recognise(bytes.subarray(0, HEAD_BYTES))
  if ('foreign' in found)
    return { sizeBytes, problem: isNone(address, `answers with something that is ${found.foreign}`) }
  const { kind, format } = found
  return { kind, format, sizeBytes, ...(kind === 'image' ? await readSize(bytes) : {}) }
}

/** From a picture's beginning, where most formats say it. */
async function readSize(bytes: Buffer): Promise<Partial<AddressFacts>> {
  try {
    const { autoOrient } = await sharp(bytes, { limitInputPixels: false, failOn: 'none' }).metadata()
    return { width: autoOrient.width, height: autoOrient.height }
  } catch {
    return {}
  }
}

/** No query and no user name: an address may be signed, and a signature is a key. */
function shown(address: string): string {
  const url = URL.parse(address)
  return url ? `${url.protocol}//${url.host}${url.pathname}`.slice(0, 200) : 'The address'
}

const about = (code: ProblemCode, address: string, what: string, next: string, level?: 'warning'): Problem =>
  problem(code, `${shown(address)} ${what}. Nothing was spent.`, next, { value: shown(address) }, level)

const isNone = (address: string, what: string): Problem =>
  about(
    'reference-kind',
    address,
    `${what}, not a picture, film or sound`,
    'Open it in a browser: use the address of the file itself, not of the page around it.',
  )

function refused(address: string, status: number): Problem {
  const isPassing = status === 408 || status === 429 || status >= 500
  const next = isPassing
    ? 'Try again later; the provider will ask the same address.'
    : 'Open it in a browser where nobody is signed in: the provider must be able to read it without a password.'
  const what = `answers with HTTP ${status}`
  return about('unreachable', address, what, next, isPassing ? 'warning' : undefined)
}

function explain(address: string, error: unknown): Problem {
  if (error instanceof AddressRefused)
    return about('address-refused', address, `was not asked because ${error.finding}`, PUBLIC)
  if (!(error instanceof TransferBroken)) throw error
  const what = `could not be asked: ${error.finding}`
  return about('unreachable', address, what, 'Check the address; if it is right, try again later.', 'warning')
}

const PUBLIC = 'Put the file where everybody can read it over https, or name a file on this machine.'
