// `npm run test:crash | test:faults | test:fuzz | test:soak`: the long proofs, with their counts printed.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { nodePath, root, setUp } from './setup.mjs'

const [what, ...more] = process.argv.slice(2)
setUp()
const program = what === 'fuzz' ? ['test/fuzz/main.ts'] : ['test/proof/main.ts', what]
const [file, ...args] = program
const done = spawnSync(nodePath(), [join(root, file), ...args, ...more], { cwd: root, stdio: 'inherit' })
process.exit(done.status ?? 2)
