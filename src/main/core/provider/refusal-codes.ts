import type { RefusalKind, RefusalScope } from './provider.ts'

export interface RefusalCode {
  /** What the code refuses, and for whose reason. */
  refusal?: { kind: RefusalKind; scope: RefusalScope }
  /** A daily limit: it ends at the next midnight of the zone that the answer names. */
  isDaily?: boolean
  isAboutAccount?: boolean
  /** No route to the model was found: nothing was started. */
  isNoRoute?: boolean
  /** Repeat protection: what became of the first request is open. */
  doubt?: { retryAfterMs: number | null; mayRepeat: boolean }
}

const account = (kind: RefusalKind): RefusalCode => ({
  refusal: { kind, scope: 'account' },
  isAboutAccount: true,
})
const job = (kind: RefusalKind): RefusalCode => ({ refusal: { kind, scope: 'job' } })

/**
 * Codes that decide by themselves, whatever status they come with. Balance, key-limit and key-state
 * codes are issued before anything is charged.
 * Sources: https://github.com/EvoLinkAI/evolink-mcp, https://github.com/deeplearning-goethe/evolink-cli;
 * 402xx: https://github.com/SeaCloudAI/seacloud-cli
 */
const CODES = new Map<string, RefusalCode>([
  ...spread(['insufficient_quota', 'insufficient_user_quota', 'quota_not_enough'], account('balance')),
  ...spread(['account_balance_insufficient'], account('balance')),
  ...spread(['insufficient_token_quota', 'key_quota_exhausted'], account('key_limit')),
  ...spread(['token_daily_quota_exceeded', 'key_daily_quota_exhausted'], {
    ...account('key_limit'),
    isDaily: true,
  }),
  ...spread(['key_disabled', 'key_expired', 'user_disabled', 'ip_restricted'], account('forbidden')),
  ...spread(['key_model_not_allowed'], job('forbidden')),
  ...spread(['content_policy_violation', 'content_filter', 'sensitive_content'], job('content')),
  ...spread(['moderation_blocked', 'input_moderation_failed'], job('content')),
  ...spread(['no_available_channel', 'model_unavailable', 'channel_selection_failed'], { isNoRoute: true }),
  ...spread(['40201', '40202', '40203', '40204', '40205', '40206', '40207', '40208'], account('balance')),
  ['idempotency_conflict', { doubt: { retryAfterMs: null, mayRepeat: false } }],
  ['paid_outcome_unknown', { doubt: { retryAfterMs: 60_000, mayRepeat: true } }],
])

function spread(codes: string[], meaning: RefusalCode): [string, RefusalCode][] {
  return codes.map((code) => [code, meaning])
}

/** What a provider's code decides by itself; null = nothing, the status decides. */
export function refusalOf(code: string | null): RefusalCode | null {
  return code === null ? null : (CODES.get(code.toLowerCase()) ?? null)
}
