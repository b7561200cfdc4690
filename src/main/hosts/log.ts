import { appendFileSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Fields, Logger } from '../core/ports.ts'

const LARGEST_BYTES = 5_000_000
const FILES_KEPT = 3

export interface FileLog extends Logger {
  /** The file that is written to now. */
  readonly path: string
}

/**
 * A log for the next morning: one JSON object a line in `<home>/logs/reelsheet.log`, a new file every 5 MB,
 * three old ones kept, nothing on the console. A log that cannot be written never stops the work.
 */
export function createFileLog(home: string, now: () => number, largestBytes = LARGEST_BYTES): FileLog {
  const folder = join(home, 'logs')
  const path = join(folder, 'reelsheet.log')
  const write = (level: string, message: string, fields: Fields = {}): void => {
    const line = { at: new Date(now()).toISOString(), level, message, ...hideSecrets(fields) }
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      rotate(path, largestBytes)
      appendFileSync(path, `${JSON.stringify(line)}\n`, { mode: 0o600 })
    } catch {
      // A full disk is told by the work that meets it; the log has nobody else to tell.
    }
  }
  return {
    path,
    // Too much for a night of polling; what matters is told at `info` and above.
    debug: () => undefined,
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
  }
}

function rotate(path: string, largestBytes: number): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size < largestBytes) return
  rmSync(numbered(path, FILES_KEPT), { force: true })
  for (let number = FILES_KEPT - 1; number >= 0; number--) {
    const from = number === 0 ? path : numbered(path, number)
    if (statSync(from, { throwIfNoEntry: false })) renameSync(from, numbered(path, number + 1))
  }
}

const numbered = (path: string, number: number): string => path.replace(/\.log$/, `.${number}.log`)

/** SECURITY: the core logs no secrets; what an error of a library quotes is taken out here as well. */
function hideSecrets(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? hide(value) : value]),
  )
}

const hide = (text: string): string =>
  text
    .replace(/\b(Bearer|Basic)\s+[^\s"',]+/gi, '$1 …')
    .replace(/\bsk-[A-Za-z0-9_-]{6,}/g, 'sk-…')
    .replace(/(https?:\/\/)[^\s/@"']*@/gi, '$1…@')
    .replace(/(https?:\/\/[^\s?"']+)\?[^\s"']+/gi, '$1?…')
