import { turnOfLoop } from '../system.ts'

/**
 * Long work in steps. Whoever drives it lets others have their turn at each of them, and awaits what it yields;
 * work that yields nothing to be awaited may also be done at once.
 */
export type Steps<T> = Generator<Promise<void> | undefined, T>

/** So many rows between two turns: some ten milliseconds of work. */
const ROWS_A_TURN = 1_000

export const isTurn = (at: number): boolean => at % ROWS_A_TURN === ROWS_A_TURN - 1

export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    await (step.value ?? turnOfLoop())
  }
}

export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}
