import { problem } from '../../../shared/problem.ts'
import type { Caller } from './caller.ts'
import { classifyRead } from './classify.ts'
import { type ListedTask, type Provider, Unreachable } from './provider.ts'
import { asFields, asNumber, asTaskId, asText } from './reading.ts'

/** Thousands of tasks with their bodies are one answer here. */
const MAX_LIST_BYTES = 256_000_000

/**
 * A family's adapter over the practice provider, whose ledger tells every task with the body it was
 * ordered with: looking for an unconfirmed attempt then has a sure answer, for both families.
 */
export function withPracticeList(
  provider: Provider,
  caller: Caller,
  family: 'evolink' | 'vtrix',
  account: string,
): Provider {
  return {
    ...provider,
    can: { ...provider.can, listTasks: true },
    list: async (since, signal) => {
      const answer = await caller.ask(
        {
          method: 'GET',
          path: `/practice/tasks?since=${Math.floor(since)}`,
          context: { doing: 'read' },
          maxAnswerBytes: MAX_LIST_BYTES,
          signal,
        },
        classifyRead,
      )
      const data = asFields(answer.json)?.data
      if (!Array.isArray(data)) throw noList(account)
      return data
        .filter((row) => asFields(row)?.family === family)
        .map(toListed)
        .filter((task) => task !== null)
        .sort((one, other) => other.createdAt - one.createdAt)
    },
  }
}

function toListed(entry: unknown): ListedTask | null {
  const row = asFields(entry)
  const remoteId = asTaskId(row?.id)
  const createdAt = asNumber(row?.createdAt)
  if (row === null || remoteId === null || createdAt === null) return null
  const body = asFields(row.request)
  return {
    remoteId,
    model: asText(row.model) ?? '',
    createdAt,
    state: asText(row.state)?.toLowerCase() ?? '',
    ...(body === null ? {} : { body }),
  }
}

function noList(account: string): Unreachable {
  return new Unreachable({
    problem: problem(
      'provider-fault',
      'The practice provider gave no list of its tasks. Nothing is lost.',
      'Nothing to do: it is asked again by itself.',
      { account },
      'warning',
    ),
    isOffline: false,
  })
}
