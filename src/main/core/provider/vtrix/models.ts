import { problem } from '../../../../shared/problem.ts'
import type { Http } from '../http.ts'
import { toFailure } from '../problems.ts'
import { Unreachable } from '../provider.ts'
import { asFields, asList, asNumber, asText } from '../reading.ts'

/** One model as the public catalogue names it. Facts for a person; addresses in it are never called. */
export interface VtrixModel {
  id: string
  name: string | null
  type: string | null
}

export interface VtrixModelSpec extends VtrixModel {
  parameters: { path: string; type: string | null; isRequired: boolean; max: number | null }[]
}

export const VTRIX_CATALOGUE_URL = 'https://cloud-model-spec.vtrix.ai'

const TIMEOUTS = { connectMs: 10_000, headersMs: 15_000, bodyIdleMs: 15_000, totalMs: 20_000 }

/**
 * Reads Vtrix's public catalogue. It takes no key and is sent none. A model that is unknown is null:
 * the catalogue says so inside an HTTP 200. Throws Unreachable.
 * Source: https://github.com/VtrixAI/vtrix-cli
 */
export function createVtrixCatalogue(http: Http, baseUrl: string = VTRIX_CATALOGUE_URL) {
  const host = new URL(baseUrl).host
  const context = { provider: 'Vtrix', account: '', host, doing: 'read' } as const
  const get = async (path: string, signal: AbortSignal): Promise<unknown> => {
    const url = `${baseUrl}${path}`
    const answer = await http
      .send({ method: 'GET', url, headers: { accept: 'application/json' }, timeouts: TIMEOUTS, signal })
      .catch((error: unknown) => {
        throw toFailure(error, context)
      })
    const body = asFields(answer.json)
    const inner = asNumber(asFields(body?.status)?.code) ?? answer.status
    if (inner === 404) return null
    if (answer.status !== 200 || inner !== 200 || asFields(body?.data) === null) throw unreadable(host, inner)
    return body?.data
  }
  return {
    spec: async (model: string, signal: AbortSignal): Promise<VtrixModelSpec | null> => {
      const data = asFields(await get(`/api/v1/skill/models/${encodeURIComponent(model)}/spec`, signal))
      if (data === null) return null
      return {
        id: asText(data.model_id) ?? model,
        name: asText(data.name),
        type: asText(data.type),
        parameters: asList(data.parameters).flatMap((entry) => toParameters(entry)),
      }
    },
    page: async (
      query: { page: number; pageSize: number; type: string; keywords: string },
      signal: AbortSignal,
    ): Promise<VtrixModel[]> => {
      const words = new URLSearchParams({ type: query.type, keywords: query.keywords })
      const path = `/api/v1/skill/models?page=${query.page}&page_size=${query.pageSize}&${words}`
      const models = asList(asFields(await get(path, signal))?.models)
      return models
        .map(asFields)
        .map((model) => ({
          id: asText(model?.id) ?? '',
          name: asText(model?.name),
          type: asText(model?.type),
        }))
        .filter((model) => model.id !== '')
    },
  }
}

/** A parameter and its children, flat; deeper than a few levels is nothing that a model needs. */
function toParameters(entry: unknown, depth = 0): VtrixModelSpec['parameters'] {
  const field = asFields(entry)
  const path = asText(field?.path)
  if (field === null || path === null || depth > 8) return []
  const limits = asFields(field.constraints)
  const max = asNumber(limits?.max) ?? asNumber(limits?.max_length) ?? asNumber(limits?.max_items)
  const own = { path, type: asText(field.type), isRequired: field.required === true, max }
  return [own, ...asList(field.children).flatMap((child) => toParameters(child, depth + 1))]
}

function unreadable(host: string, status: number): Unreachable {
  return new Unreachable({
    problem: problem(
      'provider-fault',
      `${host} answered ${status} and no catalogue. Nothing is lost.`,
      'The catalogue shipped with the app is used.',
      {},
      'info',
    ),
    isOffline: false,
  })
}
