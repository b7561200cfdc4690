/**
 * Faults are written in square brackets in the prompt: `[429 after=2][running x3][cut=20KB]`. This file reads
 * them; who acts on them keeps a count per fault. Words that are not in the list are left alone.
 */
export type FaultStage = 'create' | 'read' | 'end' | 'download'

export interface Fault {
  stage: FaultStage
  /** `status`, `accept`, `hang`, `cut`, `running`, `expire`… */
  what: string
  /** How often it happens. */
  times: number
  status?: number
  afterSeconds?: number
  code?: string
  /** Bytes, or milliseconds of `[slow]`. */
  amount?: number
  text?: string
  /** An answer of 5xx to a request that was carried out nevertheless. */
  isCreated?: boolean
  isHtml?: boolean
}

const REFUSALS = new Set([400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504])
const ACCEPT_FORMS = new Set(['then-cut', 'half', 'no-id', 'html'])
const READ_STATUSES = new Set([401, 403, 404, 429, 500, 502, 503, 504])
const MAXIMUM_TIMES = 1000
/** More redirects than anyone follows. */
const LOOP_LENGTH = 10

/** The faults of a prompt in their order. */
export function parseFaults(prompt: string): Fault[] {
  const faults: Fault[] = []
  for (const match of prompt.matchAll(/\[([^[\]]{1,120})\]/g)) {
    const times = /^\s*x(\d{1,4})\b/.exec(prompt.slice(match.index + match[0].length))
    const fault = parseFault(match[1] ?? '')
    if (!fault) continue
    if (times) fault.times = clampTimes(Number(times[1]))
    faults.push(fault)
  }
  return faults
}

function parseFault(text: string): Fault | undefined {
  const words = text.trim().split(/\s+/)
  const last = words.at(-1) ?? ''
  const times = /^x(\d{1,4})$/.exec(last)
  if (times) words.pop()
  const fault = parseCreate(words) ?? parseRead(words) ?? parseEnd(words) ?? parseDownload(words)
  const usual = fault?.what === 'redirect-loop' ? LOOP_LENGTH : 1
  return fault && { ...fault, times: times ? clampTimes(Number(times[1])) : usual }
}

function clampTimes(times: number): number {
  return Math.min(Math.max(times, 1), MAXIMUM_TIMES)
}

type Parsed = Omit<Fault, 'times'>

function parseCreate(words: readonly string[]): Parsed | undefined {
  const [first = '', second] = words
  if (first === 'hang' || first === 'cut' || first === 'cut-early')
    return words.length === 1 ? { stage: 'create', what: first } : undefined
  if (first === 'accept' && second !== undefined && ACCEPT_FORMS.has(second))
    return { stage: 'create', what: `accept-${second}` }
  const status = Number(first)
  if (!/^\d{3}$/.test(first) || !REFUSALS.has(status)) return undefined
  return { stage: 'create', what: 'status', status, ...parseExtras(words.slice(1)) }
}

function parseExtras(
  words: readonly string[],
): Pick<Fault, 'afterSeconds' | 'code' | 'isCreated' | 'isHtml'> {
  const extras: Pick<Fault, 'afterSeconds' | 'code' | 'isCreated' | 'isHtml'> = {}
  for (const word of words) {
    const after = /^after=(\d{1,5})s?$/.exec(word)
    const code = /^code=([A-Za-z0-9._-]{1,64})$/.exec(word)
    if (after) extras.afterSeconds = Number(after[1])
    if (code?.[1] !== undefined) extras.code = code[1]
    if (word === 'created') extras.isCreated = true
    if (word === 'html') extras.isHtml = true
  }
  return extras
}

function parseRead(words: readonly string[]): Parsed | undefined {
  const [first = '', second = ''] = words
  if (words.length === 1) {
    if (first === 'running' || first === 'result-data' || first === 'forget')
      return { stage: 'read', what: first }
    const strange = /^status=([A-Za-z0-9_-]{1,40})$/.exec(first)
    if (strange?.[1] !== undefined) return { stage: 'read', what: 'strange', text: strange[1] }
    const slow = /^slow=(\d{1,6})(ms|s|m|h)$/.exec(first)
    if (slow) return { stage: 'read', what: 'slow', amount: Number(slow[1]) * unitMs(slow[2] ?? 's') }
    return undefined
  }
  if (first !== 'read') return undefined
  if (second === 'html' || second === 'no-link') return { stage: 'read', what: second }
  const status = Number(second)
  if (!READ_STATUSES.has(status)) return undefined
  return { stage: 'read', what: 'status', status, ...parseExtras(words.slice(2)) }
}

function unitMs(unit: string): number {
  return { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? 1000
}

function parseEnd(words: readonly string[]): Parsed | undefined {
  const [first = ''] = words
  if (first === 'cancelled' && words.length === 1) return { stage: 'end', what: 'cancelled' }
  if (first !== 'fail') return undefined
  return { stage: 'end', what: 'fail', code: parseExtras(words.slice(1)).code ?? 'service_error' }
}

const DOWNLOAD_WORDS = new Set([
  'expire',
  'link 404',
  'html',
  'no-range',
  'changed',
  'long',
  'short',
  'wrong-size',
  'stall',
  'redirect',
  'redirect private',
  'redirect loop',
])

function parseDownload(words: readonly string[]): Parsed | undefined {
  const text = words.join(' ')
  if (DOWNLOAD_WORDS.has(text)) return { stage: 'download', what: text.replace(' ', '-') }
  const cut = /^cut=(\d{1,9})(B|KB|MB)?$/i.exec(text)
  if (!cut) return undefined
  const unit = { b: 1, kb: 1000, mb: 1_000_000 }[(cut[2] ?? 'B').toLowerCase()] ?? 1
  return { stage: 'download', what: 'cut', amount: Number(cut[1]) * unit }
}

/** The first fault of a stage that has not yet happened as often as it should. */
export function nextFault(
  faults: readonly Fault[],
  counts: readonly number[],
  stage: FaultStage,
  applies: (fault: Fault) => boolean = () => true,
): { fault: Fault; index: number } | undefined {
  for (const [index, fault] of faults.entries()) {
    if (fault.stage !== stage || (counts[index] ?? 0) >= fault.times) continue
    if (applies(fault)) return { fault, index }
  }
  return undefined
}

/** Counts with one more at `index`, holes filled with zero. */
export function countFault(counts: readonly number[], index: number): number[] {
  const next = [...counts]
  while (next.length <= index) next.push(0)
  next[index] = (next[index] ?? 0) + 1
  return next
}
