export interface Part {
  name: string
  fileName?: string
  contentType?: string
  content: Buffer
}

/** Takes a multipart body apart by the rules of RFC 7578, bytes kept as they are. */
export function parseMultipart(contentType: string, body: Buffer): Part[] {
  const boundary = /boundary=([^;]+)/.exec(contentType)?.[1] ?? ''
  const text = body.toString('latin1')
  const pieces = text.split(`--${boundary}`)
  if (pieces.shift() !== '' || pieces.pop() !== '--\r\n')
    throw new Error('the body does not begin or end as it should')
  return pieces.map((piece) => {
    const end = piece.indexOf('\r\n\r\n')
    const head = piece.slice(0, end)
    const fileName = /filename="([^"]*)"/.exec(head)?.[1]
    const type = /content-type: (\S+)/i.exec(head)?.[1]
    return {
      name: /[ ;]name="([^"]*)"/.exec(head)?.[1] ?? '',
      ...(fileName === undefined ? {} : { fileName }),
      ...(type === undefined ? {} : { contentType: type }),
      content: Buffer.from(piece.slice(end + 4, -2), 'latin1'),
    }
  })
}
