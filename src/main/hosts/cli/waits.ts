import type { Account } from '../../../shared/account.ts'
import type { Run } from '../../../shared/run.ts'
import { quietUntil } from '../../core/jobs/quiet-hours.ts'
import { formatMoney } from './money.ts'
import { formatLocal, formatStart } from './start-time.ts'
import { clean, count } from './words.ts'

/** Why nothing is ordered though nothing is wrong, or what a person asked to be told. */
export interface Wait {
  /** Told once for as long as it lasts. */
  key: string
  kind: 'scheduled-start' | 'quiet-hours' | 'soft-cap'
  runId: number | null
  account: string | null
  /** When it is over, epoch ms; null = it lasts. */
  until: number | null
  text: string
}

export interface Standing {
  runs: readonly Run[]
  /** Accounts that unordered rows of these runs wait for. */
  accounts: readonly Pick<Account, 'name' | 'options'>[]
  now: number
}

export function listWaits({ runs, accounts, now }: Standing): Wait[] {
  return [
    ...runs.flatMap((run) => scheduledStart(run, now)),
    ...accounts.flatMap((account) => quietHours(account, now)),
    ...runs.flatMap(softCap),
  ]
}

function scheduledStart({ id, name, startAt, isPaused, counts }: Run, now: number): Wait[] {
  if (startAt === null || startAt <= now || isPaused) return []
  const queued = counts.queued ?? 0
  return [
    {
      key: `start ${id} ${startAt}`,
      kind: 'scheduled-start',
      runId: id,
      account: null,
      until: startAt,
      text: `"${clean(name)}" starts at ${formatStart(startAt, now)}: ${count(queued, 'row')} ${queued === 1 ? 'waits' : 'wait'}. Leave this open, or come back in time with "reelsheet resume".`,
    },
  ]
}

function quietHours({ name, options }: Pick<Account, 'name' | 'options'>, now: number): Wait[] {
  const until = quietUntil(options.quietHours, now)
  if (until === null) return []
  // A stretch that fills the day never ends.
  const isEndless = until - now > DAY_MS * 2
  const when = isEndless
    ? 'all day, so it orders nothing at all'
    : `until ${formatLocal(until, now)}; its rows wait until then`
  return [
    {
      key: `quiet ${name}`,
      kind: 'quiet-hours',
      runId: null,
      account: name,
      until: isEndless ? null : until,
      text: `Quiet hours of ${name} ${when}. What is under way is watched and archived.`,
    },
  ]
}

const DAY_MS = 86_400_000

function softCap({ id, name, capMode, capMicros, countedMicros }: Run): Wait[] {
  if (capMode !== 'soft' || capMicros === null || countedMicros <= capMicros) return []
  return [
    {
      key: `soft cap ${id} ${capMicros}`,
      kind: 'soft-cap',
      runId: id,
      account: null,
      until: null,
      text: `"${clean(name)}" has passed its soft cap of ${formatMoney(capMicros, 'credits')} and goes on. Stop it with Ctrl-C, or "reelsheet pause".`,
    },
  ]
}
