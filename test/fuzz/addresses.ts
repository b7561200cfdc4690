import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import {
  guardLookup,
  isLoopbackHost,
  isPublicAddress,
  mayConnect,
  parseLink,
} from '../../src/main/core/archive/addresses.ts'
import { readAnswer } from '../../src/main/core/archive/answer.ts'
import { AddressRefused } from '../../src/main/core/archive/errors.ts'
import { chooseRange } from '../../src/main/core/media/range.ts'
import { keyMayGoTo } from '../../src/main/core/provider/index.ts'
import { namedWait, nextMidnight, parseRetryAfter } from '../../src/main/core/provider/retry-after.ts'
import { resolveReference } from '../../src/main/core/references/resolve.ts'
import { AccountAdd } from '../../src/shared/contract.ts'
import { type FuzzDoor, insist, insistProblemError } from './door.ts'
import { nastyText } from './hostile.ts'

/** Everything that is not the public internet, by the registries: https://www.iana.org/assignments/iana-ipv4-special-registry */
const NOT_PUBLIC = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  NOT_PUBLIC.addSubnet(net, bits, 'ipv4')
const PUBLIC_6 = new BlockList()
PUBLIC_6.addSubnet('2000::', 3, 'ipv6')
const NOT_PUBLIC_6 = new BlockList()
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  NOT_PUBLIC_6.addSubnet(net, bits, 'ipv6')

const byte = fc.oneof(fc.constantFrom(0, 1, 10, 127, 169, 172, 192, 168, 254, 255), fc.nat({ max: 255 }))
const four = fc.tuple(byte, byte, byte, byte)
type Four = [number, number, number, number]
const whole = ([a, b, c, d]: Four): number => ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
const octal = (one: number): string => `0${one.toString(8)}`
const hex = (one: number): string => `0x${one.toString(16)}`
const groups = ([a, b, c, d]: Four): string => `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`

/** The spellings of an IPv4 address that one program or another understands. */
const SPELLINGS: readonly ((four: Four) => string)[] = [
  (four) => four.join('.'),
  (four) => `${whole(four)}`,
  (four) => hex(whole(four)),
  (four) => octal(whole(four)),
  (four) => four.map(octal).join('.'),
  (four) => four.map(hex).join('.'),
  ([a, b, c, d]) => `${a}.${(b << 16) | (c << 8) | d}`,
  ([a, b, c, d]) => `${a}.${b}.${(c << 8) | d}`,
  (four) => `${four.join('.')}.`,
  (four) => four.map((one) => String(one).padStart(3, '0')).join('.'),
  (four) => `[::ffff:${four.join('.')}]`,
  (four) => `[::ffff:${groups(four)}]`,
  (four) => `[::${four.join('.')}]`,
  (four) => `[64:ff9b::${groups(four)}]`,
  (four) => `[64:ff9b:1::${groups(four)}]`,
  (four) => `[2002:${groups(four)}::1]`,
  (four) => `[2001:0:${groups(four)}::]`,
  (four) => `[fe80::1%25eth0]${four[0]}`,
  (four) => four.join('。'),
  (four) =>
    String(four[0]).replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))) +
    four
      .slice(1)
      .map((one) => `．${one}`)
      .join(''),
  (four) => four.join('%2e'),
  (four) => `${four.join('.')}.nip.io`,
]
const literal = fc
  .tuple(fc.constantFrom(...SPELLINGS), four)
  .map(([spell, numbers]) => spell(numbers as Four))
const host = fc.oneof(
  { weight: 4, arbitrary: literal },
  { weight: 1, arbitrary: fc.ipV6().map((ip) => `[${ip}]`) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'localhost',
      'LOCALHOST.',
      'a.localhost',
      'localhost.localdomain',
      'ⓛocalhost',
      'xn--lcalhost-n5a',
      '[::1]',
      '[::]',
      '[::ffff:7f00:1]',
      '[fe80::1]',
      '[fc00::1]',
      '[ff02::1]',
      'metadata.google.internal',
      '0',
      '0x7f.1',
      'example.com',
      'example.com.',
      'EXAMPLE.com..',
      'xn--',
      '',
    ),
  },
  { weight: 1, arbitrary: nastyText },
)
const link = fc
  .record({
    scheme: fc.constantFrom(
      'https://',
      'http://',
      'HTTPS:\\\\',
      'https:',
      '//',
      '',
      'file://',
      'data:',
      'ftp://',
      'blob:https://',
      'javascript:',
    ),
    user: fc.constantFrom('', '', '', 'a@', 'a:b@', 'example.com@', '@', ':@', '%40@'),
    host,
    port: fc.constantFrom('', '', ':443', ':80', ':0', ':65536', ':22'),
    rest: fc.oneof(
      fc.constantFrom('', '/a.mp4', '/a.mp4?token=secret#x', '/../..', '\\@127.0.0.1/'),
      nastyText,
    ),
  })
  .map(({ scheme, user, host: name, port, rest }) => `${scheme}${user}${name}${port}${rest}`)

interface Input {
  link: string
  other: string
  text: string
  allowLoopback: boolean
  header: string
  status: number
  size: number
}

/** Where bytes come from and go to: links of answers, redirects, addresses of accounts and in cells. */
export const door: FuzzDoor<Input> = {
  name: 'addresses',
  memoryMb: 160,
  inputs: { short: 300, long: 20_000 },
  arbitrary: fc.record({
    link,
    other: link,
    text: nastyText,
    allowLoopback: fc.boolean(),
    header: fc.oneof(
      nastyText,
      fc.constantFrom(
        'bytes 0-5/6',
        'bytes */6',
        'bytes=-0',
        'bytes=0-0,1-1',
        'bytes=9999999999999999999-',
        'Fri, 31 Dec 9999 23:59:59 GMT',
        '1e9',
        '-5',
        '3.5.5',
      ),
    ),
    status: fc.oneof(fc.constantFrom(200, 206, 302, 416, 429, 503), fc.integer({ min: 100, max: 999 })),
    size: fc.oneof(fc.nat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER)),
  }),
  attack: async (input, { inside, saw }) => {
    insistLink(input.link, input.allowLoopback, undefined)
    insistLink(input.other, input.allowLoopback, new URL('https://media.example.com/a/b.mp4'))
    for (const text of [input.link, input.text]) {
      insist(!isPublicAddress(text) || isIP(strip(text)) > 0, `${text} passes for a public address`)
      mayConnect(text, 'https:', input.allowLoopback)
    }
    await insistLookup(input)
    insistAccount(input)
    insistHeaders(input)
    await resolveReference(input.link, inside).catch(
      (error: unknown) => void saw(insistProblemError(error, input.link)),
    )
    await resolveReference(input.text, inside).catch(
      (error: unknown) => void saw(insistProblemError(error, input.text)),
    )
  },
}

const strip = (text: string): string => text.replace(/^\[|\]$/g, '').split('%')[0] ?? ''

/** Whether a literal address is on the public internet, by Node's own reading and the registries. */
function isOutThere(address: string): boolean {
  if (isIP(address) === 4) return !NOT_PUBLIC.check(address, 'ipv4')
  if (isIP(address) !== 6) return false
  const inner =
    /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(address) ?? /^64:ff9b::([0-9a-f]+):([0-9a-f]+)$/.exec(address)
  if (inner) {
    const [high = 0, low = 0] = [Number.parseInt(inner[1] ?? '0', 16), Number.parseInt(inner[2] ?? '0', 16)]
    return isOutThere([high >> 8, high & 255, low >> 8, low & 255].join('.'))
  }
  return PUBLIC_6.check(address, 'ipv6') && !NOT_PUBLIC_6.check(address, 'ipv6')
}

const isHere = (address: string): boolean =>
  address === '::1' ||
  (isIP(address) === 4 && address.startsWith('127.')) ||
  /^(::ffff|64:ff9b:):7f/.test(address)

function insistLink(text: string, allowLoopback: boolean, base: URL | undefined): void {
  let url: URL
  try {
    url = parseLink(text, allowLoopback, base)
  } catch (error) {
    if (error instanceof AddressRefused) return
    throw error
  }
  const address = strip(url.hostname)
  const isMine = allowLoopback && (isHere(address) || /(^|\.)localhost\.?$/.test(url.hostname))
  insist(url.username === '' && url.password === '', `${url.href} carries a name`)
  insist(url.protocol === 'https:' || (isMine && url.protocol === 'http:'), `${url.href} is not https`)
  if (isIP(address) > 0 && !isMine)
    insist(isOutThere(address), `${text} leads to ${address}, which is not public`)
  if (!allowLoopback) insist(!/(^|\.)localhost\.?$/.test(url.hostname), `${text} leads to this machine`)
}

async function insistLookup({ link: text, other, allowLoopback }: Input): Promise<void> {
  const answers = [text, other].map((one) => ({ address: strip(hostOf(one)), family: 4 }))
  const lookup = guardLookup('https:', allowLoopback, (_host, _options, callback) => callback(null, answers))
  for (const all of [true, false]) {
    const got = await new Promise<unknown>((resolve) =>
      lookup('clips.example.com', { all }, (error, found) => resolve(error ?? found)),
    )
    if (got instanceof AddressRefused) continue
    const list = Array.isArray(got) ? got.map(({ address }) => address as string) : [String(got)]
    for (const address of list)
      insist(isOutThere(address) || (allowLoopback && isHere(address)), `a name leads to ${address}`)
  }
}

const hostOf = (text: string): string => URL.parse(text)?.hostname ?? text

/** An account takes an address only when a key could be sent there, and the file service only beside it. */
function insistAccount({ link: baseUrl, other: filesUrl }: Input): void {
  const read = AccountAdd.safeParse({ name: 'a', family: 'evolink', baseUrl, filesUrl })
  if (!read.success || !URL.canParse(baseUrl)) return
  const base = new URL(baseUrl)
  insist(base.username === '' && base.password === '', `${baseUrl} of an account carries a name`)
  if (!keyMayGoTo(filesUrl, baseUrl)) return
  const files = new URL(filesUrl)
  insist(
    isLoopbackHost(base.hostname) === isLoopbackHost(files.hostname),
    `a key of ${baseUrl} goes to ${filesUrl}`,
  )
  if (isIP(strip(files.hostname)) > 0 && !isLoopbackHost(base.hostname))
    insist(base.hostname === files.hostname, `a key of ${baseUrl} goes to ${filesUrl}`)
}

function insistHeaders({ header, status, size }: Input): void {
  const asked = { from: size % 1000, etag: '"a"', lastModified: null, totalBytes: size }
  const headers = {
    'content-range': header,
    'content-length': header,
    'retry-after': header,
    location: header,
    etag: header,
  }
  const answer = readAnswer(status, headers, asked, Date.UTC(2026, 0, 1))
  if (answer.do === 'receive') {
    insist(answer.from === 0 || answer.from === asked.from, `a body from ${answer.from}`)
    for (const count of [answer.totalBytes, answer.endBytes])
      insist(count === null || (Number.isSafeInteger(count) && count >= 0), `a count of ${count}`)
  }
  const range = chooseRange(header, size)
  if (range.type === 'part')
    insist(
      range.start >= 0 && range.start <= range.end && range.end < size,
      `a range ${range.start}-${range.end}/${size}`,
    )
  const waits = [parseRetryAfter(header, Date.UTC(2026, 0, 1)), namedWait(header)]
  for (const ms of waits) insist(ms === null || (ms >= 0 && ms <= 86_400_000), `a wait of ${ms} ms`)
  const midnight = nextMidnight(header, Date.UTC(2026, 0, 1))
  insist(midnight === null || Number.isSafeInteger(midnight), `midnight at ${midnight}`)
}
