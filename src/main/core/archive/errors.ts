import { basename } from 'node:path'
import { type Problem, ProblemError, type ProblemPlace, problem } from '../../../shared/problem.ts'

/**
 * One class per decision of the download step. Every one carries a `Problem` for people; the clip
 * is named by its file, never by its link, because links are signed.
 */

/** The link no longer works: read the task again for a fresh one. Bytes already fetched are kept. */
export class LinkRefused extends ProblemError {
  readonly status: number
  constructor(clip: string, status: number) {
    super(
      problem(
        'link-expired',
        `The link to ${clip} was refused (HTTP ${status}). The clip is paid for; nothing more is charged by asking again.`,
        'Reelsheet reads the task once more for a fresh link. If the task has none either, the output is gone at the provider: ask its support with the task id.',
        { file: clip, providerCode: String(status) },
      ),
    )
    this.status = status
  }
}

/** What came is not a video. No file is kept under any clip name. */
export class ContentInvalid extends ProblemError {
  /** Why, in words that fit after a colon. */
  readonly finding: string
  /** Something else came in its place (a page, a message, nothing): the way may be at fault, and the clip be whole. */
  readonly isReplaced: boolean
  constructor(
    clip: string,
    finding: string,
    facts: { keptAs?: string; isReplaced?: boolean; cause?: unknown } = {},
  ) {
    const kept = facts.keptAs ? ` What came is kept as ${facts.keptAs} for you to look at.` : ''
    super(
      problem(
        'content-invalid',
        `What arrived for ${clip} is not a whole video: ${finding}. It was not archived; the clip at the provider is paid for and untouched.${kept}`,
        'Try the download again before the link expires. If it stays so, ask the provider with the task id.',
        { file: clip },
      ),
      facts.cause === undefined ? undefined : { cause: facts.cause },
    )
    this.finding = finding
    this.isReplaced = facts.isReplaced ?? false
  }
}

/** The address breaks the rules for addresses that come out of answers. No connection was kept. */
export class AddressRefused extends ProblemError {
  /** Why, in words that fit after "because". */
  readonly finding: string
  constructor(finding: string) {
    super(
      problem(
        'address-refused',
        `A link was not followed because ${finding}. Nothing was sent there; the clip at the provider is paid for and untouched.`,
        'If this is your own test server, give the account a base address on this machine; otherwise ask the provider why its answers hold such a link.',
      ),
    )
    this.finding = finding
  }
}

/** The transfer broke on the way: try again later, bytes already fetched are kept. */
export class TransferBroken extends ProblemError {
  /** Why, in words that fit after a colon. */
  readonly finding: string
  /** The machine itself seems to have no network: wait for it instead of counting a set-back. */
  readonly isOffline: boolean
  /** How long the server asked to wait; null = it did not say. */
  readonly retryAfterMs: number | null
  constructor(
    clip: string,
    finding: string,
    facts: { isOffline?: boolean; retryAfterMs?: number | null; status?: number; cause?: unknown } = {},
  ) {
    super(
      problem(
        codeOfBreak(facts.status),
        `The download of ${clip} broke off: ${finding}. What arrived so far is kept and nothing more is charged.`,
        'Reelsheet goes on by itself where it stopped.',
        facts.status === undefined ? { file: clip } : { file: clip, providerCode: String(facts.status) },
        'warning',
      ),
      facts.cause === undefined ? undefined : { cause: facts.cause },
    )
    this.finding = finding
    this.isOffline = facts.isOffline ?? false
    this.retryAfterMs = facts.retryAfterMs ?? null
  }
}

function codeOfBreak(status: number | undefined): 'unreachable' | 'rate-limited' | 'provider-fault' {
  if (status === undefined) return 'unreachable'
  return status === 429 ? 'rate-limited' : 'provider-fault'
}

/** The host turned this client away as a robot; a fresh link would not help. */
export class ClientBlocked extends ProblemError {
  constructor(clip: string) {
    super(
      problem(
        'not-permitted',
        `The host of ${clip} turned Reelsheet away as a robot (code 1010). The clip is paid for and waits at the provider until its link expires.`,
        'Open the task on the provider’s own page and save the clip there, or use another network or proxy and try again.',
        { file: clip, providerCode: '1010' },
      ),
    )
  }
}

export type DiskTroubleCode = 'disk-full' | 'folder-unwritable' | 'folder-missing' | 'path-too-long'

/** The archive cannot be written: pause downloads until it can. Nothing is lost at the provider. */
export class DiskTrouble extends ProblemError {
  readonly code: DiskTroubleCode
  constructor(code: DiskTroubleCode, file: string, options?: ErrorOptions) {
    super(diskProblem(code, file), options)
    this.code = code
  }
}

const DISK_SENTENCES: Record<DiskTroubleCode, (file: string) => [what: string, next: string]> = {
  'disk-full': (file) => [
    `The disk is full: ${file} cannot be written.`,
    'Free some space; downloads go on by themselves. Links die after about a day, so do not wait long.',
  ],
  'folder-unwritable': (file) => [
    `The folder does not let Reelsheet write ${file}.`,
    'Allow writing there or choose another archive folder; downloads go on by themselves.',
  ],
  'folder-missing': (file) => [
    `The folder for ${file} is not there; perhaps a drive was unplugged or the folder was renamed.`,
    'Bring it back or choose another archive folder; downloads go on by themselves.',
  ],
  'path-too-long': (file) => [
    `The name ${shorten(file)} is longer than the disk allows.`,
    'Choose a shorter name template or an archive folder nearer to the top of the disk.',
  ],
}

/** The problem for a folder or file that cannot be written. Finished clips stay whole, unfinished ones wait. */
export function diskProblem(code: DiskTroubleCode, file: string, place: ProblemPlace = {}): Problem {
  const [what, next] = DISK_SENTENCES[code](file)
  return problem(
    code,
    `${what} Archived clips are untouched, and paid clips wait at the provider until their links expire.`,
    next,
    { file: shorten(file), ...place },
  )
}

const DISK_CODES: Record<string, DiskTroubleCode> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EFBIG: 'disk-full',
  EACCES: 'folder-unwritable',
  EPERM: 'folder-unwritable',
  EROFS: 'folder-unwritable',
  // Somebody's folder, or a link in a circle, has the name that a file of ours should have.
  EISDIR: 'folder-unwritable',
  ERR_FS_EISDIR: 'folder-unwritable',
  ELOOP: 'folder-unwritable',
  ENOENT: 'folder-missing',
  ENOTDIR: 'folder-missing',
  ENXIO: 'folder-missing',
  ENODEV: 'folder-missing',
  // A drive pulled out under an open file answers with an input/output error.
  EIO: 'folder-missing',
  ENAMETOOLONG: 'path-too-long',
}

/** The system's word for what went wrong (`ENOSPC`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** Turns a failed file call into the decision it means; anything else comes back as it was. */
export function toDiskTrouble(error: unknown, path: string): unknown {
  if (error instanceof ProblemError) return error
  const code = DISK_CODES[systemCode(error) ?? '']
  return code ? new DiskTrouble(code, basename(path), { cause: error }) : error
}

/** Runs file calls and reports their failures as `DiskTrouble`. */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw toDiskTrouble(error, path)
  }
}

const shorten = (text: string): string => (text.length > 120 ? `${text.slice(0, 117)}…` : text)
