// Runs before anything is installed, on Node 20 with npm and nothing else.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamp = join(root, 'node_modules', '.reelsheet-set-up')

const wanted = () =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')

/** The project's own Node, which the sources need: they are TypeScript that Node runs as it is. */
export const nodePath = () =>
  join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')

/** Installs what the lock file names, once; does nothing when that is there already. */
export function setUp({ quiet = false } = {}) {
  if (existsSync(stamp) && existsSync(nodePath()) && readFileSync(stamp, 'utf8') === wanted()) return
  if (!quiet) process.stderr.write('Setting up Reelsheet (about 10 seconds, once) …\n')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const done = spawnSync(npm, ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (done.status !== 0) {
    process.stderr.write(`${done.stdout ?? ''}${done.stderr ?? ''}${done.error?.message ?? ''}\n`)
    process.stderr.write(
      'The set-up failed: the packages could not be installed. Is the npm registry reachable?\n',
    )
    process.exit(2)
  }
  writeFileSync(stamp, wanted())
}
