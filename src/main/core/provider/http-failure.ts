/**
 * A request that brought no whole answer is one of two things, and the difference is money:
 * `NotSent` (no byte of the request left this machine) or `Lost` (bytes left, so it may have
 * been received).
 */
export type FailureReason =
  /** Nobody listens, or no route. */
  | 'refused'
  | 'name'
  | 'tls'
  | 'proxy'
  | 'connect-timeout'
  | 'cut'
  /** Everything was sent and nothing came back in time. */
  | 'no-answer'
  /** No byte moved for too long, in either direction. */
  | 'stalled'
  | 'total-timeout'
  | 'answer-too-large'
  /** What was to be sent could not be read. */
  | 'body'
  | 'aborted'

/** Surely not received: not one byte of the request was written to a connection. */
export class NotSent extends Error {
  override readonly name = 'NotSent'
  readonly reason: FailureReason
  constructor(reason: FailureReason, options?: ErrorOptions) {
    super(`request not sent: ${reason}`, options)
    this.reason = reason
  }
}

/** Bytes of the request left and no whole answer came back. */
export class Lost extends Error {
  override readonly name = 'Lost'
  readonly reason: FailureReason
  constructor(reason: FailureReason, options?: ErrorOptions) {
    super(`answer lost: ${reason}`, options)
    this.reason = reason
  }
}

const TLS_CODE =
  /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO|HOSTNAME_MISMATCH|INVALID_CA|CRL_)/

/** Names why no connection came about. `viaProxy` = the route went through a proxy. */
export function connectReason(error: unknown, viaProxy: boolean): FailureReason {
  const code = codeOf(error)
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_FAIL') return viaProxy ? 'proxy' : 'name'
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'connect-timeout'
  if (TLS_CODE.test(code)) return 'tls'
  if (viaProxy) return 'proxy'
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET' || code === 'EPIPE') return 'cut'
  return 'refused'
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

/**
 * A cause fit for the log: name, code and message of the original without its fields, because a
 * library's error may hold the request with its headers, and `secrets` cut out of the text.
 */
export function safeCause(error: unknown, secrets: readonly string[]): Error {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : 'unknown failure'
  const code = codeOf(error)
  return new Error(redact(code === '' ? message : `${message} (${code})`, secrets))
}

/** Below this a secret is no secret, and cutting it out would only garble words that hold its letters. */
const SHORTEST_SECRET = 6

/** Replaces every secret in a text. */
export function redact(text: string, secrets: readonly string[]): string {
  let clean = text
  for (const secret of secrets)
    if (secret.length >= SHORTEST_SECRET) clean = clean.replaceAll(secret, '[key]')
  return clean
}
