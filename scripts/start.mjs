// `npm start`: opens the app. Until the window is built, the page of the browser host says what to do.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { nodePath, root, setUp } from './setup.mjs'

setUp()
process.stdout.write('The window is not built yet, so Reelsheet is served to your browser.\n')
const child = spawn(
  nodePath(),
  [join(root, 'src/main/hosts/cli/main.ts'), 'serve', ...process.argv.slice(2)],
  // The channel tells the child when this process is gone, so that it never works on unseen.
  { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] },
)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 130 : 1)))
