import { ProblemError } from '../../../shared/problem.ts'
import { systemCode, TransferBroken } from './errors.ts'

/** What systems say when this machine has no network at all, or no name server. */
const OFFLINE = new Set([
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'EAI_AGAIN',
  'ENOTFOUND',
  'EADDRNOTAVAIL',
])

const FINDINGS: Record<string, string> = {
  ECONNREFUSED: 'the server does not take connections',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ETIMEDOUT: 'the server did not answer in time',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_CONNECT_TIMEOUT: 'the server did not answer in time',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the connection was cut',
  UND_ERR_ABORTED: 'the proxy did not let the connection through',
  UND_ERR_PRX_TLS: 'the proxy’s certificate is not valid',
}

/**
 * Turns what a connection threw into a decision: our own errors and an abort stay as they are, everything else
 * is a break on the way. The cause is kept by its code alone, because messages of others may hold a link.
 */
export function describeBreak(error: unknown, clip: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  const own = findOwn(error)
  if (own) return own
  const codes = codesOf(error)
  const isOffline =
    codes.length > 0 &&
    codes.every((code) => OFFLINE.has(code) || code.startsWith('UND_ERR')) &&
    codes.some((code) => OFFLINE.has(code))
  const known = codes.map((code) => FINDINGS[code]).find((finding) => finding !== undefined)
  const finding = isOffline ? 'there is no network' : (known ?? describeCode(codes[0]))
  return new TransferBroken(clip, finding, { isOffline, cause: new Error(codes.join(' ') || 'unknown') })
}

function describeCode(code: string | undefined): string {
  if (code === undefined) return 'the connection failed'
  if (code.startsWith('HPE_')) return 'the server’s answer cannot be read'
  if (code.includes('CERT') || code.includes('TLS') || code.includes('SSL') || code.includes('SIGNATURE'))
    return 'the server’s certificate is not valid'
  return `the connection failed (${code})`
}

const findOwn = (error: unknown): Error | undefined =>
  chain(error).find((link) => link instanceof ProblemError)

const codesOf = (error: unknown): string[] => chain(error).flatMap((link) => systemCode(link) ?? [])

/** An error, what it gathers (several addresses tried) and its causes. */
function chain(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error) || depth > 5) return []
  const gathered: unknown[] = error instanceof AggregateError ? error.errors : []
  return [error, ...[...gathered, error.cause].flatMap((link) => chain(link, depth + 1))]
}
