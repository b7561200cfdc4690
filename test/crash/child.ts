/**
 * One life of the app, for the crash tests: imports the sheet if there is no run yet, works until nothing
 * moves, and says so. With REELSHEET_KILL_AT=point:n it kills itself, with no chance to tidy up, when the
 * n-th step passes that point.
 */
import { join } from 'node:path'
import { createApp } from '../../src/main/core/app.ts'
import type { CheckpointName } from '../../src/main/core/ports.ts'
import { systemClock, systemRandom } from '../../src/main/core/system.ts'

const [folder, sheet] = process.argv.slice(2) as [string, string]
const [point, nth] = (process.env.REELSHEET_KILL_AT ?? ':0').split(':') as [CheckpointName, string]
let passed = 0

function checkpoint(name: CheckpointName): void {
  if (name !== point) return
  passed += 1
  if (passed === Number(nth)) process.kill(process.pid, 'SIGKILL')
}

const quiet = () => {}
const app = createApp(
  {
    clock: systemClock,
    random: systemRandom,
    log: {
      debug: quiet,
      info: quiet,
      warn: quiet,
      error: (message, fields) => console.error(message, fields),
    },
    secrets: { read: () => undefined, write: () => 'nowhere', remove: quiet },
    checkpoint,
  },
  {
    home: join(folder, 'home'),
    version: '0.0.0-test',
    who: 'crash test',
    practice: {
      resources: join(import.meta.dirname, '../../resources/practice'),
      timing: { queueMs: 100, renderMsPerSecond: 100 },
    },
  },
)
await app.start()
const [known] = await app.client.runs.list()
const id =
  known?.id ?? (await app.client.runs.create({ path: sheet, archiveFolder: join(folder, 'archive') })).runId
if (known) {
  // A crash between the import's commit and the first look leaves nothing to do but to go on.
  await app.client.runs.resume({ id })
}
for (;;) {
  const { moving, waiting, finished } = await app.client.runs.attention({ id })
  if (moving === 0) {
    console.log(JSON.stringify({ waiting, finished }))
    break
  }
  await systemClock.sleep(50)
}
await app.stop()
