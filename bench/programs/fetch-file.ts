/** Fetches one file through the core's own door and tells its parent how long it took and what memory it held. */
import { setImmediate as turn } from 'node:timers/promises'
import { type Disk, realDisk } from '../../src/main/core/archive/disk.ts'
import {
  createTransferAgents,
  DEFAULT_TRANSFER_LIMITS,
  fetchOutput,
} from '../../src/main/core/archive/transfer.ts'
import { systemClock } from '../../src/main/core/system.ts'
import { peakBytes, residentBytes } from './memory.ts'

export interface FetchedFile {
  elapsedMs: number
  sha256: string
  idleBytes: number
  peakBytes: number
  /** Processor time of all threads. */
  userMs: number
  systemMs: number
}

const [url = '', partPath = '', syncing] = process.argv.slice(2)
const unsynced: Disk = {
  ...realDisk,
  open: async (path, how) => ({ ...(await realDisk.open(path, how)), sync: async () => undefined }),
}

const agents = createTransferAgents()
await turn()
const idleBytes = residentBytes()
const before = process.cpuUsage()
const start = performance.now()
const { sha256 } = await fetchOutput({
  ...DEFAULT_TRANSFER_LIMITS,
  url,
  identity: 'bench/task/0',
  partPath,
  allowLoopback: true,
  userAgent: 'Reelsheet/bench',
  onProgress: () => undefined,
  agents,
  disk: syncing === 'unsynced' ? unsynced : realDisk,
  checkpoint: () => undefined,
  clock: systemClock,
  signal: new AbortController().signal,
})
const elapsedMs = performance.now() - start
const spent = process.cpuUsage(before)
const fetched: FetchedFile = {
  elapsedMs,
  sha256,
  idleBytes,
  peakBytes: peakBytes(),
  userMs: spent.user / 1000,
  systemMs: spent.system / 1000,
}
await agents.close()
if (process.send) process.send(fetched)
else console.log(fetched)
process.disconnect?.()
