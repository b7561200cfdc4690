import type { RequestRow } from './books.ts'
import { type Answer, type Desk, type Handler, json } from './desk.ts'
import { createVideo, getCredits, getTask, getTasks, listModels, listTasks } from './evolink.ts'
import { evolinkError } from './evolink-view.ts'
import {
  deleteFile,
  filesError,
  getFile,
  getQuota,
  listFiles,
  UPLOAD_BODY_BYTES,
  uploadBase64,
  uploadFromUrl,
  uploadStream,
} from './files.ts'
import { getPriceRule, listPriceRules } from './price-rules.ts'
import { getResult } from './results.ts'
import { createGeneration, getGeneration, vtrixError } from './vtrix.ts'

type RouteFamily = RequestRow['family']

export interface Route {
  method: string
  path: RegExp
  family: RouteFamily
  isPublic?: boolean
  /** Where a fault may strike before the body is whole. */
  isCreate?: boolean
  bodyBytes: number | ((desk: Desk) => number)
  handle: Handler
}

/** EvoLink takes links only, so its bodies are small; the limit itself is not documented. */
const JSON_BYTES = 1_000_000

const route = (
  method: string,
  path: RegExp,
  family: RouteFamily,
  handle: Handler,
  more: Partial<Route> = {},
): Route => ({ method, path, family, bodyBytes: JSON_BYTES, handle, ...more })

/** Every door of both families, most of them behind the key. The ledger's doors are added by the server. */
export const ROUTES: readonly Route[] = [
  route('POST', /^\/v1\/videos\/generations$/, 'evolink', createVideo, { isCreate: true }),
  route('POST', /^\/v1\/tasks\/batch$/, 'evolink', getTasks),
  route('GET', /^\/v1\/tasks$/, 'evolink', listTasks),
  route('GET', /^\/v1\/tasks\/[^/]+$/, 'evolink', getTask),
  route('GET', /^\/v1\/credits$/, 'evolink', getCredits),
  route('GET', /^\/v1\/models$/, 'evolink', listModels),
  route('GET', /^\/v1\/catalog\/pricing-rules$/, 'evolink', listPriceRules, { isPublic: true }),
  route('GET', /^\/v1\/catalog\/models\/[\w.-]+\/pricing-rules$/, 'evolink', getPriceRule, {
    isPublic: true,
  }),
  route('POST', /^\/api\/v1\/files\/upload\/stream$/, 'files', uploadStream, {
    bodyBytes: UPLOAD_BODY_BYTES,
  }),
  route('POST', /^\/api\/v1\/files\/upload\/base64$/, 'files', uploadBase64, {
    bodyBytes: UPLOAD_BODY_BYTES,
  }),
  route('POST', /^\/api\/v1\/files\/upload\/url$/, 'files', uploadFromUrl),
  route('GET', /^\/api\/v1\/files\/quota$/, 'files', getQuota),
  route('GET', /^\/api\/v1\/files(\/list)?$/, 'files', listFiles),
  route('GET', /^\/api\/v1\/files\/download\/[^/]+$/, 'files', getFile, { isPublic: true }),
  route('DELETE', /^\/api\/v1\/files\/[^/]+$/, 'files', deleteFile),
  route('GET', /^\/files\/.+$/, 'files', getFile, { isPublic: true }),
  route('HEAD', /^\/files\/.+$/, 'files', getFile, { isPublic: true }),
  route('POST', /^\/model\/v1\/generation$/, 'vtrix', createGeneration, {
    isCreate: true,
    bodyBytes: (desk) => desk.settings.vtrixBodyBytes,
  }),
  route('GET', /^\/model\/v1\/generation\/task\/[^/]+$/, 'vtrix', getGeneration),
  route('GET', /^\/results\/.+$/, 'results', getResult, { isPublic: true }),
  route('HEAD', /^\/results\/.+$/, 'results', getResult, { isPublic: true }),
]

/** Which family a path belongs to, also when nothing is there: it decides the shape of the refusal. */
export function familyOf(path: string): RouteFamily {
  if (path.startsWith('/v1/')) return 'evolink'
  if (path.startsWith('/model/')) return 'vtrix'
  if (path.startsWith('/api/v1/files') || path.startsWith('/files/')) return 'files'
  if (path.startsWith('/results/')) return 'results'
  return path.startsWith('/practice/') ? 'practice' : 'other'
}

/** 401, 403, 404, 405, 413 and 500 in the words of the family. */
export function familyError(family: RouteFamily, status: number): Answer {
  if (family === 'vtrix') return vtrixError(status)
  if (family === 'files') return filesError(status, WORDS[status] ?? 'refused')
  if (family === 'results')
    return { status, headers: { 'content-type': 'text/plain' }, body: WORDS[status] ?? 'refused' }
  if (family === 'evolink')
    return status === 404 ? evolinkError(404, { message: 'Not found' }) : evolinkError(status)
  return json(status, { error: WORDS[status] ?? 'refused' })
}

const WORDS: Readonly<Record<number, string>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not found',
  405: 'method not allowed',
  413: 'too large',
  500: 'internal error',
}
