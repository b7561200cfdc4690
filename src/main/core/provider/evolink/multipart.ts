import { Readable } from 'node:stream'
import type { StreamBody } from '../http.ts'

export interface MultipartFile {
  fieldName: string
  fileName: string
  mediaType: string
  sizeBytes: number
  stream(): NodeJS.ReadableStream
}

/**
 * A multipart body (RFC 7578) with a length known before it is read; the file's bytes are never
 * held together in memory. The boundary comes from the content's own hash, which the content
 * cannot hold.
 */
export function createMultipart(
  fields: Record<string, string>,
  file: MultipartFile,
  contentHash: string,
): { contentType: string; body: StreamBody } {
  const boundary = `reelsheet-${contentHash.slice(0, 40)}`
  const head = Buffer.from(
    `${Object.entries(fields)
      .map(
        ([name, value]) =>
          `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
      )
      .join(
        '',
      )}--${boundary}\r\nContent-Disposition: form-data; name="${file.fieldName}"; filename="${file.fileName}"\r\nContent-Type: ${file.mediaType}\r\n\r\n`,
  )
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: {
      length: head.length + file.sizeBytes + tail.length,
      stream: () => Readable.from(join(head, file, tail), { objectMode: false }),
    },
  }
}

async function* join(head: Buffer, file: MultipartFile, tail: Buffer): AsyncGenerator<Buffer> {
  yield head
  for await (const chunk of file.stream()) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
  yield tail
}
