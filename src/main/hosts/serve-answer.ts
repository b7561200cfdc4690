import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** Sent with every answer of the browser host that does not say otherwise itself. */
export function safeHeaders(port: number): Record<string, string> {
  return {
    // SECURITY: only files of this host; no inline script or style, so text that slipped into a page cannot act.
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data: blob:",
      "media-src 'self' blob:",
      "font-src 'self'",
      `connect-src 'self' ws://127.0.0.1:${port} ws://localhost:${port}`,
      "form-action 'none'",
      "base-uri 'none'",
      // SECURITY: nobody may put the page in a frame and lead clicks.
      "frame-ancestors 'none'",
    ].join('; '),
    'x-content-type-options': 'nosniff',
    // SECURITY: an address of this host, which may hold a token, is never told to another one.
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=(), usb=()',
    // What a page shows is the person's own; it stays out of caches.
    'cache-control': 'no-store',
  }
}

/** Writes a web answer to a Node one, as fast as it is taken; the body is let go when the asker leaves. */
export async function send(
  answer: Response,
  request: IncomingMessage,
  response: ServerResponse,
  port: number,
): Promise<void> {
  const headers = { ...safeHeaders(port), ...Object.fromEntries(answer.headers) }
  response.writeHead(answer.status, headers)
  if (answer.body === null || request.method === 'HEAD') {
    await answer.body?.cancel()
    response.end()
    return
  }
  // A player that jumps closes in the middle of an answer; that is no mistake.
  await pipeline(Readable.fromWeb(answer.body), response).catch(() => response.destroy())
}
