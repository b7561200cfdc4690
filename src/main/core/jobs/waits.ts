import { type Problem, problem } from '../../../shared/problem.ts'
import { NEVER } from '../steps/submit.ts'
import type { AccountRecord } from '../store/accounts.ts'
import type { RunRecord } from '../store/runs.ts'
import { amount } from './amount.ts'
import { localTime } from './starts.ts'

/** Nothing is ordered for hours that somebody chose. Hours that fill the day wait for a person. */
export function quietHours({ name }: Pick<AccountRecord, 'name'>, until: number): Problem {
  if (until >= NEVER) {
    return problem(
      'quiet-hours',
      `The quiet hours of the account "${name}" fill the whole day, so nothing is ever ordered on it.`,
      `Change them with "reelsheet accounts update ${name} --quiet …".`,
      { account: name },
    )
  }
  return problem(
    'quiet-hours',
    `The account "${name}" is quiet until ${localTime(until)}: nothing is ordered on it. What is under way is watched and archived.`,
    'It goes on by itself.',
    { account: name },
    'info',
  )
}

/** The run waits for the time that was chosen for it. */
export const startsLater = ({ id, name }: Pick<RunRecord, 'id' | 'name'>, startAt: number): Problem =>
  problem(
    'starts-later',
    `The run "${name}" starts at ${localTime(startAt)}. Nothing is ordered before.`,
    'It starts by itself while Reelsheet is at work.',
    { runId: id },
    'info',
  )

/** A soft cap that is passed, and by how much so far; null = it is not. */
export function passedCap(
  whose: string,
  { capMicros, countedMicros }: { capMicros: number | null; countedMicros: number },
  currency: string,
  place: Problem['place'],
): Problem | null {
  if (capMicros === null || countedMicros <= capMicros) return null
  return problem(
    'cap-reached',
    `The soft cap of the ${whose} is passed by ${amount(countedMicros - capMicros)} ${currency}: ${amount(countedMicros)} of ${amount(capMicros)} are reserved, charged or may have been charged. Clips are bought all the same.`,
    'Pause the run with "reelsheet pause" if that is enough, or make the cap a hard one.',
    place,
    'warning',
  )
}
