/** The parts of a multipart/form-data body (RFC 7578), as far as an upload needs them. */
export interface FormParts {
  file?: { name: string; type: string; bytes: Buffer }
  /** Parts without a file name. */
  fields: Map<string, string>
  /** How many parts carried a file; one is allowed. */
  files: number
}

/** Takes a whole body apart; undefined when it is not well formed. */
export function parseMultipart(contentType: string | undefined, body: Buffer): FormParts | undefined {
  const match = /^multipart\/form-data\s*;.*\bboundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))/i.exec(
    contentType ?? '',
  )
  const boundary = match?.[1] ?? match?.[2]
  if (boundary === undefined) return undefined
  const open = Buffer.from(`--${boundary}`)
  const between = Buffer.from(`\r\n--${boundary}`)
  const parts: FormParts = { fields: new Map(), files: 0 }
  let at = body.indexOf(open)
  if (at < 0) return undefined
  at += open.length
  for (;;) {
    if (body.toString('latin1', at, at + 2) === '--') return parts
    const headEnd = body.indexOf('\r\n\r\n', at)
    if (body.toString('latin1', at, at + 2) !== '\r\n' || headEnd < 0) return undefined
    const end = body.indexOf(between, headEnd + 2)
    if (end < 0) return undefined
    takePart(parts, body.toString('utf8', at + 2, headEnd), body.subarray(headEnd + 4, end))
    at = end + between.length
  }
}

function takePart(parts: FormParts, head: string, bytes: Buffer): void {
  const disposition = /^content-disposition:\s*form-data(.*)$/im.exec(head)?.[1] ?? ''
  const name = /;\s*name="([^"]*)"/i.exec(disposition)?.[1]
  const fileName = /;\s*filename="([^"]*)"/i.exec(disposition)?.[1]
  if (name === undefined) return
  if (fileName === undefined) {
    parts.fields.set(name, bytes.toString('utf8'))
    return
  }
  if (name !== 'file') return
  parts.files += 1
  const type = /^content-type:\s*([^\r\n;]+)/im.exec(head)?.[1] ?? 'application/octet-stream'
  parts.file = { name: fileName, type: type.trim().toLowerCase(), bytes }
}
