import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Random } from '../core/ports.ts'

/** A refusal at the door, before anything of the app is looked at. */
export interface Refusal {
  status: 400 | 401 | 403
  what: string
  next: string
}

const LINK_HINT = 'Open the link that the terminal shows; each link works once.'

/**
 * Whether a request comes from this host's own pages, or from a person who opened an address. `isAction` says
 * that it could change something: then the page it comes from must be named.
 */
export function checkSender(headers: IncomingHttpHeaders, port: number, isAction: boolean): Refusal | null {
  const host = headers.host?.toLowerCase()
  // SECURITY: a stranger's domain that resolves to 127.0.0.1 (DNS rebinding) arrives with its own name here.
  if (host === undefined || !ownHosts(port).includes(host)) {
    return refusal(
      403,
      'This address is not one of Reelsheet’s own.',
      `Open http://127.0.0.1:${port}/ instead.`,
    )
  }
  // SECURITY: every browser names the page that sends a POST or opens a WebSocket; a foreign page may not, and
  // who names none is no page of ours. Cookies ignore ports, so another server on this machine is foreign too.
  const { origin } = headers
  const isForeign = origin === undefined ? isAction : origin !== `http://${host}`
  if (isForeign) return refusal(403, 'This came from a page that is not Reelsheet’s own.', LINK_HINT)
  // SECURITY: a foreign page that embeds or links to us sends no Origin with a GET, but says this much.
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    return refusal(403, 'Another page sent you here, which Reelsheet does not allow.', LINK_HINT)
  }
  return null
}

const ownHosts = (port: number): string[] => [`127.0.0.1:${port}`, `localhost:${port}`]

const refusal = (status: Refusal['status'], what: string, next: string): Refusal => ({ status, what, next })

export interface Session {
  /** A token that lets one browser in, once. */
  issue(): string
  /** Spends a token; the answer is the `Set-Cookie` header, or null when it is unknown or was used. */
  redeem(token: string): string | null
  check(headers: IncomingHttpHeaders): Refusal | null
}

/** One session for as long as the host runs: links let browsers in, a cookie keeps them in. */
export function createSession(random: Random, port: number, firstToken?: string): Session {
  // SECURITY: the cookie's value is never part of a link, so neither a history nor a process list holds it.
  const secret = random.id(48)
  // Cookies ignore ports: with the port in its name, two hosts on one machine do not log each other out.
  const name = `reelsheet-${port}`
  const tokens = new Set<string>(firstToken === undefined ? [] : [firstToken])
  return {
    issue() {
      const token = random.id(48)
      tokens.add(token)
      return token
    },
    redeem(token) {
      const known = [...tokens].find((one) => isSame(one, token))
      if (known === undefined) return null
      tokens.delete(known)
      // SECURITY: scripts cannot read it, and no other site's page makes a browser send it. It ends with the
      // browser; `Secure` would need https, which loopback does not have.
      return `${name}=${secret}; HttpOnly; SameSite=Strict; Path=/`
    },
    check: (headers) =>
      valuesOf(headers.cookie, name).some((value) => isSame(value, secret))
        ? null
        : refusal(401, 'This browser was not let in yet, or Reelsheet was started anew.', LINK_HINT),
  }
}

/** SECURITY: takes the same time wherever the two begin to differ, so a secret cannot be guessed letter by letter. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}

function valuesOf(cookies: string | undefined, name: string): string[] {
  return (cookies ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${name}=`))
    .map((part) => part.slice(name.length + 1))
}
