import { readdir, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import ipaddr from 'ipaddr.js'
import type { ReferenceFacts, ReferenceKind } from '../../../shared/models/types.ts'
import { type Fix, type ProblemCode, ProblemError, problem } from '../../../shared/problem.ts'
import { editDistance } from '../sheets/columns.ts'
import type { ProbedMedia } from './media.ts'
import { kindOfExtension } from './recognise.ts'

/** What a cell's text points at. */
export type ResolvedReference =
  | { kind: 'file'; path: string }
  | { kind: 'address'; url: string; mediaKind: ReferenceKind }
  | { kind: 'data'; mediaType: string; bytes: Uint8Array }

/**
 * Reads a reference as written in a cell: a path (relative to the sheet's folder, absolute, `~/…`, `file://…`, with
 * quotes or backslashes as Windows writes them), an https address, or a base64 data address. A path may leave the
 * sheet's folder: it is the person's own file. http is taken on loopback only.
 * `slot` is the kind that the column asks for; it decides where an address does not show its kind by an extension.
 * Throws `ProblemError`: `reference-missing`, `reference-unreadable`, `reference-kind`, `address-refused`.
 */
export async function resolveReference(
  text: string,
  sheetFolder: string,
  slot?: ReferenceKind,
): Promise<ResolvedReference> {
  const written = unquote(text.trim())
  const scheme = /^([a-z][a-z0-9+.-]+):/iu.exec(written)?.[1]?.toLowerCase()
  if (written === '')
    throw refuse('value-invalid', 'A reference is empty.', 'Write a path or an address.', text)
  if (scheme === 'data') return parseData(written)
  if (scheme === 'file') return findFile(fromFileUrl(written), sheetFolder)
  if (scheme === 'http' || scheme === 'https') return parseAddress(written, slot)
  if (scheme !== undefined && /^[a-z][a-z0-9+.-]+:\/\//iu.test(written)) {
    throw refuse(
      'address-refused',
      `"${shorten(written)}" is an address of a kind that no provider fetches.`,
      USE_HTTPS,
      text,
    )
  }
  return findFile(written, sheetFolder)
}

const USE_HTTPS = 'Use an https address, or a file on this machine.'

function refuse(code: ProblemCode, what: string, next: string, value: string, file?: string): ProblemError {
  const place = file === undefined ? { value: shorten(value) } : { value: shorten(value), file }
  return new ProblemError(problem(code, `${what} Nothing was spent.`, next, place))
}

/** No query and no user name: an address may be signed, and a signature is a key. */
function shorten(text: string): string {
  const plain = /^data:/iu.test(text) ? (text.split(',', 1)[0] ?? '') : text.replace(/[?#].*$/u, '')
  return plain.replace(/\/\/[^/@]*@/u, '//').slice(0, 200)
}

/** Windows' "Copy as path" puts quotes around it. */
function unquote(text: string): string {
  return /^(?:".*"|'.*')$/su.test(text) && text.length > 1 ? text.slice(1, -1) : text
}

function fromFileUrl(text: string): string {
  try {
    return fileURLToPath(text)
  } catch {
    throw refuse(
      'reference-missing',
      `"${shorten(text)}" is no file on this machine.`,
      'Write its path instead.',
      text,
    )
  }
}

async function findFile(written: string, sheetFolder: string): Promise<ResolvedReference> {
  const tried = candidates(written, sheetFolder)
  for (const candidate of tried) {
    const facts = await stat(candidate).catch(() => undefined)
    if (facts?.isDirectory()) {
      throw refuse(
        'reference-unreadable',
        `${candidate} is a folder, not a file.`,
        'Name a file in it.',
        written,
        candidate,
      )
    }
    if (facts) return { kind: 'file', path: candidate }
  }
  throw await describeMissing(written, tried[0] ?? written)
}

/** As written first; then as it would be written here if it came from Windows. */
function candidates(written: string, sheetFolder: string): string[] {
  const home = /^~(?=$|[/\\])/u.test(written) ? homedir() + written.slice(1) : written
  const forms = path.sep === '/' && home.includes('\\') ? [home, home.replaceAll('\\', '/')] : [home]
  return forms.map((form) => path.resolve(sheetFolder, form))
}

async function describeMissing(written: string, tried: string): Promise<ProblemError> {
  if (path.sep === '/' && /^[a-z]:[\\/]/iu.test(written)) {
    const what = `"${shorten(written)}" is a path of a Windows machine, which this one does not have.`
    return refuse(
      'reference-missing',
      what,
      'Put the file beside the sheet and write its name.',
      written,
      tried,
    )
  }
  const near = await similarNames(tried.replaceAll('\\', '/'))
  const next =
    near.length > 0
      ? `In that folder there is ${near.map((name) => `"${name}"`).join(', ')}: correct the name in the sheet.`
      : 'Check the name; a relative path starts at the folder of the sheet.'
  const what = `${tried.slice(0, 500)} does not exist.`
  const refused = refuse('reference-missing', what, next, written, tried.slice(0, 500))
  const folder = /^.*[\\/]/su.exec(written)?.[0] ?? ''
  const fixes = near.map(
    (name): Fix => ({
      type: 'set',
      label: `Use ${name}`,
      // Whoever knows the cell says its column.
      column: '',
      value: `${folder}${name}`,
    }),
  )
  return fixes.length === 0 ? refused : new ProblemError({ ...refused.problem, fixes })
}

const MOST_NAMES = 3

/** Names in the same folder that differ by capitals, ending or a few letters. */
async function similarNames(wanted: string): Promise<string[]> {
  const names = await readdir(path.dirname(wanted)).catch(() => [])
  const name = path.basename(wanted).toLowerCase()
  const stem = path.parse(name).name
  return names
    .slice(0, 10_000)
    .map((found) => ({ found, distance: distanceTo(found.toLowerCase(), name, stem) }))
    .filter(({ distance }) => distance <= Math.min(3, Math.floor(name.length / 3)))
    .sort((left, right) => left.distance - right.distance)
    .slice(0, MOST_NAMES)
    .map(({ found }) => found)
}

function distanceTo(found: string, name: string, stem: string): number {
  if (path.parse(found).name === stem) return 0
  if (Math.abs(found.length - name.length) > 3) return Number.POSITIVE_INFINITY
  return editDistance(found, name)
}

function parseAddress(written: string, slot: ReferenceKind | undefined): ResolvedReference {
  const url = URL.parse(written)
  if (!url)
    throw refuse('address-refused', `"${shorten(written)}" is not a whole address.`, USE_HTTPS, written)
  if (url.username !== '' || url.password !== '') {
    const what = `The address "${shorten(written)}" holds a user name or password.`
    throw refuse('address-refused', what, 'Use an address that needs none.', written)
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw refuse('address-refused', `"${shorten(written)}" is not encrypted (http).`, USE_HTTPS, written)
  }
  const mediaKind = guessKind(url) ?? slot
  if (mediaKind === undefined) {
    const what = `The address "${shorten(written)}" does not show whether it is a picture, a film or a sound.`
    throw refuse(
      'reference-kind',
      what,
      'Add #.jpg, #.mp4 or #.mp3 to its end; that part is not sent.',
      written,
    )
  }
  url.hash = ''
  return { kind: 'address', url: url.href, mediaKind }
}

function isLoopback(host: string): boolean {
  if (host === 'localhost') return true
  const address = host.replace(/^\[|\]$/gu, '')
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
}

/** By the fragment (a hint for us alone), the path, then the values of the query (`?file=a.mp4`). */
function guessKind(url: URL): ReferenceKind | undefined {
  for (const text of [url.hash, url.pathname, ...url.searchParams.values()]) {
    const kind = kindOfExtension(/\.([a-z0-9]{2,4})$/iu.exec(text)?.[1]?.toLowerCase() ?? '')
    if (kind) return kind
  }
  return undefined
}

/** RFC 2397 with base64, the only form that providers document. */
function parseData(written: string): ResolvedReference {
  const match = /^data:([a-z]+\/[a-z0-9.+-]+)((?:;[^;,]*)*),(.*)$/isu.exec(written)
  const body = match?.[3]?.replace(/\s+/gu, '') ?? ''
  const isBase64 =
    /;base64$/iu.test(match?.[2] ?? '') && /^[a-z0-9+/]*={0,2}$/iu.test(body) && body.length % 4 !== 1
  if (!match || !isBase64 || body === '') {
    const what = 'A data address is not of the form data:<type>;base64,<data>.'
    throw refuse('reference-unreadable', what, 'Write the path of a file instead.', written)
  }
  return { kind: 'data', mediaType: (match[1] ?? '').toLowerCase(), bytes: Buffer.from(body, 'base64') }
}

/** What the rules of a model look at; `name` is the reference as written in the sheet. */
export function toFacts(
  media: ProbedMedia | { kind: 'address'; mediaKind: ReferenceKind },
  name: string,
): ReferenceFacts {
  // Of an address that the provider fetches itself only the kind is known.
  if (media.kind === 'address') return { name, kind: media.mediaKind, isAddress: true }
  const facts: ReferenceFacts = { name, kind: media.kind, format: media.format, sizeBytes: media.sizeBytes }
  if (media.width !== null) facts.width = media.width
  if (media.height !== null) facts.height = media.height
  if (media.durationMs !== null) facts.durationMs = media.durationMs
  if (media.hasTransparency !== null) facts.hasTransparency = media.hasTransparency
  return facts
}
