import { HOST_LIMIT_BYTES } from '../../../../shared/models/file-host.ts'
import { problem } from '../../../../shared/problem.ts'
import type { Call, Caller } from '../caller.ts'
import { classifyFiles } from '../classify-files.ts'
import type { Answer } from '../http-answer.ts'
import {
  type FileQuota,
  Refused,
  type StoredFile,
  Unreachable,
  type Uploaded,
  type UploadRequest,
} from '../provider.ts'
import { asAddress, asFields, asList, asNumber, asText, asTime, type Fields } from '../reading.ts'
import { uniqueFileName } from './file-names.ts'
import { createMultipart } from './multipart.ts'

/**
 * EvoLink's file service. Files live 72 h.
 * Source: https://docs.evolink.ai/en/api-manual/file-series/upload-stream
 */
export interface Files {
  /** Streams one file as multipart, under a name that holds its hash. */
  upload(file: UploadRequest, signal: AbortSignal): Promise<Uploaded>
  /** For tiny pictures only: the file travels inside JSON. `dataUrl` = `data:<type>;base64,<data>`. */
  uploadBase64(
    file: { dataUrl: string; fileName: string; mediaType: string },
    signal: AbortSignal,
  ): Promise<Uploaded>
  /** Lets the service fetch a public address. */
  uploadUrl(address: string, signal: AbortSignal): Promise<Uploaded>
  quota(signal: AbortSignal): Promise<FileQuota>
  list(page: number, signal: AbortSignal): Promise<StoredFile[]>
  deleteFile(fileId: string, signal: AbortSignal): Promise<void>
}

/** The folder at the service under which everything is kept. */
const UPLOAD_PATH = 'wan-inputs'
const LIST_PAGE_SIZE = 20

export function createFiles(caller: Caller, filesUrl: string, account: string): Files {
  const ask = (call: Omit<Call, 'baseUrl'>): Promise<Answer> =>
    caller.ask({ ...call, baseUrl: filesUrl }, classifyFiles)
  const json = (body: unknown) => ({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

  return {
    upload: async (file, signal) => {
      refuseBeforehand(file.name, file.mediaType, file.sizeBytes, account)
      const fileName = uniqueFileName(file.sha256, file.name, file.mediaType)
      const { contentType, body } = createMultipart(
        { upload_path: UPLOAD_PATH, file_name: fileName },
        { ...file, fieldName: 'file', fileName, stream: () => file.stream() },
        file.sha256,
      )
      const answer = await ask({
        method: 'POST',
        path: '/api/v1/files/upload/stream',
        headers: { 'content-type': contentType },
        body,
        context: { doing: 'upload', file: file.name },
        signal,
        // The form's own head and tail are not the file's bytes.
        onProgress: (sentBytes) => file.onProgress(Math.min(sentBytes, file.sizeBytes)),
      })
      return toUploaded(answer, file.name, account, caller.manners().now)
    },
    uploadBase64: async ({ dataUrl, fileName, mediaType }, signal) => {
      refuseBeforehand(fileName, mediaType, Math.floor((dataUrl.length * 3) / 4), account)
      const answer = await ask({
        method: 'POST',
        path: '/api/v1/files/upload/base64',
        ...json({ base64_data: dataUrl, upload_path: UPLOAD_PATH, file_name: fileName }),
        context: { doing: 'upload', file: fileName },
        signal,
      })
      return toUploaded(answer, fileName, account, caller.manners().now)
    },
    uploadUrl: async (address, signal) => {
      const answer = await ask({
        method: 'POST',
        path: '/api/v1/files/upload/url',
        ...json({ file_url: address }),
        context: { doing: 'upload' },
        signal,
      })
      return toUploaded(answer, 'the given address', account, caller.manners().now)
    },
    quota: async (signal) => {
      const answer = await ask({
        method: 'GET',
        path: '/api/v1/files/quota',
        context: { doing: 'files' },
        signal,
      })
      const data = asFields(asFields(answer.json)?.data)
      return {
        usedFiles: asNumber(data?.used_files),
        maxFiles: asNumber(data?.max_files),
        remainingFiles: asNumber(data?.remain_files),
      }
    },
    list: async (page, signal) => {
      const path = `/api/v1/files/list?page=${page}&pageSize=${LIST_PAGE_SIZE}`
      const answer = await ask({ method: 'GET', path, context: { doing: 'files' }, signal })
      const files = asList(asFields(asFields(answer.json)?.data)?.files)
      return files.map(toStoredFile).filter((file) => file !== null)
    },
    deleteFile: async (fileId, signal) => {
      const path = `/api/v1/files/${encodeURIComponent(fileId)}`
      const { error } = await caller.tryAsk(
        { method: 'DELETE', path, baseUrl: filesUrl, context: { doing: 'files' }, signal },
        classifyFiles,
      )
      if (error && !(error instanceof Refused && error.kind === 'not_found')) throw error
    },
  }
}

function toStoredFile(entry: unknown): StoredFile | null {
  const file = asFields(entry)
  const fileId = asText(file?.file_id)
  if (file === null || fileId === null) return null
  return {
    fileId,
    name: asText(file.file_name),
    sizeBytes: asNumber(file.file_size),
    uploadedAt: asTime(file.upload_time),
  }
}

function toUploaded(answer: Answer, name: string, account: string, now: number): Uploaded {
  const data = asFields(asFields(answer.json)?.data)
  const url = asAddress(data?.file_url)
  if (url === null)
    throw new Unreachable({
      problem: problem(
        'provider-fault',
        `The file service took “${name}” but gave no address for it. Nothing was charged.`,
        'Nothing to do: it is uploaded again by itself.',
        { account, file: name },
        'warning',
      ),
      isOffline: false,
    })
  return { url, expiresAt: onOurClock(answer, data, now), fileId: asText(data?.file_id) }
}

/**
 * When an address dies, on this computer's clock: how long it lives is told by the service's own times. By a clock
 * that is years ahead each address would be dead when it comes, and be asked for again without end.
 */
function onOurClock(answer: Answer, data: Fields | null, now: number): number | null {
  const diesAt = asTime(data?.expires_at)
  const theirNow = asTime(data?.upload_time) ?? asTime(answer.headers.date)
  return diesAt === null || theirNow === null ? diesAt : now + diesAt - theirNow
}

/** What the service is known to refuse is not sent at all. */
function refuseBeforehand(name: string, mediaType: string, sizeBytes: number, account: string): void {
  const place = { account, file: name }
  if (/^image\/(x-)?(ms-)?bmp$/i.test(mediaType))
    throw new Refused({
      kind: 'upload_type_refused',
      scope: 'job',
      problem: problem(
        'upload-refused',
        `“${name}” is a BMP picture, which EvoLink's file service does not take. Nothing was sent.`,
        'Convert it to PNG or JPEG, or give a public address instead.',
        place,
      ),
    })
  if (sizeBytes > HOST_LIMIT_BYTES)
    throw new Refused({
      kind: 'upload_too_large',
      scope: 'job',
      sentBytes: sizeBytes,
      problem: problem(
        'upload-refused',
        `“${name}” has ${(sizeBytes / 1e6).toFixed(1)} MB; EvoLink's file service takes files up to 99.6 MB. Nothing was sent.`,
        'Use a smaller file, or give a public address instead.',
        place,
      ),
    })
}
