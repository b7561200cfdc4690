/**
 * A core that waits, in a process of its own: half of its rows are paused, a quarter wait in the queue for a later
 * time, and a quarter are with the provider and read later. Tells the processor time of a window without work.
 * `argv[2]`: folder, number of jobs and window as JSON.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../src/main/core/system.ts'
import { openCore } from './open-core.ts'
import { ORDERS } from './orders.ts'

const LATER_MS = 3_600_000

const given = JSON.parse(process.argv[2] as string) as { folder: string; jobs: number; windowMs: number }
const app = openCore(given.folder, () => 'sk-none')
// Nobody listens there, and nobody is called: everything waits.
const account = await app.client.accounts.add({
  name: 'bench',
  family: 'evolink',
  baseUrl: 'http://127.0.0.1:9',
})
if (given.jobs > 0) await importWaiting()
await app.start()
// Until the backup and everything else of the start is over.
await systemClock.sleep(5_000)
const before = process.cpuUsage()
await systemClock.sleep(given.windowMs)
const { user, system } = process.cpuUsage(before)
process.send?.({ cpuMs: (user + system) / 1000 })
await app.stop()

async function importWaiting(): Promise<void> {
  const { store, clock } = app.core.engine
  for (const part of ['paused', 'later']) {
    const path = join(given.folder, `${part}.csv`)
    const { model, duration } = ORDERS.evolink.cells
    const rows = Array.from(
      { length: given.jobs / 2 },
      (_, row) => `a lake at dusk ${row},${model},${duration}`,
    )
    writeFileSync(path, ['prompt,model,duration', ...rows].join('\n'))
    const archiveFolder = join(given.folder, 'archive')
    mkdirSync(archiveFolder, { recursive: true })
    const { runId } = await app.client.runs.create({ path, archiveFolder, accounts: ['bench'] })
    if (part === 'paused') await app.client.runs.pause({ id: runId })
    else putOff(runId)
  }
  function putOff(runId: number): void {
    store.write(() => {
      for (const [index, job] of store.jobs.ofRun(runId).entries()) {
        const runAt = clock.now() + LATER_MS + index
        const version = job.version + 1
        const facts = { remoteId: `task-unified-${index}`, acceptedAt: clock.now() }
        if (index % 2 === 0) store.jobs.save({ ...job, runAt, version })
        else store.jobs.save({ ...job, ...facts, state: 'generating', runAt, version })
      }
    })
  }
  if (account.isPaused) throw new Error('the account was to work')
}
