/**
 * The practice provider in a process of its own, so that its work is not counted as the core's:
 * tells its address and key once it listens, and stops when the message channel closes.
 * `argv[2]`: its folder; `argv[3]`: further options as JSON.
 */
import { join } from 'node:path'
import { systemClock, systemRandom } from '../../src/main/core/system.ts'
import { startPractice } from '../../src/practice/index.ts'

const [folder, more] = process.argv.slice(2) as [string, string]
const practice = await startPractice({
  folder,
  clock: systemClock,
  random: systemRandom,
  resources: join(import.meta.dirname, '../../resources/practice'),
  syncWrites: false,
  timing: { queueMs: 0, renderMsPerSecond: 0 },
  limits: { balanceCredits: 100_000_000, balanceUsd: 10_000_000 },
  ...JSON.parse(more),
})
process.send?.({ url: practice.url, key: practice.key })
process.once('disconnect', () => void practice.stop())
