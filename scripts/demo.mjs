// `npm run demo`: the main job in the terminal, on the practice provider: no key, no network, no money.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { nodePath, root, setUp } from './setup.mjs'

setUp()
const done = spawnSync(nodePath(), [join(root, 'src/main/hosts/demo.ts'), ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
})
process.exit(done.status ?? 1)
