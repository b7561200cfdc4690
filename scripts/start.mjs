// `npm start`: opens the app. Until the window is built, the page of the browser host says what to do.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { nodePath, root, setUp } from './setup.mjs'

setUp()
process.stdout.write('The Electron window is not built yet, so Reelsheet opens in the browser.\n')
const child = spawn(
  nodePath(),
  [join(root, 'src/main/hosts/cli/main.ts'), 'serve', ...process.argv.slice(2)],
  { stdio: 'inherit' },
)
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 130 : 1)))
