/**
 * Gives `GET /<bytes>` that many bytes that begin like an MP4 file, and swallows what is posted to it. A process
 * of its own, so that it works beside what is measured; one prepared block goes out again and again, so that
 * it is faster than any of its clients.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fillBlock } from './bytes.ts'

const BLOCK = fillBlock()

const server = createServer((request, response) => {
  if (request.method === 'POST') swallow(request, response)
  else give(request, response)
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit(0))

function give(request: IncomingMessage, response: ServerResponse): void {
  const total = Number(request.url?.slice(1))
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  response.writeHead(from > 0 ? 206 : 200, {
    'content-type': 'video/mp4',
    'content-length': total - from,
    etag: `"${total}"`,
    ...(from > 0 ? { 'content-range': `bytes ${from}-${total - 1}/${total}` } : {}),
  })
  let at = from
  const go = (): void => {
    while (at < total) {
      const start = at % BLOCK.length
      const chunk = BLOCK.subarray(start, Math.min(BLOCK.length, start + total - at))
      at += chunk.length
      if (!response.write(chunk)) return void response.once('drain', go)
    }
    response.end()
  }
  go()
}

function swallow(request: IncomingMessage, response: ServerResponse): void {
  let received = 0
  request.on('data', (chunk: Buffer) => {
    received += chunk.length
  })
  request.on('end', () =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(accepted(received)),
  )
}

/** Reads like an accepted task, so that the real adapter is content with it. */
const accepted = (received: number): string =>
  JSON.stringify({ id: `task-${received}`, status: 'processing' })
