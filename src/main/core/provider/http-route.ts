/** How a request reaches its host: straight, or through a proxy from the settings or the environment. */
export type Route = 'direct' | 'settings-proxy' | 'environment-proxy'

export interface ProxyFacts {
  /** From the account's settings; beats the environment. */
  proxyUrl: string | null
  environment: Record<string, string | undefined>
}

/** Chooses the route. Loopback never goes through a proxy; NO_PROXY is honoured by the caller's agent. */
export function chooseRoute(url: URL, facts: ProxyFacts): Route {
  if (isLoopback(url.hostname)) return 'direct'
  if (facts.proxyUrl !== null) return 'settings-proxy'
  const { httpProxy, httpsProxy } = environmentProxies(facts.environment)
  if (httpProxy === '' && httpsProxy === '') return 'direct'
  return 'environment-proxy'
}

/** The usual variables, lower case first; '' = not set. */
export function environmentProxies(environment: Record<string, string | undefined>): {
  httpProxy: string
  httpsProxy: string
  noProxy: string
} {
  const read = (name: string): string => environment[name] ?? environment[name.toUpperCase()] ?? ''
  return { httpProxy: read('http_proxy'), httpsProxy: read('https_proxy'), noProxy: read('no_proxy') }
}

/** True for localhost, names under it, 127.0.0.0/8 and ::1, as a URL's `hostname` spells them. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, '')
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  return host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}
