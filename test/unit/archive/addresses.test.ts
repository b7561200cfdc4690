import type { AddressInfo, LookupFunction } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  guardLookup,
  isLoopbackAddress,
  isPublicAddress,
  mayConnect,
  parseLink,
} from '../../../src/main/core/archive/addresses.ts'
import { AddressRefused } from '../../../src/main/core/archive/errors.ts'
import { guardConnector } from '../../../src/main/core/archive/transfer.ts'

it.each([
  ...['0.0.0.0', '0.1.2.3', '10.1.2.3', '100.64.0.1', '100.127.255.255', '127.0.0.1', '127.9.9.9'],
  ...[
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '192.0.0.8',
    '192.0.2.1',
    '192.88.99.1',
  ],
  ...[
    '198.18.0.1',
    '198.51.100.7',
    '203.0.113.7',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
  ],
  ...['::', '::1', 'fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd12:3456::1', 'fec0::1', 'ff02::1', '2001:db8::1'],
  ...[
    '2001::1',
    '2002:a00:1::',
    '2001:10::1',
    '64:ff9b::10.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '100::1',
  ],
  ...['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:169.254.169.254', '::127.0.0.1', '4000::1', '[::1]'],
  ...['', 'localhost', '1', '0x7f000001', '0177.0.0.1', '2130706433', '127.1', 'example.com', '1.2.3.4.5'],
])('%s is not public', (ip) => expect(isPublicAddress(ip)).toBe(false))

it.each([
  ...['1.1.1.1', '8.8.8.8', '93.184.216.34', '100.63.255.255', '100.128.0.1', '172.32.0.1', '198.20.0.1'],
  ...['2606:4700::1111', '2a00:1450:4001::1', '64:ff9b::8.8.8.8', '::ffff:8.8.8.8', '[2606:4700::1111]'],
])('%s is public', (ip) => expect(isPublicAddress(ip)).toBe(true))

it('judges an IPv4 address the same however it is wrapped', () => {
  fc.assert(
    fc.property(fc.ipV4(), (ip) => {
      expect(isPublicAddress(`::ffff:${ip}`)).toBe(isPublicAddress(ip))
      expect(isPublicAddress(`64:ff9b::${ip}`)).toBe(isPublicAddress(ip))
      expect(isLoopbackAddress(`::ffff:${ip}`)).toBe(isLoopbackAddress(ip))
    }),
  )
})

it('http never leaves this machine, loopback needs leave', () => {
  expect(mayConnect('8.8.8.8', 'https:', false)).toBe(true)
  expect(mayConnect('8.8.8.8', 'http:', true)).toBe(false)
  expect(mayConnect('127.0.0.1', 'http:', true)).toBe(true)
  expect(mayConnect('127.0.0.1', 'https:', false)).toBe(false)
  expect(mayConnect('10.0.0.1', 'https:', true)).toBe(false)
  expect(mayConnect('', 'https:', true)).toBe(false)
})

it.each([
  ...[
    'http://media.example/a',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://localhost/',
    'https://LOCALHOST./',
    'https://a.localhost./',
    'https://a.localhost/',
  ],
  ...[
    'https://10.0.0.1/',
    'https://0x7f.1/',
    'https://2130706433/',
    'https://[::ffff:a00:1]/',
    'https://u@a.example/',
  ],
  ...['https://u:p@a.example/', 'javascript:alert(1)', 'data:text/html,x', 'media.example/a', '', 'https://'],
])('refuses the link %s', (link) => expect(() => parseLink(link, false)).toThrow(AddressRefused))

it('takes https links, relative ones in redirects, and this machine where it is allowed', () => {
  expect(parseLink('https://media.example/a?b=c', false).host).toBe('media.example')
  expect(parseLink('/b', false, new URL('https://media.example/a')).href).toBe('https://media.example/b')
  expect(parseLink('http://127.0.0.1:9/a', true).port).toBe('9')
  expect(() => parseLink('http://192.168.0.1/a', true)).toThrow(AddressRefused)
  expect(() => parseLink('http://media.example/a', true)).toThrow(AddressRefused)
})

it('hands out permitted answers only, and none of a name that leads inside', async () => {
  expect(await look(['10.0.0.1', '8.8.8.8', '::1'])).toEqual(['8.8.8.8'])
  await expect(look(['10.0.0.1', '127.0.0.1'])).rejects.toBeInstanceOf(AddressRefused)
  await expect(look([])).rejects.toBeInstanceOf(AddressRefused)
})

it('is not fooled by a name that changes its answer', async () => {
  const answers = [['8.8.8.8'], ['127.0.0.1']]
  const lookup: LookupFunction = (_host, _options, callback) =>
    callback(
      null,
      (answers.shift() ?? []).map((address) => ({ address, family: 4 })),
    )
  expect(await look([], lookup)).toEqual(['8.8.8.8'])
  await expect(look([], lookup)).rejects.toBeInstanceOf(AddressRefused)
})

it('drops a connection that ended elsewhere than the lookup said', async () => {
  const accepted: Socket[] = []
  const server = createServer((socket) => accepted.push(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const sockets: Socket[] = []
  const open = (allowLoopback: boolean) =>
    new Promise<Socket>((resolve, reject) => {
      const guarded = guardConnector((_target, callback) => {
        const socket = connect(port, '127.0.0.1', () => callback(null, socket))
        sockets.push(socket)
      }, allowLoopback)
      guarded({ hostname: 'media.example', protocol: 'https:', port: '443' }, (error, socket) =>
        error ? reject(error) : resolve(socket as Socket),
      )
    })
  await expect(open(false)).rejects.toBeInstanceOf(AddressRefused)
  expect(sockets[0]?.destroyed).toBe(true)
  await expect(open(true)).resolves.toBe(sockets[1])
  for (const socket of [...sockets, ...accepted]) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})

function look(addresses: string[], lookup?: LookupFunction): Promise<string[]> {
  const inner: LookupFunction =
    lookup ??
    ((_host, _options, callback) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      ))
  return new Promise((resolve, reject) =>
    guardLookup('https:', false, inner)('media.example', { all: true }, (error, found) =>
      error ? reject(error) : resolve((found as { address: string }[]).map(({ address }) => address)),
    ),
  )
}
