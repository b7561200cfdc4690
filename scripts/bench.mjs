// `npm run bench`: measures the bars of speed and size. Names after `--` choose: `npm run bench -- import`.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { nodePath, root, setUp } from './setup.mjs'

setUp()
getTools()
const done = spawnSync(nodePath(), [join(root, 'bench/main.ts'), ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
})
process.exit(done.status ?? 2)

/** curl and aria2c are what downloads are measured against. Fetched on a Debian machine where we may, else named. */
function getTools() {
  const isThere = (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0
  const missing = [
    ['curl', 'curl'],
    ['aria2c', 'aria2'],
  ].filter(([command]) => !isThere(command))
  if (missing.length === 0) return
  const packages = missing.map(([, name]) => name)
  process.stderr.write(`Fetching ${packages.join(' and ')} to measure against …\n`)
  const quiet = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  spawnSync('apt-get', ['update', '-qq'], quiet)
  spawnSync('apt-get', ['install', '-y', '-qq', ...packages], quiet)
  const still = missing.filter(([command]) => !isThere(command)).map(([command]) => command)
  if (still.length > 0)
    process.stderr.write(`${still.join(' and ')} cannot be had here: what needs it is left out, and said.\n`)
}
