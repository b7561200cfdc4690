/**
 * A start as a person has it: this process is begun, the core recovers and works, and the first page is
 * there. Tells its parent the times, and ends. `argv[2]`: the data folder.
 */
import { openCore } from './core.ts'

const begunAt = performance.now()
const app = openCore(process.argv[2] as string, true)
await app.start()
const startedAt = performance.now()
const { jobs, total } = await app.client.jobs.page({})
const shownAt = performance.now()
process.send?.({ rows: jobs.length, total, coreMs: shownAt - begunAt, pageMs: shownAt - startedAt })
await app.stop()
process.disconnect()
