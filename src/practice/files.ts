import { open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { UploadRecord } from './books.ts'
import { type Answer, type Call, type Desk, freshId, headerText, isRecord, json, parseJson } from './desk.ts'
import { toWhole } from './evolink.ts'
import { decodeDataUri, findUpload, probeMedia, resolveAddress } from './media.ts'
import { parseMultipart } from './multipart.ts'

/** The Files service's limit per file, in bytes, and what a base64 or multipart body may need around it. */
export const FILE_LIMIT_BYTES = 104_857_600
export const UPLOAD_BODY_BYTES = 150_000_000

const PICTURE_TYPES: Readonly<Record<string, string>> = {
  jpeg: 'image/jpeg',
  png: 'image/png',
  gif: 'image/gif',
  webp: 'image/webp',
}
const OTHER_TYPES: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
}

/** The envelope of refusals: the HTTP status of the 4000x codes is not documented, 400 is what is expected. */
export function filesError(code: number, msg: string): Answer {
  const status = code === 50_001 ? 500 : code > 999 ? 400 : code
  return json(status, { success: false, code, msg })
}

interface Arrival {
  bytes: Buffer
  originalName: string
  path: string
  name: string | undefined
  /** What the sender says it is; only compared with what it is. */
  claimedType: string | undefined
}

/** `POST /api/v1/files/upload/stream` */
export async function uploadStream(desk: Desk, call: Call): Promise<Answer> {
  if (call.isTooLarge) return filesError(40_001, 'file too large')
  const parts = parseMultipart(headerText(call.headers, 'content-type'), call.body)
  if (!parts) return filesError(400, 'the body is no multipart form')
  if (!parts.file) return filesError(400, 'missing file')
  if (parts.files > 1) return filesError(400, 'one file per request')
  const field = (snake: string, camel: string) => parts.fields.get(snake) ?? parts.fields.get(camel)
  return store(desk, {
    bytes: parts.file.bytes,
    originalName: parts.file.name,
    path: field('upload_path', 'uploadPath') ?? 'uploads',
    name: field('file_name', 'fileName'),
    claimedType: parts.file.type,
  })
}

/** `POST /api/v1/files/upload/base64`: a data URL or bare base64. */
export async function uploadBase64(desk: Desk, call: Call): Promise<Answer> {
  if (call.isTooLarge) return filesError(40_001, 'file too large')
  const body = parseJson(call.body)
  if (!isRecord(body) || typeof body.base64_data !== 'string' || body.base64_data === '')
    return filesError(400, 'missing base64_data')
  const text = body.base64_data
  const data = decodeDataUri(text.startsWith('data:') ? text : `data:application/octet-stream;base64,${text}`)
  if (!data) return filesError(400, 'base64_data is not valid')
  const claimed = text.startsWith('data:') ? data.mime : undefined
  return store(desk, { bytes: data.bytes, originalName: '', ...namesOf(body), claimedType: claimed })
}

/** `POST /api/v1/files/upload/url`. Offline: only a file it already has can be fetched. */
export async function uploadFromUrl(desk: Desk, call: Call): Promise<Answer> {
  const body = call.isTooLarge ? undefined : parseJson(call.body)
  if (!isRecord(body) || typeof body.file_url !== 'string') return filesError(400, 'missing file_url')
  const address = resolveAddress(desk, body.file_url)
  if (address.kind !== 'own') return filesError(40_004, 'download failed')
  const bytes = await readFile(fileOf(desk, address.upload.id)).catch(() => undefined)
  if (!bytes) return filesError(40_004, 'download failed')
  const names = namesOf(body)
  return store(desk, {
    bytes,
    originalName: address.upload.name,
    ...names,
    path: typeof body.upload_path === 'string' ? names.path : 'downloads',
    claimedType: undefined,
  })
}

function namesOf(body: Record<string, unknown>): { path: string; name: string | undefined } {
  return {
    path: typeof body.upload_path === 'string' ? body.upload_path : 'uploads',
    name: typeof body.file_name === 'string' ? body.file_name : undefined,
  }
}

async function store(desk: Desk, arrival: Arrival): Promise<Answer> {
  if (arrival.bytes.length > FILE_LIMIT_BYTES) return filesError(40_001, 'file too large')
  const path = cleanPath(arrival.path)
  const probe = await probeMedia(arrival.bytes)
  const mime = probe && (PICTURE_TYPES[probe.format] ?? OTHER_TYPES[probe.format])
  const isPicture = probe !== undefined && PICTURE_TYPES[probe.format] !== undefined
  if (!probe || !mime || (!isPicture && !desk.settings.takesVideoUploads) || isLie(arrival.claimedType, mime))
    return filesError(40_002, 'file type not allowed')
  await removeExpired(desk)
  const name = cleanName(arrival.name ?? arrival.originalName) || `file.${probe.format}`
  const replaced = desk.books.uploadAt.get(`${path}/${name}`)
  const used = desk.books.uploads.size - (replaced === undefined ? 0 : 1)
  if (used >= desk.settings.filesQuota) return filesError(40_003, 'quota exceeded')
  const now = desk.clock.now()
  const upload: UploadRecord = {
    id: freshId(
      () => `file_${desk.newId(12)}`,
      (id) => desk.books.uploads.has(id),
    ),
    path,
    name,
    originalName: arrival.originalName || name,
    mime,
    sizeBytes: arrival.bytes.length,
    uploadedAt: now,
    expiresAt: now + desk.settings.fileLifeMs,
    ...probe,
  }
  if (!(await writeWhole(desk, upload.id, arrival.bytes))) return filesError(50_001, 'storage error')
  desk.books.record({ kind: 'upload', upload })
  if (replaced !== undefined) await removeUpload(desk, replaced)
  return json(200, { success: true, code: 200, msg: 'uploaded', data: uploadBody(desk, upload) })
}

/** The claimed type must be of the kind that the first bytes show; no claim is no lie. */
function isLie(claimed: string | undefined, mime: string): boolean {
  if (claimed === undefined || claimed === 'application/octet-stream') return false
  return claimed.split('/')[0] !== mime.split('/')[0]
}

async function writeWhole(desk: Desk, id: string, bytes: Buffer): Promise<boolean> {
  const path = fileOf(desk, id)
  try {
    const file = await open(`${path}.part`, 'wx', 0o600)
    await file.writeFile(bytes)
    await file.sync()
    await file.close()
    await rename(`${path}.part`, path)
    return true
  } catch {
    await rm(`${path}.part`, { force: true })
    return false
  }
}

/** SECURITY: names on disk are made here; what a sender calls a file never becomes a path. */
function fileOf(desk: Desk, id: string): string {
  return join(desk.folder, 'files', id)
}

function cleanPath(path: string): string {
  const steps = path.split(/[\\/]+/).map(cleanName)
  return (
    steps
      .filter((step) => step !== '')
      .slice(0, 8)
      .join('/') || 'uploads'
  )
}

function cleanName(name: string): string {
  const last = name.split(/[\\/]/).at(-1) ?? ''
  const clean = last.replace(/[^\p{L}\p{N}._ -]/gu, '_').slice(0, 120)
  return /^\.*$/.test(clean) ? '' : clean
}

async function removeExpired(desk: Desk): Promise<void> {
  const now = desk.clock.now()
  for (const upload of [...desk.books.uploads.values()]) {
    if (now >= upload.expiresAt) await removeUpload(desk, upload.id)
  }
}

async function removeUpload(desk: Desk, id: string): Promise<void> {
  desk.books.record({ kind: 'upload-removed', id })
  await rm(fileOf(desk, id), { force: true })
}

function uploadBody(desk: Desk, upload: UploadRecord): Record<string, unknown> {
  const where = [...upload.path.split('/'), upload.name].map(encodeURIComponent).join('/')
  return {
    file_id: upload.id,
    file_name: upload.name,
    original_name: upload.originalName,
    file_size: upload.sizeBytes,
    mime_type: upload.mime,
    upload_path: upload.path,
    file_url: `${desk.base()}/files/${where}`,
    download_url: `${desk.base()}/api/v1/files/download/${upload.id}`,
    upload_time: toOffsetTime(upload.uploadedAt),
    expires_at: toOffsetTime(upload.expiresAt),
  }
}

/** The service prints times of UTC+8, not of UTC: a reader that ignores the offset is eight hours wrong. */
function toOffsetTime(at: number): string {
  return new Date(at + 8 * 3_600_000).toISOString().replace(/\.\d+Z$/, '+08:00')
}

/** `GET /api/v1/files/quota` */
export async function getQuota(desk: Desk): Promise<Answer> {
  await removeExpired(desk)
  const used = desk.books.uploads.size
  const { filesQuota } = desk.settings
  return json(200, {
    success: true,
    code: 200,
    data: {
      user_group: 'default',
      used_files: used,
      max_files: filesQuota,
      remain_files: Math.max(0, filesQuota - used),
      is_custom: false,
      quota_reason: '',
    },
  })
}

/** `GET /api/v1/files/list?page=&pageSize=` */
export async function listFiles(desk: Desk, call: Call): Promise<Answer> {
  await removeExpired(desk)
  const page = toWhole(call.query.get('page'), 1)
  const size = toWhole(call.query.get('pageSize'), 20)
  if (page === undefined || size === undefined) return filesError(400, 'page and pageSize must be whole')
  const all = [...desk.books.uploads.values()].reverse()
  const files = all.slice((page - 1) * size, page * size).map((upload) => uploadBody(desk, upload))
  return json(200, { success: true, code: 200, msg: 'ok', data: { total: all.length, files } })
}

/** `DELETE /api/v1/files/{file_id}` */
export async function deleteFile(desk: Desk, call: Call): Promise<Answer> {
  const id = call.path.slice('/api/v1/files/'.length)
  const upload = desk.books.uploads.get(id)
  if (!upload || desk.clock.now() >= upload.expiresAt) return filesError(404, 'file not found')
  await removeUpload(desk, id)
  return json(200, { success: true, code: 200, msg: 'deleted' })
}

/** `GET /files/{path}/{name}` and `GET /api/v1/files/download/{file_id}`: public, until the file expires. */
export async function getFile(desk: Desk, call: Call): Promise<Answer> {
  const upload = findUpload(desk, call.path)
  const bytes = upload && (await readFile(fileOf(desk, upload.id)).catch(() => undefined))
  if (!upload || !bytes) return filesError(404, 'file not found')
  return { status: 200, headers: { 'content-type': upload.mime }, body: bytes }
}
