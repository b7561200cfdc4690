import { Refused, type TaskReading, Unreachable } from './provider.ts'

/**
 * Reads tasks one after the other. What fails for one task does not hide the others: its id is then
 * absent. Stops at the first failure that concerns the account or the network; throws it when
 * nothing was read.
 */
export async function readEach(
  remoteIds: readonly string[],
  readOne: (remoteId: string) => Promise<TaskReading>,
): Promise<Map<string, TaskReading>> {
  const readings = new Map<string, TaskReading>()
  let failure: unknown
  for (const remoteId of remoteIds) {
    try {
      readings.set(remoteId, await readOne(remoteId))
    } catch (error) {
      failure = error
      if (!isAboutOneTask(error)) break
    }
  }
  if (readings.size === 0 && failure !== undefined) throw failure
  return readings
}

/** A refusal of this id, or a fault that came as an answer: the next id may fare better. */
const isAboutOneTask = (error: unknown): boolean =>
  (error instanceof Refused && error.scope === 'job') ||
  (error instanceof Unreachable && error.problem.code === 'provider-fault')
