/** What a process uses, looked at from inside it. */
import { readdirSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

export interface Sample {
  /** Real milliseconds since the process began. */
  atMs: number
  /** After a full collection, where the process may ask for one. */
  heapBytes: number
  /** Buffers and the like, outside of the heap. */
  externalBytes: number
  rssBytes: number
  /** What keeps the process going, by kind and number. */
  resources: Record<string, number>
  /** Open files and sockets; 0 where the system does not tell. */
  openFiles: number
  /** Of the stretch since the last sample. A pause of the collection that was asked for does not count. */
  delayP99Ms: number
  delayMostMs: number
  /** Since the last restart, the few collections included. */
  delaySoFarP99Ms: number
}

export interface Sampling {
  take(): Sample
  /** What was before no longer counts for what is said of the event loop so far. */
  restart(): void
}

/** Starts to watch the event loop. */
export function startSampling(): Sampling {
  // They exist from their first use on, and are no leak.
  void [process.stdout, process.stderr, process.channel?.ref()]
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const soFar = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  soFar.enable()
  const take = (): Sample => {
    delay.disable()
    const [delayP99Ms, delayMostMs] = [delay.percentile(99) / 1e6, delay.max / 1e6]
    collect()
    const { heapUsed, external, rss } = process.memoryUsage()
    const sample = {
      atMs: performance.now(),
      heapBytes: heapUsed,
      externalBytes: external,
      rssBytes: rss,
      resources: countResources(),
      openFiles: countOpenFiles(),
      delayP99Ms,
      delayMostMs,
      delaySoFarP99Ms: soFar.percentile(99) / 1e6,
    }
    delay.reset()
    delay.enable()
    return sample
  }
  return { take, restart: () => soFar.reset() }
}

export function countResources(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo().sort()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** Needs `--expose-gc`. Twice: what was held by weak references goes with the second one. */
function collect(): void {
  const { gc } = globalThis as { gc?: () => void }
  gc?.()
  gc?.()
}

const countOpenFiles = (): number => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0)

/** For a process of its own that does nothing: how late the machine itself lets a timer be. */
export const IDLE_PROGRAM = `
  const delay = require('node:perf_hooks').monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  process.on('disconnect', () => process.exit())
  process.on('message', () => process.send(delay.percentile(99) / 1e6, () => process.exit()))
`
