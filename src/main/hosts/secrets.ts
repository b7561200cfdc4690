import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { ProblemError, problem } from '../../shared/problem.ts'
import type { Secrets } from '../core/ports.ts'

const KeyFile = z.object({ version: z.literal(1), keys: z.record(z.string(), z.string()) })

/** The environment variable that holds an account's key: `night-shift` → `REELSHEET_KEY_NIGHT_SHIFT`. */
export const keyVariable = (account: string): string =>
  `REELSHEET_KEY_${account.toUpperCase().replaceAll('-', '_')}`

/** The key that the environment gives for an account; undefined when it gives none. */
export function keyFromEnvironment(account: string, environment: NodeJS.ProcessEnv): string | undefined {
  const key = environment[keyVariable(account)]?.trim()
  return key === undefined || key === '' ? undefined : key
}

/**
 * Keys for hosts without a system key store: from the environment, which wins and is never written down, or
 * from `<home>/keys.json`, which only its owner may read. Throws `key-missing` when that file is damaged,
 * so that adding a key never throws others away.
 */
export function createSecrets(home: string, environment: NodeJS.ProcessEnv): Secrets {
  const path = join(home, 'keys.json')
  return {
    read: (account) => keyFromEnvironment(account, environment) ?? readKeys(path).get(account),
    write: (account, key) => {
      writeKeys(path, home, readKeys(path).set(account, key))
      return 'in keys.json in the data folder, which only you can read'
    },
    remove: (account) => {
      const keys = readKeys(path)
      if (keys.delete(account)) writeKeys(path, home, keys)
    },
  }
}

/** A map: an account may be called `constructor`, which every plain object has. */
function readKeys(path: string): Map<string, string> {
  if (!existsSync(path)) return new Map()
  // SECURITY: a key file that was copied or restored with open rights is closed before it is used.
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600)
  try {
    return new Map(Object.entries(KeyFile.parse(JSON.parse(readFileSync(path, 'utf8'))).keys))
  } catch {
    // The cause may quote the file, and so a key: it is left out on purpose.
    throw new ProblemError(
      problem(
        'key-missing',
        `The key file ${path} cannot be read, so no kept key can be used. It was left as it is.`,
        'Move it away and give the keys again with "reelsheet accounts update NAME --ask-key", or set them in the environment.',
        { file: path },
      ),
    )
  }
}

/** Written beside and renamed: a crash leaves the old keys or the new ones, never half a file. */
function writeKeys(path: string, home: string, known: ReadonlyMap<string, string>): void {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const part = `${path}.part`
  rmSync(part, { force: true })
  // SECURITY: made for its owner only, before the first byte is in it.
  const file = openSync(part, 'wx', 0o600)
  try {
    writeSync(file, `${JSON.stringify({ version: 1, keys: Object.fromEntries(known) }, null, 2)}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(part, path)
}
