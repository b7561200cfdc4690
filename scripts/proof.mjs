// `npm run test:crash | test:faults | test:fuzz | test:soak`: the long proofs, with their counts printed.
// A part can be run alone: `node scripts/proof.mjs power --long`.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { nodePath, root, setUp } from './setup.mjs'

const [what, ...more] = process.argv.slice(2)
setUp()
if (what === 'power' || (what === 'crash' && more.includes('--long'))) getTracer()
const program = what === 'fuzz' ? ['test/fuzz/main.ts'] : ['test/proof/main.ts', what]
const [file, ...args] = program
const done = spawnSync(nodePath(), [join(root, file), ...args, ...more], { cwd: root, stdio: 'inherit' })
process.exit(done.status ?? 2)

/** A loss of power is worked out from the file calls that strace sees. Fetched on a Debian machine where we may. */
function getTracer() {
  const isThere = () => spawnSync('strace', ['--version'], { stdio: 'ignore' }).status === 0
  if (process.platform !== 'linux' || isThere()) return
  if (process.getuid?.() === 0) {
    process.stderr.write('Fetching strace to see what was on the disk when the power went …\n')
    const quiet = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
    spawnSync('apt-get', ['update', '-qq'], quiet)
    spawnSync('apt-get', ['install', '-y', '-qq', 'strace'], quiet)
  }
  if (!isThere()) process.stderr.write('strace cannot be had here: what needs it is left out, and said.\n')
}
