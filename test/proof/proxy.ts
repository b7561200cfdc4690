import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

/** The name under which the provider is reached through the proxy, and by it alone. */
export const PROXIED_HOST = 'api.proof.example'

/** Made for these tests: trusted by nobody but a process that is told to. */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBrTCCAVOgAwIBAgIUGhF1dL9eBKnvS6w4X1i4+9j6mTAwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRYXBpLnByb29mLmV4YW1wbGUwIBcNMjYxMTIwMTY0NzU2WhgP
MjEyNjEwMjcxNjQ3NTZaMBwxGjAYBgNVBAMMEWFwaS5wcm9vZi5leGFtcGxlMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1p4dYSgwDT6XPCGAAVShOVv0JCZoNlpD
PMUTXPNHDgdtkoZtOMd0ncS1gJZ83iuJGZYxP100B51pBZH6EZrA+KNxMG8wHQYD
VR0OBBYEFDKhj8pC6hhA0cfufMPF2L9aOtkJMB8GA1UdIwQYMBaAFDKhj8pC6hhA
0cfufMPF2L9aOtkJMA8GA1UdEwEB/wQFMAMBAf8wHAYDVR0RBBUwE4IRYXBpLnBy
b29mLmV4YW1wbGUwCgYIKoZIzj0EAwIDSAAwRQIgUvOBP515b5+DGz2RMGQH6GpF
wXR6443PDeIZowqMpCkCIQCTk1Cz0JhNjtiUpLOxrEkbQL9cgwtimRJurmjoHkNg
LA==
-----END CERTIFICATE-----
`

const PRIVATE_PART = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgxE2m8AmuAe5ku6qq
j/kTheQ3ftE3Tmym8UMGJUMymHChRANCAATWnh1hKDANPpc8IYABVKE5W/QkJmg2
WkM8xRNc80cOB22Shm04x3SdxLWAlnzeK4kZljE/XTQHnWkFkfoRmsD4
-----END PRIVATE KEY-----
`

export type Manner = 'works' | 'refuse' | 'cut' | '502' | '407' | 'cut tunnels'

/** A proxy that takes CONNECT, and whose manners change while it runs; behind it https to the given port. */
export class ProxyServer {
  manner: Manner = 'works'
  url = ''
  readonly #sockets = new Set<Socket>()
  readonly #servers: Server[] = []

  static async open(toPort: number): Promise<ProxyServer> {
    const proxy = new ProxyServer()
    const secured = createTlsServer({ cert: CERTIFICATE, key: PRIVATE_PART }, (socket) =>
      proxy.#join(socket, connect(toPort, '127.0.0.1')),
    )
    // Whoever does not like the certificate goes away; that is nobody's failure here.
    secured.on('tlsClientError', () => undefined)
    const securedPort = await proxy.#listen(secured)
    const port = await proxy.#listen(createServer((socket) => proxy.#take(socket, securedPort)))
    proxy.url = `http://127.0.0.1:${port}`
    return proxy
  }

  async close(): Promise<void> {
    const closed = this.#servers.map((server) => new Promise((done) => server.close(done)))
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(closed)
  }

  /** What was connected is cut as well. */
  change(manner: Manner): void {
    this.manner = manner
    if (manner !== 'works') for (const socket of this.#sockets) socket.destroy()
  }

  async #listen(server: Server): Promise<number> {
    this.#servers.push(server)
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    return (server.address() as AddressInfo).port
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => this.#sockets.delete(socket))
  }

  #join(one: Socket, other: Socket): void {
    this.#keep(one)
    this.#keep(other)
    one.pipe(other).pipe(one)
    one.on('close', () => other.destroy())
    other.on('close', () => one.destroy())
  }

  #take(socket: Socket, securedPort: number): void {
    this.#keep(socket)
    if (this.manner === 'refuse') return void socket.resetAndDestroy()
    socket.once('data', () => {
      if (this.manner === 'cut') return void socket.destroy()
      if (this.manner === '502')
        return void socket.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n')
      if (this.manner === '407')
        return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n')
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      const onward = connect(securedPort, '127.0.0.1')
      this.#join(socket, onward)
      // Long enough for a secured connection and the first bytes of a request.
      if (this.manner === 'cut tunnels') onward.once('data', () => setTimeout(() => socket.destroy(), 5))
    })
  }
}
