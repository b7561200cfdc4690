import type { Balance } from '../../../../shared/account.ts'
import { problem } from '../../../../shared/problem.ts'
import { toMicros } from '../amounts.ts'
import type { Call, Caller } from '../caller.ts'
import { classifyRead, type Manners } from '../classify.ts'
import type { Answer } from '../http-answer.ts'
import {
  type Accepted,
  type CreateRequest,
  type ListedTask,
  type Provider,
  Refused,
  type TaskReading,
  Unreachable,
} from '../provider.ts'
import { readEach } from '../read-each.ts'
import { asFields, asTaskId, asText } from '../reading.ts'
import { createFiles, type Files } from './files.ts'
import { estimatedMs, reservedMicros, toListed, toReading } from './tasks.ts'

/** Optional calls that a base may lack; remembered so that they are not asked again. */
export type EvolinkFeature = 'batch' | 'list' | 'credits' | 'price-rules'

export interface EvolinkOptions {
  caller: Caller
  account: string
  /** Null = no file service: references then need addresses. */
  filesUrl: string | null
  missingFeatures: readonly string[]
  onFeatureMissing(feature: EvolinkFeature): void
}

/** Ids in one batch read. */
const BATCH_SIZE = 50
const LIST_PAGE_SIZE = 50
/** A list that does not end is no list. */
const MAX_LIST_PAGES = 400
/** Price rules are small trees; a catalogue of all models is some hundred of them. */
const MAX_RULE_BYTES = 200_000
const MAX_RULES_BYTES = 2_000_000
/**
 * For how long a repeat under the same key is taken to be safe. No page names a window; a day is
 * the time for which results live.
 */
const IDEMPOTENCY_MS = 24 * 3_600_000

/** An id of the documented shape that belongs to no task: asking for it shows whether the key works. */
const NO_TASK = 'task-unified-0-probe'

export interface EvolinkProvider extends Provider {
  files: Files | null
  /** One page of the task list. */
  listPage(
    page: { page: number; pageSize: number; type?: 'video' },
    signal: AbortSignal,
  ): Promise<ListedTask[]>
}

/**
 * EvoLink and every base that speaks its API.
 * Source: https://docs.evolink.ai/en/api-manual/video-series/wan2.6/wan2.6-reference-video
 */
export function createEvolink(options: EvolinkOptions): EvolinkProvider {
  const { caller } = options
  const missing = new Set<string>(options.missingFeatures)
  const files = options.filesUrl === null ? null : createFiles(caller, options.filesUrl, options.account)
  const noteMissing = (feature: EvolinkFeature): void => {
    if (missing.has(feature)) return
    missing.add(feature)
    options.onFeatureMissing(feature)
  }
  const judgeOptional = (answer: Answer, manners: Manners) => classifyRead(answer, manners, true)
  const askOptional = async (feature: EvolinkFeature, call: Call): Promise<Answer> => {
    if (missing.has(feature)) throw missingFeature(feature, options.account)
    try {
      return await caller.ask(call, judgeOptional)
    } catch (error) {
      if (error instanceof Refused && error.kind === 'feature_missing') noteMissing(feature)
      throw error
    }
  }

  const readOne = async (remoteId: string, signal: AbortSignal): Promise<TaskReading> => {
    const path = `/v1/tasks/${encodeURIComponent(remoteId)}`
    const call: Call = { method: 'GET', path, context: { doing: 'read' }, signal }
    const { answer, error, verdict } = await caller.tryAsk(call, classifyRead)
    if (verdict.class === 'not_found') return { state: 'forgotten' }
    if (error) throw error
    return readingOf(answer.json, remoteId)
  }
  const readingOf = (body: unknown, remoteId: string): TaskReading => {
    const task = asFields(body)
    const answeredId = asText(task?.id)
    const reading =
      answeredId === null || answeredId === remoteId ? toReading(body, caller.manners().secrets) : null
    if (reading === null) throw unusable(`The answer for task ${remoteId} is not that task.`, options.account)
    return reading
  }

  const readBatch = async (
    ids: readonly string[],
    signal: AbortSignal,
  ): Promise<Map<string, TaskReading>> => {
    const answer = await askOptional('batch', {
      method: 'POST',
      path: '/v1/tasks/batch',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ task_ids: ids }),
      context: { doing: 'read' },
      signal,
    })
    const data = asFields(answer.json)?.data
    if (!Array.isArray(data)) throw unusable('The batch answer holds no list.', options.account)
    const readings = new Map<string, TaskReading>()
    for (const entry of data) {
      const id = asTaskId(asFields(entry)?.id)
      const reading = toReading(entry, caller.manners().secrets)
      if (id !== null && reading !== null && ids.includes(id)) readings.set(id, reading)
    }
    return readings
  }
  /**
   * A batch leaves unknown ids out, and whether it works for plain keys is not documented: before a
   * task counts as forgotten it is asked for by itself. One that is there after all
   * shows that the batch call cannot be trusted on this base.
   */
  const readMany = async (ids: readonly string[], signal: AbortSignal): Promise<Map<string, TaskReading>> => {
    const readings = await readBatch(ids, signal)
    const absent = ids.filter((id) => !readings.has(id))
    if (absent.length === 0) return readings
    const single = await readEach(absent, (id) => readOne(id, signal)).catch((error: unknown) => {
      if (readings.size === 0) throw error
      return new Map<string, TaskReading>()
    })
    if ([...single.values()].some((reading) => reading.state !== 'forgotten')) noteMissing('batch')
    return new Map([...readings, ...single])
  }

  const listPage: EvolinkProvider['listPage'] = async ({ page, pageSize, type }, signal) => {
    const path = `/v1/tasks?${type === undefined ? '' : `type=${type}&`}page=${page}&page_size=${pageSize}`
    const answer = await askOptional('list', { method: 'GET', path, context: { doing: 'read' }, signal })
    const data = asFields(answer.json)?.data
    if (!Array.isArray(data)) throw unusable('The task list holds no list.', options.account)
    return data.map(toListed).filter((task) => task !== null)
  }

  /**
   * One model's rule; where that page is not there, all of them: only a base that has neither lacks them.
   * Source: https://github.com/deeplearning-goethe/evolink-cli
   */
  const priceRule = async (model: string, signal: AbortSignal): Promise<unknown> => {
    if (missing.has('price-rules')) throw missingFeature('price-rules', options.account)
    const call = (path: string, maxAnswerBytes: number): Call => ({
      method: 'GET',
      path,
      context: { doing: 'read' },
      signal,
      maxAnswerBytes,
      isPublic: true,
    })
    const one = call(`/v1/catalog/models/${encodeURIComponent(model)}/pricing-rules`, MAX_RULE_BYTES)
    try {
      return (await caller.ask(one, judgeOptional)).json
    } catch (error) {
      if (!(error instanceof Refused && error.kind === 'feature_missing')) throw error
    }
    return (await askOptional('price-rules', call('/v1/catalog/pricing-rules', MAX_RULES_BYTES))).json
  }

  return {
    can: {
      idempotencyMs: IDEMPOTENCY_MS,
      get batchRead() {
        return !missing.has('batch')
      },
      get listTasks() {
        return !missing.has('list')
      },
      get credits() {
        return !missing.has('credits')
      },
      upload: files !== null,
      inlineReferences: false,
      failedIsFree: true,
    },
    files,
    listPage,
    create: (request, signal) => create(caller, request, signal),
    read: async (remoteIds, signal) => {
      const ids = [...new Set(remoteIds)]
      const first = ids[0]
      if (first !== undefined && ids.length === 1) return new Map([[first, await readOne(first, signal)]])
      if (missing.has('batch')) return readEach(ids, (id) => readOne(id, signal))
      const readings = new Map<string, TaskReading>()
      for (let at = 0; at < ids.length; at += BATCH_SIZE) {
        const slice = ids.slice(at, at + BATCH_SIZE)
        try {
          for (const [id, reading] of await readMany(slice, signal)) readings.set(id, reading)
        } catch (error) {
          const isMissing = error instanceof Refused && error.kind === 'feature_missing'
          if (isMissing) {
            const rest = await readEach(ids.slice(at), (id) => readOne(id, signal))
            return new Map([...readings, ...rest])
          }
          if (readings.size === 0) throw error
          return readings
        }
      }
      return readings
    },
    list: async (since, signal) => {
      const found = new Map<string, ListedTask>()
      for (let page = 1; page <= MAX_LIST_PAGES; page += 1) {
        const tasks = await listPage({ page, pageSize: LIST_PAGE_SIZE, type: 'video' }, signal)
        // Times are whole seconds: the second in which `since` lies counts as inside.
        const inside = tasks.filter((task) => task.createdAt + 999 >= since)
        for (const task of inside) found.set(task.remoteId, task)
        if (tasks.length < LIST_PAGE_SIZE || inside.length < tasks.length) break
      }
      return [...found.values()]
    },
    credits: async (signal) => {
      const call: Call = { method: 'GET', path: '/v1/credits', context: { doing: 'read' }, signal }
      return toBalance(await askOptional('credits', call))
    },
    priceRule,
    ...(files === null
      ? {}
      : {
          upload: files.upload,
          fileQuota: files.quota,
          listFiles: files.list,
          deleteFile: files.deleteFile,
        }),
    probe: async (signal) => {
      const call: Call = { method: 'GET', path: '/v1/credits', context: { doing: 'read' }, signal }
      try {
        await askOptional('credits', call)
      } catch (error) {
        if (!(error instanceof Refused && error.kind === 'feature_missing')) throw error
        await readOne(NO_TASK, signal).catch(ignoreUnknownTask)
      }
    },
  }
}

async function create(caller: Caller, request: CreateRequest, signal: AbortSignal): Promise<Accepted> {
  const model = asText(request.body.model)
  const { answer, remoteId } = await caller.create({
    method: 'POST',
    path: '/v1/videos/generations',
    headers: { 'content-type': 'application/json', 'idempotency-key': request.idempotencyKey },
    body: JSON.stringify(request.body),
    context: { doing: 'create', ...(model === null ? {} : { model }) },
    signal,
  })
  const task = asFields(answer.json) ?? {}
  return {
    remoteId,
    isReplayed: answer.headers['idempotency-replayed']?.toLowerCase() === 'true',
    reservedMicros: reservedMicros(task),
    estimatedMs: estimatedMs(task),
  }
}

/**
 * What may still be spent: the smaller of the key's and the user's rest; a key without a limit of its
 * own does not count.
 * Source: https://docs.evolink.ai/en/api-manual/account-management/get-credits
 */
function toBalance(answer: Answer): Balance {
  const data = asFields(asFields(answer.json)?.data)
  const token = asFields(data?.token)
  const user = asFields(data?.user)
  const isUnlimited = token?.unlimited_credits === true
  const rests = [isUnlimited ? null : toMicros(token?.remaining_credits), toMicros(user?.remaining_credits)]
  const known = rests.filter((rest) => rest !== null)
  return {
    currency: 'credits',
    remainingMicros: known.length === 0 ? null : Math.min(...known),
    usedMicros: toMicros(user?.used_credits) ?? toMicros(token?.used_credits),
  }
}

/** Being told that the probe's task is unknown or refused means that the key was taken. */
function ignoreUnknownTask(error: unknown): void {
  if (!(error instanceof Refused && error.scope === 'job')) throw error
}

function missingFeature(feature: EvolinkFeature, account: string): Refused {
  return new Refused({
    kind: 'feature_missing',
    scope: 'job',
    problem: problem(
      'not-possible',
      `The base address of account “${account}” does not have the call “${feature}”.`,
      'Nothing to do: other calls are used.',
      { account },
      'info',
    ),
  })
}

function unusable(what: string, account: string): Unreachable {
  return new Unreachable({
    problem: problem(
      'provider-fault',
      `${what} Nothing is lost and nothing was charged.`,
      'Nothing to do: it is asked again by itself.',
      { account },
      'warning',
    ),
    isOffline: false,
  })
}
