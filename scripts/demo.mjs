// `npm run demo`: the main job in the terminal, on the practice provider: no key, no network, no money.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { nodePath, root, setUp } from './setup.mjs'

setUp()
const child = spawn(nodePath(), [join(root, 'src/main/hosts/demo.ts'), ...process.argv.slice(2)], {
  cwd: root,
  // The channel tells the child when this process is gone, so that it never works on unseen.
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 130 : 1)))
