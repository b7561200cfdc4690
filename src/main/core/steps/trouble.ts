import type { Report } from '../jobs/engine.ts'
import { Busy, type Refused, Unreachable } from '../provider/provider.ts'

/** What an account's own refusal stops: without a key that works nothing can be read either. */
export const accountTrouble = (error: Refused): NonNullable<Report['account']> => ({
  stops: error.kind === 'auth' ? 'everything' : 'spending',
  problem: error.problem,
  until: error.until,
})

/** What a failed call says about the account's pace; `waitMs` is how long a rate limit asks for silence. */
export function paceOf(error: unknown, waitMs: number): Pick<Report, 'pace'> {
  if (error instanceof Busy && error.isRateLimit) return { pace: { type: 'slow', retryAfterMs: waitMs } }
  return error instanceof Unreachable && error.isOffline ? { pace: { type: 'offline' } } : {}
}
