/** A process that does nothing but see how late its timers are: the machine's share in a delay. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
process.send?.(0)
process.once('message', () => {
  process.send?.(delay.percentile(99) / 1e6)
  process.disconnect()
})
