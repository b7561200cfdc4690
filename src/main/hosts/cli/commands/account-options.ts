import {
  type Account,
  type AccountFamily,
  AccountName,
  type PriceTable,
  QuietHours,
} from '../../../../shared/account.ts'
import { ProblemError, problem } from '../../../../shared/problem.ts'
import { parseMicros } from '../money.ts'
import type { Client, Session } from '../session.ts'
import { clean } from '../words.ts'

export interface AccountGiven {
  family?: string
  base?: string
  files?: string
  proxy?: string
  inFlight?: number
  submitsPerSecond?: number
  pollsPerSecond?: number
  downloads?: number
  cap?: string
  extendedDurations?: boolean
  requestLimitMb?: number
  price?: PriceTable
  askKey?: boolean
  forgetRetired?: boolean
  quiet?: string[]
  fileHost?: string
  softCap?: boolean
  hardCap?: boolean
}
/** What the options change, as the core takes it. Throws `wrong-use`. */
export function changes(given: AccountGiven) {
  const limits = {
    ...(given.inFlight !== undefined && { inFlight: given.inFlight }),
    ...(given.submitsPerSecond !== undefined && { submitsPerSecond: given.submitsPerSecond }),
    ...(given.pollsPerSecond !== undefined && { pollsPerSecond: given.pollsPerSecond }),
    ...(given.downloads !== undefined && { downloadsAtOnce: given.downloads }),
  }
  const options = {
    ...(given.extendedDurations && { extendedDurations: true }),
    ...(given.forgetRetired && { retiredModels: [] }),
    ...(given.requestLimitMb !== undefined && { requestLimitBytes: given.requestLimitMb * 1_000_000 }),
    ...(given.quiet !== undefined && { quietHours: toQuietHours(given.quiet) }),
    ...(given.fileHost !== undefined && { fileHost: orNone(given.fileHost) }),
    ...toCapMode(given),
  }
  return {
    ...(given.base !== undefined && { baseUrl: given.base.replace(/\/+$/, '') }),
    ...(given.files !== undefined && { filesUrl: orNone(given.files)?.replace(/\/+$/, '') ?? null }),
    ...(given.proxy !== undefined && { proxyUrl: orNone(given.proxy) }),
    ...(given.price !== undefined && { prices: given.price }),
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(Object.keys(options).length > 0 && { options }),
    ...(given.cap !== undefined && { capMicros: toCap(given.cap) }),
  }
}

/** `22:00-07:00`, more than once for several; `none` alone takes them away. */
function toQuietHours(texts: readonly string[]): QuietHours[] {
  if (texts.length === 1 && texts[0]?.trim() === 'none') return []
  return texts.map((text) => {
    const [from = '', to = '', ...more] = text.split(/[-–]/).map((time) => time.trim().padStart(5, '0'))
    const found = QuietHours.safeParse({ from, to })
    if (found.success && more.length === 0) return found.data
    throw wrong(
      `--quiet cannot be "${clean(text)}".`,
      'Write hours of this computer’s clock like 22:00-07:00, more than once for several, or none alone.',
    )
  })
}

function toCapMode({ softCap, hardCap }: AccountGiven): { capMode?: 'soft' | 'hard' } {
  if (softCap && hardCap) {
    throw wrong('A cap is either --soft-cap or --hard-cap.', 'Leave one of them out.')
  }
  return softCap || hardCap ? { capMode: softCap ? 'soft' : 'hard' } : {}
}

export function sayLonelyCapMode(
  { out }: Session,
  account: Account,
  { softCap, hardCap }: AccountGiven,
): void {
  if ((softCap || hardCap) && account.capMicros === null)
    out.hint(`It has no cap yet: reelsheet accounts update ${account.name} --cap AMOUNT`)
}

const orNone = (text: string): string | null => (text === 'none' ? null : text)

function toCap(text: string): number | null {
  if (text === 'none') return null
  const micros = parseMicros(text.replace(/^\$|\s*(credits?|usd)$/gi, ''))
  if (micros !== null) return micros
  throw wrong(
    `--cap cannot be "${text}".`,
    'Give an amount in the account’s own currency, like 250, or none.',
  )
}

export function refuseAddresses(family: AccountFamily, given: AccountGiven): void {
  if (family === 'practice' && (given.base ?? given.files ?? given.proxy) !== undefined) {
    throw wrong(
      'A practice account has no addresses: its provider is part of Reelsheet.',
      'Leave --base, --files and --proxy out. To use "reelsheet practice", add an evolink or vtrix account with its base.',
    )
  }
  for (const [option, text] of [
    ['--base', given.base],
    ['--files', given.files],
    ['--proxy', given.proxy],
  ] as const) {
    if (text === undefined || (text === 'none' && option !== '--base')) continue
    if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
      throw wrong(`${option} is not an address.`, 'Write it whole, like https://api.evolink.ai.')
    }
    const { username, password } = new URL(text)
    if (option !== '--proxy' && `${username}${password}` !== '') {
      throw wrong(`${option} holds a name or a password.`, 'Leave them out; the key is asked for by itself.')
    }
  }
}

export async function refuseUnknownPrices(client: Client, prices: PriceTable | undefined): Promise<void> {
  if (!prices) return
  const models = await client.models.list()
  for (const key of Object.keys(prices)) {
    const id = key.split(':')[0]
    if (models.some((model) => model.id === id)) continue
    throw wrong(`--price names the model "${id}", which does not exist.`, 'See "reelsheet models".')
  }
}

export function refuseName(name: string): void {
  const found = AccountName.safeParse(name)
  if (found.success) return
  throw wrong(
    `"${clean(name)}" cannot be the name of an account.`,
    `Instead ${found.error.issues[0]?.message}.`,
  )
}

export function refuseTaken(accounts: readonly Account[], name: string): void {
  if (!accounts.some((account) => account.name === name)) return
  throw wrong(
    `There is already an account "${name}".`,
    'Choose another name, or use "reelsheet accounts update".',
  )
}

export const wrong = (what: string, next: string): ProblemError =>
  new ProblemError(problem('wrong-use', `${what} Nothing was changed.`, next))
