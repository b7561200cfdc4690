/**
 * One run of the core in a process of its own, against a provider elsewhere: an account is added and a sheet
 * imported through the public door, the rows are released, and the time until all are done is told with the
 * delay of the event loop meanwhile. `argv[2]`: `CoreRun` as JSON.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { systemClock } from '../../src/main/core/system.ts'
import { openCore } from './open-core.ts'

export interface CoreRun {
  folder: string
  family: 'evolink' | 'vtrix'
  jobs: number
  /** Further columns of every row. */
  cells: Record<string, string>
  url: string
  key: string
  limits: { inFlight: number; perSecond: number; downloadsAtOnce: number }
}

export interface CoreRan {
  ms: number
  /** Milliseconds. */
  loopDelay: { p50: number; p99: number; most: number }
  cpuMs: number
}

const given = JSON.parse(process.argv[2] as string) as CoreRun
const app = openCore(given.folder, () => given.key)
await app.start()
const archiveFolder = join(given.folder, 'archive')
mkdirSync(archiveFolder)
await app.client.accounts.add({ name: 'bench', family: given.family, baseUrl: given.url })
liftLimits()
const runId = await importRows()

const delay = monitorEventLoopDelay({ resolution: 1 })
const cpuBefore = process.cpuUsage()
const startedAt = performance.now()
delay.enable()
await app.client.runs.start({ id: runId })
for (;;) {
  await systemClock.sleep(Math.max(20, given.jobs / 100))
  const { counts } = await app.client.runs.get({ id: runId })
  if (counts.failed || counts.unconfirmed) throw new Error(JSON.stringify(counts))
  if (counts.done === given.jobs) break
}
const ms = performance.now() - startedAt
delay.disable()
const cpu = process.cpuUsage(cpuBefore)
const inMs = (nanoseconds: number) => nanoseconds / 1e6
const ran: CoreRan = {
  ms,
  loopDelay: { p50: inMs(delay.percentile(50)), p99: inMs(delay.percentile(99)), most: inMs(delay.max) },
  cpuMs: (cpu.user + cpu.system) / 1000,
}
await app.stop()
process.send?.(ran)

/** Above what the contract lets a person set: 100 creates a second would be all that is measured. */
function liftLimits(): void {
  const { accounts } = app.core.engine.store
  const account = accounts.byName('bench')
  if (!account) throw new Error('the account was just added')
  const { inFlight, perSecond, downloadsAtOnce } = given.limits
  accounts.update({
    ...account,
    limits: {
      ...account.limits,
      inFlight,
      submitsPerSecond: perSecond,
      pollsPerSecond: perSecond,
      downloadsAtOnce,
    },
  })
}

async function importRows(): Promise<number> {
  const headers = Object.keys(given.cells)
  const lines = [['prompt', ...headers].join(',')]
  for (let row = 1; row <= given.jobs; row++)
    lines.push([`a lake at dusk ${row}`, ...headers.map((name) => `"${given.cells[name]}"`)].join(','))
  const path = join(given.folder, 'sheet.csv')
  writeFileSync(path, lines.join('\n'))
  const { runId, created, problems } = await app.client.runs.create({
    path,
    archiveFolder,
    isHeld: true,
    accounts: ['bench'],
  })
  if (created !== given.jobs) throw new Error(`only ${created} rows: ${JSON.stringify(problems[0])}`)
  return runId
}
