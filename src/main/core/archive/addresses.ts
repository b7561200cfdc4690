import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { AddressRefused } from './errors.ts'

/**
 * Whether an address is out on the public internet. Everything else (private, loopback, link-local with the
 * cloud metadata address, carrier NAT, unique local, multicast, reserved, documentation, tunnels) is not.
 * IPv6 forms that carry an IPv4 address are judged by the address inside, because that is where the
 * packets go. Not an address at all: false.
 */
export function isPublicAddress(ip: string): boolean {
  const address = innermost(ip)
  if (!address) return false
  if (address instanceof ipaddr.IPv4) return address.range() === 'unicast'
  return address.range() === 'unicast' && address.match(GLOBAL_UNICAST)
}

/** Whether an address is this machine itself (127.0.0.0/8, ::1, or the first inside IPv6). */
export function isLoopbackAddress(ip: string): boolean {
  return innermost(ip)?.range() === 'loopback'
}

const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')
/** NAT64's well-known prefix (RFC 6052): IPv6-only networks reach every IPv4 host through it. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

function innermost(ip: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  // A zone ("fe80::1%eth0") says through which interface, not where to.
  const text = ip.replace(/^\[|\]$/g, '').split('%')[0] ?? ''
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  if (!ipaddr.IPv6.isValid(text)) return undefined
  const address = ipaddr.IPv6.parse(text)
  if (address.isIPv4MappedAddress()) return address.toIPv4Address()
  if (address.match(NAT64)) return new ipaddr.IPv4(address.toByteArray().slice(12))
  return address
}

/** With or without the dot of the root behind it. */
const isLoopbackName = (host: string): boolean => /(^|\.)localhost\.?$/i.test(host)

/** Whether a link's host is this machine by its spelling alone (`localhost`, 127.0.0.1, [::1]). */
export function isLoopbackHost(hostname: string): boolean {
  return isLoopbackName(hostname) || isLoopbackAddress(hostname)
}

/**
 * Parses a link out of an answer or a redirect and applies what can be known before connecting:
 * https only, no user name or password, a literal address must be public. With `allowLoopback`
 * (the account's own base is on this machine) http and https to this machine are fine too.
 * Throws AddressRefused.
 */
export function parseLink(link: string, allowLoopback: boolean, base?: URL): URL {
  const url = URL.parse(link, base?.href)
  if (!url) throw new AddressRefused('it cannot be read as an address')
  if (url.username || url.password) throw new AddressRefused('it carries a user name or password')
  const isLoopback = isLoopbackHost(url.hostname)
  if (isLoopback && !allowLoopback) throw new AddressRefused('it points at this machine')
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback))
    throw new AddressRefused('it is not an https address')
  if (!isLoopback && isLiteral(url.hostname) && !isPublicAddress(url.hostname))
    throw new AddressRefused('it points into a private network')
  return url
}

const isLiteral = (hostname: string): boolean => hostname.startsWith('[') || ipaddr.IPv4.isValid(hostname)

/** Whether a connection to this address may be used. http never leaves this machine. */
export function mayConnect(ip: string, protocol: string, allowLoopback: boolean): boolean {
  if (isLoopbackAddress(ip)) return allowLoopback
  return protocol === 'https:' && isPublicAddress(ip)
}

/**
 * A name lookup for `net.connect` that hands out permitted addresses only. The connection is made to what this
 * very lookup returns, so a name that answers differently the next time (DNS rebinding) gains nothing.
 */
export function guardLookup(
  protocol: string,
  allowLoopback: boolean,
  lookup: LookupFunction = systemLookup,
): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '', 0)
      const answers = typeof found === 'string' ? [{ address: found, family: 0 }] : found
      const permitted = answers.filter(({ address }) => mayConnect(address, protocol, allowLoopback))
      const [first] = permitted
      if (!first) return callback(new AddressRefused('its name leads into a private network'), '', 0)
      if (options.all) callback(null, permitted)
      else callback(null, first.address, first.family)
    })
  }
}
