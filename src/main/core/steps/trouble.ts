import type { Reference } from '../../../shared/reference.ts'
import type { Report } from '../jobs/engine.ts'
import { Busy, Refused, Unreachable } from '../provider/provider.ts'

/** What an account's own refusal stops: without a key that works nothing can be read either. */
export const accountTrouble = (error: Refused, now: number): NonNullable<Report['account']> => ({
  stops: error.kind === 'auth' ? 'everything' : 'spending',
  problem: error.problem,
  // A key may be put right where it was made, or have been refused by mistake: outputs must not wait for a person.
  until: error.until ?? (error.kind === 'auth' ? now + TRY_KEY_MS : null),
})

/** A key that was refused is tried again after this: a refused call costs nothing. */
const TRY_KEY_MS = 10 * 60_000

/** What a failed call says about the account's pace; `waitMs` is how long a rate limit asks for silence. */
export function paceOf(error: unknown, waitMs: number): Pick<Report, 'pace'> {
  if (error instanceof Busy && error.isRateLimit) return { pace: { type: 'slow', retryAfterMs: waitMs } }
  return error instanceof Unreachable && error.isOffline ? { pace: { type: 'offline' } } : {}
}

/** A base that refuses a kind of file will refuse the next one too: it is remembered for the account. */
export class KindRefused extends Error {
  override readonly name = 'KindRefused'
  readonly kind: Reference['kind']
  readonly refusal: Refused
  constructor(kind: Reference['kind'], refusal: Refused) {
    super(refusal.message, { cause: refusal })
    this.kind = kind
    this.refusal = refusal
  }
}

export const isOfKind = (error: unknown, kind: Refused['kind']): error is Refused =>
  error instanceof Refused && error.kind === kind
