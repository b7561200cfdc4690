#!/usr/bin/env node
// Plain JavaScript for Node 20: finds the Node that runs the sources and hands everything on to it.
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))))
const isWindows = process.platform === 'win32'
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']

if (!existsSync(join(root, 'node_modules'))) {
  const { setUp } = await import('../scripts/setup.mjs')
  await setUp({ quiet: false })
}

const child = spawn(findNode(), [join(root, 'src/main/hosts/cli/main.ts'), ...process.argv.slice(2)], {
  cwd: callerFolder(),
  // The channel tells the child when this process is gone, so that it never works on unseen.
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
})
let askedAt = 0
for (const signal of SIGNALS) {
  process.on(signal, () => {
    // The child ends by itself on the second wish; one that is stuck long after the first cannot.
    const isStuck = askedAt > 0 && Date.now() - askedAt > 10_000
    askedAt ||= Date.now()
    child.kill(isStuck ? 'SIGKILL' : signal)
  })
}
child.on('error', (error) => {
  process.stderr.write(`Reelsheet could not be started: ${error.message}\n`)
  process.exit(2)
})
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGKILL' ? 137 : 130)))

/** Npm starts scripts in the project's folder and says where the person was. */
function callerFolder() {
  const { npm_package_json: script, INIT_CWD: caller } = process.env
  return script === join(root, 'package.json') && caller ? caller : process.cwd()
}

function findNode() {
  const names = isWindows ? ['node/bin/node.exe', '.bin/node.cmd'] : ['node/bin/node', '.bin/node']
  const own = names.map((name) => join(root, 'node_modules', name)).find((path) => existsSync(path))
  if (own) return own
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  process.stderr.write('Reelsheet needs Node 24, which its set-up installs: run "npm ci" in its folder.\n')
  process.exit(2)
}
